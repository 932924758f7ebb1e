"""The commands together, and what an exception means for the exit code."""

import io
import os
import sys

import click

import relentropy
from relentropy.cli.between import between
from relentropy.cli.compare import compare


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(relentropy.__version__, "-V", "--version", message="relentropy %(version)s")
def program() -> None:
    """Relative entropy: how far one data set or distribution is from another, in bits."""


program.add_command(between)
program.add_command(compare)


def run() -> int:
    """Run the command line of this process; return the exit code.

    Ctrl-C gives 130 without a word. A reader that closes the pipe early (``| head``) has what it
    wanted: the exit code stays that of the comparison.
    """
    for stream in (sys.stdout, sys.stderr):
        # A console without a character gets its escape, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = program.main(prog_name="relentropy", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code or 0
