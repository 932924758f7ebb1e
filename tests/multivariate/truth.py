"""Textbook formulas in mpmath, at digits enough for their cancellation: D is the difference of a
cross-entropy and an entropy, or of log-normalizers, none of which the library subtracts."""

from typing import Any

import mpmath as mp
import numpy as np

DIGITS = 90


def number(x: Any) -> Any:
    return mp.mpf(float(x))


def vector(x: Any) -> Any:
    return mp.matrix([number(v) for v in np.asarray(x, dtype=np.float64)])


def matrix(x: Any) -> Any:
    return mp.matrix([[number(v) for v in row] for row in np.asarray(x, dtype=np.float64)])


def trace(x: Any) -> Any:
    return sum(x[i, i] for i in range(x.rows))


def log_det(x: Any) -> Any:
    return mp.log(mp.det(x))


def kronecker(a: Any, b: Any) -> Any:
    m = b.rows
    return mp.matrix(
        [
            [a[i // m, j // m] * b[i % m, j % m] for j in range(a.cols * m)]
            for i in range(a.rows * m)
        ]
    )


def covariance(p: Any) -> Any:
    """Σ of anything normal."""
    kind = type(p).__name__
    if kind == "LowRankMultivariateNormal":
        w = matrix(p.cov_factor)
        return w * w.T + mp.diag(list(vector(p.cov_diag)))
    if kind == "MatrixNormal":
        a, b = matrix(p.scale_tril_row), matrix(p.scale_tril_column)
        return kronecker(a * a.T, b * b.T)
    return scale_matrix(p)


def scale_matrix(p: Any) -> Any:
    """The matrix of a family that takes it in several forms."""
    for name in ("covariance_matrix", "scale_matrix"):
        if getattr(p, name, None) is not None:
            return matrix(getattr(p, name))
    if getattr(p, "precision_matrix", None) is not None:
        return matrix(p.precision_matrix) ** -1
    root = matrix(p.scale_tril)
    return root * root.T


def location(p: Any) -> Any:
    return vector(np.ravel(p.loc))


def normal(p: Any, q: Any) -> Any:
    sp, sq, delta = covariance(p), covariance(q), location(p) - location(q)
    inverse = sq**-1
    square = (delta.T * inverse * delta)[0]
    return (trace(inverse * sp) - sp.rows + log_det(sq) - log_det(sp) + square) / 2


def normal_entropy(p: Any) -> Any:
    s = covariance(p)
    return (s.rows * mp.log(2 * mp.pi * mp.e) + log_det(s)) / 2


def normal_renyi(p: Any, q: Any, alpha: float) -> Any:
    a, sp, sq, delta = mp.mpf(alpha), covariance(p), covariance(q), location(p) - location(q)
    mixed = (1 - a) * sp + a * sq
    square = (delta.T * mixed**-1 * delta)[0]
    logs = log_det(mixed) - (1 - a) * log_det(sp) - a * log_det(sq)
    return (a * square + logs / (1 - a)) / 2


def _log_beta(a: list[Any]) -> Any:
    return sum(mp.loggamma(x) for x in a) - mp.loggamma(sum(a))


def dirichlet(p: Any, q: Any) -> Any:
    a, b = list(vector(p.concentration)), list(vector(q.concentration))
    mean_log = [mp.psi(0, x) - mp.psi(0, sum(a)) for x in a]
    cross = sum((y - x) * m for x, y, m in zip(a, b, mean_log, strict=True))
    return _log_beta(b) - _log_beta(a) - cross


def dirichlet_entropy(p: Any) -> Any:
    a = list(vector(p.concentration))
    return _log_beta(a) - sum((x - 1) * (mp.psi(0, x) - mp.psi(0, sum(a))) for x in a)


def dirichlet_renyi(p: Any, q: Any, alpha: float) -> Any:
    a, b, t = list(vector(p.concentration)), list(vector(q.concentration)), mp.mpf(alpha)
    mixed = [t * x + (1 - t) * y for x, y in zip(a, b, strict=True)]
    return (_log_beta(mixed) - t * _log_beta(a) - (1 - t) * _log_beta(b)) / (t - 1)


def multinomial(p: Any, q: Any) -> Any:
    a, b = (_shares(x) for x in (p, q))
    return number(p.total_count) * sum(
        x * mp.log(x / y) for x, y in zip(a, b, strict=True) if x > 0
    )


def _shares(p: Any) -> list[Any]:
    given = p.logits if p.probs is None else p.probs
    w = [x if p.logits is None else mp.exp(x) for x in vector(given)]
    return [x / sum(w) for x in w]


def _log_multigamma(x: Any, d: int) -> Any:
    return d * (d - 1) * mp.log(mp.pi) / 4 + sum(mp.loggamma(x - mp.mpf(i) / 2) for i in range(d))


def _multidigamma(x: Any, d: int) -> Any:
    return sum(mp.psi(0, x - mp.mpf(i) / 2) for i in range(d))


def _wishart_parts(p: Any) -> tuple[Any, Any]:
    v = scale_matrix(p)
    return number(p.df), v**-1 if type(p).__name__ == "InverseWishart" else v


def wishart(p: Any, q: Any) -> Any:
    (n, v), (m, w) = _wishart_parts(p), _wishart_parts(q)
    d = v.rows
    value = m * (log_det(w) - log_det(v)) + n * trace(w**-1 * v) - n * d
    value += 2 * (_log_multigamma(m / 2, d) - _log_multigamma(n / 2, d))
    return (value + (n - m) * _multidigamma(n / 2, d)) / 2


def wishart_entropy(p: Any) -> Any:
    n, v = _wishart_parts(p)
    d = v.rows
    mean_log_det = _multidigamma(n / 2, d) + d * mp.log(2) + log_det(v)
    normalizer = n * d * mp.log(2) / 2 + n * log_det(v) / 2 + _log_multigamma(n / 2, d)
    value = normalizer - (n - d - 1) / 2 * mean_log_det + n * d / 2
    return value - (d + 1) * mean_log_det if type(p).__name__ == "InverseWishart" else value


def wishart_renyi(p: Any, q: Any, alpha: float) -> Any:
    (n, v), (m, w) = _wishart_parts(p), _wishart_parts(q)
    t, d = mp.mpf(alpha), v.rows

    def log_normalizer(k: Any, precision: Any) -> Any:
        return k * d * mp.log(2) / 2 - k * log_det(precision) / 2 + _log_multigamma(k / 2, d)

    a, b = v**-1, w**-1
    mixed = log_normalizer(t * n + (1 - t) * m, t * a + (1 - t) * b)
    return (mixed - t * log_normalizer(n, a) - (1 - t) * log_normalizer(m, b)) / (t - 1)


def _log_sphere(k: Any, d: int) -> Any:
    """Log of the integral of exp(κ μᵀx) over the sphere, by a Bessel function."""
    half = mp.mpf(d) / 2
    if k == 0:
        return mp.log(2) + half * mp.log(mp.pi) - mp.loggamma(half)
    return half * mp.log(2 * mp.pi) + mp.log(mp.besseli(half - 1, k)) - (half - 1) * mp.log(k)


def _mean_cosine(k: Any, d: int) -> Any:
    half = mp.mpf(d) / 2
    return mp.besseli(half, k) / mp.besseli(half - 1, k) if k else mp.mpf(0)


def directions(p: Any, q: Any) -> Any:
    a, b = number(p.concentration), number(q.concentration)
    mu, nu = (vector(x.mean_direction) for x in (p, q))
    mu, nu = mu / mp.norm(mu), nu / mp.norm(nu)
    d = mu.rows
    turned = b * (mu.T * nu)[0]
    return _log_sphere(b, d) - _log_sphere(a, d) + _mean_cosine(a, d) * (a - turned)


def directions_entropy(p: Any) -> Any:
    a, d = number(p.concentration), p.dimension
    return _log_sphere(a, d) - a * _mean_cosine(a, d)


def directions_renyi(p: Any, q: Any, alpha: float) -> Any:
    a, b, t = number(p.concentration), number(q.concentration), mp.mpf(alpha)
    mu, nu = (vector(x.mean_direction) for x in (p, q))
    mu, nu = mu / mp.norm(mu), nu / mp.norm(nu)
    d = mu.rows
    mixed = _log_sphere(mp.norm(t * a * mu + (1 - t) * b * nu), d)
    return (mixed - t * _log_sphere(a, d) - (1 - t) * _log_sphere(b, d)) / (t - 1)


def student_entropy(p: Any) -> Any:
    n, s = number(p.df), scale_matrix(p)
    d = s.rows
    more = (n + d) / 2
    constant = mp.loggamma(n / 2) - mp.loggamma(more) + mp.mpf(d) / 2 * mp.log(n * mp.pi)
    return constant + log_det(s) / 2 + more * (mp.psi(0, more) - mp.psi(0, n / 2))


def student_to_normal(p: Any, q: Any) -> Any:
    n, sp, sq = number(p.df), scale_matrix(p), covariance(q)
    delta, inverse = location(p) - location(q), covariance(q) ** -1
    cross = sq.rows * mp.log(2 * mp.pi) + log_det(sq) + trace(inverse * sp) * n / (n - 2)
    return (cross + (delta.T * inverse * delta)[0]) / 2 - student_entropy(p)


RELATIVE_ENTROPY = {
    "MultivariateNormal": normal,
    "LowRankMultivariateNormal": normal,
    "MatrixNormal": normal,
    "MultivariateStudentT": student_to_normal,
    "Dirichlet": dirichlet,
    "Multinomial": multinomial,
    "Wishart": wishart,
    "InverseWishart": wishart,
    "VonMisesFisher": directions,
}
ENTROPY = {
    "MultivariateNormal": normal_entropy,
    "LowRankMultivariateNormal": normal_entropy,
    "MatrixNormal": normal_entropy,
    "MultivariateStudentT": student_entropy,
    "Dirichlet": dirichlet_entropy,
    "Wishart": wishart_entropy,
    "InverseWishart": wishart_entropy,
    "VonMisesFisher": directions_entropy,
}
RENYI = {
    "MultivariateNormal": normal_renyi,
    "LowRankMultivariateNormal": normal_renyi,
    "MatrixNormal": normal_renyi,
    "Dirichlet": dirichlet_renyi,
    "Wishart": wishart_renyi,
    "InverseWishart": wishart_renyi,
    "VonMisesFisher": directions_renyi,
}


def relative_entropy(p: Any, q: Any) -> Any:
    with mp.workdps(DIGITS):
        return +RELATIVE_ENTROPY[type(p).__name__](p, q)


def entropy(p: Any) -> float:
    with mp.workdps(DIGITS):
        return float(ENTROPY[type(p).__name__](p))


def renyi(p: Any, q: Any, alpha: float) -> float:
    with mp.workdps(DIGITS):
        return float(RENYI[type(p).__name__](p, q, alpha))
