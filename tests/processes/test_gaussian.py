"""Gaussian processes at finitely many points."""

import mpmath
import numpy as np
import pytest

from relentropy import GaussianProcess, MultivariateNormal, relative_entropy
from tests.backends import Backend

POINTS = np.array([0.0, 0.7, 1.5, 4.0])


def smooth(x, y):
    return np.exp(-((x[:, None] - y[None, :]) ** 2) / 2)


def rough(x, y):
    return 2 * np.exp(-abs(x[:, None] - y[None, :]))


def test_the_values_at_points_against_the_definition() -> None:
    p, q = GaussianProcess(np.sin, smooth, noise=0.1), GaussianProcess(1.0, rough)
    with mpmath.workdps(40):
        a = mpmath.matrix(smooth(POINTS, POINTS)) + 0.1 * mpmath.eye(4)
        b = mpmath.matrix(rough(POINTS, POINTS))
        d = mpmath.matrix(np.sin(POINTS)) - mpmath.matrix(np.ones(4))
        inverse = b**-1
        trace = sum((inverse * a)[i, i] for i in range(4))
        log = mpmath.log(mpmath.det(b) / mpmath.det(a))
        truth = float((trace + (d.T * inverse * d)[0] - 4 + log) / 2)
    assert relative_entropy(p.at(POINTS), q.at(POINTS)) == pytest.approx(truth, rel=1e-11)
    assert isinstance(p.at(POINTS.tolist()), MultivariateNormal)


def test_more_points_tell_more() -> None:
    p, q = GaussianProcess(0.0, smooth, noise=0.01), GaussianProcess(0.5, rough, noise=0.01)
    values = [relative_entropy(p.at(POINTS[:n]), q.at(POINTS[:n])) for n in range(1, 5)]
    assert values == sorted(values)


def test_points_of_several_dimensions() -> None:
    def kernel(x, y):
        return np.exp(-((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=-1))

    points = np.random.default_rng(0).standard_normal((5, 3))
    law = GaussianProcess(lambda x: x[:, 0], kernel).at(points)
    assert law.event_shape == (5,)


def test_gradients_reach_the_kernel(autodiff: Backend) -> None:
    points = autodiff.array(POINTS)
    exp = autodiff.module.exp if autodiff.name == "torch" else autodiff.module.numpy.exp

    def law_cost(length):
        def kernel(x, y):
            return exp(-((x[:, None] - y[None, :]) ** 2) / (2 * length**2))

        p = GaussianProcess(0.0, kernel, noise=0.1).at(points)
        q = GaussianProcess(1.0, lambda x, y: kernel(x, y) / 2, noise=0.2).at(points)
        return relative_entropy(p, q)

    cost = autodiff.module.jit(law_cost) if autodiff.name == "jax" else law_cost
    (slope,) = autodiff.gradient(cost, autodiff.array(0.8))
    h = 1e-5
    difference = float(cost(autodiff.array(0.8 + h)) - cost(autodiff.array(0.8 - h))) / (2 * h)
    assert slope == pytest.approx(difference, rel=1e-7)


def test_nothing_is_added_to_a_singular_kernel() -> None:
    twice = np.array([0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match=r"not positive definite.*remove points.*noise="):
        GaussianProcess(0.0, smooth).at(twice)
    noisy = GaussianProcess(0.0, smooth, noise=0.5).at(twice)
    assert noisy.covariance_matrix[0].tolist() == [1.5, 1.0, np.exp(-0.5)]


def test_errors_say_what_to_type() -> None:
    with pytest.raises(ValueError, match=r"\(n, n\) = \(4, 4\).*got \(4,\); .*x\[:, None\]"):
        GaussianProcess(0.0, lambda x, y: np.exp(-((x - y) ** 2))).at(POINTS)
    with pytest.raises(ValueError, match="noise must be finite and at least 0"):
        GaussianProcess(0.0, smooth, noise=-1.0)
    p = GaussianProcess(0.0, smooth)
    with pytest.raises(LookupError, match=r"p\.at\(points\), q\.at\(points\)"):
        relative_entropy(p, p)
