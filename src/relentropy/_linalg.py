"""Triangular factors and solves, batched, by one name on every framework, with gradients."""

from typing import Any

from relentropy import _array

Array = Any


def cholesky(x: Array) -> Array:
    """The lower L with L Lᵀ = x; NaN for a member of the batch that is not positive definite."""
    name = _array.framework(x)
    xp = _array.namespace(x)
    if name == "torch":
        import torch

        root, failed = torch.linalg.cholesky_ex(x)
        return torch.where((failed != 0)[..., None, None], float("nan"), root)
    if name == "jax":
        return xp.linalg.cholesky(x)
    try:
        return xp.linalg.cholesky(x)
    except xp.linalg.LinAlgError:
        return _cholesky_one_by_one(x)


def _cholesky_one_by_one(x: Array) -> Array:
    import numpy

    roots = numpy.full_like(x, numpy.nan)
    for index in numpy.ndindex(x.shape[:-2]):
        try:
            roots[index] = numpy.linalg.cholesky(x[index])
        except numpy.linalg.LinAlgError:
            continue
    return roots


def solve_lower(a: Array, b: Array) -> Array:
    """A⁻¹ b for lower triangular a (..., d, d) and a matrix b (..., d, k); batches broadcast."""
    return _solve(a, b, lower=True)


def solve_upper(a: Array, b: Array) -> Array:
    """A⁻¹ b for upper triangular a (..., d, d) and a matrix b (..., d, k); batches broadcast."""
    return _solve(a, b, lower=False)


def _solve(a: Array, b: Array, *, lower: bool) -> Array:
    name = _array.framework(a)
    if name == "torch":
        import torch

        return torch.linalg.solve_triangular(a, b, upper=not lower)
    xp = _array.namespace(a, b)
    batch = xp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if name == "jax":
        import jax

        a, b = (xp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
        return jax.scipy.linalg.solve_triangular(a, b, lower=lower)
    if not batch:
        from scipy.linalg import solve_triangular

        return solve_triangular(a, b, lower=lower, check_finite=False)
    return _substituted(a, b, batch, lower)


def _substituted(a: Array, b: Array, batch: tuple[int, ...], lower: bool) -> Array:
    """Substitution row by row, each step over the whole batch."""
    import numpy

    size = a.shape[-1]
    x = numpy.zeros((*batch, *b.shape[-2:]), dtype=numpy.result_type(a, b))
    for i in range(size) if lower else reversed(range(size)):
        known = slice(0, i) if lower else slice(i + 1, size)
        rest = a[..., i : i + 1, known] @ x[..., known, :]
        x[..., i, :] = (b[..., i, :] - rest[..., 0, :]) / a[..., i, i, None]
    return x


def diagonal(x: Array) -> Array:
    """The diagonals (..., d) of matrices (..., d, d)."""
    return _array.namespace(x).linalg.diagonal(x)


def diagonal_matrix(x: Array) -> Array:
    """The diagonal matrices (..., d, d) of vectors (..., d)."""
    return x[..., None] * identity_like(x[..., None])


def symmetric(x: Array) -> Array:
    """The symmetric part, so that both triangles count alike, in gradients too."""
    return (x + x.mT) / 2


def strictly_lower(x: Array) -> Array:
    return _array.namespace(x).tril(x, k=-1)


def identity_like(x: Array) -> Array:
    """The identity (d, d) in the dtype and on the device of x (..., d, any)."""
    xp = _array.namespace(x)
    if _array.framework(x) == "torch":
        return xp.eye(x.shape[-2], dtype=x.dtype, device=x.device)
    return xp.eye(x.shape[-2], dtype=x.dtype)


def times(a: Array, x: Array) -> Array:
    """A x for matrices (..., n, d) and vectors (..., d)."""
    return (a @ x[..., None])[..., 0]


def solve_lower_vector(a: Array, x: Array) -> Array:
    """A⁻¹ x for lower triangular matrices (..., d, d) and vectors (..., d)."""
    return solve_lower(a, x[..., None])[..., 0]


def smallest_eigenvalue(x: Array) -> Any:
    """Of symmetric matrices, in NumPy; for messages."""
    import numpy

    return numpy.linalg.eigvalsh(_array.to_numpy(symmetric(x)))[..., 0]
