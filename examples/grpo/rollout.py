"""Sampling from a policy; how often it is right, and how far it is from its reference."""

from typing import NamedTuple

import torch
from torch import Tensor

from examples.grpo.model import Transformer
from examples.grpo.task import PROMPT_LENGTH, RESPONSE_LENGTH, response_mask, rewards
from relentropy.rl import token_log_probs, vocabulary_kl_penalty


class Rollout(NamedTuple):
    """What a policy answered: whole texts, its answers' log-probabilities, kept tokens, rewards."""

    tokens: Tensor
    log_prob: Tensor
    mask: Tensor
    reward: Tensor


class Measured(NamedTuple):
    """A mean and its standard error."""

    mean: float
    standard_error: float


@torch.no_grad()
def sample(policy: Transformer, prompts: Tensor, generator: torch.Generator) -> Rollout:
    """One answer to each prompt, at temperature 1."""
    tokens, seen = prompts, []
    logits, pasts = policy.advance(prompts, None)
    for t in range(RESPONSE_LENGTH):
        chances = logits[:, -1].softmax(-1)
        chosen = torch.multinomial(chances, 1, generator=generator)
        seen.append(logits[:, -1:])
        tokens = torch.cat([tokens, chosen], 1)
        if t + 1 < RESPONSE_LENGTH:
            logits, pasts = policy.advance(chosen, pasts)
    answers = tokens[:, PROMPT_LENGTH:]
    log_prob = token_log_probs(torch.cat(seen, 1), answers)
    return Rollout(tokens, log_prob, response_mask(answers), rewards(tokens))


def answer_logits(policy: Transformer, tokens: Tensor) -> Tensor:
    """Logits of the answers' tokens, (batch, RESPONSE_LENGTH, alphabet)."""
    logits: Tensor = policy(tokens[:, :-1])
    return logits[:, PROMPT_LENGTH - 1 :]


def accuracy(reward: Tensor, answers: int = 1) -> Measured:
    """The share of right answers; `answers` of them, one after the other, belong to a prompt."""
    return measured(reward, answers)


@torch.no_grad()
def drift(
    policy: Transformer, reference: Transformer, rollout: Rollout, answers: int = 1
) -> Measured:
    """KL(policy‖reference) in nats per answer: exact at each token, averaged over sampled prefixes.

    The Rao-Blackwellised estimate: unbiased, never negative, and less noisy than the sampled
    log-ratios.
    """
    logits = answer_logits(policy, rollout.tokens)
    reference_logits = answer_logits(reference, rollout.tokens)
    token = vocabulary_kl_penalty(logits, reference_logits, rollout.mask, gradient="none")
    return measured(token.sum(-1), answers)


def measured(x: Tensor, answers: int) -> Measured:
    """The mean, and its standard error from the means of the prompts, which are independent."""
    of_prompts = x.double().view(-1, answers).mean(-1)
    return Measured(of_prompts.mean().item(), (of_prompts.std() / len(of_prompts) ** 0.5).item())
