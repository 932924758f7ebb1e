"""Many pairs of normals on NumPy: blocks that stay in the cache, and each logarithm once.

The same function as `relentropy.exact.line.of_normals`, which answers for single pairs, on other
frameworks, and here where a quotient leaves the range of the dtype.
"""

from typing import Any

Array = Any

MANY = 4096
"""From so many pairs on the blocks are worth it."""

_BLOCK = 32768
_NEAR = 2.0**-15
"""From here on e - log r, e = r - 1, has lost 15 bits at most, and is right to 1e-11."""


def of_normals(loc: Array, scale: Array, loc_q: Array, scale_q: Array) -> tuple[Array, bool]:
    """(r² - 1)/2 - log r + δ²/(2 s²), r = σ/s, of arrays of one shape; whether all are in range.

    What is not is NaN or infinite. float32 is worked on in float64.
    """
    import numpy as np

    columns = [x.reshape(-1) for x in (loc, scale, loc_q, scale_q)]
    value = np.empty(columns[0].shape[0], scale.dtype)
    room = np.empty((4, min(_BLOCK, len(value))))
    in_range = True
    for start in range(0, len(value), _BLOCK):
        block = slice(start, start + _BLOCK)
        out = value[block]
        e, r, z, y = room[:, : len(out)]
        e = out if out.dtype == np.float64 else e
        m, s, n, t = (column[block] for column in columns)
        _fill(out, m, s, n, t, e, r, z, y)
        in_range = in_range and bool(out.max() < np.inf)
    return value.reshape(scale.shape), in_range


def _fill(
    value: Array, m: Array, s: Array, n: Array, t: Array, e: Array, r: Array, z: Array, y: Array
) -> None:
    """One block; the last four are room for what is made on the way."""
    import numpy as np

    np.divide(1.0, t, out=y, dtype=np.float64)
    np.multiply(s, y, out=r)
    np.subtract(m, n, out=z, dtype=np.float64)
    z *= y
    z *= z
    # Exact: from here on the only error is that of r and of its logarithm, which is small with e.
    np.subtract(r, 1.0, out=e)
    near = np.abs(e, out=y) < _NEAR
    np.log(r, out=y)
    np.subtract(e, y, out=y)
    e *= e
    e += z
    e *= 0.5
    np.add(e, y, out=value, casting="same_kind")
    if near.any():
        some = np.flatnonzero(near)
        x = (s.take(some) - t.take(some)) / t.take(some)
        value[some] = x * x * (1 - x * (1 / 3 - x * (1 / 4 - x / 5))) + z.take(some) / 2
