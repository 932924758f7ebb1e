"""The exponentials of the kernels: their error in units of the last place, and their assembly."""

import re
from typing import Any

import numpy as np
import pytest
from mpmath import exp as true_exp
from mpmath import expm1, mp, mpf

from benchmarks import polynomials

numba = pytest.importorskip("numba")

from relentropy.kernels import coefficients, scalars  # noqa: E402

FLOATS = ("float32", "float64")
UNIT = {"float32": 2.0**-23, "float64": 2.0**-52}


def over(function: Any) -> Any:
    """The scalar function over an array; as the kernels do, without Python's order of sums."""

    @numba.njit(fastmath={"contract"}, error_model="numpy")
    def loop(x: Any, out: Any) -> None:
        for i in range(x.shape[0]):
            out[i] = function(x[i])

    return loop


@numba.njit(fastmath={"contract"})
def remainder(u: Any) -> Any:
    s, r = scalars.reduced(scalars.within(-u))
    return scalars.remainder(u, s, r, scalars.quadratic(r))


exponentials, remainders = over(scalars.scaled_exp), over(remainder)
weights = over(scalars.weight_of)


def scale(dtype: str) -> mpf:
    return mpf(scalars.SCALE_32 if dtype == "float32" else scalars.SCALE_64)


def worst_in_ulp(loop: Any, x: np.ndarray, truth: Any) -> float:
    out = np.empty_like(x)
    loop(x, out)
    worst = 0.0
    with mp.workdps(60):
        for one, value in zip(x, out, strict=True):
            wanted = truth(mpf(float(one)))
            ulp = 2.0 ** (mp.frexp(wanted)[1] - 1) * UNIT[x.dtype.name]
            worst = max(worst, float(abs(mpf(float(value)) - wanted) / ulp))
    return worst


def arguments(dtype: str, low: float, high: float, number: int = 4000) -> np.ndarray:
    """The whole interval, what is near its ends, and every size of numbers near 0."""
    rng = np.random.default_rng(0)
    tiny = np.exp(rng.uniform(-40, 0, number)) * rng.choice([-1, 1], number)
    steps = np.log(2) * (np.arange(-40, 40) + 0.5)  # where k changes
    x = np.concatenate([rng.uniform(low, high, number), [low, high, 0.0], tiny, steps, -steps])
    return x[(x >= low) & (x <= high)].astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_exponential_to_two_units(dtype: str) -> None:
    low, high = (-108.0, 60.0) if dtype == "float32" else (-751.0, 600.0)
    x = arguments(dtype, low, high)
    assert worst_in_ulp(exponentials, x, lambda t: true_exp(t) * scale(dtype)) <= 2


@pytest.mark.parametrize("dtype", FLOATS)
def test_weights_to_three_units_where_they_count(dtype: str) -> None:
    """And to one more for every 30 of k, in float64 for every 5: in the small weights alone."""
    low, high = (-108.0, 60.0) if dtype == "float32" else (-751.0, 600.0)
    x = arguments(dtype, low, high)
    near = np.abs(x) <= 10
    for some, units in ((near, 3), (~near, 6 if dtype == "float32" else 260)):
        assert worst_in_ulp(weights, x[some], lambda t: true_exp(t) * scale(dtype)) <= units
    out = np.empty(3, dtype)
    weights(np.array([0.0, low - 1e4, -np.inf], dtype), out)
    assert out[0] == scale(dtype)
    assert 0 < out[1] == out[2] < 4 * np.finfo(dtype).tiny


@pytest.mark.parametrize("dtype", FLOATS)
def test_remainder_of_the_exponential(dtype: str) -> None:
    """exp(-u) - 1 + u: two units where k = 0; beyond, what is left after subtracting 1 - u."""
    u = arguments(dtype, -30.0, 200.0)
    near, rest = np.abs(u) < np.log(2) / 2, np.abs(u) > np.log(2) / 2
    for some, units in ((near, 2), (rest, 8)):
        x = u[some & (u != 0)]
        assert worst_in_ulp(remainders, x, lambda t: expm1(-t) + t) <= units


def test_values_at_the_edges() -> None:
    for dtype in FLOATS:
        x = np.array([0.0, -np.inf, np.nan, -1e6], dtype)
        out = np.empty_like(x)
        exponentials(x, out)
        assert out[0] == scale(dtype)
        assert out[1] == 0
        assert np.isnan(out[2])
        assert out[3] == 0
        remainders(x[:1], out[:1])
        assert out[0] == 0


@pytest.mark.parametrize("fit", polynomials.FITS, ids=lambda fit: fit.name)
@pytest.mark.parametrize("dtype", FLOATS)
def test_coefficients_are_what_the_script_finds(fit: Any, dtype: str) -> None:
    constants, worst = polynomials.rounded(fit, dtype)
    assert tuple(constants) == getattr(coefficients, f"{fit.name}_{dtype[5:]}")
    assert worst < UNIT[dtype] / 2


@pytest.mark.parametrize("dtype", FLOATS)
def test_loops_are_packed(dtype: str) -> None:
    """Products of full vectors: what else is a loop of one number at a time."""
    x = np.zeros(64, dtype)
    exponentials(x, x.copy())
    features = numba.core.codegen.get_host_cpu_features()
    if "+avx2" not in features:
        pytest.skip("the processor has no AVX2")
    signature = next(s for s in exponentials.signatures if s[0].dtype.name == dtype)
    code = exponentials.inspect_asm(signature)
    suffix = "ps" if dtype == "float32" else "pd"
    assert re.search(rf"vf(n?m)(add|sub)\d+{suffix}\s.*%[yz]mm", code)
