"""Relative entropy of rows of logits that are cut into parts, each with another process.

The chain rule does it. With P_r and Q_r the masses of part r,

    D(P||Q) = D((P_r)||(Q_r)) + Σ P_r D(P within r||Q within r).

No term is negative, and all are the formula of `relentropy.exact.discrete`: once over the cells of
a part, once over the parts. So a part is known by five numbers a row, which are all that has to
travel. The gradients of a part follow from six more, which every process then has.

Source: Cover & Thomas, Elements of Information Theory, 2nd ed., theorem 2.5.3.
"""

from typing import Any

from relentropy import _array
from relentropy._scalar import INF
from relentropy.exact.discrete import (
    centred_log_ratio,
    difference,
    relative_entropy_on_support,
)

Array = Any


def part(a: Array, b: Array) -> Array:
    """What a part says of itself, (rows, 5), from its logits (rows, K), where K may be 0.

    The largest a and b, A and B; log Σ exp(a - A); the mean of (a - A) - (b - B) under P within
    the part; D within the part, +inf where P has a cell that Q has not.
    """
    xp = _array.namespace(a, b)
    a, b = _array.promote(a, b)
    if a.shape[-1] == 0:
        a = b = xp.sum(a + b, axis=-1, keepdims=True) - INF
    top_a, top_b = (xp.max(x, axis=-1, keepdims=True) for x in (a, b))
    none_a, none_b = top_a == -INF, top_b == -INF
    infinite = xp.any((a > -INF) & (b == -INF), axis=-1, keepdims=True)
    # Where one side has no mass, the other stands for both: they do not differ within the part.
    x = xp.where(none_a, xp.where(none_b, 0.0, b), a)
    y = xp.where(none_b, x, b)
    ratio = centred_log_ratio(xp, x, y)
    d = relative_entropy_on_support(xp, ratio)
    log_total_a, log_total_b = (s.log_total(xp) for s in (ratio.of_p, ratio.of_q))
    # The mean less D is the log-ratio of the totals. Where D = +inf it stands for that alone.
    mean = xp.where(infinite, log_total_a - log_total_b, ratio.offset)
    d = xp.where(infinite, INF, d)
    return xp.concat([top_a, top_b, log_total_a, mean, d], axis=-1)


def whole(parts: Array) -> Array:
    """The facts of whole rows, (rows, 6), from those of all parts, (ranks, rows, 5).

    D; the largest logits A and B; log Σ exp(a - A), log Σ exp(b - B); the mean under P of
    (a - A) - (b - B). NaN for rows that are no distribution.
    """
    xp = _array.namespace(parts)
    parts = xp.moveaxis(parts, 0, -1)
    top_a, top_b, log_total, mean, d = (parts[:, i, :] for i in range(5))
    A, B = (xp.max(top, axis=-1, keepdims=True) for top in (top_a, top_b))
    common = (top_a > -INF) & (top_b > -INF)
    infinite = xp.any(d == INF, axis=-1, keepdims=True)
    d = xp.where(d == INF, 0.0, d)
    # The log-masses but for constants, x and y, and their log-ratio t, with more digits than x - y.
    shift = _above(xp, common, top_a, top_b, A, B)
    x, y = (top_a - A) + log_total, (top_b - B) + (log_total - (mean - d))
    mean = mean + shift
    t = mean - d
    rounded, lost = difference(xp.where(common, x, 0.0), xp.where(common, y, 0.0))
    ratio = centred_log_ratio(xp, x, y, xp.where(common, (t - rounded) - lost, 0.0))
    within = xp.sum(ratio.p * d, axis=-1, keepdims=True)
    value = relative_entropy_on_support(xp, ratio) + within
    valid = (A > -INF) & (A < INF) & (B > -INF) & (B < INF)
    value = xp.where(valid, xp.where(infinite, INF, value), float("nan"))
    of_all = xp.sum(xp.where(common, ratio.p * mean, 0.0), axis=-1, keepdims=True)
    log_totals = (s.top + s.log_total(xp) for s in (ratio.of_p, ratio.of_q))
    return xp.concat([value, A, B, *log_totals, of_all], axis=-1)


def slopes(a: Array, b: Array, facts: Array) -> tuple[Array, Array]:
    """∂D/∂a = p (log(p/q) - D) and ∂D/∂b = q - p of the cells of a part, by docs/numbers.md."""
    xp = _array.namespace(a, b)
    a, b = _array.promote(a, b)
    d, A, B, log_total_p, log_total_q, mean = (facts[:, i : i + 1] for i in range(6))
    p, q = xp.exp((a - A) - log_total_p), xp.exp((b - B) - log_total_q)
    common = (a > -INF) & (b > -INF) & (d < INF)
    u = xp.where(common, _above(xp, common, a, b, A, B) - mean, 0.0)
    t = u + xp.where(d < INF, d, 0.0)
    near = common & (xp.abs(t) < 1)
    return p * u, xp.where(near, p * xp.expm1(-xp.where(near, t, 0.0)), q - p)


def _above(xp: Any, common: Array, a: Array, b: Array, A: Array, B: Array) -> Array:
    """(a - A) - (b - B) where that has a meaning, with no rounding that a common offset has."""
    d, rounding = difference(xp.where(common, a, 0.0), xp.where(common, b, 0.0))
    offset, lost = difference(A, B)
    return xp.where(common, (d - offset) + (rounding - lost), 0.0)


BY_PARTS = _array.ByParts(part, whole, slopes)
