"""The program ``relentropy``; one file a command.

Nothing but the standard library is imported until a command runs, so that ``--version`` answers
at once and an installation without the extra ``cli`` can say what is missing.
"""

import sys

__all__ = ["main"]

# What the extras bring; a missing one of these is a missing extra.
_EXTRAS = dict.fromkeys(("click", "duckdb", "jinja2", "narwhals", "rich"), "cli")
_EXTRAS |= {"matplotlib": "plot"}


def main() -> None:
    """Run the program and exit: 0 fine, 1 a limit exceeded, 2 usage or data error."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        import relentropy

        print(f"relentropy {relentropy.__version__}")
        sys.exit(0)
    try:
        from relentropy.cli.program import run

        code = run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRAS:
            raise
        extra = _EXTRAS[missing]
        what = "--plot" if extra == "plot" else " ".join(["relentropy", *_command()])
        print(
            f'{what} needs the extra "{extra}", and {missing} is not installed: '
            f"pip install 'relentropy[{extra}]'",
            file=sys.stderr,
        )
        code = 2
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _command() -> list[str]:
    """The command that was typed, if any."""
    return [word for word in sys.argv[1:2] if word.isalpha()]
