"""Whether the answers still show their working, which no reward asks for."""

from pathlib import Path

import torch

from examples.grpo import task
from examples.grpo.model import Transformer
from examples.grpo.rollout import Measured, measured, sample
from examples.grpo.settings import Settings
from examples.grpo.stage import read_checkpoint


def share_worked_out(checkpoint: Path, settings: Settings) -> Measured:
    """The share of answers to held-out prompts that regroup the numbers as demonstrators do.

    Their sums may be right or wrong; tens and units must be those of the question, in any order.
    """
    policy = Transformer(settings.width, settings.layers, settings.heads)
    policy.load_state_dict(read_checkpoint(checkpoint, settings)["policy"])
    _, held_out = task.split(settings.seed, settings.largest, settings.held_out_pairs)
    answers = settings.held_out_answers
    asked = task.prompts(held_out).repeat_interleave(answers, 0)
    drawn = sample(policy, asked, torch.Generator().manual_seed(settings.seed))
    worked = torch.tensor([float(task.is_worked_out(text)) for text in task.decode(drawn.tokens)])
    return measured(worked, answers)
