"""From the text of a distribution to the distribution, without evaluating anything as code.

The names that may be called are listed here; everything else is an error that shows the place.
"""

import difflib
import inspect
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

import relentropy
from relentropy.cli.grammar import (
    Call,
    Many,
    Mapping,
    Number,
    Span,
    SpecificationError,
    Tree,
)
from relentropy.cli.grammar import parse as parsed
from relentropy.compare.visible import escape

FAMILIES: tuple[str, ...] = (
    "AsymmetricLaplace",
    "Bernoulli",
    "Beta",
    "BetaBinomial",
    "Binomial",
    "Cauchy",
    "Chi",
    "Chi2",
    "ContinuousBernoulli",
    "Delta",
    "Dirichlet",
    "Exponential",
    "FisherSnedecor",
    "Gamma",
    "GeneralizedPareto",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "InverseGamma",
    "InverseGaussian",
    "InverseWishart",
    "Kumaraswamy",
    "Laplace",
    "LogNormal",
    "LogitNormal",
    "Logistic",
    "LowRankMultivariateNormal",
    "MarkovPath",
    "MatrixNormal",
    "Maxwell",
    "Mixture",
    "Moyal",
    "Multinomial",
    "MultivariateNormal",
    "MultivariateStudentT",
    "NegativeBinomial",
    "Normal",
    "Pareto",
    "Poisson",
    "Rayleigh",
    "StudentT",
    "Transformed",
    "Triangular",
    "TruncatedNormal",
    "Uniform",
    "VonMises",
    "VonMisesFisher",
    "Weibull",
    "Wishart",
    "Zipf",
)
"""The families that can be typed."""
PROCESSES = {
    "MarkovChain": ("step", "steps"),
    "PoissonProcess": ("unit of time", "units of time"),
}
"""What goes on for ever has a divergence a step, or a unit of time."""
BIJECTIONS = ("Affine", "Compose", "Exp", "Log", "Logit", "Power", "Sigmoid", "Tanh")
"""What Transformed takes."""
DESCRIPTIONS = ("Counts", "LogProbs", "Logits", "Probs")
"""Ways to give a distribution on a finite alphabet."""

# What people call them elsewhere.
_OTHER_NAMES = {
    "bern": "Bernoulli",
    "binom": "Binomial",
    "categorical": "Probs",
    "chisquare": "Chi2",
    "dirac": "Delta",
    "erlang": "Gamma",
    "expon": "Exponential",
    "f": "FisherSnedecor",
    "gauss": "Normal",
    "gaussian": "Normal",
    "geom": "Geometric",
    "genpareto": "GeneralizedPareto",
    "gmm": "Mixture",
    "halfnorm": "HalfNormal",
    "invgamma": "InverseGamma",
    "invgauss": "InverseGaussian",
    "kumaraswamy": "Kumaraswamy",
    "lognorm": "LogNormal",
    "mixturesamefamily": "Mixture",
    "mvn": "MultivariateNormal",
    "n": "Normal",
    "nbinom": "NegativeBinomial",
    "norm": "Normal",
    "pointmass": "Delta",
    "student": "StudentT",
    "t": "StudentT",
    "truncnorm": "TruncatedNormal",
    "vmf": "VonMisesFisher",
    "wald": "InverseGaussian",
    "zeta": "Zipf",
}
_OTHER_PARAMETERS = {
    "a": ("concentration1", "concentration", "low"),
    "alpha": ("concentration1", "concentration", "power"),
    "b": ("concentration0", "rate", "high"),
    "beta": ("concentration0", "rate"),
    "cov": ("covariance_matrix",),
    "covariance": ("covariance_matrix",),
    "dof": ("df",),
    "k": ("concentration", "df", "total_count"),
    "kappa": ("concentration",),
    "lam": ("rate",),
    "lambda": ("rate",),
    "max": ("high",),
    "mean": ("loc",),
    "min": ("low",),
    "mode": ("peak",),
    "mu": ("loc",),
    "n": ("total_count",),
    "nu": ("df",),
    "p": ("probs",),
    "precision": ("precision_matrix",),
    "prob": ("probs",),
    "s": ("power", "scale"),
    "shape": ("concentration",),
    "sigma": ("scale",),
    "std": ("scale",),
    "μ": ("loc",),
    "σ": ("scale",),
    "λ": ("rate",),
    "ν": ("df",),
}


@dataclass(frozen=True)
class Specified:
    """A distribution, and how it was typed."""

    distribution: Any
    text: str
    draw: tuple[str, str] = ("draw", "draws")
    """What one observation is called, and several."""

    @property
    def is_list(self) -> bool:
        """Whether it is a list of cells and no family."""
        return hasattr(self.distribution, "values")


def read(text: str) -> Specified:
    """The distribution that `text` describes; a SpecificationError says what is wrong where."""
    tree = parsed(text)
    if isinstance(tree, Number):
        raise SpecificationError(
            f"a number is no distribution; Delta({tree}) has all its mass there", tree.at
        )
    value = _build(tree)
    if isinstance(tree, Many | Mapping):
        value = _probabilities(tree, value)
    name = tree.name if isinstance(tree, Call) else ""
    if name in BIJECTIONS:
        raise SpecificationError(f"{name} is no distribution; Transformed takes it", tree.at)
    _require_one(value, tree)
    draw = PROCESSES.get(name, Specified.draw)
    if getattr(value, "interval", None) is not None:
        draw = ("path", "paths")
    return Specified(value, escape(str(tree)), draw)


def listing() -> str:
    """How each family is written, a line each."""
    names = sorted((*FAMILIES, *PROCESSES, *DESCRIPTIONS))
    kinds = (getattr(relentropy, name) for name in names)
    return "".join(f"{signature(kind)}\n" for kind in kinds)


def shown(text: str, error: SpecificationError) -> str:
    """What is wrong, the text, and a caret under the place."""
    window = 60
    start, end = error.at
    first = max(0, min(start - window // 2, len(text) - window))
    before, after = escape(text[first:start]), escape(text[start : first + window])
    lead = "…" if first else ""
    trail = "…" if first + window < len(text) else ""
    marked = max(1, cell_len(escape(text[start : min(end, first + window)])))
    caret = " " * cell_len(lead + before) + "^" * marked
    return f"{error}\n  {lead}{before}{after}{trail}\n  {caret}"


def _build(tree: Tree) -> Any:
    match tree:
        case Number():
            return tree.value
        case Many():
            return [_build(item) for item in tree.items]
        case Mapping():
            return {label.value: _number(value) for label, value in tree.items}
    return _called(tree)


def _number(tree: Tree) -> float:
    if not isinstance(tree, Number):
        raise SpecificationError("expected a number for this cell", tree.at)
    return tree.value


def _called(call: Call) -> Any:
    known = (*FAMILIES, *PROCESSES, *BIJECTIONS, *DESCRIPTIONS)
    if call.name not in known:
        raise SpecificationError(_unknown(call.name, known), call.named)
    kind = getattr(relentropy, call.name)
    if call.bare:
        raise SpecificationError(f"expected parameters: {signature(kind)}", call.named)
    given = _bound(call, kind)
    values = {name: _build(tree) for name, tree in given.items()}
    positional = [values.pop(p.name) for p in _parameters(kind) if p.kind is p.POSITIONAL_ONLY]
    if any(p.kind is p.VAR_POSITIONAL for p in _parameters(kind)):
        positional, values = list(values.values()), {}
    try:
        return kind(*positional, **values)
    except (TypeError, ValueError, LookupError) as error:
        message = str(error)
        raise SpecificationError(message, _blamed(message, given, call.at)) from None


def _bound(call: Call, kind: Any) -> dict[str, Tree]:
    """The arguments by name of the parameter."""
    parameters = _parameters(kind)
    names = [p.name for p in parameters]
    form = signature(kind)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and not call.keywords:
        return {str(i): tree for i, tree in enumerate(call.arguments)}
    if len(call.arguments) > len(names):
        extra = call.arguments[len(names)]
        raise SpecificationError(f"one parameter too many for {form}", extra.at)
    given = dict(zip(names, call.arguments, strict=False))
    for label, value in call.keywords:
        name = str(label.value)
        if name not in names:
            hint = _nearest_parameter(name, names)
            raise SpecificationError(
                f"{call.name} has no parameter {name};{hint} expected {form}", label.at
            )
        if name in given:
            raise SpecificationError(f"{name} is given twice, first by its place: {form}", label.at)
        given[name] = value
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in given]
    if missing:
        raise SpecificationError(
            f"{call.name} needs {' and '.join(missing)}: {form}",
            Span(call.at.end - 1, call.at.end),
        )
    return given


def _parameters(kind: Any) -> list[inspect.Parameter]:
    found = inspect.signature(kind).parameters.values()
    return [p for p in found if p.name != "validate"]


def signature(kind: Any) -> str:
    """How to write a family: ``StudentT(df, loc=0, scale=1)``."""
    parts = []
    for p in _parameters(kind):
        if p.kind is p.VAR_POSITIONAL:
            parts.append(f"{p.name}...")
            continue
        default = f"{p.default:g}" if isinstance(p.default, int | float) else str(p.default)
        parts.append(p.name if p.default is p.empty else f"{p.name}={default}")
    return f"{kind.__name__}({', '.join(parts)})"


def _blamed(message: str, given: dict[str, Tree], whole: Span) -> Span:
    """Where the parameter stands that the message names first."""
    for word in re.findall(r"\w+", message):
        if word in given:
            return given[word].at
    return whole


def _unknown(name: str, known: Iterable[str]) -> str:
    by_lower = {k.lower(): k for k in known}
    lower = name.lower().replace("_", "")
    near = [by_lower.get(lower) or _OTHER_NAMES.get(lower)]
    if near == [None]:
        close = difflib.get_close_matches(lower, by_lower, n=3)
        near = [by_lower[k] for k in close]
    if near:
        return f"there is no distribution {escape(name)}. Did you mean {_listed(near)}?"
    return f"there is no distribution {escape(name)}; `relentropy between --families` lists them"


def _listed(names: list[Any]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else str(last)


def _nearest_parameter(name: str, names: list[str]) -> str:
    usual = [n for n in _OTHER_PARAMETERS.get(name.lower(), ()) if n in names]
    near = usual or difflib.get_close_matches(name.lower(), names, n=1)
    return f" did you mean {near[0]}?" if near else ""


def _probabilities(tree: Many | Mapping, value: Any) -> Any:
    """A bare list or mapping, which always means probabilities."""
    numbers = list(value.values()) if isinstance(value, dict) else value
    if not numbers:
        raise SpecificationError("expected at least one probability", tree.at)
    for item in tree.items:
        number = item[1] if isinstance(item, tuple) else item
        if not isinstance(number, Number):
            raise SpecificationError(
                "expected a number; a list or mapping holds the probabilities of one distribution",
                number.at,
            )
        if not 0 <= number.value <= 1:
            raise SpecificationError(_no_probability(number, numbers), number.at)
    if isinstance(value, dict):
        return relentropy.Probs({label: float(x) for label, x in value.items()})
    return relentropy.Probs([float(x) for x in value])


def _require_one(value: Any, tree: Tree) -> None:
    """A single distribution, and a valid one."""
    shape = getattr(value, "batch_shape", None)
    if shape is None:
        shape = value.values.shape[:-1]
    if shape:
        raise SpecificationError(
            f"this is a batch of {math.prod(shape)} distributions; expected one", tree.at
        )
    if not hasattr(value, "values"):
        return  # a family is looked at when it is made
    try:
        relentropy.entropy(value)
    except (TypeError, ValueError) as error:
        message = str(error).removeprefix("p ")
        raise SpecificationError(f"this {message}", tree.at) from None


def _no_probability(number: Number, numbers: list[float]) -> str:
    message = f"{number} is no probability, which lies between 0 and 1"
    if abs(sum(numbers) - 100) < 0.1 and min(numbers) >= 0:
        return f"{message}; these look like percentages: divide each by 100"
    if all(isinstance(x, int) and x >= 0 for x in numbers):
        return f"{message}; for counts write Counts(...) round the list"
    return f"{message}; for log-weights write Logits(...) round the list"
