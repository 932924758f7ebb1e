"""Divergences of processes, in nats: a step of a chain, a path, a unit of time, an interval."""

from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, kl_div
from relentropy.distributions.discrete import Probs
from relentropy.distributions.long_run import edges, visited
from relentropy.distributions.processes import (
    GaussianProcess,
    MarkovChain,
    MarkovPath,
    PoissonProcess,
    sums_to_one,
)
from relentropy.exact.discrete import relative_entropy_of_weights
from relentropy.exact.integral import integral
from relentropy.exact.shannon import cross_entropy_of_discrete, entropy_of_discrete

Array = Any
RowFormula = Callable[[Probs, Probs], Array]


class Visits(NamedTuple):
    """How long a chain is in each state (..., K), and where it can be at all."""

    time: Array
    possible: Array


@rule(MarkovChain, MarkovChain)
def relative_entropy_rate(p: MarkovChain, q: MarkovChain) -> Array:
    """D = Σ π_i D(P_i‖Q_i) a step, π_i the share of time that P spends in state i."""
    return _rate(p, q, relative_entropy_of_weights)


@rule(MarkovChain, MarkovChain, of="cross_entropy")
def cross_entropy_rate(p: MarkovChain, q: MarkovChain) -> Array:
    """H = Σ π_i H(P_i, Q_i) a step, π_i the share of time that P spends in state i."""
    return _rate(p, q, cross_entropy_of_discrete)


@rule(MarkovChain, None, of="entropy")
def entropy_rate(p: MarkovChain) -> Array:
    """H = Σ π_i H(P_i) a step, π_i the share of time that P spends in state i."""
    return _rate(p, p, _entropy)


@rule(MarkovPath, MarkovPath)
def relative_entropy_of_paths(p: MarkovPath, q: MarkovPath) -> Array:
    """D = D(initial) + Σ n_i D(P_i‖Q_i), n_i the expected number of P's steps from state i."""
    return _along_paths(p, q, relative_entropy_of_weights)


@rule(MarkovPath, MarkovPath, of="cross_entropy")
def cross_entropy_of_paths(p: MarkovPath, q: MarkovPath) -> Array:
    """H = H(initial) + Σ n_i H(P_i, Q_i), n_i the expected number of P's steps from state i."""
    return _along_paths(p, q, cross_entropy_of_discrete)


@rule(MarkovPath, None, of="entropy")
def entropy_of_paths(p: MarkovPath) -> Array:
    """H = H(initial) + Σ n_i H(P_i), n_i the expected number of P's steps from state i."""
    return _along_paths(p, p, _entropy)


def _entropy(p: Probs, _: Probs) -> Array:
    return entropy_of_discrete(p)


def _refused(p: MarkovChain, q: MarkovChain) -> Array:
    """Refused: the path of one chain and the rate of the other."""
    raise TypeError("one side is a chain and the other a path: write .path(steps) on both")


for _pair in ((MarkovPath, MarkovChain), (MarkovChain, MarkovPath)):
    for _of in ("relative_entropy", "cross_entropy"):
        rule(*_pair, of=_of, kind="refused")(_refused)


def _rate(p: MarkovChain, q: MarkovChain, formula: RowFormula) -> Array:
    _require_same_states(p, q)
    xp, time = _array.namespace(p.transition), p.long_run
    start = time if p.initial is None else p.initial
    possible = visited(edges(p.transition), _array.stop_gradient(start))
    infinite = _forbidden(p, q, possible)
    value = _over_states(p, q, Visits(time, possible), infinite, formula)
    # Inside a trace the long run may turn out not to be unique.
    valid = _valid(p) & _valid(q) & ~xp.isnan(xp.sum(time, axis=-1))
    return xp.where(valid, value, float("nan"))


def _along_paths(p: MarkovPath, q: MarkovPath, formula: RowFormula) -> Array:
    _require_same_states(p, q)
    if p.steps != q.steps:
        raise ValueError(
            f"a path of {p.steps} steps and one of {q.steps} cannot be compared; give both the "
            "same number"
        )
    xp, start_p, start_q = _array.namespace(p.transition), p.start(), q.start()
    possible = visited(edges(p.transition), _array.stop_gradient(start_p), p.steps - 1)
    infinite = xp.any((start_p > 0) & (start_q == 0), axis=-1)
    if p.steps:
        infinite = infinite | _forbidden(p, q, possible)
    still = _still(start_p, infinite[..., None])
    value = formula(Probs(still), Probs(start_q))
    if p.steps:
        time = expected_visits(p.normalised()[0], start_p, p.steps)
        value = value + _over_states(p, q, Visits(time, possible), infinite, formula)
    valid = _valid(p) & _valid(q) & ~xp.isnan(xp.sum(start_p + start_q, axis=-1))
    return xp.where(valid, value, float("nan"))


def expected_visits(transition: Array, start: Array, steps: int) -> Array:
    """Σ start Pᵗ over t < steps, (..., K), by sums of non-negative terms.

    Horner's scheme over the binary digits of `steps`: the sum over 2n steps is that over n, once
    as it is and once carried n steps on.
    """
    xp = _array.namespace(transition)
    total, power = start, transition

    def carried(x: Array, by: Array) -> Array:
        return xp.sum(x[..., :, None] * by, axis=-2)

    for digit in f"{steps:b}"[1:]:
        total = total + carried(total, power)
        power = power @ power
        if digit == "1":
            total, power = start + carried(total, transition), power @ transition
        # Rows of a power drift away from 1 by their rounding, which every squaring doubles.
        power = power / xp.sum(power, axis=-1, keepdims=True)
    return total


def _over_states(
    p: MarkovChain, q: MarkovChain, visits: Visits, infinite: Array, formula: RowFormula
) -> Array:
    """Σ time_i formula(P_i, Q_i) over the states visited; no gradient to P where it is infinite."""
    xp = _array.namespace(p.transition)
    time, possible = _still(visits.time, infinite[..., None]), visits.possible
    rows_p = _still(p.transition, infinite[..., None, None])
    # A state that is never visited costs nothing, whatever Q does there.
    rows_q = xp.where(possible[..., None], q.transition, _array.stop_gradient(rows_p))
    cost = formula(Probs(rows_p), Probs(rows_q))
    # Visits that are too rare for the format: 0 · ∞ is ∞ here.
    weight = xp.where(possible, time, 0.0)
    weight = xp.where((weight == 0) & (cost == INF), 1.0, weight)
    return xp.sum(weight * cost, axis=-1)


def _forbidden(p: MarkovChain, q: MarkovChain, possible: Array) -> Array:
    """Whether P makes a step that Q forbids, (...)."""
    xp = _array.namespace(p.transition)
    steps = edges(p.transition) & ~edges(q.transition)
    return xp.any(possible & xp.any(steps, axis=-1), axis=-1)


def _still(x: Array, infinite: Array) -> Array:
    """X, constant where the divergence is infinite."""
    return _array.namespace(x).where(infinite, _array.stop_gradient(x), x)


def _valid(p: MarkovChain) -> Array:
    """Which chains have rows that sum to 1, (...): inside a trace nothing can raise."""
    valid = _array.namespace(p.transition).all(sums_to_one(p.transition), axis=-1)
    return valid if p.initial is None else valid & sums_to_one(p.initial)


def _require_same_states(p: MarkovChain, q: MarkovChain) -> None:
    if p.states != q.states:
        raise ValueError(f"p has {p.states} states and q has {q.states}; they must be the same")


@rule(PoissonProcess, PoissonProcess)
def relative_entropy_of_poisson_processes(p: PoissonProcess, q: PoissonProcess) -> Array:
    """D = λ log(λ/μ) - λ + μ per unit of time, or its integral over the interval."""
    _require_same_interval(p, q)
    if not callable(p.intensity) and not callable(q.intensity):
        density = _cost(p.intensity, q.intensity)
        return density if p.interval is None else density * (p.end - p.begin)
    begin, end = (a + 0.0 * b for a, b in ((p.begin, q.begin), (p.end, q.end)))
    return integral(lambda t: _cost(p.rate_at(t), q.rate_at(t)), begin, end)


def _cost(rate_p: Array, rate_q: Array) -> Array:
    xp = _array.namespace(rate_p, rate_q)
    with _array.quiet(rate_p):
        if _array.known(xp.any((rate_p < 0) | (rate_q < 0))):
            raise ValueError("PoissonProcess: an intensity is negative; expected rates >= 0")
        # At a rate of 0 the slope towards it is 0 by convention; where D = +inf too.
        constant = ~(rate_p > 0) | (rate_q == 0)
        return kl_div(xp, _still(rate_p, constant), rate_q)


def _require_same_interval(p: PoissonProcess, q: PoissonProcess) -> None:
    if (p.interval is None) != (q.interval is None):
        raise ValueError(
            "one process is watched during an interval and the other has none: give both the same "
            "interval=(a, b)"
        )
    if p.interval is None:
        return
    xp = _array.namespace(p.begin)
    for name in ("begin", "end"):
        a, b = (_array.stop_gradient(getattr(x, name)) for x in (p, q))
        if _array.known(xp.all(a == b)) is False:
            raise ValueError(
                f"the two processes are watched during different intervals: {p.interval} and "
                f"{q.interval}; their common part is what can be compared"
            )


@rule(GaussianProcess, GaussianProcess, kind="refused")
def relative_entropy_of_gaussian_processes(p: GaussianProcess, q: GaussianProcess) -> Array:
    """Refused: compare the values at finitely many points, p.at(points) and q.at(points)."""
    raise LookupError(
        "two Gaussian processes are compared at finitely many points: write "
        "relative_entropy(p.at(points), q.at(points))"
    )
