"""D between members of every multivariate family against mpmath, close and far."""

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from relentropy import (
    LowRankMultivariateNormal,
    MultivariateNormal,
    MultivariateStudentT,
    VonMisesFisher,
    relative_entropy,
    rule_for,
)
from tests.backends import Backend, backend
from tests.multivariate import truth
from tests.multivariate.cases import (
    MAKERS,
    RATIOS,
    both_ways,
    moved,
    pair_of,
    positive_definite,
    slow_but,
)

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}


def error(value: float, expected: mp.mpf) -> float:
    return float(abs(mp.mpf(float(value)) - expected) / expected)


@pytest.mark.parametrize("size", RATIOS)
@pytest.mark.parametrize("maker", MAKERS)
def test_close_and_far_pairs_are_right_to_all_digits(
    numpy_backend: Backend, maker: str, size: float
) -> None:
    for dtype, tolerance in TOLERANCE.items():
        for seed in range(4):
            pair = pair_of(maker, size, seed, numpy_backend, dtype)
            for p, q in both_ways(*pair):
                expected = truth.relative_entropy(p, q)
                value = relative_entropy(p, q)
                assert value.dtype == dtype
                if expected > mp.mpf(float(np.finfo(dtype).max)):
                    assert value == np.inf
                elif expected == 0:
                    assert value == 0
                else:
                    assert error(value, expected) < tolerance, (dtype, p, q, value)


@pytest.mark.parametrize("maker", MAKERS)
def test_frameworks_agree(eager_autodiff: Backend, maker: str) -> None:
    for size in (1e-3, 1.0):
        for seed in range(2):
            p, q = pair_of(maker, size, seed, eager_autodiff)
            value = relative_entropy(p, q)
            assert eager_autodiff.is_native(value)
            expected = relative_entropy(*pair_of(maker, size, seed, backend("numpy")))
            assert eager_autodiff.numpy(value) == pytest.approx(expected, rel=1e-11, abs=0)


@pytest.mark.parametrize("maker", MAKERS)
def test_a_batch_holds_the_values_of_its_members(eager: Backend, maker: str) -> None:
    made = [pair_of(maker, size, 1, backend("numpy")) for size in (0.1, 1e-4, 2.0)]
    stacked = []
    for side in (0, 1):
        kind = type(made[0][side])
        names = made[0][side].parameters()
        arrays = {
            name: np.stack([pair[side].parameters()[name] for pair in made]) for name in names
        }
        stacked.append(kind(**{name: eager.array(x) for name, x in arrays.items()}))
    assert stacked[0].batch_shape == (3,)
    value = eager.numpy(relative_entropy(*stacked))
    single = [float(relative_entropy(*pair)) for pair in made]
    assert value == pytest.approx(single, rel=1e-9)
    # One against many broadcasts.
    first = made[0][0].mapped(lambda x: eager.array(x))
    many = eager.numpy(relative_entropy(first, stacked[1]))
    assert many.shape == (3,)
    assert many[0] == pytest.approx(single[0], rel=1e-9)


@pytest.mark.parametrize("maker", MAKERS)
def test_equal_distributions_are_at_zero_exactly(eager: Backend, maker: str) -> None:
    for dtype in ("float64", "float32"):
        p, _ = pair_of(maker, 1.0, 0, eager, dtype)
        assert float(relative_entropy(p, p)) == 0


COMPILED = ["normal covariance", "dirichlet", "directions"]


@pytest.mark.parametrize("maker", slow_but(["normal covariance"], COMPILED))
def test_torch_compile_gives_the_same(torch_backend: Backend, maker: str) -> None:
    p, q = pair_of(maker, 0.1, 0, torch_backend)
    names, kind = list(p.parameters()), type(p)

    def f(*arrays: object) -> object:
        n = len(names)
        sides = (dict(zip(names, a, strict=True)) for a in (arrays[:n], arrays[n:]))
        return relative_entropy(*(kind(**side) for side in sides))

    compiled = torch_backend.jit(f)(*p.arrays(), *q.arrays())
    assert float(compiled) == pytest.approx(float(relative_entropy(p, q)), rel=1e-10)


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e12])
def test_ill_conditioned_matrices_lose_what_the_condition_takes(
    numpy_backend: Backend, condition: float
) -> None:
    rng = np.random.default_rng(5)
    for size in (1e-6, 1e-2, 1.0):
        s = positive_definite(rng, 3, condition)
        s = (s + s.T) / 2
        t = moved(rng, s, size)
        p, q = (MultivariateNormal(np.zeros(3), covariance_matrix=x) for x in (s, t))
        # Factors know the difference of close matrices to a rounding times the condition.
        bound = 100 * np.finfo(np.float64).eps * condition
        assert error(relative_entropy(p, q), truth.relative_entropy(p, q)) < bound


def test_wildly_scaled_axes_cost_nothing(numpy_backend: Backend) -> None:
    root = np.array([[1e-12, 0, 0], [3e-13, 1.0, 0], [2e-12, 0.5, 1e12]])
    other = root * np.array([[1.5, 1, 1], [1.2, 0.8, 1], [1, 1.1, 2]])
    p, q = (MultivariateNormal(np.zeros(3), scale_tril=x) for x in (root, other))
    assert error(relative_entropy(p, q), truth.relative_entropy(p, q)) < 1e-13


@pytest.mark.parametrize("df", [2.001, 2.5, 5.0, 100.0, 1e4, 1e6])
def test_student_to_normal(numpy_backend: Backend, df: float) -> None:
    p = MultivariateStudentT(df, [0.5, 1.0], [[1.0, 0.0], [0.3, 2.0]])
    for q in (
        MultivariateNormal([0.0, 1.0], [[2.0, 0.1], [0.1, 1.0]]),
        LowRankMultivariateNormal([0.0, 1.0], [[1.0], [0.5]], [0.3, 0.4]),
    ):
        assert error(relative_entropy(p, q), truth.relative_entropy(p, q)) < 1e-12


def test_student_without_a_second_moment_is_infinitely_far_from_a_normal(eager: Backend) -> None:
    p = MultivariateStudentT(
        eager.array([1.0, 2.0, 3.0]), eager.array([0.0, 0.0]), eager.array(np.eye(2))
    )
    q = MultivariateNormal(eager.array([0.0, 0.0]), eager.array(np.eye(2)))
    assert np.isinf(eager.numpy(relative_entropy(p, q))).tolist() == [True, True, False]


def student_by_quadrature(p: MultivariateStudentT, log_q: Any) -> mp.mpf:
    """D from a Student's vector about 0, of scale matrix I, to a density of its radius."""
    n, d = mp.mpf(float(p.df)), p.dimension
    area = 2 * mp.pi ** (mp.mpf(d) / 2) / mp.gamma(mp.mpf(d) / 2)
    log_p = student_log_density(n, d, mp.mpf(1))

    def integrand(r: mp.mpf) -> mp.mpf:
        return area * r ** (d - 1) * mp.exp(log_p(r)) * (log_p(r) - log_q(r))

    return mp.quad(integrand, [0, 0.5, 1, 2, 4, 10, 100, 10000, mp.inf])


def student_log_density(n: mp.mpf, d: int, scale: mp.mpf) -> Any:
    more = (n + d) / 2
    constant = mp.loggamma(more) - mp.loggamma(n / 2) - mp.mpf(d) / 2 * mp.log(n * mp.pi)
    return lambda r: constant - d * mp.log(scale) - more * mp.log1p((r / scale) ** 2 / n)


@pytest.mark.parametrize(("n", "m", "scale"), [(3, 5, 1), (3, 3, 2), (5, 3, 0.5), (3, 3, 1.0001)])
def test_students_of_one_centre_and_shape(eager: Backend, n: float, m: float, scale: float) -> None:
    root = np.array([[1.0, 0.0], [0.5, 2.0]])
    p = MultivariateStudentT(eager.array(float(n)), eager.array([1.0, 2.0]), eager.array(root))
    q = MultivariateStudentT(
        eager.array(float(m)), eager.array([1.0, 2.0]), eager.array(root * scale)
    )
    with mp.workdps(30):
        log_q = student_log_density(mp.mpf(m), 2, mp.mpf(scale))
        expected = student_by_quadrature(p, log_q)
    assert error(float(relative_entropy(p, q)), expected) < 1e-9


def test_other_students_are_refused_with_a_reason(numpy_backend: Backend) -> None:
    identity = np.eye(2)
    p = MultivariateStudentT(3.0, [0.0, 0.0], identity)
    for q in (
        MultivariateStudentT(3.0, [1.0, 0.0], identity),
        MultivariateStudentT(3.0, [0.0, 0.0], np.diag([1.0, 2.0])),
    ):
        with pytest.raises(LookupError, match=r"multiples of each other.*monte-carlo"):
            relative_entropy(p, q)
    normal = MultivariateNormal([0.0, 0.0], identity)
    assert 0 < relative_entropy(normal, p) < 1
    with pytest.raises(LookupError, match="monte-carlo"):
        relative_entropy(MultivariateNormal([1.0, 0.0], identity), p)


def test_normal_and_low_rank_are_the_same_distributions(eager: Backend) -> None:
    rng = np.random.default_rng(2)
    w, noise, loc = rng.standard_normal((4, 2)), rng.uniform(0.5, 2, 4), rng.standard_normal(4)
    low = LowRankMultivariateNormal(*map(eager.array, (loc, w, noise)))
    dense = MultivariateNormal(eager.array(loc), eager.array(w @ w.T + np.diag(noise)))
    assert float(relative_entropy(low, dense)) < 1e-28
    assert float(relative_entropy(dense, low)) < 1e-28
    other = MultivariateNormal(eager.array(loc + 1), eager.array(np.eye(4)))
    for one, two in (((low, other), (dense, other)), ((other, low), (other, dense))):
        assert float(relative_entropy(*one)) == pytest.approx(
            float(relative_entropy(*two)), rel=1e-12
        )


def test_turned_factors_are_the_same_distribution(numpy_backend: Backend) -> None:
    rng = np.random.default_rng(3)
    w, noise = rng.standard_normal((50, 3)), rng.uniform(0.5, 2, 50)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    p = LowRankMultivariateNormal(np.zeros(50), w, noise)
    q = LowRankMultivariateNormal(np.zeros(50), w @ turn, noise)
    assert 0 <= relative_entropy(p, q) < 1e-13


def test_low_rank_makes_no_square_matrix(numpy_backend: Backend) -> None:
    # (200000, 200000) numbers would be 320 GB.
    rng = np.random.default_rng(4)
    d = 200_000
    w, noise = rng.standard_normal((d, 2)), rng.uniform(0.5, 2, d)
    p = LowRankMultivariateNormal(np.zeros(d), w, noise)
    q = LowRankMultivariateNormal(np.zeros(d), w * (1 + 1e-4), noise)
    assert 0 < relative_entropy(p, q) < 1e-6
    assert np.isfinite(p.log_density(np.ones(d)))
    assert p.sample(rng).shape == (d,)


@pytest.mark.parametrize("d", [2, 3, 10, 100, 1000])
def test_directions_in_many_dimensions(numpy_backend: Backend, d: int) -> None:
    rng = np.random.default_rng(d)
    mu = rng.standard_normal(d)
    mu /= np.linalg.norm(mu)
    for k in (0.0, 1e-6, 1.0, 50.0, 1e4, 1e8):
        for ratio in (1 + 1e-6, 1.1, 2.0, 1e3):
            p, q = VonMisesFisher(mu, k), VonMisesFisher(mu, k * ratio + 1e-9)
            for a, b in both_ways(p, q):
                assert error(relative_entropy(a, b), truth.relative_entropy(a, b)) < 1e-10


def test_opposite_and_close_directions(numpy_backend: Backend) -> None:
    mu = np.array([0.6, 0.8])
    p, q = VonMisesFisher(mu, 5.0), VonMisesFisher(-mu, 7.0)
    assert error(relative_entropy(p, q), truth.relative_entropy(p, q)) < 1e-14
    turned = np.array([np.cos(1e-9), np.sin(1e-9)])
    p, q = VonMisesFisher(np.array([1.0, 0.0]), 5.0), VonMisesFisher(turned, 5.0)
    assert error(relative_entropy(p, q), truth.relative_entropy(p, q)) < 1e-13


def test_different_dimensions_are_refused(numpy_backend: Backend) -> None:
    p = MultivariateNormal([0.0], [[1.0]])
    q = MultivariateNormal([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="draws of shape"):
        relative_entropy(p, q)


def test_the_rule_says_what_it_computes() -> None:
    p = MultivariateNormal([0.0], [[1.0]])
    assert rule_for(p, p).kind == "closed"
    assert rule_for(p, p).formula.startswith("D = [")


@pytest.mark.parametrize("maker", slow_but(["normal covariance", "low rank"], MAKERS))
def test_mapped_over_a_batch(torch_backend: Backend, maker: str) -> None:
    made = [pair_of(maker, size, 1, torch_backend) for size in (0.1, 1e-4, 2.0)]
    kind, names = type(made[0][0]), list(made[0][0].parameters())
    stacked = [
        torch_backend.module.stack([pair[side].parameters()[name] for pair in made])
        for side in (0, 1)
        for name in names
    ]

    def f(*arrays: object) -> object:
        sides = (arrays[: len(names)], arrays[len(names) :])
        return relative_entropy(*(kind(**dict(zip(names, s, strict=True))) for s in sides))

    value = torch_backend.numpy(torch_backend.vmap(f)(*stacked))
    assert value == pytest.approx([float(relative_entropy(*pair)) for pair in made], rel=1e-9)


@pytest.mark.parametrize(("scale", "expected"), [(1e-25, 57.0646), (1e25, np.inf)])
def test_scales_at_the_ends_of_float32(eager: Backend, scale: float, expected: float) -> None:
    loc = eager.array([0.0], "float32")
    p = MultivariateNormal(loc, scale_tril=eager.array([[scale]], "float32"))
    q = MultivariateNormal(loc, scale_tril=eager.array([[1.0]], "float32"))
    value = relative_entropy(p, q)
    assert eager.dtype_of(value) == "float32"
    assert float(value) == pytest.approx(expected, rel=1e-6)
