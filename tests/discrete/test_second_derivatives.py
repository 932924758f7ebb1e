"""Second derivatives of the normalised value, and every way the frameworks have to ask for them."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import relentropy
from relentropy import Logits, LogProbs, Probs, relative_entropy
from tests import truth
from tests.backends import Backend, number
from tests.discrete.test_gradients import normalised

KINDS: dict[str, Any] = {"Probs": Probs, "LogProbs": LogProbs, "Logits": Logits}
P = {"Probs": [0.36, 0.48, 0.16], "Logits": [1.5, -0.25, 0.5], "LogProbs": np.log([0.2, 0.3, 0.5])}
Q = {"Probs": [0.2, 0.3, 0.5], "Logits": [0.25, 2.0, -1.0], "LogProbs": np.log([0.6, 0.3, 0.1])}


def numerical_hessian(f: Callable[[Sequence[mpf]], mpf], x: list[mpf]) -> np.ndarray:
    """Central second differences in 100 digits."""
    h, n = mpf(10) ** -20, len(x)

    def moved(*steps: tuple[int, int]) -> mpf:
        y = list(x)
        for i, sign in steps:
            y[i] += sign * h
        return f(y)

    entries = [
        (
            moved((i, 1), (j, 1))
            - moved((i, 1), (j, -1))
            - moved((i, -1), (j, 1))
            + moved((i, -1), (j, -1))
        )
        / (4 * h * h)
        for i in range(n)
        for j in range(n)
    ]
    return np.array([number(v) for v in entries]).reshape(n, n)


# JAX takes seconds to compile a test; the kinds that share a formula are left to exhaustive runs.
KINDS_THAT_DIFFER = [
    "Probs",
    "Logits",
    pytest.param("LogProbs", marks=pytest.mark.exhaustive),
]
LOGITS_FIRST = [
    "Logits",
    *(pytest.param(k, marks=pytest.mark.exhaustive) for k in ("Probs", "LogProbs")),
]


def value_of(kinds: tuple[str, str]) -> Callable[[Any, Any], Any]:
    return lambda a, b: relative_entropy(KINDS[kinds[0]](a), KINDS[kinds[1]](b))


PAIRS = [
    # Every pair in the exhaustive run; JAX takes seconds to compile each.
    pytest.param(a, b, marks=[] if a == b else [pytest.mark.exhaustive])
    for a in KINDS
    for b in KINDS
]


@pytest.mark.parametrize(("kind_p", "kind_q"), PAIRS)
def test_hessian_against_mpmath(autodiff: Backend, kind_p: str, kind_q: str) -> None:
    p, q = list(P[kind_p]), list(Q[kind_q])
    got = autodiff.hessian(value_of((kind_p, kind_q)), autodiff.array(p), autodiff.array(q))
    with truth.digits(100):
        x = truth.exactly([*p, *q])
        expected = numerical_hessian(lambda z: normalised((kind_p, kind_q), z[:3], z[3:]), x)
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_hessian_at_equality_is_the_fisher_information(autodiff: Backend, kind: str) -> None:
    x = autodiff.array(P[kind])
    got = autodiff.hessian(value_of((kind, kind)), x, x)
    with truth.digits(100):
        z = truth.exactly([*P[kind], *P[kind]])
        expected = numerical_hessian(lambda z: normalised((kind, kind), z[:3], z[3:]), z)
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13)
    if kind == "Logits":
        p = np.exp(P[kind]) / np.exp(P[kind]).sum()
        fisher = np.diag(p) - np.outer(p, p)
        np.testing.assert_allclose(got[3:, 3:], fisher, rtol=1e-12)


def test_hessian_at_zeros_is_never_nan(autodiff: Backend) -> None:
    inf = math.inf
    for kind, p, q in (
        ("Probs", [0.25, 0.75, 0.0], [0.5, 0.25, 0.25]),
        ("Probs", [0.25, 0.75, 0.0], [0.5, 0.5, 0.0]),
        ("Probs", [1.0, 0.0, 0.0], [0.5, 0.25, 0.25]),
        ("Logits", [0.0, 1.0, -inf], [0.5, -1.0, -inf]),
        ("Logits", [0.0, -inf, -1.0], [0.0, 0.0, 0.0]),
        ("Logits", [0.0, -40.0, -1.0], [-40.0, 0.0, 1.0]),
    ):
        got = autodiff.hessian(value_of((kind, kind)), autodiff.array(p), autodiff.array(q))
        assert not np.isnan(got).any(), (kind, p, q, got)


def test_hessian_of_logits_with_a_shared_infinity_ignores_the_cell(autodiff: Backend) -> None:
    inf = math.inf
    f = value_of(("Logits", "Logits"))
    wide = autodiff.hessian(f, autodiff.array([0.0, 1.0, -inf]), autodiff.array([0.5, -1.0, -inf]))
    short = autodiff.hessian(f, autodiff.array([0.0, 1.0]), autodiff.array([0.5, -1.0]))
    kept = [0, 1, 3, 4]
    np.testing.assert_allclose(wide[np.ix_(kept, kept)], short, rtol=1e-12, atol=1e-16)
    np.testing.assert_array_equal(wide[[2, 5]], 0)
    np.testing.assert_array_equal(wide[:, [2, 5]], 0)


@pytest.mark.parametrize("kind", KINDS)
def test_torch_gradcheck_and_gradgradcheck(torch_backend: Any, kind: str) -> None:
    # pytorch#115588: gradgrad fails for kl_div
    torch, f = torch_backend.module, value_of((kind, kind))
    p, q = (torch_backend.array([v[kind], v[kind][::-1]]).requires_grad_() for v in (P, Q))
    assert torch.autograd.gradcheck(f, (p, q))
    assert torch.autograd.gradgradcheck(f, (p, q))


# PyTorch's own forward mode still calls torch.jit.script on first use.
@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_torch_func(torch_backend: Any, kind: str) -> None:
    func, f = torch_backend.module.func, value_of((kind, kind))
    p, q = torch_backend.array(P[kind]), torch_backend.array(Q[kind])
    by_p, by_q = torch_backend.gradient(f, p, q)
    got = func.grad(f, argnums=(0, 1))(p, q)
    np.testing.assert_allclose(got[0], by_p, rtol=1e-14)
    np.testing.assert_allclose(got[1], by_q, rtol=1e-14)
    hessian = func.hessian(f, argnums=1)(p, q)  # forward over reverse
    np.testing.assert_allclose(hessian, torch_backend.hessian(f, p, q)[3:, 3:], rtol=1e-12)
    value, slope = func.jvp(f, (p, q), (p * 0 + 1.0, q * 0))
    np.testing.assert_allclose(value, f(p, q), rtol=1e-15)
    np.testing.assert_allclose(slope, by_p.sum(), rtol=1e-12, atol=1e-15)
    rows = func.vmap(func.grad(f))(p.expand(4, 3), q.expand(4, 3))
    np.testing.assert_allclose(rows[3], by_p, rtol=1e-13)


@pytest.mark.parametrize("kind", LOGITS_FIRST)
def test_jax_transformations(jax_backend: Any, kind: str) -> None:
    jax, f = jax_backend.module, value_of((kind, kind))
    p, q = jax_backend.array(P[kind]), jax_backend.array(Q[kind])
    by_p, by_q = jax_backend.gradient(f, p, q)
    for got in jax.jit(lambda a, b: (jax.grad(f, (0, 1))(a, b), jax.jacfwd(f, (0, 1))(a, b)))(p, q):
        np.testing.assert_allclose(got[0], by_p, rtol=1e-13, atol=1e-16)
        np.testing.assert_allclose(got[1], by_q, rtol=1e-13, atol=1e-16)
    value, slope = jax.jit(lambda a, b: jax.jvp(f, (a, b), (a * 0 + 1.0, b * 0)))(p, q)
    np.testing.assert_allclose(value, f(p, q), rtol=1e-14)
    np.testing.assert_allclose(slope, by_p.sum(), rtol=1e-12, atol=1e-15)
    rows = jax.jit(jax.vmap(jax.grad(f)))(jax.numpy.stack([p] * 4), jax.numpy.stack([q] * 4))
    np.testing.assert_allclose(rows[3], by_p, rtol=1e-13, atol=1e-16)
    second = jax.jit(jax.hessian(f, 1))(p, q)
    np.testing.assert_allclose(second, jax_backend.hessian(f, p, q)[3:, 3:], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS_THAT_DIFFER)
def test_vmap_is_the_batch(autodiff: Backend, kind: str) -> None:
    f = value_of((kind, kind))
    p, q = autodiff.array([P[kind]] * 3), autodiff.array([Q[kind], P[kind], Q[kind]])
    rows = autodiff.vmap(f)
    if autodiff.name == "jax":
        rows = autodiff.jit(rows)  # eager, every step compiles
    np.testing.assert_allclose(autodiff.numpy(rows(p, q)), autodiff.numpy(f(p, q)), rtol=1e-14)


def test_vmap_over_one_side(autodiff: Backend) -> None:
    q = autodiff.array([[0.5, 0.5], [0.25, 0.75]])
    p = autodiff.array([0.75, 0.25])
    got = autodiff.vmap(lambda b: relative_entropy(p, b))(q)
    np.testing.assert_allclose(autodiff.numpy(got), autodiff.numpy(relative_entropy(p, q)))


VERB_NAMES = [
    "relative_entropy",
    "cross_entropy",
    "jeffreys",
    "jensen_shannon",
    "bhattacharyya",
    "hellinger",
    "total_variation",
    "chi_square",
    "chernoff",
]


SLOW_TO_COMPILE = [
    pytest.param(name, marks=pytest.mark.exhaustive) if name == "chernoff" else name
    for name in VERB_NAMES
]


@pytest.mark.parametrize("name", SLOW_TO_COMPILE)
def test_every_verb_runs_under_jax_jit_and_vmap(jax_backend: Any, name: str) -> None:
    import relentropy

    f = getattr(relentropy, name)
    p, q = jax_backend.array([P["Probs"]] * 2), jax_backend.array([Q["Probs"], P["Probs"]])
    plain = np.asarray(f(p, q))
    np.testing.assert_allclose(jax_backend.jit(f)(p, q), plain, rtol=1e-12, atol=1e-30)
    rows = jax_backend.jit(jax_backend.vmap(f))(p, q)
    np.testing.assert_allclose(rows, plain, rtol=1e-12, atol=1e-30)


@pytest.mark.parametrize("kind", LOGITS_FIRST)
def test_torch_compile_in_one_graph(torch_backend: Any, kind: str) -> None:
    f = value_of((kind, kind))
    p, q = torch_backend.array([P[kind]] * 2), torch_backend.array([Q[kind], P[kind]])
    compiled = torch_backend.jit(f)
    np.testing.assert_allclose(compiled(p, q), f(p, q), rtol=1e-14)
    slopes = torch_backend.gradient(compiled, p, q)
    for got, expected in zip(slopes, torch_backend.gradient(f, p, q), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("name", SLOW_TO_COMPILE[1:])
def test_torch_compile_of_every_verb(torch_backend: Any, name: str) -> None:
    import relentropy

    f = getattr(relentropy, name)
    p, q = torch_backend.array(P["Probs"]), torch_backend.array(Q["Probs"])
    np.testing.assert_allclose(torch_backend.jit(f)(p, q), f(p, q), rtol=1e-12)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # its own
def test_torch_compile_with_its_default_compiler(torch_backend: Any) -> None:
    torch, f = torch_backend.module, value_of(("Logits", "Logits"))
    compiled = torch.compile(f, fullgraph=True)
    for kind in ("float32", "float64"):
        p, q = (torch_backend.array([v["Logits"]] * 2, kind) for v in (P, Q))
        rtol = 1e-5 if kind == "float32" else 1e-12
        np.testing.assert_allclose(compiled(p, q), f(p, q), rtol=rtol)


def test_entropy_differentiates_twice(autodiff: Backend) -> None:
    from relentropy import entropy

    got = autodiff.hessian(lambda z: entropy(Logits(z)), autodiff.array(P["Logits"]))

    def value(z: Sequence[mpf]) -> mpf:
        w = [mp.exp(v) for v in z]
        return truth.entropy([v / mp.fsum(w) for v in w])

    with truth.digits(100):
        expected = numerical_hessian(value, truth.exactly(P["Logits"]))
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-14)


COMPILED = {
    "Logits": lambda a, b: relative_entropy(Logits(a), Logits(b)),
    "LogProbs": lambda a, b: relative_entropy(LogProbs(a.log_softmax(-1)), Logits(b)),
    "Probs": lambda a, b: relative_entropy(a.softmax(-1), b.softmax(-1)),
    "entropy": lambda a, b: relentropy.entropy(Logits(a)) + relentropy.entropy(Logits(b)),
    "jensen_shannon": lambda a, b: relentropy.jensen_shannon(Logits(a), Logits(b)),
    "renyi": lambda a, b: relentropy.renyi(Logits(a), Logits(b), 0.5),
}


@pytest.mark.parametrize(
    "name", ["Logits", *(pytest.param(n, marks=pytest.mark.exhaustive) for n in [*COMPILED][1:])]
)
def test_other_sizes_are_not_compiled_anew(torch_backend: Any, name: str) -> None:
    """As in PyTorch: a second size makes the graph dynamic, and then it stays."""
    torch = torch_backend.module
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter = CompileCounter()
    f = torch.compile(COMPILED[name], backend=counter, fullgraph=True)
    for rows, cells in [(2, 6), (3, 6), (4, 6), (4, 7), (9, 17)]:
        f(torch.randn(rows, cells), torch.randn(rows, cells))
    assert counter.frame_count <= 3
