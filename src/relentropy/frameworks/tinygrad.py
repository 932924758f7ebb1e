"""tinygrad: lazy tensors, whose graph is rewritten before it runs."""

from collections.abc import Callable, Sequence
from typing import Any

from tinygrad.dtype import dtypes, least_upper_dtype
from tinygrad.tensor import Tensor

from relentropy.frameworks import tinygrad_namespace as xp
from relentropy.frameworks.base import Framework

Array = Any


class TinyGrad(Framework):
    name = "tinygrad"

    def holds(self, x: object) -> bool:
        return isinstance(x, Tensor)

    def namespace(self, x: Array) -> Any:
        return xp

    def stop_gradient(self, x: Array) -> Array:
        return x.detach()

    def known(self, condition: Array) -> bool | None:
        return bool(condition.item())

    def rounded(self, x: Array) -> Array:
        return xp.rounded(x)

    def repeat(
        self, step: Callable[..., tuple[Array, ...]], times: int, state: tuple[Array, ...]
    ) -> tuple[Array, ...]:
        for _ in range(times):
            # Each step runs by itself: the graph of all of them would take minutes to compile.
            state = tuple(x.contiguous().realize() for x in step(*state))
        return state

    def result_dtype(self, x: Array, y: Array) -> Any:
        return least_upper_dtype(x.dtype, y.dtype)

    def dtype_name(self, x: Array) -> str:
        return _NAMES.get(x.dtype, str(x.dtype.name))

    def astype(self, x: Array, dtype: Any) -> Array:
        return x.cast(dtype)

    def default_float(self, x: Array) -> Any:
        return dtypes.default_float

    def constant_like(self, x: Array, values: Sequence[float] | float) -> Array:
        return Tensor(list(values) if isinstance(values, Sequence) else values, x.device, x.dtype)

    def positions(self, x: Array) -> Array:
        return Tensor.arange(x.shape[-1], dtype=dtypes.int32).to(x.device)

    def to_numpy(self, x: Array) -> Any:
        return x.numpy()

    def from_numpy(self, values: Any) -> Array:
        return Tensor(values)


_NAMES = {
    getattr(dtypes, name): name
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "bfloat16", "float32", "float64"),
    )
}
"""The field's names for dtypes; tinygrad's own are those of C."""

FRAMEWORK: Framework = TinyGrad()
