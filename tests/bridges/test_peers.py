"""Every pair that PyTorch, TensorFlow Probability or NumPyro answers, from their registries.

Ours agrees with theirs wherever theirs is right; where it is not, the truth is written down.
"""

import json
import warnings
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest

from relentropy import relative_entropy
from tests.bridges.conftest import imported
from tests.bridges.densities import SLOW
from tests.docs.pages import ROOT
from tests.tools import load_script

PAGE = ROOT / "docs" / "figures" / "peers_pairs.json"
ANSWERS = json.loads(PAGE.read_text(encoding="utf-8"))
PAIRS = [
    pytest.param(
        library, p, id=f"{library}-{p}", marks=() if library == "torch" or p == "Weibull" else SLOW
    )
    for library, peer in ANSWERS.items()
    for p in peer["answers"]
]
INF = float("inf")
MODULES = {"torch": "torch", "numpyro": "numpyro", "tfp": "tensorflow_probability"}
PACKAGES = {"torch": "torch", "numpyro": "numpyro", "tfp": "tfp-nightly", "scipy": "scipy"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script(ROOT / "docs" / "figures" / "peers_pairs.py")


def divergence_of(library: str) -> Callable[[Any, Any], Any]:
    if library == "torch":
        return imported("torch").distributions.kl_divergence
    if library == "numpyro":
        return imported("numpyro.distributions").kl_divergence
    return imported("tensorflow_probability.substrates.jax").distributions.kl_divergence


def uniform_from_continuous_bernoulli(p: float, width: float) -> mpmath.mpf:
    """D(ContinuousBernoulli(p) || Uniform(0, width)), width >= 1: log width - entropy."""
    n = mpmath.log(mpmath.mpf(p) / (1 - mpmath.mpf(p)))
    f = lambda x: mpmath.exp(n * x) * n / mpmath.expm1(n)  # noqa: E731
    return mpmath.quad(lambda x: f(x) * mpmath.log(f(x) * width), [0, 1])


def continuous_bernoulli_from_uniform(p: float) -> mpmath.mpf:
    """D(Uniform(0, 1) || ContinuousBernoulli(p))."""
    n = mpmath.log(mpmath.mpf(p) / (1 - mpmath.mpf(p)))
    return mpmath.quad(lambda x: -mpmath.log(mpmath.exp(n * x) * n / mpmath.expm1(n)), [0, 1])


def beta_from_kumaraswamy(a: float, b: float, c: float, d: float) -> mpmath.mpf:
    """D(Kumaraswamy(a, b) || Beta(c, d)) by the substitution u = x^a."""
    a, b, c, d = (mpmath.mpf(v) for v in (a, b, c, d))

    def term(u: mpmath.mpf) -> mpmath.mpf:
        x, rest = u ** (1 / a), 1 - u
        log_p = mpmath.log(a * b) + (a - 1) * mpmath.log(x) + (b - 1) * mpmath.log(rest)
        log_q = (c - 1) * mpmath.log(x) + (d - 1) * mpmath.log1p(-x)
        return b * rest ** (b - 1) * (log_p - log_q + mpmath.log(mpmath.beta(c, d)))

    return mpmath.quad(term, [0, 0.5, 1])


# Of P with the first factor and Q with the second, 1 and 1.1 or the other way round.
WRONG: dict[tuple[str, str, str], Callable[[float, float], Any]] = {
    # PyTorch: +inf wherever an end is that of Q's support, or Q's support is not the line.
    ("torch", "Uniform", "ContinuousBernoulli"): lambda s, t: (
        continuous_bernoulli_from_uniform(0.3 * t) if s == 1 else INF
    ),
    ("torch", "ContinuousBernoulli", "Uniform"): lambda s, t: uniform_from_continuous_bernoulli(
        0.3 * s, t
    ),
    # NumPyro: the first 10 terms of a series.
    ("numpyro", "Kumaraswamy", "Beta"): lambda s, t: beta_from_kumaraswamy(
        1.5 * s, 2.5, 1.5 * t, 2.5
    ),
}
# A point has no density: -log q of a density is no divergence, and of a table is one.
TABLES = {
    "Bernoulli",
    "Binomial",
    "BetaBinomial",
    "Geometric",
    "NegativeBinomial",
    "Poisson",
    "Zipf",
}


@pytest.mark.parametrize(("library", "name"), PAIRS)
def test_ours_is_theirs_where_theirs_is_right(
    library: str, name: str, script: ModuleType, torch_float64: Any
) -> None:
    theirs = divergence_of(library)
    with warnings.catch_warnings():
        if library != "torch":
            warnings.simplefilter("ignore")
        for s, t in ((1.0, 1.1), (1.1, 1.0)):
            compare(library, name, s, t, script, theirs)


def compare(
    library: str, name: str, s: float, t: float, script: ModuleType, theirs: Callable[..., Any]
) -> None:
    members = getattr(script, f"{library}_members")
    # TensorFlow Probability computes in the precision of its parameters.
    exact = imported("jax.numpy").asarray if library == "tfp" else float
    p = members(exact(s))[name]
    for other in ANSWERS[library]["answers"][name]:
        q = members(exact(t))[other]
        if name == "Delta" and other in ("Probs", "Independent", "Transformed", "Mixture"):
            continue
        found = as_numpy(relative_entropy(p, q))
        if name == other == "Delta":
            assert found == 0
            continue
        if name == "Delta" and other not in TABLES:
            assert found == INF, other
            continue
        if name == "Delta" and library == "tfp":
            assert found == INF, other  # at 0.5, between the integers
            continue
        answer = as_numpy(theirs(p, q))
        truth = WRONG.get((library, name, other))
        if truth is None:
            # Theirs is of single precision in everything.
            single = library == "tfp" and name == "ContinuousBernoulli"
            rtol = 1e-4 if single else 1e-8
            np.testing.assert_allclose(found, answer, rtol=rtol, atol=1e-12, err_msg=other)
            continue
        true = float(truth(s, t))
        np.testing.assert_allclose(found, true, rtol=1e-12, err_msg=other)
        assert true == INF or not np.isclose(answer, true, rtol=1e-6, atol=0), "right by now"


def as_numpy(x: Any) -> Any:
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


UNREADABLE = {
    # TensorFlow Probability's machinery, and what has no counterpart here.
    *("JitPublicMethods", "_NonCompositeTensorCast", "Distribution"),
    *("PowerSpherical", "_Blockwise", "_JointDistributionSequential", "_Masked"),
    # NumPyro's.
    *("CirculantNormal", "MaskedDistribution"),
}
# Names of classes for what has another name here, or is read as one of ours.
NAMES = {
    "Categorical": "Probs",
    "CategoricalProbs": "Probs",
    "OneHotCategorical": "Probs",
    "OrderedLogistic": "Probs",
    "StoppingRatioLogistic": "Probs",
    "ProbitBernoulli": "Bernoulli",
    "ExpGamma": "Transformed",
    "ExpInverseGamma": "Transformed",
    "TransformedDistribution": "Transformed",
    "_TransformedDistribution": "Transformed",
    "_Independent": "Independent",
    "_Sample": "Independent",
    "_BaseDeterministic": "Delta",
    "MultivariateNormalLinearOperator": "MultivariateNormal",
    "GaussianProcess": "MultivariateNormal",
    "MatrixNormalLinearOperator": "MatrixNormal",
    "SphericalUniform": "VonMisesFisher",
    "ExponentialFamily": "Gamma",
    "ExpandedDistribution": "Normal",
}


@pytest.mark.parametrize("library", ["torch", "numpyro", "tfp"])
def test_every_registered_class_is_read(library: str) -> None:
    """A pair that a new version registers is seen here."""
    module = {
        "torch": "relentropy.bridges.torch",
        "numpyro": "relentropy.bridges.numpyro",
        "tfp": "relentropy.bridges.tfp",
    }[library]
    readers = imported(module).READERS
    registered = {name for pair in ANSWERS[library]["registered"] for name in pair}
    for name in registered - UNREADABLE:
        assert name in readers or NAMES.get(name) is not None, name


@pytest.mark.exhaustive
@pytest.mark.parametrize("library", ANSWERS)
def test_the_committed_table_is_what_the_registry_says(library: str, script: ModuleType) -> None:
    imported(MODULES.get(library, library))
    if version(PACKAGES[library]) != ANSWERS[library]["version"]:
        return  # the table names the version that it is of
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert script.PEERS[library]() == ANSWERS[library]
