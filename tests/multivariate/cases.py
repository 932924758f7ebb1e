"""Pairs of every multivariate family whose parameters differ by a given relative amount."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

import relentropy
from tests.backends import Backend

RATIOS = (1e-6, 1e-3, 0.1, 1.0, 6.0, 13.8)
"""Logs of ratios of parameters: from 1 ± 1e-6 to 1e±6."""


def positive_definite(rng: np.random.Generator, d: int, condition: float = 10.0) -> np.ndarray:
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return (turn * np.geomspace(1, condition, d)) @ turn.T


def moved(rng: np.random.Generator, x: np.ndarray, size: float) -> np.ndarray:
    """A symmetric positive definite matrix at about that logarithmic distance from x.

    All of it in size, at most a factor of e in shape: what ill-conditioned matrices lose is
    another matter.
    """
    values, vectors = np.linalg.eigh(x)
    root = vectors * np.sqrt(values)
    log = rng.uniform(-1, 1, x.shape) * min(size, 1.0) / 4
    inner_values, inner = np.linalg.eigh(log + log.T)
    change = (inner * np.expm1(inner_values + size * rng.uniform(-1, 1))) @ inner.T
    y = x + root @ change @ root.T
    return (y + y.T) / 2


def moved_root(rng: np.random.Generator, x: np.ndarray, size: float) -> np.ndarray:
    """The same of a Cholesky factor, each row with a factor of its own."""
    log = min(size, 1.0) * rng.uniform(-1, 1, x.shape) + size * rng.uniform(-1, 1, (len(x), 1))
    return np.linalg.cholesky(x) * np.exp(log)


def slow_but(quick: list[str], names: Iterable[str]) -> list[Any]:
    """All names, those that are not quick for the exhaustive run."""
    return [n if n in quick else pytest.param(n, marks=pytest.mark.exhaustive) for n in names]


Pair = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


def normals(form: str) -> Callable[[np.random.Generator, float], Pair]:
    def pair(rng: np.random.Generator, size: float) -> Pair:
        d = int(rng.integers(1, 4))
        s = positive_definite(rng, d)
        t = moved(rng, s, size) if form != "scale_tril" else moved_root(rng, s, size)
        s = s if form != "scale_tril" else np.linalg.cholesky(s)
        loc = rng.standard_normal(d)
        return {"loc": loc, form: s}, {"loc": loc + size * rng.standard_normal(d), form: t}

    return pair


def low_ranks(rng: np.random.Generator, size: float) -> Pair:
    d, k = 4, int(rng.integers(1, 3))
    w, noise, loc = rng.standard_normal((d, k)), rng.uniform(0.5, 2, d), rng.standard_normal(d)
    other = w * np.exp(size * rng.uniform(-1, 1, (d, k)))
    p = {"loc": loc, "cov_factor": w, "cov_diag": noise}
    q = {"loc": loc, "cov_factor": other, "cov_diag": noise * np.exp(size * rng.uniform(-1, 1, d))}
    return p, q


def matrix_normals(rng: np.random.Generator, size: float) -> Pair:
    a, b = positive_definite(rng, 2), positive_definite(rng, 2)
    loc = rng.standard_normal((2, 2))
    names = ("loc", "scale_tril_row", "scale_tril_column")
    p = (loc, np.linalg.cholesky(a), np.linalg.cholesky(b))
    q = (loc + size * rng.standard_normal((2, 2)), moved_root(rng, a, size), p[2])
    return dict(zip(names, p, strict=True)), dict(zip(names, q, strict=True))


def dirichlets(rng: np.random.Generator, size: float) -> Pair:
    k = int(rng.integers(2, 5))
    a = np.exp(rng.uniform(-7, 14, k))
    return {"concentration": a}, {"concentration": a * np.exp(size * rng.uniform(-1, 1, k))}


def multinomials(form: str) -> Callable[[np.random.Generator, float], Pair]:
    def pair(rng: np.random.Generator, size: float) -> Pair:
        a = 3 * rng.standard_normal(3)
        b = a + size * rng.uniform(-1, 1, 3)
        if form == "probs":
            a, b = (np.exp(x) / np.exp(x).sum() for x in (a, b))
        return {"total_count": np.asarray(7.0), form: a}, {"total_count": np.asarray(7.0), form: b}

    return pair


def wisharts(form: str) -> Callable[[np.random.Generator, float], Pair]:
    def pair(rng: np.random.Generator, size: float) -> Pair:
        d = int(rng.integers(1, 4))
        s = positive_definite(rng, d)
        t = moved(rng, s, size) if form != "scale_tril" else moved_root(rng, s, size)
        s = s if form != "scale_tril" else np.linalg.cholesky(s)
        above = np.exp(rng.uniform(-3, 8))
        n, m = d - 1 + above, d - 1 + above * np.exp(size * rng.uniform(-1, 1))
        return {"df": np.asarray(n), form: s}, {"df": np.asarray(m), form: t}

    return pair


def directions(rng: np.random.Generator, size: float) -> Pair:
    d = int(rng.integers(2, 6))
    mu = rng.standard_normal(d)
    nu = mu + size * rng.standard_normal(d)
    mu, nu = mu / np.linalg.norm(mu), nu / np.linalg.norm(nu)
    k = np.exp(rng.uniform(-7, 7))
    p = {"mean_direction": mu, "concentration": np.asarray(k)}
    return p, {
        "mean_direction": nu,
        "concentration": np.asarray(k * np.exp(size * rng.uniform(-1, 1))),
    }


MAKERS: dict[str, tuple[str, Callable[[np.random.Generator, float], Pair]]] = {
    "normal covariance": ("MultivariateNormal", normals("covariance_matrix")),
    "normal precision": ("MultivariateNormal", normals("precision_matrix")),
    "normal tril": ("MultivariateNormal", normals("scale_tril")),
    "low rank": ("LowRankMultivariateNormal", low_ranks),
    "matrix normal": ("MatrixNormal", matrix_normals),
    "dirichlet": ("Dirichlet", dirichlets),
    "multinomial probs": ("Multinomial", multinomials("probs")),
    "multinomial logits": ("Multinomial", multinomials("logits")),
    "wishart covariance": ("Wishart", wisharts("covariance_matrix")),
    "wishart precision": ("Wishart", wisharts("precision_matrix")),
    "wishart tril": ("Wishart", wisharts("scale_tril")),
    "inverse wishart": ("InverseWishart", wisharts("scale_matrix")),
    "inverse wishart tril": ("InverseWishart", wisharts("scale_tril")),
    "directions": ("VonMisesFisher", directions),
}


def numbers(maker: str, size: float, seed: int) -> tuple[str, Pair]:
    family, make = MAKERS[maker]
    return family, make(np.random.default_rng([seed, *maker.encode()]), size)


def pair_of(maker: str, size: float, seed: int, xp: Backend, dtype: str = "float64") -> Any:
    """The pair with arrays of a framework."""
    family, pair = numbers(maker, size, seed)
    kind = getattr(relentropy, family)
    return tuple(kind(**{k: xp.array(v, dtype) for k, v in side.items()}) for side in pair)


def both_ways(p: Any, q: Any) -> Iterator[tuple[Any, Any]]:
    yield p, q
    yield q, p
