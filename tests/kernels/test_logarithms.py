"""rel_entr, kl_div and entr by kernels: units of the last place, and the values at the edges."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import relentropy
from relentropy import _array, _scalar
from relentropy.kernels import door
from tests.backends import FLOATS, Backend
from tests.kernels.test_scalars import UNIT

numba = pytest.importorskip("numba")
logarithms = pytest.importorskip("relentropy.kernels.logarithms")

BOTH = ("float32", "float64")
EDGES = np.array([0.0, -0.0, 5e-324, 1e-310, 0.3, 1.0, 1e308, np.inf, -1.0, -np.inf, np.nan])


def exactly(verb: str, x: float, y: float) -> mpf:
    a, b = mpf(x), mpf(y)
    value = a * mp.log(a / b)
    return {"rel_entr": value, "kl_div": value - a + b, "entr": -a * mp.log(a)}[verb]


def arguments(dtype: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, numbers of every size, subnormal ones, and ratios about 1, 2/3 and 4/3."""
    rng = np.random.default_rng(0)
    x = rng.random(number)
    low, high = (-100, 80) if dtype == "float32" else (-740, 700)
    sizes = np.exp(rng.uniform(low, high, (2, number)))
    close = x * (1 + rng.normal(0, 0.3, number) * 10.0 ** -rng.integers(0, 9, number))
    edge = x * rng.choice([2 / 3, 4 / 3, 0.5, 2], number) * (1 + 1e-6 * rng.normal(size=number))
    pairs = [(x, rng.random(number)), (sizes[0], sizes[1]), (sizes[0], x), (x, close), (x, edge)]
    a, b = (np.concatenate(side).astype(dtype) for side in zip(*pairs, strict=True))
    some = (a > 0) & (b > 0)
    return a[some], b[some]


@pytest.fixture
def by_kernel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The verb, which must be answered by a kernel."""
    monkeypatch.setenv(door.SWITCH, "1")

    def refuse(*_: object) -> None:
        raise AssertionError("the formula was asked")

    def verb(name: str, *xs: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(_scalar, name, refuse)
            patch.setattr(refuse, "__name__", name)
            return getattr(relentropy, name)(*xs)

    return verb


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize(("verb", "units"), [("rel_entr", 2), ("entr", 2), ("kl_div", 16)])
def test_units_in_the_last_place(
    by_kernel: Callable[..., Any], dtype: str, verb: str, units: float
) -> None:
    """kl_div: 16 where x log(x/y) and y - x cancel most, which is at y = 3/4 x."""
    x, y = arguments(dtype, 1500)
    xs = (x,) if verb == "entr" else (x, y)
    worst = 0.0
    with mp.workdps(60):
        for a, b, value in zip(x, y, by_kernel(verb, *xs), strict=True):
            wanted = exactly(verb, float(a), float(b))
            if not np.finfo(dtype).tiny < abs(wanted) < float(np.finfo(dtype).max):
                continue
            ulp = 2.0 ** (mp.frexp(wanted)[1] - 1) * UNIT[dtype]
            worst = max(worst, float(abs(mpf(float(value)) - wanted) / ulp))
    assert worst <= units


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("verb", ["rel_entr", "kl_div", "entr"])
def test_edges_are_those_of_the_formulas(
    by_kernel: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, dtype: str, verb: str
) -> None:
    with np.errstate(over="ignore"):
        x, y = (v.ravel().astype(dtype) for v in np.meshgrid(EDGES, EDGES))
    xs = (x,) if verb == "entr" else (x, y)
    value = by_kernel(verb, *xs)
    monkeypatch.setenv(door.SWITCH, "0")
    wanted = getattr(relentropy, verb)(*xs)
    np.testing.assert_allclose(value, wanted, rtol=10 * UNIT[dtype], atol=0)
    zero = wanted == 0
    assert (np.signbit(value[zero]) == np.signbit(wanted[zero])).all()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_shapes_dtypes_and_frameworks(
    by_kernel: Callable[..., Any], request: pytest.FixtureRequest, framework: str, dtype: str
) -> None:
    backend: Backend = request.getfixturevalue(f"{framework}_backend")
    rng = np.random.default_rng(0)
    x, y = (backend.array(v.tolist(), dtype) for v in rng.random((2, 3, 5, 300)))
    wide = [np.asarray(backend.numpy(v), "float64") for v in (x, y)]
    for xs, given in (
        ((x, y), wide),
        ((x[:, 1:, ::2], y[:, 1:, ::2]), [v[:, 1:, ::2] for v in wide]),
    ):
        value = by_kernel("rel_entr", *xs)
        assert backend.is_native(value)
        assert _array.dtype_name(value) == ("float64" if dtype == "float64" else "float32")
        wanted = given[0] * np.log(given[0] / given[1])
        rtol = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(backend.numpy(value), wanted, rtol=rtol, atol=rtol / 100)


def over_pairs(function: Any) -> Any:
    @numba.njit(fastmath={"contract"}, error_model="numpy")
    def loop(x: Any, y: Any, out: Any) -> None:
        for i in range(x.shape[0]):
            out[i] = function(x[i], y[i])

    return loop


@numba.njit(fastmath={"contract"}, error_model="numpy")
def log_of_quotient(x: Any, y: Any) -> Any:
    large, small = logarithms.log_of(*logarithms.quotient(x, y))
    return large + small


def worst_in_ulp(loop: Any, x: np.ndarray, y: np.ndarray, truth: Callable[..., mpf]) -> float:
    out, worst = np.empty_like(x), 0.0
    loop(x, y, out)
    with mp.workdps(60):
        for a, b, value in zip(x, y, out, strict=True):
            wanted = truth(mpf(float(a)), mpf(float(b)))
            if wanted:
                ulp = 2.0 ** (mp.frexp(wanted)[1] - 1) * UNIT[x.dtype.name]
                worst = max(worst, float(abs(mpf(float(value)) - wanted) / ulp))
    return worst


@pytest.mark.parametrize("dtype", BOTH)
def test_logarithm_of_a_quotient(dtype: str) -> None:
    x, y = arguments(dtype, 2000)
    assert worst_in_ulp(over_pairs(log_of_quotient), x, y, lambda a, b: mp.log(a / b)) <= 1


@pytest.mark.parametrize("dtype", BOTH)
def test_h(dtype: str) -> None:
    """(1+z) log(1+z) - z: four units where k = 0; beyond, what is left after subtracting z."""
    rng = np.random.default_rng(0)
    tiny = np.exp(rng.uniform(-30, -1.2, 4000)) * rng.choice([-1, 1], 4000)
    near = np.concatenate([rng.uniform(-0.33, 0.33, 4000), tiny]).astype(dtype)
    far = np.concatenate([rng.uniform(-1, -0.34, 4000), np.exp(rng.uniform(-1, 60, 4000))])
    loop = over_pairs(logarithms.h)
    for z, units in ((near, 4), (far.astype(dtype), 16)):
        m = (1 + z.astype("float64")).astype(dtype)
        # What is given is z; m beside it may be rounded, and where k != 0 it is what counts.
        z = z if units == 4 else (m.astype("float64") - 1).astype(dtype)
        assert worst_in_ulp(loop, z, m, lambda z, _: (1 + z) * mp.log1p(z) - z) <= units
