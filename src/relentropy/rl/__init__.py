"""Relative entropy as a regularizer: what a trainer of policies imports.

Plain functions on arrays of PyTorch, JAX and NumPy (values only there); no trainer inside.
"""

from typing import TYPE_CHECKING

from relentropy._lazy import lookup

if TYPE_CHECKING:
    from relentropy.rl import oracle as oracle
    from relentropy.rl.aggregation import aggregate as aggregate
    from relentropy.rl.controllers import AdaptiveCoefficient as AdaptiveCoefficient
    from relentropy.rl.controllers import FixedCoefficient as FixedCoefficient
    from relentropy.rl.controllers import ReferencePolicy as ReferencePolicy
    from relentropy.rl.distillation import distillation_divergence as distillation_divergence
    from relentropy.rl.estimators import kl_estimate as kl_estimate
    from relentropy.rl.estimators import token_log_probs as token_log_probs
    from relentropy.rl.gaussian import gaussian_kl as gaussian_kl
    from relentropy.rl.grpo import group_advantage as group_advantage
    from relentropy.rl.grpo import grpo_loss as grpo_loss
    from relentropy.rl.mismatch import PolicyMismatch as PolicyMismatch
    from relentropy.rl.mismatch import TokenMismatch as TokenMismatch
    from relentropy.rl.mismatch import policy_mismatch as policy_mismatch
    from relentropy.rl.penalty import kl_penalty as kl_penalty
    from relentropy.rl.penalty import vocabulary_kl_penalty as vocabulary_kl_penalty
    from relentropy.rl.top_k import Bounds as Bounds
    from relentropy.rl.top_k import top_k_bounds as top_k_bounds
    from relentropy.rl.trust_regions import TrustRegion as TrustRegion
    from relentropy.rl.trust_regions import trust_region as trust_region

_EXPORTS = {
    "aggregation": ["aggregate"],
    "controllers": ["AdaptiveCoefficient", "FixedCoefficient", "ReferencePolicy"],
    "distillation": ["distillation_divergence"],
    "estimators": ["kl_estimate", "token_log_probs"],
    "gaussian": ["gaussian_kl"],
    "grpo": ["group_advantage", "grpo_loss"],
    "mismatch": ["PolicyMismatch", "TokenMismatch", "policy_mismatch"],
    "penalty": ["kl_penalty", "vocabulary_kl_penalty"],
    "top_k": ["Bounds", "top_k_bounds"],
    "trust_regions": ["TrustRegion", "trust_region"],
}
_HOMES = {name: f"relentropy.rl.{home}" for home, names in _EXPORTS.items() for name in names}
_HOMES["oracle"] = "relentropy.rl.oracle"
__getattr__ = lookup("relentropy.rl", _HOMES)

__all__ = sorted(_HOMES)


def __dir__() -> list[str]:
    return __all__
