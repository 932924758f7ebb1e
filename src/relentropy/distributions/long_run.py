"""Where a Markov chain spends its time: reachability, closed classes and long-run shares.

The shares come from the elimination of Grassmann, Taksar and Heyman, which adds, multiplies and
divides numbers that are not negative and never subtracts: every share is right to a few units in
the last place, the small ones too, however nearly the chain falls apart. It is extended here to
chains of several closed classes, so that one pass answers for every chain and every start.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array

Array = Any


def edges(transition: Array) -> Array:
    """Which steps are possible, (..., K, K); carries no gradient."""
    return _array.stop_gradient(transition) > 0


def reachable(possible: Array, like: Array) -> Array:
    """Whether state j can be reached from state i in any number of steps, 0 included."""
    place = _array.positions(like)
    r = _array.astype(possible | (place[:, None] == place), like.dtype)
    for _ in range(max(1, (like.shape[-1] - 1).bit_length())):
        r = _array.astype(r @ r > 0, like.dtype)
    return r > 0


def visited(possible: Array, start: Array, steps: int | None = None) -> Array:
    """The states (..., K) in which a chain can be within `steps` steps (None: ever)."""
    xp = _array.namespace(start)
    here = start > 0
    times = start.shape[-1] - 1 if steps is None else min(steps, start.shape[-1] - 1)

    def step(here: Array) -> tuple[Array]:
        return (here | xp.any(possible & here[..., :, None], axis=-2),)

    return _repeated(step, times, here)[0]


class Classes(NamedTuple):
    """The closed classes of a chain: from such a class it never leaves."""

    mutual: Array  # (..., K, K): whether i and j can be reached from each other
    recurrent: Array  # (..., K): whether a state lies in a closed class
    first: Array  # (..., K): whether it is the first of its closed class

    @property
    def count(self) -> Array:
        """The number of closed classes, (...)."""
        return _array.namespace(self.first).sum(self.first, axis=-1)


def classes(transition: Array) -> Classes:
    xp, place = _array.namespace(transition), _array.positions(transition)
    reach = reachable(edges(transition), transition)
    mutual = reach & xp.matrix_transpose(reach)
    recurrent = xp.all(mutual == reach, axis=-1)
    earlier = xp.any(mutual & (place < place[:, None]), axis=-1)
    return Classes(mutual, recurrent, recurrent & ~earlier)


def long_run(transition: Array, start: Array, found: Classes) -> Array:
    """The share of time in each state, (..., K): the limit of the mean of start Pᵗ over t.

    `transition` (..., K, K) and `start` (..., K) are normalised and of one batch shape; `found`
    are the `classes` of the transition. Source: Grassmann, Taksar & Heyman, "Regenerative
    Analysis and Steady State Distributions for Markov Chains", Oper. Res. 33 (1985) 1107-1116.
    """
    xp = _array.namespace(transition)
    reduced, leaving, start = _eliminated(transition, start, found)
    x = _restored(reduced, leaving, found)
    same = _array.astype(found.mutual, transition.dtype)
    total = xp.sum(same * x[..., None, :], axis=-1)
    arriving = xp.where(found.first, start, 0.0)
    weight = xp.sum(same * arriving[..., None, :], axis=-1)
    recurrent = found.recurrent
    return xp.where(recurrent, weight * x / xp.where(recurrent, total, 1.0), 0.0)


def _eliminated(transition: Array, start: Array, found: Classes) -> tuple[Array, Array, Array]:
    """The chain watched on ever fewer states, the last state first, one of each class kept.

    Column n of the result holds the probabilities of moving to n while states up to n were left,
    `leaving` those of moving on from n; the mass of `start` goes where the chain takes it.
    """
    xp, place = _array.namespace(transition), _array.positions(transition)

    def step(p: Array, leaving: Array, start: Array, n: Any) -> tuple[Array, ...]:
        left = ((place < n) | found.first) & (place != n)
        goes = left & ~found.first[..., n, None]
        row = xp.where(goes, p[..., n, :], 0.0)
        s = xp.sum(row, axis=-1, keepdims=True)
        s = xp.where(s > 0, s, 1.0)
        row = row / s
        column = xp.where(left, p[..., :, n], 0.0)
        p = p + column[..., :, None] * row[..., None, :]
        start = start + start[..., n, None] * row
        return p, xp.where(place == n, s, leaving), start, n - 1

    k = transition.shape[-1]
    leaving = xp.ones_like(start)
    reduced, leaving, start, _ = _repeated(step, k, transition, leaving, start, k - 1)
    return reduced, leaving, start


def _restored(reduced: Array, leaving: Array, found: Classes) -> Array:
    """Multiples of the shares within each class, from its first state on."""
    xp, place = _array.namespace(reduced), _array.positions(reduced)
    others = found.recurrent & ~found.first

    def step(x: Array, n: Any) -> tuple[Array, Any]:
        flow = xp.sum(xp.where(place < n, x * reduced[..., :, n], 0.0), axis=-1)
        share = (flow / leaving[..., n])[..., None]
        x = xp.where((place == n) & others, share, x)
        # A first state that is rare would let the others overflow.
        scale = xp.where(_array.stop_gradient(share) > 1, _array.stop_gradient(share), 1.0)
        return xp.where(found.mutual[..., n, :], x / scale, x), n + 1

    x = _array.astype(found.first, reduced.dtype)
    return _repeated(step, reduced.shape[-1], x, 0)[0]


def _repeated(step: Callable[..., Any], times: int, *state: Any) -> Any:
    """step(*step(*state)) and so on; a compiled loop only inside a trace of JAX.

    Where values are at hand, compiling a loop would take longer than running it.
    """
    if _array.known(_array.namespace(state[0]).any(state[0] == state[0])) is None:
        return _array.repeat(step, times, *state)
    for _ in range(times):
        state = step(*state)
    return state
