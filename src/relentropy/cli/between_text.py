"""The answer of `relentropy between` in words, and its figures in a table."""

import math

from rich.console import Console
from rich.text import Text

from relentropy.cli.between_answer import NUMERIC, NUMERIC_ERROR, Answer, Direction, Unit
from relentropy.compare.report.bars import Glyphs
from relentropy.compare.report.numbers import about, figures

_NAME = 40
"""Characters up to which a distribution is called by its specification in a sentence."""
_PROMISE = f"{NUMERIC_ERROR:.0e}".replace("e-0", "e-")
_DIGITS = 10
"""Significant digits shown; quadrature promises nine."""


def render(answer: Answer, console: Console) -> None:
    """Print the answer on `console`."""
    glyphs = Glyphs.of(console)

    def say(sentence: str = "", style: str = "") -> None:
        console.print(Text(_plain(sentence, glyphs), style=style))

    p, q = (
        side.text if len(side.text) <= _NAME else letter
        for letter, side in (("P", answer.p), ("Q", answer.q))
    )
    for letter, side in (("P", answer.p), ("Q", answer.q)):
        say(f"{letter} = {side.text}")
    say()
    say(_cost(p, q, answer.p_from_q, answer.p.draw[0]), "bold")
    say(_cost(q, p, answer.q_from_p, answer.q.draw[0]), "bold")
    say()
    for name, value in _figures(answer):
        say(f"{name:<15}{value}")
    say()
    for sentence in [*_how(answer), *_notice(answer)]:
        say(sentence, "dim")


def _cost(one: str, other: str, direction: Direction, draw: str) -> str:
    data = f"Data from {one} coded for {other} cost"
    if direction.value == 0:
        return f"{data} no more than need be."
    if direction.value == math.inf:
        return f"{data} infinitely much: {direction.why}."
    return f"{data} {amount(direction.value, direction.unit)} a {draw} more than need be."


def amount(value: float, unit: Unit) -> str:
    """A value to three digits with its unit: ``0.126 bits``, ``1 bit``, ``∞``."""
    if value == math.inf:
        return "∞"
    shown = f"{value:g}" if value in (0, 1) else figures(value)
    return f"{shown} {unit.name if value == 1 and unit.name else unit.plural}"


def _figures(answer: Answer) -> list[tuple[str, str]]:
    """The values with all the digits that are worth it."""
    unit = answer.unit.plural
    named = [("D(P‖Q)", answer.p_from_q.value), ("D(Q‖P)", answer.q_from_p.value)]
    if answer.jensen_shannon is not None:
        named.append(("Jensen–Shannon", answer.jensen_shannon))
    width = _DIGITS + 4
    return [
        (name, f"{'∞':>{width}}" if x == math.inf else f"{figures(x, _DIGITS):>{width}} {unit}")
        for name, x in named
    ]


def _how(answer: Answer) -> list[str]:
    """How the values were found."""
    found: dict[str, list[str]] = {}
    for name, direction in (("D(P‖Q)", answer.p_from_q), ("D(Q‖P)", answer.q_from_p)):
        rule = direction.rule
        if rule.kind == "support":
            text = "by the supports and tails, without an integral."
        else:
            agree = f"; two rules agree to {_PROMISE}" if rule.kind in NUMERIC else ""
            kind = "a formula" if rule.kind == "closed" else rule.kind
            text = f"by {kind}: {rule.formula.rstrip('.')}{agree}."
        found.setdefault(text, []).append(name)
    return [f"{' and '.join(names)} {text}" for text, names in found.items()]


def _notice(answer: Answer) -> list[str]:
    """How many draws tell the two apart."""
    parts = []
    for one, other, direction in (("P", "Q", answer.p_from_q), ("Q", "P", answer.q_from_p)):
        draws = direction.draws_to_notice()
        if draws is not None:
            noun = answer.p.draw[draws > 1]
            parts.append(f"{about(draws)} {noun} from {one} to rule out {other}")
    return [f"It takes about {' or '.join(parts)}."] if parts else []


def _plain(text: str, glyphs: Glyphs) -> str:
    return text if glyphs.unicode else glyphs.plain(text).replace("‖", "||")
