"""The loss at each documented setting against its paper's formula, written out in loops."""

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from relentropy.rl import group_advantage, grpo_loss, kl_penalty
from tests import backends

RNG = np.random.default_rng(3)
G, T = 4, 6
LENGTHS = [6, 3, 1, 4]
MASK = np.arange(T) < np.array(LENGTHS)[:, None]
OLD = -RNG.exponential(size=(G, T))
NEW = np.minimum(OLD + RNG.normal(scale=0.4, size=(G, T)), -1e-3)
REF = np.minimum(OLD + RNG.normal(scale=0.6, size=(G, T)), -1e-3)
REWARD = np.array([1.0, 0.0, 0.25, 1.0])
BETA, LOW, HIGH, LIMIT = 0.1, 0.2, 0.28, 10


def clipped(rho: float, a: float, low: float = LOW, high: float = LOW) -> float:
    return min(rho * a, min(max(rho, 1 - low), 1 + high) * a)


def k3(d: float) -> float:
    return math.exp(d) - d - 1


def tokens():
    """(i, t) of every kept token, a row at a time."""
    return [[(i, t) for t in range(length)] for i, length in enumerate(LENGTHS)]


def whole(x: np.ndarray, i: int) -> float:
    return float(x[i, : LENGTHS[i]].sum())


def standardised() -> np.ndarray:
    return (REWARD - REWARD.mean()) / REWARD.std()


def deepseek_math() -> float:
    """arXiv 2402.03300, eq. 3 and 4."""
    a = standardised()
    return -np.mean(
        [
            np.mean(
                [
                    clipped(np.exp(NEW[x] - OLD[x]), a[x[0]]) - BETA * k3(REF[x] - NEW[x])
                    for x in row
                ]
            )
            for row in tokens()
        ]
    )


def deepseek_r1() -> float:
    """arXiv 2501.12948, eq. 1 and 2, as printed: everything of whole outputs."""
    a = standardised()
    return -np.mean(
        [
            clipped(math.exp(whole(NEW, i) - whole(OLD, i)), a[i])
            - BETA * k3(whole(REF, i) - whole(NEW, i))
            for i in range(G)
        ]
    )


def dr_grpo() -> float:
    """arXiv 2503.20783: no deviation below the advantage, no length below the sum."""
    a = REWARD - REWARD.mean()
    return -np.mean([sum(clipped(np.exp(NEW[x] - OLD[x]), a[x[0]]) for x in r) for r in tokens()])


def dr_grpo_code() -> float:
    return dr_grpo() / LIMIT


def dapo() -> float:
    """arXiv 2503.14476, eq. 8: two clip bounds, one mean over all tokens, no divergence."""
    a = standardised()
    terms = [clipped(np.exp(NEW[x] - OLD[x]), a[x[0]], LOW, HIGH) for r in tokens() for x in r]
    return -sum(terms) / sum(LENGTHS)


def gspo() -> float:
    """arXiv 2507.18071, eq. 5 and 7: the ratio is the geometric mean over the output."""
    a = standardised()
    ratios = [math.exp((whole(NEW, i) - whole(OLD, i)) / LENGTHS[i]) for i in range(G)]
    return -np.mean([clipped(ratios[i], a[i], 3e-2, 4e-2) for i in range(G)])


def cispo() -> float:
    """arXiv 2506.13585, eq. 4 and 5: a clipped, constant weight on log π."""
    a = standardised()
    terms = [
        min(max(np.exp(NEW[x] - OLD[x]), 1 - LOW), 1 + HIGH) * a[x[0]] * NEW[x]
        for r in tokens()
        for x in r
    ]
    return -sum(terms) / sum(LENGTHS)


def deepseek_v32() -> float:
    """arXiv 2512.02556, eq. 7: the estimate of the divergence weighed by the ratio."""
    a = standardised()
    rho = np.exp(NEW - OLD)
    return -np.mean(
        [
            np.mean([clipped(rho[x], a[x[0]]) - BETA * rho[x] * k3(REF[x] - NEW[x]) for x in row])
            for row in tokens()
        ]
    )


def rloo() -> float:
    """arXiv 2402.14740: REINFORCE on whole outputs, the others' mean as the baseline."""
    baseline = (REWARD.sum() - REWARD) / (G - 1)
    a = REWARD - baseline
    return -np.mean([math.exp(whole(NEW, i) - whole(OLD, i)) * a[i] for i in range(G)])


PLAIN = {"scale": "none"}
SETTINGS: dict[str, tuple[Callable[[], float], dict, dict]] = {
    "DeepSeekMath": (deepseek_math, {}, {"beta": BETA}),
    "DeepSeek-R1 as printed": (deepseek_r1, {}, {"beta": BETA, "ratio": "sequence"}),
    "Dr.GRPO": (dr_grpo, PLAIN, {"beta": 0, "aggregate": "sequence-sum"}),
    "Dr.GRPO's code": (
        dr_grpo_code,
        PLAIN,
        {"beta": 0, "aggregate": "fixed-length", "max_length": LIMIT},
    ),
    "DAPO": (dapo, {}, {"beta": 0, "clip": (LOW, HIGH), "aggregate": "token-mean"}),
    "GSPO": (gspo, {}, {"beta": 0, "clip": (3e-2, 4e-2), "ratio": "sequence-mean"}),
    "CISPO": (
        cispo,
        {},
        {"beta": 0, "clip": (LOW, HIGH), "surrogate": "cispo", "aggregate": "token-mean"},
    ),
    "DeepSeek-V3.2": (deepseek_v32, {}, {"beta": BETA, "kl_gradient": "token"}),
    "RLOO": (
        rloo,
        PLAIN,
        {"beta": 0, "ratio": "sequence", "clip": (math.inf, math.inf)},
    ),
}


def advantage_for(name: str, xp: backends.Backend):
    a = group_advantage(xp.array(REWARD), **SETTINGS[name][1])
    return a * (G / (G - 1)) if name == "RLOO" else a


def loss_of(xp: backends.Backend, name: str, new=None, **more):
    new = xp.array(NEW) if new is None else new
    return grpo_loss(
        new,
        xp.array(OLD),
        xp.array(REF),
        advantage_for(name, xp),
        xp.array(MASK, "bool"),
        **SETTINGS[name][2],
        **more,
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_the_value_is_the_papers(xp: backends.Backend, name: str) -> None:
    loss, _ = loss_of(xp, name)
    assert xp.is_native(loss)
    assert float(loss) == pytest.approx(SETTINGS[name][0](), rel=1e-12)


@pytest.mark.parametrize("name", [n for n in SETTINGS if n not in ("CISPO", "DeepSeek-V3.2")])
def test_the_gradient_is_that_of_the_papers_formula(
    autodiff: backends.Backend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (slope,) = autodiff.gradient(lambda a: loss_of(autodiff, name, a)[0], autodiff.array(NEW))
    formula, h, base = SETTINGS[name][0], 1e-6, NEW
    for place in np.ndindex(NEW.shape):
        sides = []
        for step in (h, -h):
            moved = base.copy()
            moved[place] += step
            monkeypatch.setitem(globals(), "NEW", moved)
            sides.append(formula())
        monkeypatch.undo()
        assert slope[place] == pytest.approx((sides[0] - sides[1]) / (2 * h), abs=2e-8)


def test_cispo_keeps_the_gradient_of_clipped_tokens(autodiff: backends.Backend) -> None:
    (slope,) = autodiff.gradient(lambda a: loss_of(autodiff, "CISPO", a)[0], autodiff.array(NEW))
    weight = np.clip(np.exp(NEW - OLD), 1 - LOW, 1 + HIGH) * standardised()[:, None]
    assert slope == pytest.approx(np.where(MASK, -weight / MASK.sum(), 0), rel=1e-12)


def test_deepseek_v32_has_the_gradient_of_the_ratio_times_k1(autodiff: backends.Backend) -> None:
    def kl_part(a):
        return loss_of(autodiff, "DeepSeek-V3.2", a)[0] - loss_of(autodiff, "DAPO", a)[0] * 0

    with_kl = autodiff.gradient(kl_part, autodiff.array(NEW))[0]
    name = "DeepSeekMath"
    policy_only = autodiff.gradient(
        lambda a: grpo_loss(
            a,
            autodiff.array(OLD),
            None,
            advantage_for(name, autodiff),
            autodiff.array(MASK, "bool"),
            beta=0,
        )[0],
        autodiff.array(NEW),
    )[0]
    rho, lengths = np.exp(NEW - OLD), np.array(LENGTHS)[:, None]
    expected = np.where(MASK, BETA * rho * (NEW - REF) / lengths / G, 0)
    assert with_kl - policy_only == pytest.approx(expected, abs=1e-14)


def test_micro_batches_add_up(torch_backend: backends.TorchBackend) -> None:
    for name in ("DeepSeekMath", "DAPO", "Dr.GRPO"):
        whole_loss, _ = loss_of(torch_backend, name)
        a = advantage_for(name, torch_backend)
        parts = 0.0
        for rows in (slice(0, 1), slice(1, 4)):
            arrays = [torch_backend.array(x[rows]) for x in (NEW, OLD, REF)]
            mask = torch_backend.array(MASK[rows], "bool")
            totals = {"total_tokens": int(MASK.sum()), "total_sequences": G}
            parts += float(grpo_loss(*arrays, a[rows], mask, **SETTINGS[name][2], **totals)[0])
        assert parts == pytest.approx(float(whole_loss), rel=1e-13)


def test_metrics(xp: backends.Backend) -> None:
    loss, metrics = loss_of(xp, "DeepSeekMath")
    found = {name: float(value) for name, value in metrics.items()}
    kl = np.where(MASK, np.exp(REF - NEW) - 1 - (REF - NEW), 0)
    sums, counts = kl.sum(-1), MASK.sum(-1)
    mean = sums.sum() / counts.sum()
    residual = sums - mean * counts
    rho, a = np.exp(NEW - OLD), standardised()[:, None]
    expected = {
        "kl_per_token": mean,
        "kl_per_token_standard_error": math.sqrt((residual**2).sum() * G / (G - 1)) / counts.sum(),
        "kl_per_sequence": sums.mean(),
        "kl_per_sequence_standard_error": sums.std(ddof=1) / math.sqrt(G),
        "clip_fraction": (MASK & ((rho > 1.2) & (a > 0) | (rho < 0.8) & (a < 0))).sum()
        / MASK.sum(),
        "entropy": -NEW[MASK].mean(),
        "effective_sample_size": rho[MASK].sum() ** 2 / (rho[MASK] ** 2).sum(),
        "kl_loss": np.mean(sums / counts),
        "policy_loss": float(loss) - BETA * np.mean(sums / counts),
    }
    assert found == pytest.approx(expected, rel=1e-12)
    assert expected["clip_fraction"] > 0
    assert all(xp.is_native(value) for value in metrics.values())


def test_the_metrics_carry_no_gradient(torch_backend: backends.TorchBackend) -> None:
    new = torch_backend.array(NEW).requires_grad_()
    _, metrics = loss_of(torch_backend, "DeepSeekMath", new)
    assert not any(value.requires_grad for value in metrics.values())


def test_one_advantage_a_token(xp: backends.Backend) -> None:
    a = advantage_for("DAPO", xp)
    by_token = a[:, None] + 0 * xp.array(NEW)
    arrays = [xp.array(x) for x in (NEW, OLD, REF)]
    mask = xp.array(MASK, "bool")
    assert float(grpo_loss(*arrays, by_token, mask, beta=BETA)[0]) == float(
        grpo_loss(*arrays, a, mask, beta=BETA)[0]
    )


def test_through_transformations(autodiff: backends.Backend) -> None:
    expected, _ = loss_of(autodiff, "DeepSeekMath")
    arrays = [autodiff.array(x) for x in (NEW, OLD, REF)]
    advantage, mask = advantage_for("DeepSeekMath", autodiff), autodiff.array(MASK, "bool")
    f = autodiff.jit(lambda *xs: grpo_loss(*xs, advantage, mask, beta=BETA)[0])
    assert float(f(*arrays)) == pytest.approx(float(expected), rel=1e-13)


@pytest.mark.parametrize("ddof", [0, 1])
def test_advantages_against_mpmath(xp: backends.Backend, ddof: int) -> None:
    for rewards in ([1.0, 0.0, 0.0], [0.1, 0.3, 0.7, 0.7], [1e8, 1e8 + 1, 1e8 - 1], [1e-200, 0.0]):
        with mpmath.workdps(60):
            r = [mpmath.mpf(x) for x in rewards]
            mean = mpmath.fsum(r) / len(r)
            variance = mpmath.fsum((x - mean) ** 2 for x in r) / (len(r) - ddof)
            plain = [float(x - mean) for x in r]
            truth = [float((x - mean) / mpmath.sqrt(variance)) for x in r]
        array = xp.array([rewards, [5.0] * len(rewards)])
        found = xp.numpy(group_advantage(array, ddof=ddof))
        assert found[0] == pytest.approx(truth, rel=1e-12, abs=1e-15)
        assert (found[1] == 0).all()
        assert xp.numpy(group_advantage(array, scale="none"))[0] == pytest.approx(
            plain, rel=1e-12, abs=1e-15 * max(map(abs, plain))
        )


def test_equal_rewards_that_are_no_binary_fraction_have_no_advantage(
    xp: backends.Backend,
) -> None:
    for reward in (0.1, 1 / 3, 0.7):
        for size in range(2, 12):
            for dtype in ("float32", "float64"):
                found = group_advantage(xp.array([reward] * size, dtype))
                assert (xp.numpy(found) == 0).all()


def test_rewards_may_be_right_or_wrong(xp: backends.Backend) -> None:
    for dtype in ("bool", "int64"):
        found = xp.numpy(group_advantage(xp.array([1, 0, 0, 1], dtype)))
        assert found == pytest.approx([1, -1, -1, 1])


def test_a_sequence_penalty_counts_a_whole_output_as_one_token(xp: backends.Backend) -> None:
    arrays = [xp.array(np.where(MASK, x, 0).sum(-1, keepdims=True)) for x in (NEW, REF)]
    one = kl_penalty(*arrays, xp.array(np.ones((G, 1)), "bool"), gradient="none")
    _, metrics = loss_of(xp, "DeepSeek-R1 as printed")
    assert float(metrics["kl_loss"]) == pytest.approx(float(xp.numpy(one).mean()), rel=1e-13)
