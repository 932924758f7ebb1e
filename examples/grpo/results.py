"""The figures of finished runs: gathered from the metrics, kept as JSON, shown as a table."""

import json
import re
from pathlib import Path
from typing import Any

from examples.grpo.settings import Settings
from examples.grpo.stage import read_metrics

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
        folder = seed_folder(out, seed)
        imitation = finished(folder / "imitation.jsonl")
        curves = [
            {"beta": beta, "points": points(folder / f"beta-{beta:g}.jsonl", settings.steps)}
            for beta in betas
        ]
        runs.append({"seed": seed, "imitation_steps": imitation[-1]["step"], "curves": curves})
    return {
        "task": "two-digit addition, held-out prompts, answers drawn at temperature 1",
        "settings": settings.shared(),
        "runs": runs,
    }


def finished(path: Path, step: int = 0) -> list[dict[str, Any]]:
    """The metrics of a stage that has come to this step."""
    lines = read_metrics(path) if path.exists() else []
    if not lines or lines[-1]["step"] < step:
        at = f"is at step {lines[-1]['step']} of {step}" if lines else "is empty or not there"
        raise ValueError(f"{path} {at}; the command without 'plot' trains, or goes on training")
    return lines


def points(path: Path, steps: int) -> list[dict[str, float]]:
    """The evaluations of one run, in order."""
    return [
        {"step": line["step"]} | {name: round(line[key], 5) for name, key in KEPT.items()}
        for line in finished(path, steps)
        if "held_out_accuracy" in line
    ]


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
    betas = [curve["beta"] for curve in results["runs"][0]["curves"]]
    header = ["seed", "right at the start"]
    for beta in betas:
        header += [f"right, β = {beta:g}", f"drift, β = {beta:g} (nats)"]
    rows = [header, ["---:"] * len(header)]
    for run in results["runs"]:
        ends = [curve["points"][-1] for curve in run["curves"]]
        start = run["curves"][0]["points"][0]
        rows.append([str(run["seed"]), share(start)])
        for end in ends:
            rows[-1] += [share(end), nats(end)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def share(point: dict[str, float]) -> str:
    """Accuracy in per cent, with its standard error."""
    return f"{point['accuracy']:.1%} ± {100 * point['accuracy_standard_error']:.1f}"


def nats(point: dict[str, float]) -> str:
    """Drift with its standard error."""
    error = point["drift_nats_per_answer_standard_error"]
    return f"{point['drift_nats_per_answer']:.2f} ± {error:.2f}"
