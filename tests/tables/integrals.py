"""D(P||Q) of two laws from its definition, by quadrature or by summation in many digits.

An integral is taken in a coordinate u of P's support in which every tail falls at least
exponentially (sinh u, e^u, the logistic of u), over pieces that end where the densities have a
corner or their mass, each piece halved until Gauss and Legendre's rule agrees with itself. The
mass of P is integrated along and has to come out as 1: a piece that was missed would show.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mpmath import mp, mpf
from mpmath.calculus.quadrature import GaussLegendre

from tests.tables.laws import INF, Law, Point, Power, at, expectation_exists

Pair = tuple[Any, Any]
"""The mass of P and its share of the divergence."""

Integrand = Callable[[Any], Pair]


@dataclass(frozen=True)
class Setting:
    """One way to compute: working digits, 3 · 2^(degree - 1) nodes a piece, shift of the pieces."""

    digits: int
    degree: int
    shift: float
    stretch: float
    head: int


FIRST = Setting(digits=30, degree=4, shift=0.0, stretch=1.0, head=24)
SECOND = Setting(digits=38, degree=5, shift=0.37, stretch=1.7, head=31)

ENOUGH = mpf(10) ** -35
HALVINGS = 60
NOTHING = -(10**6)
"""A log-density that no log-ratio here makes up for; its exponential would take a million bits."""


class NotReachedError(ArithmeticError):
    """The quadrature did not settle."""


def divergence(p: Law, q: Law, setting: Setting) -> Any:
    """D(P||Q); +inf where the tails or the supports say so. Use the setting's working precision."""
    if is_infinite(p, q):
        return INF
    if p.atom:
        return -q.log_density(int(p.low)) if q.lattice and not q.atom else mpf(0)
    mass, value = summed(p, q, setting) if p.lattice else integrated(p, q, setting)
    if abs(mass - 1) > mpf(10) ** -18:
        raise NotReachedError(f"the mass of P came out as {mp.nstr(mass, 20)}")
    return value


def is_infinite(p: Law, q: Law) -> bool:
    """By support, by singularity (an atom or integers against a density), or by the tails."""
    if p.low < q.low or p.high > q.high:
        return True
    if p.atom and q.atom:
        return False  # p.low = q.low = p.high = q.high
    if q.atom or p.lattice != q.lattice or (p.atom and not p.lattice):
        return True
    lower = p.low == q.low and not p.lattice and not expectation_exists(p.lower, q.lower)
    upper = p.high == q.high and not expectation_exists(p.upper, q.upper)
    return bool(lower or upper)


# --- coordinates --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coordinate:
    """U -> (Point, log of dx/du), and x -> u."""

    point: Callable[[Any], tuple[Point, Any]]
    inverse: Callable[[Any], Any]
    step: Any


def coordinate(p: Law, setting: Setting) -> Coordinate:
    if p.low > -INF and p.high < INF:
        return on_interval(p)
    if p.low > -INF:
        return on_half_line(p)
    if p.high < INF:
        return below_an_end(p)
    return on_line(p, setting)


def on_line(p: Law, setting: Setting) -> Coordinate:
    m, s = p.centre, p.width * mpf(setting.stretch)

    def point(u: Any) -> tuple[Point, Any]:
        e = mp.exp(u)
        return at(m + s * (e - 1 / e) / 2), mp.log(s * (e + 1 / e) / 2)

    return Coordinate(point, lambda x: mp.asinh((x - m) / s), mpf(1))


def on_half_line(p: Law) -> Coordinate:
    def point(u: Any) -> tuple[Point, Any]:
        d = mp.exp(u)
        return Point(p.low + d, p.low, INF, d, None), u

    return Coordinate(point, lambda x: mp.log(x - p.low), p.width)


def below_an_end(p: Law) -> Coordinate:
    def point(u: Any) -> tuple[Point, Any]:
        d = mp.exp(u)
        return Point(p.high - d, -INF, p.high, None, d), u

    return Coordinate(point, lambda x: mp.log(p.high - x), p.width)


def on_interval(p: Law) -> Coordinate:
    length = p.high - p.low

    def point(u: Any) -> tuple[Point, Any]:
        e = mp.exp(-abs(u))
        near, far = length * e / (1 + e), length / (1 + e)
        low, high = (near, far) if u < 0 else (far, near)
        x = p.low + low if u < 0 else p.high - high
        return Point(x, p.low, p.high, low, high), mp.log(near * far / length)

    return Coordinate(point, lambda x: mp.log((x - p.low) / (p.high - x)), p.width)


# --- integrals ----------------------------------------------------------------------------------


def integrated(p: Law, q: Law, setting: Setting) -> Pair:
    c = coordinate(p, setting)

    def integrand(u: Any) -> Pair:
        t, log_jacobian = c.point(u)
        a = p.log_density(t)
        if a + log_jacobian < NOTHING:
            return mpf(0), mpf(0)
        density = mp.exp(a + log_jacobian)
        return density, density * (a - q.log_density(t))

    return over_the_line(integrand, sorted(ends(p, q, c, setting)), setting)


def ends(p: Law, q: Law, c: Coordinate, setting: Setting) -> set[Any]:
    """Where the pieces meet: corners, and in steps of P's width around where the mass is."""
    middle, step = c.inverse(p.centre) if p.logit is None else p.logit, c.step
    around = {middle + step * (k + mpf(setting.shift)) for k in (-13, -4, -1, 1, 4, 13)}
    inside = [x for x in (*p.kinks, *q.kinks, q.centre) if p.low < x < p.high]
    return around | {c.inverse(x) for x in inside}


def over_the_line(f: Integrand, points: list[Any], setting: Setting) -> Pair:
    pieces = [(a, b, *gauss(f, a, b, setting)) for a, b in itertools.pairwise(points)]
    width = points[-1] - points[0]
    pieces += outwards(f, points[0], -width / 8, setting)
    pieces += outwards(f, points[-1], width / 8, setting)
    return refined(f, pieces, setting)


def outwards(f: Integrand, start: Any, width: Any, setting: Setting) -> Iterator[Any]:
    """Pieces of doubling width until two in a row hold nothing."""
    quiet = 0
    for _ in range(HALVINGS):
        end = start + width
        mass, value = gauss(f, start, end, setting)
        yield min(start, end), max(start, end), abs(mass), value if width > 0 else -value
        quiet = quiet + 1 if abs(mass) + abs(value) < ENOUGH else 0
        if quiet == 2:
            return
        start, width = end, 2 * width
    raise NotReachedError("a tail that does not end")


def refined(f: Integrand, pieces: list[Any], setting: Setting) -> Pair:
    """Halve each piece until halving changes nothing that matters."""
    # Two names of one distribution have D = 0, and nothing but rounding to compare with.
    scale = (mpf(1), max(sum(abs(piece[3]) for piece in pieces), mpf(10) ** -8))
    enough = [s * mpf(10) ** -20 for s in scale]
    total = [mpf(0), mpf(0)]
    waiting = [(piece, 0) for piece in pieces]
    while waiting:
        (a, b, *whole), depth = waiting.pop()
        if depth > HALVINGS:
            raise NotReachedError(f"no agreement between {mp.nstr(a)} and {mp.nstr(b)}")
        m = (a + b) / 2
        left, right = gauss(f, a, m, setting), gauss(f, m, b, setting)
        halves = [x + y for x, y in zip(left, right, strict=True)]
        # Halves of analytic functions are better by 2^(-2 · nodes) than the difference seen.
        if all(abs(h - w) <= e for h, w, e in zip(halves, whole, enough, strict=True)):
            total = [t + h for t, h in zip(total, halves, strict=True)]
        else:
            waiting += [((a, m, *left), depth + 1), ((m, b, *right), depth + 1)]
    return total[0], total[1]


def gauss(f: Integrand, a: Any, b: Any, setting: Setting) -> Pair:
    middle, half = (a + b) / 2, (b - a) / 2
    mass = value = mpf(0)
    for x, w in nodes(setting.degree, mp.prec):
        m, v = f(middle + half * x)
        mass += w * m
        value += w * v
    return mass * half, value * half


@functools.cache
def nodes(degree: int, precision: int) -> list[Any]:
    return list(GaussLegendre(mp).calc_nodes(degree, precision))


# --- sums ---------------------------------------------------------------------------------------


def summed(p: Law, q: Law, setting: Setting) -> Pair:
    def term(k: Any) -> Pair:
        a = p.log_density(k)
        mass = mp.exp(a)
        return mass, mass * (a - q.log_density(k))

    if isinstance(p.upper, Power) and p.high == INF:
        return with_remainder(term, int(p.low), setting)
    middle = int(p.centre) if p.high == INF else int(p.low)
    upwards: Iterable[int] = itertools.count(middle)
    upwards = upwards if p.high == INF else range(middle, int(p.high) + 1)
    downwards = range(middle - 1, int(p.low) - 1, -1)
    mass = value = mpf(0)
    for side in (upwards, downwards):
        for k in side:
            m, v = term(k)
            mass, value = mass + m, value + v
            if p.high == INF and abs(m) + abs(v) < ENOUGH:
                break
    return mass, value


def with_remainder(term: Integrand, low: int, setting: Setting) -> Pair:
    """Euler and Maclaurin: the head as it is, the rest as an integral and derivatives at n."""
    n, orders = setting.head, 2 * 14
    head = [term(k) for k in range(low, n)]

    def in_log(u: Any) -> Pair:
        x = mp.exp(u)
        mass, value = term(x)
        return mass * x, value * x

    start = mp.log(n)
    pieces = list(outwards(in_log, start, mpf(1), setting))
    rest = refined(in_log, pieces, setting)
    totals = []
    for i in (0, 1):
        coefficients = mp.taylor(lambda x, i=i: term(x)[i], n, orders)
        total = mp.fsum(h[i] for h in head) + rest[i] + coefficients[0] / 2
        for k in range(1, orders // 2):
            # B_2k / (2k)! times the derivative of order 2k - 1, which is (2k-1)! coefficients.
            total -= mp.bernoulli(2 * k) / (2 * k) * coefficients[2 * k - 1]
        totals.append(total)
    return totals[0], totals[1]
