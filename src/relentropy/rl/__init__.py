"""Relative entropy as a regularizer: what a trainer of policies imports.

Plain functions on arrays of PyTorch, JAX and NumPy (values only there); no trainer inside.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relentropy.rl import oracle as oracle
    from relentropy.rl.aggregation import aggregate as aggregate
    from relentropy.rl.estimators import kl_estimate as kl_estimate
    from relentropy.rl.estimators import token_log_probs as token_log_probs
    from relentropy.rl.grpo import group_advantage as group_advantage
    from relentropy.rl.grpo import grpo_loss as grpo_loss
    from relentropy.rl.penalty import kl_penalty as kl_penalty
    from relentropy.rl.penalty import vocabulary_kl_penalty as vocabulary_kl_penalty

_EXPORTS = {
    "aggregation": ["aggregate"],
    "estimators": ["kl_estimate", "token_log_probs"],
    "grpo": ["group_advantage", "grpo_loss"],
    "penalty": ["kl_penalty", "vocabulary_kl_penalty"],
}
_HOMES = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = sorted([*_HOMES, "oracle"])


def __getattr__(name: str) -> Any:
    if name == "oracle":
        return import_module("relentropy.rl.oracle")
    if name not in _HOMES:
        raise AttributeError(f"module 'relentropy.rl' has no attribute {name!r}")
    value = getattr(import_module(f"relentropy.rl.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
