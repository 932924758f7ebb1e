"""From two rows of counts to an answer: which method, how sure, against which noise, and why."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtri

from relentropy.methods import interval, null, plug_in, smoothing, variance, zhang_grabchak
from relentropy.methods.choice import CLEAR, FAR, FEW, choose
from relentropy.methods.functionals import JENSEN_SHANNON, RELATIVE_ENTROPY, Array, Functional

METHODS = ("zhang-grabchak", "jeffreys", "plug-in")


@dataclass(frozen=True)
class Sample:
    """A pair of samples over the cells seen in either, as floats.

    Attributes:
        x, y: the counts of P's and Q's sample, shape (K,), no cell empty on both sides.
        seen: which of the caller's cells these are, shape (all cells,).

    """

    x: Array
    y: Array
    seen: np.ndarray[Any, np.dtype[np.bool_]]

    @classmethod
    def of(cls, x: Array, y: Array, place: str) -> "Sample":
        for name, counts in (("p", x), ("q", y)):
            if not counts.sum() > 0:
                raise ValueError(f"{name} is an empty sample{place}: all its counts are 0")
        seen = (x > 0) | (y > 0)
        return cls(x[seen], y[seen], seen)

    @property
    def sizes(self) -> tuple[int, int]:
        return int(self.x.sum()), int(self.y.sum())

    @property
    def per_cell(self) -> float:
        """Observations per cell in the smaller sample."""
        return min(self.sizes) / self.x.size

    def smoothing_may_win(self, functional: Functional) -> bool:
        """Whether smoothing can have the smaller error, as it never has for Jensen–Shannon."""
        return self.per_cell < FEW and functional is not JENSEN_SHANNON

    def methods(self, functional: Functional, method: str) -> list[str]:
        """The methods whose draws without drift are needed."""
        ways = {"zhang-grabchak", method} - {"auto"}
        if method == "auto" and self.smoothing_may_win(functional):
            ways.add("jeffreys")
        return sorted(ways)

    def reversed(self) -> "Sample":
        return Sample(self.y, self.x, self.seen)

    def cells(self, functional: Functional, method: str) -> null.Cells:
        """The terms of `method` for any counts of samples of these sizes over these cells."""
        n, m = float(self.x.sum()), float(self.y.sum())
        if method == "jeffreys":
            return partial(smoothing.terms, n=n, m=m, cells=self.x.size, functional=functional)
        terms = zhang_grabchak.terms if method == "zhang-grabchak" else plug_in.terms
        return partial(terms, n=n, m=m, functional=functional)


@dataclass(frozen=True)
class NoDrift:
    """The test of no drift, and draws of the estimators under it where cells are sparse.

    `draws` has a row of estimates per (functional, method, backward); it is empty when dense.
    """

    p_value: float
    p_value_method: str
    draws: dict[tuple[str, str, bool], Array]
    seed: int | None

    def of(self, functional: Functional, method: str) -> Array | None:
        return self.draws.get((functional.name, method, False))

    def reversed(self) -> "NoDrift":
        flipped = {(name, way, not back): row for (name, way, back), row in self.draws.items()}
        return replace(self, draws=flipped)


@dataclass(frozen=True)
class Answer:
    """The fields of an estimate of one pair of rows."""

    value: float
    standard_error: float
    interval: tuple[float, float]
    method: str
    diagnostics: dict[str, Any]


class Randomness:
    """The caller's generator or seed, or a fresh seed; remembers whether it was used."""

    def __init__(self, rng: Any) -> None:
        if rng is not None and not isinstance(
            rng, int | np.integer | np.random.SeedSequence | np.random.Generator
        ):
            raise TypeError(
                f"rng is {type(rng).__name__}: give a numpy.random.Generator, a whole-number seed, "
                "or None for a fresh seed"
            )
        self._given = rng
        self._generator: np.random.Generator | None = None
        self.seed: int | None = None

    def __call__(self) -> np.random.Generator:
        if self._generator is None:
            given = self._given
            if given is None:
                given = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
            if isinstance(given, int | np.integer):
                self.seed = int(given)
            self._generator = np.random.default_rng(given)
        return self._generator


def against_no_drift(
    pair: Sample,
    functionals: tuple[Functional, ...],
    method: str,
    randomness: Randomness,
    *,
    backward: bool = False,
) -> NoDrift:
    """Test no drift once for all `functionals`, and their reverse too if `backward`."""
    if pair.x.size == 1:
        return NoDrift(1.0, "one cell", {}, None)
    keys = [
        (functional, way, back)
        for functional in functionals
        for way in pair.methods(functional, method)
        for back in ((False, True) if backward and functional is not JENSEN_SHANNON else (False,))
    ]
    statistics = [
        _swapped(pair.reversed().cells(functional, way)) if back else pair.cells(functional, way)
        for functional, way, back in keys
    ]
    result = null.assess(pair.x, pair.y, statistics, randomness)
    draws = {}
    if result.draws is not None:
        names = [(functional.name, way, back) for functional, way, back in keys]
        draws = dict(zip(names, result.draws, strict=True))
    return NoDrift(result.p_value, result.method, draws, randomness.seed if draws else None)


def _swapped(cells: null.Cells) -> null.Cells:
    return lambda x, y: cells(y, x)


def answer(
    pair: Sample, functional: Functional, method: str, confidence: float, no_drift: NoDrift
) -> Answer:
    """The estimate of `functional` for one pair of samples."""
    x, y = pair.x, pair.y
    bias = zhang_grabchak.null_bias(x, y, functional)
    centred = pair.cells(functional, "zhang-grabchak")(x, y) - bias
    corrected = float(np.sum(centred))
    clear = pair.smoothing_may_win(functional) and no_drift.p_value <= CLEAR
    choice = choose(
        method,
        dense=x.size == 1 or null.is_dense(x, y),
        per_cell=pair.per_cell,
        clearly_far=clear and _is_far(functional, corrected, no_drift),
    )
    is_centred = choice.method == "zhang-grabchak" and _centres(functional, method)
    terms = centred if is_centred else pair.cells(functional, choice.method)(x, y)
    value = float(np.sum(terms))
    if np.isfinite(value) and value <= 1e-14 * float(np.sum(np.abs(terms))):  # 0 but for rounding
        value, terms = 0.0, np.zeros_like(terms)
    # Where smoothing may have the smaller error the interval covers what it says, too.
    others = [value]
    if clear:
        others.append(float(np.sum(pair.cells(functional, "jeffreys")(x, y))))
    error, ends = _uncertainty(pair, functional, corrected, others, confidence, no_drift)
    contributions = np.zeros(pair.seen.shape)
    contributions[pair.seen] = terms
    diagnostics = _diagnostics(pair, functional, no_drift) | {
        "noise_floor": _floor(pair, functional, method, confidence, no_drift, bias),
        "contributions": contributions,
        "regime": choice.regime,
        "reason": choice.reason,
    }
    return Answer(value, error, ends, choice.method, diagnostics)


def _centres(functional: Functional, method: str) -> bool:
    """Whether the estimate is shifted to be 0 on average without drift.

    Zhang and Grabchak's own formula, when asked for by name, is left as published.
    """
    return method == "auto" or functional is JENSEN_SHANNON


def _is_far(functional: Functional, corrected: float, no_drift: NoDrift) -> bool:
    """Whether the estimate exceeds a good part of what smoothing would make of mere noise."""
    noise = no_drift.of(functional, "jeffreys")
    return (
        functional is RELATIVE_ENTROPY
        and noise is not None
        and corrected > FAR * float(np.mean(noise))
    )


def _uncertainty(
    pair: Sample,
    functional: Functional,
    corrected: float,
    others: list[float],
    confidence: float,
    no_drift: NoDrift,
) -> tuple[float, tuple[float, float]]:
    """The standard error, and the interval of the corrected estimate stretched to cover `others`.

    `others` are what further methods say, each with a normal interval of its own; the first is
    the value reported, which always lies inside.
    """
    x, y, (n, m) = pair.x, pair.y, pair.sizes
    if x.size == 1:
        # A cell unseen in m observations holds less than 1 - (1 - confidence)^(1/m) of Q.
        return 0.0, (0.0, functional.scale * -float(np.log1p(-confidence)) / min(n, m))
    at_null = null.variance(x, y, functional, no_drift.of(functional, "zhang-grabchak"))
    # At P = Q the frequencies' own noise reads as drift: the variance found there is doubled.
    total = max(variance.variance(x, y, functional) - at_null, at_null)
    slope_at_null = 2 * functional.scale * (1 / n + 1 / m)
    slope = interval.slope(corrected, total, at_null, slope_at_null)
    low, high = interval.interval(corrected, at_null, slope, confidence)
    half = float(ndtri((1 + confidence) / 2)) * np.sqrt(total)
    for other in others:
        if not np.isclose(other, max(corrected, 0.0), rtol=1e-9, atol=0.0):
            low, high = min(low, max(other - half, 0.0)), max(high, other + half)
    if no_drift.p_value > (1 - confidence) / 2:
        low = 0.0
    return float(np.sqrt(total)), (min(low, others[0]), max(high, others[0]))


def _floor(
    pair: Sample,
    functional: Functional,
    method: str,
    confidence: float,
    no_drift: NoDrift,
    bias: Array,
) -> float:
    if pair.x.size == 1:
        return 0.0
    way = "zhang-grabchak" if method == "auto" else method
    drawn = no_drift.of(functional, way)
    if drawn is not None and way == "zhang-grabchak" and _centres(functional, method):
        drawn = drawn - np.sum(bias)
    return null.floor(pair.x, pair.y, functional, drawn, confidence, way == "zhang-grabchak")


def _diagnostics(pair: Sample, functional: Functional, no_drift: NoDrift) -> dict[str, Any]:
    x, y, (n, m) = pair.x, pair.y, pair.sizes
    exact = float(np.sum(pair.cells(functional, "plug-in")(x, y)))
    found: dict[str, Any] = {
        "sample_sizes": (n, m),
        "cells": int(x.size),
        "plug_in": exact,
        "infinite": bool(np.isinf(exact)),
        "unseen_mass": float(np.sum(x[y == 0]) / n),
        "expected_unseen_mass": null.expected_unseen_mass(x, y),
        "p_value": no_drift.p_value,
        "p_value_method": no_drift.p_value_method,
    }
    if no_drift.seed is not None:
        found["seed"] = no_drift.seed
    return found
