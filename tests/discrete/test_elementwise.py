"""rel_entr, kl_div and entr: SciPy's names and meaning, on every framework, without its errors."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from mpmath import mp, mpf

import relentropy
from tests import truth
from tests.backends import Backend, number

INF, NAN = math.inf, math.nan
WIDTHS = ("float32", "float64")


def value(xp: Backend, f: Callable[..., Any], *xs: float, dtype: str = "float64") -> float:
    result = f(*(xp.array([x], dtype) for x in xs))
    assert xp.is_native(result)
    assert xp.dtype_of(result) == dtype
    assert tuple(result.shape) == (1,)
    return number(xp.numpy(result)[0])


def agrees(got: float, expected: mpf, rtol: float, atol: float = 0.0) -> bool:
    if mp.isnan(expected) or mp.isinf(expected) or expected == 0:
        return np.array_equal(got, number(expected), equal_nan=True)
    return abs(mpf(got) - expected) <= rtol * abs(expected) + atol


def underflow(xp: Backend, dtype: str) -> float:
    """What a result below the normal numbers may lose."""
    finfo = np.finfo(dtype)
    return 2 * number(finfo.tiny if xp.flushes_subnormals else finfo.smallest_subnormal)


# One line for each row of the table of edges: x, y, rel_entr, kl_div; None asks mpmath.
EDGES: dict[str, tuple[float, float, float | None, float | None]] = {
    "0, 0": (0.0, 0.0, 0.0, 0.0),
    "x > 0, y = 0": (0.5, 0.0, INF, INF),
    "x = 0, y > 0": (0.0, 0.5, 0.0, 0.5),
    "equal": (0.3, 0.3, 0.0, 0.0),
    "one ulp apart at .1": (0.1, number(np.nextafter(0.1, 1)), None, None),
    "one ulp below at .1": (0.1, number(np.nextafter(0.1, 0)), None, None),
    "1e4 ulp apart at 1e-5": (1e-5, 1e-5 + 1e4 * number(np.spacing(1e-5)), None, None),
    "1e4 ulp apart at .7": (0.7, 0.7 - 1e4 * number(np.spacing(0.7)), None, None),
    "1e300 against 1e-300": (1e300, 1e-300, None, None),
    "1e-300 against 1e300": (1e-300, 1e300, None, None),
    "both 1e-300": (1e-300, 1.0000001e-300, None, None),
    "half against the smallest normal": (0.5, 2.0**-1022, None, None),
    "greatest against 1": (1.7e308, 1.0, INF, INF),
    "1 against greatest": (1.0, 1.7e308, None, None),
    "ratio just below one half": (0.499999, 1.0, None, None),
    "ratio just above two": (1.000001, 0.5, None, None),
    "negative x": (-0.5, 0.5, INF, INF),
    "negative y": (0.5, -0.5, INF, INF),
    "both negative": (-0.5, -0.5, INF, INF),
    "x = 0, negative y": (0.0, -0.5, INF, INF),
    "negative x, y = 0": (-0.5, 0.0, INF, INF),
    "NaN x": (NAN, 0.5, NAN, NAN),
    "NaN y": (0.5, NAN, NAN, NAN),
    "both NaN": (NAN, NAN, NAN, NAN),
    "NaN x, y = 0": (NAN, 0.0, NAN, NAN),
    "x = 0, NaN y": (0.0, NAN, NAN, NAN),
    "infinite x, y = 0": (INF, 0.0, INF, INF),
    "infinite x": (INF, 1.0, INF, INF),
    "infinite y": (1.0, INF, -INF, INF),
    "x = 0, infinite y": (0.0, INF, 0.0, INF),
}


@pytest.mark.parametrize("case", EDGES)
def test_rel_entr_edges(xp: Backend, case: str) -> None:
    x, y, expected, _ = EDGES[case]
    with truth.digits(700):
        expected = truth.rel_entr(x, y) if expected is None else mpf(expected)
        assert agrees(value(xp, relentropy.rel_entr, x, y), expected, 1e-14)


@pytest.mark.parametrize("case", EDGES)
def test_kl_div_edges(xp: Backend, case: str) -> None:
    x, y, _, expected = EDGES[case]
    with truth.digits(700):
        expected = truth.kl_div(x, y) if expected is None else mpf(expected)
        got = value(xp, relentropy.kl_div, x, y)
        assert agrees(got, expected, 1e-13, underflow(xp, "float64"))


@pytest.mark.parametrize(("x", "y"), [(1e-310, 1e-309), (1e-309, 1e-310), (5e-324, 0.5)])
def test_subnormal_numbers(xp: Backend, x: float, y: float) -> None:
    if xp.flushes_subnormals:
        # Stated exception: XLA on the CPU takes subnormal numbers for zero, so 0 log 0.
        x, y = (0.0 if v < 2.0**-1022 else v for v in (x, y))
    for f, exact in ((relentropy.rel_entr, truth.rel_entr), (relentropy.kl_div, truth.kl_div)):
        with truth.digits(700):
            assert agrees(value(xp, f, x, y), exact(x, y), 1e-13, atol=2e-323)


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0.0, 0.0), (1.0, 0.0), (-1.0, -INF), (-INF, -INF), (NAN, NAN), (INF, -INF), (-0.0, 0.0)],
)
def test_entr_edges(xp: Backend, x: float, expected: float) -> None:
    assert np.array_equal(value(xp, relentropy.entr, x), expected, equal_nan=True)


@pytest.mark.parametrize("x", [0.5, 0.1, 1e-300, 1 - 2.0**-53, 1 + 2.0**-52, 3.0, 1e300, 0.999])
def test_entr_values(xp: Backend, x: float) -> None:
    with truth.digits(60):
        assert agrees(value(xp, relentropy.entr, x), -mpf(x) * mp.log(mpf(x)), 1e-14)


@pytest.mark.parametrize("dtype", WIDTHS)
def test_a_grid_against_mpmath(xp: Backend, dtype: str) -> None:
    sizes = [1e-30, 1e-8, 1e-3, 0.2, 0.5, 0.7, 1.0, 1.0001, 3.0, 1e4, 1e20]
    nudges = [0.0, 1e-6, -1e-6, 1e-3, -0.03, 0.3, -0.45]
    pairs = [(x, y) for x, y in itertools.product(sizes, sizes)]
    pairs += [(x, x * (1 + n)) for x, n in itertools.product(sizes, nudges)]
    x, y = (xp.array([pair[i] for pair in pairs], dtype) for i in (0, 1))
    rtol = 1e-14 if dtype == "float64" else 1e-6
    results = {f: xp.numpy(getattr(relentropy, f)(x, y)) for f in ("rel_entr", "kl_div")}
    exact = {"rel_entr": truth.rel_entr, "kl_div": truth.kl_div}
    for name, got in results.items():
        for i, (a, b) in enumerate(zip(xp.numpy(x), xp.numpy(y), strict=True)):
            with truth.digits(120):
                expected = exact[name](a, b)
                floor = underflow(xp, dtype)
                assert agrees(number(got[i]), expected, 10 * rtol, floor), (
                    name,
                    a,
                    b,
                    got[i],
                    expected,
                )


def test_scipy_means_the_same() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0, 3, (2, 500))
    np.testing.assert_allclose(relentropy.rel_entr(x, y), scipy.special.rel_entr(x, y), rtol=1e-13)
    np.testing.assert_allclose(relentropy.entr(x), scipy.special.entr(x), rtol=1e-14)
    far = abs(x / y - 1) > 0.1  # near x = y SciPy's kl_div cancels
    np.testing.assert_allclose(
        relentropy.kl_div(x, y)[far], scipy.special.kl_div(x, y)[far], rtol=1e-11
    )


def test_arguments_broadcast(xp: Backend) -> None:
    x, y = xp.array([[0.1], [0.2], [0.7]]), xp.array([0.3, 0.7])
    for f in (relentropy.rel_entr, relentropy.kl_div):
        got = f(x, y)
        assert tuple(got.shape) == (3, 2)
        np.testing.assert_array_equal(xp.numpy(got)[1, 1], xp.numpy(f(x[1], y[1:]))[0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(xp: Backend, dtype: str) -> None:
    x, y = xp.array([0.1, 0.5], dtype), xp.array([0.2, 0.25], dtype)
    for f, exact in ((relentropy.rel_entr, truth.rel_entr), (relentropy.kl_div, truth.kl_div)):
        got = f(x, y)
        assert xp.dtype_of(got) == "float32"
        pairs = zip(xp.numpy(x), xp.numpy(y), strict=True)
        expected = [number(exact(a, b)) for a, b in pairs]
        np.testing.assert_allclose(xp.numpy(got), expected, rtol=1e-6)


def test_python_floats_and_lists() -> None:
    assert number(relentropy.rel_entr(0.5, 0.25)) == pytest.approx(0.5 * math.log(2), rel=1e-15)
    assert number(relentropy.kl_div(0.0, 0.5)) == 0.5
    assert number(relentropy.entr(0.5)) == pytest.approx(0.5 * math.log(2), rel=1e-15)
    assert relentropy.entr([0.0, 1.0]).tolist() == [0.0, 0.0]


# --- gradients ---------------------------------------------------------------------------------

INTERIOR = [(0.3, 0.5), (0.5, 0.3), (1e-5, 0.7), (0.2, 0.2), (0.7, 1e-5), (0.25, 0.2500001)]


@pytest.mark.parametrize(("x", "y"), INTERIOR)
def test_gradients_inside(autodiff: Backend, x: float, y: float) -> None:
    with truth.digits(60):
        log, ratio = mp.log(mpf(x) / mpf(y)), mpf(x) / mpf(y)
        expected = {"rel_entr": (log + 1, -ratio), "kl_div": (log, 1 - ratio)}
    for name, slopes in expected.items():
        f = getattr(relentropy, name)
        got = autodiff.gradient(f, autodiff.array([x]), autodiff.array([y]))
        for g, s in zip(got, slopes, strict=True):
            assert agrees(number(g[0]), s, 1e-12), (name, g, s)
    (got,) = autodiff.gradient(relentropy.entr, autodiff.array([x]))
    assert agrees(number(got[0]), -mp.log(mpf(x)) - 1, 1e-12)


@pytest.mark.parametrize("name", ["rel_entr", "kl_div"])
def test_gradients_at_zeros_are_never_nan(autodiff: Backend, name: str) -> None:
    f = getattr(relentropy, name)
    x, y = autodiff.array([0.0, 0.0, 0.5, 0.5]), autodiff.array([0.0, 0.5, 0.0, 0.5])
    by_x, by_y = autodiff.gradient(f, x, y)
    assert not np.isnan(by_x).any()
    assert not np.isnan(by_y).any()
    assert by_x[1] == 0  # the convention at x = 0
    assert by_y[2] == -INF
    assert by_y[1] == (1.0 if name == "kl_div" else 0.0)


@pytest.mark.parametrize(("x", "y"), [(0.3, 0.5), (0.5, 0.3), (0.2, 0.2)])
def test_second_derivatives_inside(autodiff: Backend, x: float, y: float) -> None:
    for name in ("rel_entr", "kl_div"):
        f = getattr(relentropy, name)
        got = autodiff.hessian(f, autodiff.array([x]), autodiff.array([y]))
        expected = [[1 / x, -1 / y], [-1 / y, x / y**2]]
        np.testing.assert_allclose(got, expected, rtol=1e-12)


EDGE_ROWS = [[0.0, 0.3], [0.5, 0.5]], [[0.5, 0.0], [0.1, 0.5]]


def test_vmap(autodiff: Backend) -> None:
    x, y = map(autodiff.array, EDGE_ROWS)
    for f in (relentropy.rel_entr, relentropy.kl_div):
        plain = autodiff.numpy(f(x, y))
        np.testing.assert_array_equal(autodiff.numpy(autodiff.vmap(f)(x, y)), plain)


def test_compiled(autodiff: Backend) -> None:
    x, y = map(autodiff.array, EDGE_ROWS)
    for f in (relentropy.rel_entr, relentropy.kl_div):
        plain = autodiff.numpy(f(x, y))
        np.testing.assert_allclose(autodiff.numpy(autodiff.jit(f)(x, y)), plain, rtol=1e-15)
