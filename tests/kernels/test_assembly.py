"""The loops of the kernels are packed: full vectors, where else there is one number at a time."""

import inspect
import re
from typing import Any

import pytest

numba = pytest.importorskip("numba")
types = numba.types

from relentropy.kernels import (  # noqa: E402
    elementwise,
    jensen_shannon,
    rows,
    slopes,
    streams,
    weights,
)

LOOPS = [
    streams.weigh,
    streams.surplus_of_close,
    streams.surplus_without_far,
    rows.weigh,
    rows.surplus,
    rows.mass_of_block,
    rows.cost,
    rows.others,
    slopes.slopes_of_p,
    slopes.slopes_of_q_close,
    slopes.slopes_of_q_near,
    slopes.slopes_of_q,
    jensen_shannon.terms,
    weights.sums_of_block,
    weights.divergence_of_block,
    weights.mixed_block,
    weights.cost_of_block,
    elementwise.rel_entr_of_block,
    elementwise.kl_div_of_block,
    elementwise.entr_of_block,
]
ARRAYS = ("a", "b", "p", "q", "w", "x", "y", "out")


@pytest.mark.parametrize("number", [types.float32, types.float64], ids=str)
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.py_func.__qualname__)
def test_it_is_packed(loop: Any, number: Any) -> None:
    if "+avx2" not in numba.core.codegen.get_host_cpu_features():
        pytest.skip("the processor has no AVX2")
    names = inspect.signature(loop.py_func).parameters
    row = types.Array(number, 1, "C")
    signature = tuple(row if name in ARRAYS else number for name in names)
    loop.compile(signature)
    suffix = "ps" if number is types.float32 else "pd"
    code = loop.inspect_asm(signature)
    if loop is weights.sums_of_block:  # in float64
        assert re.search(r"vaddpd\s.*%[yz]mm", code)
        return
    assert re.search(rf"vf(n?m)(add|sub)\d+{suffix}\s.*%[yz]mm", code)
