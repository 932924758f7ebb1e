"""Entropies of every member of every family, cross-entropies and perplexities.

The truth is SciPy's where SciPy is right; otherwise mpmath's integral or sum of the definition.
"""

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import relentropy
from relentropy import (
    Beta,
    Binomial,
    Cauchy,
    Delta,
    Exponential,
    Gamma,
    Geometric,
    Laplace,
    NegativeBinomial,
    Normal,
    Poisson,
    StudentT,
    Uniform,
    Zipf,
    cross_entropy,
    entropy,
    perplexity,
    relative_entropy,
)
from tests import truth
from tests.backends import Backend
from tests.families import scipy_laws
from tests.families.brute_force import brute
from tests.tables import family_tables as tables
from tests.tables import integrals
from tests.tables.laws import law

INF = math.inf

# SciPy has no number for one-sided truncation, cuts Zipf's sum short, and lacks the rest.
NOT_BY_SCIPY = {
    "TruncatedNormal",
    "LogitNormal",
    "Kumaraswamy",
    "ContinuousBernoulli",
    "VonMises",
    "NegativeBinomial",
    "Zipf",
}
MEMBERS = [(f, m) for f, ms in tables.members().items() if f != "Delta" for m in ms]


def by_definition(family: str, member: dict[str, float]) -> float:
    """-∫ p log p in 30 digits: against a law whose density is 1, D is -H."""
    with truth.digits(30):
        p = law(family, member)
        flat = replace(p, log_density=lambda _: mpf(0))
        return float(-integrals.divergence(p, flat, integrals.FIRST))


def made(family: str, member: dict[str, float]) -> Any:
    return getattr(relentropy, family)(**member)


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-10, abs=1e-11)


@pytest.mark.parametrize(
    ("family", "member"),
    [(f, m) for f, m in MEMBERS if f not in NOT_BY_SCIPY],
    ids=[tables.shown(f, m) for f, m in MEMBERS if f not in NOT_BY_SCIPY],
)
def test_entropy_is_scipys(family: str, member: dict[str, float]) -> None:
    with warnings.catch_warnings(action="ignore"):
        expected = float(scipy_laws.law(family, member).entropy())
    assert float(entropy(made(family, member))) == close(expected)


@pytest.mark.parametrize("family", sorted(NOT_BY_SCIPY))
def test_entropy_is_the_definition(family: str) -> None:
    for member in tables.members()[family]:
        assert float(entropy(made(family, member))) == close(by_definition(family, member)), member


def of_masses(logs: list[Any]) -> float:
    return float(-mp.fsum(mp.exp(x) * x for x in logs))


@pytest.mark.parametrize(
    ("p", "low", "high"),
    [
        (Poisson(30000.0), 27000, 33000),
        (Poisson(2000.0), 1200, 2900),
        (Poisson(1e-3), 0, 30),
        (Binomial(20000, 0.3), 5000, 7000),
        (Binomial(5000, 0.999), 4900, 5001),
        (NegativeBinomial(2000.0, 0.3), 350, 1500),
    ],
    ids=str,
)
def test_long_sums(p: Any, low: int, high: int) -> None:
    """SciPy's are of 1e-4 to 1e-8 here."""
    with truth.digits(25):
        own = law(type(p).__name__, {n: float(x) for n, x in p.parameters().items()})
        expected = of_masses([own.log_density(k) for k in range(low, high)])
    assert float(entropy(p)) == close(expected)


def test_edges() -> None:
    assert entropy(Delta(3.0)) == 0
    assert entropy(Poisson(0.0)) == 0
    assert entropy(Geometric(1.0)) == 0
    assert entropy(Binomial(0, 0.3)) == 0
    assert entropy(Binomial(7, 1.0)) == 0
    assert entropy(NegativeBinomial(2.0, 0.0)) == 0
    assert entropy(relentropy.Bernoulli(0.0)) == 0
    p = 1e-4
    expected = -(math.log(p) + (1 - p) / p * math.log1p(-p))
    assert float(entropy(Geometric(p))) == close(expected)
    assert float(entropy(Uniform(2.0, 2.5))) == close(-math.log(2))
    assert float(entropy(Normal(0, 1e-200))) == close(by_definition("Normal", _tiny()))


def _tiny() -> dict[str, float]:
    return {"loc": 0.0, "scale": 1e-200}


def test_every_entropy_has_a_slope(torch_backend: Backend) -> None:
    """Towards all parameters, against differences of values."""
    step = 1e-5
    whole = ("total_count",)
    for family, member in dict(reversed(MEMBERS)).items():
        names = [n for n, x in member.items() if n not in whole and math.isfinite(x)]
        if family == "NegativeBinomial":
            names.append("total_count")
        fixed = {n: x for n, x in member.items() if n not in names}

        def value(*xs: Any, family: str = family, names: Any = names, fixed: Any = fixed) -> Any:
            return entropy(made(family, fixed | dict(zip(names, xs, strict=True))))

        slopes = torch_backend.gradient(value, *(torch_backend.array(member[n]) for n in names))
        for name, slope in zip(names, slopes, strict=True):
            ends = [
                float(entropy(made(family, member | {name: member[name] + sign * step})))
                for sign in (-1, 1)
            ]
            expected = (ends[1] - ends[0]) / (2 * step)
            assert float(slope) == pytest.approx(expected, rel=1e-4, abs=1e-6), (family, name)


def test_frameworks_and_dtypes(xp: Backend) -> None:
    rows = {"concentration": [0.5, 2.5, 40.0], "rate": [1.0, 2.0, 0.25]}
    expected = entropy(Gamma(**rows))
    for dtype, rtol in (("float64", 1e-12), ("float32", 1e-5)):
        p = Gamma(**{n: xp.array(x, dtype) for n, x in rows.items()})
        found = entropy(p)
        assert xp.is_native(found)
        assert xp.dtype_of(found) == dtype
        np.testing.assert_allclose(xp.numpy(found), expected, rtol=rtol, atol=rtol)


def test_bits() -> None:
    p = Gamma(2.0, 3.0)
    assert float(entropy(p, base=2)) == pytest.approx(float(entropy(p)) / math.log(2), rel=1e-14)


# --- cross-entropy -------------------------------------------------------------------------------

PAIRS = [
    (Normal(0, 1), Laplace(0.5, 2)),
    (Normal(1, 0.5), Normal(0, 2)),
    (Gamma(2.5, 1.0), Exponential(0.3)),
    (Beta(2, 3), Uniform(-1, 2)),
    (Uniform(0.25, 0.75), Beta(2, 3)),
    (StudentT(5.0), Cauchy(1, 2)),
    (Exponential(1.0), Normal(0, 3)),
]


@pytest.mark.parametrize(("p", "q"), PAIRS, ids=[f"{p}-{q}" for p, q in PAIRS])
def test_cross_entropy_is_the_mean_of_the_other_surprisal(p: Any, q: Any) -> None:
    expected = brute(p, q).integral(lambda a, b: np.where(a > -INF, -np.exp(a) * b, 0.0))
    assert float(cross_entropy(p, q)) == pytest.approx(expected, rel=1e-9)
    total = float(entropy(p) + relative_entropy(p, q))
    assert float(cross_entropy(p, q)) == pytest.approx(total, rel=1e-13)


def test_cross_entropy_of_whole_numbers() -> None:
    k = np.arange(200.0)
    p, q = Poisson(3.0), NegativeBinomial(2.5, 0.6)
    logs = [scipy_laws.of(f).logpmf(k) for f in (p, q)]
    expected = -math.fsum(np.exp(logs[0]) * logs[1])
    assert float(cross_entropy(p, q)) == pytest.approx(expected, rel=1e-11)
    assert float(cross_entropy(p, q, base=2)) == pytest.approx(expected / math.log(2), rel=1e-11)
    assert float(cross_entropy(Delta(2.0), Poisson(3.0))) == close(-logs[0][2])
    assert cross_entropy(Zipf(2.0), Poisson(1.0)) == INF
    assert cross_entropy(Uniform(0, 1), Uniform(0.5, 2)) == INF
    assert cross_entropy(Cauchy(0, 1), Normal(0, 1)) == INF


def test_cross_entropy_with_itself_is_entropy() -> None:
    for p in (Normal(1, 2), Gamma(0.3, 2.0), Poisson(4.0), StudentT(3.0), Zipf(2.5)):
        assert cross_entropy(p, p) == entropy(p)


def test_perplexity() -> None:
    p, q = Geometric(0.5), Geometric(0.25)
    assert float(perplexity(p)) == pytest.approx(4.0, rel=1e-14)
    assert float(perplexity(Uniform(0, 8))) == pytest.approx(8.0, rel=1e-14)
    assert float(perplexity(p, q)) == pytest.approx(math.exp(float(cross_entropy(p, q))))
    assert perplexity(Cauchy(0, 1), Normal(0, 1)) == INF
