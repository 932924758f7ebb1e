"""`estimate`: the statistician's answer about the distributions behind two samples."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relentropy._convert import align, as_distribution
from relentropy.distributions.discrete import Counts, Discrete
from relentropy.distributions.family import Family
from relentropy.methods.counts import (
    METHODS,
    Answer,
    Randomness,
    Sample,
    against_no_drift,
    answer,
)
from relentropy.methods.functionals import FUNCTIONALS, JENSEN_SHANNON, RELATIVE_ENTROPY

Number = float | npt.NDArray[np.float64]
Seed = np.random.Generator | np.random.SeedSequence | int | None

METHOD_NAMES = {
    "zhang-grabchak": "Zhang–Grabchak",
    "jeffreys": "Jeffreys smoothing",
    "plug-in": "plug-in",
}


@dataclass(frozen=True)
class Estimate:
    """An estimated divergence with its uncertainty, in nats.

    Attributes:
        value: the estimate, at least 0; an array of shape (...) for batches of counts (..., K).
        standard_error: its standard deviation, estimated.
        interval: (low, high) at `confidence`, at least 0, containing `value`.
        confidence: the probability with which the interval covers the truth.
        of: the divergence, such as "relative_entropy".
        method: the method that ran ("auto" chooses one); for batches an array of names.
        diagnostics: what the estimate rests on; see `estimate`.

    >>> from relentropy import Counts, estimate
    >>> e = estimate(Counts([30, 50, 20]), Counts([60, 20, 20]))
    >>> e.interval[0] < e.value < e.interval[1]
    True

    """

    value: Number
    standard_error: Number
    interval: tuple[Number, Number]
    confidence: float
    of: str
    method: Any
    diagnostics: dict[str, Any]

    def summary(self) -> str:
        """One or two sentences for a person; a line per row for a batch."""
        if np.ndim(self.value) == 0:
            return _sentence(self)
        return "\n".join(f"{i}: {_sentence(self.row(i))}" for i in np.ndindex(np.shape(self.value)))

    def row(self, index: Any) -> "Estimate":
        """The estimate of one row of a batch."""
        low, high = (np.asarray(end)[index].item() for end in self.interval)
        return Estimate(
            np.asarray(self.value)[index].item(),
            np.asarray(self.standard_error)[index].item(),
            (low, high),
            self.confidence,
            self.of,
            str(self.method[index]),
            {name: values[index] for name, values in self.diagnostics.items()},
        )

    def __repr__(self) -> str:
        if np.ndim(self.value) == 0:
            low, high = self.interval
            shown = f"{self.value:.6g}, interval=({low:.6g}, {high:.6g})"
        else:
            shown = f"array of shape {np.shape(self.value)}, interval=..."
        return f"Estimate({shown}, confidence={self.confidence:g}, of={self.of!r})"


def _sentence(e: Estimate) -> str:
    low, high = e.interval
    d = e.diagnostics
    if e.method == "monte-carlo":
        draws = sum(d["draws"])
        text = f"{e.value:.4g} nats ({100 * e.confidence:g} % interval {low:.4g} to {high:.4g}), "
        text += f"Monte Carlo, {draws:,} draws."
        return text + (" Draws of P had no density under Q." if d["infinite"] else "")
    n, m = d["sample_sizes"]
    text = (
        f"{e.value:.4g} nats ({100 * e.confidence:g} % interval {low:.4g} to {high:.4g}), "
        f"{METHOD_NAMES[e.method]}, n = {n:,}, m = {m:,}; without drift it would stay below "
        f"{d['noise_floor']:.4g} (p = {d['p_value']:.2g})."
    )
    if d["infinite"]:
        share, expected = 100 * d["unseen_mass"], 100 * d["expected_unseen_mass"]
        text += (
            f" Between the samples themselves it is infinite: {share:.3g} % of P's lies in cells "
            f"that Q's never shows, where {expected:.3g} % would without drift."
        )
    return text


def estimate(
    p: Any,
    q: Any,
    /,
    *,
    of: str = "relative_entropy",
    method: str = "auto",
    confidence: float = 0.95,
    rng: Any = None,
    draws: int = 100_000,
) -> Estimate:
    """Estimate a divergence between the distributions behind two samples, or of two families.

    D(P‖Q) = Σ p log(p/q) from x of n and y of m observations in each cell: finite, corrected for
    bias, with an interval that holds at P = Q too. Of two families, from draws: for pairs that
    `relative_entropy` refuses, such as mixtures in many dimensions.

    Args:
        p: `Counts` of shape (..., K), the sample of P; labels are aligned. Or a family.
        q: `Counts` of shape (..., K), the sample of Q. Or a family.
        of: "relative_entropy", "jeffreys" or "jensen_shannon"; of families "total_variation" too.
        method: "zhang-grabchak" (bias decays exponentially), "jeffreys" (half a count more in
            every cell), "plug-in" (of the observed frequencies, may be infinite) or "auto":
            Zhang–Grabchak, centred so that no drift is 0 on average, except where there are
            fewer than two observations per cell and the samples clearly differ (smoothing). Of
            families "monte-carlo" or "auto", which is the same.
        confidence: of the interval and of the noise floor.
        rng: a `numpy.random.Generator` or a seed for the null of sparse cells and for the draws,
            for which a key of jax.random or a torch.Generator will do too; None takes a fresh
            one, whose seed is in the diagnostics.
        draws: of families, how many, of both together.

    Returns:
        An `Estimate` in nats. Its diagnostics for families: "draws", of P and of Q;
        "effective_sample_size"; "reliable", whether the interval may be trusted; "infinite",
        whether a draw of P had no density under Q; "estimator"; "seed". For counts:
        "sample_sizes" (n, m); "cells", those seen on either side; "plug_in", the exact value of
        the observed frequencies, and "infinite"; "unseen_mass", the share of P's sample in cells
        that Q's never shows, and "expected_unseen_mass", the same to be expected if both came
        from one distribution; "p_value" of no drift and "p_value_method"; "noise_floor", below
        which the estimate stays with probability `confidence` without drift; "contributions",
        shape (K,), summing to the value; "regime" and "reason" for the method; "seed" where
        randomness was used.

    At the edges: identical samples give 0; one shared cell gives 0 with the interval that ends
    where a cell unseen by chance would; disjoint samples give a finite value.

    Errors: LookupError for distributions, divergences or methods that have no estimator;
    ValueError for empty samples and for counts that are not whole numbers; TypeError for torch
    and jax arrays (hand in ``.numpy()``).

    >>> from relentropy import Counts, estimate
    >>> e = estimate(Counts([30, 50, 20]), Counts([240, 510, 250]))
    >>> round(e.value, 4), e.interval[0], e.method
    (0.0013, 0.0, 'zhang-grabchak')

    """
    _require_confidence(confidence)
    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    if isinstance(p, Family) and isinstance(q, Family):
        from relentropy.methods.monte_carlo import monte_carlo

        _known(method, dict.fromkeys(["auto", "monte-carlo"]), "method")
        return monte_carlo(p, q, of=of, confidence=confidence, rng=rng, draws=draws)
    functional = _known(of, FUNCTIONALS, "of")
    _known(method, dict.fromkeys(["auto", *METHODS]), "method")
    x, y = _arrays(p, q)
    generator = Randomness(rng)
    shape = x.shape[:-1]
    answers = []
    for index in np.ndindex(shape):
        pair = Sample.of(x[index], y[index], _place(index))
        null = against_no_drift(pair, (functional,), method, generator)
        answers.append(answer(pair, functional, method, confidence, null))
    if not shape:
        return _single(answers[0], of, confidence)
    return _stack(answers, shape, of, confidence)


class BothWays(NamedTuple):
    """The estimates of one pair of samples, made together by `both_ways`."""

    forward: Estimate
    backward: Estimate
    jensen_shannon: Estimate


def both_ways(
    p: Any, q: Any, /, *, method: str = "auto", confidence: float = 0.95, rng: Seed = None
) -> BothWays:
    """D(P‖Q), D(Q‖P) and the Jensen–Shannon divergence of one pair of samples.

    The same as three calls of `estimate`, with one test of no drift, whose p-value does not
    depend on the direction, and one set of draws.

    Args:
        p: `Counts` of shape (K,), the sample of P.
        q: `Counts` of shape (K,), the sample of Q.
        method: as for `estimate`.
        confidence: as for `estimate`.
        rng: as for `estimate`.

    Returns:
        `BothWays(forward, backward, jensen_shannon)`, in nats.

    Errors: as for `estimate`; ValueError for batches.

    >>> from relentropy import Counts
    >>> from relentropy.methods.estimate import both_ways
    >>> pair = both_ways(Counts([30, 50, 20]), Counts([24, 51, 25]))
    >>> pair.forward.diagnostics["p_value"] == pair.backward.diagnostics["p_value"]
    True

    """
    _known(method, dict.fromkeys(["auto", *METHODS]), "method")
    _require_confidence(confidence)
    x, y = _arrays(p, q)
    if x.ndim != 1:
        raise ValueError(f"both_ways takes one row of counts a side, got shape {x.shape}")
    pair = Sample.of(x, y, "")
    both = (RELATIVE_ENTROPY, JENSEN_SHANNON)
    null = against_no_drift(pair, both, method, Randomness(rng), backward=True)
    forward, jensen_shannon = (answer(pair, f, method, confidence, null) for f in both)
    backward = answer(pair.reversed(), RELATIVE_ENTROPY, method, confidence, null.reversed())
    return BothWays(
        _single(forward, RELATIVE_ENTROPY.name, confidence),
        _single(backward, RELATIVE_ENTROPY.name, confidence),
        _single(jensen_shannon, JENSEN_SHANNON.name, confidence),
    )


def _known(name: Any, known: dict[str, Any], argument: str) -> Any:
    if isinstance(name, str) and name in known:
        return known[name]
    raise LookupError(f"{argument} must be one of {', '.join(map(repr, known))}, got {name!r}")


def _require_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence must lie between 0 and 1, got {confidence!r}; type 0.95 for 95 %"
        )


def _arrays(p: Any, q: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The counts of both sides over the same cells, as floats of one shape (..., K)."""
    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    for name, side in (("p", p), ("q", q)):
        _require_counts(name, side)
    p, q = align(p, q)
    x, y = (_whole(name, side.values) for name, side in (("p", p), ("q", q)))
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"p has {x.shape[-1]} cells and q has {y.shape[-1]}: they must be the same cells in "
            "the same order; give mappings to align by label"
        )
    shape = np.broadcast_shapes(x.shape, y.shape)
    return np.broadcast_to(x, shape), np.broadcast_to(y, shape)


def _require_counts(name: str, side: Discrete) -> None:
    if not isinstance(side, Counts):
        raise LookupError(
            f"{name} is {type(side).__name__}: estimate exists for a pair of Counts, or of "
            "families such as Normal; wrap the observed numbers in Counts(...), or use the exact "
            "relative_entropy for probabilities"
        )
    if not isinstance(side.values, np.ndarray):
        raise TypeError(
            f"{name} holds a {type(side.values).__module__.split('.')[0]} array: estimate works "
            "on NumPy counts; hand in Counts(x.numpy()) from torch, Counts(numpy.asarray(x)) "
            "from jax"
        )


def _whole(name: str, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    if values.ndim == 0:
        raise ValueError(f"{name} is a single number; Counts need one number per cell")
    if values.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold whole numbers, got an array of {values.dtype}")
    counts = values.astype(np.float64)
    good = np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))
    if not good.all():
        at = tuple(int(i) for i in np.argwhere(~good)[0])
        raise ValueError(
            f"{name} must hold whole numbers >= 0, got {counts[at]} at {list(at)}; for weights or "
            "probabilities use relative_entropy"
        )
    return counts


def _place(index: tuple[int, ...]) -> str:
    return f" in row {list(index)}" if index else ""


def _single(found: Answer, of: str, confidence: float) -> Estimate:
    return Estimate(
        found.value,
        found.standard_error,
        found.interval,
        confidence,
        of,
        found.method,
        found.diagnostics,
    )


def _stack(answers: list[Answer], shape: tuple[int, ...], of: str, confidence: float) -> Estimate:
    """One estimate whose fields are arrays over the rows of a batch."""

    def stacked(values: list[Any]) -> Any:
        array = np.array(values)
        return array.reshape(shape + array.shape[1:])

    names = dict.fromkeys(name for found in answers for name in found.diagnostics)
    return Estimate(
        stacked([found.value for found in answers]),
        stacked([found.standard_error for found in answers]),
        (stacked([a.interval[0] for a in answers]), stacked([a.interval[1] for a in answers])),
        confidence,
        of,
        stacked([found.method for found in answers]),
        {name: stacked([found.diagnostics.get(name) for found in answers]) for name in names},
    )
