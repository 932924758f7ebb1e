"""What the verbs promise beside the number: axes, masks, batches, bases, what comes back."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import relentropy
from relentropy import Counts, Logits, LogProbs, Probs, _array, _scalar, relative_entropy
from tests.backends import Backend, number
from tests.discrete.names import LOGARITHMIC, PAIR_VERBS
from tests.tables import rules

NAN = math.nan


def probs(seed: int, *shape: int) -> np.ndarray:
    k = 1.0 + (rules.integers(seed, math.prod(shape)) % np.uint64(30)).astype(float).reshape(shape)
    return k / k.sum(axis=-1, keepdims=True)


def test_kl_divergence_is_the_same_function() -> None:
    assert relentropy.kl_divergence is relentropy.relative_entropy


@pytest.mark.parametrize("name", PAIR_VERBS)
def test_distributions_are_positional_and_options_are_named(name: str) -> None:
    parameters = inspect.signature(getattr(relentropy, name)).parameters
    kinds = [p.kind for p in parameters.values()]
    assert kinds[:2] == [inspect.Parameter.POSITIONAL_ONLY] * 2
    assert set(kinds[2:]) == {inspect.Parameter.KEYWORD_ONLY}
    assert parameters["axis"].default == -1
    assert parameters["where"].default is None
    assert "reduction" not in parameters
    assert "log_target" not in parameters


# --- axis and batches ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAIR_VERBS)
def test_axis(xp: Backend, name: str) -> None:
    f: Callable[..., Any] = getattr(relentropy, name)
    p, q = probs(1, 3, 4, 5), probs(2, 3, 4, 5)
    last = xp.numpy(f(xp.array(p), xp.array(q)))
    assert last.shape == (3, 4)
    for axis in (0, 1, -3, 2):
        moved = (xp.array(np.moveaxis(x, -1, axis).copy()) for x in (p, q))
        got = f(*moved, axis=axis)
        np.testing.assert_allclose(xp.numpy(got), last, rtol=1e-13)


def test_batches_broadcast(xp: Backend) -> None:
    p, q = probs(3, 3, 1, 5), probs(4, 4, 5)
    got = xp.numpy(relative_entropy(xp.array(p), xp.array(q)))
    assert got.shape == (3, 4)
    for i in range(3):
        for j in (0, 3):
            single = relative_entropy(xp.array(p[i, 0]), xp.array(q[j]))
            assert got[i, j] == pytest.approx(number(single), rel=1e-14)
    one = relative_entropy(xp.array(q[0]), xp.array(q))
    assert tuple(one.shape) == (4,)
    assert number(one[0]) == 0


def test_large_batches_equal_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy works through large batches in blocks; the seams must not show."""
    monkeypatch.setenv("RELENTROPY_KERNELS", "0")
    p, q = probs(5, 700, 3, 101), probs(6, 1, 3, 101)
    got = relative_entropy(p, q)
    rows = [relative_entropy(p[i], q[0]) for i in (0, 1, 215, 216, 217, 699)]
    np.testing.assert_array_equal(got[[0, 1, 215, 216, 217, 699]], rows)
    np.testing.assert_array_equal(relative_entropy(p, q[0, 0]), relative_entropy(p, q[:, :1]))


def test_empty_batches(anywhere: Backend) -> None:
    p = anywhere.array(np.empty((0, 5)))
    assert tuple(relative_entropy(p, p).shape) == (0,)
    assert tuple(relative_entropy(p, anywhere.array(probs(1, 5))).shape) == (0,)


@pytest.mark.parametrize("shapes", [((3,), (1,)), ((1,), (3,)), ((2, 3), (2, 1)), ((4, 2), (4, 3))])
def test_the_event_axis_never_broadcasts(anywhere: Backend, shapes: Any) -> None:
    p, q = (anywhere.array(np.full(shape, 1 / shape[-1])) for shape in shapes)
    with pytest.raises(ValueError, match=rf"p has {shapes[0][-1]} .*q has {shapes[1][-1]}"):
        relative_entropy(p, q)


@pytest.mark.parametrize("axis", [2, -3, 7])
def test_axis_out_of_range(anywhere: Backend, axis: int) -> None:
    p = anywhere.array(probs(1, 2, 3))
    with pytest.raises((ValueError, IndexError), match=str(axis)):
        relative_entropy(p, p, axis=axis)


# --- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAIR_VERBS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_native_array_of_the_promised_dtype(xp: Backend, name: str, dtype: str) -> None:
    p, q = xp.array([[0.5, 0.5]], dtype), xp.array([[0.25, 0.75]], dtype)
    value = getattr(relentropy, name)(p, q)
    assert xp.is_native(value)
    assert xp.dtype_of(value) == ("float64" if dtype == "float64" else "float32")
    assert tuple(value.shape) == (1,)


def test_mixed_precision_is_promoted(xp: Backend) -> None:
    p, q = xp.array([0.5, 0.5], "float32"), xp.array([0.25, 0.75], "float64")
    assert xp.dtype_of(relative_entropy(p, q)) == "float64"
    half = xp.array([0.5, 0.5], "bfloat16")
    assert xp.dtype_of(relative_entropy(half, xp.array([0.5, 0.5], "float16"))) == "float32"


def test_counts_give_float64(xp: Backend) -> None:
    for dtype in ("int32", "int64"):
        value = relative_entropy(Counts(xp.array([3, 1], dtype)), Counts(xp.array([1, 1], dtype)))
        assert xp.dtype_of(value) == "float64"
        assert number(value) == pytest.approx(
            0.75 * math.log(1.5) + 0.25 * math.log(0.5), rel=1e-14
        )


def test_lists_are_numpy_arrays() -> None:
    value = relative_entropy([0.5, 0.5], [0.25, 0.75])
    assert isinstance(value, np.ndarray | np.generic)
    assert relative_entropy([[0.5, 0.5]] * 3, (0.25, 0.75)).shape == (3,)


def test_inputs_are_left_alone(xp: Backend) -> None:
    p, q = xp.array([0.5, 0.5, 0.0]), xp.array([0.25, 0.25, 0.5])
    for f in (relative_entropy, relentropy.jensen_shannon, relentropy.chernoff):
        f(p, q)
        f(Logits(p), Logits(q))
    np.testing.assert_array_equal(xp.numpy(p), [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(xp.numpy(q), [0.25, 0.25, 0.5])


def test_non_contiguous_input() -> None:
    p, q = probs(1, 6, 10), probs(2, 6, 10)
    wide = np.zeros((12, 30))
    wide[::2, ::3] = p
    np.testing.assert_array_equal(relative_entropy(wide[::2, ::3], q), relative_entropy(p, q))
    flipped = relative_entropy(p[::-1, ::-1], q[::-1, ::-1])
    np.testing.assert_allclose(flipped, relative_entropy(p, q)[::-1], rtol=1e-14)


def test_read_only_and_big_endian_input() -> None:
    p, q = probs(1, 5), probs(2, 5)
    expected = relative_entropy(p, q)
    p.flags.writeable = False
    assert relative_entropy(p, q) == expected
    assert relative_entropy(p.astype(">f8"), q.astype(">f8")) == expected


# --- base ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOGARITHMIC)
@pytest.mark.parametrize("base", [2, 10, 0.5, math.e])
def test_base(xp: Backend, name: str, base: float) -> None:
    f = getattr(relentropy, name)
    p, q = xp.array(probs(1, 4)), xp.array(probs(2, 4))
    expected = number(f(p, q)) / math.log(base)
    assert number(f(p, q, base=base)) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("base", [1, 0, -2, math.nan, math.inf, "2", True])
def test_bad_base(base: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="base"):
        relative_entropy([0.5, 0.5], [0.5, 0.5], base=base)


# --- where ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PAIR_VERBS, "entropy"])
def test_masked_cells_are_dropped_and_the_rest_renormalised(xp: Backend, name: str) -> None:
    f = getattr(relentropy, name)
    mask = np.array([True, False, True, True, False])
    p, q = probs(7, 5), probs(8, 5)
    short = [x[mask] / x[mask].sum() for x in (p, q)]
    p[1], q[4] = NAN, -3.0  # garbage where nobody looks
    count = 1 if name == "entropy" else 2
    got = f(*[xp.array(x) for x in (p, q)][:count], where=xp.array(mask, "bool"))
    expected = f(*[xp.array(x) for x in short][:count])
    assert number(got) == pytest.approx(number(expected), rel=1e-13)


def test_masks_broadcast(xp: Backend) -> None:
    mask = np.array([[True, True, False], [True, True, True]])
    p, q = xp.array([0.25, 0.25, 0.5]), xp.array([0.5, 0.25, 0.25])
    got = xp.numpy(relative_entropy(p, q, where=xp.array(mask, "bool")))
    kept = relative_entropy(xp.array([0.5, 0.5]), xp.array([2 / 3, 1 / 3]))
    np.testing.assert_allclose(got, [number(kept), number(relative_entropy(p, q))], rtol=1e-14)


def test_masks_follow_the_axis(xp: Backend) -> None:
    mask = np.array([[True, True], [True, False], [True, True]])
    p, q = probs(9, 2, 3).T.copy(), probs(10, 2, 3).T.copy()
    got = relative_entropy(xp.array(p), xp.array(q), axis=0, where=xp.array(mask, "bool"))
    short = [x[[0, 2], 1] / x[[0, 2], 1].sum() for x in (p, q)]
    expected = relative_entropy(*map(xp.array, short))
    assert number(xp.numpy(got)[1]) == pytest.approx(number(expected), rel=1e-13)


@pytest.mark.parametrize("kind", [LogProbs, Logits])
def test_masked_logs(xp: Backend, kind: Any) -> None:
    mask = xp.array([True, True, False], "bool")
    a = xp.array([math.log(0.25), math.log(0.25), NAN])
    b = xp.array([math.log(0.5), math.log(0.25), math.inf])
    got = relative_entropy(kind(a), kind(b), where=mask)
    expected = relative_entropy(xp.array([0.5, 0.5]), xp.array([2 / 3, 1 / 3]))
    assert number(got) == pytest.approx(number(expected), rel=1e-13)


def test_masked_counts(xp: Backend) -> None:
    mask = xp.array([True, True, False], "bool")
    p, q = Counts(xp.array([1, 1, 99], "int64")), Counts(xp.array([2, 1, 0], "int64"))
    expected = relative_entropy(xp.array([0.5, 0.5]), xp.array([2 / 3, 1 / 3]))
    assert number(relative_entropy(p, q, where=mask)) == pytest.approx(number(expected), rel=1e-13)


def test_a_row_without_cells_is_no_distribution(xp: Backend) -> None:
    p, mask = xp.array([0.5, 0.5]), xp.array([False, False], "bool")
    if xp.name == "numpy":
        with pytest.raises(ValueError, match=r"^p\b"):
            relative_entropy(p, p, where=mask)
    else:
        assert math.isnan(number(relative_entropy(p, p, where=mask)))


def test_the_mask_must_be_boolean(anywhere: Backend) -> None:
    p = anywhere.array([0.5, 0.5])
    with pytest.raises(TypeError, match=r"where must be boolean, got int64"):
        relative_entropy(p, p, where=anywhere.array([1, 0], "int64"))


# --- rows that are no distribution, where nobody can raise ---------------------------------------

BAD_ROWS = {
    "negative": [-0.25, 1.25],
    "NaN": [NAN, 1.0],
    "sum of 1.1": [0.5, 0.6],
    "sum of 0.9": [0.5, 0.4],
    "sum of 1.002": [0.5, 0.502],
    "no mass": [0.0, 0.0],
    "infinite": [math.inf, 0.0],
}


@pytest.mark.parametrize("name", [*PAIR_VERBS, "entropy"])
def test_invalid_rows_give_nan_on_device_arrays(autodiff: Backend, name: str) -> None:
    f = getattr(relentropy, name)
    rows = list(BAD_ROWS.values())
    good = autodiff.array([[0.5, 0.5]] * (len(rows) + 1))
    bad = autodiff.array([*rows, [0.25, 0.75]])
    calls = [(bad,)] if name == "entropy" else [(bad, good), (good, bad)]
    for arguments in calls:
        got = autodiff.numpy(f(*arguments))
        assert np.isnan(got[:-1]).all(), got
        assert np.isfinite(got[-1])


@pytest.mark.parametrize("case", BAD_ROWS)
def test_validate_raises_on_every_framework(xp: Backend, case: str) -> None:
    good, bad = xp.array([0.5, 0.5]), xp.array(BAD_ROWS[case])
    with pytest.raises(ValueError, match=r"^p\b"):
        relative_entropy(Probs(bad, validate=True), good)
    with pytest.raises(ValueError, match=r"^q\b"):
        relative_entropy(good, Probs(bad, validate=True))


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (Logits, [NAN, 0.0]),
        (Logits, [math.inf, 0.0]),
        (Logits, [-math.inf, -math.inf]),
        (LogProbs, [-0.1, -0.1]),
        (LogProbs, [0.5, -3.0]),
        (Counts, [0.0, 0.0]),
        (Counts, [-1.0, 2.0]),
        (Counts, [0.5, 2.0]),
    ],
)
def test_other_invalid_rows(xp: Backend, kind: Any, bad: list[float]) -> None:
    p, good = kind(xp.array(bad)), xp.array([0.5, 0.5])
    if xp.name == "numpy":
        with pytest.raises(ValueError, match=r"^p\b"):
            relative_entropy(p, good)
    else:
        assert math.isnan(number(relative_entropy(p, good)))


def test_invalid_rows_give_nan_under_jit(jax_backend: Any) -> None:
    good, bad = jax_backend.array([[0.5, 0.5]] * 2), jax_backend.array([[0.5, 0.6], [0.5, 0.5]])
    got = np.asarray(jax_backend.jit(relative_entropy)(bad, good))
    assert np.isnan(got[0])
    assert got[1] == 0


@pytest.mark.parametrize(("dtype", "off", "valid"), [
    ("float64", 9e-4, True), ("float64", 1.1e-3, False), ("float32", 9e-4, True),
    ("float32", 1.1e-3, False), ("float16", 0.015, True), ("float16", 0.03, False),
    ("bfloat16", 0.015, True), ("bfloat16", 0.03, False),
])  # fmt: skip
def test_how_far_a_sum_may_be_off(xp: Backend, dtype: str, off: float, valid: bool) -> None:
    p, q = xp.array([0.5, 0.5 + off], dtype), xp.array([0.5, 0.5], dtype)
    checked = Probs(p, validate=True)
    if valid:
        assert 0 <= number(relative_entropy(checked, q)) < 1e-3
    else:
        with pytest.raises(ValueError, match="sums to"):
            relative_entropy(checked, q)


def test_sums_of_large_rows_in_float32_are_accepted(xp: Backend) -> None:
    p = np.full(1_000_000, 1e-6)
    assert number(relative_entropy(xp.array(p, "float32"), xp.array(p, "float32"))) == 0


def test_no_validation_on_request() -> None:
    value = relative_entropy(Probs(np.array([0.5, 0.6]), validate=False), [0.5, 0.5])
    assert isinstance(number(value), float)


def test_the_logsumexp_of_nothing_is_minus_infinity(xp: Backend) -> None:
    row = xp.array([[-math.inf, -math.inf], [-math.inf, 0.0]])
    total = _scalar.logsumexp(_array.namespace(row), row)
    assert xp.numpy(total).tolist() == [[-math.inf], [0.0]]


def test_an_axis_is_a_whole_number(numpy_backend: Backend) -> None:
    with pytest.raises(TypeError, match=r"axis is 1\.5; expected a whole number"):
        relative_entropy(np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]]), axis=1.5)  # type: ignore[arg-type]
