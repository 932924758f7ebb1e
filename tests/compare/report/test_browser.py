"""The page in Chromium: opened from disk, sorted, with JavaScript and without."""

import json
import time

import pytest

from relentropy.compare.report import html
from tests.tools import require_tool

from .hostile import HOSTILE
from .results import bell, column, result

pytestmark = pytest.mark.browser

REMEDY = "on Debian: apt-get install chromium chromium-driver"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Start Chromium: a function of options; every browser is closed in the end."""
    chromium = require_tool("chromium", REMEDY)
    chromedriver = require_tool("chromedriver", REMEDY)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    browsers = []

    def open_browser(*, javascript=True):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        if not javascript:
            blocked = {"profile.managed_default_content_settings.javascript": 2}
            options.add_experimental_option("prefs", blocked)
        browsers.append(webdriver.Chrome(options=options, service=Service(chromedriver)))
        return browsers[-1]

    yield open_browser
    for browser in browsers:
        browser.quit()


@pytest.fixture(scope="module")
def browser(start):
    return start()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with hostile names among the good ones."""
    good = result()["columns"]
    bad = [
        column(name, [name, "b"], [1, 9], [9, 1], kind="categorical", resolution=name)
        for name in HOSTILE
    ]
    bad += [bell(name, 1.0) for name in HOSTILE[:6]]
    hostile = [{"name": name, "reason": name} for name in HOSTILE]
    text = html.render(
        result(good + bad, keys=hostile, skipped=hostile, notes=HOSTILE, reference=HOSTILE[0])
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def names(browser):
    cells = browser.find_elements("css selector", ".ranking tbody th")
    return [cell.text for cell in cells]


def figures(browser, column):
    cells = browser.find_elements("css selector", f".ranking tbody td:nth-child({column})")
    return [float(cell.get_attribute("data-sort")) for cell in cells]


def header(browser, number):
    return browser.find_element("css selector", f".ranking thead th:nth-child({number})")


def test_no_errors_no_violations_no_requests(browser, page):
    browser.get("about:blank")
    browser.get_log("performance")  # what Chromium's own start page asked for
    browser.get(page.as_uri())
    time.sleep(0.5)  # a smuggled onerror or timer would have run by now
    assert browser.get_log("browser") == []
    assert browser.title.startswith("flights-july has moved from")
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert requests == {page.as_uri()}


def test_a_click_on_a_header_sorts_and_says_so(browser, page):
    browser.get(page.as_uri())
    ranked = names(browser)
    first = header(browser, 1)
    first.find_element("css selector", "button").click()
    assert first.get_attribute("aria-sort") == "ascending"
    assert names(browser) != ranked
    status = browser.find_element("css selector", "[role=status]")
    assert status.get_attribute("textContent") == "Sorted by Column, ascending."

    header(browser, 3).find_element("css selector", "button").click()
    assert first.get_attribute("aria-sort") is None
    assert figures(browser, 3) == sorted(figures(browser, 3), reverse=True)


def test_the_keyboard_sorts_too(browser, page):
    from selenium.webdriver.common.keys import Keys

    browser.get(page.as_uri())
    rows = header(browser, 7)
    button = rows.find_element("css selector", "button")
    button.send_keys(Keys.ENTER)
    assert figures(browser, 7) == sorted(figures(browser, 7))
    button.send_keys(Keys.SPACE)
    assert rows.get_attribute("aria-sort") == "descending"
    assert figures(browser, 7) == sorted(figures(browser, 7), reverse=True)


def test_rank_order_comes_back(browser, page):
    browser.get(page.as_uri())
    ranked = names(browser)
    header(browser, 1).find_element("css selector", "button").click()
    header(browser, 4).find_element("css selector", "button").click()
    assert names(browser) == ranked


def test_a_link_leads_to_the_card(browser, page):
    browser.get(page.as_uri())
    link = browser.find_element("css selector", ".ranking tbody a")
    name = link.text
    link.click()
    target = browser.find_element("css selector", ".card:target h3")
    assert target.text == name


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_the_page_itself_never_scrolls_sideways(browser, page, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.get(page.as_uri())
        root = browser.find_element("css selector", "html")
        assert int(root.get_property("scrollWidth")) <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_works_without_javascript(start, page):
    browser = start(javascript=False)
    browser.get(page.as_uri())
    assert browser.find_elements("css selector", "thead button") == []
    assert "dest" in names(browser)
    assert browser.find_element("css selector", ".histogram path").is_displayed()
