"""Writing results where a reader may have gone, and errors where people look."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from relentropy.compare.visible import visible_lines


class DataError(click.ClickException):
    """Something is wrong with the input: a message for people, exit code 2, no traceback."""

    exit_code = 2

    def format_message(self) -> str:
        """The message; what a terminal would obey is escaped."""
        return visible_lines(self.message)


def write(text: str) -> None:
    """Write a result to standard output.

    A reader that closed the pipe early has what it wanted, so that is no error and the exit code
    keeps telling the outcome of the comparison.
    """
    if sys.stdout is None:  # closed by the caller: `>&-`
        return
    with writing():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def writing() -> Iterator[None]:
    """What goes wrong with standard output inside is said in one sentence."""
    try:
        yield
    except OSError as error:
        # Python flushes once more when it exits; that must find an open file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise DataError(f"cannot write to standard output: {error.strerror}") from None


def without_trailing_spaces(text: str) -> str:
    """Text whose lines end where their last character does: kinder to diffs and mail."""
    return re.sub(r"[ ]+(?=\n)", "", text)


def tell(text: str) -> None:
    """Say something to the person at the terminal; results do not go here."""
    click.echo(visible_lines(text), err=True)
