"""The numerical contract, one definition per scalar, on any namespace.

Every divergence here is a sum of non-negative terms, each computed without cancellation:
near p = q by a series in the relative difference, elsewhere from the logarithm of the ratio.
A branch that is not taken never sees a value at which its derivative would be NaN: its input is
replaced before the operation, not its output after it.
"""

from typing import Any, NamedTuple

from relentropy import _array

Array = Any

NEAR = 0.25
"""Relative differences below this take the series; above, the closed form loses under 5 bits."""

INF = float("inf")


class Totals(NamedTuple):
    """The sums P and Q of two rows of weights, and Q/P - 1 from the summed differences.

    `cross` asks for the products pQ and qP to be compared exactly: needed where P and Q are far
    apart, as for counts; for probabilities, which sum to 1 but for rounding, the cheaper form
    with the excess is as good. `shift` is what the rounding of P and Q adds to every pQ/(qP) - 1.
    """

    p: Array
    q: Array
    excess: Array
    cross: bool = False
    shift: Array | float = 0.0

    def log_ratio(self, xp: Any) -> Array:
        """log(Q/P), from the excess only where that is small."""
        near = xp.abs(_array.stop_gradient(self.excess)) < NEAR
        far = log_quotient(xp, xp.where(near, 1.0, self.q), xp.where(near, 1.0, self.p))
        return xp.where(near, xp.log1p(xp.where(near, self.excess, 0.0)), far)


def totals(xp: Any, p: Array, q: Array, cross: bool = False) -> Totals:
    total_p, total_q = (xp.sum(w, axis=-1, keepdims=True) for w in (p, q))
    return Totals(total_p, total_q, xp.sum(q - p, axis=-1, keepdims=True) / total_p, cross)


def centred(xp: Any, p: Array, q: Array, totals: Totals) -> Totals:
    """The totals with their `shift`: the mean under q of pQ/(qP) - 1, which should be 0.

    It counts where p and q are close throughout, and D is second order in what it shifts.
    """
    p, q = _array.stop_gradient(p), _array.stop_gradient(q)
    x = excess(xp, p, xp.where(q > 0, q, 1.0), without_gradient(totals))
    apart = xp.any(((p > 0) & (q == 0)) | (xp.abs(x) >= NEAR), axis=-1, keepdims=True)
    mean = xp.sum(q * xp.where(apart, 0.0, x), axis=-1, keepdims=True) / totals.q
    return totals._replace(shift=_array.stop_gradient(mean))


def without_gradient(totals: Totals) -> Totals:
    p, q, rest = (_array.stop_gradient(t) for t in totals[:3])
    return totals._replace(p=p, q=q, excess=rest)


def h(xp: Any, x: Array) -> Array:
    """(1+x) log(1+x) - x >= 0 for |x| <= 1/4, to a few units in the last place.

    With s = x/(2+x): log(1+x) = 2 artanh s and 1+x = (1+s)/(1-s), so
    h = 2 [s² + (1+s) (artanh s - s)] / (1-s), all of whose terms but the last share a sign.
    The series artanh s - s = s³ (1/3 + s²/5 + ...) to s¹⁹ leaves 2e-17 relative at |s| = 1/7.
    """
    s = x / (2 + x)
    return 2 * s * s * (1 + (1 + s) * s * _artanh_tail(s)) / (1 - s)


def rho(xp: Any, x: Array) -> Array:
    """1 - log(1+x) / x, of the sign of x, for |x| <= 1/4, to a few units in the last place.

    In the terms of `h`, x = 2s/(1-s): rho = s - s² (1-s) [1/3 + s²/5 + ...].
    """
    s = x / (2 + x)
    return s - s * s * (1 - s) * _artanh_tail(s)


def _artanh_tail(s: Array) -> Array:
    """(artanh s - s) / s³ for |s| <= 1/7."""
    z = s * s
    series = 1 / 19 * z + 1 / 17
    for k in (15, 13, 11, 9, 7, 5, 3):
        series = series * z + 1 / k
    return series


def g(xp: Any, u: Array) -> Array:
    """exp(-u) - 1 + u >= 0, for u >= -30 without cancellation."""
    near = xp.abs(u) < SMALL
    large = xp.where(near, 0.0, u)
    return xp.where(near, _g_series(xp.where(near, u, 0.0)), xp.expm1(-large) + large)


def g_given(xp: Any, u: Array, e: Array) -> Array:
    """`g` where e = exp(-u) is at hand: an exponential less, and up to three bits."""
    near = xp.abs(u) < SMALL
    return xp.where(near, _g_series(xp.where(near, u, 0.0)), (e - 1) + u)


SMALL = 0.5
"""Below, exp(-u) - 1 + u is a series; above, one subtraction loses at most three bits."""


def _g_series(u: Array) -> Array:
    """The exponential series from u²/2 on, which leaves 6e-18 relative; in float32 2e-9."""
    last = 15 if _array.dtype_name(u) == "float64" else 9
    series = u * (-1 / last) + 1
    for k in range(last - 1, 2, -1):
        series = series * (u * (-1 / k)) + 1
    return u * u * series / 2


def entr(xp: Any, p: Array) -> Array:
    """-p log p, 0 at 0, -inf below 0."""
    positive = p > 0
    safe = xp.where(positive, p, 1.0)
    value = xp.where(positive, 0.0 - safe * xp.log(safe), xp.where(p == 0, 0.0, p))
    return xp.where(p < 0, -INF, value)


def kl_div(xp: Any, p: Array, q: Array, totals: Totals | None = None) -> Array:
    """P log(p/q) - p + q >= 0; q at p = 0, +inf at q = 0 < p and outside the domain.

    With `totals` the same of p/P and q/Q, the two normalised.
    """
    near = is_near(xp, p, q, totals)
    far = (p > 0) & ~near
    x = excess(xp, xp.where(near, p, 1.0), xp.where(near, q, 1.0), totals)
    # The ratio of the given numbers: at q = 0 that of q/Q would send 0 · ∞ into dQ.
    t = log_quotient(xp, xp.where(far, p, 1.0), xp.where(far, q, 1.0))
    if totals is not None:
        p, q, t = p / totals.p, q / totals.q, t + totals.log_ratio(xp)
    value = kl_div_given(xp, p, q, near, x, t)
    return _outside(xp, p, q, xp.where((p == INF) | (q == INF), INF, value))


def kl_div_given(xp: Any, p: Array, q: Array, near: Array, x: Array, t: Array) -> Array:
    """`kl_div` from x = p/q - 1 where `near`, and from t = log(p/q) in the other cells."""
    far = (p > 0) & ~near
    p1, q1 = xp.where(far, p, 0.0), xp.where(near, q, 1.0)
    return xp.where(near, q1 * h(xp, x), xp.where(far, p1 * t - p1, 0.0) + q)


def rel_entr(xp: Any, p: Array, q: Array) -> Array:
    """P log(p/q); 0 at p = 0, +inf at q = 0 < p and outside the domain."""
    positive = p > 0
    p1, q1 = xp.where(positive, p, 1.0), xp.where(positive, q, 1.0)
    value = xp.where(positive, p1 * log_ratio(xp, p1, q1), 0.0)
    return _outside(xp, p, q, value)


def log_ratio(xp: Any, p: Array, q: Array, totals: Totals | None = None) -> Array:
    """log(p/q) for p > 0, q >= 0; with `totals`, of the normalised two.

    Near 1 from the relative difference, elsewhere from the quotient.
    """
    near = is_near(xp, p, q, totals)
    p1, q1 = xp.where(near, p, 1.0), xp.where(near, q, 1.0)
    p2, q2 = xp.where(near, 1.0, p), xp.where(near, 1.0, q)
    far = log_quotient(xp, p2, q2)
    if totals is not None:
        far = far + totals.log_ratio(xp)
    return xp.where(near, xp.log1p(excess(xp, p1, q1, totals)), far)


def log_quotient(xp: Any, p: Array, q: Array) -> Array:
    """log(p/q), p > 0, q >= 0: the log of the quotient where that is in range.

    Differentiated as log p - log q, which stays in range where p/q² would not.
    """
    difference = xp.log(p) - xp.log(q)
    a, b = _array.stop_gradient(p), _array.stop_gradient(q)
    quotient = a / b
    in_range = (quotient >= _array.smallest_normal(p)) & (quotient < INF)
    better = xp.log(xp.where(in_range, quotient, 1.0)) - _array.stop_gradient(difference)
    return difference + xp.where(in_range, better, 0.0)


def excess(xp: Any, p: Array, q: Array, totals: Totals | None = None) -> Array:
    """p/q - 1, from the exact difference; with `totals` (p/P)/(q/Q) - 1."""
    if totals is None:
        return (p - q) / q
    if totals.cross:
        difference = _difference_of_products(xp, p, totals.q, q, totals.p)
        return difference / (q * totals.p) - totals.shift
    return (p - q) / q * (1 + totals.excess) + totals.excess


def is_near(xp: Any, p: Array, q: Array, totals: Totals | None = None) -> Array:
    """Where p/q (of the normalised two) is within `NEAR` of 1; carries no gradient."""
    p, q = _array.stop_gradient(p), _array.stop_gradient(q)
    if totals is not None:
        totals = without_gradient(totals)
    positive = (p > 0) & (q > 0) & (q < INF)
    # Elsewhere 0/0 would be right in the end, but stop who looks for the first NaN.
    p, q = xp.where(positive, p, 1.0), xp.where(positive, q, 1.0)
    return positive & (xp.abs(excess(xp, p, q, totals)) < NEAR)


def _outside(xp: Any, p: Array, q: Array, value: Array) -> Array:
    """SciPy's domain: +inf where an argument is negative, NaN only from NaN."""
    value = xp.where((p < 0) | (q < 0), INF, value)
    return xp.where(xp.isnan(p) | xp.isnan(q), float("nan"), value)


def _difference_of_products(xp: Any, a: Array, b: Array, c: Array, d: Array) -> Array:
    """Ab - cd with one rounding at the end, by Dekker's exact products."""
    ab, ab_error = _exact_product(xp, a, b)
    cd, cd_error = _exact_product(xp, c, d)
    return (ab - cd) + (ab_error - cd_error)


def _exact_product(xp: Any, a: Array, b: Array) -> tuple[Array, Array]:
    product = _array.rounded(a * b)
    (a1, a2), (b1, b2) = _halves(xp, a), _halves(xp, b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def _halves(xp: Any, a: Array) -> tuple[Array, Array]:
    """A as a sum of two numbers of half the digits, so that their products are exact."""
    c = _array.rounded((2.0**27 + 1 if _array.dtype_name(a) == "float64" else 2.0**12 + 1) * a)
    high = _array.rounded(c - _array.rounded(c - a))
    return high, a - high


class Softmax(NamedTuple):
    """exp(a) relative to its largest entry, which is kept apart so that no residue is lost."""

    top: Array  # the largest entry, (..., 1), differentiable
    best: Array  # where it is
    shifted: Array  # a - top, -inf kept
    weights: Array  # exp(a - top)
    rest: Array  # the sum of all weights but the largest, which is 1: (..., 1)

    @property
    def share(self) -> Array:
        """The normalised exp(a)."""
        return self.weights / (1 + self.rest)

    def log_total(self, xp: Any) -> Array:
        return xp.log1p(self.rest)


def softmax(xp: Any, a: Array) -> Softmax:
    """The parts of exp(a) / Σ exp(a) over the last axis; -inf counts for nothing, gradient 0."""
    best = _array.first_largest(_array.stop_gradient(a))
    top = _array.entries(a, best)
    # A row of nothing but -inf has no weight at all; its logsumexp is -inf.
    shifted = a - xp.where(top == -INF, 0.0, top)
    weights = xp.exp(shifted)
    others = xp.where(_array.positions(a) == best, 0.0, weights)
    return Softmax(top, best, shifted, weights, xp.sum(others, axis=-1, keepdims=True))


def logsumexp(xp: Any, a: Array) -> Array:
    """Log Σ exp(a) over the last axis, kept."""
    parts = softmax(xp, a)
    return parts.top + parts.log_total(xp)


def log_softmax_at(xp: Any, a: Array, index: Array) -> Array:
    """The log-probability of one cell a row; NaN for a row or an index that is none.

    (chosen - largest) - log1p(Σ of the other exp(a - largest)), two terms of one sign.
    """
    largest = xp.max(_array.stop_gradient(a), axis=-1, keepdims=True)
    # Padding may be NaN, and its gradient is to be 0, not 0 · NaN.
    proper = xp.abs(largest) < INF
    parts = softmax(xp, xp.where(proper, a, 0.0))
    # A negative index would count from the end.
    inside = (index >= 0) & (index < a.shape[-1])
    chosen = _array.entries(parts.shifted, xp.where(inside, index, 0)[..., None])
    value = (chosen - parts.log_total(xp))[..., 0]
    return xp.where(inside & proper[..., 0], value, float("nan"))
