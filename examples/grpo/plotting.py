"""The picture: how often the policy is right against how far it went from its reference."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "grpo", "font.size": 11}

from matplotlib import pyplot  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

from examples.grpo.results import Results  # noqa: E402

COLOURS = ("#c2410c", "#3949ab", "#0f766e", "#a21caf")


def draw(results: Results, target: Path) -> None:
    """All seeds in one panel, a colour for each β; a dot is the end of a run."""
    figure, panel = pyplot.subplots(figsize=(7.2, 4.2))
    betas = [curve["beta"] for curve in results["runs"][0]["curves"]]
    for beta, colour in zip(betas, COLOURS, strict=False):
        curves = [
            curve["points"]
            for run in results["runs"]
            for curve in run["curves"]
            if curve["beta"] == beta
        ]
        for i, points in enumerate(curves):
            _curve(panel, points, colour, f"GRPO, β = {beta:g}" if i == 0 else None)
    _starts(panel, results)
    panel.set_xlabel("drift: KL(policy‖reference), nats per answer")
    panel.set_ylabel("right answers to held-out prompts, %")
    panel.spines[["right", "top"]].set_visible(False)
    panel.set_xlim(left=-0.1)
    panel.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def _curve(panel: Axes, points: list[dict[str, Any]], colour: str, label: str | None) -> None:
    x = [point["drift_nats_per_answer"] for point in points]
    y = [100 * point["accuracy"] for point in points]
    last = [len(points) - 1]
    panel.plot(x, y, "o-", markevery=last, color=colour, linewidth=1.3, alpha=0.8, label=label)


def _starts(panel: Axes, results: Results) -> None:
    """Where imitation ended: no drift yet."""
    starts = [run["curves"][0]["points"][0] for run in results["runs"]]
    x = [point["drift_nats_per_answer"] for point in starts]
    y = [100 * point["accuracy"] for point in starts]
    panel.plot(
        x,
        y,
        "D",
        color="#374151",
        markersize=6,
        label="start: the reference",
        zorder=3,
    )
