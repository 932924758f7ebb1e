"""Bounds for a teacher known on its top k tokens: certified, attained, exact."""

import itertools
import math
from functools import partial
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given
from mpmath import mp, mpf

from relentropy.rl import distillation_divergence, top_k_bounds
from tests import truth
from tests.backends import Backend, backend, installed
from tests.rl.quick import on_every

INF = float("inf")
DIVERGENCES = ["forward", "reverse", "jensen-shannon"]


def definition(p: list[mpf], q: list[mpf], divergence: str) -> mpf:
    if divergence == "forward":
        return truth.relative_entropy(p, q)
    if divergence == "reverse":
        return truth.relative_entropy(q, p)
    return 4 * truth.jensen_shannon(p, q)


def top_k(probs: np.ndarray, k: int, shuffle: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities and ids of the k most probable, in an order of no meaning."""
    order = np.argsort(-probs, axis=-1, kind="stable")[..., :k]
    order = order if shuffle is None else shuffle.permuted(order, axis=-1)
    with np.errstate(divide="ignore"):
        return np.log(np.take_along_axis(probs, order, axis=-1)), order


def teachers(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Flat, peaked and uniform, with ties."""
    made = [rng.dirichlet(np.full(size, c)) for c in 10 ** rng.uniform(-2, 3, n)]
    made[0] = np.full(size, 1 / size)
    counts = rng.integers(1, 4, size).astype(float)
    made[1] = counts / counts.sum()
    return np.array(made)


def bounds_of(
    xp: Backend, log_p: Any, tokens: Any, student: Any, *mask: Any, **options: Any
) -> Any:
    """On JAX compiled in one piece, which is quicker than an operation at a time."""
    f = partial(top_k_bounds, **options)
    arrays = [xp.array(log_p), xp.array(tokens, "int64"), xp.array(student)]
    return (xp.jit(f) if xp.name == "jax" else f)(*arrays, *mask)


def one_of_two(xp: Backend, which: int, log_p: Any, tokens: Any, divergence: str) -> Any:
    """The student's logits to a bound."""
    known = xp.array(log_p), xp.array(tokens, "int64")

    def f(student: Any) -> Any:
        return top_k_bounds(*known, student, divergence=divergence)[which]

    return xp.jit(f) if xp.name == "jax" else f


def certified(lower: Any, exact: Any, upper: Any, rest: Any) -> None:
    """To rounding: 1 - Σ is uncertain by some 1e-16, and "reverse" divides by it."""
    room = (1e-12 + 1e-15 / rest) * np.where(np.isfinite(exact), 1 + exact, 0.0)
    assert (lower <= exact + room).all()
    assert (exact <= upper + room).all()
    assert (lower <= upper).all()


@on_every("xp", "divergence", DIVERGENCES, quick=["forward"])
def test_the_divergence_lies_between(xp: Backend, divergence: str) -> None:
    rng = np.random.default_rng(21)
    for size, k in ((8, 1), (8, 3), (8, 7), (8, 8)):
        p = np.maximum(teachers(rng, 40, size), 1e-4)
        p /= p.sum(-1, keepdims=True)
        student = rng.normal(0, 3, (40, size))
        bounds = bounds_of(xp, *top_k(p, k, rng), student, divergence=divergence)
        exact = distillation_divergence(student, np.log(p), divergence=divergence)
        lower, upper = (xp.numpy(x) for x in bounds)
        certified(lower, exact, upper, rest=1e-4)
        if k >= size - 1:
            np.testing.assert_allclose(lower, exact, rtol=1e-10, atol=1e-14)
            np.testing.assert_allclose(upper, exact, rtol=1e-10, atol=1e-14)


@given(st.data())
def test_no_teacher_that_fits_leaves_the_bounds(data: st.DataObject) -> None:
    """Teachers drawn anyhow; the student may rule tokens out."""
    size = data.draw(st.integers(2, 9))
    k = data.draw(st.integers(1, size))
    weights = st.lists(st.integers(1, 1000), min_size=size, max_size=size)
    p = np.array(data.draw(weights), float) ** data.draw(st.sampled_from([0.3, 1, 5, 20]))
    p /= p.sum()
    logit = st.one_of(st.floats(-30, 30), st.sampled_from([0.0, -100.0, -INF]))
    student = np.array(data.draw(st.lists(logit, min_size=size, max_size=size)))
    student[data.draw(st.integers(0, size - 1))] = 0.0
    divergence = data.draw(st.sampled_from(DIVERGENCES))
    weight = data.draw(st.sampled_from([0.0, 1e-9, 0.3, 0.5, 1.0]))
    log_p, tokens = top_k(p, k)
    rest = 1.0 if k == size else np.sort(p)[: size - k].sum()
    assume(rest > 1e-9)
    bounds = top_k_bounds(log_p, tokens, student, divergence=divergence, weight=weight)
    exact = distillation_divergence(student, np.log(p), divergence=divergence, weight=weight)
    certified(bounds.lower, exact, bounds.upper, rest)


def worst_by_enumeration(
    p: np.ndarray, tokens: np.ndarray, student: np.ndarray, divergence: str
) -> mpf:
    """The largest divergence over all vertices of the rest's polytope, every order tried."""
    with truth.digits(50):
        q = truth.distribution("Logits", student)
        known = {int(i): mpf(float(p[i])) for i in tokens}
        others = [i for i in range(len(p)) if i not in known]
        rest, cap = 1 - mp.fsum(known.values()), min(known.values())
        best = mpf(0)
        for order in itertools.permutations(others):
            left, law = rest, dict(known)
            for i in order:
                law[i] = min(left, cap)
                left -= law[i]
            assert left == 0
            best = max(best, definition([law[i] for i in range(len(p))], q, divergence))
        return best


@on_every("xp", "divergence", DIVERGENCES, quick=[])
def test_the_upper_bound_is_the_worst_teacher_that_fits(xp: Backend, divergence: str) -> None:
    """Sums of dyadic probabilities are exact, so that the bound has no rounding to hide in."""
    rng = np.random.default_rng(3)
    numerators = [[20, 14, 12, 10, 8], [40, 12, 6, 4, 2], [26, 26, 4, 4, 4], [16, 13, 13, 13, 9]]
    p = np.array([rng.permutation(row) for row in numerators]) / 64
    student = rng.normal(0, 2, (4, 5))
    for k in (1, 2, 3):
        log_p, tokens = top_k(p, k)
        bounds = bounds_of(xp, log_p, tokens, student, divergence=divergence)
        for row, upper in enumerate(xp.numpy(bounds.upper)):
            worst = worst_by_enumeration(p[row], tokens[row], student[row], divergence)
            assert upper == pytest.approx(float(worst), rel=1e-12)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_no_rest_inside_the_polytope_is_worse(numpy_backend: Backend, divergence: str) -> None:
    """Mixtures of random vertices, so that the enumeration above need not be believed."""
    rng = np.random.default_rng(9)
    size, k = 30, 4
    p = np.sort(rng.dirichlet(np.full(size, 0.7)))[::-1]
    student = rng.normal(0, 2, size)
    log_p, tokens = top_k(p, k)
    rest, cap = p[k:].sum(), p[k - 1]
    steps = np.clip(rest - cap * np.arange(size - k), 0, cap)
    law = np.tile(p, (2000, 1))
    mixing = rng.dirichlet(np.full(3, 0.3), 2000)
    vertices = rng.permuted(np.tile(steps, (2000, 3, 1)), axis=-1)
    law[:, k:] = np.einsum("nv,nvi->ni", mixing, vertices)
    with np.errstate(divide="ignore"):
        values = distillation_divergence(
            np.tile(student, (2000, 1)), np.log(law), divergence=divergence
        )
    bounds = top_k_bounds(log_p, tokens, student, divergence=divergence)
    assert bounds.lower < values.min()
    assert values.max() <= bounds.upper


@on_every("xp", "divergence", DIVERGENCES, quick=[])
def test_the_lower_bound_is_attained_by_a_rest_like_the_students(
    xp: Backend, divergence: str
) -> None:
    rng = np.random.default_rng(13)
    student = rng.normal(0, 0.1, (6, 8))
    q = np.exp(student) / np.exp(student).sum(-1, keepdims=True)
    p = q.copy()
    p[:, :3] = rng.dirichlet(np.ones(3), 6) * 0.3 + 0.2
    p[:, 3:] *= (1 - p[:, :3].sum(-1, keepdims=True)) / q[:, 3:].sum(-1, keepdims=True)
    assert (p[:, :3].min(-1) > p[:, 3:].max(-1)).all()
    bounds = bounds_of(xp, *top_k(p, 3), student, divergence=divergence)
    exact = distillation_divergence(student, np.log(p), divergence=divergence)
    np.testing.assert_allclose(xp.numpy(bounds.lower), exact, rtol=1e-12)


@on_every("xp", "rest", [1e-3, 1e-9, 1e-15], quick=[])
def test_a_small_rest_keeps_its_digits(xp: Backend, rest: float) -> None:
    """1 - exp(log_p) would have lost them."""
    log_p, student = [math.log1p(-rest)], [0.0, 3.0, 2.0]
    with truth.digits(60):
        first = mp.exp(mpf(log_p[0]))
        q = truth.distribution("Logits", student)
        coarse = definition([first, 1 - first], [q[0], q[1] + q[2]], "reverse")
    bounds = bounds_of(xp, [log_p], [[0]], [student], divergence="reverse")
    # One rounding of log_p is worth 1e-16 / rest of the rest; this one was given exactly.
    assert xp.numpy(bounds.lower)[0] == pytest.approx(float(coarse), rel=1e-13)
    assert xp.numpy(bounds.upper)[0] == INF


@on_every("xp", "divergence", DIVERGENCES, quick=[])
def test_nothing_left_is_exact(xp: Backend, divergence: str) -> None:
    """In reverse infinite, but for what rounding may have hidden from the lower bound."""
    log_p, tokens = np.log([[0.75, 0.25]]), np.array([[2, 0]])
    student = np.array([[0.0, 1.0, 2.0, -1.0]])
    teacher = np.array([[math.log(0.25), -INF, math.log(0.75), -INF]])
    exact = distillation_divergence(student, teacher, divergence=divergence)
    lower, upper = bounds_of(xp, log_p, tokens, student, divergence=divergence)
    np.testing.assert_allclose(xp.numpy(upper), exact, rtol=1e-14)
    if divergence == "reverse":
        assert xp.numpy(lower)[0] < exact[0] == INF
    else:
        np.testing.assert_allclose(xp.numpy(lower), exact, rtol=1e-14)


def test_a_sum_above_one_by_rounding_is_taken_as_meant(xp: Backend) -> None:
    p = np.array([[0.6, 0.4]]) * (1 + 2e-4)
    student = np.array([[1.0, 0.0, 0.0]])
    bounds = bounds_of(xp, np.log(p), [[0, 1]], student)
    q = np.exp(student[0]) / np.exp(student[0]).sum()
    exact = 0.6 * math.log(0.6 / q[0]) + 0.4 * math.log(0.4 / q[1])
    for bound in bounds:
        assert xp.numpy(bound)[0] == pytest.approx(exact, rel=1e-12)


@on_every("autodiff", "divergence", DIVERGENCES, quick=["reverse"])
def test_gradients_towards_the_student(autodiff: Backend, divergence: str) -> None:
    """Central differences of the bounds' own definitions, in mpmath."""
    rng = np.random.default_rng(4)
    p = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    student = rng.normal(0, 1, 5)
    log_p, tokens = top_k(p, 3)

    def coarse(x: list[mpf]) -> mpf:
        q = [mp.exp(v) for v in x]
        q = [v / mp.fsum(q) for v in q]
        known = [mp.exp(mpf(float(v))) for v in log_p]
        q_known = [q[i] for i in tokens]
        law = [*known, 1 - mp.fsum(known)]
        return definition(law, [*q_known, 1 - mp.fsum(q_known)], divergence)

    def worst(x: list[mpf]) -> mpf:
        q = [mp.exp(v) for v in x]
        q = [v / mp.fsum(q) for v in q]
        known = [mp.exp(mpf(float(v))) for v in log_p]
        low, high = sorted((3, 4), key=lambda i: q[i])
        law = [mpf(0)] * 5
        for i, v in zip(tokens, known, strict=True):
            law[i] = v
        law[low] = min(known)
        law[low] = min(law[low], 1 - mp.fsum(known))
        law[high] = 1 - mp.fsum(known) - law[low]
        return definition(law, q, divergence)

    for which, bound in enumerate((coarse, worst)):
        (got,) = autodiff.gradient(
            one_of_two(autodiff, which, log_p, tokens, divergence), autodiff.array(student)
        )
        with mp.workdps(60):
            x, h = truth.exactly(student), mpf(10) ** -20
            slope = []
            for i in range(5):
                up, down = (bound([v + s * h * (j == i) for j, v in enumerate(x)]) for s in (1, -1))
                slope.append(0.0 if mp.isinf(up) else float((up - down) / (2 * h)))
        np.testing.assert_allclose(got, slope, rtol=1e-10, atol=1e-14)


def test_teachers_log_probabilities_are_constants(torch_backend: Backend) -> None:
    log_p = torch_backend.array(np.log([[0.5, 0.3]])).requires_grad_()
    student = torch_backend.array([[0.0, 1.0, 2.0]]).requires_grad_()
    bounds = top_k_bounds(log_p, torch_backend.array([[0, 2]], "int64"), student)
    (bounds.lower + bounds.upper).sum().backward()
    assert log_p.grad is None
    assert bool((student.grad != 0).all())


@on_every("autodiff", "divergence", DIVERGENCES, quick=[])
def test_no_input_makes_nan(autodiff: Backend, divergence: str) -> None:
    rng = np.random.default_rng(8)
    pool = np.array([0.0, 1.0, -30.0, 100.0, -800.0, 1e4, -INF])
    student = rng.choice(pool, (200, 8))
    student[np.isneginf(student).all(axis=-1), 0] = 0.0
    p = teachers(rng, 200, 8)
    p[2] = np.eye(8)[3]
    p[3, 4:] = 0
    p[3] /= p[3].sum()
    log_p, tokens = top_k(p, 5)
    lower, upper = bounds_of(autodiff, log_p, tokens, student, divergence=divergence)
    assert (autodiff.numpy(lower) >= 0).all()
    assert (autodiff.numpy(upper) >= autodiff.numpy(lower)).all()
    for which in (0, 1):
        bound = one_of_two(autodiff, which, log_p, tokens, divergence)
        (gradient,) = autodiff.gradient(bound, autodiff.array(student))
        assert np.isfinite(gradient).all()


def test_masked_tokens_hold_anything(xp: Backend) -> None:
    rng = np.random.default_rng(5)
    p, student = teachers(rng, 6, 8).reshape(2, 3, 8), rng.normal(0, 1, (2, 3, 8))
    log_p, tokens = top_k(p, 3)
    plain = bounds_of(xp, log_p, tokens, student)
    log_p[0, 1], tokens[0, 1], student[0, 1] = np.nan, -100, INF
    log_p[1], tokens[1, :, 0] = 1.0, 99
    mask = np.array([[True, False, True], [False, False, False]])
    arrays = xp.array(log_p), xp.array(tokens, "int64"), xp.array(student)
    for before, after in zip(plain, top_k_bounds(*arrays, xp.array(mask, "bool")), strict=True):
        expected = np.where(mask, xp.numpy(before), 0.0)
        np.testing.assert_allclose(xp.numpy(after), expected, rtol=1e-13, atol=1e-16)


@on_every("xp", "temperature", [2.0], quick=[])
def test_the_students_temperature(xp: Backend, temperature: float) -> None:
    log_p, tokens = np.log([[0.5, 0.25]]), [[3, 1]]
    student = np.array([[0.5, 1.0, -1.0, 0.25]])
    warm = bounds_of(xp, log_p, tokens, student, temperature=temperature)
    for a, b in zip(warm, bounds_of(xp, log_p, tokens, student / temperature), strict=True):
        np.testing.assert_allclose(xp.numpy(a), xp.numpy(b), rtol=1e-15)


def test_dtypes_are_promoted(xp: Backend) -> None:
    log_p, tokens = xp.array(np.log([[0.5, 0.25]]), "float32"), xp.array([[3, 1]], "int32")
    f = xp.jit(top_k_bounds) if xp.name == "jax" else top_k_bounds
    for student, result in (("bfloat16", "float32"), ("float64", "float64")):
        bounds = f(log_p, tokens, xp.array([[0.5, 1.0, -1.0, 0.25]], student))
        assert {xp.dtype_of(x) for x in bounds} == {result}


@pytest.mark.exhaustive
def test_compiled_and_mapped(autodiff: Backend) -> None:
    rng = np.random.default_rng(6)
    p, student = teachers(rng, 6, 8).reshape(2, 3, 8), rng.normal(0, 1, (2, 3, 8))
    arrays = [autodiff.array(x, str(x.dtype)) for x in (*top_k(p, 3), student)]
    mask = autodiff.array([[True, True, True], [True, True, False]], "bool")

    def both(*xs: Any) -> Any:
        lower, upper = top_k_bounds(*xs)
        return lower + 2 * upper

    expected = autodiff.numpy(both(*arrays, mask))
    one_by_one = autodiff.vmap(both)
    if autodiff.name == "jax":
        one_by_one = autodiff.jit(one_by_one)
    for changed in (autodiff.jit(both), one_by_one):
        got = autodiff.numpy(changed(*arrays, mask))
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_what_would_raise_is_nan_in_a_trace(jax_backend: Backend) -> None:
    log_p = np.log(np.tile([0.5, 0.25], (7, 1)))
    log_p[1], log_p[2], log_p[3] = np.log(0.9), 0.5, np.log([0.5, 0.01])
    tokens = np.tile([0, 3], (7, 1))
    tokens[4], tokens[5] = (0, 0), (0, 4)
    student = np.zeros((7, 4))
    student[6, 1] = np.nan
    f = jax_backend.jit(lambda *xs: sum(top_k_bounds(*xs)))
    got = jax_backend.numpy(
        f(*(jax_backend.array(x, str(x.dtype)) for x in (log_p, tokens, student)))
    )
    assert np.isnan(got).tolist() == [False] + [True] * 6


GOOD = (np.log([[0.5, 0.25]]), np.array([[0, 3]]), np.zeros((1, 4)))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({0: np.log([[0.9, 0.9]])}, ValueError, r"sum of exp\(teacher_log_probs\)\[0\] is 1.8"),
        ({0: np.array([[0.5, -1.0]])}, ValueError, r"teacher_log_probs\[0, 0\] is 0.5"),
        ({0: np.array([[np.nan, -1.0]])}, ValueError, r"teacher_log_probs\[0, 0\] is nan"),
        ({0: np.log([[0.5, 0.01]])}, ValueError, r"is 0.51: the 2 other tokens cannot make up"),
        ({1: np.array([[0, 4]])}, ValueError, r"teacher_tokens\[0, 1\] is 4: expected 0 \.\.\. 3"),
        ({1: np.array([[-1, 0]])}, ValueError, r"teacher_tokens\[0, 0\] is -1"),
        ({1: np.array([[3, 3]])}, ValueError, r"is 3: the same token comes twice"),
        (
            {1: np.array([[0.0, 3.0]])},
            TypeError,
            "teacher_tokens is .*float64; expected .*integers",
        ),
        ({1: np.array([[0, 1, 2]])}, ValueError, r"teacher_tokens \(1, 3\)"),
        ({2: np.zeros((2, 4))}, ValueError, r"student_logits \(2, 4\)"),
        ({2: np.zeros((1, 1))}, ValueError, "1 <= k <= V"),
        ({2: np.full((1, 4), np.nan)}, ValueError, r"student_logits\[0\] is nan"),
        ({2: np.zeros((1, 4), int)}, TypeError, "student_logits has dtype int64"),
    ],
)
def test_bad_input_says_what_to_do(
    xp: Backend, changes: dict[int, np.ndarray], error: type[Exception], message: str
) -> None:
    arrays = [changes.get(i, x) for i, x in enumerate(GOOD)]
    with pytest.raises(error, match=message):
        top_k_bounds(*(xp.array(x, str(x.dtype)) for x in arrays))


def test_bad_options(numpy_backend: Backend) -> None:
    with pytest.raises(ValueError, match="expected one of 'forward'"):
        top_k_bounds(*GOOD, divergence="both")
    with pytest.raises(ValueError, match="temperature"):
        top_k_bounds(*GOOD, temperature=0)
    with pytest.raises(TypeError, match="teacher_tokens is str"):
        top_k_bounds(GOOD[0], "03", GOOD[2])
    if "torch" in installed():
        with pytest.raises(TypeError, match="different frameworks"):
            top_k_bounds(*GOOD[:2], backend("torch").array(GOOD[2]))


def test_lists_are_numpys(numpy_backend: Backend) -> None:
    lists = [x.tolist() for x in GOOD]
    for a, b in zip(top_k_bounds(*lists), top_k_bounds(*GOOD), strict=True):
        assert a.tolist() == b.tolist()


def test_a_student_that_has_only_the_known_tokens(autodiff: Backend) -> None:
    """Constrained decoding: everything outside the teacher's top k is ruled out."""
    log_p = autodiff.array(np.log([[0.5, 0.3]]))
    tokens = autodiff.array([[0, 2]], "int64")
    student = autodiff.array([[0.0, -INF, 0.5, -INF]])
    lower, upper = top_k_bounds(log_p, tokens, student)
    assert autodiff.numpy(lower).tolist() == autodiff.numpy(upper).tolist() == [INF]
    whole = autodiff.array(np.log([[0.625, 0.375]]))
    q = np.exp([0.0, 0.5]) / np.exp([0.0, 0.5]).sum()
    exact = float(np.sum([0.625, 0.375] * np.log([0.625, 0.375] / q)))
    f = lambda s: top_k_bounds(whole, tokens, s).lower  # noqa: E731
    assert autodiff.numpy(f(student)) == pytest.approx([exact], rel=1e-12)
    (slope,) = autodiff.gradient(f, student)
    assert slope[0] == pytest.approx([q[0] - 0.625, 0, q[1] - 0.375, 0], abs=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_that_hides_the_rest_leaves_a_lower_bound(xp: Backend, dtype: str) -> None:
    """A confident teacher's log-probability rounds to 0; the true divergence is finite."""
    rest = {"float32": 3e-8, "float64": 3e-17}[dtype]
    size, student = 6, np.array([[0.3, -0.2, 0.0, 0.1, 0.5, -0.4]])
    teacher = [mpf(1) - rest] + [mpf(rest) / (size - 1)] * (size - 1)
    q = truth.distribution("Logits", student[0])
    exact = truth.relative_entropy(q, teacher)
    lower, upper = top_k_bounds(
        xp.array([[0.0]], dtype),
        xp.array([[0]], "int64"),
        xp.array(student, dtype),
        divergence="reverse",
    )
    assert 0.9 * float(exact) < float(lower[0]) < float(exact)
    assert float(upper[0]) == INF
