"""Labelled input aligns by label, never by position."""

import math
from collections import Counter
from types import MappingProxyType

import numpy as np
import pandas
import polars
import pytest

import relentropy
from relentropy import Counts, Logits, LogProbs, Probs, as_distribution, relative_entropy

P = {"sun": 0.5, "rain": 0.25, "snow": 0.25}
Q = {"snow": 0.5, "sun": 0.25, "rain": 0.25}
EXPECTED = 0.5 * math.log(2) + 0.25 * math.log(0.5)


def same(value: object, expected: float) -> bool:
    return float(value) == pytest.approx(expected, rel=1e-14, abs=1e-16)


def test_mappings_align_by_label() -> None:
    assert same(relative_entropy(P, Q), EXPECTED)
    assert same(relative_entropy(MappingProxyType(P), Q), EXPECTED)
    assert relative_entropy(P, dict(reversed(P.items()))) == 0


def test_a_missing_label_is_zero() -> None:
    assert same(relative_entropy({"a": 1.0}, {"a": 0.5, "b": 0.5}), math.log(2))
    assert relative_entropy({"a": 0.5, "b": 0.5}, {"a": 1.0}) == math.inf
    assert relative_entropy({"a": 1.0}, {"b": 1.0}) == math.inf


def test_a_counter_is_counts() -> None:
    p, q = Counter("aaab"), Counter("abbbbbcc")
    assert isinstance(as_distribution(p), Counts)
    expected = 0.75 * math.log(0.75 * 8) + 0.25 * math.log(0.25 * 8 / 5)
    assert same(relative_entropy(p, q), expected)
    assert relative_entropy(q, p) == math.inf


@pytest.mark.parametrize("name", ["cross_entropy", "jensen_shannon", "hellinger", "chi_square"])
def test_every_verb_aligns(name: str) -> None:
    f = getattr(relentropy, name)
    by_position = f(list(P.values()), [Q[k] for k in P])
    assert same(f(P, Q), float(by_position))


def test_labels_of_any_hashable_kind() -> None:
    p = {1: 0.5, "1": 0.25, (1, 2): 0.25}
    q = {(1, 2): 0.25, "1": 0.25, 1: 0.5}
    assert relative_entropy(p, q) == 0


def test_log_mappings() -> None:
    a = LogProbs({k: math.log(v) for k, v in P.items()})
    assert same(relative_entropy(a, Q), EXPECTED)
    b = Logits({k: math.log(v) + 7 for k, v in Q.items()})
    assert same(relative_entropy(a, b), EXPECTED)
    wide = Logits({"sun": 0.0, "fog": 0.0})
    assert same(relative_entropy(Logits({"sun": 3.0}), wide), math.log(2))


def test_pandas_series() -> None:
    p, q = pandas.Series(P), pandas.Series(Q)
    assert same(relative_entropy(p, q), EXPECTED)
    assert same(relative_entropy(p, Q), EXPECTED)
    counts = pandas.Series(list("aab")).value_counts(), pandas.Series(list("bbac")).value_counts()
    expected = 2 / 3 * math.log(8 / 3) + 1 / 3 * math.log(2 / 3)
    assert same(relative_entropy(*map(Counts, counts)), expected)
    shares = [pandas.Series(list(t)).value_counts(normalize=True) for t in ("aab", "bbac")]
    assert same(relative_entropy(*shares), expected)


def test_pandas_series_of_counts_without_saying_so() -> None:
    with pytest.raises(TypeError, match=r"Counts"):
        relative_entropy(pandas.Series({"a": 3, "b": 1}), pandas.Series({"a": 1, "b": 1}))


def test_polars_value_counts() -> None:
    frames = [polars.Series("x", list(t)).value_counts() for t in ("aab", "bbac")]
    expected = 2 / 3 * math.log(8 / 3) + 1 / 3 * math.log(2 / 3)
    assert same(relative_entropy(*map(Counts, frames)), expected)
    shares = [polars.Series("x", list(t)).value_counts(normalize=True) for t in ("aab", "bbac")]
    assert same(relative_entropy(*map(Probs, shares)), expected)


def test_a_polars_series_has_no_labels() -> None:
    with pytest.raises(TypeError, match=r"polars Series.*to_numpy"):
        relative_entropy(polars.Series([0.5, 0.5]), polars.Series([0.5, 0.5]))


def test_labels_and_no_labels_do_not_mix() -> None:
    with pytest.raises(TypeError, match=r"p has labels and q has none"):
        relative_entropy(P, [0.5, 0.25, 0.25])
    with pytest.raises(TypeError, match=r"q has labels and p has none"):
        relative_entropy(np.array([0.5, 0.25, 0.25]), P)


def test_a_label_twice() -> None:
    twice = pandas.Series([0.25, 0.25, 0.5], index=["a", "b", "a"])
    with pytest.raises(ValueError, match=r"'a' occurs more than once"):
        relative_entropy(twice, {"a": 0.5, "b": 0.5})


def test_a_mapping_that_is_no_distribution() -> None:
    with pytest.raises(ValueError, match=r"^p .*1\.5"):
        relative_entropy({"a": 1.0, "b": 0.5}, {"a": 0.5, "b": 0.5})
    with pytest.raises((TypeError, ValueError), match=r"^p\b"):
        relative_entropy({"a": "x"}, {"a": 1.0})
    with pytest.raises(ValueError, match=r"^p\b.*(empty|no mass)"):
        relative_entropy({}, {"a": 1.0})


def test_missing_labels_keep_large_alphabets_quick() -> None:
    p = dict.fromkeys(range(10000), 0.0001)
    q = dict.fromkeys(range(5000, 15000), 0.0001)
    assert relative_entropy(p, q) == math.inf
    assert same(relentropy.total_variation(p, q), 0.5)
