"""The two ways to learn: imitating demonstrators, and GRPO against the verifier."""

import copy
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from examples.grpo import task
from examples.grpo.model import Transformer
from examples.grpo.rollout import Rollout, accuracy, answer_logits, drift, sample
from examples.grpo.settings import Settings
from examples.grpo.stage import Stage
from relentropy.rl import aggregate, group_advantage, grpo_loss, token_log_probs


class Report(Protocol):
    """Is told the step, what there is to say of it, and whether it was the last."""

    def __call__(self, step: int, said: str = "", done: bool = False) -> None: ...


def imitate(folder: Path, settings: Settings, report: Report) -> Transformer:
    """The reference: a policy that has imitated demonstrators until it is mediocre."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        policy = Transformer(settings.width, settings.layers, settings.heads)
    optimizer = torch.optim.Adam(policy.parameters(), settings.imitation_rate)
    stage = Stage(folder, "imitation", settings, policy, optimizer)
    pairs, _ = task.split(settings.seed, settings.largest, settings.held_out_pairs)
    while not stage.done:
        stage.step += 1
        texts = task.demonstrations(
            task.draw(pairs, settings.imitation_batch, stage.generator), stage.generator
        )
        answers = texts[:, task.PROMPT_LENGTH :]
        log_prob = token_log_probs(answer_logits(policy, texts), answers)
        loss = -aggregate(log_prob, task.response_mask(answers), "token-mean")
        learn(stage, loss)
        if stage.step % 50 and stage.step < settings.imitation_steps:
            continue
        asked = task.prompts(task.draw(pairs, settings.imitation_answers, stage.generator))
        right = accuracy(sample(policy, asked, stage.generator).reward)
        stage.record(cross_entropy_nats_per_token=loss.item(), training_accuracy=right.mean)
        skilled = right.mean >= settings.imitation_target
        stage.save(done=skilled or stage.step >= settings.imitation_steps)
        report(stage.step, f"{right.mean:.0%} right")
    report(stage.step, done=True)
    return policy.requires_grad_(False)


def reinforce(
    folder: Path, settings: Settings, reference: Transformer, beta: float, report: Report
) -> None:
    """GRPO from the reference on, drift priced at `beta` a nat."""
    policy = copy.deepcopy(reference).requires_grad_(True)
    optimizer = torch.optim.Adam(policy.parameters(), settings.rate)
    stage = Stage(folder, f"beta-{beta:g}", settings, policy, optimizer)
    pairs, held_out = task.split(settings.seed, settings.largest, settings.held_out_pairs)
    if stage.step == 0:
        evaluate(stage, reference, held_out, {}, report)
    while stage.step < settings.steps:
        stage.step += 1
        asked = task.prompts(task.draw(pairs, settings.prompts, stage.generator))
        drawn = sample(policy, asked.repeat_interleave(settings.group, 0), stage.generator)
        measured = improve(stage, reference, drawn, beta)
        last = stage.step == settings.steps
        if last or stage.step % settings.evaluate_every == 0:
            evaluate(stage, reference, held_out, measured, report)
        else:
            stage.record(**measured)
            report(stage.step)
        if last or stage.step % settings.checkpoint_every == 0:
            stage.save(done=last)
    report(stage.step, done=True)


def improve(
    stage: Stage, reference: Transformer, drawn: Rollout, beta: float
) -> dict[str, float | None]:
    """One step: a few passes over the answers drawn; metrics are those of the last pass."""
    answers = drawn.tokens[:, task.PROMPT_LENGTH :]
    grouped = drawn.reward.view(-1, stage.settings.group)
    advantage = group_advantage(grouped).reshape(-1)
    with torch.no_grad():
        ref_log_prob = token_log_probs(answer_logits(reference, drawn.tokens), answers)
    for _ in range(stage.settings.passes):
        loss, metrics = grpo_loss(
            token_log_probs(answer_logits(stage.policy, drawn.tokens), answers),
            drawn.log_prob,
            ref_log_prob,
            advantage,
            drawn.mask,
            beta=beta,
            kl_gradient="sequence",
            aggregate="sequence-sum",
        )
        norm = learn(stage, loss)
    named = {NAMES.get(name, name): value.item() for name, value in metrics.items()}
    return {
        "reward": drawn.reward.mean().item(),
        "loss": loss.item(),
        "gradient_norm": norm.item(),
        **named,
    }


# What the metrics of grpo_loss are called where their units must be read off the name.
NAMES = {
    "kl_per_token": "kl_nats_per_token",
    "kl_per_token_standard_error": "kl_nats_per_token_standard_error",
    "kl_per_sequence": "kl_nats_per_answer",
    "kl_per_sequence_standard_error": "kl_nats_per_answer_standard_error",
    "entropy": "entropy_nats_per_token",
    "effective_sample_size": "effective_sample_size_tokens",
}


def learn(stage: Stage, loss: Tensor) -> Tensor:
    """One step down the gradient, which is cut to a length; returns the length it had."""
    stage.optimizer.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(
        stage.policy.parameters(), stage.settings.gradient_norm, error_if_nonfinite=True
    )
    stage.optimizer.step()
    return norm


def evaluate(
    stage: Stage,
    reference: Transformer,
    held_out: list[task.Pair],
    measured: dict[str, float | None],
    report: Report,
) -> None:
    """Record the step with accuracy and drift on the held-out prompts, a few answers to each."""
    count = stage.settings.held_out_answers
    asked = task.prompts(held_out).repeat_interleave(count, 0)
    # A generator of its own: measuring must not change what is measured next.
    generator = torch.Generator().manual_seed(stage.settings.seed)
    drawn = sample(stage.policy, asked, generator)
    right = accuracy(drawn.reward, count)
    far = drift(stage.policy, reference, drawn, count)
    stage.record(
        **measured,
        held_out_accuracy=right.mean,
        held_out_accuracy_standard_error=right.standard_error,
        held_out_drift_nats_per_answer=far.mean,
        held_out_drift_nats_per_answer_standard_error=far.standard_error,
    )
    report(stage.step, f"{right.mean:.0%} right, drift {far.mean:.2f} nats")
