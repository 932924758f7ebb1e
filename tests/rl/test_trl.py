"""The recipe for TRL: its penalty is ours, in value, gradient, normalisation and log.

Needs an environment with TRL, see .ci/run: pip install '.[trl]', then pytest -m trl.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is downloaded

pytestmark = [
    pytest.mark.trl,
    # What TRL and transformers deprecate of each other is theirs to settle.
    pytest.mark.filterwarnings("ignore::FutureWarning:transformers"),
]

ROOT = Path(__file__).parents[2]
LOSSES = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "vespo", "luspo"]


@pytest.fixture(scope="module")
def recipe() -> Any:
    pytest.importorskip("trl", reason="TRL is not installed: pip install '.[trl]'")
    return importlib.import_module("examples.trl_grpo")


def recording(base: type) -> type:
    """The trainer with another policy than the reference from the start, and a record."""

    class Recording(base):
        def __init__(self, *args: Any, **choices: Any) -> None:
            import torch

            super().__init__(*args, **choices)
            torch.manual_seed(3)
            with torch.no_grad():
                for x in self.model.parameters():
                    x.add_(0.05 * torch.randn_like(x))
            self.record: list[dict[str, Any]] = []

        def _get_per_token_logps_and_entropies(self, *args: Any, **choices: Any) -> Any:
            result = super()._get_per_token_logps_and_entropies(*args, **choices)
            if result[0].requires_grad:
                self.record.append({"log_prob": result[0]})
                result[0].register_hook(
                    lambda g, kept=self.record[-1]: kept.update(slope=g.clone())
                )
            return result

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            loss = super()._compute_loss(model, inputs)
            if self.record:
                self.record[-1].update(inputs=inputs, loss=loss.item())
            return loss

    return Recording


def arrays(entry: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-probabilities of the policy and of the reference, and the mask, of a micro-batch."""
    found = (
        entry["log_prob"],
        entry["inputs"]["ref_per_token_logps"],
        entry["inputs"]["completion_mask"],
    )
    return tuple(x.detach().double().numpy() for x in found)  # type: ignore[return-value]


def rows(trainer: Any, key: str = "kl") -> list[dict[str, float]]:
    return [row for row in trainer.state.log_history if key in row]


ESTIMATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "k1": lambda d: -d,
    "k2": lambda d: d**2 / 2,
    "k3": lambda d: np.expm1(d) - d,
}


@pytest.mark.parametrize("estimator", ESTIMATES)
def test_the_logged_divergence_is_ours(recipe: Any, estimator: str) -> None:
    trainer = recipe.train(recording(recipe.RelativeEntropyGRPOTrainer), kl_estimator=estimator)
    logged = rows(trainer)
    assert len(logged) == len(trainer.record) == 5
    for row, entry in zip(logged, trainer.record, strict=True):
        log_prob, ref, mask = arrays(entry)
        values = {name: (f(ref - log_prob) * mask).sum() for name, f in ESTIMATES.items()}
        assert row["kl"] == pytest.approx(values[estimator] / mask.sum(), rel=1e-4)
        assert row["kl/sequence"] == pytest.approx(values[estimator] / len(mask), rel=1e-4)
        for other in set(ESTIMATES) - {estimator}:  # of which TRL logs k3
            assert abs(row["kl"] - values[other] / mask.sum()) > 0.005 * row["kl"]


def test_micro_batches_are_logged_as_their_mean(recipe: Any) -> None:
    settings = {"gradient_accumulation_steps": 2, "max_steps": 2}
    trainer = recipe.train(recording(recipe.RelativeEntropyGRPOTrainer), settings)
    assert len(trainer.record) == 4
    for i, row in enumerate(rows(trainer)):
        means = []
        for entry in trainer.record[2 * i : 2 * i + 2]:
            log_prob, ref, mask = arrays(entry)
            means.append((ESTIMATES["k3"](ref - log_prob) * mask).sum() / mask.sum())
        assert row["kl"] == pytest.approx(np.mean(means), rel=1e-4)


@pytest.mark.parametrize("gradient", ["token", "forward", "sequence", "none"])
def test_the_gradient_is_the_one_that_was_chosen(recipe: Any, gradient: str) -> None:
    # Equal rewards have no advantage, so all the gradient that there is comes from the penalty.
    trainer = recipe.train(
        recording(recipe.RelativeEntropyGRPOTrainer),
        {"max_steps": 1, "loss_type": "dapo"},
        kl_gradient=gradient,
        reward=lambda completions, **_: [0.0] * len(completions),
    )
    (entry,) = trainer.record
    log_prob, ref, mask = arrays(entry)
    d = (ref - log_prob) * mask
    later = np.flip(np.cumsum(np.flip(-d, -1), -1), -1) * mask
    expected = {"token": -d, "forward": -np.expm1(d), "sequence": later, "none": 0 * d}[gradient]
    assert np.abs(d).max() > 0.05
    assert entry["slope"].double().numpy() == pytest.approx(
        trainer.beta * expected / mask.sum(), rel=1e-4, abs=1e-9
    )


@pytest.mark.parametrize("correction", [False, True], ids=["plain", "weighed"])
@pytest.mark.parametrize("loss_type", LOSSES)
def test_as_written_is_trl_s_own_loss(recipe: Any, loss_type: str, correction: bool) -> None:
    # Every batch is used in two accumulation windows, the second time by a policy that has moved.
    settings = {
        "loss_type": loss_type,
        "use_bias_correction_kl": correction,
        "gradient_accumulation_steps": 2,
        "num_iterations": 2,
        "max_steps": 4,
        "beta": 0.5,
    }
    from trl import GRPOTrainer

    theirs = recipe.train(recording(GRPOTrainer), settings)
    ours = recipe.train(
        recording(recipe.RelativeEntropyGRPOTrainer), settings, kl_gradient="as-written"
    )
    assert len(ours.record) == len(theirs.record) == 8
    assert "old_per_token_logps" in ours.record[0]["inputs"]
    for a, b in zip(ours.record, theirs.record, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4, abs=1e-5)
        scale = float(b["slope"].abs().max())
        assert a["slope"].numpy() == pytest.approx(b["slope"].numpy(), abs=1e-4 * scale)
    for mine, their in zip(rows(ours), rows(theirs), strict=True):
        assert mine["kl"] == pytest.approx(their["kl"], rel=1e-3)
        assert mine["kl"] > 0.01
        assert mine["grad_norm"] == pytest.approx(their["grad_norm"], rel=1e-3)


@pytest.mark.parametrize("loss_type", LOSSES)
def test_tool_tokens_and_empty_rows_are_left_out_as_by_trl(recipe: Any, loss_type: str) -> None:
    from trl import GRPOTrainer

    trainer = recipe.train(
        recording(recipe.RelativeEntropyGRPOTrainer),
        {"max_steps": 1, "beta": 0.5, "loss_type": loss_type},
        kl_gradient="as-written",
    )
    inputs = dict(trainer.record[-1]["inputs"])
    inputs["tool_mask"] = inputs["completion_mask"].clone()
    inputs["tool_mask"][:, 1] = 0
    inputs["completion_mask"] = inputs["completion_mask"].clone()
    inputs["completion_mask"][2] = 0  # as for a truncated completion that is masked
    for training in (True, False):
        trainer.model.train(training)
        theirs = GRPOTrainer._compute_loss(trainer, trainer.model, inputs).item()
        ours = trainer._compute_loss(trainer.model, inputs).item()
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)
        without = {**inputs, "tool_mask": inputs["completion_mask"]}
        assert trainer._compute_loss(trainer.model, without).item() != pytest.approx(ours, rel=1e-4)


def test_evaluation_has_the_penalty_and_its_log(recipe: Any) -> None:
    from datasets import Dataset
    from trl import GRPOTrainer

    trainer = recipe.train(
        recording(recipe.RelativeEntropyGRPOTrainer),
        {"max_steps": 1, "beta": 0.5, "per_device_eval_batch_size": 8},
        kl_gradient="as-written",
    )
    trainer.evaluate(Dataset.from_dict({"prompt": ["abc", "bcd"] * 4}))
    (row,) = rows(trainer, "eval_kl")
    assert row["eval_kl/sequence"] > row["eval_kl"] > 0
    assert trainer._log_prob is None, "no graph outlives its step"
    inputs = trainer.record[-1]["inputs"]
    trainer.model.eval()
    theirs = GRPOTrainer._compute_loss(trainer, trainer.model, inputs).item()
    assert trainer._compute_loss(trainer.model, inputs).item() == pytest.approx(theirs, rel=1e-5)


def test_a_penalty_without_gradient_trains_as_beta_zero_and_is_logged(recipe: Any) -> None:
    import torch

    watched = recipe.train(kl_gradient="none")
    free = recipe.train(settings={"beta": 0.0})
    for a, b in zip(watched.model.parameters(), free.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert rows(watched)[-1]["kl"] > 0
    assert not rows(free)


def test_another_version_of_trl_that_goes_another_way_is_noticed(recipe: Any) -> None:
    class Elsewhere(recipe.RelativeEntropyGRPOTrainer):
        def _get_per_token_logps_and_entropies(self, *args: Any, **choices: Any) -> Any:
            from trl import GRPOTrainer

            return GRPOTrainer._get_per_token_logps_and_entropies(self, *args, **choices)

    with pytest.raises(RuntimeError, match="log-probabilities from elsewhere"):
        recipe.train(Elsewhere, {"max_steps": 1})


def test_the_example_runs_and_shows_the_drift(recipe: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", recipe.__name__],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"step {i}" for i in range(1, 6)]
    assert lines[0].endswith("KL 0.0000 nats/token, 0.0000 nats/sequence")
    assert not lines[-1].endswith("KL 0.0000 nats/token, 0.0000 nats/sequence")


def test_on_two_ranks_as_trl(recipe: Any) -> None:
    """Micro-batches of unequal token counts on two processes: loss, logged KL, gradient."""

    def logged(trainer: str) -> np.ndarray:
        launch = ["torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        done = subprocess.run(
            [sys.executable, "-m", *launch, "-m", "tests.rl.two_ranks", trainer],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        assert lines, done.stderr
        return np.array(json.loads(lines[0].removeprefix("RESULT ")))

    ours, theirs = logged("ours"), logged("theirs")
    assert len(ours) == 3
    assert (ours[1:, 1] > 0).all()
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
