"""What a report says in sentences, the same in the terminal and on the page."""

from collections.abc import Sequence

from relentropy.compare.report.numbers import (
    about,
    chosen,
    count,
    decimals_for,
    figures,
    fixed,
    percent,
    share,
)
from relentropy.compare.report.verdict import Verdict
from relentropy.compare.report.view import Column, Direction, View


def headline(view: View) -> str:
    """The answer first."""
    judged = len(view.columns)
    if not judged:
        return f"No column of {view.current} could be judged against {view.reference}."
    drifted = view.having(Verdict.DRIFTED)
    if drifted:
        most = "" if judged == 1 else f", most in {listed([c.name for c in drifted[:3]])}"
        return (
            f"{view.current} has moved from {view.reference} in {_of(len(drifted), judged)}{most}."
        )
    unclear = len(view.having(Verdict.UNCLEAR, Verdict.BORDERLINE))
    if unclear:
        return (
            f"No drift found in {view.current} against {view.reference}, but in "
            f"{_of(unclear, judged)} the rows are too few to rule it out."
        )
    return (
        f"{view.current} has not drifted from {view.reference} in "
        f"{'its only column' if judged == 1 else f'any of {judged} columns'}."
    )


def basis(view: View) -> str:
    """What the answer rests on."""
    reference, current = view.rows
    return (
        f"{count(reference)} rows in {view.reference}, {count(current)} in {view.current}. "
        f"Drifted: more than {limit(view)} a row with {percent(view.confidence)} confidence, "
        f"false discoveries held to {percent(view.false_discovery_rate)} over all columns."
    )


def forward_cost(view: View) -> str:
    """The first direction in words."""
    return f"extra {view.unit}s a row when {view.current} is coded with {view.reference}'s code"


def backward_cost(view: View) -> str:
    """The second direction in words."""
    return f"extra {view.unit}s a row when {view.reference} is coded with {view.current}'s code"


def limit(view: View) -> str:
    """The amount that matters, with its unit."""
    return f"{chosen(view.material)} {view.unit}"


def directions(view: View) -> str:
    """What the two figures of a column are."""
    return (
        f"The figures are {forward_cost(view)}; the reverse, when {view.reference} is coded "
        f"with {view.current}'s."
    )


def costs(view: View, column: Column) -> str:
    """Both directions of a column with their intervals."""
    return (
        f"{figures(column.forward.value)} extra {view.unit}s a row "
        f"({percent(view.confidence)} interval {span(column.forward)}) when {view.current} is "
        f"coded with {view.reference}'s code; the reverse costs "
        f"{figures(column.backward.value)} ({span(column.backward)})."
    )


def span(direction: Direction, decimals: int | None = None) -> str:
    """An interval in words or, with ``decimals``, as a cell of a table."""
    if decimals is None:
        return f"{figures(direction.low)} to {figures(direction.high)}"
    return f"{fixed(direction.low, decimals)}–{fixed(direction.high, decimals)}"


def infinity(view: View, column: Column) -> str | None:
    """What an infinite value says: something about these samples, not about the world."""
    sides = (
        (column.forward, view.current, view.reference),
        (column.backward, view.reference, view.current),
    )
    unseen = [_unseen(*side) for side in sides if side[0].infinite]
    if not unseen:
        return None
    if len(unseen) == 2:
        return (
            f"Infinite both ways in these samples: {' and '.join(unseen)}. "
            "The figures above are the finite estimates."
        )
    which = "first" if column.forward.infinite else "second"
    return (
        f"Infinite in these samples: {unseen[0]}. The {which} figure above is the finite estimate."
    )


def _unseen(direction: Direction, of: str, against: str) -> str:
    usual = direction.expected_unseen
    expected = "" if usual is None else f" ({share(usual)} would be usual without drift)"
    return (
        f"{share(direction.unseen)} of the rows of {of} hold values that {against} never showed"
        f"{expected}"
    )


def noticing(view: View, column: Column) -> str:
    """How soon the move shows, in rows."""
    needed = column.forward.rows_to_notice
    rows = about(needed)
    if needed is None:
        return "The estimate is 0: there is no move to notice."
    have = view.rows[1]
    if needed > have:
        return (
            f"It would take about {rows} rows of {view.current} to notice, "
            f"{chosen(float(f'{needed / have:.2g}'))} times those here."
        )
    enough = "A single one" if needed <= 1 else f"About {rows}"
    verb = "is" if needed <= 1 else "are"
    return f"{enough} of the {count(have)} rows of {view.current} {verb} enough to notice."


def odd(view: View, column: Column) -> str | None:
    """The rows outside a histogram, where there are any: missing, not a number, infinite."""
    cells = [cell for cell in column.histogram if cell.odd and not cell.rest]
    if not cells:
        return None
    shares = [
        f"{cell.label.strip('()')} in {share(cell.reference)} of {view.reference}, "
        f"{share(cell.current)} of {view.current}"
        for cell in cells
    ]
    return f"{capital('; '.join(shares))}."


def legend(view: View) -> list[tuple[Verdict, str]]:
    """The meaning of the verdicts that occur."""
    present = {column.verdict for column in view.columns}
    confidence = percent(view.confidence)
    return [(v, v.meaning(limit(view), confidence)) for v in Verdict if v in present]


def table_decimals(view: View) -> int:
    """Decimals of the figures in tables."""
    return decimals_for(view.material)


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def capital(sentence: str) -> str:
    """With its first letter large."""
    return sentence[:1].upper() + sentence[1:]


def plural(number: int, noun: str) -> str:
    """``1 column``, ``2 columns``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _of(part: int, whole: int) -> str:
    if whole == 1:
        return "its only column"
    if part == whole:
        return "both columns" if whole == 2 else f"all {whole} columns"
    return f"{part} of {whole} columns"
