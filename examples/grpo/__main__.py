"""python -m examples.grpo [train|plot]: see docs/grpo-run.md."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from examples.grpo import results as figures
from examples.grpo.settings import BETAS, SEEDS, Settings, quick
from examples.grpo.training import Report, imitate, reinforce


def arguments(given: list[str] | None) -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.grpo",
        description="A small transformer learns to add two numbers: by imitation, then by GRPO "
        "with and without a price on its drift. An interrupted run goes on where it was.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        default="train",
        choices=["train", "plot"],
        help="train, then plot (the default); or plot what is in the folder already",
    )
    parser.add_argument(
        "--seed",
        type=int,
        nargs="+",
        default=[SEEDS[0]],
        help=f"one or several; the documented figures are of {' '.join(map(str, SEEDS))}",
    )
    parser.add_argument(
        "--beta",
        type=float,
        nargs="+",
        default=list(BETAS),
        help="prices of a nat of drift, one run each (default: %(default)s)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        help=f"of GRPO (default: {Settings.steps}); with more, a finished run goes on",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("grpo-run"),
        help="folder of checkpoints, metrics, figures and plot (default: %(default)s)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few seconds, on small numbers: to see that it works",
    )
    typed = parser.parse_args(given)
    for beta in typed.beta:
        if not 0 <= beta < float("inf"):
            parser.error(f"--beta is {beta}; expected a number of at least 0")
    return typed


def settings_of(seed: int, typed: argparse.Namespace) -> Settings:
    """The settings of one seed."""
    settings = quick(seed) if typed.quick else Settings(seed=seed)
    return settings if typed.steps is None else replace(settings, steps=typed.steps)


def train(typed: argparse.Namespace) -> None:
    """Every seed: imitation once, then GRPO for each β from the same start."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for seed in typed.seed:
            settings = settings_of(seed, typed)
            folder = figures.seed_folder(typed.out, seed)
            report = bar(progress, f"seed {seed}, imitation", settings.imitation_steps)
            reference = imitate(folder, settings, report)
            for beta in typed.beta:
                report = bar(progress, f"seed {seed}, GRPO β = {beta:g}", settings.steps)
                reinforce(folder, settings, reference, beta, report)


def bar(progress: Progress, what: str, total: int) -> Report:
    """A line of the display; returns the function that moves it."""
    line = progress.add_task(what, total=total, said="")

    def report(step: int, said: str = "", done: bool = False) -> None:
        progress.update(line, completed=step, said=said or progress.tasks[line].fields["said"])
        if done:  # imitation may end before its last step
            progress.update(line, total=step)

    return report


def plot(typed: argparse.Namespace) -> None:
    """The tables, the figures as JSON, and the picture, of what is in the folder."""
    settings = settings_of(typed.seed[0], typed)
    results = figures.gather(typed.out, settings, typed.seed, typed.beta)
    from examples.grpo.plotting import draw  # matplotlib takes a second, and training needs none

    numbers, picture = typed.out / "results.json", typed.out / "reward-drift.svg"
    figures.write(results, numbers)
    draw(results, picture)
    print(figures.table(results), figures.working_table(results), sep="\n\n")
    say(f"\nFigures: {numbers}\nPicture: {picture}")


def say(words: str) -> None:
    """Beside the table, which may be piped somewhere."""
    print(words, file=sys.stderr)


def main(given: list[str] | None = None) -> int:
    """Run what was typed; the exit status."""
    typed = arguments(given)
    # One thread: then the figures are the same on any number of cores.
    torch.set_num_threads(1)
    try:
        if typed.command == "train":
            train(typed)
        plot(typed)
    except KeyboardInterrupt:
        say("Interrupted; the same command goes on from the last checkpoint.")
        return 130
    except (ValueError, OSError) as error:
        say(f"error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
