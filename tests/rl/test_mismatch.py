"""The estimates are those of an exact enumeration; broken data are named or come out infinite."""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest

from relentropy.rl.mismatch import PolicyMismatch, policy_mismatch

V, T, END = 3, 3, 0


class Enumerated:
    """Two policies over sequences of at most T tokens that END closes, listed in full."""

    def __init__(self, closes: bool, spread: float = 1.0) -> None:
        generator = np.random.default_rng(7)
        self.closes = closes
        self.tables: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}
        self.sequences = [s for s in itertools.product(range(V), repeat=T) if self._ended_once(s)]
        for length in range(T):
            for prefix in itertools.product(range(V), repeat=length):
                a, b = (generator.normal(size=V) * spread for _ in range(2))
                self.tables[prefix] = tuple(x - np.log(np.exp(x).sum()) for x in (a, b))

    def _ended_once(self, sequence: tuple[int, ...]) -> bool:
        """After END only END follows, as padding."""
        if not self.closes or END not in sequence:
            return True
        return set(sequence[sequence.index(END) :]) == {END}

    def rows(self, sequence: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The log-probabilities under train and rollout, and the mask."""
        cells = [self.tables[sequence[:t]] for t in range(T)]
        train, rollout = (
            np.array([cell[i][token] for cell, token in zip(cells, sequence, strict=True)])
            for i in range(2)
        )
        ended = self.closes and END in sequence
        length = sequence.index(END) + 1 if ended else T
        return train, rollout, np.arange(T) < length

    def expectation(self, field: str) -> float:
        """The mean, under the rollout, of a field of the result for one sequence alone."""
        total = 0.0
        for sequence in self.sequences:
            train, rollout, mask = self.rows(sequence)
            result = policy_mismatch(train, rollout, mask)
            total += math.exp(rollout[mask].sum()) * getattr(result, field)
        return total

    def exact(self, first: int, second: int) -> float:
        """D(first‖second) of whole sequences from their probabilities; 0 is train, 1 rollout."""
        total = 0.0
        for sequence in self.sequences:
            *rows, mask = self.rows(sequence)
            p, q = rows[first][mask].sum(), rows[second][mask].sum()
            total += math.exp(p) * (p - q)
        return total


@pytest.mark.parametrize("closes", [False, True], ids=["one length", "many lengths"])
def test_sequence_divergences_are_unbiased(closes: bool) -> None:
    pair = Enumerated(closes)
    assert pair.exact(0, 1) > 0.2
    assert pair.expectation("kl_rollout_train_per_sequence") == pytest.approx(
        pair.exact(1, 0), rel=1e-12
    )
    assert pair.expectation("kl_train_rollout_per_sequence") == pytest.approx(
        pair.exact(0, 1), rel=1e-12
    )


def test_token_divergences_are_those_at_the_rollout_s_prefixes() -> None:
    pair = Enumerated(closes=False)
    exact = {"forward": 0.0, "backward": 0.0, "chi_square": 0.0}
    for prefix, (a, b) in pair.tables.items():
        cells = [pair.tables[prefix[:t]][1][token] for t, token in enumerate(prefix)]
        weight, p, q = math.exp(sum(cells)) / T, np.exp(a), np.exp(b)
        exact["forward"] += weight * float((q * (b - a)).sum())
        exact["backward"] += weight * float((p * (a - b)).sum())
        exact["chi_square"] += weight * float(((p - q) ** 2 / q).sum())
    for field, name in [
        ("kl_rollout_train_per_token", "forward"),
        ("kl_train_rollout_per_token", "backward"),
        ("chi_square_per_token", "chi_square"),
    ]:
        assert pair.expectation(field) == pytest.approx(exact[name], rel=1e-12)


def test_tiny_differences_keep_their_digits() -> None:
    u = 1e-9  # exp(u) - 1 - u is 5e-19, and 0 if it is computed as written
    result = policy_mismatch(np.array([[-1.0 + u], [-1.0 + u]]), np.full((2, 1), -1.0))
    exactly = ((-1.0 + u) + 1.0) ** 2 / 2
    assert result.kl_rollout_train_per_token == pytest.approx(exactly, rel=1e-8)
    assert result.kl_train_rollout_per_token == pytest.approx(exactly, rel=1e-8)
    assert result.chi_square_per_token == pytest.approx(2 * exactly, rel=1e-8)


@pytest.mark.parametrize("shape", [(4, 5), (5,), (2, 2, 5)])
def test_equal_policies_differ_by_exactly_nothing(xp: Any, shape: tuple[int, ...]) -> None:
    values = -np.random.default_rng(0).exponential(size=shape)
    for dtype in ("float64", "float32", "bfloat16"):
        x = xp.array(values, dtype)
        result = policy_mismatch(x, x)
        sequences = math.prod(shape[:-1])
        assert (result.sequences, result.tokens) == (sequences, math.prod(shape))
        for name, value in dataclasses.asdict(result).items():
            if name.startswith(("kl", "chi")) and not name.endswith("error"):
                assert value == 0.0
        assert result.effective_sample_size == sequences
        assert result.effective_tokens == math.prod(shape)
        assert result.worst == ()
        assert "agree exactly" in str(result)


def test_frameworks_batches_and_masks_agree(xp: Any) -> None:
    generator = np.random.default_rng(1)
    train, rollout = -generator.exponential(size=(2, 6, 7))
    mask = generator.random((6, 7)) < 0.7
    mask[2] = False
    expected = policy_mismatch(train, rollout, mask)
    assert (expected.sequences, expected.tokens) == (5, int(mask.sum()))
    dirty = [np.where(mask, x, math.nan) for x in (train, rollout)]
    a, b = (xp.array(x) for x in dirty)
    for keep in (xp.array(mask, "int32"), xp.array(mask, "float32")):
        assert policy_mismatch(a, b, keep) == expected
    deep = [x.reshape(3, 2, 7) for x in (a, b, xp.array(mask, "int32"))]
    assert policy_mismatch(*deep) == expected


def test_values_by_hand() -> None:
    # w = 1/2, 2 in the first sequence, 2 (and padding) in the second.
    rollout = np.log([[0.5, 0.25], [0.25, 1.0]])
    train = np.log([[0.25, 0.5], [0.5, 1.0]])
    result = policy_mismatch(train, rollout, np.array([[1, 1], [1, 0]]))
    log2 = math.log(2)
    low, high = log2 - 0.5, 1 - log2  # w - 1 - log w at 1/2 and at 2
    assert result.kl_rollout_train_per_sequence == pytest.approx((low + high + high) / 2)
    assert result.kl_rollout_train_per_token == pytest.approx((low + high + high) / 3)
    # Two sequences: half the distance of their sums.
    assert result.kl_rollout_train_per_sequence_standard_error == pytest.approx(low / 2)
    back_low, back_high = 0.5 - log2 / 2, 2 * log2 - 1
    assert result.kl_train_rollout_per_token == pytest.approx((back_low + 2 * back_high) / 3)
    assert result.kl_train_rollout_per_sequence == pytest.approx(
        (back_low + back_high / 2 + back_high) / 2
    )
    assert result.chi_square_per_token == pytest.approx((0.25 + 1 + 1) / 3)
    assert result.effective_sample_size == pytest.approx(3**2 / (1 + 4))
    assert result.effective_tokens == pytest.approx(4.5**2 / (0.25 + 4 + 4))
    assert [(t.sequence, t.position) for t in result.worst] == [(0, 1), (1, 0), (0, 0)]
    assert result.worst[2].contribution == pytest.approx(low)
    assert result.worst[2].rollout_log_prob == pytest.approx(-log2)
    assert result.worst[2].train_log_prob == pytest.approx(-2 * log2)


def test_standard_errors_know_that_tokens_of_a_sequence_belong_together() -> None:
    # The same token a hundred times over in each sequence says no more than once.
    generator = np.random.default_rng(2)
    rollout, train = -generator.exponential(size=(2, 30, 1))
    once = policy_mismatch(train, rollout)
    often = policy_mismatch(np.repeat(train, 100, 1), np.repeat(rollout, 100, 1))
    for name in ("kl_rollout_train", "kl_train_rollout", "chi_square"):
        field = f"{name}_per_token_standard_error"
        assert getattr(often, field) == pytest.approx(getattr(once, field), rel=1e-12)


@pytest.mark.exhaustive
def test_standard_errors_are_the_spread_of_the_estimates() -> None:
    pair, generator = Enumerated(closes=True, spread=0.5), np.random.default_rng(3)
    rows = [pair.rows(s) for s in pair.sequences]
    law = np.array([math.exp(rollout[mask].sum()) for _, rollout, mask in rows])
    fields = [
        "kl_rollout_train_per_token",
        "kl_rollout_train_per_sequence",
        "kl_train_rollout_per_token",
        "kl_train_rollout_per_sequence",
        "chi_square_per_token",
    ]
    values, errors = [], []
    for _ in range(2000):
        drawn = generator.choice(len(rows), size=200, p=law / law.sum())
        result = policy_mismatch(*(np.stack([rows[i][k] for i in drawn]) for k in range(3)))
        values.append([getattr(result, f) for f in fields])
        errors.append([getattr(result, f"{f}_standard_error") ** 2 for f in fields])
    spread, said = np.std(values, axis=0), np.sqrt(np.mean(errors, axis=0))
    # 2000 repetitions know a standard deviation to 1.6 %, heavier tails to a few times that.
    assert said == pytest.approx(spread, rel=0.08)


def test_a_token_that_the_trainer_holds_for_impossible(xp: Any) -> None:
    rollout = xp.array([[-1.0, -2.0], [-1.0, -1.5]])
    train = xp.array([[-1.0, -math.inf], [-1.0, -1.4]])
    result = policy_mismatch(train, rollout)
    assert result.kl_rollout_train_per_sequence == math.inf
    assert result.kl_rollout_train_per_token_standard_error == math.inf
    assert 0 < result.kl_train_rollout_per_sequence < 1
    assert result.effective_sample_size == 1.0
    assert (result.worst[0].sequence, result.worst[0].position) == (0, 1)
    assert result.worst[0].train_log_prob == -math.inf
    assert "inf nats/sequence, inf nats/token" in str(result)
    assert "nan" not in str(result)


def test_all_sequences_impossible_for_the_trainer() -> None:
    result = policy_mismatch(np.full((2, 3), -math.inf), np.full((2, 3), -1.0))
    assert result.effective_sample_size == 0.0
    assert result.effective_tokens == 0.0
    assert result.kl_train_rollout_per_sequence == 1.0  # of the first token; no prefix is left
    assert not any(math.isnan(v) for v in dataclasses.astuple(result)[:-1])


@pytest.mark.parametrize("step", [40.0, -40.0, 5000.0])
def test_long_sequences_overflow_to_nothing_but_the_truth(step: float) -> None:
    length = 50
    low, high = np.full((3, length), -abs(step) - 0.1), np.full((3, length), -0.1)
    train, rollout = (high, low) if step > 0 else (low, high)
    train = train - np.array([[0.0], [1.0], [2.0]]) / 100
    result = policy_mismatch(train, rollout)
    weights = np.exp(-np.array([0.0, 1.0, 2.0]) / 100 * length)
    expected = weights.sum() ** 2 / (weights**2).sum()
    assert result.effective_sample_size == pytest.approx(expected, rel=1e-9)
    assert not any(math.isnan(v) for v in dataclasses.astuple(result)[:-1])
    assert (result.kl_train_rollout_per_sequence == math.inf) == (step > 0)


def test_one_sequence_has_no_standard_error() -> None:
    result = policy_mismatch([-1.0, -2.0], [-1.1, -1.0])
    assert result.kl_rollout_train_per_token_standard_error == math.inf
    assert result.kl_train_rollout_per_sequence_standard_error == math.inf
    assert str(result).startswith("rollout to train: 0.373 nats/sequence, 0.187 nats/token; ")
    assert "1 of 1 sequence;" in str(result)


def test_the_line_that_a_person_reads() -> None:
    rollout = np.full((64, 20), -0.1)
    train = rollout.copy()
    train[4, 17] = -7.9
    train[5, 3] = -1.1
    line = str(policy_mismatch(train, rollout))
    assert line == (
        "rollout to train: 0.112 ± 0.11 nats/sequence (± standard error), 0.0056 nats/token; "
        "effective sample size 62.6 of 64 sequences; worst: token 17 of sequence 4, "
        "log-probability -0.1 in rollout, -7.9 in training"
    )


def test_worst_tokens_come_in_order_and_as_many_as_asked() -> None:
    generator = np.random.default_rng(5)
    train, rollout = -generator.exponential(size=(2, 10, 10))
    u = train - rollout
    order = np.sort((np.exp(u) - 1 - u).ravel())[::-1]
    for number in (1, 5, 20):
        result = policy_mismatch(train, rollout, worst=number)
        assert [t.contribution for t in result.worst] == pytest.approx(order[:number].tolist())
    assert len(policy_mismatch(train, rollout).worst) == 5
    with pytest.raises(ValueError, match="worst is 0"):
        policy_mismatch(train, rollout, worst=0)


def test_gradients_are_left_alone(torch_backend: Any) -> None:
    train = torch_backend.array([[-1.0, -2.0]]).requires_grad_()
    result = policy_mismatch(train, torch_backend.array([[-1.5, -1.0]]))
    assert isinstance(result, PolicyMismatch)
    assert isinstance(result.kl_rollout_train_per_token, float)
    assert train.grad is None


@pytest.mark.parametrize(
    ("train", "rollout", "mask", "message"),
    [
        ([[-1.0, math.nan]], [[-1.0, -1.0]], None, r"train_log_prob\[0, 1\] is nan"),
        ([[-1.0, -1.0]], [[math.nan, -1.0]], None, r"rollout_log_prob\[0, 0\] is nan"),
        ([[-1.0, 0.5]], [[-1.0, -1.0]], None, r"train_log_prob\[0, 1\] is 0.5"),
        ([[-1.0, -1.0]], [[-1.0, -math.inf]], None, r"rollout_log_prob\[0, 1\] is -inf: the roll"),
        ([[-math.inf]], [[-math.inf]], None, r"rollout_log_prob\[0, 0\] is -inf"),
        ([[-1.0]], [[-1.0, -1.0]], None, "shape"),
        ([[-1.0]], [[-1.0]], [[0]], "the mask keeps no token"),
        ([[-1.0]], [[-1.0]], [0], "mask has shape"),
    ],
)
def test_broken_data_are_named(train: Any, rollout: Any, mask: Any, message: str) -> None:
    mask = None if mask is None else np.array(mask)
    with pytest.raises(ValueError, match=message):
        policy_mismatch(np.array(train), np.array(rollout), mask)


def test_masked_trouble_is_no_trouble() -> None:
    train, rollout = np.array([[-1.0, math.nan, 3.0]]), np.array([[-1.2, -math.inf, math.nan]])
    result = policy_mismatch(train, rollout, np.array([[1, 0, 0]]))
    assert (result.tokens, len(result.worst)) == (1, 1)
