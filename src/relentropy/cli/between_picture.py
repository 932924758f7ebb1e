"""The picture of `relentropy between`: P and Q, and below them what each place adds to D.

Continuous families are drawn as densities, families on whole numbers and lists of cells as bars.
An SVG follows the reader's light or dark theme; its text stays text.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from relentropy.cli.between_answer import Answer, Direction
from relentropy.cli.between_cells import Cells, cells_of
from relentropy.cli.between_text import amount
from relentropy.compare.visible import shorten

DEFAULT = "between.svg"
KINDS = (".svg", ".png", ".pdf")

_CREATOR = "relentropy between"
# Each colour is replaced by the second one where the reader's theme is dark.
_INK, _PALE, _PAPER = ("#1f2937", "#e5e7eb"), ("#9ca3af", "#6b7280"), ("#fffffe", "#111827")
_P, _Q = ("#3949ab", "#8c9eff"), ("#c2410c", "#ff9e6d")


def draw(answer: Answer, path: Path) -> None:
    """Draw the answer into a file whose name says the format."""
    cells = cells_of(answer)
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": _CREATOR,
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": _INK[0],
        "axes.labelcolor": _INK[0],
        "axes.edgecolor": _PALE[0],
        "axes.facecolor": "none",
        "hatch.color": _PALE[0],
        "xtick.color": _INK[0],
        "ytick.color": _INK[0],
    }
    kind = path.suffix.lower().removeprefix(".")
    metadata = {"svg": {"Creator": _CREATOR, "Date": None}, "png": {"Software": _CREATOR}}
    with mpl.rc_context(settings):
        figure = _figure(answer, cells)
        figure.savefig(
            path,
            format=kind,
            dpi=160,
            bbox_inches="tight",
            facecolor=_PAPER[0],
            metadata=metadata.get(kind, {"Creator": _CREATOR, "CreationDate": None}),
        )
    if kind == "svg":
        _follow_theme(path)


def is_ours(path: Path) -> bool:
    """Whether a file is a picture of an earlier run, which the next one may replace."""
    with path.open("rb") as file:
        return _CREATOR.encode() in file.read(4096)


def _figure(answer: Answer, cells: Cells) -> Figure:
    # No layout that is solved for: its last digits differ from run to run.
    figure = Figure(figsize=(7.2, 6.4))
    panels = figure.subplots(
        3, 1, sharex=True, height_ratios=[2, 1.2, 1.2], gridspec_kw={"hspace": 0.3}
    )
    _densities(panels[0], answer, cells)
    log = {2.0: "log₂", math.e: "ln"}.get(answer.unit.base, "log")
    backwards = replace(cells, log_p=cells.log_q, log_q=cells.log_p)
    _costs(panels[1], cells, answer.p_from_q, f"p {log}(p/q)", "D(P‖Q)", _P[0])
    _costs(panels[2], backwards, answer.q_from_p, f"q {log}(q/p)", "D(Q‖P)", _Q[0])
    _places(panels[2], cells)
    for panel in panels:
        panel.spines[["right", "top"]].set_visible(False)
    return figure


def _densities(panel: Axes, answer: Answer, cells: Cells) -> None:
    for letter, side, log_y, colour, shift in (
        ("P", answer.p, cells.log_p, _P[0], -0.2),
        ("Q", answer.q, cells.log_q, _Q[0], 0.2),
    ):
        name = _literal(f"{letter} = {shorten(side.text, 70)}")
        y = _drawable(np.exp(log_y))
        if cells.curve:
            panel.fill_between(cells.x, y, color=colour, alpha=0.18, linewidth=0)
            panel.plot(cells.x, y, color=colour, linewidth=1.8, label=name)
        elif cells.bars:
            panel.bar(cells.x + shift, y, width=0.38, color=colour, label=name)
        else:
            panel.step(cells.x, y, where="mid", color=colour, linewidth=1.2, label=name)
    panel.set_ylim(0, cells.top)
    dense = "density of ln x" if cells.logarithmic else "density"
    panel.set_ylabel(dense if cells.curve else "probability")
    panel.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)


def _costs(
    panel: Axes, cells: Cells, direction: Direction, term: str, name: str, colour: str
) -> None:
    """What each place adds to D: the integrand or the terms of the sum, and their total."""
    p = np.exp(cells.log_p)
    with np.errstate(invalid="ignore"):
        terms = np.where(p > 0, p * (cells.log_p - cells.log_q), 0.0) / direction.unit.nats
    y = _drawable(terms)
    panel.axhline(0, color=_PALE[0], linewidth=0.8)
    if cells.curve:
        panel.fill_between(cells.x, y, color=colour, alpha=0.3, linewidth=0)
        panel.plot(cells.x, y, color=colour, linewidth=1.4)
    elif cells.bars:
        panel.bar(cells.x, y, width=0.6, color=colour, alpha=0.8)
    else:
        panel.step(cells.x, y, where="mid", color=colour, linewidth=1.2)
    _limit(panel, y if cells.top is None else y[p <= cells.top])
    _mark_infinite(panel, cells, (p > 0) & np.isneginf(cells.log_q))
    what = "area" if cells.curve else "sum"
    total = amount(direction.value, direction.unit)
    panel.set_title(f"{term}:  {what} = {name} = {total}", loc="left", fontsize=10)


def _drawable(y: Any) -> Any:
    """Infinities are gaps."""
    return np.where(np.isfinite(y), y, np.nan)


def _limit(panel: Axes, y: Any) -> None:
    y = y[np.isfinite(y)]
    low, high = min(y.min(initial=0.0), 0.0), max(y.max(initial=0.0), 0.0)
    if low < high:
        panel.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))


def _mark_infinite(panel: Axes, cells: Cells, where: Any) -> None:
    """Where P has mass and Q none."""
    if not where.any():
        return
    across = panel.get_xaxis_transform()
    if cells.curve:
        panel.fill_between(
            cells.x, 0, 1, where=where, transform=across, facecolor="none", hatch="///", linewidth=0
        )
    for x in _middles(cells, where):
        panel.text(x, 0.5, "∞", transform=across, ha="center", va="center", fontsize=14)


def _middles(cells: Cells, where: Any) -> list[float]:
    """The middle of each stretch of places; each place itself where there are bars."""
    if cells.bars:
        return [float(x) for x in cells.x[where]]
    starts = np.flatnonzero(where & ~np.r_[False, where[:-1]])
    ends = np.flatnonzero(where & ~np.r_[where[1:], False])
    # A single place of a curve is the end of a support.
    found = [(a, b) for a, b in zip(starts, ends, strict=True) if b > a or not cells.curve]
    return [float(cells.x[(a + b) // 2]) for a, b in found]


def _places(panel: Axes, cells: Cells) -> None:
    """The axis under everything."""
    if cells.names is not None and cells.bars:
        slope = 0 if len(cells.names) * max(map(len, cells.names)) < 80 else 50
        panel.set_xticks(cells.x, [_literal(name) for name in cells.names], rotation=slope)
    else:
        panel.set_xlabel("cell" if cells.names is not None else "x")
        if not cells.curve:
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if cells.logarithmic:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(numticks=9))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    space = 0.0 if cells.curve else 0.6
    panel.set_xlim(cells.x[0] - space, cells.x[-1] + space)


def _literal(text: str) -> str:
    """No formula, whatever it looks like."""
    return text.replace("$", r"\$")


def _follow_theme(path: Path) -> None:
    """Give an SVG a style sheet that exchanges its colours where the reader's theme is dark."""
    text = path.read_text(encoding="utf-8")
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in (_INK, _PALE, _PAPER, _P, _Q)
        for what in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme:dark){{{rules}}}</style>"
    head, tag, rest = text.partition("<defs>")
    path.write_text(f"{head}{style}{tag}{rest}", encoding="utf-8", newline="\n")
