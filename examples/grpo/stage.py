"""A stage of a run on disk: a checkpoint to resume from, and metrics as JSON lines.

An interrupted stage goes back to its last checkpoint, metrics included, and then does exactly
what it would have done: its metrics are the same to the last bit.
"""

import json
import math
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from examples.grpo.model import Transformer
from examples.grpo.settings import Settings


class Stage:
    """A policy in training, with all that its next step depends on."""

    def __init__(
        self,
        folder: Path,
        name: str,
        settings: Settings,
        policy: Transformer,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.policy, self.optimizer, self.settings = policy, optimizer, settings
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.step, self.done, self.seconds = 0, False, 0.0
        self.checkpoint = folder / f"{name}.pt"
        self.metrics = folder / f"{name}.jsonl"
        self._since = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._resume()
        else:
            self.metrics.write_bytes(b"")

    def record(self, **values: float | None) -> None:
        """Append one line of metrics; JSON knows no NaN and no infinity, so these are null."""
        line = {"step": self.step} | {
            name: None if value is None or not math.isfinite(value) else value
            for name, value in values.items()
        }
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def save(self, *, done: bool = False) -> None:
        """Write the checkpoint; a crash at any moment leaves the old one or the new one."""
        self.done = done
        now = time.monotonic()
        self.seconds, self._since = self.seconds + now - self._since, now
        with self.metrics.open("a", encoding="utf-8") as file:
            os.fsync(file.fileno())
        state = {
            "settings": asdict(self.settings),
            "policy": self.policy.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "done": done,
            "seconds": self.seconds,
            "metrics_bytes": self.metrics.stat().st_size,
        }
        beside = self.checkpoint.with_suffix(".new")
        with beside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.checkpoint)

    def _resume(self) -> None:
        state = read_checkpoint(self.checkpoint, self.settings)
        self.policy.load_state_dict(state["policy"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.step, self.done, self.seconds = state["step"], state["done"], state["seconds"]
        # Lines after the checkpoint are of steps that are about to be taken again.
        if self.metrics.stat().st_size > state["metrics_bytes"]:
            os.truncate(self.metrics, state["metrics_bytes"])


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of metrics."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_checkpoint(path: Path, settings: Settings) -> dict[str, Any]:
    """What `Stage.save` wrote; a checkpoint of other settings is an error."""
    state: dict[str, Any] = torch.load(path, weights_only=True)
    # A finished run may go on for more steps: nothing before the last depends on their number.
    if state["settings"] | {"steps": settings.steps} != asdict(settings):
        raise ValueError(
            f"{path} was begun with other settings; choose another folder (--out), or remove it"
        )
    return state
