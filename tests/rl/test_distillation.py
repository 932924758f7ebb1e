"""Distillation: truth from the definitions in mpmath, gradients from their finite differences."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from relentropy import jensen_shannon
from relentropy.rl import aggregate, distillation_divergence
from tests import truth
from tests.backends import Backend
from tests.rl.quick import on_every

INF = float("inf")
DIVERGENCES = ["forward", "reverse", "jensen-shannon"]
WEIGHTS = [0.5, 0.1, 1e-3, 1e-8, 1e-30, 1e-300, 5e-324, 0.9, 1 - 1e-3, 1 - 1e-8, 1 - 2.0**-53]
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
EVERY = pytest.mark.exhaustive
SMALLEST = {"float64": 2.0**-1022, "float32": 2.0**-126}


def definition(p: list[mpf], q: list[mpf], divergence: str, weight: float = 0.5) -> mpf:
    """From the teacher's law p and the student's q, as the docstring's table has it."""
    w = mpf(weight)
    if divergence == "forward" or (divergence == "jensen-shannon" and w == 0):
        return truth.relative_entropy(p, q)
    if divergence == "reverse" or w == 1:
        return truth.relative_entropy(q, p)
    return truth.jensen_shannon(p, q, w) / (w * (1 - w))


def exact(student: Any, teacher: Any, *how: Any) -> mpf:
    with truth.digits(1000):
        p, q = (truth.distribution("Logits", x) for x in (teacher, student))
        return definition(p, q, *how)


@cache
def all_exact(dtype: str, *how: Any) -> list[mpf]:
    return [exact(*pair, *how) for pair in zip(*rows(dtype), strict=True)]


def assert_close(got: np.ndarray, expected: list[mpf], dtype: str) -> None:
    for value, true in zip(got, expected, strict=True):
        if true < SMALLEST[dtype]:
            assert 0 <= value <= 2 * SMALLEST[dtype]
        else:
            assert truth.relative_error(value, true) <= TOLERANCE[dtype], (value, true)


def rows(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Students and teachers: close, far, nearly certain, with tokens ruled out.

    One shape for most tests, so that JAX compiles each operation once.
    """
    rng = np.random.default_rng(5)
    student, teacher = [], []
    for step in (1e-6, 1e-3, 0.1):
        a = rng.normal(0, 2, 6)
        student.append(a)
        teacher.append(a + rng.normal(0, step, 6))
    for scale in (1.0, 10.0, 50.0, 200.0, 2000.0):
        student.append(rng.normal(0, scale, 6))
        teacher.append(rng.normal(0, scale, 6))
    student += [[0, 1, 2, -INF, -INF, 1], [0, 1, 2, 3, 4, 5], [0, -INF, -INF, 0, 0, 0]]
    teacher += [[1, 1, 1, -INF, -INF, 0], [0, -INF, 2, -INF, 4, 5], [0, 0, 1, 2, 3, 4]]
    student += [[300, 0, 0, 0, 0, 0], [0, 300, -50, -90, 5, 0]]
    teacher += [[300, 1, 0, 2, 0, 0], [0, 5, 250, -200, 5, 0]]
    return tuple(np.array(x, dtype=np.float64).astype(dtype) for x in (student, teacher))


@on_every("xp", "dtype", ["float64", "float32"], quick=["float64"])
@pytest.mark.parametrize("divergence", ["forward", "reverse"])
def test_the_two_directions(xp: Backend, divergence: str, dtype: str) -> None:
    student, teacher = rows(dtype)
    got = distillation_divergence(
        xp.array(student, dtype), xp.array(teacher, dtype), divergence=divergence
    )
    assert xp.is_native(got)
    assert xp.dtype_of(got) == dtype
    assert_close(xp.numpy(got), all_exact(dtype, divergence), dtype)


@on_every("xp", "dtype", ["float64", "float32"], quick=["float64"])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_jensen_shannon_keeps_its_digits_at_any_weight(
    xp: Backend, weight: float, dtype: str
) -> None:
    student, teacher = rows(dtype)
    got = distillation_divergence(
        xp.array(student, dtype),
        xp.array(teacher, dtype),
        divergence="jensen-shannon",
        weight=weight,
    )
    assert_close(xp.numpy(got), all_exact(dtype, "jensen-shannon", weight), dtype)


def test_the_ends_are_the_two_directions_exactly(xp: Backend) -> None:
    student, teacher = (xp.array(x) for x in rows("float64"))
    for divergence, weight in (("forward", 0), ("reverse", 1), ("forward", 0.0)):
        end = distillation_divergence(student, teacher, divergence="jensen-shannon", weight=weight)
        straight = distillation_divergence(student, teacher, divergence=divergence)
        assert xp.numpy(end).tolist() == xp.numpy(straight).tolist()


def test_it_runs_continuously_into_both_ends(numpy_backend: Backend) -> None:
    """The divergence itself, undivided, goes to 0 there instead."""
    student, teacher = np.random.default_rng(1).normal(0, 1, (2, 20, 8))
    for near, divergence in ((1e-300, "forward"), (1 - 2.0**-53, "reverse")):
        end = distillation_divergence(student, teacher, divergence=divergence)
        beside = distillation_divergence(student, teacher, divergence="jensen-shannon", weight=near)
        np.testing.assert_allclose(beside, end, rtol=1e-12)


@pytest.mark.parametrize("weight", [0.5, 0.1, 0.75])
def test_undivided_it_is_the_usual_divergence(numpy_backend: Backend, weight: float) -> None:
    """β JSD as printed for GKD, with the teacher's weight β, is ours times β (1-β)."""
    from relentropy import Logits

    student, teacher = np.random.default_rng(2).normal(0, 1, (2, 20, 8))
    ours = distillation_divergence(student, teacher, divergence="jensen-shannon", weight=weight)
    usual = jensen_shannon(Logits(teacher), Logits(student), weight=weight)
    np.testing.assert_allclose(weight * (1 - weight) * ours, usual, rtol=1e-14)


@cache
def slopes(row: int, *how: Any) -> list[list[float]]:
    """Central differences of the definition in 90 digits: towards student and teacher."""
    student, teacher = (x[row] for x in rows("float64"))
    found: list[list[float]] = [[], []]
    with mp.workdps(90):
        step = mpf(10) ** -30
        for which, gradient in enumerate(found):
            for i in range(len(student)):
                ends = []
                for sign in (1, -1):
                    moved = [truth.exactly(x) for x in (student, teacher)]
                    if moved[which][i] != -mp.inf:
                        moved[which][i] += sign * step
                    q, p = ([mp.exp(v) for v in x] for x in moved)
                    q, p = ([v / mp.fsum(x) for v in x] for x in (q, p))
                    ends.append(definition(p, q, *how))
                gradient.append(float((ends[0] - ends[1]) / (2 * step)))
    return found


HOWS = [("forward",), ("reverse",), *(("jensen-shannon", w) for w in (0.5, 0.2, 1e-3, 1e-9))]
HOWS.append(("jensen-shannon", 1 - 1e-9))


@on_every("autodiff", "how", HOWS, quick=[HOWS[0], HOWS[3]])
def test_gradients_towards_both(autodiff: Backend, how: tuple[Any, ...]) -> None:
    options = {"divergence": how[0], **({"weight": how[1]} if how[1:] else {})}
    student, teacher = rows("float64")
    got = autodiff.gradient(
        lambda s, t: distillation_divergence(s, t, **options),
        *(autodiff.array(x) for x in (student, teacher)),
    )
    for row, true in enumerate(all_exact("float64", *how)):
        if mp.isinf(true):
            continue  # conventions: see the test that no input makes NaN
        for g, expected in zip(got, slopes(row, *how), strict=True):
            # Close laws have small gradients that keep their digits; elsewhere a probability
            # next to 1 has none for its complement, which meets log-ratios of 50.
            floor = 1e-13 * max(abs(x) for x in expected) if row < 3 else 1e-14
            np.testing.assert_allclose(g[row], expected, rtol=1e-12, atol=floor)


@on_every("autodiff", "weight", [0.0, 1e-300, 0.3], quick=[])
def test_at_equal_laws_the_second_derivative_is_fishers(autodiff: Backend, weight: float) -> None:
    student = [0.5, -1.0, 2.0]
    q = np.exp(student) / np.exp(student).sum()
    hessian = autodiff.hessian(
        lambda s: distillation_divergence(
            s, autodiff.array(student), divergence="jensen-shannon", weight=weight
        ),
        autodiff.array(student),
    )
    np.testing.assert_allclose(hessian, np.diag(q) - np.outer(q, q), atol=1e-13)


OPTIONS: list[dict[str, Any]] = [{"divergence": "forward"}, {"divergence": "reverse"}]
OPTIONS += [{"divergence": "jensen-shannon", "weight": w} for w in (0, 1e-300, 1e-4, 0.5, 1)]


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=EVERY)])
@on_every("autodiff", "options", OPTIONS, quick=[OPTIONS[3]])
def test_no_input_makes_nan(autodiff: Backend, options: dict[str, Any], dtype: str) -> None:
    """Values >= 0 and finite gradients, whatever is ruled out and however far the two are."""
    rng = np.random.default_rng(11)
    pool = np.array([0.0, 1e-6, 1.0, -1.0, 30.0, -41.0, 100.0, -800.0, 1e4, -1e5, -INF])
    student, teacher = (rng.choice(pool, (312, 6)) for _ in range(2))
    for x in (student, teacher):
        x[np.isneginf(x).all(axis=-1), 0] = 0.0
    arrays = [autodiff.array(x, dtype) for x in (student, teacher)]
    value = autodiff.numpy(distillation_divergence(*arrays, **options))
    assert (value >= 0).all()
    # Infinite where the definition is, which JAX cannot tell from a subnormal probability.
    only = {"forward": (teacher, student), "reverse": (student, teacher)}
    end = {0: "forward", 1: "reverse"}.get(options.get("weight"), options["divergence"])
    if end in only:
        a, b = only[end]
        assert (np.isinf(value) == ((a > -INF) & (b == -INF)).any(axis=-1)).all()
    else:
        assert np.isfinite(value).all()
    for gradient in autodiff.gradient(
        lambda s, t: distillation_divergence(s, t, **options), *arrays
    ):
        assert np.isfinite(gradient).all()


@on_every("autodiff", "divergence", DIVERGENCES, quick=["forward"])
def test_a_shared_ruled_out_token_has_no_gradient(autodiff: Backend, divergence: str) -> None:
    student, teacher = rows("float64")
    both = np.isneginf(student) & np.isneginf(teacher)
    assert both.any()
    for gradient in autodiff.gradient(
        lambda s, t: distillation_divergence(s, t, divergence=divergence),
        *(autodiff.array(x) for x in (student, teacher)),
    ):
        assert (gradient[both] == 0).all()
        assert np.isfinite(gradient).all()


@on_every("xp", "divergence", DIVERGENCES, quick=["forward"])
def test_masked_tokens_hold_anything(xp: Backend, divergence: str) -> None:
    student, teacher = rows("float64")
    plain = distillation_divergence(xp.array(student), xp.array(teacher), divergence=divergence)
    kept = np.arange(13) % 3 != 1
    student[1], teacher[4], teacher[7] = np.nan, INF, -INF
    mask = xp.array(kept, "int64")
    got = distillation_divergence(xp.array(student), xp.array(teacher), mask, divergence=divergence)
    np.testing.assert_array_equal(xp.numpy(got), np.where(kept, xp.numpy(plain), 0.0))
    if xp.differentiates:
        for gradient in xp.gradient(
            lambda s, t: distillation_divergence(s, t, mask, divergence=divergence),
            xp.array(student),
            xp.array(teacher),
        ):
            assert np.isfinite(gradient).all()
            assert (gradient[~kept] == 0).all()


def test_sequences_that_are_masked_whole_are_zero(numpy_backend: Backend) -> None:
    got = distillation_divergence(
        np.full((2, 3, 4), np.nan), np.zeros((2, 3, 4)), np.zeros((2, 3), bool)
    )
    assert got.tolist() == [[0.0] * 3] * 2


def test_it_is_reduced_like_everything_else(xp: Backend) -> None:
    student, teacher = (xp.array(x) for x in rows("float64"))
    mask = xp.array(np.arange(13) < 3, "bool")
    value = distillation_divergence(student, teacher, mask)
    mean = float(aggregate(value, mask, "token-mean"))
    assert mean == pytest.approx(xp.numpy(value)[:3].mean(), rel=1e-14)


def test_temperature_divides_the_logits_and_multiplies_nothing(xp: Backend) -> None:
    student, teacher = rows("float64")
    for divergence in DIVERGENCES:
        warm = distillation_divergence(
            xp.array(student), xp.array(teacher), divergence=divergence, temperature=2.0
        )
        halved = distillation_divergence(
            xp.array(student / 2), xp.array(teacher / 2), divergence=divergence
        )
        np.testing.assert_array_equal(xp.numpy(warm), xp.numpy(halved))


def test_half_precision_is_widened_before_anything_else(xp: Backend) -> None:
    student, teacher = (x[3:5] for x in rows("float64"))
    narrow = xp.array(np.tile(student, (7, 1))[:13], "bfloat16")
    wide = xp.array(np.tile(teacher, (7, 1))[:13], "float32")
    got = distillation_divergence(narrow, wide, divergence="jensen-shannon", temperature=3.0)
    assert xp.dtype_of(got) == "float32"
    for value, *pair in zip(*(xp.numpy(x)[:2] for x in (got, narrow, wide)), strict=True):
        expected = exact(*(x / 3 for x in pair), "jensen-shannon", 0.5)
        assert truth.relative_error(value, expected) < 1e-5


@pytest.mark.parametrize(
    "divergence", [*(pytest.param(d, marks=EVERY) for d in DIVERGENCES[:2]), DIVERGENCES[2]]
)
def test_compiled_and_mapped(autodiff: Backend, divergence: str) -> None:
    arrays = [autodiff.array(x) for x in rows("float64")]
    mask = autodiff.array(np.random.default_rng(7).random(13) < 0.7, "bool")

    def loss(s: Any, t: Any, m: Any) -> Any:
        return distillation_divergence(s, t, m, divergence=divergence, weight=0.2)

    expected = autodiff.numpy(loss(*arrays, mask))
    one_by_one = autodiff.vmap(loss)
    if autodiff.name == "jax":
        one_by_one = autodiff.jit(one_by_one)
    for changed in (autodiff.jit(loss), one_by_one):
        np.testing.assert_allclose(
            autodiff.numpy(changed(*arrays, mask)), expected, rtol=1e-13, atol=1e-300
        )


def test_a_bad_row_in_a_trace_is_nan(jax_backend: Backend) -> None:
    student = jax_backend.array([[0.0, math.nan], [0.0, 1.0], [-INF, -INF], [INF, 0.0]])
    teacher = jax_backend.array([[0.0, 1.0]] * 4)
    for divergence in DIVERGENCES:
        f = jax_backend.jit(lambda s, t, d=divergence: distillation_divergence(s, t, divergence=d))
        for got in (f(student, teacher), f(teacher, student)):
            assert np.isnan(jax_backend.numpy(got)).tolist() == [True, False, True, True]


def test_bad_input_says_what_to_do(xp: Backend) -> None:
    good = xp.array(np.zeros((2, 3, 4)))
    for values, came in ((np.nan, "nan"), (INF, "inf")):
        table = np.zeros((2, 3, 4))
        table[1, 2, 0] = values
        with pytest.raises(ValueError, match=rf"teacher_logits\[1, 2\] is {came}.*finite"):
            distillation_divergence(good, xp.array(table))
    table = np.zeros((2, 3, 4))
    table[0, 1] = -INF
    with pytest.raises(ValueError, match=r"student_logits\[0, 1\] is -inf.*mask rows"):
        distillation_divergence(xp.array(table), good)
    with pytest.raises(ValueError, match=r"5 cells.*4.*cut it, \[\.\.\., :4\]"):
        distillation_divergence(good, xp.array(np.zeros((2, 3, 5))))
    with pytest.raises(ValueError, match=r"teacher_logits has shape \(2, 4, 4\)"):
        distillation_divergence(good, xp.array(np.zeros((2, 4, 4))))
    with pytest.raises(ValueError, match=r"mask has shape \(2, 4\)"):
        distillation_divergence(good, good, xp.array(np.ones((2, 4))))
    with pytest.raises(ValueError, match="expected one of 'forward', 'reverse'"):
        distillation_divergence(good, good, divergence="kl")
    for weight in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="weight must lie in"):
            distillation_divergence(good, good, divergence="jensen-shannon", weight=weight)
    for temperature in (0.0, -1.0, INF, math.nan):
        with pytest.raises(ValueError, match="temperature is"):
            distillation_divergence(good, good, temperature=temperature)
    with pytest.raises(TypeError, match="student_logits has dtype int64"):
        distillation_divergence(xp.array(np.zeros((2, 3, 4)), "int64"), good)
    with pytest.raises(ValueError, match=r"\(\.\.\., V\) with V >= 1"):
        distillation_divergence(xp.array(np.zeros((2, 0))), xp.array(np.zeros((2, 0))))


def test_frameworks_do_not_mix(autodiff: Backend) -> None:
    with pytest.raises(TypeError, match="different frameworks"):
        distillation_divergence(autodiff.array(np.zeros((2, 3))), np.zeros((2, 3)))


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_blocks_of_tokens_are_one(torch_backend: Backend, divergence: str) -> None:
    """Enough tokens for several blocks, against the same in pieces of one."""
    import torch

    rng = np.random.default_rng(12)
    student, teacher = (torch_backend.array(x) for x in rng.normal(0, 2, (2, 60_000, 5)))

    def loss(s: Any, t: Any) -> Any:
        return distillation_divergence(s, t, divergence=divergence)

    value, slopes = loss(student, teacher), torch_backend.gradient(loss, student, teacher)
    for i in range(0, 60_000, 7500):
        block = student[i : i + 7500], teacher[i : i + 7500]
        torch.testing.assert_close(value[i : i + 7500], loss(*block), rtol=0, atol=0)
        for whole, piece in zip(slopes, torch_backend.gradient(loss, *block), strict=True):
            np.testing.assert_array_equal(whole[i : i + 7500], piece)


def test_nothing_but_the_arguments_is_kept_for_the_gradient(torch_backend: Backend) -> None:
    import torch

    student, teacher = (torch_backend.array(np.zeros((40, 50))).requires_grad_() for _ in "st")
    kept: list[int] = []

    def pack(x: Any) -> Any:
        kept.append(x.nelement() * x.element_size())
        return x

    for divergence in DIVERGENCES:
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            distillation_divergence(student, teacher, divergence=divergence)
        assert sum(kept) <= 2 * 40 * 50 * 8 + 40  # two tables of logits and a mask


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own forward mode
def test_torch_transforms_and_second_derivatives(torch_backend: Backend) -> None:
    import torch

    student, teacher = (torch_backend.array(x) for x in ([[0.5, -1.0, 2.0]], [[0.1, 0.3, 1.0]]))
    for divergence in DIVERGENCES:

        def loss(s: Any, t: Any, d: str = divergence) -> Any:
            return distillation_divergence(s, t, divergence=d).sum()

        slopes = torch_backend.gradient(loss, student, teacher)
        functional = torch.func.grad(loss, argnums=(0, 1))(student, teacher)
        for a, b in zip(functional, slopes, strict=True):
            np.testing.assert_allclose(torch_backend.numpy(a), b, rtol=1e-14)
        leaves = (student.clone().requires_grad_(), teacher.clone().requires_grad_())
        assert torch.autograd.gradgradcheck(loss, leaves)
        forward_over_reverse = torch.func.hessian(loss)(student, teacher)
        reverse_twice = torch.autograd.functional.hessian(lambda s, f=loss: f(s, teacher), student)
        torch.testing.assert_close(forward_over_reverse, reverse_twice, rtol=0, atol=1e-15)
