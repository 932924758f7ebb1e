"""The figures of finished runs: gathered from the metrics, kept as JSON, shown as a table."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from examples.grpo.settings import Settings
from examples.grpo.stage import read_metrics
from examples.grpo.working import share_worked_out

Results = dict[str, Any]

KEPT = {
    "accuracy": "held_out_accuracy",
    "accuracy_standard_error": "held_out_accuracy_standard_error",
    "drift_nats_per_answer": "held_out_drift_nats_per_answer",
    "drift_nats_per_answer_standard_error": "held_out_drift_nats_per_answer_standard_error",
}
"""What a point of a curve is called here and in the metrics. All of it is of held-out prompts."""


def seed_folder(out: Path, seed: int) -> Path:
    """Where a seed's stages are."""
    return out / f"seed-{seed}"


def gather(out: Path, settings: Settings, seeds: list[int], betas: list[float]) -> Results:
    """Every evaluation of every run; a run that is not finished is an error."""
    runs = []
    for seed in seeds:
        folder, mine = seed_folder(out, seed), replace(settings, seed=seed)
        imitation = finished(folder / "imitation.jsonl")
        runs.append(
            {
                "seed": seed,
                "imitation_steps": imitation[-1]["step"],
                "working": working(folder / "imitation.pt", mine),
                "curves": [
                    {
                        "beta": beta,
                        "points": points(folder / f"beta-{beta:g}.jsonl", settings.steps),
                        "working": working(folder / f"beta-{beta:g}.pt", mine),
                    }
                    for beta in betas
                ],
            }
        )
    return {
        "task": "two-digit addition, held-out prompts, answers drawn at temperature 1",
        "settings": settings.shared(),
        "runs": runs,
    }


def finished(path: Path, step: int | None = None) -> list[dict[str, Any]]:
    """The metrics of a stage that has come to this step."""
    lines = read_metrics(path) if path.exists() else []
    if not lines:
        raise ValueError(f"{path} is empty or not there; the command without 'plot' trains")
    at = lines[-1]["step"]
    if step is not None and at != step:
        raise ValueError(
            f"{path} is at step {at} of {step}; the command without 'plot' goes on training, "
            f"and --steps {at} takes it as it is"
        )
    return lines


def points(path: Path, steps: int) -> list[dict[str, float]]:
    """The evaluations of one run, in order."""
    return [
        {"step": line["step"]} | {name: round(line[key], 5) for name, key in KEPT.items()}
        for line in finished(path, steps)
        if "held_out_accuracy" in line
    ]


def working(checkpoint: Path, settings: Settings) -> dict[str, float]:
    """How many answers of a finished policy still show their working."""
    share, error = share_worked_out(checkpoint, settings)
    return {"share": round(share, 5), "standard_error": round(error, 5)}


def write(results: Results, path: Path) -> None:
    """As JSON that a person can read: one point a line."""
    text = json.dumps(results, indent=1, allow_nan=False)
    text = re.sub(r"\{[^{}]*\}", lambda innermost: " ".join(innermost[0].split()), text)
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """What `write` wrote."""
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    return results


def table(results: Results) -> str:
    """A row for each seed, in Markdown: right answers at the start and the end, and the drift."""
    header, rows = ["seed", "right at the start"], []
    for name in ("right", "drift"):
        header += [f"{name}, β = {curve['beta']:g}" for curve in results["runs"][0]["curves"]]
    for run in results["runs"]:
        ends = [curve["points"][-1] for curve in run["curves"]]
        start = run["curves"][0]["points"][0]
        rows.append([str(run["seed"]), *map(right, [start, *ends]), *map(nats, ends)])
    return markdown(header, rows)


def working_table(results: Results) -> str:
    """A row for each seed, in Markdown: the share of answers that show their working."""
    header = ["seed", "worked out at the start"]
    header += [f"worked out, β = {curve['beta']:g}" for curve in results["runs"][0]["curves"]]
    rows = [
        [str(run["seed"])]
        + [
            percent(part["working"]["share"], part["working"]["standard_error"])
            for part in (run, *run["curves"])
        ]
        for run in results["runs"]
    ]
    return markdown(header, rows)


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table, numbers to the right."""
    lines = [header, ["---:"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float, error: float) -> str:
    """A share with its standard error."""
    return f"{100 * share:.1f} ± {100 * error:.1f} %"


def right(point: dict[str, float]) -> str:
    """Accuracy with its standard error."""
    return percent(point["accuracy"], point["accuracy_standard_error"])


def nats(point: dict[str, float]) -> str:
    """Drift with its standard error."""
    error = point["drift_nats_per_answer_standard_error"]
    return f"{point['drift_nats_per_answer']:.2f} ± {error:.2f} nats"
