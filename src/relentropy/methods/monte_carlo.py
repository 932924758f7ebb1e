"""Monte Carlo: divergences of any pair that can be drawn from and whose densities are known.

Draws come from a mixture M of P and Q, three quarters from P. With w = q/p the mean over M of

    t = (w - 1 - log w) / (3/4 + w/4)

is D(P||Q): t >= 0, it is 0 where the densities agree, and it is bounded where Q has more mass than
P, where the weights q/p of draws of P alone have no variance. Nothing needs to be known about the
supports: what Q has outside P's is seen by the draws of Q. Sources: Hesterberg, "Weighted Average
Importance Sampling and Defensive Mixture Distributions" (1995); Owen & Zhou, "Safe and Effective
Importance Sampling" (2000), for draws in fixed proportions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from relentropy import _array
from relentropy._scalar import g
from relentropy.distributions.compound import Independent, event_shape, in_one_framework
from relentropy.distributions.family import Continuous, Family, Univariate, broadcast_shapes
from relentropy.distributions.integers import Delta
from relentropy.distributions.transformed import Transformed
from relentropy.exact.divergences import Ratio, jensen_shannon_of, total_variation_of
from relentropy.methods.estimate import Estimate
from relentropy.methods.infinite import infinite_rows, not_covered

Floats = npt.NDArray[np.float64]

SHARE = 0.75
"""Of the draws, those from P."""
RELIABLE = 50.0
"""So many draws, in effect, must make up the variance for the interval to mean something."""
BLOCK = 1 << 18
"""Numbers in work at once."""


def monte_carlo(
    p: Family,
    q: Family,
    /,
    *,
    of: str = "relative_entropy",
    confidence: float = 0.95,
    rng: Any = None,
    draws: int = 100_000,
) -> Estimate:
    """Estimate a divergence of two families from draws.

    Args:
        p: a family that can be drawn from; batches broadcast.
        q: a family. Where it cannot be drawn from (a `LogDensity`), draws of P alone serve, and
            only for the relative entropy.
        of: "relative_entropy", "jeffreys", "jensen_shannon" or "total_variation".
        confidence: of the interval, which is that of a normal mean.
        rng: a `numpy.random.Generator`, a whole-number seed or `SeedSequence`, a key of
            jax.random or a torch.Generator; None takes a fresh seed.
        draws: how many, of both together. Memory is 8 bytes a draw and member of the batch.

    Returns:
        An `Estimate` in nats, the same again for the same generator or seed. Its diagnostics:
        "draws", of P and of Q; "effective_sample_size" of the weights q/p at the draws of P: how
        many of them would do as draws of Q; "error_rests_on", how many draws in effect make up
        the standard error, and "reliable", whether these are enough: a few mean that the terms
        may have no variance and that the interval is too short; "infinite", whether a draw of P
        had no density under Q or the expectation is known not to exist: then the value is +inf;
        "estimator"; "seed", None where a generator was given.

    Errors: LookupError for divergences that have no estimator, and for pairs that cannot be drawn
    from or whose densities are of different kinds; ValueError for shapes that do not fit.

    >>> from relentropy import Mixture, MultivariateNormal
    >>> from relentropy.methods.monte_carlo import monte_carlo
    >>> p = MultivariateNormal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]])
    >>> q = Mixture([0.5, 0.5], [p, MultivariateNormal([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])])
    >>> e = monte_carlo(p, q, rng=0)
    >>> e.interval[0] < 0.15207 < e.interval[1]
    True

    """
    if of not in FORMULAS:
        raise LookupError(f"of must be one of {', '.join(map(repr, FORMULAS))}, got {of!r}")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 100:
        raise ValueError(f"draws must be a whole number, at least 100, got {draws!r}")
    p, q = in_one_framework([p, q])
    _require_comparable(p, q)
    generator, seed = _generator(rng)
    answer = _of_both(p, q, of, generator, draws) or _of_p_alone(p, q, of, generator, draws)
    return _as_estimate(answer, of, confidence, seed, _known_infinite(p, q, of))


def _known_infinite(p: Family, q: Family, of: str) -> Any:
    """Where no draws are needed: on the line and on the integers."""
    if not (isinstance(p, Univariate) and isinstance(q, Univariate)) or of not in DIRECTED:
        return False
    if any(isinstance(f, Delta) for f in (p, q)):
        return False
    with _array.quiet(p.arrays()[0]):
        found = _array.to_numpy(infinite_rows(p, q))
        return found if of == "relative_entropy" else found | _array.to_numpy(infinite_rows(q, p))


class Stratum(NamedTuple):
    """Terms (n, ...) of an unbiased mean, and others whose mean is known to be 0."""

    share: float
    terms: Floats
    control: Floats


class Answer(NamedTuple):
    """The strata whose weighted means add up, log(q/p) at the draws of P, and what this is."""

    strata: list[Stratum]
    log_weights: Floats
    estimator: str


def _of_both(p: Family, q: Family, of: str, rng: Any, draws: int) -> Answer | None:
    n = round(SHARE * draws)
    try:
        own = _log_ratios(p, q, p, rng, n)
    except NotImplementedError:
        raise LookupError(f"{p!r} cannot be drawn from") from None
    try:
        others = _log_ratios(p, q, q, rng, draws - n)
    except NotImplementedError:
        return None
    share = n / draws
    strata = [
        Stratum(part, FORMULAS[of](r, share), _control(r, share))
        for part, r in ((share, own), (1 - share, others))
    ]
    return _regressed(strata, own, "defensive mixture")


def _control(r: Floats, share: float) -> Floats:
    """q/m - 1, bounded, of mean 0 over the mixture."""
    with np.errstate(over="ignore"):
        return 1 / (share * np.exp(-r) + 1 - share) - 1


def _of_p_alone(p: Family, q: Family, of: str, rng: Any, draws: int) -> Answer:
    if of != "relative_entropy":
        raise LookupError(f"{of} needs draws of q too, and {q!r} cannot be drawn from")
    r = _log_ratios(p, q, p, rng, draws)
    control = np.zeros_like(r)
    if isinstance(p, Univariate) and not _array.to_numpy(not_covered(q, p)).any():
        control = np.expm1(r)
    return _regressed([Stratum(1.0, -r, control)], r, "plain")


def _regressed(drawn: list[Stratum], log_weights: Floats, estimator: str) -> Answer:
    """With as much of the controls as is best, in the rows where that halves the variance.

    With it the variance is at most that of drawing from P alone, over P's share (Owen & Zhou,
    theorem 2). Elsewhere the terms stay non-negative.
    """
    with np.errstate(all="ignore"):
        moments = [_moments(*s) for s in drawn]
        total, mixed, square = (sum(m[i] for m in moments) for i in range(3))
        gamma = -mixed / np.where(square > 0, square, 1.0)
        better = (square > 0) & (total + gamma * mixed < total / 2)
    if not np.any(better):
        return Answer(drawn, log_weights, estimator)
    gamma = np.where(better, gamma, 0.0)
    strata = [
        s._replace(terms=s.terms + gamma * np.where(gamma != 0, s.control, 0.0)) for s in drawn
    ]
    return Answer(strata, log_weights, f"{estimator}, regression")


def _moments(share: float, terms: Floats, control: Floats) -> list[Any]:
    """Variance of the terms, covariance and variance of the controls, as parts of a mean."""
    weight = share**2 / (len(terms) - 1)
    a, b = terms - terms.mean(0), control - control.mean(0)
    return [weight * (x * y).mean(0) for x, y in ((a, a), (a, b), (b, b))]


def _log_ratios(p: Any, q: Any, of: Any, rng: Any, n: int) -> Floats:
    """log(q/p) at n draws of one of them, (n, *batch)."""
    batch = broadcast_shapes(p.batch_shape, q.batch_shape)
    event = event_shape(of)
    step = max(1, BLOCK // max(1, int(np.prod(batch + event))))
    like, found = p.arrays()[0], []
    for start in range(0, n, step):
        count = min(step, n - start)
        x = np.asarray(of.sample(rng, (count,)), dtype=np.float64)
        x = x.reshape(count, *(1,) * (len(batch) - len(of.batch_shape)), *of.batch_shape, *event)
        x = _array.constant_like(like, x)  # type: ignore[arg-type]
        with np.errstate(all="ignore"):
            log_p, log_q = (_array.to_numpy(f.log_density(x)) for f in (p, q))
            r = np.subtract(log_q, log_p, dtype=np.float64)
        if np.isnan(r).any():
            at = np.argwhere(np.isnan(r))[0][0]
            raise ArithmeticError(
                f"no number at the draw {_array.to_numpy(x)[at]!r}: its log-densities are "
                f"{np.ravel(log_p)[np.isnan(np.ravel(r))][0]} and "
                f"{np.ravel(log_q)[np.isnan(np.ravel(r))][0]}"
            )
        found.append(np.broadcast_to(r, (count, *batch)))
    ratios: Floats = np.concatenate(found)
    return ratios


def _relative_entropy(r: Floats, share: float) -> Floats:
    """(w - 1 - r) / (share + (1 - share) w), w = exp(r)."""
    low, high = np.minimum(r, 1.0), np.maximum(r, 1.0)
    finite = np.where(low > -np.inf, low, 0.0)
    near = g(np, -finite) / (share + (1 - share) * np.exp(finite))
    v = np.exp(-high)
    # (1 + r) exp(-r) is 0 at r = +inf.
    far = (1 - v - np.where(high < np.inf, high, 0.0) * v) / (share * v + 1 - share)
    return np.where(r == -np.inf, np.inf, np.where(r < 1, near, far))


def _jeffreys(r: Floats, share: float) -> Floats:
    """(w - 1) r / (share + (1 - share) w)."""
    size, v = np.abs(r), np.exp(-np.abs(r))
    there, here = np.where(r > 0, share, 1 - share), np.where(r > 0, 1 - share, share)
    value: Floats = -np.expm1(-size) * size / (there * v + here)
    return value


def _by_cells(formula: Callable[[Ratio], Any]) -> Callable[[Floats, float], Floats]:
    """A divergence of finite alphabets, taken of each draw as of one cell of masses p/m and q/m."""

    def terms(r: Floats, share: float) -> Floats:
        log_m = np.logaddexp(np.log(share), np.log1p(-share) + r)
        p, q = np.exp(-log_m), np.where(r < np.inf, np.exp(r - log_m), 1 / (1 - share))
        near = np.abs(r) < 1
        gap = np.where(near, -p * np.expm1(np.where(near, r, 0.0)), p - q)
        value: Floats = formula(
            Ratio(np, p[..., None], q[..., None], gap[..., None], -r[..., None])
        )
        return value

    return terms


DIRECTED = ("relative_entropy", "jeffreys")
"""Those that may be infinite."""
FORMULAS: dict[str, Callable[[Floats, float], Floats]] = {
    "relative_entropy": _relative_entropy,
    "jeffreys": _jeffreys,
    "jensen_shannon": _by_cells(lambda ratio: jensen_shannon_of(ratio, 0.5)),
    "total_variation": _by_cells(total_variation_of),
}


def _generator(rng: Any) -> tuple[np.random.Generator, Any]:
    """A generator, and what it was made from if that is known."""
    if isinstance(rng, np.random.Generator):
        return rng, None
    if rng is None:
        rng = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool):
        return np.random.default_rng(int(rng)), int(rng)
    if isinstance(rng, np.random.SeedSequence):
        return np.random.default_rng(rng), rng.entropy
    words = _array.seed_of(rng)
    if words is None:
        raise TypeError(
            f"rng is {type(rng).__name__}: give a numpy.random.Generator, a whole-number seed, a "
            "key of jax.random, a torch.Generator, or None for a fresh seed"
        )
    return np.random.default_rng(words), words


def _require_comparable(p: Family, q: Family) -> None:
    if event_shape(p) != event_shape(q):
        raise ValueError(
            f"p has draws of shape {event_shape(p)} and q of shape {event_shape(q)}; they must be "
            "distributions of the same thing"
        )
    kinds = _measure(p), _measure(q)
    if kinds[0] != kinds[1]:
        raise LookupError(
            f"p has {kinds[0]} and q has {kinds[1]}, which cannot be compared draw by draw; ask "
            "relative_entropy(p, q) whether it is infinite"
        )


_MEASURES = {
    "Dirichlet": "a density on the simplex",
    "VonMisesFisher": "a density on the sphere",
    "Multinomial": "probabilities of counts",
    "Wishart": "a density on symmetric matrices",
    "InverseWishart": "a density on symmetric matrices",
}


def _measure(p: Any) -> str:
    """With respect to what the density is one."""
    if isinstance(p, Independent | Transformed):
        return _measure(p.base)
    if isinstance(p, Univariate):
        return "a density" if isinstance(p, Continuous) else "probabilities of values"
    if getattr(p, "components", None):
        return _measure(p.components[0])
    return _MEASURES.get(type(p).__name__, "a density")


def _as_estimate(
    answer: Answer, of: str, confidence: float, seed: Any, known_infinite: Any
) -> Estimate:
    sizes = [len(s.terms) for s in answer.strata]
    with np.errstate(all="ignore"):
        value = sum(s.share * s.terms.mean(0) for s in answer.strata)
        variance = sum(_moments(*s)[0] for s in answer.strata)
        value = np.where(known_infinite, np.inf, value)
        infinite = np.isinf(value)
        error = np.where(infinite, 0.0, np.sqrt(variance))
        rests_on = error_rests_on(answer.strata)
        half = ndtri((1 + confidence) / 2) * error
        low, high = np.where(infinite, np.inf, np.maximum(value - half, 0.0)), value + half
    value = np.maximum(value, 0.0)
    diagnostics = {
        "draws": (sizes[0], sum(sizes[1:])),
        "effective_sample_size": _plain(effective_sample_size(answer.log_weights)),
        "error_rests_on": _plain(rests_on),
        "reliable": _plain((error == 0) | (rests_on >= RELIABLE)),
        "infinite": _plain(infinite),
        "estimator": answer.estimator,
        "seed": seed,
    }
    numbers = [_plain(x) for x in (value, error, low, np.maximum(high, value))]
    return Estimate(
        numbers[0],
        numbers[1],
        (numbers[2], numbers[3]),
        confidence,
        of,
        "monte-carlo",
        diagnostics,
    )


def _plain(x: Any) -> Any:
    """A number as a Python one."""
    return x.item() if np.ndim(x) == 0 else np.asarray(x)


def effective_sample_size(log_weights: Floats) -> Any:
    """(Σ w)² / Σ w² over the first axis."""
    top = np.max(log_weights, axis=0)
    w = np.exp(log_weights - np.where(np.isfinite(top), top, 0.0))
    square = np.sum(w**2, axis=0)
    some = np.isfinite(square) & (square > 0)
    return np.where(some, np.sum(w, axis=0) ** 2 / np.where(some, square, 1.0), 0.0)


def error_rests_on(strata: list[Stratum]) -> Any:
    """(Σ c)² / Σ c² for the contributions c of the draws to the variance of the mean.

    A few draws that hold all of it are the mark of terms without a variance; 0 where there is none.
    """
    squares: list[Any] = [0.0, 0.0]
    for share, terms, _ in strata:
        c = (share / len(terms) * (terms - terms.mean(0))) ** 2
        squares = [squares[0] + c.sum(0), squares[1] + (c * c).sum(0)]
    some = (squares[1] > 0) & np.isfinite(squares[1])
    return np.where(some, squares[0] ** 2 / np.where(some, squares[1], 1.0), 0.0)
