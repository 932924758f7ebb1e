"""Where `relentropy between` looks at P and Q to draw them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import relentropy
from relentropy.cli.between_answer import Answer, is_density
from relentropy.cli.specification import Specified
from relentropy.cli.streams import DataError
from relentropy.compare.visible import shorten

Array = Any

MOST_BARS = 40
_DRAWS = 4001
_CURVE = 401


@dataclass(frozen=True)
class Cells:
    """Places, and the logarithms of the densities or probabilities of P and Q there."""

    x: Array
    log_p: Array
    log_q: Array
    names: list[str] | None = None
    """Of cells; None where the places are numbers."""
    curve: bool = False
    logarithmic: bool = False
    """Whether the places are drawn over log x; the densities are those of log x then."""
    top: float | None = None
    """Of the scale of densities, beyond which poles and spikes are cut."""

    @property
    def bars(self) -> bool:
        """Whether there is room for a bar a place."""
        return not self.curve and len(self.x) <= MOST_BARS


def cells_of(answer: Answer) -> Cells:
    """What to draw of an answer that `require_drawable` lets pass."""
    p, q = answer.p.distribution, answer.q.distribution
    if answer.p.is_list:
        return _named(p, q)
    return _curve(answer) if is_density(p) else _whole_numbers(answer)


def require_drawable(p: Specified, q: Specified) -> None:
    """A DataError where there is no picture."""
    if p.is_list or q.is_list:
        return
    for side in (p, q):
        shape = getattr(side.distribution, "event_shape", ())
        if shape != () or not hasattr(side.distribution, "log_density"):
            raise DataError(f"--plot: {side.text} is not a distribution of one number")
    if is_density(p.distribution) != is_density(q.distribution):
        raise DataError("--plot: a density and probabilities of single values share no scale")


def _named(p: Any, q: Any) -> Cells:
    tables = []
    for x in (p, q):
        labels = x.labels or range(1, len(x.values) + 1)
        tables.append(dict(zip(labels, -np.asarray(relentropy.surprisal(x)), strict=True)))
    labels = list(dict.fromkeys([*tables[0], *tables[1]]))
    log_p, log_q = (np.array([table.get(k, -np.inf) for k in labels]) for table in tables)
    names = [shorten(str(label), 20) for label in labels]
    return Cells(np.arange(1.0, len(labels) + 1), log_p, log_q, names)


def _log_density(side: Specified, x: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(side.distribution.log_density(x))


def _draws(side: Specified) -> Array:
    """Draws that say where to look; the same every time."""
    x = side.distribution.sample(np.random.default_rng(0), (_DRAWS,))
    return x[np.isfinite(x)]


def _window(answer: Answer, over_log: bool = False) -> tuple[float, float]:
    """Where nearly all of P, Q and both values of D come from, but for the last of heavy tails."""
    sides = (answer.p, answer.q)
    ends = [_middle(np.log(_draws(x)) if over_log else _draws(x)) for x in sides]
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    wide = np.linspace(low - (high - low), high + (high - low), _CURVE)
    if any(not is_density(x.distribution) for x in sides):
        wide = np.unique(np.round(wide))
    x = np.exp(np.clip(wide, -690.0, 690.0)) if over_log else wide
    log_p, log_q = (_log_density(side, x) + (wide if over_log else 0.0) for side in sides)
    directions = ((answer.p_from_q, log_p, log_q), (answer.q_from_p, log_q, log_p))
    for direction, one, other in directions:
        with np.errstate(all="ignore"):
            cost = np.abs(np.exp(one) * (one - other))
        cost = np.cumsum(np.where(np.isfinite(cost), cost, 0.0))
        if direction.value < math.inf and 0 < cost[-1] < math.inf:
            a, b = np.searchsorted(cost / cost[-1], [0.005, 0.995])
            low, high = min(low, float(wide[a])), max(high, float(wide[b]))
    return low, high


def _middle(x: Array) -> tuple[float, float]:
    a, b, c, d = np.quantile(x, [0.002, 0.25, 0.75, 0.998])
    return float(max(a, b - 4 * (c - b))), float(min(d, c + 4 * (c - b)))


def _whole_numbers(answer: Answer) -> Cells:
    low, high = _window(answer)
    supports = [_support(x.distribution) for x in (answer.p, answer.q)]
    # A little more, since the first impossible value says much.
    low = max(math.floor(low) - 2, min(a for a, _ in supports))
    high = min(math.ceil(high) + 2, max(b for _, b in supports))
    x = np.round(np.linspace(low, high, min(int(high - low) + 1, _CURVE)))
    # A value by itself may be no whole number.
    x = np.unique(np.concatenate([x, *([a] for a, b in supports if a == b)]))
    return Cells(x, _log_density(answer.p, x), _log_density(answer.q, x))


def _support(x: Any) -> tuple[float, float]:
    """The lowest and the highest value."""
    low, high = getattr(x, "support", None) or (x.v, x.v)
    return float(low), float(high)


def _curve(answer: Answer) -> Cells:
    sides = (answer.p, answer.q)
    draws = [_draws(side) for side in sides]
    if _span_decades(draws):
        return _over_log(answer)
    low, high = _window(answer)
    # Where floats are coarse, or the values are all the same, still some width.
    space = max(0.03 * (high - low), 1e-9 * max(abs(low), abs(high))) or 1.0
    x = np.linspace(low - space, high + space, _CURVE)
    own = [np.linspace(*_middle(y), _CURVE // 4) for y in draws]
    x = np.unique(np.concatenate([x, *own, *(_near_ends(side, x) for side in sides)]))
    seen = [_log_density(side, x) for side in sides]
    drawn = [_log_density(side, y) for side, y in zip(sides, draws, strict=True)]
    return Cells(x, seen[0], seen[1], curve=True, top=_top(drawn, seen))


def _span_decades(draws: list[Array]) -> bool:
    ends = [np.quantile(x, [0.02, 0.98]) for x in draws]
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    return bool(min(x.min() for x in draws) > 0 and high > 300 * low)


def _over_log(answer: Answer) -> Cells:
    """Over log x the density of log x is drawn, x p(x), so that areas are probabilities."""
    low, high = _window(answer, over_log=True)
    y = np.linspace(max(low, -690.0), min(high, 690.0), _CURVE)
    x = np.exp(y)
    log_p, log_q = (_log_density(side, x) + y for side in (answer.p, answer.q))
    return Cells(x, log_p, log_q, curve=True, logarithmic=True)


def _top(drawn: list[Array], seen: list[Array]) -> float:
    """Room for both, but not for a pole, or for a spike beside which the other is flat.

    From the log-densities at draws, and at the places that are seen.
    """
    tops = []
    for at_draws, at_places in zip(drawn, seen, strict=True):
        at_draws, at_places = (x[np.isfinite(x)] for x in (at_draws, at_places))
        # Draws may all be on a pole.
        usual = math.log(3) + float(np.quantile(at_draws, 0.9)) if len(at_draws) else math.inf
        tops.append(min(float(at_places.max()), usual))
    return 1.06 * math.exp(min(max(tops), math.log(8) + min(tops)))


def _near_ends(side: Specified, x: Array) -> Array:
    """More points where a support ends: densities may jump there, or grow without bound."""
    reach = (x[-1] - x[0]) * np.geomspace(1e-6, 1e-2, 40)
    ends = [float(end) for end in side.distribution.support]
    finite = [end for end in ends if abs(end) < math.inf]
    near = np.concatenate([x[:0], *(np.r_[end - reach, end, end + reach] for end in finite)])
    return near[(near >= x[0]) & (near <= x[-1])]
