"""One column in the terminal: its two histograms and the cells that moved most."""

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from relentropy.compare.report import sentences
from relentropy.compare.report.bars import Glyphs, columns_of_blocks, row_of_blocks
from relentropy.compare.report.numbers import share, signed
from relentropy.compare.report.view import Cell, Column, View
from relentropy.compare.visible import shorten

CELLS_SHOWN = 6
REFERENCE, CURRENT = "cyan", "yellow"
_MARGIN = 2
_BAR = 20
_SHARE = 8


def print_column(view: View, column: Column, console: Console, glyphs: Glyphs, style: str) -> None:
    """Print the title, the sentences, the histograms and the leading cells of ``column``."""
    title = Text(column.name, style="bold")
    title.append(f"  {column.kind}, ", style="dim")
    title.append(column.verdict.value, style=style)
    console.print(title)
    for sentence in _sentences(view, column):
        console.print(Padding(Text(glyphs.plain(sentence)), (0, 0, 0, _MARGIN)))
    width = console.width - _MARGIN
    drawn: list[RenderableType] = [Text()]
    if column.ordered:
        drawn += [_histogram(view, column, width, glyphs), Text()]
    drawn.append(_cells(view, column, width, glyphs))
    console.print(Padding(Group(*drawn), (0, 0, 0, _MARGIN)))


def _sentences(view: View, column: Column) -> list[str]:
    lines: list[str | None]
    lines = [f"{sentences.costs(view, column)} {sentences.noticing(view, column)}"]
    lines += [sentences.infinity(view, column), sentences.odd(view, column)]
    return [line for line in lines if line]


def _histogram(view: View, column: Column, width: int, glyphs: Glyphs) -> Group:
    cells = column.shape
    names = [shorten(view.reference, 20), shorten(view.current, 20)]
    margin = max(map(len, names)) + 2
    cell = max(min((width - margin) // len(cells), 3), 1)
    top = max(max(c.masses) for c in cells) or 1.0
    lines: list[Text] = []
    sides = [[c.reference / top for c in cells], [c.current / top for c in cells]]
    for name, heights, style in zip(names, sides, [REFERENCE, CURRENT], strict=True):
        *upper, base = columns_of_blocks(heights, 2, cell, glyphs)
        lines += [Text(" " * margin + line, style=style) for line in upper]
        lines.append(Text(name.ljust(margin)) + Text(base, style=style))
    lines.append(Text(" " * margin + _axis(cells, cell * len(cells)), style="dim"))
    for line in lines:
        line.no_wrap, line.overflow = True, "crop"
    return Group(*lines)


def _axis(cells: tuple[Cell, ...], width: int) -> str:
    first, last = shorten(cells[0].label, width // 2 - 1), shorten(cells[-1].label, width // 2 - 1)
    return first + last.rjust(width - len(first))


def _cells(view: View, column: Column, width: int, glyphs: Glyphs) -> Table:
    names = [shorten(name, 18 if width > 70 else 14) for name in (view.reference, view.current)]
    # A side takes its share and, where the cells have no histogram above, a bar in front.
    bar = 0 if column.ordered else max(min((width - 24 - 15) // 2 - _SHARE, _BAR), 4)
    side = [max(len(name), bar + _SHARE) for name in names]
    label = max(width - sum(side) - 15, 12)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("where it moved", min_width=min(label, 14), max_width=label, overflow="fold")
    for name in names:
        table.add_column(Text(name), justify="right", no_wrap=True)
    table.add_column(f"{view.unit}s", justify="right", no_wrap=True)
    decimals = sentences.table_decimals(view)
    shown = _leading(column.contributions)
    top = max((max(c.masses) for c in shown if not c.rest), default=1.0) or 1.0
    for cell in shown:
        row = [Text(cell.label)]
        for mass, style in zip(cell.masses, [REFERENCE, CURRENT], strict=True):
            length = 0.0 if cell.rest or not bar else mass / top
            blocks = Text(row_of_blocks(length, bar, glyphs).ljust(bar), style=style)
            row.append(blocks + Text(share(mass).rjust(_SHARE), style="default"))
        table.add_row(*row, Text(glyphs.plain(signed(cell.value, decimals))))
    return table


def _leading(cells: tuple[Cell, ...]) -> list[Cell]:
    """The first cells, and all others together so that the column still sums to the value."""
    if len(cells) <= CELLS_SHOWN + 1:
        return list(cells)
    rest = cells[CELLS_SHOWN:]
    others = Cell(
        label="(other)",
        reference=sum(c.reference for c in rest),
        current=sum(c.current for c in rest),
        value=sum(c.value for c in rest),
        rest=True,
    )
    return [*cells[:CELLS_SHOWN], others]
