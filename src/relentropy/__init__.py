"""Relative entropy: how far one distribution is from another, in nats or bits.

``relative_entropy(p, q)`` is D(P||Q) for any description of P and Q. Importing this package
loads no numerical library; each is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from relentropy._convert import as_distribution as as_distribution
    from relentropy._rules import rule_for as rule_for
    from relentropy._rules import rules as rules
    from relentropy._verbs import (
        bhattacharyya as bhattacharyya,
    )
    from relentropy.distributions.discrete import Counts as Counts
    from relentropy.distributions.discrete import Logits as Logits
    from relentropy.distributions.discrete import LogProbs as LogProbs
    from relentropy.distributions.discrete import Probs as Probs
    from relentropy.methods.estimate import Estimate as Estimate
    from relentropy.methods.estimate import estimate as estimate

# Public name -> the module that defines it.
_HOMES = {
    **dict.fromkeys(
        [
            "bhattacharyya",
            "bounds",
            "chernoff",
            "chi_square",
            "conditional_entropy",
            "conditional_mutual_information",
            "conditional_relative_entropy",
            "cross_entropy",
            "entr",
            "entropy",
            "f_divergence",
            "hellinger",
            "jeffreys",
            "jensen_shannon",
            "kl_div",
            "kl_divergence",
            "mutual_information",
            "perplexity",
            "rel_entr",
            "relative_entropy",
            "renyi",
            "surprisal",
            "total_variation",
            "tsallis",
        ],
        "relentropy._verbs",
    ),
    **dict.fromkeys(["Counts", "LogProbs", "Logits", "Probs"], "relentropy.distributions.discrete"),
    **dict.fromkeys(["Estimate", "estimate"], "relentropy.methods.estimate"),
    **dict.fromkeys(["rule_for", "rules"], "relentropy._rules"),
    "as_distribution": "relentropy._convert",
    "compare": "relentropy.compare",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'relentropy' has no attribute {name!r}")
    module = import_module(home)
    value = module if name == "compare" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
