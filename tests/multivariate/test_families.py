"""Parameters, densities against SciPy and integrals, draws by their moments."""

from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from relentropy import (
    Dirichlet,
    InverseWishart,
    LowRankMultivariateNormal,
    MatrixNormal,
    Multinomial,
    MultivariateNormal,
    MultivariateStudentT,
    VonMisesFisher,
    Wishart,
    relative_entropy,
)
from tests.backends import Backend

ROOT = np.array([[1.0, 0.0], [0.5, 2.0]])
COVARIANCE = ROOT @ ROOT.T
LOC = np.array([0.5, -1.0])
DIRECTION = np.array([0.6, 0.0, 0.8])


def dense(p: LowRankMultivariateNormal) -> np.ndarray:
    return p.cov_factor @ p.cov_factor.T + np.diag(p.cov_diag)


LOW = LowRankMultivariateNormal(LOC, np.array([[1.0], [0.5]]), np.array([0.3, 0.4]))
X = np.array([0.3, 0.9])
MATRIX = np.array([[2.0, 0.3], [0.3, 1.0]])

DENSITIES: list[tuple[Any, Any, Any]] = [
    (
        MultivariateNormal(LOC, COVARIANCE),
        X,
        scipy.stats.multivariate_normal(LOC, COVARIANCE).logpdf,
    ),
    (
        MultivariateNormal(LOC, precision_matrix=np.linalg.inv(COVARIANCE)),
        X,
        scipy.stats.multivariate_normal(LOC, COVARIANCE).logpdf,
    ),
    (LOW, X, scipy.stats.multivariate_normal(LOC, dense(LOW)).logpdf),
    (
        MultivariateStudentT(3.0, LOC, ROOT),
        X,
        scipy.stats.multivariate_t(LOC, COVARIANCE, df=3).logpdf,
    ),
    (
        Dirichlet([0.5, 2.0, 3.0]),
        np.array([0.2, 0.3, 0.5]),
        scipy.stats.dirichlet([0.5, 2, 3]).logpdf,
    ),
    (
        Multinomial(6.0, [0.2, 0.3, 0.5]),
        np.array([1.0, 2.0, 3.0]),
        scipy.stats.multinomial(6, [0.2, 0.3, 0.5]).logpmf,
    ),
    (
        Multinomial(6.0, logits=np.log([0.2, 0.3, 0.5]) + 3),
        np.array([0.0, 2.0, 4.0]),
        scipy.stats.multinomial(6, [0.2, 0.3, 0.5]).logpmf,
    ),
    (Wishart(4.5, COVARIANCE), MATRIX, scipy.stats.wishart(4.5, COVARIANCE).logpdf),
    (
        Wishart(4.5, precision_matrix=np.linalg.inv(COVARIANCE)),
        MATRIX,
        scipy.stats.wishart(4.5, COVARIANCE).logpdf,
    ),
    (InverseWishart(4.5, COVARIANCE), MATRIX, scipy.stats.invwishart(4.5, COVARIANCE).logpdf),
    (
        InverseWishart(4.5, scale_tril=ROOT),
        MATRIX,
        scipy.stats.invwishart(4.5, COVARIANCE).logpdf,
    ),
    (
        MatrixNormal(np.ones((3, 2)), np.diag([1.0, 2.0, 3.0]), ROOT),
        np.arange(6.0).reshape(3, 2),
        scipy.stats.matrix_normal(np.ones((3, 2)), np.diag([1.0, 4, 9]), COVARIANCE).logpdf,
    ),
    (
        VonMisesFisher(DIRECTION, 2.5),
        np.array([0.0, 0.6, 0.8]),
        scipy.stats.vonmises_fisher(DIRECTION, 2.5).logpdf,
    ),
]


@pytest.mark.parametrize(("p", "x", "expected"), DENSITIES, ids=lambda v: type(v).__name__)
def test_log_densities_are_scipys(eager: Backend, p: Any, x: Any, expected: Any) -> None:
    native = p.mapped(eager.array)
    value = native.log_density(eager.array(x))
    assert eager.is_native(value)
    assert float(value) == pytest.approx(float(expected(x)), rel=1e-12)
    many = native.log_density(eager.array(np.stack([x, x])))
    assert eager.numpy(many).tolist() == [float(value)] * 2


def test_density_outside_the_support_is_zero(eager: Backend) -> None:
    assert (
        float(Dirichlet(eager.array([2.0, 2.0])).log_density(eager.array([-0.5, 1.5]))) == -np.inf
    )
    assert float(Dirichlet(eager.array([2.0, 2.0])).log_density(eager.array([0.2, 0.2]))) == -np.inf
    uniform = Dirichlet(eager.array([1.0, 1.0]))
    assert float(uniform.log_density(eager.array([0.0, 1.0]))) == 0
    p = Multinomial(eager.array(3.0), eager.array([0.5, 0.5]))
    assert float(p.log_density(eager.array([1.0, 1.0]))) == -np.inf
    assert float(p.log_density(eager.array([1.5, 1.5]))) == -np.inf
    w = Wishart(eager.array(3.0), eager.array(np.eye(2)))
    assert float(w.log_density(eager.array([[1.0, 2.0], [2.0, 1.0]]))) == -np.inf
    v = VonMisesFisher(eager.array([1.0, 0.0]), eager.array(1.0))
    assert float(v.log_density(eager.array([0.5, 0.0]))) == -np.inf


@pytest.mark.parametrize("k", [0.0, 0.5, 20.0])
def test_directions_in_the_plane_have_mass_one(numpy_backend: Backend, k: float) -> None:
    p = VonMisesFisher([0.0, 1.0], k)
    angles = np.linspace(0, 2 * np.pi, 401)[:-1]
    x = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    # The trapezoidal rule is exact for periodic functions.
    assert np.exp(p.log_density(x)).mean() * 2 * np.pi == pytest.approx(1, rel=1e-12)


def test_student_has_mass_one(numpy_backend: Backend) -> None:
    p = MultivariateStudentT(1.5, [0.0, 0.0, 0.0], np.eye(3))

    def shell(r: float) -> float:
        return 4 * np.pi * r * r * float(np.exp(p.log_density([r, 0.0, 0.0])))

    assert scipy.integrate.quad(shell, 0, np.inf)[0] == pytest.approx(1, rel=1e-8)


MOMENTS: list[tuple[Any, Any, Any]] = [
    (MultivariateNormal(LOC, scale_tril=ROOT), LOC, COVARIANCE),
    (MultivariateNormal(LOC, precision_matrix=np.linalg.inv(COVARIANCE)), LOC, COVARIANCE),
    (LOW, LOC, dense(LOW)),
    (MultivariateStudentT(9.0, LOC, ROOT), LOC, COVARIANCE * 9 / 7),
    (
        Dirichlet([0.5, 2.0, 3.0]),
        scipy.stats.dirichlet([0.5, 2, 3]).mean(),
        scipy.stats.dirichlet([0.5, 2, 3]).cov(),
    ),
    (
        Multinomial(6.0, [0.2, 0.3, 0.5]),
        6 * np.array([0.2, 0.3, 0.5]),
        scipy.stats.multinomial(6, [0.2, 0.3, 0.5]).cov(),
    ),
    (Wishart(4.5, COVARIANCE), 4.5 * COVARIANCE, None),
    (InverseWishart(9.5, COVARIANCE), COVARIANCE / 6.5, None),
    (
        MatrixNormal(np.ones((2, 2)), np.diag([1.0, 2.0]), ROOT),
        np.ones((2, 2)),
        np.kron(np.diag([1.0, 4.0]), COVARIANCE),
    ),
    (VonMisesFisher(DIRECTION, 2.5), DIRECTION * (1 / np.tanh(2.5) - 1 / 2.5), None),
    (VonMisesFisher(DIRECTION, 0.0), 0 * DIRECTION, np.eye(3) / 3),
]


@pytest.mark.parametrize(("p", "mean", "covariance"), MOMENTS, ids=lambda v: type(v).__name__)
def test_draws_have_the_moments(numpy_backend: Backend, p: Any, mean: Any, covariance: Any) -> None:
    n = 40_000
    x = p.sample(np.random.default_rng(7), (n,))
    assert x.shape == (n, *p.event_shape)
    assert np.isfinite(p.log_density(x[:100])).all()
    flat = x.reshape(n, -1)
    error = np.abs(flat.mean(axis=0) - np.ravel(mean)) / (flat.std(axis=0) / np.sqrt(n))
    assert error.max() < 4.5
    if covariance is not None:
        centred = flat - np.ravel(mean)
        products = centred[:, :, None] * centred[:, None, :]
        spread = products.std(axis=0) / np.sqrt(n)
        assert (np.abs(products.mean(axis=0) - covariance) <= 4.5 * spread + 1e-12).all()


def test_batches_of_draws(numpy_backend: Backend) -> None:
    p = MultivariateNormal(np.zeros((4, 1, 2)), np.stack([np.eye(2), 4 * np.eye(2)]))
    assert p.batch_shape == (4, 2)
    assert p.event_shape == (2,)
    assert p.sample(np.random.default_rng(0), (5,)).shape == (5, 4, 2, 2)
    assert p.log_density(np.zeros(2)).shape == (4, 2)
    w = Wishart(np.array([3.0, 4.0]), np.eye(2))
    assert w.sample(np.random.default_rng(0), (5,)).shape == (5, 2, 2, 2)
    flat = p.flattened(p.batch_shape)
    assert flat.batch_shape == (8,)
    assert flat.loc.shape == (8, 2)


def test_small_concentrations_draw_the_corners(numpy_backend: Backend) -> None:
    x = Dirichlet([1e-3, 1e-3]).sample(np.random.default_rng(0), (1000,))
    assert np.isfinite(x).all()
    assert x.sum(axis=-1) == pytest.approx(np.ones(1000))
    assert x[:, 0].mean() == pytest.approx(0.5, abs=0.06)


WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (MultivariateNormal, {"loc": [0.0, 0.0]}, TypeError, "exactly one of covariance_matrix"),
    (
        MultivariateNormal,
        {"loc": [0.0, 0.0], "covariance_matrix": np.eye(2), "scale_tril": np.eye(2)},
        TypeError,
        "got covariance_matrix and scale_tril",
    ),
    (
        MultivariateNormal,
        {"loc": [0.0, 0.0], "covariance_matrix": [[1.0, 2.0], [2.0, 1.0]]},
        ValueError,
        "covariance_matrix must be positive definite; the smallest eigenvalue is -1",
    ),
    (
        MultivariateNormal,
        {"loc": [0.0, 0.0], "precision_matrix": [[1.0, 1.0], [1.0, 1.0]]},
        ValueError,
        "precision_matrix must be positive definite",
    ),
    (
        MultivariateNormal,
        {"loc": [0.0, 0.0], "covariance_matrix": [[1.0, 0.5], [0.4, 1.0]]},
        ValueError,
        "must be symmetric; it differs from its transpose by 0.1",
    ),
    (
        MultivariateNormal,
        {"loc": [0.0, 0.0], "scale_tril": COVARIANCE},
        ValueError,
        "scale_tril must be lower triangular",
    ),
    (
        MultivariateNormal,
        {"loc": [0.0, 0.0, 0.0], "scale_tril": ROOT},
        ValueError,
        r"the last axes do not fit one another: loc \(3,\), scale_tril \(2, 2\)",
    ),
    (MultivariateNormal, {"loc": 0.0, "scale_tril": [[1.0]]}, ValueError, "at least 1 axis"),
    (
        LowRankMultivariateNormal,
        {"loc": [0.0], "cov_factor": [[1.0]], "cov_diag": [0.0]},
        ValueError,
        "cov_diag must be positive",
    ),
    (
        LowRankMultivariateNormal,
        {"loc": [0.0], "cov_factor": [[1.0], [2.0]], "cov_diag": [1.0]},
        ValueError,
        "do not fit",
    ),
    (Dirichlet, {"concentration": [1.0, -1.0]}, ValueError, "concentration must be positive"),
    (Dirichlet, {"concentration": 1.0}, ValueError, "at least 1 axis"),
    (Multinomial, {"total_count": 2.5, "probs": [0.5, 0.5]}, ValueError, "whole number"),
    (Multinomial, {"total_count": 2, "probs": [0.5, 0.6]}, ValueError, "sum to 1"),
    (Wishart, {"df": 1.0, "covariance_matrix": np.eye(2)}, ValueError, "df must be above 1"),
    (InverseWishart, {"df": 3.0}, TypeError, "exactly one of scale_matrix, scale_tril"),
    (
        MatrixNormal,
        {"loc": np.zeros((3, 2)), "scale_tril_row": ROOT, "scale_tril_column": ROOT},
        ValueError,
        "do not fit",
    ),
    (
        VonMisesFisher,
        {"mean_direction": [1.0, 1.0], "concentration": 1.0},
        ValueError,
        "of length 1",
    ),
    (VonMisesFisher, {"mean_direction": [1.0], "concentration": 1.0}, ValueError, "at least 2"),
    (
        VonMisesFisher,
        {"mean_direction": [1.0, 0.0], "concentration": -1.0},
        ValueError,
        "at least 0",
    ),
]


@pytest.mark.parametrize(("kind", "arguments", "error", "message"), WRONG)
def test_wrong_parameters_are_named(
    numpy_backend: Backend, kind: Any, arguments: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        kind(**arguments)


def test_the_singular_member_of_a_batch_is_found(eager: Backend) -> None:
    bad = np.stack([np.eye(2), [[1.0, 3.0], [3.0, 1.0]], np.eye(2)])
    with pytest.raises(ValueError, match="smallest eigenvalue is -2"):
        MultivariateNormal(eager.array(np.zeros(2)), eager.array(bad))


def test_an_event_of_another_shape_is_refused(numpy_backend: Backend) -> None:
    with pytest.raises(ValueError, match=r"x has shape \(3,\); its last axes must be \(2,\)"):
        MultivariateNormal(LOC, COVARIANCE).log_density(np.zeros(3))


def test_unequal_numbers_of_draws(eager: Backend) -> None:
    n, m = eager.array([0.0, 3.0, 3.0]), eager.array([0.0, 3.0, 4.0])
    p = Multinomial(n, eager.array([0.5, 0.5, 0.0]))
    q = Multinomial(m, eager.array([0.5, 0.0, 0.5]))
    assert eager.numpy(relative_entropy(p, q)).tolist() == [0, np.inf, np.inf]
    same = Multinomial(m, eager.array([0.25, 0.75, 0.0]))
    value = eager.numpy(relative_entropy(p, same))
    assert value == pytest.approx([0, 3 * 0.5 * np.log(4 / 3), np.inf])


def test_the_text_of_a_family_shows_what_was_given() -> None:
    text = repr(MultivariateNormal(LOC, precision_matrix=np.eye(2)))
    assert "precision_matrix" in text
    assert "covariance_matrix" not in text
