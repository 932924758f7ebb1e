"""Laws of relative entropy and its kin, by hypothesis, over random members of all families.

On NumPy; the table of pairs ties the other frameworks to the same values. What quadrature promises
is 1e-9 of the value or 1e-15, and that is what a law may be missed by.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import relentropy
from relentropy import (
    Delta,
    Zipf,
    bounds,
    hellinger,
    jensen_shannon,
    relative_entropy,
    renyi,
    total_variation,
)
from tests.families import scipy_laws

INF = math.inf
LOG_2 = math.log(2)
RTOL, ATOL = 1e-9, 1e-15

real = st.floats(-3.0, 3.0)
positive = st.floats(-1.5, 1.5).map(math.exp)
shape = st.floats(-0.7, 2.3).map(math.exp)
probability = st.floats(0.02, 0.98)
count = st.integers(1, 30)
loc_scale = {"loc": real, "scale": positive}

PARAMETERS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("Normal", "Cauchy", "Laplace", "Logistic", "Gumbel", "Moyal"), loc_scale),
    **dict.fromkeys(("LogNormal", "LogitNormal"), loc_scale),
    "StudentT": {"df": shape, **loc_scale},
    "AsymmetricLaplace": {**loc_scale, "asymmetry": positive},
    **{key: {"scale": positive} for key in ("HalfNormal", "HalfCauchy", "Rayleigh", "Maxwell")},
    "Exponential": {"rate": positive},
    "Gamma": {"concentration": shape, "rate": positive},
    "InverseGamma": {"concentration": shape, "rate": positive},
    **{key: {"df": shape} for key in ("Chi", "Chi2")},
    "Weibull": {"scale": positive, "concentration": shape},
    "InverseGaussian": {"loc": positive, "concentration": positive},
    "Pareto": {"scale": positive, "alpha": shape},
    "GeneralizedPareto": {
        **loc_scale,
        "concentration": st.integers(-90, 90).map(lambda c: c / 100),
    },
    "FisherSnedecor": {"df1": shape, "df2": shape},
    "Beta": {"concentration1": shape, "concentration0": shape},
    "Kumaraswamy": {"concentration1": shape, "concentration0": shape},
    "ContinuousBernoulli": {"probs": probability},
    "VonMises": {"loc": real, "concentration": positive},
    "Bernoulli": {"probs": probability},
    "Binomial": {"total_count": count, "probs": probability},
    "BetaBinomial": {"concentration1": shape, "concentration0": shape, "total_count": count},
    "Geometric": {"probs": probability},
    "NegativeBinomial": {"total_count": shape, "probs": st.floats(0.02, 0.9)},
    "Poisson": {"rate": shape},
    "Zipf": {"power": st.floats(1.5, 6.0)},
    "Delta": {"v": st.integers(-1, 3)},
}
LOCATION_SCALE = (
    "Normal",
    "StudentT",
    "Cauchy",
    "Laplace",
    "AsymmetricLaplace",
    "Logistic",
    "Gumbel",
    "Moyal",
)


@st.composite
def between(draw: st.DrawFn, family: str) -> dict[str, float]:
    """A family between ends that are parameters."""
    low = draw(real)
    high = low + draw(positive)
    if family == "Uniform":
        return {"low": low, "high": high}
    if family == "Triangular":
        return {"low": low, "high": high, "peak": low + (high - low) * draw(st.floats(0, 1))}
    given_ends = {"low": low, "high": draw(st.sampled_from([high, INF]))}
    return {"loc": draw(real), "scale": draw(positive), **given_ends}


BETWEEN = ("Uniform", "Triangular", "TruncatedNormal")
CONTINUOUS = tuple(scipy_laws.CONTINUOUS)
INTEGERS = (*scipy_laws.INTEGERS, "Delta")


def members(family: str) -> st.SearchStrategy[Any]:
    drawn = between(family) if family in BETWEEN else st.fixed_dictionaries(PARAMETERS[family])
    return drawn.map(lambda member: getattr(relentropy, family)(**member))


def some(families: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return st.sampled_from(families).flatmap(members)


same_kind = st.sampled_from([CONTINUOUS, CONTINUOUS, INTEGERS]).flatmap(
    lambda kind: st.tuples(some(kind), some(kind))
)
one_family = st.sampled_from([*CONTINUOUS, *INTEGERS]).flatmap(
    lambda family: st.tuples(members(family), members(family))
)
pairs = st.one_of(same_kind, one_family)
everything = some((*CONTINUOUS, *INTEGERS))


def at_most(a: Any, b: Any) -> bool:
    return bool(a <= b + RTOL * (abs(b) if math.isfinite(b) else 0.0) + ATOL)


def test_every_univariate_family_takes_part() -> None:
    assert {*PARAMETERS, *BETWEEN} == {*CONTINUOUS, *INTEGERS}
    assert len({*CONTINUOUS, *INTEGERS}) == 39


@given(pairs)
@settings(max_examples=120)
def test_never_negative_never_nan(pair: tuple[Any, Any]) -> None:
    assert relative_entropy(*pair) >= 0


@given(everything, everything)
def test_any_two_families_have_an_answer(p: Any, q: Any) -> None:
    assert relative_entropy(p, q) >= 0
    assert 0 <= total_variation(p, q) <= 1 + 1e-14


@given(everything)
@settings(max_examples=120)
def test_nothing_is_away_from_itself(p: Any) -> None:
    assert relative_entropy(p, p) == 0
    twin = p.mapped(np.copy)
    assert relative_entropy(p, twin) == 0
    for verb in (total_variation, hellinger, jensen_shannon):
        assert verb(p, twin) == 0


@given(
    st.sampled_from(LOCATION_SCALE).flatmap(lambda f: st.tuples(members(f), members(f))),
    st.floats(-50, 50),
    st.floats(-4, 4).map(math.exp),
)
def test_a_shared_shift_and_stretch_change_nothing(pair: Any, shift: float, factor: float) -> None:
    def moved(p: Any) -> Any:
        given_shape = p.parameters()
        return type(p)(**given_shape | {"loc": shift + factor * p.loc, "scale": factor * p.scale})

    before, after = relative_entropy(*pair), relative_entropy(*map(moved, pair))
    # The shift rounds both locations to 1e-14, and D is smooth in them or grows like its slope.
    assert after == pytest.approx(before, rel=1e-8, abs=1e-12)


@given(pairs, st.floats(0.02, 0.98))
def test_two_cells_know_less(pair: tuple[Any, Any], level: float) -> None:
    p, q = pair
    if isinstance(p, Delta) or isinstance(q, Delta):
        return
    sides = scipy_laws.of(p), scipy_laws.of(q)
    # SciPy counts to the quantiles of Zipf's law one by one.
    t = 3.0 if isinstance(p, Zipf) else float(sides[0].ppf(level))
    cells = [np.array([s.cdf(t), 1 - s.cdf(t)]) for s in sides]
    if not all(0 < c[0] < 1 for c in cells):
        return
    coarse = relative_entropy(*cells)
    assert at_most(float(coarse), float(relative_entropy(p, q)) + 1e-12)
    assert at_most(abs(cells[0][0] - cells[1][0]), float(total_variation(p, q)) + 1e-12)


@given(pairs)
def test_symmetric_and_bounded(pair: tuple[Any, Any]) -> None:
    p, q = pair
    for verb, most in ((total_variation, 1.0), (hellinger, 1.0), (jensen_shannon, LOG_2)):
        there, back = float(verb(p, q)), float(verb(q, p))
        assert there == pytest.approx(back, rel=2 * RTOL, abs=1e-14), verb
        assert 0 <= there <= most * (1 + 1e-14), verb


@given(pairs)
def test_inequalities(pair: tuple[Any, Any]) -> None:
    p, q = pair
    d, v, h = (float(f(p, q)) for f in (relative_entropy, total_variation, hellinger))
    assert at_most(2 * v**2, d)  # Pinsker
    assert at_most(h**2, v)
    # Two families that agree have densities that are rounded apart, as in the law above.
    assert v <= h * math.sqrt(2) * (1 + RTOL) + 1e-14
    assert at_most(jensen_shannon(p, q), LOG_2 * v)  # Lin
    assert at_most(2 * h**2, d)


@given(pairs)
def test_between_its_bounds(pair: tuple[Any, Any]) -> None:
    low, high = renyi_pair(pair)
    d = relative_entropy(*pair)
    assert at_most(low, d)
    assert at_most(d, high)


def renyi_pair(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    try:
        return bounds(*pair)
    except ArithmeticError:  # the integral of p²/q all but diverges, and it is said
        return 0.0, INF


@given(pairs, st.sampled_from([(0.1, 0.3), (0.3, 0.5), (0.5, 0.9), (0.2, 0.8)]))
def test_renyi_does_not_decrease_in_its_order(pair: Any, orders: tuple[float, float]) -> None:
    lower, higher = (renyi(*pair, alpha) for alpha in orders)
    assert at_most(lower, higher)
    assert at_most(higher, relative_entropy(*pair))
