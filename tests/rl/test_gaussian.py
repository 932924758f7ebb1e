"""The Gaussian KL term against mpmath, near its prior, far from it, and at its edges."""

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from relentropy.rl import gaussian_kl
from tests import truth
from tests.backends import Backend

INF = float("inf")


def exact(mean: Any, log_v: Any, mean0: Any, log_v0: Any) -> mpf:
    """½ Σ [(μ - μ₀)²/σ₀² + σ²/σ₀² - 1 - log σ²/σ₀²], as the textbook writes it."""
    with truth.digits(700):
        total = mpf(0)
        for m, v, m0, v0 in zip(*map(truth.exactly, (mean, log_v, mean0, log_v0)), strict=True):
            total += (m - m0) ** 2 * mp.exp(-v0) + mp.exp(v - v0) - 1 - (v - v0)
        return total / 2


def rows(dtype: str) -> list[np.ndarray]:
    """Means, log-variances, and those of the prior: (8, 3) each."""
    rng = np.random.default_rng(1)
    steps = np.array([1e-140, 1e-12, 1e-8, 1e-4, 1e-2, 1.0, 10.0, 80.0])[:, None]
    if dtype == "float32":
        steps = np.array([1e-15, 1e-12, 1e-8, 1e-4, 1e-2, 1.0, 10.0, 40.0])[:, None]
    mean0, log_v0 = rng.normal(0, 1, (2, 8, 3))
    mean0[:3] = log_v0[:3] = 0.0
    mean, log_v = (x + steps * rng.normal(0, 1, (8, 3)) for x in (mean0, log_v0))
    return [x.astype(dtype) for x in (mean, log_v, mean0, log_v0)]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_the_value(xp: Backend, dtype: str, tolerance: float) -> None:
    arrays = rows(dtype)
    mean, log_v, mean0, log_v0 = (xp.array(x, dtype) for x in arrays)
    got = gaussian_kl(mean, log_v, prior_mean=mean0, prior_log_variance=log_v0)
    assert xp.is_native(got)
    assert xp.dtype_of(got) == dtype
    for value, *row in zip(xp.numpy(got), *arrays, strict=True):
        assert truth.relative_error(value, exact(*row)) < tolerance


def test_against_the_standard_normal(xp: Backend) -> None:
    got = gaussian_kl(xp.array([[1.0, 0.0, 2.0]]), xp.array([[0.0, math.log(4.0), 0.0]]))
    assert xp.numpy(got)[0] == pytest.approx(0.5 + (1.5 - math.log(2)) + 2.0, rel=1e-14)


def test_exactly_zero_for_equals(xp: Backend) -> None:
    mean, log_v = xp.array([[0.3, -1e5], [7.0, 0.1]]), xp.array([[-30.0, 12.0], [700.0, -5000.0]])
    got = gaussian_kl(mean, log_v, prior_mean=mean, prior_log_variance=log_v)
    assert xp.numpy(got).tolist() == [0.0, 0.0]


def test_what_torch_computes_where_nothing_cancels(torch_backend: Backend) -> None:
    import torch
    from torch.distributions import Normal, kl_divergence

    generator = torch.Generator().manual_seed(0)
    mean, mean0 = (5 * torch.randn(50, 4, generator=generator).double() for _ in range(2))
    log_v, log_v0 = (2 * torch.randn(50, 4, generator=generator).double() for _ in range(2))
    pair = (Normal(m, torch.exp(v / 2)) for m, v in ((mean, log_v), (mean0, log_v0)))
    expected = kl_divergence(*pair).sum(-1)
    got = gaussian_kl(mean, log_v, prior_mean=mean0, prior_log_variance=log_v0)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("mean", "log_v", "mean0", "log_v0", "expected"),
    [
        (0.0, -1e4, 0.0, 0.0, (1e4 - 1) / 2),
        (0.0, 1e4, 0.0, 0.0, INF),
        (0.0, 709.0, 0.0, 0.0, None),
        (0.0, -INF, 0.0, 0.0, INF),
        (0.0, INF, 0.0, 0.0, INF),
        (0.0, 0.0, 0.0, 1e4, (1e4 - 1) / 2),
        (0.0, 0.0, 0.0, -1e4, INF),
        (1.0, -1e4, 1.0, -1e4, 0.0),
        (1.0, -1e4, 1.0 + 1e-15, -1e4, INF),
        (1e-200, -900.0, 0.0, -900.0, None),
        (1e300, 2000.0, 0.0, 2000.0, None),
        (1e300, 0.0, 0.0, 0.0, INF),
        (2.0, -INF, 2.0, -INF, 0.0),
        (2.0, -INF, 1.0, -INF, INF),
        (2.0, 0.0, 2.0, -INF, INF),
        (2.0, 0.0, 2.0, INF, INF),
    ],
)
def test_edges(
    xp: Backend, mean: float, log_v: float, mean0: float, log_v0: float, expected: float | None
) -> None:
    a, b, c, d = (xp.array([[x, 0.0]]) for x in (mean, log_v, mean0, log_v0))
    got = xp.numpy(gaussian_kl(a, b, prior_mean=c, prior_log_variance=d))[0]
    true = float(exact([mean], [log_v], [mean0], [log_v0])) if expected is None else expected
    assert got == true or got == pytest.approx(true, rel=1e-12)
    if xp.differentiates:
        for slope in xp.gradient(
            lambda *x: gaussian_kl(*x[:2], prior_mean=x[2], prior_log_variance=x[3]), a, b, c, d
        ):
            assert not np.isnan(slope).any()


def test_gradients_are_the_closed_forms(autodiff: Backend) -> None:
    arrays = rows("float64")
    mean, log_v, mean0, log_v0 = arrays
    got = autodiff.gradient(
        lambda *x: gaussian_kl(*x[:2], prior_mean=x[2], prior_log_variance=x[3]),
        *(autodiff.array(x) for x in arrays),
    )
    z2, ratio = (mean - mean0) ** 2 * np.exp(-log_v0), np.expm1(log_v - log_v0)
    towards_mean = (mean - mean0) * np.exp(-log_v0)
    expected = (towards_mean, ratio / 2, -towards_mean, -(ratio + z2) / 2)
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-12, atol=1e-170)


def test_the_second_derivative_at_the_prior_is_fishers(autodiff: Backend) -> None:
    """diag(1/σ², ½): also where mean and log-variance equal the prior's exactly."""
    hessian = autodiff.hessian(
        lambda m, v: gaussian_kl(m, v, prior_mean=1.0, prior_log_variance=math.log(4.0)),
        autodiff.array([1.0]),
        autodiff.array([math.log(4.0)]),
    )
    np.testing.assert_allclose(hessian, [[0.25, 0.0], [0.0, 0.5]], atol=1e-15)


def test_parameters_broadcast_over_the_batch_alone(xp: Backend) -> None:
    mean, log_v = rows("float64")[:2]
    row = xp.array(log_v[0])
    each = gaussian_kl(xp.array(mean), row, prior_mean=row, prior_log_variance=0.5)
    tiled = [xp.array(np.tile(x, (8, 1))) for x in (log_v[0], np.full(3, 0.5))]
    spelled = gaussian_kl(
        xp.array(mean), tiled[0], prior_mean=tiled[0], prior_log_variance=tiled[1]
    )
    assert xp.numpy(each).tolist() == xp.numpy(spelled).tolist()
    for wrong in (np.zeros((8, 1)), np.zeros(4), np.zeros((2, 3)), np.zeros((1, 8, 3))):
        with pytest.raises(ValueError, match="expected the same coordinates"):
            gaussian_kl(xp.array(mean), xp.array(wrong))


def test_half_precision_is_widened(xp: Backend) -> None:
    got = gaussian_kl(xp.array([[0.5, 1.0]], "bfloat16"), xp.array([[0.0, 0.0]], "float16"))
    assert xp.dtype_of(got) == "float32"
    assert xp.numpy(got).tolist() == [0.625]


def test_compiled_and_mapped(autodiff: Backend) -> None:
    mean, log_v = (autodiff.array(x) for x in rows("float64")[:2])
    expected = autodiff.numpy(gaussian_kl(mean, log_v))
    for changed in (autodiff.jit(gaussian_kl), autodiff.vmap(gaussian_kl)):
        np.testing.assert_allclose(autodiff.numpy(changed(mean, log_v)), expected, rtol=1e-13)


def test_bad_input_says_what_to_do(xp: Backend) -> None:
    zeros = xp.array(np.zeros((2, 3)))
    bad = xp.array([[0.0, 0.0, 0.0], [0.0, math.nan, 0.0]])
    with pytest.raises(ValueError, match=r"mean\[1, 1\] is nan: expected a finite number"):
        gaussian_kl(bad, zeros)
    with pytest.raises(ValueError, match=r"log_variance\[1, 1\] is nan"):
        gaussian_kl(zeros, bad)
    with pytest.raises(ValueError, match=r"prior_mean\[0\] is inf"):
        gaussian_kl(zeros, zeros, prior_mean=INF)
    with pytest.raises(TypeError, match="mean has dtype int64"):
        gaussian_kl(xp.array(np.zeros((2, 3)), "int64"), zeros)
    with pytest.raises(ValueError, match="mean is a single number"):
        gaussian_kl(xp.array(1.0), 0.0)
    with pytest.raises(TypeError, match="log_variance is str"):
        gaussian_kl(zeros, "0")


def test_frameworks_do_not_mix(autodiff: Backend) -> None:
    with pytest.raises(TypeError, match="different frameworks"):
        gaussian_kl(autodiff.array(np.zeros((2, 3))), np.zeros((2, 3)))
