"""Families on the integers, and the distribution of a single value."""

from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy._scalar import kl_div, log_ratio
from relentropy._special import log_beta, log_factorial_excess, log_gamma_step, log_zeta, softplus
from relentropy.distributions.coordinates import Point
from relentropy.distributions.family import (
    ABOVE_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    PROBABILITY,
    WHOLE,
    Domain,
    Univariate,
)
from relentropy.distributions.interval import require_one
from relentropy.distributions.tails import Tail, algebraic, stretched

Array = Any
INF = float("inf")

LOGIT = Domain("a number or ±inf", lambda xp, x: x == x)
PROBS_OR_LOGITS = {"probs": PROBABILITY, "logits": LOGIT}


@dataclass(frozen=True, eq=False, repr=False)
class Integers(Univariate):
    """A distribution on whole numbers from `support[0]` to `support[1]`."""

    @property
    def support(self) -> tuple[Any, Any]:
        """The lowest and the highest whole number, numbers or arrays; the highest may be inf.

        Values inside may have the probability 0 for degenerate parameters.
        """
        raise NotImplementedError

    def log_mass_at(self, point: Point) -> Array:
        """The log of the probability inside the support, -inf where it is 0.

        Between whole numbers it is a smooth continuation.
        """
        k, log_k = point.above(0.0)
        return self.log_mass_of(_array.namespace(k), k, log_k)

    def log_mass_of(self, xp: Any, k: Array, log_k: Array) -> Array:
        raise NotImplementedError

    def log_ratio_at(self, other: Any, point: Point) -> Array | None:
        """log(p/q) to another member, as `Continuous.log_ratio_at`."""
        return None

    def centre(self) -> Array:
        """The middle of the distribution."""
        raise NotImplementedError

    def width(self) -> Array:
        """The scale of the distribution about its centre, at least of the order of 1."""
        raise NotImplementedError

    def tail(self) -> Tail:
        """How the probabilities fall towards an infinite end; k log k counts as `K_LOG_K`."""
        raise NotImplementedError

    def _log_density_anywhere(self, x: Array) -> Array:
        xp = _array.namespace(x)
        low, high = self.support
        inside = (x >= low) & (x <= high) & (x == xp.floor(x)) & (xp.abs(x) < INF)
        value = self.log_mass_at(Point(xp.where(inside, x, low + xp.zeros_like(x))))
        value = xp.where(inside, value, -INF)
        return xp.where(xp.isnan(x), float("nan"), value)


K_LOG_K = 1.5
"""The power standing for k log k: above every k with exponential tails, below every k^2."""


def _times_log(xp: Any, k: Array, log_p: Array) -> Array:
    """K log p with 0 log 0 = 0; -inf at p = 0 < k."""
    impossible = log_p == -INF
    value = k * xp.where(impossible, 0.0, log_p)
    return xp.where(impossible & (k > 0), -INF, value)


class SuccessProbability(Integers):
    """A family with a probability of success, given as `probs` or as `logits`."""

    probs: Any
    logits: Any

    def __post_init__(self) -> None:
        require_one(self, "probs", "logits")
        super().__post_init__()

    def log_success(self) -> Array:
        """Log p."""
        return self._logs()[0]

    def log_failure(self) -> Array:
        """log(1 - p)."""
        return self._logs()[1]

    def success(self) -> Array:
        """P."""
        if self.probs is not None:
            return self.probs
        return _array.namespace(self.logits).exp(self.log_success())

    def failure(self) -> Array:
        """1 - p."""
        if self.probs is not None:
            return 1 - self.probs
        return _array.namespace(self.logits).exp(self.log_failure())

    def _logs(self) -> tuple[Array, Array]:
        if self.logits is not None:
            return _log_sigmoid(self.logits), _log_sigmoid(-self.logits)
        xp, p = _array.namespace(self.probs), self.probs
        some, rest = p > 0, p < 1
        return (
            xp.where(some, xp.log(xp.where(some, p, 1.0)), -INF),
            xp.where(rest, xp.log1p(-xp.where(rest, p, 0.0)), -INF),
        )


def _log_sigmoid(x: Array) -> Array:
    xp = _array.namespace(x)
    finite = xp.abs(x) < INF
    value = -softplus(-xp.where(finite, x, 0.0))
    return xp.where(finite, value, xp.where(x > 0, 0.0 * value, -INF))


@dataclass(frozen=True, eq=False, repr=False)
class Bernoulli(SuccessProbability):
    """1 with probability p, otherwise 0; p is `probs` or sigmoid(`logits`).

    >>> from relentropy import Bernoulli, relative_entropy
    >>> round(float(relative_entropy(Bernoulli(0.5), Bernoulli(0.25), base=2)), 12)
    0.207518749639
    """

    probs: Any = None
    logits: Any = None
    domains: ClassVar[dict[str, Domain]] = PROBS_OR_LOGITS

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, 1.0

    def log_mass_of(self, xp: Any, k: Array, log_k: Array) -> Array:
        return xp.where(k > 0.5, self.log_success(), self.log_failure())

    def centre(self) -> Array:
        return self.success()

    def width(self) -> Array:
        return 1.0 + 0.0 * self.success()

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.binomial(1, self.success(), shape).astype(float)


@dataclass(frozen=True, eq=False, repr=False)
class Binomial(SuccessProbability):
    """Successes in `total_count` trials: n! / (k! (n-k)!) p^k (1-p)^(n-k).

    >>> from relentropy import Binomial, relative_entropy
    >>> round(float(relative_entropy(Binomial(5, 1.0), Binomial(5, 0.5), base=2)), 12)
    5.0
    """

    total_count: Any
    probs: Any = None
    logits: Any = None
    domains: ClassVar[dict[str, Domain]] = {"total_count": WHOLE, **PROBS_OR_LOGITS}

    @property
    def support(self) -> tuple[float, Array]:
        return 0.0, self.total_count

    def log_mass_of(self, xp: Any, k: Array, log_k: Array) -> Array:
        n = self.total_count
        return log_binomial(xp, k, n - k, self.success(), self.failure())

    def centre(self) -> Array:
        return self.total_count * self.success()

    def width(self) -> Array:
        p = self.success()
        return _array.namespace(p).sqrt(1.0 + self.total_count * p * (1 - p))

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.binomial(self.total_count.astype(int), self.success(), shape).astype(float)


def log_binomial(xp: Any, k: Array, rest: Array, p: Array, q: Array) -> Array:
    """log(n! / (k! rest!) p^k q^rest), n = k + rest and p + q = 1, without cancellation.

    Sums of Poisson terms: the deviances of k from np and of the rest from nq, and what remains of
    the factorials. Source: Loader, "Fast and Accurate Computation of Binomial
    Probabilities" (2000).
    """
    n = k + rest
    deviance = kl_div(xp, k, n * p) + kl_div(xp, rest + 0.0 * n, n * q)
    excess = log_factorial_excess(k) + log_factorial_excess(rest) - log_factorial_excess(n)
    return -deviance - excess


@dataclass(frozen=True, eq=False, repr=False)
class BetaBinomial(Integers):
    """Binomial with a success probability that is beta distributed.

    >>> from relentropy import BetaBinomial, Binomial, relative_entropy
    >>> round(float(relative_entropy(BetaBinomial(1, 1, 2), Binomial(2, 0.5))), 12)
    0.056633012265
    """

    concentration1: Any
    concentration0: Any
    total_count: Any
    domains: ClassVar[dict[str, Domain]] = {
        "concentration1": POSITIVE,
        "concentration0": POSITIVE,
        "total_count": WHOLE,
    }

    @property
    def support(self) -> tuple[float, Array]:
        return 0.0, self.total_count

    def log_mass_of(self, xp: Any, k: Array, log_k: Array) -> Array:
        a, b, n = self.concentration1, self.concentration0, self.total_count
        # n! / (k! (n-k)!) = 1 / ((n+1) B(k+1, n-k+1))
        ways = -xp.log(n + 1) - log_beta(k + 1, n - k + 1)
        return ways + log_beta(k + a, n - k + b) - log_beta(a, b)

    def log_ratio_at(self, other: Any, point: Point) -> Array:
        k, n = point.x, self.total_count
        xp = _array.namespace(k)
        a, b, c, d = (x + 0.0 * k for f in (self, other) for x in f._concentrations())
        plain = self.log_mass_at(point) - other.log_mass_at(point)
        equal = (n == other.total_count) & (k <= n)
        equal = equal & (xp.abs(a - c) < 0.25 * c) & (xp.abs(b - d) < 0.25 * d)
        k, rest = xp.where(equal, k, 0.0), xp.where(equal, n - k, 0.0)
        # Γ(k + a) Γ(rest + b) / Γ(n + a + b) and the same at 0, each from c to a and from d to b.
        both = (a - c) + (b - d)
        steps = log_gamma_step(k + c, a - c) - log_gamma_step(c, a - c)
        steps = steps + log_gamma_step(rest + d, b - d) - log_gamma_step(d, b - d)
        steps = steps + log_gamma_step(c + d, both) - log_gamma_step(k + rest + c + d, both)
        return xp.where(equal, steps, plain)

    def _concentrations(self) -> tuple[Array, Array]:
        return self.concentration1, self.concentration0

    def centre(self) -> Array:
        a, b = self.concentration1, self.concentration0
        return self.total_count * (a / (a + b))

    def width(self) -> Array:
        a, b, n = self.concentration1, self.concentration0, self.total_count
        variance = n * (a / (a + b)) * (b / (a + b)) * ((a + b + n) / (a + b + 1))
        return _array.namespace(a).sqrt(1.0 + variance)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        p = rng.beta(self.concentration1, self.concentration0, shape)
        return rng.binomial(self.total_count.astype(int), p, shape).astype(float)


@dataclass(frozen=True, eq=False, repr=False)
class Geometric(SuccessProbability):
    """Failures before the first success: (1-p)^k p, k = 0, 1, ...

    >>> from relentropy import Geometric, relative_entropy
    >>> round(float(relative_entropy(Geometric(0.5), Geometric(0.25), base=2)), 12)
    0.415037499279
    """

    probs: Any = None
    logits: Any = None
    domains: ClassVar[dict[str, Domain]] = {
        "probs": Domain("in (0, 1]", lambda xp, x: (x > 0) & (x <= 1)),
        "logits": Domain("a number or inf", lambda xp, x: x > -INF),
    }

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, INF

    def log_mass_of(self, xp: Any, k: Array, log_k: Array) -> Array:
        return self.log_success() + _times_log(xp, k, self.log_failure())

    def centre(self) -> Array:
        return _array.namespace(self.log_success()).exp(self.log_failure() - self.log_success())

    def width(self) -> Array:
        return 1.0 + self.centre()

    def tail(self) -> Tail:
        return stretched(1.0, -self.log_failure())

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.geometric(self.success(), shape) - 1.0


@dataclass(frozen=True, eq=False, repr=False)
class NegativeBinomial(SuccessProbability):
    """Successes before `total_count` failures: Γ(k+r) / (k! Γ(r)) (1-p)^r p^k, r = total_count.

    >>> from relentropy import Geometric, NegativeBinomial, relative_entropy
    >>> float(relative_entropy(NegativeBinomial(1, 0.25), Geometric(0.75)))
    0.0
    """

    total_count: Any
    probs: Any = None
    logits: Any = None
    domains: ClassVar[dict[str, Domain]] = {
        "total_count": POSITIVE,
        "probs": Domain("in [0, 1)", lambda xp, x: (x >= 0) & (x < 1)),
        "logits": Domain("a number or -inf", lambda xp, x: x < INF),
    }

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, INF

    def log_mass_of(self, xp: Any, k: Array, log_k: Array) -> Array:
        r = self.total_count
        # The last of k + r trials fails: r / (k + r) of the binomial probability.
        both = log_binomial(xp, k, r, self.success(), self.failure())
        return both - xp.log1p(k / r)

    def log_ratio_at(self, other: Any, point: Point) -> Array | None:
        if self.probs is None or other.probs is None:
            return None
        k, xp = point.x, _array.namespace(point.x)
        r, s = (f.total_count + 0.0 * k for f in (self, other))
        p, q = (f.probs + 0.0 * k for f in (self, other))
        plain = self.log_mass_at(point) - other.log_mass_at(point)
        close = (p > 0) & (q > 0) & (xp.abs(r - s) < 0.25 * s) & (xp.abs(p - q) < 0.25 * q)
        k, r, s = (xp.where(close, x, 1.0) for x in (k, r, s))
        p, q = (xp.where(close, x, 0.5) for x in (p, q))
        ways = log_gamma_step(k + s, r - s) - log_gamma_step(s, r - s)
        ends = (r - s) * xp.log1p(-p) + s * log_ratio(xp, 1 - p, 1 - q)
        return xp.where(close, ways + ends + k * log_ratio(xp, p, q), plain)

    def centre(self) -> Array:
        odds = _array.namespace(self.total_count).exp(self.log_success() - self.log_failure())
        return self.total_count * odds

    def width(self) -> Array:
        xp = _array.namespace(self.total_count)
        odds = xp.exp(self.log_success() - self.log_failure())
        return xp.sqrt(1.0 + self.total_count * odds * (1 + odds))

    def tail(self) -> Tail:
        return stretched(1.0, -self.log_success() + 0.0 * self.total_count)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        odds = numpy.exp(self.log_success() - self.log_failure())
        return rng.poisson(rng.gamma(self.total_count, odds, shape))


@dataclass(frozen=True, eq=False, repr=False)
class Poisson(Integers):
    """The Poisson distribution: rate^k exp(-rate) / k!.

    >>> from relentropy import Poisson, relative_entropy
    >>> round(float(relative_entropy(Poisson(0), Poisson(1))), 12)
    1.0
    """

    rate: Any
    domains: ClassVar[dict[str, Domain]] = {"rate": NOT_NEGATIVE}

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, INF

    def log_mass_of(self, xp: Any, k: Array, log_k: Array) -> Array:
        r = self.rate
        return -kl_div(xp, k, r + 0.0 * k) - log_factorial_excess(k)

    def centre(self) -> Array:
        return self.rate

    def width(self) -> Array:
        return _array.namespace(self.rate).sqrt(1.0 + self.rate)

    def tail(self) -> Tail:
        return stretched(K_LOG_K, 1.0 + 0.0 * self.rate)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.poisson(self.rate, shape).astype(float)


@dataclass(frozen=True, eq=False, repr=False)
class Zipf(Integers):
    """Zipf's law: k^(-power) / ζ(power), k = 1, 2, ...

    >>> from relentropy import Zipf, relative_entropy
    >>> round(float(relative_entropy(Zipf(2), Zipf(3))), 12)
    0.256294866015
    """

    power: Any
    domains: ClassVar[dict[str, Domain]] = {"power": ABOVE_ONE}

    @property
    def support(self) -> tuple[float, float]:
        return 1.0, INF

    def log_mass_of(self, xp: Any, k: Array, log_k: Array) -> Array:
        return -self.power * log_k - log_zeta(self.power)

    def centre(self) -> Array:
        return 1.0 + 0.0 * self.power

    def width(self) -> Array:
        return 1.0 + 0.0 * self.power

    def tail(self) -> Tail:
        return algebraic(self.power - 1)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.zipf(self.power, shape).astype(float)


@dataclass(frozen=True, eq=False, repr=False)
class Delta(Univariate):
    """All probability at one value, v.

    It has a probability, no density: every distribution with a density is infinitely far.

    >>> from relentropy import Delta, Normal, Poisson, relative_entropy
    >>> float(relative_entropy(Delta(0), Poisson(1)))
    1.0
    >>> float(relative_entropy(Delta(0), Normal(0, 1)))
    inf
    """

    v: Any = 0.0
    domains: ClassVar[dict[str, Domain]] = {"v": Domain("finite", lambda xp, x: xp.abs(x) < INF)}

    def _log_density_anywhere(self, x: Array) -> Array:
        xp = _array.namespace(x)
        zero = 0.0 * (x + self.v)
        value = xp.where(x == self.v, zero, -INF)
        return xp.where(xp.isnan(x), float("nan"), value)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        return numpy.broadcast_to(self.v, shape).copy()


__all__ = [
    "Bernoulli",
    "BetaBinomial",
    "Binomial",
    "Delta",
    "Geometric",
    "Integers",
    "NegativeBinomial",
    "Poisson",
    "Zipf",
]
