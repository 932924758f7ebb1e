"""The program ``relentropy``; one file a command.

Nothing but the standard library is imported until a command runs, so that ``--version`` answers
at once and an installation without the extra ``cli`` can say what is missing.
"""

import sys

__all__ = ["main"]

# What the extra `cli` brings; a missing one of these is a missing extra.
_EXTRA = {"click", "duckdb", "jinja2", "narwhals", "rich"}


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
        if missing not in _EXTRA:
            raise
        print(
            'relentropy compare needs the extra "cli", and '
            f"{missing} is not installed: pip install 'relentropy[cli]'",
            file=sys.stderr,
        )
        code = 2
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
