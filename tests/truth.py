"""What the answers are: definitions in mpmath, from the exact value of every input bit.

Nothing here knows how the library computes. Distributions are lists of `mpf` that sum to 1 to
working precision; sums, logarithms and exponentials are taken as the textbook writes them, with
so many digits that cancellation does not matter.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

DIGITS = 60


def digits(n: int) -> Any:
    """A context in which mpmath works with n significant digits."""
    return mpmath.workdps(n)


def exactly(values: Iterable[Any]) -> list[mpf]:
    """Floats (or integers) of any framework as the rational numbers they are."""
    return [mpf(int(v)) if isinstance(v, int | np.integer) else mpf(float(v)) for v in values]


def distribution(kind: str, values: Iterable[Any]) -> list[mpf]:
    """The normalised distribution that the description stands for."""
    x = exactly(values)
    if kind in ("Logits", "LogProbs"):
        top = max(x)
        x = [mp.exp(v - top) if v != -mp.inf else mpf(0) for v in x]
    total = mp.fsum(x)
    return [v / total for v in x]


def relative_entropy(p: Sequence[mpf], q: Sequence[mpf]) -> mpf:
    """Σ p log(p/q)."""
    if any(b == 0 < a for a, b in zip(p, q, strict=True)):
        return mp.inf
    return mp.fsum(a * mp.log(a / b) for a, b in zip(p, q, strict=True) if a)


def entropy(p: Sequence[mpf]) -> mpf:
    return -mp.fsum(a * mp.log(a) for a in p if a)


def cross_entropy(p: Sequence[mpf], q: Sequence[mpf]) -> mpf:
    if any(b == 0 < a for a, b in zip(p, q, strict=True)):
        return mp.inf
    return -mp.fsum(a * mp.log(b) for a, b in zip(p, q, strict=True) if a)


def mixture(p: Sequence[mpf], q: Sequence[mpf], weight: Any) -> list[mpf]:
    w = mpf(weight)
    return [w * a + (1 - w) * b for a, b in zip(p, q, strict=True)]


def jensen_shannon(p: Sequence[mpf], q: Sequence[mpf], weight: Any = 0.5) -> mpf:
    w, m = mpf(weight), mixture(p, q, weight)
    left = w * relative_entropy(p, m) if w else mpf(0)
    right = (1 - w) * relative_entropy(q, m) if w != 1 else mpf(0)
    return left + right


def affinity(p: Sequence[mpf], q: Sequence[mpf], alpha: Any) -> mpf:
    """Σ p^α q^(1−α), for 0 < α < 1, or for α > 1 where q has the support of p."""
    a = mpf(alpha)
    total = mpf(0)
    for x, y in zip(p, q, strict=True):
        if x == 0 or (y == 0 and a < 1):
            continue
        if y == 0:
            return mp.inf
        total += x**a * y ** (1 - a)
    return total


def renyi(p: Sequence[mpf], q: Sequence[mpf], alpha: Any) -> mpf:
    """Log Σ p^α q^(1−α) / (α − 1); α = 0, 1, ∞ by their limits."""
    if alpha == 0:
        return -mp.log(mp.fsum(y for x, y in zip(p, q, strict=True) if x))
    if alpha == 1:
        return relative_entropy(p, q)
    if alpha == mp.inf:
        if any(y == 0 < x for x, y in zip(p, q, strict=True)):
            return mp.inf
        return max(mp.log(x / y) for x, y in zip(p, q, strict=True) if x)
    total = affinity(p, q, alpha)
    return mp.inf if total == 0 else mp.log(total) / (mpf(alpha) - 1)


def tsallis(p: Sequence[mpf], q: Sequence[mpf], alpha: Any) -> mpf:
    """(Σ p^α q^(1−α) − 1) / (α − 1)."""
    if alpha == 1:
        return relative_entropy(p, q)
    return (affinity(p, q, alpha) - 1) / (mpf(alpha) - 1)


def chernoff(p: Sequence[mpf], q: Sequence[mpf]) -> mpf:
    """The maximum over 0 ≤ α ≤ 1 of −log Σ p^α q^(1−α), by ternary search on a concave function."""
    both = [(x, y) for x, y in zip(p, q, strict=True) if x and y]
    if not both:
        return mp.inf
    if list(p) == list(q):
        return mpf(0)  # the search would leave its last digit

    def f(a: mpf) -> mpf:
        return -mp.log(mp.fsum(x**a * y ** (1 - a) for x, y in both))

    low, high = mpf(0), mpf(1)
    for _ in range(90):
        third = (high - low) / 3
        if f(low + third) < f(high - third):
            low += third
        else:
            high -= third
    return f((low + high) / 2)


def bhattacharyya(p: Sequence[mpf], q: Sequence[mpf]) -> mpf:
    total = mp.fsum(mp.sqrt(x * y) for x, y in zip(p, q, strict=True))
    return -mp.log(total) if total else mp.inf


def hellinger(p: Sequence[mpf], q: Sequence[mpf]) -> mpf:
    return mp.sqrt(max(mpf(0), 1 - mp.fsum(mp.sqrt(x * y) for x, y in zip(p, q, strict=True))))


def total_variation(p: Sequence[mpf], q: Sequence[mpf]) -> mpf:
    return mp.fsum(abs(x - y) for x, y in zip(p, q, strict=True)) / 2


def chi_square(p: Sequence[mpf], q: Sequence[mpf]) -> mpf:
    if any(y == 0 < x for x, y in zip(p, q, strict=True)):
        return mp.inf
    return mp.fsum((x - y) ** 2 / y for x, y in zip(p, q, strict=True) if y)


def rel_entr(x: Any, y: Any) -> mpf:
    """x log(x/y) for one pair of non-negative numbers."""
    x, y = mpf(x), mpf(y)
    if x == 0:
        return mpf(0)
    return mp.inf if y == 0 else x * mp.log(x / y)


def kl_div(x: Any, y: Any) -> mpf:
    """x log(x/y) − x + y."""
    return rel_entr(x, y) - mpf(x) + mpf(y)


def relative_error(value: float, truth: mpf) -> float:
    """|value − truth| / truth; 0 where both are infinite or both zero."""
    if mp.isinf(truth) or truth == 0:
        return 0.0 if value == truth else float("inf")
    return float(abs((mpf(float(value)) - truth) / truth))
