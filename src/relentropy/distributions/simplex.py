"""Families on the simplex and on its lattice points: Dirichlet and multinomial."""

from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy._scalar import logsumexp
from relentropy._special import log_gamma
from relentropy.distributions.discrete import Discrete, Logits, Probs
from relentropy.distributions.family import POSITIVE, PROBABILITY, WHOLE, Domain
from relentropy.distributions.interval import require_one
from relentropy.distributions.multivariate import Multivariate

Array = Any
INF = float("inf")

BELOW_INFINITY = Domain("a number below infinity", lambda xp, x: x < INF)


@dataclass(frozen=True, eq=False, repr=False)
class Dirichlet(Multivariate):
    """The Dirichlet distribution: density Π x_i^(a_i - 1) Γ(Σa) / ΠΓ(a_i) on the simplex.

    The density is with respect to all coordinates but one. `concentration` is a (..., K).

    >>> from relentropy import Dirichlet, relative_entropy
    >>> round(float(relative_entropy(Dirichlet([1.0, 1.0]), Dirichlet([2.0, 1.0]))), 12)
    0.30685281944
    """

    concentration: Any
    domains: ClassVar[dict[str, Domain]] = {"concentration": POSITIVE}
    ranks: ClassVar[dict[str, int]] = {"concentration": 1}

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.concentration.shape[-1],)

    def _log_density(self, x: Array) -> Array:
        xp, a = _array.namespace(x), self.concentration
        inside = xp.all(x >= 0, axis=-1) & (xp.abs(xp.sum(x, axis=-1) - 1) < 1e-3)
        positive = x > 0
        log_x = xp.where(positive, xp.log(xp.where(positive, x, 1.0)), -INF)
        # At a = 1 the factor is 1, even where x = 0.
        plain = (a == 1) & ~xp.isnan(x)
        power = xp.where(plain, 0.0 * a, (a - 1) * xp.where(plain, 0.0, log_x))
        constant = log_gamma(xp.sum(a, axis=-1)) - xp.sum(log_gamma(a), axis=-1)
        value = xp.sum(power, axis=-1) + constant
        return xp.where(inside | xp.isnan(value), value, -INF)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        # In logs, so that small concentrations do not underflow to 0 / 0:
        # a gamma of a is one of a + 1 times U^(1/a).
        a = numpy.broadcast_to(self.concentration, (*shape, self.dimension))
        log_x = numpy.log(rng.standard_gamma(a + 1)) - rng.standard_exponential(a.shape) / a
        x = numpy.exp(log_x - log_x.max(axis=-1, keepdims=True))
        return x / x.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, eq=False, repr=False)
class Multinomial(Multivariate):
    """The multinomial distribution: counts of K kinds among n independent draws.

    Args:
        total_count: n (...), whole and at least 0.
        probs: the probabilities (..., K), which sum to 1, or
        logits: their logarithms up to a constant; -inf for 0.

    >>> from relentropy import Multinomial, relative_entropy
    >>> p, q = Multinomial(10, [0.5, 0.5]), Multinomial(10, [0.75, 0.25])
    >>> round(float(relative_entropy(p, q)), 12)
    1.438410362259
    """

    total_count: Any
    probs: Any = None
    logits: Any = None

    domains: ClassVar[dict[str, Domain]] = {
        "total_count": WHOLE,
        "probs": PROBABILITY,
        "logits": BELOW_INFINITY,
    }
    ranks: ClassVar[dict[str, int]] = {"probs": 1, "logits": 1}

    def __post_init__(self) -> None:
        require_one(self, "probs", "logits")
        super().__post_init__()

    def _validate(self) -> None:
        super()._validate()
        if self.probs is not None:
            total = _array.namespace(self.probs).sum(self.probs, axis=-1)
            complaint = "must sum to 1; got the sum {:g}: divide by it"
            self._require_rows("probs", total, 1.0, complaint)

    @property
    def cells(self) -> Discrete:
        """The distribution of one draw."""
        return Probs(self.probs) if self.probs is not None else Logits(self.logits)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.cells.values.shape[-1],)

    def _log_density(self, x: Array) -> Array:
        xp, n = _array.namespace(x), self.total_count
        whole = (x >= 0) & (x == xp.floor(x))
        inside = xp.all(whole, axis=-1) & (xp.sum(x, axis=-1) == n)
        x = xp.where(whole, x, 0.0)
        log_p, drawn = self.log_probs(), x > 0
        terms = xp.where(drawn, x * xp.where(drawn, log_p, 0.0), 0.0) - log_gamma(x + 1)
        value = log_gamma(n + 1) + xp.sum(terms, axis=-1)
        return xp.where(inside, value, -INF)

    def log_probs(self) -> Array:
        """The normalised log-probabilities (..., K)."""
        x = self.cells.values
        xp = _array.namespace(x)
        if self.logits is not None:
            return x - logsumexp(xp, x)
        positive = x > 0
        total = xp.log(xp.sum(x, axis=-1, keepdims=True))
        return xp.where(positive, xp.log(xp.where(positive, x, 1.0)) - total, -INF)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        p = numpy.exp(self.log_probs().astype(numpy.float64))
        n = self.total_count.astype(numpy.int64)
        p = numpy.broadcast_to(p / p.sum(axis=-1, keepdims=True), (*shape, self.dimension))
        return rng.multinomial(numpy.broadcast_to(n, shape), p).astype(numpy.float64)
