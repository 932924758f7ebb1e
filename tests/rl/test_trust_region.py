"""The trust region: means and worst states of exact divergences, and what is never inside."""

import math
from typing import Any

import numpy as np
import pytest

from relentropy.rl import trust_region
from tests import truth
from tests.backends import Backend
from tests.rl.quick import on_every

INF = float("inf")
RNG = np.random.default_rng(2)
OLD, NEW = RNG.normal(0, 1, (2, 4, 3))
MEANS = RNG.normal(0, 1, (2, 4, 3))
LOG_STDS = RNG.normal(0, 0.5, (2, 4, 3))


def exact() -> np.ndarray:
    """D(old‖new) of each state, by the definition."""
    with truth.digits(50):
        pairs = [
            [truth.distribution("Logits", x) for x in row] for row in zip(OLD, NEW, strict=True)
        ]
        return np.array([float(truth.relative_entropy(*pair)) for pair in pairs])


def test_a_categorical_policy(xp: Backend) -> None:
    kl = exact()
    step = trust_region(xp.array(OLD), xp.array(NEW), limit=kl.mean() * 1.01)
    np.testing.assert_allclose(xp.numpy(step.kl), kl, rtol=1e-13)
    assert float(step.mean_kl) == pytest.approx(kl.mean(), rel=1e-13)
    assert float(step.max_kl) == pytest.approx(kl.max(), rel=1e-13)
    assert xp.is_native(step.inside)
    assert xp.dtype_of(step.inside) == "bool"
    assert bool(step.inside)
    for limit, constraint in ((kl.mean() * 0.99, "mean"), (kl.mean() * 1.01, "max")):
        outside = trust_region(xp.array(OLD), xp.array(NEW), limit=limit, constraint=constraint)
        assert not bool(outside.inside)
    worst = trust_region(xp.array(OLD), xp.array(NEW), limit=kl.max() * 1.01, constraint="max")
    assert bool(worst.inside)


def gaussian_by_definition(m1: Any, s1: Any, m2: Any, s2: Any) -> np.ndarray:
    """log σ₂/σ₁ + (σ₁² + (μ₁ - μ₂)²) / 2σ₂² - ½, summed over coordinates."""
    terms = s2 - s1 + (np.exp(2 * s1) + (m1 - m2) ** 2) / (2 * np.exp(2 * s2)) - 0.5
    return terms.sum(-1)


@pytest.mark.parametrize("shared", [False, True])
def test_a_gaussian_policy(xp: Backend, shared: bool) -> None:
    """log_std of every state, or one for all, as most policies have it."""
    log_stds = LOG_STDS[:, 0] if shared else LOG_STDS
    kl = gaussian_by_definition(MEANS[0], log_stds[0], MEANS[1], log_stds[1])
    old, new = ((xp.array(m), xp.array(s)) for m, s in zip(MEANS, log_stds, strict=True))
    step = trust_region(old, new, limit=kl.mean() * 1.01, policy="gaussian")
    np.testing.assert_allclose(xp.numpy(step.kl), kl, rtol=1e-12)
    assert float(step.mean_kl) == pytest.approx(kl.mean(), rel=1e-12)
    assert bool(step.inside)
    assert not bool(trust_region(old, new, limit=kl.mean() * 0.99, policy="gaussian").inside)


def test_masked_states_hold_anything_and_do_not_count(xp: Backend) -> None:
    kl = exact()
    old, new = OLD.copy(), NEW.copy()
    old[1], new[3] = np.nan, INF
    mask = xp.array([1, 0, 1, 0], "int64")
    step = trust_region(xp.array(old), xp.array(new), mask, limit=1.0)
    assert xp.numpy(step.kl)[[1, 3]].tolist() == [0.0, 0.0]
    assert float(step.mean_kl) == pytest.approx(kl[[0, 2]].mean(), rel=1e-13)
    assert float(step.max_kl) == pytest.approx(kl[[0, 2]].max(), rel=1e-13)
    means, log_stds = MEANS.copy(), LOG_STDS.copy()
    means[0, 1], log_stds[1, 3] = np.nan, np.nan
    pairs = [(xp.array(m), xp.array(s)) for m, s in zip(means, log_stds, strict=True)]
    step = trust_region(*pairs, mask, limit=1.0, policy="gaussian")
    right = gaussian_by_definition(MEANS[0], LOG_STDS[0], MEANS[1], LOG_STDS[1])
    assert float(step.mean_kl) == pytest.approx(right[[0, 2]].mean(), rel=1e-12)


def test_no_step_is_inside_any_limit(xp: Backend) -> None:
    for policy, same in (("categorical", xp.array(OLD)), ("gaussian", (xp.array(OLD), -1.0))):
        step = trust_region(same, same, limit=0, policy=policy)
        assert bool(step.inside)
        assert float(step.mean_kl) == float(step.max_kl) == 0.0


def test_an_infinite_divergence_is_never_inside(xp: Backend) -> None:
    new = NEW.copy()
    new[2, 1] = -INF
    step = trust_region(xp.array(OLD), xp.array(new), limit=INF)
    assert float(step.mean_kl) == INF
    assert not bool(step.inside)
    point = (xp.array(MEANS[0]), xp.array(np.full((4, 3), -INF)))
    step = trust_region(point, (xp.array(MEANS[0]), 0.0), limit=INF, policy="gaussian")
    assert not bool(step.inside)


@pytest.mark.exhaustive
def test_in_a_trace_it_stays_an_array(autodiff: Backend) -> None:
    def step(old: Any, new: Any, mask: Any) -> Any:
        found = trust_region(old, new, mask, limit=0.5)
        return found.inside, found.mean_kl

    mask = autodiff.array([True, True, False, True], "bool")
    arrays = autodiff.array(OLD), autodiff.array(NEW), mask
    inside, mean_kl = autodiff.jit(step)(*arrays)
    assert float(mean_kl) == pytest.approx(exact()[[0, 1, 3]].mean(), rel=1e-13)
    assert bool(inside) == (float(mean_kl) <= 0.5)


def test_in_a_trace_nothing_bad_is_inside(jax_backend: Backend) -> None:
    step = jax_backend.jit(lambda old, new, mask: trust_region(old, new, mask, limit=INF))
    nan = OLD.copy()
    nan[0, 0] = np.nan
    every, none = (jax_backend.array(np.full(4, x), "bool") for x in (True, False))
    for old, mask in ((nan, every), (OLD, none)):
        found = step(jax_backend.array(old), jax_backend.array(NEW), mask)
        assert math.isnan(found.mean_kl)
        assert math.isnan(found.max_kl)
        assert not bool(found.inside)


def test_one_by_one(autodiff: Backend) -> None:
    kls = autodiff.vmap(lambda old, new: trust_region(old, new, limit=1.0).mean_kl)(
        autodiff.array(OLD), autodiff.array(NEW)
    )
    np.testing.assert_allclose(autodiff.numpy(kls), exact(), rtol=1e-13)


@on_every("autodiff", "policy", ["categorical", "gaussian"], quick=["gaussian"])
def test_its_second_derivative_is_trpos_fisher_matrix(autodiff: Backend, policy: str) -> None:
    x = autodiff.array([0.3, -0.5, 1.0])
    if policy == "categorical":
        q = np.exp([0.3, -0.5, 1.0])
        q /= q.sum()
        hessian = autodiff.hessian(lambda new: trust_region(x, new, limit=1.0).mean_kl, x)
        expected = np.diag(q) - np.outer(q, q)
    else:
        log_std = autodiff.array([0.1, 0.2, -0.3])
        hessian = autodiff.hessian(
            lambda m, s: trust_region((x, log_std), (m, s), limit=1.0, policy="gaussian").mean_kl,
            x,
            log_std,
        )
        expected = np.diag([*np.exp([-0.2, -0.4, 0.6]), 2.0, 2.0, 2.0])
    np.testing.assert_allclose(hessian, expected, atol=1e-13)


def test_bad_input_says_what_to_do(xp: Backend) -> None:
    old, new = xp.array(OLD), xp.array(NEW)
    with pytest.raises(ValueError, match="no state counts"):
        trust_region(old, new, xp.array(np.zeros(4), "bool"), limit=1.0)
    with pytest.raises(ValueError, match="no state counts"):
        trust_region(xp.array(np.zeros((0, 3))), xp.array(np.zeros((0, 3))), limit=1.0)
    for limit in (-1.0, math.nan):
        with pytest.raises(ValueError, match="limit is"):
            trust_region(old, new, limit=limit)
    with pytest.raises(ValueError, match="policy is 'normal'; expected one of"):
        trust_region(old, new, limit=1.0, policy="normal")
    with pytest.raises(ValueError, match="constraint is 'worst'"):
        trust_region(old, new, limit=1.0, constraint="worst")
    with pytest.raises(ValueError, match=r"new has 2 cells.*old 3"):
        trust_region(old, new[:, :2], limit=1.0)
    with pytest.raises(ValueError, match=r"new has shape \(3, 3\) and old \(4, 3\)"):
        trust_region(old, new[:3], limit=1.0)
    with pytest.raises(ValueError, match=r"mask has shape \(3,\)"):
        trust_region(old, new, xp.array(np.ones(3), "bool"), limit=1.0)
    bad = NEW.copy()
    bad[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"new\[2\] is nan"):
        trust_region(old, xp.array(bad), limit=1.0)
    with pytest.raises(ValueError, match=r"mean of new\[2, 1\] is nan"):
        trust_region((old, 0.0), (xp.array(bad), 0.0), limit=1.0, policy="gaussian")
    std = xp.array([0.0, math.nan, 0.0])
    with pytest.raises(ValueError, match=r"log_std of old\[0, 1\] is nan: expected a logarithm"):
        trust_region((old, std), (new, 0.0), limit=1.0, policy="gaussian")
    with pytest.raises(TypeError, match=r"expected a pair \(mean, log_std\)"):
        trust_region(old, new, limit=1.0, policy="gaussian")
    with pytest.raises(TypeError, match="dtype int64"):
        trust_region(xp.array(OLD, "int64"), new, limit=1.0)


def test_frameworks_do_not_mix(autodiff: Backend) -> None:
    with pytest.raises(TypeError, match="different frameworks"):
        trust_region(autodiff.array(OLD), NEW, limit=1.0)
