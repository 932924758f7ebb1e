"""Make the pictures of the main job: the terminal as SVG, the page as PNG.

Run ``python docs/images/make_images.py`` with the extras ``test`` and ``docs`` installed and
Chromium at hand (Debian: ``apt-get install chromium chromium-driver``).
"""

import io
import re
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from relentropy.compare import example_paths, tables
from relentropy.compare.report import html, text

HERE = Path(__file__).parent
WIDTH = 108
# The ranked table and the first column in detail.
END = "plane  categorical"


def draw_terminal(result: dict) -> str:
    """The first screen of the report. Without the fonts that rich would fetch from the web."""
    full = Console(file=io.StringIO(), width=WIDTH, force_terminal=True, color_system="truecolor")
    text.render(result, full)
    screen = Console(file=io.StringIO(), width=WIDTH, record=True)
    screen.print(Text("$ relentropy compare --example\n", style="bold"))
    for line in full.file.getvalue().splitlines():
        shown = Text.from_ansi(line)
        if shown.plain.startswith(END):
            break
        screen.print(shown)
    svg = screen.export_svg(title="relentropy")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def photograph_page(result: dict, path: Path) -> None:
    """The top of the page."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(html.render(result), encoding="utf-8")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        flags = ["headless", "no-sandbox", "disable-gpu", "hide-scrollbars"]
        for flag in [*flags, "disable-background-networking", "disable-component-update"]:
            options.add_argument(f"--{flag}")
        options.add_argument(f"--user-data-dir={folder}/profile")
        browser = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        try:
            size = {"width": 1200, "height": 1850, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.get(page.as_uri())
            browser.save_screenshot(str(path))
        finally:
            browser.quit()
    # A page has few colours: a third of the size, and nothing to see of it.
    Image.open(path).convert("P", palette=Image.Palette.ADAPTIVE, colors=256).save(
        path, optimize=True
    )


if __name__ == "__main__":
    result = tables(*example_paths()).to_dict()
    (HERE / "compare-terminal.svg").write_text(draw_terminal(result), encoding="utf-8")
    photograph_page(result, HERE / "compare-page.png")
