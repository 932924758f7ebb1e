"""The report for terminals: the answer, a ranked table, and where the leading columns moved."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from relentropy.compare.report import sentences
from relentropy.compare.report.bars import Glyphs, labels, whisker
from relentropy.compare.report.numbers import about, chosen, fixed, percent
from relentropy.compare.report.scale import Scale
from relentropy.compare.report.text_column import print_column
from relentropy.compare.report.verdict import Verdict
from relentropy.compare.report.view import Aside, Column, Direction, View, read

ROWS_SHOWN = 40
DETAILS_SHOWN = 3
WIDE = 110
_AXIS = 21

_STYLES = {
    Verdict.DRIFTED: "bold red",
    Verdict.BORDERLINE: "yellow",
    Verdict.SLIGHT: "cyan",
    Verdict.UNCLEAR: "magenta",
    Verdict.STEADY: "green",
}


def render(result: Mapping[str, Any], console: Console) -> None:
    """Print the report of ``result`` on ``console``; it fits from 80 columns on.

    Nothing in it is read as markup, and what a terminal would obey is shown escaped.
    """
    view = read(result)
    glyphs = Glyphs.of(console)
    say = _Voice(console, glyphs)
    say(sentences.headline(view), "bold")
    say(sentences.basis(view), "dim")
    if view.columns:
        say()
        say(sentences.capital(sentences.forward_cost(view)) + ":", "")
        table, gone = _ranking(view, console, glyphs)
        console.print(table)
        _print_legend(view, say, reverse=gone < 3, picture=gone < 2)
    for column in view.having(Verdict.DRIFTED)[:DETAILS_SHOWN]:
        say()
        print_column(view, column, console, glyphs, _STYLES[column.verdict])
    _print_asides("Keys, not judged", view.keys, say, console)
    _print_asides("Skipped", view.skipped, say, console)
    for number, note in enumerate(view.notes):
        if number == 0:
            say()
        say(f"Note: {note}", "dim")


class _Voice:
    """Prints sentences of our own, in the characters the console has."""

    def __init__(self, console: Console, glyphs: Glyphs) -> None:
        self.console = console
        self.glyphs = glyphs

    def __call__(self, sentence: str = "", style: str = "") -> None:
        self.console.print(Text(self.glyphs.plain(sentence), style=style))


class _Figure(NamedTuple):
    """A column of the ranked table."""

    header: str
    cell: Callable[[Column], Text]
    justify: Literal["left", "right"] = "right"
    spare: int = 0
    """The order in which columns leave a narrow table; 0 stays."""


def _figures(view: View, glyphs: Glyphs) -> list[_Figure]:
    decimals = sentences.table_decimals(view)
    scale = Scale(view.columns, view.material)
    ticks = [(scale.at(amount), chosen(amount)) for amount in scale.ticks(_AXIS // 5)]

    def amount(direction: Direction) -> Text:
        mark = f" {glyphs.infinity}" if direction.infinite else ""
        return Text(fixed(direction.value, decimals) + mark.ljust(len(glyphs.infinity) + 1))

    def picture(column: Column) -> Text:
        forward = column.forward
        low, value, high = map(scale.at, (forward.low, forward.value, forward.high))
        drawn = whisker(low, value, high, scale.at(view.material), _AXIS, glyphs)
        shown = Text(drawn, style=_STYLES[column.verdict])
        shown.highlight_words([glyphs.whisker[-1]], style="dim not bold default")
        return shown

    def interval(column: Column) -> Text:
        return Text(glyphs.plain(sentences.span(column.forward, decimals)))

    def word(column: Column) -> Text:
        return Text(column.verdict.value, style=_STYLES[column.verdict])

    def floor(column: Column) -> Text:
        return Text(fixed(column.forward.noise_floor, decimals))

    def shannon(column: Column) -> Text:
        return Text(fixed(column.jensen_shannon, decimals))

    return [
        _Figure("\nverdict", word, "left"),
        _Figure(f"{view.unit}s  \na row  ", lambda column: amount(column.forward)),
        _Figure("\n" + labels(ticks, _AXIS), picture, "left", spare=2),
        _Figure(f"{percent(view.confidence)}\ninterval", interval),
        _Figure("noise\nfloor", floor),
        _Figure(
            "rows to\nnotice",
            lambda column: Text(glyphs.plain(about(column.forward.rows_to_notice))),
        ),
        _Figure("the  \nreverse  ", lambda column: amount(column.backward), spare=3),
        _Figure("Jensen-\nShannon", shannon, spare=1),
    ]


def _ranking(view: View, console: Console, glyphs: Glyphs) -> tuple[Table, int]:
    """The widest ranked table that fits, and how many kinds of figures had to leave."""
    figures = _figures(view, glyphs)
    for gone in range(max(f.spare for f in figures) + 1):
        table = _table(view, [f for f in figures if not 0 < f.spare <= gone], console.width)
        if (
            console.measure(table, options=console.options.update(width=1000)).maximum
            <= console.width
        ):
            break
    return table, gone


def _table(view: View, figures: list[_Figure], width: int) -> Table:
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 1 + wide, 0, 0), header_style="dim")
    table.add_column("\ncolumn", overflow="fold", max_width=40 if wide else 22)
    for figure in figures:
        table.add_column(figure.header, justify=figure.justify, no_wrap=True)
    for column in view.columns[:ROWS_SHOWN]:
        table.add_row(Text(column.name), *(figure.cell(column) for figure in figures))
    return table


def _print_legend(view: View, say: _Voice, *, reverse: bool, picture: bool) -> None:
    more = view.columns[ROWS_SHOWN:]
    if more:
        say(f"and {sentences.plural(len(more), 'column')} more, each with less drift", "dim")
    say()
    for verdict, meaning in sentences.legend(view):
        line = Text(verdict.value.ljust(12), style=_STYLES[verdict])
        say.console.print(_hanging(line, Text(meaning, style="dim"), 12))
    about_figures = (
        "The noise floor is what chance alone would show at these sample sizes. "
        "Rows to notice: how many new rows give the move away."
    )
    say(about_figures, "dim")
    if picture:
        mark = say.glyphs.whisker[-1]
        say(f"{mark} marks {sentences.limit(view)}; beyond it the scale is logarithmic.", "dim")
    if reverse:
        say(f"The reverse: {sentences.backward_cost(view)}.", "dim")
    if any(c.forward.infinite or c.backward.infinite for c in view.columns):
        say(
            "∞: some values never occur on the other side; the figure is the finite estimate.",
            "dim",
        )


def _print_asides(title: str, asides: tuple[Aside, ...], say: _Voice, console: Console) -> None:
    if not asides:
        return
    say()
    say(title, "bold")
    width = min(max(len(aside.name) for aside in asides), 30)
    for aside in asides[:ROWS_SHOWN]:
        console.print(_hanging(Text(aside.name), Text(aside.reason, style="dim"), width + 4, 2))
    if len(asides) > ROWS_SHOWN:
        say(f"  and {len(asides) - ROWS_SHOWN:,} more", "dim")


def _hanging(left: Text, right: Text, width: int, indent: int = 0) -> Padding:
    """``left`` in a margin of ``width``, ``right`` beside it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=width - 2 - indent, overflow="fold")
    grid.add_column()
    grid.add_row(left, right)
    return Padding(grid, (0, 0, 0, indent))
