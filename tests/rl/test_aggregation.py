"""One reducer: what each way divides by, and that parts add up to the whole."""

import numpy as np
import pytest

from relentropy.rl import aggregate
from tests import backends

HOWS = ["token-mean", "sequence-mean", "sequence-sum", "fixed-length", "sum"]
X = np.array([[1.0, 2.0, 6.0, np.nan], [5.0, np.nan, np.inf, np.nan], [np.nan] * 4])
MASK = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]])
EXPECTED = {
    "token-mean": 14 / 4,
    "sequence-mean": (9 / 3 + 5) / 2,
    "sequence-sum": (9 + 5) / 2,
    "fixed-length": 14 / (2 * 10),
    "sum": 14,
}


def options(how: str) -> dict[str, int]:
    return {"max_length": 10} if how == "fixed-length" else {}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("dtype", ["bool", "int64", "float32"])
def test_each_way(xp: backends.Backend, how: str, dtype: str) -> None:
    found = aggregate(xp.array(X), xp.array(MASK, dtype), how, **options(how))
    assert xp.is_native(found)
    assert float(found) == EXPECTED[how]


@pytest.mark.parametrize("how", HOWS)
def test_padding_has_no_gradient(autodiff: backends.Backend, how: str) -> None:
    mask = autodiff.array(MASK, "bool")
    (slope,) = autodiff.gradient(
        lambda x: aggregate(x, mask, how, **options(how)), autodiff.array(X)
    )
    assert np.isfinite(slope).all()
    assert (slope[MASK == 0] == 0).all()
    assert (slope[MASK == 1] > 0).all()


@pytest.mark.parametrize("how", HOWS)
def test_micro_batches_and_ranks_add_up(how: str) -> None:
    rng = np.random.default_rng(0)
    x, lengths = rng.normal(size=(12, 9)), rng.integers(0, 10, size=12)
    mask = np.arange(9) < lengths[:, None]
    whole = aggregate(x, mask, how, **options(how))
    totals = {"total_tokens": mask.sum(), "total_sequences": int((lengths > 0).sum())}
    for cuts in ([3, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]):
        parts = zip(np.split(x, cuts), np.split(mask, cuts), strict=True)
        total = sum(aggregate(a, m, how, **totals, **options(how)) for a, m in parts)
        assert total == pytest.approx(whole, rel=1e-13)


def test_ranks_whose_mean_is_taken_divide_the_totals_by_their_number() -> None:
    # One of two ranks holds most of the tokens: more than half of the total.
    shares = [
        aggregate(X[i : i + 1], MASK[i : i + 1], "token-mean", total_tokens=4 / 2) for i in (0, 1)
    ]
    assert np.mean(shares) == EXPECTED["token-mean"]


def test_padded_width_does_not_matter() -> None:
    wide, mask = np.pad(X, ((0, 0), (0, 5))), np.pad(MASK, ((0, 0), (0, 5)))
    for how in HOWS:
        assert aggregate(wide, mask, how, **options(how)) == EXPECTED[how]


@pytest.mark.parametrize("how", [how for how in HOWS if how != "sum"])
def test_the_mean_of_nothing_is_refused(xp: backends.Backend, how: str) -> None:
    nothing = xp.array(np.zeros((3, 4)), "bool")
    with pytest.raises(ValueError, match="keeps no token"):
        aggregate(xp.array(X), nothing, how, **options(how))
    totals = {"total_tokens": 4, "total_sequences": 2}
    assert float(aggregate(xp.array(X), nothing, how, **totals, **options(how))) == 0


def test_inside_a_trace_the_mean_of_nothing_is_zero(autodiff: backends.Backend) -> None:
    f = autodiff.jit(lambda x, m: aggregate(x, m, "sequence-mean"))
    assert float(f(autodiff.array(X), autodiff.array(np.zeros((3, 4)), "bool"))) == 0


def test_a_count_may_be_an_array(xp: backends.Backend) -> None:
    count = xp.array(np.array(7), "int64")
    found = aggregate(xp.array(X), xp.array(MASK, "bool"), "token-mean", total_tokens=count)
    assert float(found) == 2.0


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((X, MASK, "mean"), {}, "expected one of 'token-mean'"),
        ((X, MASK[:, :3], "sum"), {}, r"mask has shape \(3, 3\) and x \(3, 4\)"),
        ((X, MASK * 0.5, "sum"), {}, "other than 0 and 1"),
        ((X, MASK, "fixed-length"), {}, "max_length is None"),
        ((X, MASK, "token-mean"), {"total_tokens": 0}, "total_tokens is 0"),
        ((X, MASK, "token-mean"), {"total_tokens": np.inf}, "total_tokens is inf"),
        ((X, MASK, "token-mean"), {"total_tokens": np.array([4, 4])}, "expected one number"),
        ((X, MASK, "sequence-sum"), {"total_sequences": -1}, "total_sequences is -1"),
        ((np.float64(1.0), MASK, "sum"), {}, "single number"),
    ],
)
def test_wrong_arguments_are_named(arguments, keywords, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        aggregate(*arguments, **keywords)
