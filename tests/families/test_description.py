"""What a family is: its parameters, how it shows itself, its density, its draws."""

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

import relentropy
from relentropy import (
    Bernoulli,
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
    Triangular,
    TruncatedNormal,
    Uniform,
    Zipf,
    entropy,
    relative_entropy,
    total_variation,
)
from tests import backends
from tests.backends import Backend
from tests.families import scipy_laws
from tests.tables import family_tables as tables

INF = math.inf
MEMBERS = [(f, m) for f, ms in tables.members().items() for m in ms]
IDS = [tables.shown(f, m) for f, m in MEMBERS]


def made(family: str, member: dict[str, float]) -> Any:
    return getattr(relentropy, family)(**member)


# --- construction --------------------------------------------------------------------------------


def test_numbers_whole_numbers_and_lists() -> None:
    for p in (Normal(0, 1), Normal(0.0, 1), Normal(loc=0, scale=1.0), Normal()):
        assert p.batch_shape == ()
        assert p.plain
        assert [x.dtype for x in p.arrays()] == [np.float64, np.float64]
    for loc in ([0, 1, 2], (0.0, 1.0, 2.0), np.arange(3), np.arange(3.0)):
        p = Normal(loc, 2)
        assert p.batch_shape == (3,)
        assert not p.plain
        assert p.parameters()["loc"].tolist() == [0, 1, 2]
        assert p.parameters()["loc"].dtype == np.float64
        assert p.parameters()["scale"].dtype == np.float64
    assert Normal([0, 1], [[1], [2], [3]]).batch_shape == (3, 2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_arrays_of_each_framework(xp: Backend, dtype: str) -> None:
    p, q = (Gamma(xp.array([1.0, 2.0], dtype), xp.array(r, dtype)) for r in (1.0, 2.0))
    assert p.batch_shape == (2,)
    value = relative_entropy(p, q)
    assert xp.is_native(value)
    assert xp.dtype_of(value) == ("float64" if dtype == "float64" else "float32")
    expected = np.array([1.0, 2.0]) * (math.log(0.5) + 1)
    np.testing.assert_allclose(xp.numpy(value), expected, rtol=1e-6)


def test_whole_numbers_adapt_to_the_floats_beside(xp: Backend) -> None:
    p = Binomial(xp.array([3, 4], "int64"), xp.array([0.5, 0.25], "float32"))
    assert xp.dtype_of(p.parameters()["total_count"]) == "float32"
    if xp.name != "jax":  # which compiles a sum for long
        assert xp.dtype_of(relative_entropy(p, Binomial(5, 0.5))) == "float32"
    p = Poisson(xp.array([3, 4], "int64"))
    q = Poisson(xp.array([2.0, 2.0]))
    np.testing.assert_allclose(
        xp.numpy(relative_entropy(p, q)),
        [3 * math.log(1.5) - 1, 4 * math.log(2) - 2],
        rtol=1e-6,
    )


def test_plain_numbers_take_the_partners_framework_and_dtype(xp: Backend) -> None:
    for dtype in ("float32", "float64"):
        p = Exponential(xp.array([1.0, 3.0], dtype))
        for pair in ((p, Exponential(2)), (Exponential(2.0), p)):
            value = relative_entropy(*pair)
            assert xp.is_native(value)
            assert xp.dtype_of(value) == dtype
            assert value.shape == (2,)
        if xp.name == "jax":  # which compiles it for long
            continue
        value = total_variation(p, Exponential(2))
        assert xp.is_native(value)
        assert xp.dtype_of(value) == dtype
        # TV of exponentials: r^(-q/(q - r)) - ... at the crossing log(r/q)/(r - q).
        cross = [math.log(2), math.log(1.5)]
        expected = [math.exp(-c) - math.exp(-2 * c) for c in cross[:1]]
        expected += [math.exp(-2 * cross[1]) - math.exp(-3 * cross[1])]
        np.testing.assert_allclose(
            xp.numpy(value), expected, rtol=1e-9 if dtype == "float64" else 1e-5
        )


def test_shapes_broadcast() -> None:
    p, q = Gamma(np.full((3, 1), 2.0), 1.0), Gamma([1.0, 2.0], 1.0)
    assert relative_entropy(p, q).shape == (3, 2)
    assert total_variation(p, q).shape == (3, 2)
    assert entropy(p).shape == (3, 1)
    assert np.shape(relative_entropy(Gamma(2.0, 1.0), Gamma(1.0, 1.0))) == ()
    empty = Normal(np.zeros((0,)), 1.0)
    assert relative_entropy(empty, Normal(0, 1)).shape == (0,)
    assert relative_entropy(empty, Laplace(0, 1)).shape == (0,)
    with pytest.raises(ValueError, match="broadcast"):
        relative_entropy(Normal([0.0, 1.0], 1), Normal([0.0, 1.0, 2.0], 1))
    with pytest.raises(ValueError, match="broadcast"):
        entropy(Normal([0.0, 1.0], [1.0, 2.0, 3.0]))


def test_frameworks_do_not_mix(torch_backend: Backend, jax_backend: Backend) -> None:
    here, there = torch_backend.array([0.0]), jax_backend.array([1.0])
    for loc, scale in ((here, there), (np.zeros(1), here), (there, np.ones(1))):
        with pytest.raises(TypeError):
            Normal(loc, scale)
        with pytest.raises(TypeError):
            relative_entropy(Normal(loc, 1), Normal(scale, 1))
    with pytest.raises(TypeError):
        Normal(here, 1).log_density(there)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Normal(0, -1), ["Normal", "scale", "positive", "-1"]),
        (lambda: Normal(0, 0), ["Normal", "scale", "positive", "0"]),
        (lambda: Normal(INF, 1), ["Normal", "loc", "finite", "inf"]),
        (lambda: Normal(math.nan, 1), ["Normal", "loc", "nan"]),
        (lambda: Normal(0, [1.0, 2.0, -3.5]), ["Normal", "scale", "-3.5", "[2]"]),
        (lambda: Gamma([[1.0], [math.nan]], 1), ["Gamma", "concentration", "nan", "[1, 0]"]),
        (lambda: Bernoulli(1.5), ["Bernoulli", "probs", "1.5"]),
        (lambda: Bernoulli(-1e-9), ["Bernoulli", "probs", "-1e-09"]),
        (lambda: Binomial(2.5, 0.5), ["Binomial", "total_count", "whole", "2.5"]),
        (lambda: Binomial(-1, 0.5), ["Binomial", "total_count", "-1"]),
        (lambda: NegativeBinomial(2, 1.0), ["NegativeBinomial", "probs", "1"]),
        (lambda: Geometric(0.0), ["Geometric", "probs", "0"]),
        (lambda: Zipf(1.0), ["Zipf", "power", "above 1"]),
        (lambda: Poisson(-1.0), ["Poisson", "rate", "-1"]),
        (lambda: Uniform(1, 1), ["Uniform", "low", "high", "1"]),
        (lambda: Uniform(2, 1), ["Uniform", "low", "high", "2"]),
        (lambda: Uniform(0, INF), ["Uniform", "high", "inf"]),
        (lambda: Triangular(0, 1, 2), ["Triangular", "peak", "2"]),
        (lambda: TruncatedNormal(0, 1, 2, 1), ["TruncatedNormal", "low", "high"]),
        (lambda: Delta(INF), ["Delta", "v", "inf"]),
        (lambda: relentropy.ContinuousBernoulli(1.0), ["ContinuousBernoulli", "probs", "1"]),
    ],
)
def test_bad_values_are_named(make: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (what it says is checked below)
        make()
    for word in words:
        assert word in str(caught.value)


def test_exactly_one_of_two_names() -> None:
    for family in (Bernoulli, Geometric, relentropy.ContinuousBernoulli):
        for given in ({}, {"probs": 0.5, "logits": 0.0}):
            with pytest.raises(TypeError, match="exactly one of probs, logits"):
                family(**given)
    with pytest.raises(TypeError, match="exactly one of probs, logits"):
        Binomial(3)


def test_bad_values_on_frameworks(xp: Backend) -> None:
    with pytest.raises(ValueError, match=r"Gamma: rate must be positive.*-1 at \[1\]"):
        Gamma(xp.array([1.0, 1.0]), xp.array([1.0, -1.0]))
    nothing = Gamma(xp.array([1.0]), 1)
    with pytest.raises(ValueError, match=r"Gamma: rate"):
        Gamma(nothing.concentration, 0)


@pytest.mark.parametrize("x", ["1", None, {}, object(), 1j, True, [True], ["a"], [1j]])
def test_what_is_no_number(x: Any) -> None:
    with pytest.raises(TypeError):
        Normal(x, 1)


def test_a_family_beside_something_else() -> None:
    with pytest.raises(TypeError, match="family"):
        relative_entropy(Normal(0, 1), [0.5, 0.5])
    with pytest.raises(TypeError, match="family"):
        relative_entropy([0.5, 0.5], Bernoulli(0.5))


def test_axes_are_refused() -> None:
    p, q = Normal([0.0, 1.0], 1), Normal(0, 1)
    for options in ({"axis": 0}, {"where": np.array([True, False])}):
        for verb in (relative_entropy, total_variation, relentropy.cross_entropy):
            with pytest.raises(TypeError, match="index or reshape"):
                verb(p, q, **options)
        with pytest.raises(TypeError, match="index or reshape"):
            entropy(p, **options)


def test_bits() -> None:
    p, q = Normal(0, 1), Laplace(1, 2)
    for verb in (relative_entropy, relentropy.jensen_shannon, relentropy.cross_entropy):
        bits, nats = float(verb(p, q, base=2)), float(verb(p, q))
        assert bits == pytest.approx(nats / math.log(2), rel=1e-14)
    with pytest.raises(ValueError, match="base"):
        relative_entropy(p, q, base=1)


def test_they_are_frozen_and_do_not_change_what_they_got() -> None:
    loc = np.array([0.0, 1.0])
    p = Normal(loc, 1)
    with pytest.raises(AttributeError):
        p.loc = 3.0
    relative_entropy(p, Laplace(0, 1))
    assert loc.tolist() == [0, 1]


# --- repr ----------------------------------------------------------------------------------------


def test_how_they_show_themselves() -> None:
    assert repr(Normal(0, 1.5)) == "Normal(loc=0, scale=1.5)"
    assert repr(Binomial(3, logits=0.5)) == "Binomial(total_count=3, logits=0.5)"
    assert repr(TruncatedNormal(0, 1, 0)) == "TruncatedNormal(loc=0, scale=1, low=0, high=inf)"
    assert repr(Normal([0.0, 1.0], 1)) == "Normal(loc=array([0., 1.]), scale=1)"


@pytest.mark.parametrize(("family", "member"), MEMBERS, ids=IDS)
def test_repr_can_be_typed(family: str, member: dict[str, float]) -> None:
    again = eval(repr(made(family, member)), {**vars(relentropy), **_classes(), "inf": INF})
    assert {n: float(x) for n, x in again.parameters().items()} == member


def _classes() -> dict[str, Any]:
    return {family: getattr(relentropy, family) for family, _ in MEMBERS}


# --- density -------------------------------------------------------------------------------------


def places(family: str, theirs: Any) -> np.ndarray:
    if family == "Zipf":  # SciPy's quantiles of it count one by one
        return np.array([1.0, 2.0, 5.0, 100.0, 1e6])
    levels = [1e-9, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 1 - 1e-9]
    with warnings.catch_warnings(action="ignore"):
        x = theirs.ppf(levels)
    return np.unique(x[np.isfinite(x)])


@pytest.mark.parametrize(
    ("family", "member"),
    [(f, m) for f, m in MEMBERS if f != "Delta"],
    ids=[i for i in IDS if not i.startswith("Delta")],
)
def test_density_is_scipys(family: str, member: dict[str, float]) -> None:
    ours, theirs = made(family, member), scipy_laws.law(family, member)
    x = places(family, theirs)
    low, high = theirs.support()
    inside = x[(x > low) & (x < high)] if family in scipy_laws.CONTINUOUS else x
    with warnings.catch_warnings(action="ignore"):
        expected = theirs.logpmf(inside) if family in scipy_laws.INTEGERS else theirs.logpdf(inside)
    found = ours.log_density(inside)
    # Near the end of a support, 1 - x is rounded in x itself, for both alike.
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    for outside in (low - 1, high + 1, -INF, INF):
        if math.isfinite(outside) or family in scipy_laws.INTEGERS:
            if low <= outside <= high and math.isfinite(outside):
                continue
            assert ours.log_density(outside) == -INF, outside
    if family in scipy_laws.INTEGERS:
        assert ours.log_density(low + 0.5) == -INF
    assert math.isnan(ours.log_density(math.nan))


def test_density_of_a_value() -> None:
    p = Delta([0.0, 1.0])
    assert p.log_density(1.0).tolist() == [-INF, 0.0]
    assert np.isnan(p.log_density(math.nan)).all()


def test_densities_broadcast_and_keep_framework_and_dtype(xp: Backend) -> None:
    p = Normal(xp.array([0.0, 1.0, 2.0], "float32"), 1)
    for x in (0.5, xp.array([[0.5], [1.5]], "float32")):
        found = p.log_density(x)
        assert xp.is_native(found)
        assert xp.dtype_of(found) == "float32"
        assert tuple(found.shape)[-1] == 3
    found = Poisson(3.0).log_density(xp.array([0, 1, 2], "int64"))
    assert xp.is_native(found)
    np.testing.assert_allclose(xp.numpy(found), stats.poisson(3.0).logpmf([0, 1, 2]), rtol=1e-6)
    with pytest.raises(TypeError):
        p.log_density("0.5")


def test_at_the_ends_of_a_support() -> None:
    assert float(Exponential(2.0).log_density(0.0)) == pytest.approx(math.log(2))
    assert float(Uniform(0, 2).log_density(2.0)) == pytest.approx(-math.log(2))
    assert float(Uniform(0, 2).log_density(0.0)) == pytest.approx(-math.log(2))
    assert Gamma(2.0, 1.0).log_density(0.0) == -INF
    assert Gamma(0.5, 1.0).log_density(0.0) == INF
    assert float(Gamma(1.0, 3.0).log_density(0.0)) == pytest.approx(math.log(3))
    assert Beta(2, 2).log_density([0.0, 1.0]).tolist() == [-INF, -INF]
    assert Beta(0.5, 0.5).log_density([0.0, 1.0]).tolist() == [INF, INF]
    np.testing.assert_allclose(Beta(1, 1).log_density([0.0, 1.0]), 0, atol=1e-14)
    assert float(relentropy.Pareto(2.0, 3.0).log_density(2.0)) == pytest.approx(math.log(1.5))
    assert relentropy.LogNormal(0, 1).log_density(0.0) == -INF
    assert float(relentropy.Weibull(2.0, 1.0).log_density(0.0)) == pytest.approx(-math.log(2))
    assert Triangular(0, 1, 0).log_density(1.0) == -INF
    assert float(Triangular(0, 1, 0).log_density(0.0)) == pytest.approx(math.log(2))
    for p in (Normal(0, 1), Cauchy(0, 1), Laplace(0, 1), relentropy.Logistic(0, 1)):
        assert p.log_density([-INF, INF]).tolist() == [-INF, -INF], p
    for p in (relentropy.Gumbel(0, 1), relentropy.Moyal(0, 1), StudentT(3.0)):
        assert p.log_density([-INF, INF]).tolist() == [-INF, -INF], p
    for p in (Exponential(1.0), Gamma(0.5, 1.0), Gamma(2.0, 1.0), relentropy.LogNormal(0, 1)):
        assert p.log_density(INF) == -INF, p


@pytest.mark.parametrize("family", scipy_laws.INTEGERS)
def test_probabilities_sum_to_one(family: str) -> None:
    for member in tables.members()[family]:
        if family == "Zipf":
            continue
        k = np.arange(0, 40000.0)
        assert math.fsum(np.exp(made(family, member).log_density(k))) == pytest.approx(1, rel=1e-10)


# --- draws ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "member"), MEMBERS, ids=IDS)
def test_draws_follow_the_distribution(family: str, member: dict[str, float]) -> None:
    p = made(family, member)
    x = p.sample(np.random.default_rng(20261122), (4000,))
    assert x.shape == (4000,)
    assert x.dtype == np.float64
    assert np.array_equal(x, p.sample(np.random.default_rng(20261122), (4000,)))
    if family == "Delta":
        assert (x == member["v"]).all()
        return
    theirs = scipy_laws.law(family, member)
    # Where 1 - x is often below one rounding, draws pile up at 1.
    if family in scipy_laws.CONTINUOUS and (np.diff(np.sort(x)) > 0).all():
        assert stats.kstest(x, theirs.cdf).pvalue > 1e-4
        return
    assert family in scipy_laws.CONTINUOUS or (x == np.floor(x)).all()
    cuts = np.unique(theirs.ppf([0.1, 0.25, 0.5, 0.75, 0.9]))
    edges = np.concatenate([[-INF], cuts, [INF]])
    masses = np.diff(np.concatenate([[0.0], theirs.cdf(cuts), [1.0]]))
    counts = np.array([((x > a) & (x <= b)).sum() for a, b in itertools.pairwise(edges)])
    likely = masses > 1e-3
    counts = np.append(counts[likely], counts[~likely].sum())
    masses = np.append(masses[likely], masses[~likely].sum())
    if masses[-1] < 1e-12:
        assert counts[-1] == 0
        counts, masses = counts[:-1], masses[:-1]
    if len(counts) > 1:
        assert stats.chisquare(counts, 4000 * masses, sum_check=False).pvalue > 1e-4


@pytest.mark.parametrize("family", tables.members())
def test_draws_of_a_batch(family: str) -> None:
    p = getattr(relentropy, family)(**tables.row(family))
    n = len(tables.members()[family])
    rng = np.random.default_rng(1)
    assert p.sample(rng).shape == (n,)
    x = p.sample(rng, (5, 2))
    assert x.shape == (5, 2, n)
    assert (p.log_density(x) > -INF).all()
    assert np.shape(made(family, tables.members()[family][0]).sample(rng)) == ()


def test_draws_are_numpys_whatever_the_parameters(xp: Backend) -> None:
    p = Gamma(xp.array([1.0, 2.0]), xp.array(1.0))
    x = p.sample(np.random.default_rng(3), (7,))
    assert isinstance(x, np.ndarray)
    same = Gamma(np.array([1.0, 2.0]), np.array(1.0)).sample(np.random.default_rng(3), (7,))
    np.testing.assert_array_equal(x, same)


# --- traces --------------------------------------------------------------------------------------


def by_quadrature(loc: Any, scale: Any) -> Any:
    return relative_entropy(Normal(loc, scale), StudentT(5.0))


def closed(loc: Any, scale: Any) -> Any:
    return relative_entropy(Normal(loc, scale), Laplace(0.0, 1.0))


def across_an_end(loc: Any, scale: Any) -> Any:
    return total_variation(Uniform(loc, loc + scale), Exponential(1.0))


def slopes(f: Any, loc: float, scale: float) -> list[float]:
    h = 1e-5
    return [
        float(f(loc + h, scale) - f(loc - h, scale)) / (2 * h),
        float(f(loc, scale + h) - f(loc, scale - h)) / (2 * h),
    ]


LOC, SCALE = [0.25, -1.0, 2.0], [1.0, 0.5, 2.0]


# JAX takes a minute to compile a total variation, and torch.compile one to trace a quadrature.
@pytest.mark.parametrize(
    "f",
    [closed, by_quadrature, pytest.param(across_an_end, marks=pytest.mark.exhaustive)],
    ids=lambda f: f.__name__,
)
def test_jit_vmap_and_grad_on_jax(jax_backend: Backend, f: Any) -> None:
    jax, xp = jax_backend.module, jax_backend
    loc, scale = xp.array(LOC), xp.array(SCALE)
    expected = f(np.array(LOC), np.array(SCALE))
    both = jax.jit(jax.vmap(jax.value_and_grad(f, argnums=(0, 1))))
    values, found = both(loc, scale)
    np.testing.assert_allclose(xp.numpy(values), expected, rtol=1e-9)
    numeric = np.array([slopes(f, a, b) for a, b in zip(LOC, SCALE, strict=True)]).T
    np.testing.assert_allclose([xp.numpy(x) for x in found], numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("f", [by_quadrature, closed, across_an_end], ids=lambda f: f.__name__)
def test_vmap_and_grad_on_torch(torch_backend: Backend, f: Any) -> None:
    xp = torch_backend
    loc, scale = xp.array(LOC), xp.array(SCALE)
    expected = f(np.array(LOC), np.array(SCALE))
    np.testing.assert_allclose(xp.numpy(xp.vmap(f)(loc, scale)), expected, rtol=1e-9)
    numeric = np.array([slopes(f, a, b) for a, b in zip(LOC, SCALE, strict=True)]).T
    np.testing.assert_allclose(xp.gradient(f, loc, scale), numeric, rtol=1e-6, atol=1e-8)
    together = xp.vmap(xp.module.func.grad(f, argnums=(0, 1)))(loc, scale)
    np.testing.assert_allclose([xp.numpy(x) for x in together], numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "f",
    [closed, pytest.param(by_quadrature, marks=pytest.mark.exhaustive)],
    ids=lambda f: f.__name__,
)
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a .functools.lru_cache")
def test_compiled_on_torch(torch_backend: Backend, f: Any) -> None:
    """Families of plain numbers may be made inside as well."""
    xp = torch_backend
    loc, scale = xp.array(LOC), xp.array(SCALE)
    found = xp.jit(f)(loc, scale)
    np.testing.assert_allclose(xp.numpy(found), f(np.array(LOC), np.array(SCALE)), rtol=1e-9)


def test_bad_values_in_a_trace_are_nan(jax_backend: Backend) -> None:
    xp = jax_backend
    f = xp.jit(lambda s: relative_entropy(Normal(0.0, s), Normal(0.0, 1.0)))
    found = xp.numpy(f(xp.array([1.0, -1.0, math.nan])))
    assert found[0] == 0
    assert np.isnan(found[1:]).all()


def test_every_framework_is_meant() -> None:
    assert backends.WITH_FAMILIES == ("numpy", "torch", "jax")
