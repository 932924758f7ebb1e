"""What only tinygrad has: laziness, gradients of a graph, TinyJit, functions of our own."""

import math
from typing import Any

import mpmath
import numpy as np
import pytest

import relentropy
from relentropy import Counts, Logits, LogProbs, Probs, relative_entropy
from relentropy.frameworks import tinygrad_namespace
from tests.backends import Backend

A, B = [[0.0, 1.0, -2.0], [0.5, -math.inf, 0.25]], [[0.5, 0.0, 1.0], [0.0, -math.inf, 3.0]]


@pytest.fixture
def tiny(tinygrad_backend: Backend) -> Any:
    return tinygrad_backend.module


def logits(tiny: Any) -> tuple[Any, Any]:
    return tiny.Tensor(A, dtype=tiny.dtypes.float64), tiny.Tensor(B, dtype=tiny.dtypes.float64)


def slopes(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """∂D/∂a = p (log(p/q) - D) and ∂D/∂b = q - p, from the definition."""
    p, q = (np.exp(x) / np.exp(x).sum(-1, keepdims=True) for x in (a, b))
    t = np.log(np.where(p > 0, p, 1.0) / np.where(p > 0, q, 1.0))
    return p * (t - (p * t).sum(-1, keepdims=True)), q - p


@pytest.mark.exhaustive
def test_nothing_runs_until_it_is_asked_for(tiny: Any) -> None:
    from tinygrad.helpers import GlobalCounters

    a, b = (x.realize() for x in logits(tiny))
    before = GlobalCounters.kernel_count
    value = relative_entropy(Logits(a), Logits(b))
    assert GlobalCounters.kernel_count == before
    value.realize()
    assert GlobalCounters.kernel_count > before


def test_backward(tiny: Any) -> None:
    a, b = logits(tiny)
    relative_entropy(Logits(a), Logits(b)).sum().backward()
    for found, expected in zip((a.grad, b.grad), slopes(np.array(A), np.array(B)), strict=True):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13, atol=1e-16)


def test_a_value_may_be_looked_at_before_its_gradient_is_taken(tiny: Any) -> None:
    """A buffer made on the way would end the graph there, and its gradient would be 0."""
    a, b = logits(tiny)
    value = relative_entropy(Logits(a), Logits(b))
    value.numpy()
    (value * value).numpy()
    got = [g.numpy() for g in value.sum().gradient(a, b)]
    for found, expected in zip(got, slopes(np.array(A), np.array(B)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-16)


def test_gradients_at_the_edges_of_probabilities(tinygrad_backend: Backend) -> None:
    """Zeros in p, in q, in both; disjoint; equal; a row that is no distribution."""
    p = [[0.25, 0.75, 0.0], [0.25, 0.5, 0.25], [0.25, 0.75, 0.0], [1, 0, 0], [0.2, 0.3, 0.5]]
    q = [[0.5, 0.25, 0.25], [0.5, 0.5, 0.0], [0.75, 0.25, 0.0], [0, 1, 0], [0.2, 0.3, 0.5]]
    by_p, by_q = tinygrad_backend.gradient(relative_entropy, *map(tinygrad_backend.array, (p, q)))
    half, d = math.log(0.5), 0.25 * math.log(0.5) + 0.75 * math.log(3)
    third = 0.25 * math.log(1 / 3) + 0.75 * math.log(3)
    np.testing.assert_allclose(by_p[0], [half - d, math.log(3) - d, 0], rtol=1e-13)
    np.testing.assert_allclose(by_q[0], [0.5, -2, 1], rtol=1e-14)
    np.testing.assert_array_equal(by_p[1], [0, 0, 0])
    np.testing.assert_array_equal(by_q[1], [0.5, 0, -math.inf])
    np.testing.assert_allclose(
        by_p[2], [math.log(1 / 3) - third, math.log(3) - third, 0], rtol=1e-13
    )
    np.testing.assert_allclose(by_q[2][:2], [2 / 3, -2], rtol=1e-13)
    assert by_q[3][0] == -math.inf
    np.testing.assert_array_equal(by_p[3:], 0)
    np.testing.assert_array_equal(by_q[4], 0)


def test_gradients_at_the_edges_of_logits(tinygrad_backend: Backend) -> None:
    """A cell that neither has, one that only Q has, one that only P has; very wide logits."""
    a = [[0.5, 1.0, -math.inf], [0.0, -math.inf, -math.inf], [0.0, 0.0, 1.0], [300.0, 0.0, -300.0]]
    b = [[1.0, 0.0, -math.inf], [0.0, 0.0, -math.inf], [0.0, -math.inf, 1.0], [0.0, 200.0, 0.0]]
    f = lambda x, y: relative_entropy(Logits(x), Logits(y))  # noqa: E731
    by_a, by_b = tinygrad_backend.gradient(f, *map(tinygrad_backend.array, (a, b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        expected_a, expected_b = slopes(np.array(a), np.array(b))
    for row in (0, 1, 3):
        np.testing.assert_allclose(by_a[row], expected_a[row], rtol=1e-12, atol=1e-16)
        np.testing.assert_allclose(by_b[row], expected_b[row], rtol=1e-12, atol=1e-16)
    np.testing.assert_array_equal(by_a[2], 0)  # by convention, where D is infinite
    assert np.isfinite(by_b[2]).all()


@pytest.mark.exhaustive
def test_second_derivatives(tinygrad_backend: Backend) -> None:
    """Of logits: diag(q) - q q' in b, -(diag(p) - p p') between a and b."""
    a, b = tinygrad_backend.array([0.0, 1.0, -2.0]), tinygrad_backend.array([0.5, 0.0, 1.0])
    got = tinygrad_backend.hessian(lambda x, y: relative_entropy(Logits(x), Logits(y)), a, b)
    p, q = (np.exp(x.numpy()) / np.exp(x.numpy()).sum() for x in (a, b))
    np.testing.assert_allclose(got[3:, 3:], np.diag(q) - np.outer(q, q), rtol=1e-12)
    np.testing.assert_allclose(got[3:, :3], np.outer(p, p) - np.diag(p), rtol=1e-12)


def test_rows_that_are_no_distribution(tinygrad_backend: Backend) -> None:
    rows = [[-0.25, 1.25], [math.nan, 1.0], [0.5, 0.6], [0.0, 0.0], [math.inf, 0.0], [0.25, 0.75]]
    bad, good = tinygrad_backend.array(rows), tinygrad_backend.array([[0.5, 0.5]] * len(rows))
    got = tinygrad_backend.numpy(relative_entropy(bad, good))
    assert np.isnan(got[:-1]).all()
    assert got[-1] == pytest.approx(relative_entropy(rows[-1], [0.5, 0.5]), rel=1e-14)
    with pytest.raises(ValueError, match=r"^p in row 1 contains NaN"):
        relative_entropy(Probs(bad, validate=True), good)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_accumulated_in_float32(tinygrad_backend: Backend, dtype: str) -> None:
    p, q = (tinygrad_backend.array([x], dtype) for x in ([0.5, 0.5], [0.25, 0.75]))
    value = relative_entropy(p, q)
    assert tinygrad_backend.dtype_of(value) == "float32"
    np.testing.assert_allclose(value.numpy(), [math.log(4 / 3) / 2], rtol=1e-6)


MASK = [True, False, True]


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", [Probs, LogProbs, Logits, Counts])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("relative_entropy", {"where": MASK, "base": 2}),
        ("cross_entropy", {}),
        ("entropy", {}),
        ("surprisal", {"axis": 0}),
        ("perplexity", {}),
        ("jeffreys", {"axis": 0}),
        ("jensen_shannon", {"weight": 0.25}),
        ("renyi", {"alpha": 2.0}),
        ("tsallis", {"alpha": 0.5}),
        ("chernoff", {}),
        ("hellinger", {}),
        ("total_variation", {}),
        ("chi_square", {}),
        ("bounds", {}),
        ("mutual_information", {}),
        ("conditional_entropy", {}),
    ],
)
def test_every_verb_is_that_of_numpy(
    tinygrad_backend: Backend, name: str, options: Any, kind: Any
) -> None:
    xp, f = tinygrad_backend, getattr(relentropy, name)
    p, q = np.array([[5.0, 4, 1], [2, 3, 5]]), np.array([[2.0, 5, 3], [2, 5, 3]])
    if kind is not Counts:
        whole = p.sum() if name in ("mutual_information", "conditional_entropy") else 10
        p, q = p / whole, q / 10
    if options.get("axis") == 0:
        p, q = p.T.copy(), q.T.copy()
    if kind in (LogProbs, Logits):
        p, q = np.log(p), np.log(q)
    one = name in ("entropy", "surprisal", "mutual_information", "conditional_entropy")
    sides = (p,) if one else (p, q)
    native = options | {k: xp.array(v, "bool") for k, v in options.items() if k == "where"}
    expected = f(*map(kind, sides), **options)
    got = f(*(kind(xp.array(x)) for x in sides), **native)
    pairs = zip(got, expected, strict=True) if name == "bounds" else [(got, expected)]
    for found, wanted in pairs:
        np.testing.assert_allclose(xp.numpy(found), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", ["rel_entr", "kl_div", "entr"])
def test_elementwise(tinygrad_backend: Backend, name: str) -> None:
    x = np.array([0.0, 0.0, 0.5, 0.5, 0.1, -1.0, math.nan, 1e-310, 1e300, 1.0])
    y = np.array([0.0, 0.5, 0.0, 0.5, 0.1 * (1 + 2**-52), 1.0, 1.0, 1e-309, 1e-300, math.inf])
    sides = (x,) if name == "entr" else (x, y)
    f = getattr(relentropy, name)
    got = tinygrad_backend.numpy(f(*map(tinygrad_backend.array, sides)))
    # A subnormal result has no more digits than its last step.
    np.testing.assert_allclose(got, f(*sides), rtol=1e-14, atol=math.ulp(0.0))


@pytest.mark.exhaustive
def test_a_training_step_under_tinyjit(tiny: Any) -> None:
    from tinygrad.helpers import Context
    from tinygrad.nn.optim import SGD

    target = tiny.Tensor([[0.5, 0.25, 0.25], [0.2, 0.3, 0.5]]).realize()
    found = tiny.Tensor.zeros(2, 3).contiguous().realize()
    optimiser = SGD([found], lr=2.0)

    @tiny.TinyJit
    def step() -> Any:
        optimiser.zero_grad()
        loss = relative_entropy(target, Logits(found)).sum()
        loss.backward()
        return loss.realize(*optimiser.schedule_step())

    with Context(TRAINING=1):
        losses = [step().item() for _ in range(40)]
    expected = 2 * math.log(3) - sum(relentropy.entropy([[0.5, 0.25, 0.25], [0.2, 0.3, 0.5]]))
    assert losses[0] == pytest.approx(expected, rel=1e-5)
    assert 0 <= losses[-1] < 1e-9


def test_integers_of_the_framework(tiny: Any) -> None:
    with pytest.raises(TypeError, match=r"got int32: write 1\.0 instead of 1"):
        relative_entropy(tiny.Tensor([1, 0]), tiny.Tensor([1, 0]))


def test_another_framework_beside_it(tiny: Any) -> None:
    with pytest.raises(TypeError, match=r"numpy and tinygrad.*tinygrad\.Tensor\(x\)"):
        relative_entropy(tiny.Tensor([0.5, 0.5]), np.array([0.5, 0.5]))


def test_families_say_that_they_are_not_for_tinygrad(tiny: Any) -> None:
    with pytest.raises(TypeError, match=r"loc takes arrays of NumPy, PyTorch or JAX.*tinygrad"):
        relentropy.Normal(tiny.Tensor([1.0]), 1.0)


ULPS = {"exp": 1.0, "log": 2.5, "log1p": 4.0, "expm1": 3.0}
"""What docs/frameworks.md says of our functions, in units in the last place."""


def arguments(name: str, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    small = 10.0 ** rng.uniform(-30, 0, 150)
    largest = {"float32": 87.0, "float64": 708.0}[dtype]
    x = {
        "exp": [rng.uniform(-largest, largest, 200), rng.uniform(-2, 2, 100), small, -small],
        "log": [10.0 ** rng.uniform(-37, 37, 200), rng.uniform(0.7, 1.4, 200), 1 + small],
        "log1p": [small, -0.9 * small, 1 / small, rng.uniform(-0.99, 3, 200)],
        "expm1": [small, -small, rng.uniform(-30, 80, 200), rng.uniform(-1, 1, 200)],
    }[name]
    return np.concatenate(x).astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_our_functions_to_the_last_places(tinygrad_backend: Backend, dtype: str) -> None:
    for name, allowed in ULPS.items():
        x = arguments(name, dtype)
        got = getattr(tinygrad_namespace, name)(tinygrad_backend.array(x, dtype)).numpy()
        with mpmath.workdps(60):
            for v, y in zip(x.tolist(), got, strict=True):
                exact = getattr(mpmath, name)(mpmath.mpf(v))
                unit = float(np.spacing(np.abs(np.asarray(float(exact), dtype))))
                assert abs(mpmath.mpf(float(y)) - exact) <= allowed * unit, (name, v)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_our_functions_at_the_edges(tinygrad_backend: Backend, dtype: str) -> None:
    inf, nan = math.inf, math.nan
    for name, pairs in {
        "exp": {-inf: 0.0, inf: inf, 0.0: 1.0, 1e4: inf, -1e4: 0.0, nan: nan},
        "log": {0.0: -inf, inf: inf, 1.0: 0.0, -1.0: nan, nan: nan},
        "log1p": {0.0: 0.0, -1.0: -inf, inf: inf, nan: nan},
        "expm1": {0.0: 0.0, -inf: -1.0, inf: inf, 1e4: inf, -1e4: -1.0, nan: nan},
    }.items():
        x = tinygrad_backend.array(list(pairs), dtype)
        got = getattr(tinygrad_namespace, name)(x).numpy()
        np.testing.assert_array_equal(got, list(pairs.values()), err_msg=name)
