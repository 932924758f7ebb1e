"""Processes: Markov chains, Poisson processes, Gaussian processes, and their paths."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from relentropy import _array
from relentropy.distributions.family import (
    NOT_NEGATIVE,
    REAL,
    Domain,
    Family,
    adapted,
    broadcast_shapes,
)
from relentropy.distributions.long_run import classes, long_run

Array = Any
INF = float("inf")


@dataclass(frozen=True, eq=False, repr=False)
class MarkovChain(Family):
    """A Markov chain on K states, its divergences taken per step, in the long run.

    D(P‖Q) = Σ_i π_i D(P_i‖Q_i): what the next state of P costs more, on average over a long
    time, when it is coded with Q's row. π_i is the share of time that P spends in state i.

    Args:
        transition: probabilities (..., K, K) of the next state, a row for each present state;
            rows sum to 1, zeros are allowed.
        initial: probabilities (..., K) of the first state. None, the default, lets the chain
            start in its long run.

    Values at the edges: +inf where Q forbids a step that P makes from a state that P visits;
    states that P never visits cost nothing. How Q starts has no part in the rate; where P starts
    matters only if P has several closed classes. `path` gives the law of finitely many steps, in
    which the first state counts.

    Errors: ValueError for rows that are no distributions, and where the long run of a chain
    without `initial` is not unique.

    >>> from relentropy import MarkovChain, entropy, relative_entropy
    >>> p, q = MarkovChain([[0.9, 0.1], [0.5, 0.5]]), MarkovChain([[0.5, 0.5], [0.5, 0.5]])
    >>> round(float(relative_entropy(p, q, base=2)), 12)
    0.442503672009
    >>> round(float(entropy(p, base=2)), 12)  # the entropy rate
    0.557496327991

    Source: Rached, Alajaji & Campbell, "The Kullback-Leibler Divergence Rate Between Markov
    Sources", IEEE Trans. Inf. Theory 50 (2004), theorem 1.
    """

    transition: Any
    initial: Any = None

    domains: ClassVar[dict[str, Domain]] = {"transition": NOT_NEGATIVE, "initial": NOT_NEGATIVE}

    def _validate(self) -> None:
        kind, shape = type(self).__name__, tuple(self.transition.shape)
        if len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] == 0:
            raise ValueError(
                f"{kind}: transition has shape {shape}; expected (..., K, K), a row for each state"
            )
        if self.initial is not None and tuple(self.initial.shape[-1:]) != shape[-1:]:
            raise ValueError(
                f"{kind}: initial has shape {tuple(self.initial.shape)}; expected (..., "
                f"{shape[-1]}), a probability for each state of transition"
            )
        super()._validate()
        for name in self.parameters():
            self._require_sums(kind, name)

    def _require_sums(self, kind: str, name: str) -> None:
        x = _array.stop_gradient(getattr(self, name))
        xp = _array.namespace(x)
        bad = ~sums_to_one(x)
        if _array.known(xp.any(bad)):
            import numpy

            bad, total = _array.to_numpy(bad), _array.to_numpy(xp.sum(x, axis=-1))
            row = tuple(int(i) for i in numpy.argwhere(bad)[0])
            where = f", row {row[0] if len(row) == 1 else row}," if row else ""
            raise ValueError(
                f"{kind}: {name}{where} sums to {total[row]:.6g} instead of 1; divide by the sum"
            )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the batch of chains; () for a single one."""
        shapes = [tuple(self.transition.shape[:-2])]
        if self.initial is not None:
            shapes.append(tuple(self.initial.shape[:-1]))
        return broadcast_shapes(*shapes)

    @property
    def states(self) -> int:
        """K, the number of states."""
        return int(self.transition.shape[-1])

    @property
    def long_run(self) -> Array:
        """The share of time in each state, (..., K): the limit of the mean over n steps.

        The stationary distribution of an irreducible chain, each share right to a few units in
        the last place; with several closed classes the limit from `initial`.

        >>> from relentropy import MarkovChain
        >>> MarkovChain([[0.75, 0.25], [0.5, 0.5]]).long_run.round(12).tolist()
        [0.666666666667, 0.333333333333]
        """
        transition, initial = self.normalised()
        found = classes(transition)
        xp = _array.namespace(transition)
        if initial is not None:
            shape = (*self.batch_shape, self.states)
            both = xp.broadcast_to(transition, (*shape, self.states))
            return long_run(both, xp.broadcast_to(initial, shape), found)
        single = found.count == 1
        if _array.known(xp.all(single)) is False:
            raise ValueError(
                f"{type(self).__name__}: the chain has {_several(found, single)}, so that its long "
                "run depends on where it starts; give initial=..."
            )
        anywhere = xp.ones_like(transition[..., 0]) / self.states
        shares = long_run(transition, anywhere, found)
        return xp.where(single[..., None], shares, float("nan"))

    def normalised(self) -> tuple[Array, Array | None]:
        """`transition` and `initial` divided by their sums; a probability of 0 is a constant."""
        initial = None if self.initial is None else _normalised(self.initial)
        return _normalised(self.transition), initial

    def start(self) -> Array:
        """The law of the first state, (..., K): `initial`, or the long run."""
        initial = self.normalised()[1]
        return self.long_run if initial is None else initial

    def path(self, steps: int) -> "MarkovPath":
        """The law of the states X_0, X_1, ..., X_steps.

        >>> from relentropy import MarkovChain, relative_entropy
        >>> p = MarkovChain([[0.9, 0.1], [0.5, 0.5]], initial=[1.0, 0.0])
        >>> q = MarkovChain([[0.5, 0.5], [0.5, 0.5]], initial=[0.5, 0.5])
        >>> round(float(relative_entropy(p.path(1), q.path(1), base=2)), 12)
        1.531004406411
        """
        return MarkovPath(self.transition, self.initial, steps)


@dataclass(frozen=True, eq=False, repr=False)
class MarkovPath(MarkovChain):
    """The law of the first states X_0, ..., X_steps of a Markov chain; see `MarkovChain.path`.

    D = D(initial) + Σ_i n_i D(P_i‖Q_i), n_i the expected number of steps that P makes from i.
    Values, edges and errors are those of `MarkovChain`, the first state included; two paths must
    have the same number of steps.

    >>> import numpy as np
    >>> from relentropy import MarkovChain
    >>> path = MarkovChain([[0.9, 0.1], [0.5, 0.5]], initial=[1.0, 0.0]).path(2)
    >>> np.exp(path.log_density([0, 0, 1])).round(12).item()
    0.09
    >>> path.sample(np.random.default_rng(0), (5,)).shape
    (5, 3)
    """

    steps: int = 1

    def _validate(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int):
            raise TypeError(f"steps must be a whole number, got {self.steps!r}")
        if self.steps < 0:
            raise ValueError(f"steps must be at least 0, got {self.steps}")
        super()._validate()

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.steps + 1,)

    def log_density(self, x: Any, /) -> Array:
        """The log of the probability of a path: states 0 ... K - 1 of shape (..., steps + 1)."""
        transition, start = self.normalised()[0], self.start()
        x = _states(x, self, start)
        xp = _array.namespace(start)
        batch = broadcast_shapes(tuple(x.shape[:-1]), self.batch_shape)
        x = xp.broadcast_to(x, (*batch, self.steps + 1))
        log_p = _log(xp.broadcast_to(transition, (*batch, self.states, self.states)))
        log_p = log_p.reshape((*batch, self.states**2))
        log_start = _log(xp.broadcast_to(start, (*batch, self.states)))
        first = xp.take_along_axis(log_start, x[..., :1], axis=-1)[..., 0]
        moves = x[..., :-1] * self.states + x[..., 1:]
        return first + xp.sum(xp.take_along_axis(log_p, moves, axis=-1), axis=-1)

    def sample(self, rng: Any, size: tuple[int, ...] = ()) -> Any:
        """Independent paths as a NumPy array of shape size + batch_shape + (steps + 1,)."""
        import numpy

        numbers = self.mapped(_array.to_numpy)
        transition, start = numbers.normalised()[0], numbers.start()
        shape = (*size, *self.batch_shape)
        p = numpy.broadcast_to(transition, (*shape, self.states, self.states))
        row = numpy.broadcast_to(start, (*shape, self.states))
        path = numpy.empty((*shape, self.steps + 1), dtype=numpy.int64)
        for t in range(self.steps + 1):
            if t:
                here = path[..., t - 1, None, None]
                row = numpy.take_along_axis(p, here, axis=-2)[..., 0, :]
            # A total that misses 1 by rounding must not lead to a state of probability 0.
            bounds = numpy.cumsum(row, axis=-1)
            u = rng.random((*shape, 1)) * bounds[..., -1:]
            path[..., t] = (bounds <= u).sum(axis=-1)
        return path


def sums_to_one(x: Array) -> Array:
    """Whether rows sum to 1, up to the rounding that `Probs` allows; carries no gradient."""
    xp, x = _array.namespace(x), _array.stop_gradient(x)
    return abs(xp.sum(x, axis=-1) - 1) <= 1e-3


def _normalised(x: Array) -> Array:
    xp = _array.namespace(x)
    x = xp.where(x > 0, x, _array.stop_gradient(x))
    return x / xp.sum(x, axis=-1, keepdims=True)


def _several(found: Any, single: Array) -> str:
    """The closed classes of the first chain of a batch that has several, in words."""
    import numpy

    single, mutual, first = (_array.to_numpy(x) for x in (single, found.mutual, found.first))
    index = tuple(int(i) for i in numpy.argwhere(~single)[0])
    groups = [numpy.flatnonzero(mutual[index][i]).tolist() for i in numpy.flatnonzero(first[index])]
    named = [f"{{{', '.join(map(str, g[:6]))}{', ...' if len(g) > 6 else ''}}}" for g in groups[:4]]
    return f"{len(groups)} closed classes ({', '.join(named)}{', ...' if len(groups) > 4 else ''})"


def _states(x: Any, path: MarkovPath, like: Array) -> Array:
    """A path as integers of the framework of an array; what is no path raises."""
    import numpy

    if _array.framework(x) is None:
        x = numpy.asarray(x)
    if not _array.is_integer(x):
        raise TypeError(f"states are whole numbers 0, 1, ...; got {_array.dtype_name(x)}")
    if not x.ndim or x.shape[-1] != path.steps + 1:
        raise ValueError(
            f"a path of {path.steps} steps has {path.steps + 1} states along the last axis; got "
            f"shape {tuple(x.shape)}"
        )
    xp = _array.namespace(x)
    if _array.known(xp.any((x < 0) | (x >= path.states))):
        raise ValueError(f"states are 0 to {path.states - 1}; got others")
    if _array.is_numpy(x) and not _array.is_numpy(like):
        x = _array.array_of(str(_array.framework(like)), x)
    return _array.positions_from(x)


def _log(x: Array) -> Array:
    xp = _array.namespace(x)
    return xp.where(x > 0, xp.log(xp.where(x > 0, x, 1.0)), -INF)


@dataclass(frozen=True, eq=False, repr=False)
class PoissonProcess(Family):
    """Points in time that come independently, at a rate.

    D(P‖Q) = λ log(λ/μ) - λ + μ per unit of time for the rates λ of P and μ of Q, and the integral
    of this over `interval` where one is given.

    Args:
        intensity: the rate, a number or an array of numbers >= 0, or a function λ(t) of an array
            of times, which then needs the interval.
        interval: (a, b), during which the process is watched. None: the divergence is that per
            unit of time.

    Values at the edges: μ at λ = 0; +inf where μ = 0 < λ; for functions, where this is seen at a
    time that is looked at.

    Errors: ValueError for rates that are negative or NaN, and for two processes of which one has
    an interval and the other none or another; ArithmeticError where an integral does not converge
    to 1e-9, saying what was reached. Functions are looked at while the integral is taken: not
    inside jax.jit or torch.compile. Their integral is on the framework of the interval's ends, and
    gradients flow to what the functions close over.

    >>> from relentropy import PoissonProcess, relative_entropy
    >>> p, q = PoissonProcess(3.0), PoissonProcess(1.0)
    >>> round(float(relative_entropy(p, q)), 12)
    1.295836866004
    >>> rising = PoissonProcess(lambda t: 2 * t, interval=(0, 1))
    >>> round(float(relative_entropy(rising, PoissonProcess(1.0, interval=(0, 1)))), 12)
    0.19314718056

    Source: Liptser & Shiryaev, Statistics of Random Processes II, 2nd ed., section 19.4.
    """

    intensity: Any
    interval: Any = None
    begin: Any = field(init=False, default=None)
    end: Any = field(init=False, default=None)

    domains: ClassVar[dict[str, Domain]] = {
        "intensity": NOT_NEGATIVE,
        "begin": REAL,
        "end": REAL,
    }

    def __post_init__(self) -> None:
        if self.interval is not None:
            if not isinstance(self.interval, tuple | list) or len(self.interval) != 2:
                raise TypeError(f"interval must be a pair (a, b) of times, got {self.interval!r}")
            for name, x in zip(("begin", "end"), self.interval, strict=True):
                object.__setattr__(self, name, x)
        elif callable(self.intensity):
            raise ValueError(
                "PoissonProcess: an intensity that is a function needs interval=(a, b)"
            )
        function = self.intensity if callable(self.intensity) else None
        if function is not None:
            object.__setattr__(self, "intensity", 0.0)  # in its place while numbers are read
        super().__post_init__()
        if function is not None:
            object.__setattr__(self, "intensity", function)
        if self.interval is not None:
            object.__setattr__(self, "interval", (self.begin, self.end))
            self._require(lambda xp, a, b: a < b, "in order", "begin", "end")

    def parameters(self) -> dict[str, Array]:
        """The parameters that are arrays, by name."""
        return {name: x for name, x in super().parameters().items() if not callable(x)}

    def mapped(self, f: Any) -> Self:
        """The same process with f of each array."""
        other = super().mapped(lambda x: x if callable(x) else f(x))
        if self.interval is not None:
            object.__setattr__(other, "interval", (other.begin, other.end))
        return other

    def rate_at(self, t: Array) -> Array:
        """The intensity at times t (..., N); constants in the last axis."""
        if not callable(self.intensity):
            return self.intensity[..., None] + 0.0 * t
        return self.intensity(t)

    def __repr__(self) -> str:
        shown = getattr(self.intensity, "__name__", self.intensity)
        ends = "" if self.interval is None else f", interval=({self.begin}, {self.end})"
        return f"PoissonProcess({shown}{ends})"


@dataclass(frozen=True, eq=False, repr=False)
class GaussianProcess(Family):
    """A random function whose values at any points are jointly normal; compared `at` points.

    Args:
        mean: the mean function m(x) of points (n,) or (n, d), giving (n,); or a number.
        kernel: the covariance function k(x, y) of points (n, ...) and (m, ...), giving (n, m), as
            those of scikit-learn do.
        noise: the variance >= 0 of independent noise on every observation. None is added silently:
            where the kernel's matrix is singular, `at` raises.

    >>> import numpy as np
    >>> from relentropy import GaussianProcess, relative_entropy
    >>> def smooth(x, y):
    ...     return np.exp(-((x[:, None] - y[None, :]) ** 2) / 2)
    >>> def rough(x, y):
    ...     return np.exp(-np.abs(x[:, None] - y[None, :]))
    >>> points = np.array([0.0, 1.0, 2.0])
    >>> p, q = GaussianProcess(0.0, smooth), GaussianProcess(0.0, rough)
    >>> round(float(relative_entropy(p.at(points), q.at(points))), 12)
    0.18289576827
    """

    mean: Any
    kernel: Any
    noise: Any = 0.0

    domains: ClassVar[dict[str, Domain]] = {"noise": NOT_NEGATIVE}

    def at(self, points: Any) -> Any:
        """The law of the values at points (n,) or (n, d): a `MultivariateNormal`."""
        from relentropy.distributions.multivariate import MultivariateNormal

        if isinstance(points, list | tuple):
            import numpy

            points = numpy.asarray(points, dtype=numpy.float64)
        n = points.shape[0] if points.ndim else 0
        matrix = self.kernel(points, points)
        if _array.framework(matrix) is None or tuple(matrix.shape[-2:]) != (n, n):
            got = tuple(matrix.shape) if hasattr(matrix, "shape") else type(matrix).__name__
            raise ValueError(
                f"GaussianProcess: kernel(x, y) must give a matrix of shape (n, n) = ({n}, {n}) "
                f"for {n} points, got {got}; for points on a line write x[:, None] - y[None, :]"
            )
        noise = adapted(self.noise, matrix) if self.plain else self.noise
        place = _array.positions(matrix)
        matrix = matrix + noise[..., None, None] * _array.astype(
            place[:, None] == place, matrix.dtype
        )
        try:
            return MultivariateNormal(self._mean_at(points, matrix), covariance_matrix=matrix)
        except ValueError as error:
            raise ValueError(
                f"GaussianProcess: the covariance at these points is not positive definite "
                f"({error}); remove points that repeat, or say how noisy the observations are: "
                "noise=..."
            ) from error

    def _mean_at(self, points: Any, matrix: Array) -> Array:
        xp = _array.namespace(matrix)
        zero = xp.zeros_like(matrix[..., 0])
        mean = self.mean(points) if callable(self.mean) else self.mean
        return mean + zero
