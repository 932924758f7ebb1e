"""The fenced blocks of a Markdown page, run in the order in which a reader meets them."""

import contextlib
import doctest
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FLAGS = doctest.ELLIPSIS
# A page wraps a long line of output where a terminal would.
SESSION = FLAGS | doctest.NORMALIZE_WHITESPACE
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w+-]*)[^\n`]*$")
# Installing is what a fresh machine does; .ci/run does it there.
_INSTALLS = ("pip install", "-m venv", "pre-commit install", "git clone", "-m pytest", ".ci/run")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of the page where its text begins."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Every page that a reader may follow."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, indentation taken off."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if opened is None:
            opened, lines, start = fence, [], number + 1
        elif line.strip() == opened["fence"]:
            found.append(Block(opened["language"], "\n".join(lines) + "\n", start))
            opened = None
        else:
            lines.append(line.removeprefix(opened["indent"]))
    assert opened is None, f"{page}: a fence is left open"
    return found


class Reader:
    """Somebody who types in a page from top to bottom, in an empty folder."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.environment = os.environ | {
            "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}",
            "COLUMNS": "80",
            "PYTHONIOENCODING": "utf-8",
        }

    def read(self, block: Block) -> None:
        """Run a block of Python or of a terminal; any other language is for the eyes."""
        name = f"{self.page.relative_to(ROOT)}:{block.line}"
        with contextlib.chdir(self.folder):
            if block.language in ("python", "pycon"):
                if block.text.lstrip().startswith(">>>"):
                    self._session(block, name)
                else:
                    code = "\n" * (block.line - 1) + block.text
                    exec(compile(code, str(self.page), "exec"), self.names)
            elif block.language == "console":
                self._terminal(block, name)
        assert block.language not in ("bash", "sh", "shell", "py", "pytb"), (
            f"{name}: write ```console with $ before a command, or ```python, so that it is run"
        )

    def _session(self, block: Block, name: str) -> None:
        test = doctest.DocTestParser().get_doctest(
            block.text, self.names, name, str(self.page), block.line - 1
        )
        complaints: list[str] = []
        runner = doctest.DocTestRunner(optionflags=SESSION)
        runner.run(test, out=complaints.append, clear_globs=False)
        self.names = test.globs
        assert not complaints, "".join(complaints)

    def _terminal(self, block: Block, name: str) -> None:
        steps = list(commands(block.text))
        if any(word in command for command, _ in steps for word in _INSTALLS):
            return
        code = 0
        for i, (command, expected) in enumerate(steps):
            if command == "echo $?":
                assert expected == [str(code)], f"{name}: exit code {code}, not {expected}"
                continue
            code, shown = self._run(command.replace(".venv/bin/", ""))
            asked = i + 1 < len(steps) and steps[i + 1][0] == "echo $?"
            fine = (0, 1) if "--fail-above" in command else (0,)
            assert asked or code in fine, f"{name}: $ {command}\nexit code {code}\n{shown}"
            if expected:
                assert_shown(expected, shown, f"{name}: $ {command}")

    def _run(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a terminal session, each with the lines shown below it."""
    command: str | None = None
    shown: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command, _trimmed(shown)
            command, shown = line[2:], []
        elif command is not None and command.endswith("\\"):
            command = command[:-1] + line.strip()
        else:
            shown.append(line)
    assert command is not None, f"no command in this block: it needs a line with '$ '\n{text}"
    yield command.partition("  #")[0].strip(), _trimmed(shown)


def _trimmed(lines: list[str]) -> list[str]:
    return "\n".join(lines).strip("\n").split("\n") if any(lines) else []


def assert_shown(expected: list[str], shown: str, where: str) -> None:
    """The page shows what the command says; ``...`` stands for anything."""
    want = "".join(f"{line.rstrip()}\n" for line in expected)
    got = "".join(f"{line.rstrip()}\n" for line in shown.strip("\n").splitlines())
    checker, example = doctest.OutputChecker(), doctest.Example("", want)
    if not checker.check_output(want, got, FLAGS):
        difference = checker.output_difference(example, got, FLAGS | doctest.REPORT_NDIFF)
        raise AssertionError(f"{where}\n{difference}")


def module_names() -> list[str]:
    """The modules of the package whose docstrings hold examples."""
    source = ROOT / "src"
    found = []
    for path in sorted((source / "relentropy").rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(source).with_suffix("").parts
            found.append(".".join(parts).removesuffix(".__init__"))
    return found
