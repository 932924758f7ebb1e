"""Rényi's divergence of families that have it closed, of all orders, and what follows from it.

The truth is in mpmath, from formulas that are themselves held against the integral.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import relentropy
from relentropy import (
    Bernoulli,
    Beta,
    Binomial,
    Chi2,
    Exponential,
    Gamma,
    Geometric,
    Gumbel,
    HalfNormal,
    InverseGamma,
    InverseGaussian,
    Kumaraswamy,
    Laplace,
    Logistic,
    Maxwell,
    Moyal,
    NegativeBinomial,
    Normal,
    Pareto,
    Poisson,
    Rayleigh,
    Uniform,
    Weibull,
    Zipf,
    bhattacharyya,
    chernoff,
    chi_square,
    hellinger,
    renyi,
    tsallis,
)
from tests.backends import Backend
from tests.families import renyi_truth as truth
from tests.tables.laws import law
from tests.tables.make_scaled import MEMBERS, RATIOS

INF = math.inf
ORDERS = (1e-3, 0.5, 0.9, 1 - 1e-6, 1 + 1e-6, 2.0, 3.0, 30.0)

Member = dict[str, float]

JAX = pytest.param("jax", marks=pytest.mark.exhaustive)  # it compiles each operation once


@pytest.fixture(params=["torch", JAX])
def eager_autodiff(request: pytest.FixtureRequest) -> Any:
    """Each framework that differentiates, JAX in the exhaustive run."""
    return request.getfixturevalue(f"{request.param}_backend")


# What must be the same in both for the formula to hold.
FIXED = {
    "Binomial": {"total_count"},
    "NegativeBinomial": {"total_count"},
    "Weibull": {"concentration"},
    "Gumbel": {"scale"},
    "Moyal": {"scale"},
}
CLOSED = [
    "Normal",
    "LogNormal",
    "LogitNormal",
    "Laplace",
    "Gumbel",
    "Moyal",
    "HalfNormal",
    "Rayleigh",
    "Maxwell",
    "Exponential",
    "Gamma",
    "InverseGamma",
    "Chi",
    "Chi2",
    "Weibull",
    "InverseGaussian",
    "Pareto",
    "Beta",
    "Uniform",
    "Bernoulli",
    "Binomial",
    "Geometric",
    "NegativeBinomial",
    "Poisson",
    "Zipf",
]
MORE: dict[str, list[Member]] = {
    "Gamma": [{"concentration": 1e8, "rate": 1.0}, {"concentration": 1e-3, "rate": 1.0}],
    "Beta": [
        {"concentration1": 0.2, "concentration0": 0.3},
        {"concentration1": 0.2, "concentration0": 1e3},
    ],
}


def made(family: str, rows: list[Member], xp: Backend, dtype: str = "float64") -> Any:
    """The family with all these members in a batch."""
    arrays = {n: xp.array([row[n] for row in rows], dtype) for n in rows[0]}
    return getattr(relentropy, family)(**arrays)


def is_valid(family: str, m: Member) -> bool:
    if "probs" in m:
        return 0 < m["probs"] < 1
    return not (family == "Zipf" and m["power"] <= 1) and m.get("low", 0) < m.get("high", 1)


def scaled(family: str) -> Iterator[tuple[Member, Member]]:
    """Members and the same with one parameter times a ratio, or with all, both ways."""
    for member in [*MEMBERS[family], *MORE.get(family, [])]:
        free = [n for n in member if n not in FIXED.get(family, ())]
        changed = [(n,) for n in free] + ([tuple(free)] if len(free) > 1 else [])
        for names in changed:
            for ratio in (*RATIOS, 1.9):
                other = member | {n: member[n] * ratio for n in names}
                if is_valid(family, other):
                    yield member, other
                    yield other, member


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("family", CLOSED)
def test_from_nearly_equal_to_far_apart(
    request: pytest.FixtureRequest, framework: str, family: str
) -> None:
    xp = request.getfixturevalue(f"{framework}_backend")
    ps, qs = (list(side) for side in zip(*scaled(family), strict=True))
    for alpha in ORDERS:
        found = xp.numpy(renyi(made(family, ps, xp), made(family, qs, xp), alpha))
        for p, q, value in zip(ps, qs, found, strict=True):
            with mp.workdps(60):
                expected = truth.renyi(family, p, q, alpha)
                if expected > mpf(10) ** 307:
                    assert value == INF, (p, q, alpha)
                else:
                    error = abs(mpf(float(value)) - expected)
                    assert error <= (1e-10 if family == "Beta" else 1e-12) * expected, (
                        p,
                        q,
                        alpha,
                        value,
                    )


@pytest.mark.parametrize("family", CLOSED)
def test_single_precision(numpy_backend: Backend, family: str) -> None:
    pairs = [
        ({n: float(np.float32(x)) for n, x in m.items()} for m in pair) for pair in scaled(family)
    ]
    ps, qs = (list(side) for side in zip(*pairs, strict=True))
    rows = [
        i
        for i, (p, q) in enumerate(zip(ps, qs, strict=True))
        if max(*p.values(), *q.values()) < 1e7
    ]
    ps, qs = ([side[i] for i in rows] for side in (ps, qs))
    for alpha in (0.5, 2.0):
        p, q = (made(family, side, numpy_backend, "float32") for side in (ps, qs))
        found = renyi(p, q, alpha)
        assert found.dtype == np.float32
        for p, q, value in zip(ps, qs, found, strict=True):
            with mp.workdps(60):
                expected = truth.renyi(family, p, q, alpha)
            if 1e-36 < expected < 1e38:
                assert value == pytest.approx(float(expected), rel=1e-6, abs=0), (p, q, alpha)


BY_INTEGRAL: dict[str, tuple[Member, Member]] = {
    "Normal": ({"loc": 0.0, "scale": 1.0}, {"loc": 0.75, "scale": 1.25}),
    "LogNormal": ({"loc": 0.0, "scale": 1.0}, {"loc": 0.75, "scale": 1.25}),
    "LogitNormal": ({"loc": 0.0, "scale": 1.0}, {"loc": 0.75, "scale": 1.25}),
    "Laplace": ({"loc": 0.0, "scale": 1.0}, {"loc": 0.75, "scale": 1.25}),
    "Gumbel": ({"loc": 0.75, "scale": 2.0}, {"loc": 0.5, "scale": 2.0}),
    "Moyal": ({"loc": 0.75, "scale": 2.0}, {"loc": 0.5, "scale": 2.0}),
    "HalfNormal": ({"scale": 1.0}, {"scale": 1.25}),
    "Rayleigh": ({"scale": 1.0}, {"scale": 1.25}),
    "Maxwell": ({"scale": 1.0}, {"scale": 1.25}),
    "Exponential": ({"rate": 1.25}, {"rate": 1.0}),
    "Gamma": ({"concentration": 2.5, "rate": 1.5}, {"concentration": 2.0, "rate": 1.25}),
    "InverseGamma": ({"concentration": 2.5, "rate": 1.5}, {"concentration": 2.0, "rate": 1.25}),
    "Chi": ({"df": 4.0}, {"df": 3.0}),
    "Chi2": ({"df": 4.0}, {"df": 3.0}),
    "Weibull": ({"scale": 1.0, "concentration": 1.5}, {"scale": 1.25, "concentration": 1.5}),
    "InverseGaussian": ({"loc": 1.0, "concentration": 2.0}, {"loc": 1.25, "concentration": 1.5}),
    "Pareto": ({"scale": 1.5, "alpha": 3.0}, {"scale": 1.25, "alpha": 2.0}),
    "Beta": (
        {"concentration1": 2.5, "concentration0": 1.5},
        {"concentration1": 2.0, "concentration0": 1.25},
    ),
    "Uniform": ({"low": 0.25, "high": 0.75}, {"low": 0.0, "high": 1.0}),
    "Bernoulli": ({"probs": 0.25}, {"probs": 0.5}),
    "Binomial": ({"total_count": 5.0, "probs": 0.25}, {"total_count": 5.0, "probs": 0.5}),
    "Geometric": ({"probs": 0.5}, {"probs": 0.375}),
    "NegativeBinomial": (
        {"total_count": 2.5, "probs": 0.25},
        {"total_count": 2.5, "probs": 0.375},
    ),
    "Poisson": ({"rate": 2.0}, {"rate": 3.0}),
}


@pytest.mark.parametrize("family", BY_INTEGRAL)
def test_the_formulas_are_the_integral(family: str) -> None:
    p, q = BY_INTEGRAL[family]
    for alpha in (0.3, 2.0):
        with mp.workdps(30):
            formula = truth.renyi(family, p, q, alpha)
            assert abs(truth.renyi_by_integral(family, p, q, alpha) - formula) < 1e-17 * formula


# --- what follows -------------------------------------------------------------------------------


@pytest.mark.parametrize("family", CLOSED)
def test_what_follows(numpy_backend: Backend, family: str) -> None:
    for p, q in [*list(scaled(family))[:6], *list(scaled(family))[-4:]]:
        a, b = (getattr(relentropy, family)(**m) for m in (p, q))
        with mp.workdps(60):
            logs = {x: truth.renyi(family, p, q, x) * (mpf(x) - 1) for x in (0.5, 0.25, 2.0, 3.0)}
            expected: dict[str, tuple[Any, Any]] = {
                "bhattacharyya": (bhattacharyya(a, b), -logs[0.5]),
                "hellinger": (hellinger(a, b), mp.sqrt(-mp.expm1(logs[0.5]))),
                "tsallis": (tsallis(a, b, 0.25), mp.expm1(logs[0.25]) / (-0.75)),
                "chi_square": (chi_square(a, b), mp.expm1(logs[2.0])),
                "tsallis-3": (tsallis(a, b, 3.0), mp.expm1(logs[3.0]) / 2),
            }
        for name, (value, of_truth) in expected.items():
            if of_truth < 1e300:
                assert float(value) == pytest.approx(float(of_truth), rel=1e-10, abs=0), name
            else:
                assert value == INF or float(value) == pytest.approx(float(of_truth), rel=1e-8)


def highest(f: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """The maximum of a function that rises and then falls, by thirds."""
    low, high = mpf(low), mpf(high)
    for _ in range(120):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (a, high) if f(a) < f(b) else (low, b)
    return f((low + high) / 2)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("family", [f for f in CLOSED if f != "Uniform"])
def test_chernoff(request: pytest.FixtureRequest, framework: str, family: str) -> None:
    xp = request.getfixturevalue(f"{framework}_backend")
    p, q = BY_INTEGRAL.get(family, ({"power": 2.5}, {"power": 3.5}))
    with mp.workdps(40):
        expected = highest(lambda x: -truth.log_power(family, p, q, x), 0, 1)
    value = xp.numpy(chernoff(made(family, [p], xp), made(family, [q], xp)))
    assert value == pytest.approx(float(expected), rel=1e-9)


# --- where it is infinite -----------------------------------------------------------------------

third = 1 / 3
BOUNDARY: list[tuple[Any, Any, dict[float, bool]]] = [
    # Whether the integral exists at this order: α x + (1-α) y on the edge, and beside it.
    (Exponential(1.0), Exponential(2.0), {2: False, 2 - 1e-9: True, 1.5: True}),
    (Exponential(1.0), Exponential(2 - 1e-15), {2: True}),
    (Exponential(0.1), Exponential(0.3), {1.5: True}),  # 1.5 · 0.1 > 0.5 · 0.3, by 1.4e-17
    (Exponential(third), Exponential(1.0), {1.5: False}),  # below 1/3
    (Gamma(1.0, 1.0), Gamma(2.0, 1.0), {2: False, 1.5: True}),
    (Gamma(2.0, 1.0), Gamma(2.0, 2.0), {2: False}),
    (InverseGamma(1.0, 1.0), InverseGamma(1.0, 2.0), {2: False, 1.9: True}),
    (Chi2(2.0), Chi2(4.0), {2: False, 1.99: True}),
    (HalfNormal(1.0), HalfNormal(math.sqrt(0.5)), {2: True}),  # this root is above 0.5
    (HalfNormal(1.0), HalfNormal(np.nextafter(math.sqrt(0.5), 0)), {2: False}),
    (HalfNormal(1.0), HalfNormal(0.5), {4 / 3: True, 1.34: False}),  # 4 / 3 is below 4/3
    (Rayleigh(3.0), Rayleigh(1.0), {1.125: False, 1.124: True}),
    (Maxwell(3.0), Maxwell(1.0), {1.125: False, 1.124: True}),
    (Normal(0.0, 3.0), Normal(5.0, 1.0), {1.125: False, 1.124: True}),
    (Normal(0.0, 3.0), Normal(0.0, 1.0), {1.125: False}),
    (Laplace(0.0, 2.0), Laplace(1.0, 1.0), {2: False, 1.99: True}),
    (Weibull(1.0, 1.0), Weibull(0.5, 1.0), {2: False, 1.99: True}),
    (Weibull(3.0, 2.0), Weibull(1.0, 2.0), {1.126: False, 1.124: True}),
    (Pareto(1.0, 1.0), Pareto(1.0, 2.0), {2: False, 1.99: True}),
    (Pareto(1.0, 2.0), Pareto(2.0, 1.0), {1.5: False, 0.5: True}),
    (Beta(1.0, 1.0), Beta(2.0, 1.0), {2: False, 1.99: True}),
    (Beta(1.0, 1.0), Beta(1.0, 3.0), {1.5: False, 1.49: True}),
    (Geometric(0.5), Geometric(0.75), {2: False, 1.99: True}),
    (NegativeBinomial(2.5, 0.5), NegativeBinomial(2.5, 0.25), {2: False, 1.99: True}),
    (Zipf(2.0), Zipf(3.0), {2: False, 1.99: True}),
    (Poisson(1.0), Poisson(1e-3), {10: True}),
    (Poisson(1.0), Poisson(0.0), {1.5: False, 0.5: True}),
    (Bernoulli(0.5), Bernoulli(0.0), {1.5: False, 0.5: True}),
    (Binomial(3, 0.5), Binomial(3, 1.0), {1.5: False, 0.5: True}),
    (Geometric(0.5), Geometric(1.0), {1.5: False, 0.5: True}),
    (Uniform(0.0, 2.0), Uniform(0.0, 1.0), {1.5: False, 0.5: True}),
    # ψ = 2/1 - 1·2 = 0: Lévy's distribution has no mean, but it is one; λ = 0 is none.
    (InverseGaussian(1.0, 1.0), InverseGaussian(0.5, 0.5), {2: True, 2.001: False}),
    (InverseGaussian(1.0, 1.0), InverseGaussian(2.0, 2.0), {2: False, 1.99: True}),
]


@pytest.mark.parametrize(("p", "q", "orders"), BOUNDARY, ids=[f"{p}-{q}" for p, q, _ in BOUNDARY])
def test_infinite_exactly_where_the_integral_is(p: Any, q: Any, orders: dict[float, bool]) -> None:
    for alpha, exists in orders.items():
        value = renyi(p, q, alpha)
        assert (0 < value < INF) if exists else value == INF, (alpha, value)


def test_all_but_divergent() -> None:
    """The case that once raised: 1/(1.999 · (2 - 1.999)) - 1."""
    with mp.workdps(30):
        s = mpf(1.999)
        expected = 1 / (s * (2 - s)) - 1
    assert float(chi_square(Exponential(1), Exponential(1.999))) == pytest.approx(
        float(expected), rel=1e-12
    )
    # Lévy's: log ∫ p²/q = F(2 x - y) - 2 F(x) + F(y), F = -log(λ)/2 - √(λψ).
    p, q = InverseGaussian(1.0, 1.0), InverseGaussian(0.5, 0.5)
    assert float(renyi(p, q, 2.0)) == pytest.approx(-math.log(1.5) / 2 + 1 + math.log(2) / 2)


EDGES: list[tuple[Any, Any, float, float]] = [
    (Poisson(0.0), Poisson(2.0), 3.0, 2.0),
    (Poisson(2.0), Poisson(0.0), 0.5, 2.0),
    (Poisson(0.0), Poisson(0.0), 2.0, 0.0),
    (Bernoulli(0.0), Bernoulli(0.25), 2.0, -math.log(0.75)),
    (Bernoulli(1.0), Bernoulli(0.0), 0.5, INF),
    (Geometric(1.0), Geometric(0.25), 2.0, math.log(4)),
    (Geometric(0.25), Geometric(1.0), 0.5, math.log(4)),
    (Geometric(1.0), Geometric(1.0), 0.5, 0.0),
    (NegativeBinomial(2.0, 0.0), NegativeBinomial(2.0, 0.75), 2.0, 2 * math.log(4)),
    (Binomial(0, 0.5), Binomial(0, 0.0), 2.0, 0.0),
    (Uniform(0.0, 2.0), Uniform(1.0, 5.0), 0.5, math.log(2) + math.log(4)),
    (Uniform(0.0, 2.0), Uniform(1.0, 5.0), 0.0, math.log(4)),
    (Pareto(2.0, 3.0), Pareto(1.0, 2.0), 0.0, 2 * math.log(2)),
    (Pareto(1.0, 3.0), Pareto(2.0, 2.0), 0.0, 0.0),
    (Normal(0.0, 1.0), Normal(3.0, 2.0), 0.0, 0.0),
    (Laplace(0.0, 1.0), Laplace(3.0, 2.0), 0.0, 0.0),
]


@pytest.mark.parametrize(("p", "q", "alpha", "expected"), EDGES)
def test_edges(p: Any, q: Any, alpha: float, expected: float) -> None:
    assert float(renyi(p, q, alpha)) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("family", CLOSED)
def test_zero_of_equal_members(numpy_backend: Backend, family: str) -> None:
    for member in MEMBERS[family]:
        p = made(family, [member], numpy_backend)
        for alpha in (0, 0.3, 0.5, 2.0, 7.0, INF):
            assert renyi(p, p, alpha) == 0, alpha
        for verb in (chi_square, hellinger, bhattacharyya, chernoff):
            assert verb(p, p) == 0, verb


# --- infinite order -----------------------------------------------------------------------------


LARGEST: list[tuple[str, Member, Member, tuple[float, float]]] = [
    ("Normal", {"loc": 0.0, "scale": 1.0}, {"loc": 0.5, "scale": 1.5}, (-5, 5)),
    ("Normal", {"loc": 0.0, "scale": 1.0}, {"loc": 1e-6, "scale": 1 + 1e-6}, (-5, 5)),
    ("LogNormal", {"loc": 0.0, "scale": 1.0}, {"loc": 0.5, "scale": 1.5}, (1e-2, 1e2)),
    ("LogitNormal", {"loc": 0.0, "scale": 1.0}, {"loc": 0.5, "scale": 1.5}, (0.01, 0.99)),
    ("Laplace", {"loc": 0.0, "scale": 1.0}, {"loc": 0.5, "scale": 1.5}, (-1, 1)),
    ("Gumbel", {"loc": 0.75, "scale": 2.0}, {"loc": 0.25, "scale": 2.0}, (1e3, 1e4)),
    ("HalfNormal", {"scale": 1.0}, {"scale": 1.5}, (0, 1e-30)),
    ("Chi", {"df": 5.0}, {"df": 5.0}, (1, 2)),
    ("Gamma", {"concentration": 3.0, "rate": 2.0}, {"concentration": 2.0, "rate": 1.0}, (0.1, 9)),
    (
        "Gamma",
        {"concentration": 0.3, "rate": 2.0},
        {"concentration": 0.3 - 1e-6, "rate": 2 - 1e-5},
        (1e-3, 9),
    ),
    (
        "Gamma",
        {"concentration": 1e4, "rate": 1.0},
        {"concentration": 9990.0, "rate": 0.999},
        (1e3, 1e5),
    ),
    (
        "InverseGamma",
        {"concentration": 3.0, "rate": 2.0},
        {"concentration": 2.0, "rate": 1.0},
        (0.1, 9),
    ),
    (
        "InverseGaussian",
        {"loc": 1.0, "concentration": 2.0},
        {"loc": 1.25, "concentration": 1.5},
        (0.01, 100),
    ),
    (
        "InverseGaussian",
        {"loc": 1.0, "concentration": 2.0},
        {"loc": 1 + 1e-6, "concentration": 2 - 1e-5},
        (0.01, 100),
    ),
    (
        "Beta",
        {"concentration1": 3.0, "concentration0": 2.5},
        {"concentration1": 2.0, "concentration0": 0.5},
        (0.01, 0.99),
    ),
    (
        "Beta",
        {"concentration1": 1e4, "concentration0": 1e3},
        {"concentration1": 1e4 - 1e-2, "concentration0": 1e3 - 1e-3},
        (0.01, 0.99),
    ),
    ("Pareto", {"scale": 2.0, "alpha": 3.0}, {"scale": 1.5, "alpha": 2.0}, (2, 2 + 1e-30)),
    ("Poisson", {"rate": 2.0}, {"rate": 3.0}, (0, 0)),
    ("Geometric", {"probs": 0.5}, {"probs": 0.375}, (0, 0)),
    (
        "NegativeBinomial",
        {"total_count": 2.5, "probs": 0.25},
        {"total_count": 2.5, "probs": 0.375},
        (0, 0),
    ),
    ("Zipf", {"power": 3.0}, {"power": 2.5}, (1, 1)),
    ("Bernoulli", {"probs": 0.25}, {"probs": 0.5}, (0, 0)),
    ("Binomial", {"total_count": 5.0, "probs": 0.25}, {"total_count": 5.0, "probs": 0.5}, (0, 0)),
    ("Uniform", {"low": 0.25, "high": 0.75}, {"low": 0.0, "high": 1.0}, (0.3, 0.7)),
    ("Cauchy", {"loc": 0.0, "scale": 1.0}, {"loc": 0.5, "scale": 1.5}, (-1, 1)),
    ("Cauchy", {"loc": 0.0, "scale": 1.0}, {"loc": 1e-6, "scale": 1.0}, (-5, 0)),
    ("HalfCauchy", {"scale": 1.0}, {"scale": 1.5}, (0, 1e-30)),
    ("HalfCauchy", {"scale": 1.0}, {"scale": 0.5}, (1e19, 1e20)),
    ("VonMises", {"loc": 0.0, "concentration": 2.0}, {"loc": 0.5, "concentration": 1.0}, (-2, 2)),
    (
        "VonMises",
        {"loc": 0.0, "concentration": 1.0},
        {"loc": 0.5, "concentration": 2.0},
        (-3.14, -0.5),
    ),
    ("ContinuousBernoulli", {"probs": 0.375}, {"probs": 0.25}, (1 - 1e-30, 1)),
    ("ContinuousBernoulli", {"probs": 0.375}, {"probs": 0.75}, (0, 1e-30)),
]


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize(("family", "p", "q", "between"), LARGEST)
def test_the_largest_log_ratio(
    request: pytest.FixtureRequest,
    framework: str,
    family: str,
    p: Member,
    q: Member,
    between: tuple[float, float],
) -> None:
    xp = request.getfixturevalue(f"{framework}_backend")
    a, b = made(family, [p], xp), made(family, [q], xp)
    with mp.workdps(60):
        of_p, of_q = law(family, p), law(family, q)

        def log_ratio(x: Any) -> Any:
            if of_p.lattice:
                return of_p.log_density(int(x)) - of_q.log_density(int(x))
            t = truth.point(of_p, x)
            return of_p.log_density(t) - of_q.log_density(t)

        if between[0] == between[1]:
            expected = log_ratio(mpf(between[0]))
        else:
            expected = highest(log_ratio, mpf(between[0]), mpf(between[1]))
    found = xp.numpy(renyi(a, b, INF))
    assert found == pytest.approx([float(expected)], rel=1e-9, abs=1e-15)


def test_the_largest_log_ratio_may_be_infinite() -> None:
    pairs: list[tuple[Any, Any]] = [
        (Normal(0.0, 2.0), Normal(0.0, 1.0)),
        (Normal(0.0, 1.0), Normal(1e-9, 1.0)),
        (Laplace(0.0, 2.0), Laplace(0.0, 1.0)),
        (Exponential(1.0), Exponential(1.5)),
        (Gamma(2.0, 1.0), Gamma(1.0, 1.0)),
        (Gamma(1.0, 2.0), Gamma(2.0, 1.0)),
        (Beta(2.0, 1.0), Beta(1.0, 2.0)),
        (InverseGaussian(1.0, 1.0), InverseGaussian(1.0, 2.0)),
        (Pareto(1.0, 2.0), Pareto(2.0, 1.0)),
        (Poisson(2.0), Poisson(1.0)),
        (Geometric(0.25), Geometric(0.5)),
        (Zipf(2.0), Zipf(3.0)),
        (Uniform(0.0, 2.0), Uniform(0.0, 1.0)),
        (Bernoulli(0.5), Bernoulli(1.0)),
    ]
    for p, q in pairs:
        assert renyi(p, q, INF) == INF, (p, q)
    assert float(renyi(Laplace(0.0, 1.0), Laplace(2.0, 1.0), INF)) == 2
    assert float(renyi(Gamma(2.0, 2.0), Gamma(2.0, 1.0), INF)) == pytest.approx(2 * math.log(2))


def test_no_largest_log_ratio_says_what_to_do() -> None:
    for p, q in [
        (Weibull(1.0, 1.0), Weibull(1.0, 2.0)),
        (Binomial(4, 0.5), Binomial(5, 0.5)),
        (Kumaraswamy(1.0, 2.0), Kumaraswamy(2.0, 2.0)),
    ]:
        with pytest.raises(LookupError, match=r"finite order, or maximise p\.log_density"):
            renyi(p, q, INF)


# --- batches, gradients, traces -----------------------------------------------------------------


def test_rows_that_are_not_closed_are_answered_by_numbers(numpy_backend: Backend) -> None:
    batches: list[tuple[Any, Any]] = [
        (Weibull(1.0, np.array([1.5, 1.5, 2.0])), Weibull(np.array([1.25, 0.5, 1.5]), 1.5)),
        (Gumbel(0.5, np.array([1.0, 2.0])), Gumbel(0.25, 2.0)),
        (Moyal(0.5, np.array([2.5, 2.0])), Moyal(0.25, 2.0)),
        (Binomial(np.array([4.0, 5.0]), 0.25), Binomial(5.0, np.array([0.5, 0.375]))),
        (NegativeBinomial(np.array([2.0, 2.5]), 0.25), NegativeBinomial(2.5, 0.375)),
        (Binomial(np.array([1.0, 3.0]), 0.25), Bernoulli(0.5)),
        (NegativeBinomial(np.array([1.0, 3.0]), 0.25), Geometric(0.5)),
    ]
    for p, q in batches:
        for alpha in (0.5, 1.25):
            found = renyi(p, q, alpha)
            shape = found.shape
            singles = [
                float(renyi(a.rows(0), b.rows(0), alpha))
                for a, b in zip(*(rows_of(x, shape) for x in (p, q)), strict=True)
            ]
            np.testing.assert_allclose(found, singles, rtol=1e-12)
            assert float(chernoff(p, q)[-1]) > 0


def rows_of(p: Any, shape: tuple[int, ...]) -> list[Any]:
    return [p.flattened(shape).rows(slice(i, i + 1)) for i in range(shape[0])]


SLOPES = [f for f in CLOSED if f not in ("Bernoulli", "Binomial")]


@pytest.mark.parametrize("family", [f for f in SLOPES if f not in FIXED])
def test_gradients(eager_autodiff: Backend, family: str) -> None:
    p, q = BY_INTEGRAL.get(family, ({"power": 3.0}, {"power": 2.5}))
    for alpha in (0.3, 1.75):
        check_gradients(eager_autodiff, family, p, q, alpha, truth.renyi, 60)
    near = {n: x * (1 + 1e-6) for n, x in p.items()}
    if family not in ("Uniform", "Pareto", "Laplace"):  # whose derivatives jump there
        check_gradients(eager_autodiff, family, p, near, 2.0, truth.renyi, 60)


@pytest.mark.parametrize("family", [f for f in SLOPES if f in FIXED])
def test_gradients_towards_what_must_be_equal(eager_autodiff: Backend, family: str) -> None:
    """The derivative of the integral, though the formula holds of equal parameters only.

    Above order 1 those of powers have one on one side only: on the other the integral diverges.
    """
    p, q = BY_INTEGRAL[family]
    for alpha in (0.25, 0.75) if family != "NegativeBinomial" else (0.5, 1.5):
        check_gradients(eager_autodiff, family, p, q, alpha, truth.renyi_by_integral, 25)


def check_gradients(
    xp: Any, family: str, p: Member, q: Member, alpha: float, of_truth: Any, digits: int
) -> None:
    names = list(p)

    def f(*arrays: Any) -> Any:
        halves = arrays[: len(names)], arrays[len(names) :]
        a, b = (
            getattr(relentropy, family)(**dict(zip(names, half, strict=True))) for half in halves
        )
        return renyi(a, b, alpha)

    found = xp.gradient(f, *(xp.array([m[n]]) for m in (p, q) for n in names))
    step = mpf(10) ** (-digits // 3)
    with mp.workdps(digits):
        for i, slope in enumerate(found):
            sides = []
            for sign in (1, -1):
                pair: list[dict[str, Any]] = [dict(p), dict(q)]
                name = names[i % len(names)]
                pair[i // len(names)][name] = mpf(pair[i // len(names)][name]) + sign * step
                sides.append(of_truth(family, *pair, alpha))
            expected = float((sides[0] - sides[1]) / (2 * step))
            assert slope[0] == pytest.approx(expected, rel=1e-8, abs=1e-14), (names, i, alpha)


@pytest.mark.parametrize("family", CLOSED)
def test_no_gradient_is_nan_where_it_is_infinite(eager_autodiff: Backend, family: str) -> None:
    xp = eager_autodiff
    q, p = BY_INTEGRAL.get(family, ({"power": 3.0}, {"power": 1.5}))
    wide = {n: x * (30 if n == "scale" else 1) for n, x in p.items()}
    names = [n for n in p if n != "total_count"]
    counts = {n: xp.array([x]) for n, x in p.items() if n == "total_count"}

    def f(*arrays: Any) -> Any:
        a, b = (
            getattr(relentropy, family)(**counts, **dict(zip(names, half, strict=True)))
            for half in (arrays[: len(names)], arrays[len(names) :])
        )
        return sum(verb(a, b) for verb in (chi_square, lambda a, b: renyi(a, b, 9.0)))

    for slope in xp.gradient(f, *(xp.array([m[n]]) for m in (wide, q) for n in names)):
        assert not np.isnan(slope).any()


@pytest.mark.parametrize("family", ["Normal", "Gamma", "Geometric", "Laplace"])
def test_compiled(jax_backend: Any, family: str) -> None:
    xp = jax_backend
    p, q = BY_INTEGRAL[family]
    for verb in (lambda a, b: renyi(a, b, 0.5), chi_square, lambda a, b: renyi(a, b, INF)):

        def f(*arrays: Any, verb: Any = verb) -> Any:
            halves = arrays[: len(p)], arrays[len(p) :]
            a, b = (
                getattr(relentropy, family)(**dict(zip(p, half, strict=True))) for half in halves
            )
            return verb(a, b)

        arrays = [xp.array([m[n]]) for m in (p, q) for n in p]
        eager, compiled = f(*arrays), xp.jit(f)(*arrays)
        np.testing.assert_allclose(xp.numpy(compiled), xp.numpy(eager), rtol=1e-12)


def test_other_families_go_on_by_numbers() -> None:
    assert float(renyi(Logistic(0.0, 1.0), Logistic(0.5, 1.0), 2.0)) > 0
    with pytest.raises(LookupError, match="Logistic and Logistic"):
        renyi(Logistic(0.0, 1.0), Logistic(0.5, 1.0), INF)
