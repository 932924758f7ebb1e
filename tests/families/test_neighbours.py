"""The divergences beside relative entropy, of pairs of families, against brute force.

Brute force is SciPy's densities under SciPy's integration between quantiles, ends and crossings;
for whole numbers it is the sum, in 30 digits where it is long.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp
from scipy import optimize, special

import relentropy
from relentropy import (
    Bernoulli,
    Beta,
    BetaBinomial,
    Binomial,
    Cauchy,
    Delta,
    Exponential,
    Gamma,
    GeneralizedPareto,
    Geometric,
    Gumbel,
    HalfNormal,
    InverseGamma,
    Laplace,
    LogNormal,
    NegativeBinomial,
    Normal,
    Pareto,
    Poisson,
    StudentT,
    Triangular,
    TruncatedNormal,
    Uniform,
    VonMises,
    Weibull,
    Zipf,
    bhattacharyya,
    bounds,
    chernoff,
    chi_square,
    f_divergence,
    hellinger,
    jeffreys,
    jensen_shannon,
    relative_entropy,
    renyi,
    total_variation,
    tsallis,
)
from tests.backends import Backend
from tests.families import scipy_laws
from tests.families.brute_force import Sum, Truth, brute
from tests.tables.laws import law

INF = math.inf
RTOL = 1e-9


def exp(x: Any) -> Any:
    return np.exp(x)


def power(truth: Truth, alpha: float) -> float:
    """∫ p^α q^(1-α)."""
    return truth.integral(
        lambda a, b: np.where((a > -INF) & (b > -INF), exp(alpha * a + (1 - alpha) * b), 0.0)
    )


def of_total_variation(t: Truth) -> float:
    return t.integral(lambda a, b: abs(exp(a) - exp(b))) / 2


def of_hellinger(t: Truth) -> float:
    return math.sqrt(t.integral(lambda a, b: (exp(a / 2) - exp(b / 2)) ** 2) / 2)


def of_bhattacharyya(t: Truth) -> float:
    overlap = power(t, 0.5)
    return -math.log(overlap) if overlap > 0 else INF


def of_jensen_shannon(weight: float) -> Callable[[Truth], float]:
    def value(t: Truth) -> float:
        def f(a: Any, b: Any) -> Any:
            m = np.logaddexp(a + math.log(weight), b + math.log1p(-weight))
            of_p = np.where(a > -INF, exp(a) * (a - m), 0.0)
            return weight * of_p + (1 - weight) * np.where(b > -INF, exp(b) * (b - m), 0.0)

        return t.integral(f)

    return value


def of_renyi(alpha: float) -> Callable[[Truth], float]:
    def value(t: Truth) -> float:
        mass = power(t, alpha)
        return math.log(mass) / (alpha - 1) if mass > 0 else INF

    return value


def of_tsallis(alpha: float) -> Callable[[Truth], float]:
    return lambda t: (power(t, alpha) - 1) / (alpha - 1)


def of_chernoff(t: Truth) -> float:
    if power(t, 0.5) == 0:
        return INF
    # On the common support, so that it is continuous at 0 and 1.
    inner = optimize.minimize_scalar(
        lambda alpha: power(t, alpha), bounds=(0, 1), method="bounded", options={"xatol": 1e-6}
    )
    return -math.log(min(inner.fun, power(t, 0), power(t, 1)))


def squared(x: Any) -> Any:
    return (x**0.5 - 1) ** 2


VERBS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Truth], float]]] = {
    "total_variation": (total_variation, of_total_variation),
    "hellinger": (hellinger, of_hellinger),
    "bhattacharyya": (bhattacharyya, of_bhattacharyya),
    "jensen_shannon": (jensen_shannon, of_jensen_shannon(0.5)),
    "jensen_shannon-0.1": (lambda p, q: jensen_shannon(p, q, weight=0.1), of_jensen_shannon(0.1)),
    "jensen_shannon-0.9": (lambda p, q: jensen_shannon(p, q, weight=0.9), of_jensen_shannon(0.9)),
    "renyi-0.3": (lambda p, q: renyi(p, q, 0.3), of_renyi(0.3)),
    "renyi-0.5": (lambda p, q: renyi(p, q, 0.5), of_renyi(0.5)),
    "tsallis-0.3": (lambda p, q: tsallis(p, q, 0.3), of_tsallis(0.3)),
    "chernoff": (chernoff, of_chernoff),
    "f_divergence": (
        lambda p, q: f_divergence(p, q, squared, at_infinity=1.0),
        lambda t: 2 * of_hellinger(t) ** 2,
    ),
}
"""Those that are finite for all pairs with common mass."""

UPPER: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Truth], float]]] = {
    "chi_square": (chi_square, lambda t: power(t, 2) - 1),
    "renyi-2": (lambda p, q: renyi(p, q, 2), of_renyi(2)),
    "renyi-3": (lambda p, q: renyi(p, q, 3), of_renyi(3)),
    "tsallis-2": (lambda p, q: tsallis(p, q, 2.0), of_tsallis(2)),
}
"""Those that may be infinite."""


def assert_close(found: Any, expected: float, what: str, atol: float = 1e-15) -> None:
    assert float(found) == pytest.approx(expected, rel=RTOL, abs=atol), what


def compare(p: Any, q: Any, truth: Truth, verbs: Any) -> None:
    for name, (verb, expected) in verbs.items():
        # Brute force subtracts: 1 - ∫ is no better than 1e-15.
        assert_close(verb(p, q), expected(truth), f"{name} of {p} and {q}", atol=2e-14)


EQUAL_SUPPORTS = [
    (Normal(0, 1), Normal(1, 2)),
    (Normal(0, 1), Normal(12, 0.5)),
    (Normal(0, 1), StudentT(3.0, 1, 2)),
    (Laplace(0, 1), Normal(0.5, 1)),
    (Cauchy(0, 1), StudentT(1.5, 1, 1)),
    (Gumbel(0, 1), Normal(0, 1)),
    (Gamma(2.5, 1.0), Weibull(1.5, 2.0)),
    (Gamma(0.4, 1.0), Exponential(1.0)),
    (InverseGamma(3.0, 2.0), LogNormal(0.0, 1.0)),
    (Beta(2, 3), Beta(0.5, 1.5)),
    (Beta(2, 3), Uniform(0, 1)),
    (VonMises(0.5, 2), Uniform(-math.pi, math.pi)),
]
NESTED_SUPPORTS = [
    (Normal(0.5, 1), Gamma(2.0, 1.0)),
    (Laplace(0.5, 1), Exponential(1.0)),
    (Normal(0, 1), HalfNormal(1.0)),
    (Uniform(-1, 0.5), Uniform(-2, 4)),
    (Uniform(0, 1), Normal(0, 1)),
    (StudentT(2.0), Uniform(-1, 2)),
    (Cauchy(0, 1), Beta(2, 2)),
    (Exponential(1.0), Pareto(1.0, 2.0)),
    (Weibull(1.0, 2.0), Uniform(0.5, 2)),
    (TruncatedNormal(0, 1, -1, 2), Normal(0, 1)),
    (Triangular(0, 1, 0.25), Triangular(-1, 3, 0)),
    (GeneralizedPareto(0, 1, -0.5), Exponential(1.0)),
]
OVERLAPPING_SUPPORTS = [
    (Uniform(0, 1), Uniform(0.5, 2)),
    (Beta(2, 3), Uniform(-1, 0.5)),
    (Exponential(1.0), Uniform(-1, 2)),
    (Triangular(0, 2, 1), Triangular(1, 4, 1.5)),
    (VonMises(0, 1), Exponential(0.5)),
    (Gamma(2.0, 1.0), VonMises(3.0, 4.0)),
    (Pareto(1.0, 1.5), TruncatedNormal(0, 2, -2, 3)),
    (GeneralizedPareto(-1, 1, 0.3), Exponential(1.0)),
    (GeneralizedPareto(-1, 1, -0.4), Gamma(3.0, 2.0)),
    (TruncatedNormal(0, 1, -INF, 1), HalfNormal(1.0)),
]


def named(pairs: list[Any]) -> dict[str, Any]:
    return {"argvalues": pairs, "ids": [f"{p}-{q}" for p, q in pairs]}


@pytest.mark.parametrize(
    ("p", "q"), **named([*EQUAL_SUPPORTS, *NESTED_SUPPORTS, *OVERLAPPING_SUPPORTS])
)
def test_densities(p: Any, q: Any) -> None:
    truth = brute(p, q)
    compare(p, q, truth, VERBS)
    swapped = brute(q, p)
    compare(q, p, swapped, {name: VERBS[name] for name in ("total_variation", "renyi-0.3")})


FINITE_POWERS = [
    (Normal(0, 1), Normal(1, 2)),
    (Uniform(-1, 0.5), Uniform(-2, 4)),
    (Uniform(0, 1), Normal(0, 1)),
    (Normal(0, 1), StudentT(3.0, 1, 2)),
    (Normal(0, 1), Laplace(0, 1)),
    (HalfNormal(1.0), Laplace(0, 1)),
    (Gamma(2.5, 2.0), Exponential(1.0)),
    (Beta(3, 4), Triangular(-1, 2, 0.5)),
    (Triangular(0, 1, 0.25), Triangular(-1, 3, 0)),
    (GeneralizedPareto(0, 1, 0.2), GeneralizedPareto(0, 1, 0.25)),
    (VonMises(0.5, 2), VonMises(1, 1)),
    (TruncatedNormal(0, 1, -1, 2), Normal(0, 1)),
    (Weibull(1.0, 2.0), Gamma(1.5, 0.5)),
]


@pytest.mark.parametrize(("p", "q"), **named(FINITE_POWERS))
def test_powers_above_one(p: Any, q: Any) -> None:
    compare(p, q, brute(p, q), UPPER)


# --- infinite ------------------------------------------------------------------------------------

DIVERGENT = [
    # p²/q of normals: 2/s² - 1/t² must be positive.
    (Normal(0, 1), Normal(0, 0.5), {2: INF, 3: INF}),
    (Normal(0, 1), Normal(0, 0.75), {2: None, 3: INF}),
    (Normal(0, 1), Normal(0, 0.7071), {2: INF}),
    (Normal(0, 1), Normal(5, 0.7), {2: INF}),
    (StudentT(3.0), Normal(0, 1), {1.5: INF, 2: INF}),
    (Laplace(0, 1), Normal(0, 1), {1.5: INF, 2: INF}),
    (Laplace(0, 1), Laplace(0, 0.5), {2: INF}),
    (Laplace(0, 1), Laplace(0, 0.51), {2: None, 3: INF}),
    (Exponential(1.0), Exponential(2.0), {1.5: None, 2: INF}),
    (Exponential(1.0), Exponential(1.9), {2: None}),
    (Cauchy(0, 1), StudentT(2.0), {1.5: None, 2: INF}),
    (Cauchy(0, 1), StudentT(1.9), {2: None, 3: INF}),
    (Pareto(1.0, 1.0), Pareto(1.0, 2.0), {2: INF}),
    (Pareto(1.0, 1.0), Pareto(1.0, 1.9), {2: None}),
    (Gamma(1.0, 1.0), Gamma(2.0, 1.0), {1.5: None, 2: INF}),
    (Gamma(1.0, 1.0), Gamma(1.9, 1.0), {2: None}),
    (Beta(1, 1), Beta(2, 1), {1.5: None, 2: INF}),
    (Uniform(0, 1), Beta(1, 2), {2: INF}),
    (Uniform(0, 1), Beta(1, 1.5), {2: None}),
    (Uniform(0, 1), Triangular(0, 1, 0.5), {1.9: None, 2: INF}),
    (Uniform(0.25, 0.75), Triangular(0, 1, 0.5), {2: None}),
    (Normal(0, 1), Gumbel(0, 1), {2: INF}),
    (Gumbel(0, 1), Gumbel(0, 0.4), {2: INF}),
    (Normal(0, 1), Uniform(-3, 3), {1.5: INF, 2: INF}),
    (Uniform(0, 1), Uniform(0.5, 2), {2: INF}),
    (Poisson(3.0), Geometric(0.5), {2: None}),
    (Geometric(0.5), Poisson(3.0), {1.5: INF, 2: INF}),
    (Geometric(0.5), Geometric(0.75), {2: INF}),
    (Geometric(0.5), Geometric(0.74), {2: None}),
    (Zipf(2.0), Zipf(3.0), {2: INF}),
    (Zipf(2.0), Zipf(2.9), {2: None, 3: INF}),
    (Binomial(5, 0.5), Binomial(4, 0.5), {2: INF}),
    (Binomial(4, 0.5), Binomial(5, 0.5), {2: None}),
]


@pytest.mark.parametrize(("p", "q", "orders"), DIVERGENT, ids=[f"{p}-{q}" for p, q, _ in DIVERGENT])
def test_infinite_exactly_where_the_integral_diverges(p: Any, q: Any, orders: Any) -> None:
    for alpha, expected in orders.items():
        values = [renyi(p, q, alpha), tsallis(p, q, alpha)]
        values += [chi_square(p, q), bounds(p, q)[1]] if alpha == 2 else []
        for value in values:
            assert (value == INF) if expected == INF else (0 < value < INF), (alpha, value)


def test_infinite_in_some_rows_of_a_batch() -> None:
    q = Normal(0.0, np.array([0.5, 0.75, 2.0]))
    found = chi_square(Normal(0.0, 1.0), q)
    assert found[0] == INF
    single = [chi_square(Normal(0.0, 1.0), Normal(0.0, s)) for s in (0.75, 2.0)]
    np.testing.assert_allclose(found[1:], single, rtol=1e-12)
    found = total_variation(Uniform(0.0, 1.0), Uniform(np.array([-3.0, 0.5, 0.0, 2.0, 0.25]), 2.5))
    np.testing.assert_allclose(found, [1 - 1 / 5.5, 0.75, 0.6, 1.0, 1 - 0.75 / 2.25], rtol=1e-14)


# --- in words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "s", "t"), [(1.0, 2.0, 3.0), (0.001, 1.0, 1.0), (30.0, 1.0, 2.0)])
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_normals_have_closed_forms(
    request: pytest.FixtureRequest, framework: str, m: float, s: float, t: float
) -> None:
    xp = request.getfixturevalue(f"{framework}_backend")
    p, q = Normal(xp.array(0.0), xp.array(s)), Normal(xp.array(m), xp.array(t))
    total = s**2 + t**2
    overlap = math.log(total / (2 * s * t)) / 2 + m**2 / (4 * total)
    expected = {
        bhattacharyya: overlap,
        hellinger: math.sqrt(-math.expm1(-overlap)),
    }
    for verb, value in expected.items():
        assert float(verb(p, q)) == pytest.approx(value, rel=RTOL), verb
    for alpha in (0.3, 2, 3):
        mixed = (1 - alpha) * s**2 + alpha * t**2
        value = INF
        if mixed > 0:
            value = math.log(t / s) + math.log(t**2 / mixed) / (2 * (alpha - 1))
            value += alpha * m**2 / (2 * mixed)
        assert float(renyi(p, q, alpha)) == pytest.approx(value, rel=RTOL), alpha
    if s == t:
        assert float(total_variation(p, q)) == pytest.approx(
            math.erf(m / s / math.sqrt(8)), rel=RTOL
        )
        assert float(chernoff(p, q)) == pytest.approx(m**2 / (8 * s**2), rel=RTOL)


@pytest.mark.exhaustive
def test_normals_on_jax(jax_backend: Backend) -> None:
    xp = jax_backend
    p, q = Normal(xp.array(0.0), xp.array([1.0, 2.0])), Normal(xp.array([1.0, 0.0]), xp.array(2.0))
    expected = math.log(5 / 4) / 2 + 1 / 20
    found = xp.numpy(hellinger(p, q))
    np.testing.assert_allclose(found, [math.sqrt(-math.expm1(-expected)), 0.0], rtol=RTOL)


def test_f_divergence_asks_what_mass_outside_costs() -> None:
    with pytest.raises(ValueError, match="at_infinity"):
        f_divergence(Uniform(0, 1), Uniform(0.5, 2), squared)
    with pytest.raises(ValueError, match="at_infinity"):  # p/q leaves the range of floats
        f_divergence(StudentT(3.0), Normal(0, 1), squared)
    heavy = f_divergence(StudentT(3.0), Normal(0, 1), lambda x: abs(x - 1) / 2, at_infinity=0.5)
    assert_close(heavy, float(total_variation(StudentT(3.0), Normal(0, 1))), "heavy")
    assert_close(f_divergence(Uniform(0, 1), Uniform(-1, 3), squared), 1.0, "covered")
    # The definition of relative entropy: no number where log(p/q) is out of range, but no inf.
    surprise = lambda x: special.xlogy(x, x) - x + 1  # noqa: E731
    found = f_divergence(Normal(0, 1), Laplace(0, 1), surprise, at_infinity=INF)
    assert_close(found, float(relative_entropy(Normal(0, 1), Laplace(0, 1))), "surprise")
    with pytest.raises(ArithmeticError, match="f_divergence"):
        f_divergence(StudentT(3.0), Normal(0, 1), surprise, at_infinity=INF)
    assert f_divergence(Uniform(0, 1), Uniform(0.5, 2), surprise, at_infinity=INF) == INF


def test_what_lies_outside_the_others_support_counts() -> None:
    """The mass outside was once dropped."""
    cases = [
        (Uniform(0, 1), Uniform(0.5, 2), 2 / 3),
        (Uniform(0, 1), Uniform(0, 4), 0.75),
        (Uniform(0, 4), Uniform(1, 2), 0.75),
        (Uniform(0, 1), Uniform(1, 2), 1.0),
        (Uniform(0, 1), Uniform(5, 6), 1.0),
        (Normal(0, 1), HalfNormal(1.0), 0.5),
        (Laplace(0, 1), Exponential(1.0), 0.5),
        (Normal(-20, 1), Exponential(1.0), 1.0),
        (Exponential(1.0), GeneralizedPareto(2, 1, 0), -math.expm1(-2)),
        (Normal(0, 1), TruncatedNormal(0, 1, 1, INF), special.ndtr(1)),
        (Binomial(2, 0.5), Delta(1.0), 0.5),
        (Binomial(2, 0.5), Binomial(3, 0.5), 0.25),
    ]
    for p, q, expected in cases:
        for pair in ((p, q), (q, p)):
            assert float(total_variation(*pair)) == pytest.approx(expected, rel=1e-12), pair


@pytest.mark.parametrize("sliver", [1e-3, 1e-6, 1e-9, 1e-12])
def test_a_sliver_outside(sliver: float) -> None:
    """Ends that nearly meet: the mass between them is all there is."""
    p, q = Uniform(0.0, 1.0), Uniform(0.0, 1.0 + sliver)
    end = 1.0 + sliver
    expected = (end - 1) / end
    for pair in ((p, q), (q, p)):
        assert float(total_variation(*pair)) == pytest.approx(expected, rel=1e-9)
        assert float(hellinger(*pair)) ** 2 == pytest.approx(-math.expm1(math.log1p(-expected) / 2))
    assert float(relative_entropy(p, q)) == pytest.approx(math.log1p(end - 1), rel=1e-9)
    p, q = Exponential(1.0), GeneralizedPareto(-sliver, 1.0, 0.0)
    # log(p/q) = -sliver on the common support, and Q has 1 - exp(-sliver) before it.
    for pair in ((p, q), (q, p)):
        assert float(total_variation(*pair)) == pytest.approx(-math.expm1(-sliver), rel=1e-9)
    assert float(relative_entropy(p, q)) == pytest.approx(sliver, rel=1e-9)


DISJOINT = [
    (Uniform(0, 1), Uniform(2, 3)),
    (Uniform(0, 1), Pareto(1.0, 2.0)),
    (Beta(2, 3), GeneralizedPareto(1, 1, 0.3)),
    (Exponential(1.0), Uniform(-2, 0)),
    (TruncatedNormal(0, 1, -INF, -1), Gamma(2.0, 1.0)),
    (Normal(0, 1), Poisson(3.0)),
    (Poisson(3.0), Gamma(2.0, 1.0)),
    (Uniform(0, 1), Bernoulli(0.5)),
    (Delta(0.5), Uniform(0, 1)),
    (Normal(0, 1), Delta(0.0)),
    (Delta(0.0), Delta(1.0)),
    (Delta(0.5), Poisson(2.0)),
    (Zipf(2.0), Delta(0.0)),
    (Bernoulli(0.0), Bernoulli(1.0)),
    (Delta(0.0), Zipf(3.0)),
    (Binomial(5, 1.0), Binomial(4, 0.3)),
]


@pytest.mark.parametrize(("p", "q"), **named(DISJOINT))
def test_nothing_in_common(p: Any, q: Any) -> None:
    assert relative_entropy(p, q) == INF
    assert float(total_variation(p, q)) == pytest.approx(1, rel=1e-14)
    assert float(hellinger(p, q)) == pytest.approx(1, rel=1e-14)
    assert bhattacharyya(p, q) == INF
    assert chernoff(p, q) == INF
    assert chi_square(p, q) == INF
    assert jeffreys(p, q) == INF
    assert float(jensen_shannon(p, q)) == pytest.approx(math.log(2), rel=1e-12)
    w = 0.25
    assert float(jensen_shannon(p, q, weight=w)) == pytest.approx(
        -w * math.log(w) - (1 - w) * math.log(1 - w), rel=1e-12
    )
    for alpha in (0.3, 0.5, 2, 3):
        assert renyi(p, q, alpha) == INF
    assert float(tsallis(p, q, 0.25)) == pytest.approx(4 / 3, rel=1e-12)
    assert tsallis(p, q, 2.0) == INF
    assert bounds(p, q) == (INF, INF)
    assert float(f_divergence(p, q, squared, at_infinity=1.0)) == pytest.approx(2, rel=1e-12)


# --- whole numbers -------------------------------------------------------------------------------

SHORT = [
    (Poisson(3.0), Poisson(4.0)),
    (Poisson(3.0), Geometric(0.2)),
    (Binomial(10, 0.35), Binomial(10, 0.5)),
    (Binomial(10, 0.35), Binomial(14, 0.5)),
    (Binomial(14, 0.5), Binomial(10, 0.35)),
    (Bernoulli(0.3), Poisson(1.0)),
    (Bernoulli(0.3), Bernoulli(0.0)),
    (BetaBinomial(2.0, 3.0, 10), Binomial(10, 0.4)),
    (NegativeBinomial(3.5, 0.4), Poisson(2.0)),
    (NegativeBinomial(0.2, 0.7), Geometric(0.1)),
    (Poisson(20.0), Zipf(4.5)),
]


@pytest.mark.parametrize(("p", "q"), **named(SHORT))
def test_whole_numbers(p: Any, q: Any) -> None:
    for a, b in ((p, q), (q, p)):
        k = np.arange(0, 4000.0)
        logs = [scipy_laws.of(f).logpmf(k) for f in (a, b)]
        if "Zipf" in f"{a}{b}":  # the tail beyond: p log p of 4.5 is below 1e-11
            continue
        compare(a, b, Sum(*logs), VERBS)


def mpmath_logs(p: Any, q: Any, low: int, high: int) -> Sum:
    """log p, log q from 30 digits; t = log p - log q is kept as their difference."""
    with mp.workdps(30):
        laws = [
            law(type(f).__name__, {n: float(x) for n, x in f.parameters().items()}) for f in (p, q)
        ]
        logs = [[float(f.log_density(mp.mpf(k))) for k in range(low, high)] for f in laws]
    return Sum(*(np.array(x) for x in logs))


LONG = [
    (Poisson(5000.0), Poisson(5010.0), 3900, 6100),
    (Poisson(5000.0), Poisson(6000.0), 3900, 7200),
    (Binomial(20000, 0.3), Binomial(20000, 0.305), 5100, 7000),
    (Binomial(20000, 0.3), Poisson(6000.0), 5000, 7000),
]


@pytest.mark.parametrize(("p", "q", "low", "high"), LONG, ids=[f"{p}-{q}" for p, q, *_ in LONG])
def test_long_supports(p: Any, q: Any, low: int, high: int) -> None:
    truth = mpmath_logs(p, q, low, high)
    compare(p, q, truth, {n: v for n, v in VERBS.items() if n != "chernoff"})


def test_zipf_has_closed_forms() -> None:
    s, t = 2.25, 3.5
    p, q = Zipf(s), Zipf(t)
    overlap = special.zeta((s + t) / 2) / math.sqrt(special.zeta(s) * special.zeta(t))
    assert_close(bhattacharyya(p, q), -math.log(overlap), "bhattacharyya")
    assert_close(hellinger(q, p), math.sqrt(1 - overlap), "hellinger")
    value = special.zeta(2 * t - s) * special.zeta(s) / special.zeta(t) ** 2
    assert_close(chi_square(q, p), value - 1, "chi_square")
    # They cross once, between two whole numbers: q has more of the first ones.
    crossing = math.floor((special.zeta(s) / special.zeta(t)) ** (1 / (t - s)))
    k = np.arange(1.0, crossing + 1)
    gap = math.fsum(k**-t / special.zeta(t) - k**-s / special.zeta(s))
    assert_close(total_variation(p, q), gap, "total_variation")


def test_a_single_value() -> None:
    p, q = Delta(2.0), Poisson(3.0)
    mass = 4.5 * math.exp(-3)
    assert_close(total_variation(p, q), 1 - mass, "total_variation")
    assert_close(hellinger(p, q), math.sqrt(1 - math.sqrt(mass)), "hellinger")
    assert_close(bhattacharyya(p, q), -math.log(mass) / 2, "bhattacharyya")
    assert_close(chi_square(p, q), 1 / mass - 1, "chi_square")
    assert chi_square(q, p) == INF
    for alpha in (0.3, 0.5, 2, 3):
        assert_close(renyi(p, q, alpha), -math.log(mass), f"renyi {alpha}")
    assert_close(chernoff(p, q), -math.log(mass), "chernoff")
    m = (1 + mass) / 2
    js = math.log(1 / m) / 2 + (mass * math.log(mass / m) + (1 - mass) * math.log(2)) / 2
    assert_close(jensen_shannon(p, q), js, "jensen_shannon")
    for verb in (total_variation, hellinger, jensen_shannon, chi_square, chernoff):
        assert verb(Delta(1.5), Delta(1.5)) == 0


# --- together ------------------------------------------------------------------------------------

MIXED = [*EQUAL_SUPPORTS[:4], *NESTED_SUPPORTS[:4], *OVERLAPPING_SUPPORTS[:3], *SHORT[:4]]


@pytest.mark.parametrize(("p", "q"), **named(MIXED))
def test_jeffreys_and_bounds(p: Any, q: Any) -> None:
    there, back = relative_entropy(p, q), relative_entropy(q, p)
    assert jeffreys(p, q) == there + back
    low, high = bounds(p, q)
    v = total_variation(p, q)
    lower = max(2 * v**2, renyi(p, q, 0.5))
    if v < 0.999:  # 1 - v² cancels
        lower = max(lower, -math.log1p(-(v**2)))
    assert_close(low, lower, "lower")
    assert high == renyi(p, q, 2)
    assert low <= there <= high


@pytest.mark.parametrize(("p", "q"), **named(MIXED))
def test_a_batch_is_its_members(p: Any, q: Any) -> None:
    """A pair in a batch beside its swap under other parameters gives the same values."""
    kind, other = type(p), type(q)
    rows = {n: np.array([float(x), float(x), float(x)]) for n, x in p.parameters().items()}
    ps = kind(
        **{
            n: x if n in ("v", "total_count") else x * [1, 1.25, 1]
            for n, x in rows.items()
            if n != "probs"
        }
        | ({"probs": rows["probs"]} if "probs" in rows else {})
    )
    for name in ("total_variation", "hellinger", "jensen_shannon", "chi_square"):
        verb = getattr(relentropy, name)
        batch, single = verb(ps, q), verb(p, q)
        assert batch.shape == (3,)
        np.testing.assert_allclose(
            batch[[0, 2]], [single, single], rtol=1e-12, err_msg=f"{name} {other}"
        )
