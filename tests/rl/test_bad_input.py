"""What is wrong is refused by name, or has the finite answer that the documentation gives."""

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import event, given, settings

from relentropy.rl import (
    aggregate,
    group_advantage,
    grpo_loss,
    kl_estimate,
    kl_penalty,
    token_log_probs,
    vocabulary_kl_penalty,
)
from relentropy.rl.penalty import GRADIENTS
from tests import backends

INF, NAN = float("inf"), float("nan")
A = np.array([[-1.0, -2.0, -0.5], [-0.1, -3.0, -1.0]])
B = np.array([[-1.5, -2.5, -0.25], [-0.4, -1.0, -2.0]])
MASK = np.array([[True, True, True], [True, True, False]])
ONES = np.array([1.0, -1.0])


def changed(x: np.ndarray, place: tuple[int, ...], value: float) -> np.ndarray:
    x = x.copy()
    x[place] = value
    return x


def penalty(xp: backends.Backend, a=A, b=B, mask=MASK, **keywords: Any):
    mask = xp.array(mask, "bool")
    return kl_penalty(xp.array(a), xp.array(b), mask, **keywords)


def loss(xp: backends.Backend, a=A, old=A, b=B, advantage=ONES, mask=MASK, **keywords: Any):
    arrays = [xp.array(x) for x in (a, old, b, advantage)]
    return grpo_loss(*arrays, xp.array(mask, "bool"), **{"beta": 0.1, **keywords})


@pytest.mark.parametrize("call", [penalty, loss])
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": changed(A, (1, 0), 0.5)}, r"log_prob\[1, 0\] is 0\.5: expected log-probabilities"),
        ({"b": changed(B, (0, 2), 2.0)}, r"ref_log_prob\[0, 2\] is 2: expected log-probabilities"),
        ({"a": changed(A, (0, 1), NAN)}, r"log_prob\[0, 1\] is nan"),
        ({"b": changed(B, (0, 1), NAN)}, r"ref_log_prob\[0, 1\] is nan"),
        ({"b": changed(B, (0, 1), -INF)}, r"ref_log_prob\[0, 1\] is -inf: only one of the two"),
        ({"b": B[:, :2]}, r"ref_log_prob has shape \(2, 2\) and log_prob \(2, 3\)"),
        ({"mask": MASK[:1]}, r"mask has shape \(1, 3\) and log_prob \(2, 3\)"),
    ],
)
def test_wrong_log_probabilities_are_named(
    xp: backends.Backend, call, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        call(xp, **arrays)


def test_padding_may_hold_anything(xp: backends.Backend) -> None:
    for value in (NAN, INF, 7.0, -INF):
        a, b = (changed(x, (1, 2), value) for x in (A, B))
        assert (xp.numpy(penalty(xp, a, b)) == xp.numpy(penalty(xp))).all()
        assert float(loss(xp, a, a, b)[0]) == float(loss(xp)[0])


def test_integers_and_mixed_frameworks_are_refused(torch_backend: backends.TorchBackend) -> None:
    with pytest.raises(TypeError, match="log_prob has dtype int64"):
        kl_penalty(np.array([-1]), np.array([-1.0]), np.array([1]))
    with pytest.raises(TypeError, match="different frameworks"):
        kl_penalty(torch_backend.array([-1.0]), np.array([-1.0]), np.array([1]))
    with pytest.raises(TypeError, match="different frameworks"):
        kl_penalty(torch_backend.array([-1.0]), torch_backend.array([-1.0]), np.array([1]))
    with pytest.raises(TypeError, match="expected arrays of NumPy"):
        kl_penalty("abc", np.array([-1.0]), np.array([1]))


def test_a_wrong_choice_lists_the_right_ones() -> None:
    with pytest.raises(ValueError, match="estimator is 'k4'; expected one of 'k1', 'k2', 'k3'"):
        kl_estimate([-1.0], [-1.0], estimator="k4")
    with pytest.raises(ValueError, match="gradient is 'exact'; expected one of 'token'"):
        kl_penalty([-1.0], [-1.0], [1], gradient="exact")
    with pytest.raises(ValueError, match="ratio is 'group'"):
        grpo_loss([[-1.0]], [[-1.0]], None, [1.0], [[1]], beta=0, ratio="group")


def test_k1_as_written_has_nothing_to_learn_from(xp: backends.Backend) -> None:
    with pytest.raises(ValueError, match=r'no gradient towards the reference.*gradient="token"'):
        penalty(xp, estimator="k1", gradient="as-written")
    # Weighed by the ratio it has one.
    penalty(xp, estimator="k1", gradient="as-written", behavior_log_prob=xp.array(A))


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_behavior_that_cannot_have_drawn_a_token_is_named(
    xp: backends.Backend, gradient: str
) -> None:
    behavior = xp.array(changed(A, (0, 1), -INF))
    with pytest.raises(
        ValueError, match=r"behavior_log_prob\[0, 1\] is -inf: a token that was drawn"
    ):
        penalty(xp, gradient=gradient, behavior_log_prob=behavior)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_a_token_that_neither_policy_can_produce_counts_nothing(
    autodiff: backends.Backend, gradient: str
) -> None:
    b = autodiff.array(changed(B, (0, 1), -INF))
    mask = autodiff.array(MASK, "bool")
    f = lambda a: kl_penalty(a, b, mask, gradient=gradient)  # noqa: E731
    a = autodiff.array(changed(A, (0, 1), -INF))
    assert autodiff.numpy(f(a))[0, 1] == 0
    if gradient != "none":
        (slope,) = autodiff.gradient(f, a)
        assert np.isfinite(slope).all()
        assert gradient == "sequence" or slope[0, 1] == 0


def test_inside_a_trace_an_impossible_token_is_infinite_without_a_gradient(
    autodiff: backends.Backend,
) -> None:
    a, b = autodiff.array(A), autodiff.array(changed(B, (0, 1), -INF))
    mask = autodiff.array(MASK, "bool")
    f = autodiff.jit(lambda a: kl_penalty(a, b, mask))
    assert autodiff.numpy(f(a))[0, 1] == INF
    (slope,) = autodiff.gradient(f, a)
    assert slope[0, 1] == 0
    assert np.isfinite(slope).all()


def test_a_row_that_is_masked_throughout_adds_nothing(autodiff: backends.Backend) -> None:
    mask = np.array([[True, True, True], [False, False, False]])
    value, metrics = loss(autodiff, mask=mask)
    alone, _ = loss(autodiff, A[:1], A[:1], B[:1], ONES[:1], mask[:1])
    assert float(value) == float(alone)
    assert not any(math.isnan(float(x)) for x in metrics.values())


def test_a_mask_that_keeps_nothing_is_refused(xp: backends.Backend) -> None:
    with pytest.raises(ValueError, match="keeps no token"):
        loss(xp, mask=np.zeros_like(MASK))


@pytest.mark.parametrize("reward", [[1.0, NAN], [1.0, INF], [-INF, 0.0]])
def test_rewards_that_are_no_numbers_are_refused(xp: backends.Backend, reward) -> None:
    with pytest.raises(ValueError, match=r"reward\[\d\] is (nan|-?inf): expected a finite reward"):
        group_advantage(xp.array(reward))
    with pytest.raises(ValueError, match=r"advantage\[\d, 0\] is (nan|-?inf)"):
        loss(xp, advantage=np.array(reward))


def test_the_smallest_difference_there_is_makes_no_nan(numpy_backend) -> None:
    for dtype, smallest in (("float64", 5e-324), ("float32", 1e-45)):
        found = group_advantage(numpy_backend.array([0.0, smallest], dtype))
        assert np.isfinite(found).all()


def test_a_group_of_one_has_nothing_to_be_better_than(xp: backends.Backend) -> None:
    for reward in ([[1.0], [0.0]], 1.0):
        with pytest.raises(ValueError, match="groups of 1 along the last axis"):
            group_advantage(xp.array(reward))
    with pytest.raises(ValueError, match="ddof=2"):
        group_advantage(xp.array([1.0, 0.0]), ddof=2)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"beta": -0.1}, "beta is -0.1"),
        ({"beta": NAN}, "beta is nan"),
        ({"beta": np.float32(NAN)}, "beta is nan"),
        ({"beta": np.ones(2)}, "expected one finite number"),
        ({"total_tokens": 5}, 'how="sequence-mean" divides by total_sequences'),
        ({"aggregate": "token-mean", "total_sequences": 5}, "divides by total_tokens"),
        ({"clip": (0.2, -0.1)}, "clip is"),
        ({"advantage": np.ones(3)}, r"advantage has shape \(3,\) and log_prob \(2, 3\)"),
        ({"advantage": np.ones((2, 2))}, r"advantage has shape \(2, 2\)"),
        ({"old": changed(A, (0, 0), -INF)}, "cannot have probability 0"),
        ({"old": changed(A, (1, 0), -1e4), "kl_gradient": "token"}, "beyond the range"),
        ({"old": changed(A, (1, 0), -1e4)}, "beyond the range"),
    ],
)
def test_wrong_losses_are_named(xp: backends.Backend, keywords, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss(xp, **keywords)


def test_a_reference_is_needed_for_a_penalty(xp: backends.Backend) -> None:
    arrays = [xp.array(A), xp.array(A), None, xp.array(ONES), xp.array(MASK, "bool")]
    with pytest.raises(ValueError, match=r"beta is 0\.1 but ref_log_prob is None"):
        grpo_loss(*arrays, beta=0.1)
    _, metrics = grpo_loss(*arrays, beta=0)
    assert not any(name.startswith("kl_") for name in metrics)


def test_the_clip_saves_a_ratio_beyond_the_range(autodiff: backends.Backend) -> None:
    old = changed(A, (0, 0), -1e4)  # the advantage is positive there
    arrays = [autodiff.array(old), None, autodiff.array(ONES), autodiff.array(MASK, "bool")]

    def f(a):
        return grpo_loss(a, *arrays, beta=0)[0]

    assert math.isfinite(float(f(autodiff.array(A))))
    (slope,) = autodiff.gradient(f, autodiff.array(A))
    assert np.isfinite(slope).all()


def test_tokens_of_another_shape_or_kind() -> None:
    logits = np.zeros((2, 3, 4))
    for tokens, error, message in (
        (np.zeros((2, 3)), TypeError, "expected integers"),
        (np.zeros((2, 4), int), ValueError, r"expected \(..., T, V\) and \(..., T\)"),
        (np.full((2, 3), 4), ValueError, r"tokens\[0, 0\] is 4: expected 0 ... 3"),
    ):
        with pytest.raises(error, match=message):
            token_log_probs(logits, tokens)
    with pytest.raises(ValueError, match="temperature is 0"):
        token_log_probs(logits, np.zeros((2, 3), int), temperature=0)


def test_rows_without_a_divergence_are_refused(xp: backends.Backend) -> None:
    good = np.zeros((1, 2, 3))
    for bad in ([NAN, 0, 0], [-INF] * 3):
        logits = changed(good, (0, 1), 0.0)
        logits[0, 1] = bad
        with pytest.raises(
            ValueError, match=r"logits\[0, 1\] is (nan|-inf): the largest logit of a row"
        ):
            vocabulary_kl_penalty(xp.array(logits), xp.array(good), xp.array([[1, 1]], "bool"))
        kept = vocabulary_kl_penalty(xp.array(logits), xp.array(good), xp.array([[1, 0]], "bool"))
        assert xp.numpy(kept).tolist() == [[0, 0]]
    ref = changed(good, (0, 0, 1), -INF)
    with pytest.raises(ValueError, match="rule out a token that logits do not"):
        vocabulary_kl_penalty(xp.array(good), xp.array(ref), xp.array([[1, 1]], "bool"))
    # Ruled out on both sides, a token counts nothing.
    both = vocabulary_kl_penalty(xp.array(ref), xp.array(ref), xp.array([[1, 1]], "bool"))
    assert xp.numpy(both).tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="needs log_prob"):
        vocabulary_kl_penalty(
            xp.array(good), xp.array(good), xp.array([[1, 1]], "bool"), gradient="sequence"
        )


GOOD = st.sampled_from([-100.0, -3.0, -1.0, -0.5, -1e-8, 0.0])
BAD = st.sampled_from([-INF, -1e30, 1e-5, 0.5, NAN, INF])
# Mostly good numbers, so that many examples come through to the loss.
NUMBERS = st.integers(0, 60).flatmap(lambda i: BAD if i == 60 else GOOD)
ROWS = st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=2, max_size=2)
MASKS = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=2, max_size=2)
CHOICES = {
    "ratio": st.sampled_from(["token", "sequence", "sequence-mean"]),
    "surrogate": st.sampled_from(["ppo", "cispo"]),
    "kl_estimator": st.sampled_from(["k1", "k2", "k3"]),
    "kl_gradient": st.sampled_from(GRADIENTS),
    "aggregate": st.sampled_from(["token-mean", "sequence-mean", "sequence-sum", "sum"]),
    "beta": st.sampled_from([0, 0.1, 10.0]),
    "clip": st.sampled_from([(0.2, 0.2), (1.0, INF), (0.0, 0.0)]),
}


@settings(max_examples=400)
@given(
    st.tuples(ROWS, ROWS, ROWS),
    st.lists(NUMBERS, min_size=2, max_size=2),
    MASKS,
    st.fixed_dictionaries(CHOICES),
    st.sampled_from(["float32", "float64"]),
)
def test_no_input_makes_a_silent_nan(arrays, reward, mask, choices, dtype: str) -> None:
    """Either an error, or a loss, gradients and metrics that are numbers."""
    backend = backends.backend("torch")
    a, old, ref = (backend.array(x, dtype) for x in arrays)
    try:
        advantage = group_advantage(backend.array(reward, dtype))
        measured = {}

        def f(a):
            value, found = grpo_loss(a, old, ref, advantage, backend.array(mask, "bool"), **choices)
            measured.update(found, loss=value)
            return value

        (slope,) = backend.gradient(f, a)
    except (ValueError, TypeError):
        return
    event("a loss")
    assert not np.isnan(slope).any()
    assert not any(np.isnan(backend.numpy(x)) for x in measured.values()), measured


@settings(max_examples=200)
@given(
    ROWS,
    ROWS,
    MASKS,
    st.sampled_from(["k1", "k2", "k3"]),
    st.sampled_from(GRADIENTS),
    st.one_of(st.none(), ROWS),
)
def test_no_penalty_is_a_silent_nan(a, b, mask, estimator, gradient, behavior) -> None:
    backend = backends.backend("torch")
    ref, kept = backend.array(b), backend.array(mask, "bool")
    drawn = None if behavior is None else backend.array(behavior)

    def f(x):
        return aggregate(
            kl_penalty(
                x, ref, kept, estimator=estimator, gradient=gradient, behavior_log_prob=drawn
            ),
            kept,
            "sum",
        )

    x = backend.array(a)
    try:
        value = float(f(x))
        slope = backend.gradient(f, x)[0] if gradient != "none" else np.zeros(1)
    except ValueError:
        return
    assert not math.isnan(value)
    assert not np.isnan(slope).any()


def test_inside_a_trace_nan_stays_nan(autodiff: backends.Backend) -> None:
    mask, advantage = autodiff.array(MASK, "bool"), autodiff.array(ONES)
    a, b = autodiff.array(A), autodiff.array(B)
    bad, bad_reference = (autodiff.array(changed(x, (0, 1), NAN)) for x in (A, B))
    penalty = autodiff.jit(lambda x, y: kl_penalty(x, y, mask).sum())
    loss = autodiff.jit(lambda x, y, z: grpo_loss(x, y, z, advantage, mask, beta=0.1)[0])
    values = [penalty(*pair) for pair in ((bad, b), (a, bad_reference), (bad, bad_reference))]
    values += [loss(bad, a, b), loss(a, bad, b), loss(a, a, bad_reference), loss(bad, bad, b)]
    assert all(np.isnan(autodiff.numpy(value)) for value in values)


def test_rounding_above_zero_is_taken_for_rounding_everywhere(xp: backends.Backend) -> None:
    a = xp.array([[0.0078125, -1.0, 0.0078125]], "bfloat16")
    mask, advantage = xp.array(np.ones((1, 3)), "bool"), xp.array([1.0], "float32")
    for ratio in ("token", "sequence", "sequence-mean"):
        grpo_loss(a, a, a, advantage, mask, beta=0.1, ratio=ratio)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("ratio", ["token", "sequence", "sequence-mean"])
def test_an_empty_part_of_a_batch_adds_nothing(
    xp: backends.Backend, shape: tuple[int, int], ratio: str
) -> None:
    a, mask = xp.array(np.zeros(shape)), xp.array(np.zeros(shape), "bool")
    advantage = xp.array(np.zeros(shape[0]))
    value, metrics = grpo_loss(a, a, a, advantage, mask, beta=0.1, ratio=ratio, total_sequences=4)
    assert float(value) == 0
    assert not any(math.isnan(float(x)) for x in metrics.values())
    assert kl_penalty(a, a, mask).shape == shape


@pytest.mark.parametrize("ratio", ["token", "sequence", "sequence-mean"])
def test_inside_a_trace_a_token_that_was_never_drawn_is_left_out(
    autodiff: backends.Backend, ratio: str
) -> None:
    mask, advantage = MASK.copy(), autodiff.array(ONES)

    def run(a, old, b, mask):
        return grpo_loss(a, old, b, advantage, mask, beta=0.1, ratio=ratio, aggregate="sum")

    jitted = autodiff.jit(run)
    arrays = [autodiff.array(x) for x in (A, changed(A, (0, 1), -INF), B)]
    value, metrics = jitted(*arrays, autodiff.array(mask, "bool"))
    mask[0, 1] = False
    without, expected = run(*[autodiff.array(x) for x in (A, A, B)], autodiff.array(mask, "bool"))
    assert float(value) == pytest.approx(float(without), rel=1e-12)
    for name, number in expected.items():
        assert float(metrics[name]) == pytest.approx(float(number), rel=1e-12)


@pytest.mark.parametrize("gradient", ["token", "forward", "sequence", "as-written"])
@pytest.mark.parametrize("estimator", ["k2", "k3"])
def test_inside_a_trace_what_is_beyond_the_dtype_is_infinite(
    autodiff: backends.Backend, estimator: str, gradient: str
) -> None:
    a, b = autodiff.array([[-100.0, -1.0]], "float32"), autodiff.array([[-1.0, -2.0]], "float32")
    mask = autodiff.array([[True, True]], "bool")
    f = autodiff.jit(lambda x: kl_penalty(x, b, mask, estimator=estimator, gradient=gradient))
    value = autodiff.numpy(f(a))[0]
    assert value[0] == INF if estimator == "k3" or gradient == "forward" else value[0] == 99**2 / 2
    assert math.isfinite(value[1])
