"""The I-projection: the distribution nearest to Q among those with given expectations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relentropy import _array
from relentropy._convert import as_distribution, prepare_one
from relentropy.distributions.discrete import Discrete, LogProbs
from relentropy.exact.discrete import log_weights, relative_entropy_of_logs

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

GAP = 1e-10
"""The duality gap that is allowed, relative to D and to the rounding of the statistics."""


@dataclass(frozen=True)
class Projection:
    """The distribution nearest to Q with the given expectations, and the evidence for it.

    Attributes:
        distribution: P*, as `LogProbs`, with the labels of Q.
        relative_entropy: D(P*‖Q) in nats, the least that the expectations cost.
        multipliers: λ of shape (m,) in p ∝ q exp(λ · T). Where statistics are redundant, those of
            least length in units of their spreads; where the values lie on the boundary,
            those on the cells that remain.
        log_normalizer: log Σ q exp(λ · T), over the cells that remain.
        direction: None, or shape (m,): where the values lie on the boundary of what is possible
            no finite λ attains them, and cells with a smaller `direction` · T have probability 0;
            p is the limit of q exp((λ + s · direction) · T) as s grows.
        residual: E_p[T] - values, (m,).
        duality_gap: D(P*‖Q) minus the dual bound λ · values - log_normalizer, below which no
            distribution with these expectations comes.
        iterations: of the optimiser.

    >>> from relentropy import minimum_relative_entropy
    >>> found = minimum_relative_entropy({"a": 0.5, "b": 0.5}, {"a": 0.0, "b": 1.0}, 1.0)
    >>> found.on_boundary, found.probabilities.tolist()
    (True, [0.0, 1.0])
    >>> found.relative_entropy == -found.log_normalizer
    True

    """

    distribution: LogProbs
    relative_entropy: float
    multipliers: Vector
    log_normalizer: float
    direction: Vector | None
    residual: Vector
    duality_gap: float
    iterations: int

    @property
    def probabilities(self) -> Vector:
        """The probabilities of P*, (K,)."""
        return np.exp(np.asarray(self.distribution.values, dtype=np.float64))

    @property
    def on_boundary(self) -> bool:
        """Whether the values are the most or the least that is possible, so that cells vanish."""
        return self.direction is not None

    def __repr__(self) -> str:
        where = ", on the boundary" if self.on_boundary else ""
        return (
            f"Projection(relative_entropy={self.relative_entropy:.6g}, multipliers="
            f"{np.array2string(self.multipliers, precision=6, separator=', ')}{where}, "
            f"duality_gap={self.duality_gap:.1e})"
        )


def minimum_relative_entropy(q: Any, statistics: Any, values: Any, /) -> Projection:
    """The P with E_P[T] = values that is nearest to Q: the I-projection, by exponential tilting.

    min D(P‖Q) over P with Σ p T = c has the solution p ∝ q exp(λ · T); λ maximises the dual
    λ · c - log Σ q exp(λ · T).

    Args:
        q: a distribution on K cells: an array of probabilities, `Probs`, `LogProbs`, `Logits`,
            `Counts` or a mapping. None: the rows of `statistics` are draws, each of the same
            weight, and the answer reweights them.
        statistics: T of shape (K,) or (K, m), cells first; a mapping from label to statistics
            where `q` has labels.
        values: c, a number or (m,).

    Returns:
        A `Projection`. Its duality gap, at most 1e-10 relative, bounds how far D is from the least.

    Values at the edges: expectations that Q has already give Q and 0. On the boundary of the
    convex hull of the statistics of cells that Q covers, cells vanish and multipliers are
    infinite (`direction`); this is decided up to the rounding of the statistics.

    Errors: ValueError for values outside the hull, with a direction in which all cells fall
    short; ArithmeticError where the gap is not reached; TypeError for arrays of PyTorch or JAX
    (hand in NumPy's: no gradient comes with the answer).

    >>> from relentropy import minimum_relative_entropy
    >>> loaded = minimum_relative_entropy([1 / 6] * 6, [1.0, 2, 3, 4, 5, 6], 4.5)
    >>> loaded.probabilities.round(4).tolist()  # Jaynes's die
    [0.0544, 0.0788, 0.1142, 0.1654, 0.2398, 0.3475]

    Source: Csiszár, "I-Divergence Geometry of Probability Distributions and Minimization
    Problems", Ann. Probab. 3 (1975), theorem 3.1.
    """
    log_q, labels, t, c = _read(q, statistics, values)
    covered = np.isfinite(log_q)
    problem = _Problem(log_q[covered], t[covered], c)
    direction: Vector | None = None
    iterations = 0
    while True:
        basis = _Basis.of(problem)
        solution = _tilted(problem, basis)
        iterations += solution.iterations
        face = None if _certified(basis, solution) else _face(problem, basis, solution)
        if face is None:
            break
        direction = _after(direction, face.direction, t - c)
        covered[covered] = face.kept
        problem = _Problem(log_q[covered], t[covered], c)
    log_p = np.full_like(log_q, -np.inf)
    log_p[covered] = solution.log_p
    p, multipliers = np.exp(log_p), solution.multipliers
    d = float(relative_entropy_of_logs(LogProbs(log_p), LogProbs(log_q)))
    residual = p @ (t - c)
    # D - (λ · c - log Z), in which all else cancels.
    gap = float(multipliers @ residual)
    rounding = 1e-15 * float(np.abs((t - c)[covered] @ multipliers).max())
    if not (abs(gap) <= GAP * d + rounding and _attained(residual, t, c)):
        raise ArithmeticError(
            f"the optimiser stopped at a duality gap of {gap:.1e} for D = {d:.6g}, with "
            f"expectations off by {np.abs(residual).max():.1e}; the values may be too near "
            "the boundary"
        )
    distribution = LogProbs(log_p).with_values(log_p, labels)
    normalizer = float(multipliers @ c) - solution.dual
    return Projection(
        distribution, d, multipliers, normalizer, direction, residual, gap, iterations
    )


def _attained(residual: Vector, t: Matrix, c: Vector) -> bool:
    return bool((np.abs(residual) <= 1e-9 * np.maximum(np.abs(t - c).max(axis=0), np.abs(c))).all())


def _read(
    q: Any, statistics: Any, values: Any
) -> tuple[Vector, tuple[Any, ...] | None, Matrix, Vector]:
    """Log q (K,), its labels, the statistics (K, m) and the values (m,)."""
    from scipy.special import logsumexp

    labels = None
    if q is None:
        t = _statistics(statistics, None)
        log_q = np.full(len(t), -np.log(max(1, len(t))))
    else:
        q = as_distribution(q, name="q")
        if not isinstance(q, Discrete):
            raise TypeError(
                f"q is a {type(q).__name__}; expected a distribution on finitely many cells, or "
                "None with the statistics of draws, one a row"
            )
        if not _array.is_numpy(q.values):
            raise TypeError("minimum_relative_entropy takes NumPy arrays: hand in q.numpy()")
        q, _ = prepare_one(q, name="q")
        if q.values.ndim != 1:
            raise ValueError(f"q has shape {q.values.shape}; expected one distribution, (K,)")
        labels, t = q.labels, _statistics(statistics, q.labels)
        log_q = np.asarray(log_weights(q), dtype=np.float64)
        log_q = log_q - logsumexp(log_q)
    if len(t) != len(log_q):
        raise ValueError(
            f"statistics have {len(t)} rows and q has {len(log_q)} cells; expected shape (K,) or "
            "(K, m), cells first"
        )
    c = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if c.shape != t.shape[1:]:
        raise ValueError(f"values have shape {c.shape}; expected one for each of {t.shape[1]}")
    if not (np.isfinite(t[np.isfinite(log_q)]).all() and np.isfinite(c).all()):
        raise ValueError("statistics and values must be finite numbers")
    return log_q, labels, np.where(np.isfinite(log_q)[:, None], t, 0.0), c


def _statistics(statistics: Any, labels: tuple[Any, ...] | None) -> Matrix:
    if isinstance(statistics, Mapping):
        if labels is None:
            raise TypeError("statistics have labels and q has none; give q as a mapping too")
        missing = [label for label in labels if label not in statistics]
        if missing:
            raise ValueError(f"statistics have no entry for {missing[0]!r}")
        statistics = [statistics[label] for label in labels]
    if _array.framework(statistics) not in (None, "numpy"):
        raise TypeError("minimum_relative_entropy takes NumPy arrays: hand in statistics.numpy()")
    t = np.asarray(statistics, dtype=np.float64)
    if t.ndim not in (1, 2) or not t.size:
        raise ValueError(f"statistics have shape {t.shape}; expected (K,) or (K, m), cells first")
    return t.reshape(len(t), -1)


class _Problem(NamedTuple):
    """Cells that may have a probability: log q, statistics (K, m), and the values wanted (m,)."""

    log_q: Vector
    t: Matrix
    c: Vector


class _Basis(NamedTuple):
    """Coordinates y = (T - centre) W in which the statistics are uncorrelated, of variance 1."""

    y: Matrix  # (K, r)
    goal: Vector  # (r,)
    w: Matrix  # (m, r)
    noise: float  # what rounding of the statistics comes to in y

    @classmethod
    def of(cls, problem: _Problem) -> "_Basis":
        """Statistics that depend on others are left out; where these contradict them, it raises."""
        log_q, t, c = problem
        weight = np.exp(log_q - log_q.max())
        weight /= weight.sum()
        centre = weight @ t
        spread = np.abs(t - centre).max(axis=0)
        largest = np.maximum(np.abs(t).max(axis=0), np.abs(c))
        # What differs by rounding alone is a constant.
        unit = np.where(spread > 1e-14 * largest, spread, np.maximum(largest, 1e-300))
        # Cells that q hardly covers span directions too: a tilt may need them.
        share = np.maximum(weight, 1e-3 / len(weight))[:, None]
        scaled = np.sqrt(share) * ((t - centre) / unit)
        _, s, vt = np.linalg.svd(scaled, full_matrices=len(t) < t.shape[1])
        _require_within(problem)
        size = largest / unit
        noise = 1e-13 * max(1.0, float(size.max()))
        rank = int((s > noise * np.sqrt(share.max())).sum())
        gap = (c - centre) / unit
        off = vt[rank:] @ gap
        if np.abs(off).max(initial=0.0) > 10 * noise:
            raise _infeasible(vt[rank:].T @ off / unit, problem)
        w = vt[:rank].T / s[:rank] / unit[:, None]
        rounding = 1e-16 * float(np.abs(w).T.max(initial=0.0) * (size * unit).max())
        return cls((t - centre) @ w, (c - centre) @ w, w, rounding)


class _Tilted(NamedTuple):
    """The tilted distribution that was found: λ, log p, and λ · c - log Σ q exp(λ · T)."""

    multipliers: Vector
    log_p: Vector
    dual: float
    iterations: int


def _tilted(problem: _Problem, basis: _Basis) -> _Tilted:
    """Minimise the dual log Σ q exp(η · (y - goal)), which is smooth and convex."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    u, log_q = basis.y - basis.goal, problem.log_q

    def log_p(eta: Vector) -> tuple[Vector, float]:
        a = log_q + u @ eta
        total = float(logsumexp(a))
        return a - total, total

    def parts(eta: Vector) -> tuple[Vector, Matrix]:
        p = np.exp(log_p(eta)[0])
        mean = p @ u
        return mean, (u - mean).T @ (p[:, None] * (u - mean))

    def stop(eta: Vector) -> None:
        if (u @ eta).max() < -1:
            raise StopIteration  # every cell falls short: the dual has no bound

    eta, iterations = np.zeros(u.shape[1]), 0
    if eta.size:
        found = minimize(
            lambda eta: log_p(eta)[1],
            eta,
            jac=lambda eta: parts(eta)[0],
            hess=lambda eta: parts(eta)[1],
            method="trust-exact",
            callback=stop,
            options={"gtol": 1e-9, "maxiter": 1000},
        )
        eta, iterations = _polished(found.x, parts), int(found.nit)
    final, total = log_p(eta)
    return _Tilted(basis.w @ eta, final, -total, iterations)


def _polished(eta: Vector, parts: Any) -> Vector:
    """Newton's steps as long as the residual shrinks: the dual itself is flat to rounding."""
    mean, hessian = parts(eta)
    for _ in range(20):
        step, *_ = np.linalg.lstsq(hessian, mean, rcond=1e-15)
        moved = eta - step
        if not np.isfinite(moved).all():
            break
        mean_moved, hessian_moved = parts(moved)
        if not np.abs(mean_moved).max() < np.abs(mean).max():
            break
        eta, mean, hessian = moved, mean_moved, hessian_moved
    return eta


def _certified(basis: _Basis, solution: _Tilted) -> bool:
    """Whether the values are surely inside: p corrected to meet them exactly stays positive.

    p_i (1 - u_i · H⁻¹ δ), H the covariance and δ the residual, has the expectations wanted; it is
    a distribution on all cells if |u_i · H⁻¹ δ| < 1. δ is taken with its rounding.
    """
    u, p = basis.y - basis.goal, np.exp(solution.log_p)
    if not u.shape[1]:
        return True
    if not (p > 0).all():
        return False
    mean = p @ u
    try:
        root = np.linalg.cholesky((u - mean).T @ (p[:, None] * (u - mean)))
    except np.linalg.LinAlgError:
        return False
    inverse = np.linalg.inv(root)
    delta = np.linalg.norm(mean) + 1e-15 * np.linalg.norm(p @ np.abs(u)) + basis.noise
    reach = np.linalg.norm(u @ inverse.T, axis=1).max()
    return bool(reach * np.linalg.norm(inverse, 2) * delta < 0.5)


class _Face(NamedTuple):
    """The cells that can have a probability, and a direction in which the others fall short."""

    kept: npt.NDArray[np.bool_]
    direction: Vector


def _face(problem: _Problem, basis: _Basis, solution: _Tilted) -> _Face | None:
    """The face of the convex hull on which the values lie; None where that is all of it.

    The linear programme max Σ s_i over a and 0 <= s_i <= min(1, -a · u_i): a cell may have a
    probability exactly if s_i = 0. What it claims is checked without its tolerances.
    """
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, hstack

    # A multiplier under which every cell falls short is proof enough, and quick.
    if ((problem.t - problem.c) @ solution.multipliers < -0.5).all():
        raise _infeasible(solution.multipliers, problem)
    u = basis.y - basis.goal
    u = u / np.linalg.norm(u, axis=1).max()
    k, r = u.shape
    found = linprog(
        np.concatenate([np.zeros(r), -np.ones(k)]),
        A_ub=hstack([u, eye_array(k)]).tocsr(),
        b_ub=np.zeros(k),
        bounds=[(None, None)] * r + [(0, 1)] * k,
        method="highs",
    )
    if found.x is None:
        return None
    a, kept = found.x[:r], found.x[r:] < 0.5
    if kept.all():
        return None
    if kept.any():
        # Exactly flat on the face: only what all its cells have in common.
        _, s, vt = np.linalg.svd(u[kept], full_matrices=bool(kept.sum() < r))
        free = vt[int((s > 1e-12).sum()) :]
        a = free.T @ (free @ a)
    if not (u[~kept] @ a < -1e-12 * np.linalg.norm(a)).all():
        return None
    direction = basis.w @ a
    direction = direction / np.abs(direction).max()
    if not kept.any():
        raise _infeasible(direction, problem)
    return _Face(kept, direction)


def _after(first: Vector | None, second: Vector, u: Matrix) -> Vector:
    """One direction for both: the second counts among the cells that the first leaves equal."""
    if first is None:
        return second
    fall = -(u @ first)
    short = fall > 1e-9 * np.abs(fall).max()
    weight = 0.5 * fall[short].min() / max(float(np.abs(u @ second).max()), 1e-300)
    both: Vector = first + weight * second
    return both


def _require_within(problem: _Problem) -> None:
    """Values beyond all cells in one statistic need no search."""
    _, t, c = problem
    for j, (low, high, value) in enumerate(zip(t.min(axis=0), t.max(axis=0), c, strict=True)):
        if not low <= value <= high:
            rounding = 1e-13 * max(abs(low), abs(high), abs(value))
            if low - rounding <= value <= high + rounding:
                continue
            direction = np.zeros(len(c))
            direction[j] = 1.0 if value > high else -1.0
            raise _infeasible(direction, problem)


def _infeasible(direction: Vector, problem: _Problem) -> ValueError:
    """No distribution has these expectations: the direction in which all cells fall short."""
    direction = direction / np.abs(direction).max()
    reached, wanted = float((problem.t @ direction).max()), float(problem.c @ direction)
    shown = np.array2string(direction, precision=6, separator=", ")
    return ValueError(
        f"infeasible: no distribution on the cells that q covers has these expectations; for a = "
        f"{shown}, a · statistics is at most {reached:.6g} and a · values is {wanted:.6g}"
    )
