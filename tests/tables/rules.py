"""Large inputs that the table names by rule instead of storing: the same bits on every machine.

Only integer arithmetic, one correctly rounded operation a number, and `math.fsum` are used; no
library function whose last bit depends on the platform.
"""

import math

import numpy as np

from tests.backends import as_dtype

Values = tuple[np.ndarray, np.ndarray]


def integers(seed: int, count: int) -> np.ndarray:
    """SplitMix64: `count` integers in [0, 2**64)."""
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def bell(seed: int, count: int) -> np.ndarray:
    """Roughly standard normal multiples of 2**-12, exact in float32: twelve uniforms added up."""
    total = np.zeros(count, dtype=np.int64)
    for i in range(12):
        total += (integers(seed * 12 + i, count) >> np.uint64(52)).astype(np.int64)
    return (total - 6 * 4095) / 4096.0


def noisy_logits(dtype: str, *, size: int, noise: float, seed: int, scale: float = 2.0) -> Values:
    """Logits b, and a = b + noise, both rounded to `dtype`."""
    b = as_dtype(scale * bell(seed, size), dtype).astype(np.float64)
    return as_dtype(b + noise * bell(seed + 1, size), dtype), as_dtype(b, dtype)


def offset_logits(dtype: str, *, size: int, noise: float, offset: float, seed: int) -> Values:
    """As `noisy_logits`, with a common offset on one side that leaves every a − b exact."""
    grid = float(np.spacing(np.float64(offset))) * (2.0**29 if dtype == "float32" else 1.0) * 4
    b = np.round(2 * bell(seed, size) / grid) * grid
    a = b + np.round(noise * bell(seed + 1, size) / grid) * grid + offset
    return as_dtype(a, dtype), as_dtype(b, dtype)


def ramp_probs(dtype: str, *, size: int, levels: int, seed: int) -> Values:
    """Two sets of integer weights 1..levels, divided by their sums."""
    k = 1 + (integers(seed, size) % np.uint64(levels)).astype(np.int64)
    r = 1 + (integers(seed + 1, size) % np.uint64(levels)).astype(np.int64)
    return as_dtype(k / int(k.sum()), dtype), as_dtype(r / int(r.sum()), dtype)


def near_probs(dtype: str, *, size: int, noise: float, seed: int) -> Values:
    """Probabilities q from integer weights, and p = q with relative noise, divided by its sum."""
    k = 1 + (integers(seed, size) % np.uint64(1000)).astype(np.int64)
    q = k / int(k.sum())
    p = q * (1 + noise * np.clip(bell(seed + 1, size), -5, 5))
    return as_dtype(p / math.fsum(p), dtype), as_dtype(q, dtype)


def zipf_probs(dtype: str, *, size: int, flat: bool) -> Values:
    """Uniform against 1/i (flat), or 1/i against its mirror image."""
    w = 1.0 / np.arange(1, size + 1)
    q = w / math.fsum(w)
    p = np.full(size, 1.0 / size) if flat else q[::-1]
    return as_dtype(p, dtype), as_dtype(q, dtype)


def half_empty(dtype: str, *, size: int) -> Values:
    """P uniform on the even cells, Q on all of them: D = log 2 for an even size."""
    p = np.where(np.arange(size) % 2 == 0, 2.0 / size, 0.0)
    return as_dtype(p, dtype), as_dtype(np.full(size, 1.0 / size), dtype)


def big_counts(dtype: str, *, size: int, levels: int, seed: int) -> Values:
    """Two samples of integer counts 1..levels."""
    k, r = (1 + (integers(seed + i, size) % np.uint64(levels)).astype(np.int64) for i in (0, 1))
    return k, r


RULES = {
    f.__name__: f
    for f in (
        noisy_logits,
        offset_logits,
        ramp_probs,
        near_probs,
        zipf_probs,
        half_empty,
        big_counts,
    )
}
