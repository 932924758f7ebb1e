"""Entropies and the divergences beside, against mpmath."""

import numpy as np
import pytest
import scipy.optimize

from relentropy import (
    Dirichlet,
    Multinomial,
    MultivariateNormal,
    MultivariateStudentT,
    Probs,
    Wishart,
    chernoff,
    entropy,
    relative_entropy,
    renyi,
)
from relentropy._rules import rule_between
from tests.backends import Backend, backend
from tests.multivariate import truth
from tests.multivariate.cases import MAKERS, both_ways, pair_of

RENYI = [m for m in MAKERS if "multinomial" not in m]


def neighbour(of: str, p: object, q: object, *more: float) -> float:
    return float(rule_between(type(p), type(q), of).function(p, q, *more))


@pytest.mark.parametrize("maker", RENYI)
def test_entropies(eager: Backend, maker: str) -> None:
    for seed in range(3):
        p, _ = pair_of(maker, 1.0, seed, eager)
        plain, _ = pair_of(maker, 1.0, seed, backend("numpy"))
        expected = truth.entropy(plain)
        size = max(1.0, np.abs(expected))
        assert float(entropy(p)) == pytest.approx(expected, rel=1e-9, abs=1e-9 * size)


def test_entropy_of_student(eager: Backend) -> None:
    for df in (0.5, 3.0, 100.0):
        arrays = (df, [0.0, 1.0], [[1.0, 0.0], [0.5, 2.0]])
        p = MultivariateStudentT(*(eager.array(x) for x in arrays))
        expected = truth.entropy(MultivariateStudentT(*arrays))
        assert float(entropy(p)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9, 0.999999, 1.000001, 2.0])
@pytest.mark.parametrize("maker", RENYI)
def test_renyi(numpy_backend: Backend, maker: str, alpha: float) -> None:
    for size in (1e-6, 1e-3, 0.3):
        for p, q in both_ways(*pair_of(maker, size, 2, numpy_backend)):
            value = neighbour("renyi", p, q, alpha)
            if np.isinf(value):
                continue  # the geometric mixture is no distribution: the test below
            # Precision matrices of Wishart distributions are made by an inversion.
            assert value == pytest.approx(truth.renyi(p, q, alpha), rel=1e-7, abs=0), (p, q)


def test_renyi_is_infinite_where_the_integral_is(numpy_backend: Backend) -> None:
    p = MultivariateNormal([0.0, 0.0], np.diag([4.0, 1.0]))
    q = MultivariateNormal([0.0, 0.0], np.eye(2))
    assert neighbour("renyi", p, q, 2.0) == np.inf  # 2 Σ_q - Σ_p has the eigenvalue -2
    assert neighbour("chi_square", p, q) == np.inf
    assert neighbour("renyi", q, p, 2.0) < 1
    a, b = Dirichlet([1.0, 1.0]), Dirichlet([2.5, 1.0])
    assert neighbour("renyi", a, b, 2.0) == np.inf
    assert neighbour("renyi", b, a, 2.0) < np.inf
    v, w = Wishart(3.0, np.eye(2)), Wishart(5.5, np.eye(2))
    assert neighbour("renyi", v, w, 2.0) == np.inf


def test_renyi_of_infinite_order_is_the_largest_log_ratio(numpy_backend: Backend) -> None:
    p = MultivariateNormal([0.1, 0.0], np.eye(2))
    q = MultivariateNormal([0.0, 0.0], np.diag([2.0, 3.0]))
    top = neighbour("renyi", p, q, np.inf)
    grid = np.stack(np.meshgrid(*[np.linspace(-5, 5, 1001)] * 2), axis=-1)
    found = np.max(p.log_density(grid) - q.log_density(grid))
    assert found <= top == pytest.approx(found, rel=1e-4)
    assert neighbour("renyi", q, p, np.inf) == np.inf
    assert neighbour("renyi", p, p, np.inf) == 0
    with pytest.raises(LookupError, match="finite order"):
        neighbour("renyi", Dirichlet([1.0, 2.0]), Dirichlet([1.0, 1.0]), np.inf)


@pytest.mark.parametrize("maker", MAKERS)
def test_divergences_of_order_one_half_and_two(numpy_backend: Backend, maker: str) -> None:
    p, q = pair_of(maker, 1e-2, 1, numpy_backend)
    half = neighbour("renyi", p, q, 0.5)
    assert neighbour("bhattacharyya", p, q) == pytest.approx(half / 2, rel=1e-12)
    assert neighbour("hellinger", p, q) ** 2 == pytest.approx(-np.expm1(-half / 2), rel=1e-12)
    two = neighbour("renyi", p, q, 2.0)
    assert neighbour("chi_square", p, q) == pytest.approx(np.expm1(two), rel=1e-12)
    assert neighbour("hellinger", p, p) == 0
    assert neighbour("chernoff", p, p) == 0
    assert neighbour("tsallis", p, q, 3.0) == pytest.approx(
        np.expm1(2 * neighbour("renyi", p, q, 3.0)) / 2, rel=1e-12
    )
    # Near equality all are multiples of D: D_α is α D.
    assert half == pytest.approx(0.5 * relative_entropy(p, q), rel=0.1)


def test_multinomial_neighbours_are_those_of_one_draw(numpy_backend: Backend) -> None:
    p, q = [0.2, 0.3, 0.5], [0.4, 0.4, 0.2]
    value = neighbour("renyi", Multinomial(6.0, p), Multinomial(6.0, q), 0.7)
    assert value == pytest.approx(6 * renyi(Probs(p), Probs(q), 0.7), rel=1e-12)
    assert neighbour("renyi", Multinomial(6.0, p), Multinomial(7.0, q), 0.7) == np.inf


@pytest.mark.parametrize("maker", MAKERS)
def test_chernoff_is_the_largest_over_all_orders(eager: Backend, maker: str) -> None:
    for size in (1e-3, 0.5):
        p, q = pair_of(maker, size, 2, eager)
        value = float(chernoff(p, q))
        plain = pair_of(maker, size, 2, backend("numpy"))
        found = scipy.optimize.minimize_scalar(
            lambda a: -(1 - a) * float(renyi(*plain, a)),
            bounds=(1e-6, 1 - 1e-6),
            method="bounded",
            options={"xatol": 1e-10},
        )
        assert value == pytest.approx(-found.fun, rel=1e-8)


def test_chernoff_of_shifted_normals_is_an_eighth(eager_autodiff: Backend) -> None:
    one = eager_autodiff.array(np.eye(2))
    loc, other = (eager_autodiff.array(x) for x in ([0.0, 0.0], [0.6, 0.8]))

    def f(loc: object) -> object:
        return chernoff(MultivariateNormal(loc, one), MultivariateNormal(other, one))

    assert float(f(loc)) == pytest.approx(1 / 8, rel=1e-12)
    (slope,) = eager_autodiff.gradient(f, loc)
    assert slope == pytest.approx(np.array([-0.15, -0.2]), rel=1e-9)


@pytest.mark.parametrize("maker", RENYI)
def test_gradients_of_renyi_are_finite_at_equality(eager_autodiff: Backend, maker: str) -> None:
    p, _ = pair_of(maker, 1.0, 1, eager_autodiff)
    names = list(p.parameters())

    def f(*arrays: object) -> object:
        other = p.replaced(**dict(zip(names, arrays, strict=True)))
        return rule_between(type(p), type(p), "renyi").function(other, p, 0.6)

    for gradient in eager_autodiff.gradient(f, *p.arrays()):
        assert np.abs(gradient).max() < 1e-6
