"""Closed relative entropies from declared expectations: against mpmath, against quadrature."""

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import relentropy
from relentropy import relative_entropy, rule_for
from relentropy._rules import Rule, rules
from relentropy.distributions.family import Continuous
from relentropy.methods import expectations
from relentropy.methods.relative_entropy import relative_entropy_by_quadrature
from tests.backends import Backend, backend
from tests.tables import family_tables as tables

CLOSED: list[Rule] = sorted(
    (r for r in rules() if r.function.__module__ == expectations.__name__),
    key=lambda r: (r.p.__name__, r.q.__name__ if r.q else ""),
)
FIRST = sorted({r.p.__name__ for r in CLOSED})
"""The families that are P in some closed pair."""

# torch.distributions.kl answers these pairs of unlike families; all of them are closed here, too.
TORCH = {
    "Bernoulli": "Poisson",
    "Beta": "ContinuousBernoulli Exponential Gamma Normal Uniform",
    "ContinuousBernoulli": "Exponential Normal Uniform",
    "Exponential": "Gamma Gumbel Normal",
    "Gamma": "Exponential Gumbel Normal",
    "Gumbel": "Normal",
    "Laplace": "Normal",
    "Normal": "Gumbel Laplace",
    "Pareto": "Exponential Gamma Normal",
    "Uniform": "Beta ContinuousBernoulli Exponential Gamma Gumbel Normal Pareto",
}


def partners(p: str) -> list[str]:
    return [r.q.__name__ for r in CLOSED if r.p.__name__ == p and r.q is not None]


def complaints(xp: Backend, p: str, rtol: float = 1e-10) -> list[str]:
    found = []
    for q in partners(p):
        ps, qs = tables.made(xp, p, tables.column(p)), tables.made(xp, q, tables.row(q))
        expected = tables.matrices()[p, q]
        values = np.broadcast_to(xp.numpy(relative_entropy(ps, qs)), np.shape(expected))
        for i, line in enumerate(expected):
            for j, truth in enumerate(line):
                wrong = tables.complaint(float(values[i, j]), truth, rtol=rtol)
                if wrong:
                    sides = ((p, tables.members()[p][i]), (q, tables.members()[q][j]))
                    found.append(" || ".join(tables.shown(*s) for s in sides) + ": " + wrong)
    return found


@pytest.mark.parametrize("p", FIRST)
def test_every_closed_pair_against_mpmath(numpy_backend: Backend, p: str) -> None:
    """To 1e-10, a tenth of what is promised of quadrature."""
    assert complaints(numpy_backend, p) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("p", FIRST)
def test_every_closed_pair_on_the_frameworks_that_differentiate(autodiff: Backend, p: str) -> None:
    # XLA's log of the normal distribution function has 10 digits.
    assert complaints(autodiff, p, 1e-9) == []


@pytest.mark.parametrize("p", TORCH)
def test_what_torch_answers_is_closed(p: str) -> None:
    for q in TORCH[p].split():
        sides = [getattr(relentropy, f)(**tables.members()[f][0]) for f in (p, q)]
        assert relentropy._rules.rule_between(*map(type, sides)).kind == "closed", q


def test_there_are_hundreds_and_none_of_a_pair_with_its_own_rule() -> None:
    assert len(CLOSED) > 200
    assert rule_for(relentropy.Gamma(1, 1), relentropy.Chi2(3)).function.__module__ == (
        "relentropy.exact.positive"
    )


def test_a_rule_says_what_it_is_made_of() -> None:
    rule = rule_for(relentropy.Gamma(2, 1), relentropy.LogNormal(0, 1))
    assert rule.kind == "closed"
    assert rule.formula == "D = -h(P) - E_P[log q] from E[log x], E[(log x - m)²]"


# --- against quadrature, on random members ------------------------------------------------------

SPREAD = 0.15
"""So little that no expectation is about to become infinite, where quadrature gives up."""
ROWS = 12


def random_members(family: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Members near the first one of the table."""
    found = {}
    for name, x in tables.members()[family][0].items():
        factor = np.exp(SPREAD * rng.standard_normal(ROWS))
        if name in ("low", "high", "peak", "total_count"):
            factor = np.ones(ROWS)
        if name == "alpha":
            factor = np.maximum(factor, 1.0)
        if name == "probs":
            factor = 1 / (1 + factor) / 0.5
        found[name] = np.clip(x * factor, None, 0.95) if name == "probs" else x * factor
    return found


@pytest.mark.parametrize("p", FIRST)
def test_closed_forms_against_quadrature(numpy_backend: Backend, p: str) -> None:
    rng = np.random.default_rng(FIRST.index(p))
    partner = [q for q in partners(p) if issubclass(getattr(relentropy, q), Continuous)]
    for q in partner[:: max(1, len(partner) // 3)]:
        ps = getattr(relentropy, p)(**random_members(p, rng))
        qs = getattr(relentropy, q)(**random_members(q, rng))
        with np.errstate(all="ignore"):
            expected = relative_entropy_by_quadrature(ps, qs)
        np.testing.assert_allclose(relative_entropy(ps, qs), expected, rtol=2e-9, err_msg=q)


# --- where the parts cancel ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_rows_that_cancel_are_answered_by_quadrature(name: str) -> None:
    """Student's t tends to the normal law: D falls to 1e-12, from parts of the order of 1."""
    xp = backend(name)
    degrees = [5.0, 1e3, 1e6]
    df = xp.array(degrees)
    p = relentropy.StudentT(df, 0.0, 1.0)
    q = relentropy.Normal(0.0 * df, xp.array([math.sqrt(n / (n - 2)) for n in degrees]))
    expected = [student_and_normal(n) for n in degrees]
    np.testing.assert_allclose(xp.numpy(relative_entropy(p, q)), expected, rtol=1e-9)


def student_and_normal(n: float) -> float:
    """D(t || normal of the same variance) from mpmath's entropies, with digits to spare."""
    with mp.workdps(60):
        scale, a, b = mp.mpf(math.sqrt(n / (n - 2))), mp.mpf(n + 1) / 2, mp.mpf(n) / 2
        entropy = a * (mp.digamma(a) - mp.digamma(b)) + mp.log(mp.sqrt(n) * mp.beta(b, 0.5))
        cost = mp.log(scale * mp.sqrt(2 * mp.pi)) + mp.mpf(n) / (n - 2) / scale**2 / 2
        return float(cost - entropy)


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_the_same_law_under_two_names_is_0(name: str) -> None:
    xp = backend(name)
    p = relentropy.TruncatedNormal(xp.array([0.5, 0.2]), 1.5, -math.inf, math.inf)
    q = relentropy.Normal(xp.array([0.5, 0.2]), 1.5)
    for value in (relative_entropy(p, q), relative_entropy(q, p)):
        np.testing.assert_allclose(xp.numpy(value), 0, atol=1e-15)


def test_a_gradient_passes_through_both_ways(torch_backend: Backend) -> None:
    """One row is closed, the other by quadrature: both have their slopes."""
    logits = torch_backend.array([1.5, 1e-6])

    def divergence(logits: Any) -> Any:
        q = relentropy.ContinuousBernoulli(logits=logits)
        return relative_entropy(relentropy.Uniform(0.0, 1.0), q)

    (slope,) = torch_backend.gradient(divergence, logits)
    # -1/2 + the mean of Q: coth(n/2)/2 - 1/n.
    n = np.array([1.5, 1e-6])
    expected = [0.5 / np.tanh(n[0] / 2) - 1 / n[0], n[1] / 12]
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


# --- gradients, dtypes, traces ------------------------------------------------------------------

SOME = [
    ("Normal", "Laplace"),
    ("Normal", "Gumbel"),
    ("Gamma", "LogNormal"),
    ("Beta", "Weibull"),
    ("Uniform", "Beta"),
    ("TruncatedNormal", "Normal"),
    ("Pareto", "InverseGaussian"),
    ("VonMises", "Uniform"),
    ("StudentT", "Normal"),
    ("Cauchy", "StudentT"),
    ("GeneralizedPareto", "Laplace"),
    ("Bernoulli", "Poisson"),
]
WIDER = {"Uniform": {"low": -4.0, "high": 4.0}, "GeneralizedPareto": {}}


def pair(p: str, q: str) -> tuple[dict[str, float], dict[str, float]]:
    of_q = WIDER.get(q) or tables.members()[q][0]
    return tables.members()[p][0], of_q


@pytest.mark.parametrize(("p", "q"), SOME)
def test_gradients_are_those_of_quadrature(torch_backend: Backend, p: str, q: str) -> None:
    of_p, of_q = pair(p, q)
    if p == "Bernoulli":
        return  # counted, not integrated; the table of slopes has it

    def through(answer: Any) -> Any:
        def f(*xs: Any) -> Any:
            n = len(of_p)
            ps = getattr(relentropy, p)(**dict(zip(of_p, xs[:n], strict=True)))
            qs = getattr(relentropy, q)(**dict(zip(of_q, xs[n:], strict=True)))
            return answer(ps, qs)

        return f

    xs = [torch_backend.array([x]) for x in (*of_p.values(), *of_q.values())]
    ours = torch_backend.gradient(through(relative_entropy), *xs)
    expected = torch_backend.gradient(through(relative_entropy_by_quadrature), *xs)
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("rule", CLOSED, ids=lambda r: f"{r.p.__name__}-{r.q.__name__}")
def test_no_slope_is_nan_beside_an_infinite_row(torch_backend: Backend, rule: Rule) -> None:
    """All members of the table at once, finite and infinite: slopes are numbers."""
    import torch

    assert rule.q is not None
    p, q = tables.column(rule.p.__name__), tables.row(rule.q.__name__)
    xs = [torch_backend.array(x).requires_grad_() for x in (*p.values(), *q.values())]
    ps = rule.p(**dict(zip(p, xs[: len(p)], strict=True)))
    value = relative_entropy(ps, rule.q(**dict(zip(q, xs[len(p) :], strict=True))))
    finite = value[value < math.inf]
    # The table has no truncated normal that covers the line, and no uniform law above 1.
    assert finite.numel() > 0 or rule.q.__name__ in ("TruncatedNormal", "Pareto")
    if not finite.requires_grad:
        return
    slopes = torch.autograd.grad(finite.sum(), xs, allow_unused=True)
    for name, slope in zip([*p, *q], slopes, strict=True):
        # The ends of a truncated normal are infinite for some.
        if slope is not None and name not in ("low", "high"):
            assert not slope.isnan().any(), name


@pytest.mark.parametrize(("p", "q"), SOME)
def test_float32_is_worked_on_in_double(torch_backend: Backend, p: str, q: str) -> None:
    of_p, of_q = pair(p, q)
    sides = [
        [tables.made(torch_backend, f, of, dtype) for f, of in ((p, of_p), (q, of_q))]
        for dtype in ("float32", "float64")
    ]
    single = relative_entropy(*sides[0])
    assert torch_backend.dtype_of(single) == "float32"
    expected = torch_backend.numpy(relative_entropy(*sides[1]))
    # The parameters are rounded to float32.
    np.testing.assert_allclose(torch_backend.numpy(single), expected, rtol=2e-6)


@pytest.mark.parametrize(("p", "q"), SOME[:4])
def test_inside_a_trace(jax_backend: Backend, p: str, q: str) -> None:
    of_p, of_q = pair(p, q)

    def divergence(*xs: Any) -> Any:
        n = len(of_p)
        ps = getattr(relentropy, p)(**dict(zip(of_p, xs[:n], strict=True)))
        return relative_entropy(ps, getattr(relentropy, q)(**dict(zip(of_q, xs[n:], strict=True))))

    xs = [jax_backend.array([x, x * 1.01]) for x in (*of_p.values(), *of_q.values())]
    expected = jax_backend.numpy(divergence(*xs))
    np.testing.assert_allclose(jax_backend.numpy(jax_backend.jit(divergence)(*xs)), expected, 1e-9)
    np.testing.assert_allclose(jax_backend.numpy(jax_backend.vmap(divergence)(*xs)), expected, 1e-9)
