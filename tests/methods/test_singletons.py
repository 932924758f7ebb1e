"""Samples in which every observation is the only one of its kind."""

import numpy as np
import pytest

from relentropy import Counts, estimate


@pytest.mark.parametrize("n", [1, 2, 5, 12, 20, 200])
def test_disjoint_singletons_say_nothing_and_say_so_in_a_sane_interval(n: int) -> None:
    once, none = np.ones(n, dtype=int), np.zeros(n, dtype=int)
    e = estimate(Counts(np.r_[once, none]), Counts(np.r_[none, once]), rng=0)
    assert e.diagnostics["infinite"]
    assert e.diagnostics["p_value"] == 1
    assert e.value == 0
    low, high = e.interval
    assert low == 0
    assert 0 < high < 50
