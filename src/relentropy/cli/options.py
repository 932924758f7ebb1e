"""Values of options, each with an error that says what to type."""

import csv
import math
from collections.abc import Sequence

import click


def confidence(text: str) -> float:
    """A probability strictly between 0 and 1."""
    number = _number(text)
    if number is not None and 0 < number < 1:
        return number
    hint = f"; for {number:g} % type {number / 100:g}" if number and 1 < number < 100 else ""
    raise click.BadParameter(f"expected a number between 0 and 1, such as 0.95, got {text!r}{hint}")


def amount(text: str) -> float:
    """A finite number that is not negative."""
    number = _number(text)
    if number is not None and 0 <= number < math.inf:
        return number
    raise click.BadParameter(f"expected a finite number, 0 or more, such as 0.1, got {text!r}")


def logarithm_base(text: str) -> float:
    """A base of logarithms: a positive number but 1, or e."""
    number = math.e if text == "e" else _number(text)
    if number is not None and 0 < number < math.inf and number != 1:
        return number
    raise click.BadParameter(f"expected 2, e, 10 or another positive number but 1, got {text!r}")


def column_names(values: Sequence[str]) -> list[str] | None:
    """The columns asked for: one value is a comma-separated list, of several each is one name.

    In a list, double quotes keep a comma inside a name: ``'"price, net",tax'``.
    """
    if not values:
        return None
    if len(values) > 1:
        return list(values)
    names = next(csv.reader([values[0]], skipinitialspace=True), [""])
    return [name for name in names if name] or [values[0]]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
