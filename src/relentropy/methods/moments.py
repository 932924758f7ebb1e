"""The M-projection: the member of a family nearest to P, which shares P's expectations."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from relentropy import _array
from relentropy._convert import as_distribution, prepare_one
from relentropy._special import log_zeta
from relentropy.distributions import integers
from relentropy.distributions.coordinates import Point
from relentropy.distributions.family import Continuous, Family
from relentropy.distributions.integers import Integers
from relentropy.distributions.multivariate import MultivariateNormal
from relentropy.distributions.nodes import nodes
from relentropy.exact.shannon import probabilities
from relentropy.methods.infinite import infinite_rows
from relentropy.methods.moment_fits import FITS, Fit, Parameters
from relentropy.methods.quadrature import column, features, spread
from relentropy.methods.refinement import LEVELS

Vector = npt.NDArray[np.float64]
Statistic = Callable[[Point], Any]

TOLERANCE = 1e-9
INF = float("inf")


def moment_projection(
    p: Any, family: type[Family], /, *, points: Any = None, **known: float
) -> Family:
    """The member of a family that is nearest to P: the M-projection, by matching moments.

    argmin over θ of D(P‖Q_θ), which is the least cross-entropy E_P[-log q_θ]: the maximum
    likelihood under P. For an exponential family its expectations of the sufficient statistics
    are those of P.

    Args:
        p: a family such as `Gamma(2, 1)`, one or a batch; or probabilities (K,) of the `points`;
            or a mapping from numbers to probabilities; or None, for `points` that are draws.
        family: the class to choose from: Normal, LogNormal, LogitNormal, Laplace, Exponential,
            Gamma, InverseGamma, InverseGaussian, Chi, Chi2, Weibull, Rayleigh, Maxwell, HalfNormal,
            Pareto, Beta, Uniform, VonMises; Poisson, Bernoulli, Binomial, Geometric,
            NegativeBinomial; MultivariateNormal (from points).
        points: places (K,) of the probabilities, or draws (n,); (n, d) for MultivariateNormal.
        known: parameters that are given: total_count of Binomial and NegativeBinomial, scale of
            Pareto.

    Returns:
        The family, with parameters in NumPy; no gradient comes with the answer. P on points has no
        density, so that its divergence to a continuous family is infinite; the answer then is that
        of least cross-entropy.

    Errors: ValueError where D(P‖Q_θ) is infinite for all members (P outside their support, or
    without the expectations that count), and where no member is nearest (a single point);
    LookupError for pairs without moments to match; ArithmeticError where an expectation is not
    found to 1e-9.

    >>> from relentropy import Gamma, Normal, moment_projection
    >>> moment_projection(Gamma(4.0, 2.0), Normal)
    Normal(loc=2, scale=1)
    >>> moment_projection(None, Normal, points=[1.0, 2.0, 3.0, 6.0]).loc.item()
    3.0

    Source: Csiszár & Matúš, "Information Projections Revisited", IEEE Trans. Inf. Theory 49 (2003),
    section I; Barndorff-Nielsen, Information and Exponential Families (1978), section 9.3.
    """
    p = p if p is None else as_distribution(p, name="p")
    if family is MultivariateNormal and not isinstance(p, Family):
        return _multivariate_normal(*_weighted(p, points, vectors=True))
    fit = FITS.get(family) if family is not MultivariateNormal else _NO_FIT
    if fit is None:
        names = ", ".join(sorted(f.__name__ for f in (*FITS, MultivariateNormal)))
        named = family.__name__ if isinstance(family, type) else repr(family)
        raise LookupError(f"no moments to match for {named}; there are: {names}")
    unexpected = sorted(set(known) - set(fit.known))
    if unexpected:
        raise TypeError(f"{family.__name__} takes no {', '.join(unexpected)} here")
    if not isinstance(p, Family):
        x, weight = _weighted(p, points, vectors=False)
        _require_inside(x, weight, fit.member(**known), family)
        return family(**fit.parameters(Weighted(x, weight), **known))
    if points is not None:
        raise TypeError(f"p is a {type(p).__name__} and has its own places: leave points=... out")
    return _of_family(p, family, fit, known)


def _of_family(p: Family, family: type[Family], fit: Fit, known: Mapping[str, float]) -> Family:
    pair = p, fit.member(**known)
    if not any(all(isinstance(f, kind) for f in pair) for kind in (Continuous, Integers)):
        if all(isinstance(f, Continuous | Integers) for f in pair):
            raise ValueError(
                f"D(P‖Q) is infinite for every {family.__name__}: densities and probabilities of "
                "whole numbers share nothing"
            )
        raise LookupError(
            f"no expectations under {type(p).__name__} for {family.__name__}; give draws: "
            "moment_projection(None, family, points=p.sample(rng, (n,)))"
        )
    rows = p.mapped(lambda a: _array.to_numpy(a).astype(np.float64)).flattened(p.batch_shape)
    member = pair[1].mapped(lambda a: a.reshape(1))
    found: list[Parameters] = []
    for i in range(int(np.prod(p.batch_shape))):
        row = rows.rows(slice(i, i + 1))
        with np.errstate(all="ignore"):
            infinite = bool(np.any(infinite_rows(row, member)))
        if infinite:
            raise ValueError(
                f"D(P‖Q) is infinite for every {family.__name__}: P has mass outside its support, "
                "or lacks an expectation that counts"
            )
        average = Mean(row) if isinstance(p, Integers) else Quadrature(row)
        found.append(fit.parameters(average, **known))
    return family(**{k: np.reshape([f[k] for f in found], p.batch_shape) for k in found[0]})


def _weighted(p: Any, points: Any, vectors: bool) -> tuple[Any, Vector]:
    """Points and their weights, which sum to 1."""
    if p is not None:
        p, _ = prepare_one(p, name="p")
        if p.values.ndim != 1:
            raise ValueError(
                f"p has shape {tuple(p.values.shape)}; expected one distribution, (K,)"
            )
        if p.labels is not None:
            if points is not None:
                raise TypeError("p has its points as labels: leave points=... out")
            points = p.labels
    if points is None:
        raise TypeError("give points=...: the places of the probabilities, or draws with p = None")
    try:
        x = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"points must be numbers, got {points!r}") from None
    if x.ndim != (2 if vectors else 1) or not x.size or not np.isfinite(x).all():
        expected = "(n, d)" if vectors else "(n,)"
        raise ValueError(f"points must be finite, of shape {expected}; got shape {x.shape}")
    if p is None:
        return x, np.full(len(x), 1 / len(x))
    weight = _array.to_numpy(probabilities(p)).astype(np.float64)
    if len(weight) != len(x):
        raise ValueError(f"p has {len(weight)} cells and there are {len(x)} points")
    return x[weight > 0], weight[weight > 0]


def _require_inside(x: Vector, weight: Vector, member: Any, family: type[Family]) -> None:
    outside = ~(member.log_density(x) > -INF)
    if outside.any():
        raise ValueError(
            f"{x[outside][0]:g} has the probability 0 under every {family.__name__}, so that none "
            "is nearest"
        )


def _standard() -> Family:
    return MultivariateNormal(np.zeros(1), scale_tril=np.eye(1))


_NO_FIT = Fit(lambda e: {}, _standard)
"""For vectors expectations are known under points only."""


def _multivariate_normal(x: Any, weight: Vector) -> Family:
    mean = weight @ x
    off = x - mean
    covariance = off.T @ (weight[:, None] * off)
    return MultivariateNormal(mean, covariance_matrix=covariance)


class Weighted:
    """Expectations over weighted points."""

    def __init__(self, x: Vector, weight: Vector) -> None:
        self.x, self.weight = x, weight

    def of(self, statistic: Statistic, kink: float | None = None) -> float:
        return float(self.weight @ statistic(Point(self.x)))

    def median(self) -> float:
        """The middle of the points with half of P on either side."""
        order = np.argsort(self.x)
        x, below = self.x[order], np.cumsum(self.weight[order])
        half = 0.5 * below[-1]
        slack = 1e-12 * below[-1]
        low = x[np.searchsorted(below, half - slack)]
        high = x[min(np.searchsorted(below, half + slack), len(x) - 1)]
        return float((low + high) / 2)

    def ends(self) -> tuple[float, float]:
        return float(self.x.min()), float(self.x.max())


class Quadrature:
    """Expectations under a density of batch shape (1,), by two rules that agree to 1e-9."""

    def __init__(self, p: Any) -> None:
        self.p = p

    def of(self, statistic: Statistic, kink: float | None = None) -> float:
        even, odd = np.nan, np.nan
        for n in LEVELS:
            even, odd, size = self._rules(statistic, n, kink)
            if abs(even - odd) <= 2 * TOLERANCE * size:
                return (even + odd) / 2
        raise ArithmeticError(
            f"an expectation under {self.p!r} by quadrature: two rules give {even:.12g} and "
            f"{odd:.12g}, too far apart to be trusted"
        )

    def _rules(self, statistic: Statistic, n: int, kink: float | None) -> tuple[float, ...]:
        point, mass = self._nodes(n, kink)
        with np.errstate(all="ignore"):
            terms = np.where(mass > 0, mass * statistic(point), 0.0)[0]
        even = (n + 1) * (terms.size // (2 * n + 1))
        halves = 2 * terms[:even].sum(), 2 * terms[even:].sum(), np.abs(terms).sum()
        return tuple(float(x) for x in halves)

    def _nodes(self, n: int, kink: float | None) -> tuple[Point, Any]:
        p, coordinate = self.p, self.p.coordinate()
        with np.errstate(all="ignore"):
            ends = features(p, p, coordinate)
            if kink is not None:
                place = coordinate.of(Point(np.asarray([kink])))
                ends = np.concatenate([ends, place[:, None]], axis=-1)
            y, w = nodes(ends, spread(ends) / 8, n)
            placed = column(p).coordinate().at(y)
            log_p = column(p).log_density_at(placed.point) + placed.log_jacobian
            mass = np.where(w > 0, w * np.exp(np.where(np.isnan(log_p), -INF, log_p)), 0.0)
        return placed.point, np.where(np.isfinite(placed.point.x), mass, 0.0)

    def median(self) -> float:
        """The number with half of P on either side."""
        from scipy.optimize import brentq

        point, mass = self._nodes(LEVELS[1], None)
        order = np.argsort(point.x[0])
        x, below = point.x[0][order], np.cumsum(mass[0][order])
        low, high = (x[np.searchsorted(below, share * below[-1])] for share in (0.4, 0.6))

        def surplus(m: float) -> float:
            return self.of(lambda t: np.where(t.x > m, -1.0, 1.0), kink=m)

        return float(brentq(surplus, low, high, xtol=1e-15 * (high - low), rtol=1e-15))

    def ends(self) -> tuple[float, float]:
        low, high = (float(np.ravel(x)[0]) for x in self.p.support)
        return low, high


class Mean:
    """P on the whole numbers, of which only the mean counts; batch shape (1,)."""

    def __init__(self, p: Any) -> None:
        mean = MEANS.get(type(p))
        if mean is None:
            raise LookupError(f"the mean of {type(p).__name__} is not known; give draws as points")
        self.mean = float(np.ravel(mean(p))[0])
        if not self.mean < INF:
            raise ValueError(f"{type(p).__name__} has no mean here, so that no member is nearest")

    def of(self, statistic: Statistic, kink: float | None = None) -> float:
        return self.mean

    def median(self) -> float:
        raise NotImplementedError

    def ends(self) -> tuple[float, float]:
        raise NotImplementedError


def _zipf_mean(p: integers.Zipf) -> Any:
    safe = np.maximum(p.power, 2.0 + 1e-300)
    mean = np.exp(log_zeta(np.where(p.power > 2, safe - 1, 2.0)) - log_zeta(p.power))
    return np.where(p.power > 2, mean, INF)


MEANS: dict[type, Callable[[Any], Any]] = {
    integers.Bernoulli: lambda p: p.success(),
    integers.Binomial: lambda p: p.total_count * p.success(),
    integers.BetaBinomial: lambda p: (
        p.total_count * p.concentration1 / (p.concentration1 + p.concentration0)
    ),
    integers.Geometric: lambda p: p.failure() / p.success(),
    integers.NegativeBinomial: lambda p: p.total_count * p.success() / p.failure(),
    integers.Poisson: lambda p: p.rate,
    integers.Zipf: _zipf_mean,
}
