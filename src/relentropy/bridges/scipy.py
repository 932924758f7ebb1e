"""scipy.stats as our distributions: frozen ones, the new classes, vectors and matrices, estimates.

The parts are read where SciPy keeps them; a kind without a counterpart but with a density is taken
by its density.
"""

from collections.abc import Callable
from typing import Any

from relentropy.bridges import scipy_frozen
from relentropy.bridges.reading import Distribution, reader_of, refused
from relentropy.bridges.scipy_frozen import by_own_density, plain, shifted
from relentropy.distributions.bijections import Bijection, Exp, Log
from relentropy.distributions.directional import VonMisesFisher
from relentropy.distributions.integers import Binomial
from relentropy.distributions.interval import Uniform
from relentropy.distributions.line import Logistic, Normal
from relentropy.distributions.matrices import InverseWishart, MatrixNormal, Wishart
from relentropy.distributions.mixture import Mixture
from relentropy.distributions.multivariate import MultivariateNormal, MultivariateStudentT
from relentropy.distributions.simplex import Dirichlet, Multinomial
from relentropy.distributions.transformed import Transformed

Array = Any


def read(d: Any) -> Distribution:
    """The distribution that an object of scipy.stats describes."""
    reader = reader_of(d, "scipy.stats", READERS)
    if reader is not None:
        return reader(d)
    if hasattr(d, "logpdf") and hasattr(d, "support"):
        return by_own_density(d)
    raise refused(d, log_density="logpdf")


def not_frozen(d: Any) -> Distribution:
    """A kind as such; a table of values has no parameters, any other needs them."""
    if hasattr(d, "xk"):
        return read(d())
    arguments = ", ".join([d.shapes or "", "loc=0", "scale=1"]).removeprefix(", ")
    raise TypeError(
        f"scipy.stats.{d.name} is a kind of distribution; write scipy.stats.{d.name}({arguments}) "
        "with numbers for one of them"
    )


def parameter(d: Any, name: str) -> Any:
    """A parameter of one of the new classes."""
    return plain(getattr(d, name))


def made(d: Any) -> Distribution:
    """What make_distribution made: of a kind such as scipy.stats.gamma, or of a user's class."""
    formulas = ("_logpdf_formula", "_pdf_formula", "_logpmf_formula", "_pmf_formula")
    methods = (getattr(type(d), name, None) for name in formulas)
    kinds = [kind for m in methods if (kind := getattr(m, "__self__", None)) is not None]
    if kinds and hasattr(kinds[0], "shapes"):
        names = [name.strip() for name in (kinds[0].shapes or "").split(",") if name.strip()]
        return scipy_frozen.of_parameters(kinds[0], d, {n: parameter(d, n) for n in names})
    return by_own_density(d)


def moved(d: Any) -> Distribution:
    """The distribution of loc + scale X."""
    p, loc, scale = read(d._dist), parameter(d, "loc"), parameter(d, "scale")
    if isinstance(p, Normal | Logistic):
        return type(p)(loc + scale * p.loc, abs(scale) * p.scale)
    return shifted(p, loc, scale)


def of_function(d: Any) -> Distribution:
    """exp(X) or log(X); other functions by the density."""
    import numpy

    known: dict[Any, Bijection] = {numpy.exp: Exp(), numpy.log: Log()}
    if d._g in known:
        return Transformed(read(d._dist), known[d._g])
    return by_own_density(d)


def kernel_density(d: Any) -> Mixture:
    """A Gaussian of the same width at each of the data."""
    if d.d != 1:
        raise refused(d, "a gaussian_kde of more than one number has no counterpart", "logpdf")
    return Mixture(d.weights, Normal(d.dataset[0], d.covariance[0, 0] ** 0.5))


def uniform_direction(d: Any) -> VonMisesFisher:
    """A von Mises-Fisher distribution without concentration, whatever its direction."""
    import numpy

    return VonMisesFisher(numpy.eye(d.dim)[0], 0.0)


def root(matrix: Array) -> Array:
    import numpy

    return numpy.linalg.cholesky(matrix)


READERS: dict[str, Callable[[Any], Distribution]] = {
    "rv_frozen": scipy_frozen.read,
    "rv_generic": not_frozen,
    # The new classes.
    "Normal": lambda d: Normal(parameter(d, "mu"), parameter(d, "sigma")),
    "Logistic": lambda d: Logistic(0.0, 1.0),
    "Uniform": lambda d: Uniform(parameter(d, "a"), parameter(d, "b")),
    "Binomial": lambda d: Binomial(parameter(d, "n"), parameter(d, "p")),
    "CustomDistribution": made,
    "ShiftedScaledDistribution": moved,
    "MonotonicTransformedDistribution": of_function,
    "Mixture": lambda d: Mixture(d.weights, [read(component) for component in d.components]),
    # Vectors and matrices.
    "multivariate_normal_frozen": lambda d: MultivariateNormal(d.mean, d.cov_object.covariance),
    "multivariate_t_frozen": lambda d: MultivariateStudentT(d.df, d.loc, root(d.shape)),
    "dirichlet_frozen": lambda d: Dirichlet(d.alpha),
    "multinomial_frozen": lambda d: Multinomial(d.n, d.p),
    "matrix_normal_frozen": lambda d: MatrixNormal(d.mean, root(d.rowcov), root(d.colcov)),
    "wishart_frozen": lambda d: Wishart(d.df, d.scale),
    "invwishart_frozen": lambda d: InverseWishart(d.df, d.scale),
    "vonmises_fisher_frozen": lambda d: VonMisesFisher(d.mu, d.kappa),
    "uniform_direction_frozen": uniform_direction,
    # An estimate.
    "gaussian_kde": kernel_density,
}
