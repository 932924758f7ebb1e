"""One face over all frameworks, so that a test is written once and run on each."""

import importlib
import importlib.util
import itertools
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

FLOATS = ("float16", "bfloat16", "float32", "float64")
WITH_FAMILIES = ("numpy", "torch", "jax")
"""Frameworks on which everything runs; the verbs on arrays run on all."""

NAMES = (*WITH_FAMILIES, "tensorflow", "tinygrad")


def settle_tinygrad() -> None:
    """Choose tinygrad's compiler, before anything imports it."""
    newest_first = [*(f"clang-{version}" for version in range(30, 15, -1)), "clang"]
    found = next(filter(shutil.which, newest_first), None)
    if found:
        os.environ.setdefault("CC", found)  # bfloat16 needs clang 16
    else:  # its interpreter in Python runs everything
        os.environ.setdefault("DEV", "PYTHON")
    os.environ.setdefault("NOOPT", "1")  # the search for faster loops takes most of the time


def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype of that name; bfloat16 comes from ml_dtypes."""
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def as_dtype(values: Any, dtype: str) -> np.ndarray:
    """Float64 values rounded once to `dtype`, as a NumPy array."""
    return np.asarray(values, dtype=np.float64).astype(numpy_dtype(dtype))


class NumPyBackend:
    name = "numpy"
    flushes_subnormals = False
    differentiates = False

    def array(self, values: Any, dtype: str = "float64") -> Any:
        values = np.asarray(values)
        return values.astype(numpy_dtype(dtype))

    def numpy(self, x: Any) -> np.ndarray:
        """Any array of this framework as float64 NumPy, exactly."""
        return np.asarray(x).astype(np.float64)

    def is_native(self, x: Any) -> bool:
        return isinstance(x, np.ndarray | np.generic)

    def dtype_of(self, x: Any) -> str:
        return str(x.dtype)

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return f


class TorchBackend:
    name = "torch"
    flushes_subnormals = False
    differentiates = True

    def __init__(self) -> None:
        self.module = importlib.import_module("torch")
        self.module.set_num_threads(1)

    def array(self, values: Any, dtype: str = "float64") -> Any:
        values = np.asarray(values)
        # NumPy's bfloat16 is unknown to PyTorch; float64 holds every float exactly.
        values = values if values.dtype.kind in "iub" else values.astype(np.float64)
        return self.module.tensor(values).to(getattr(self.module, dtype))

    def numpy(self, x: Any) -> np.ndarray:
        return x.detach().to(self.module.float64).numpy()

    def is_native(self, x: Any) -> bool:
        return isinstance(x, self.module.Tensor)

    def dtype_of(self, x: Any) -> str:
        return str(x.dtype).removeprefix("torch.")

    def gradient(self, f: Callable[..., Any], *xs: Any) -> tuple[np.ndarray, ...]:
        """The gradients of the sum of f(*xs) with respect to each argument."""
        xs = tuple(x.detach().clone().requires_grad_() for x in xs)
        slopes = self.module.autograd.grad(f(*xs).sum(), xs)
        return tuple(self.numpy(g) for g in slopes)

    def hessian(self, f: Callable[..., Any], *xs: Any) -> np.ndarray:
        """The Hessian of Σ f over all arguments laid end to end, by double backward."""
        flat = self.module.cat(xs).requires_grad_()
        split = [x.shape[0] for x in xs]
        (g,) = self.module.autograd.grad(f(*flat.split(split)).sum(), flat, create_graph=True)
        rows = [self.module.autograd.grad(gi, flat, retain_graph=True)[0] for gi in g]
        return self.numpy(self.module.stack(rows))

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return self.module.func.vmap(f)

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        # aot_eager traces forward and backward in one graph without a C++ compiler.
        return self.module.compile(f, fullgraph=True, backend="aot_eager", dynamic=False)


class JaxBackend:
    name = "jax"
    flushes_subnormals = True  # XLA on CPU runs with denormals-are-zero
    differentiates = True

    def __init__(self) -> None:
        self.module = importlib.import_module("jax")
        # Any array that the library makes in float64 must be float64 (conftest sets the switch).
        assert self.module.config.jax_enable_x64, "set JAX_ENABLE_X64=1 before importing jax"

    def array(self, values: Any, dtype: str = "float64") -> Any:
        return self.module.numpy.asarray(np.asarray(values).astype(numpy_dtype(dtype)))

    def numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x).astype(np.float64)

    def is_native(self, x: Any) -> bool:
        return isinstance(x, self.module.Array)

    def dtype_of(self, x: Any) -> str:
        return str(x.dtype)

    def gradient(self, f: Callable[..., Any], *xs: Any) -> tuple[np.ndarray, ...]:
        slopes = self.module.grad(lambda *a: f(*a).sum(), argnums=tuple(range(len(xs))))(*xs)
        return tuple(self.numpy(g) for g in slopes)

    def hessian(self, f: Callable[..., Any], *xs: Any) -> np.ndarray:
        jnp, cuts = self.module.numpy, np.cumsum([x.shape[0] for x in xs])[:-1].tolist()
        flat = jnp.concatenate(xs)
        return self.numpy(self.module.hessian(lambda z: f(*jnp.split(z, cuts)).sum())(flat))

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return self.module.vmap(f)

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return self.module.jit(f)


class TensorFlowBackend:
    name = "tensorflow"
    flushes_subnormals = True  # its threads run with denormals-are-zero
    differentiates = True

    def __init__(self) -> None:
        self.module = importlib.import_module("tensorflow")
        # Two worker processes share two cores; a page of the documentation may have been first.
        with suppress(RuntimeError):
            self.module.config.threading.set_intra_op_parallelism_threads(1)
            self.module.config.threading.set_inter_op_parallelism_threads(1)

    def array(self, values: Any, dtype: str = "float64") -> Any:
        return self.module.constant(np.asarray(values).astype(numpy_dtype(dtype)))

    def numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x.numpy()).astype(np.float64)

    def is_native(self, x: Any) -> bool:
        return isinstance(x, self.module.Tensor)

    def dtype_of(self, x: Any) -> str:
        return str(x.dtype.name)

    def gradient(self, f: Callable[..., Any], *xs: Any) -> tuple[np.ndarray, ...]:
        with self.module.GradientTape() as tape:
            tape.watch(xs)
            total = self.module.reduce_sum(f(*xs))
        return tuple(self.numpy(g) for g in tape.gradient(total, xs))

    def hessian(self, f: Callable[..., Any], *xs: Any) -> np.ndarray:
        flat, split = self.module.concat(xs, 0), [x.shape[0] for x in xs]
        with self.module.GradientTape(persistent=True) as outer:
            outer.watch(flat)
            with self.module.GradientTape() as inner:
                inner.watch(flat)
                value = self.module.reduce_sum(f(*self.module.split(flat, split)))
            slope = inner.gradient(value, flat)
        return self.numpy(outer.jacobian(slope, flat, experimental_use_pfor=False))

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *xs: self.module.vectorized_map(lambda row: f(*row), xs)

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        return self.module.function(f, autograph=False)


class TinygradBackend:
    name = "tinygrad"
    flushes_subnormals = False
    differentiates = True

    def __init__(self) -> None:
        self.module = importlib.import_module("tinygrad")

    def array(self, values: Any, dtype: str = "float64") -> Any:
        values = np.asarray(values)
        wanted = getattr(self.module.dtypes, dtype)
        if dtype == "bfloat16":  # NumPy's is unknown to tinygrad; float32 holds it exactly
            return self.module.Tensor(values.astype(np.float32)).cast(wanted).realize()
        return self.module.Tensor(values.astype(numpy_dtype(dtype))).realize()

    def numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x.numpy()).astype(np.float64)

    def is_native(self, x: Any) -> bool:
        return isinstance(x, self.module.Tensor)

    def dtype_of(self, x: Any) -> str:
        from relentropy import _array

        return _array.dtype_name(x)

    def gradient(self, f: Callable[..., Any], *xs: Any) -> tuple[np.ndarray, ...]:
        return tuple(self.numpy(g) for g in f(*xs).sum().gradient(*xs))

    def hessian(self, f: Callable[..., Any], *xs: Any) -> np.ndarray:
        flat = self.module.Tensor.cat(*xs, dim=0).realize()
        cuts = np.cumsum([0, *(x.shape[0] for x in xs)]).tolist()
        pieces = [flat[i:j] for i, j in itertools.pairwise(cuts)]
        (slope,) = f(*pieces).sum().gradient(flat)
        rows = [slope[i].gradient(flat)[0] for i in range(flat.shape[0])]
        return self.numpy(rows[0].stack(*rows[1:]))

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        jitted = self.module.TinyJit(lambda *xs: f(*xs).realize())

        def run(*xs: Any) -> Any:
            # The first call runs as it is, the second records, the third replays.
            return [jitted(*xs) for _ in range(3)][-1]

        return run


Backend = NumPyBackend | TorchBackend | JaxBackend | TensorFlowBackend | TinygradBackend
_CLASSES = {
    "numpy": NumPyBackend,
    "torch": TorchBackend,
    "jax": JaxBackend,
    "tensorflow": TensorFlowBackend,
    "tinygrad": TinygradBackend,
}
_MADE: dict[str, Backend] = {}


def backend(name: str) -> Backend:
    """The backend of that name; ImportError when the framework is not installed."""
    if name not in _MADE:
        _MADE[name] = _CLASSES[name]()
    return _MADE[name]


def number(x: Any) -> float:
    """float(x), which tensors of tinygrad do not have."""
    return float(x.item() if hasattr(x, "item") else x)


def installed(names: Sequence[str] = NAMES) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is not None]


def everything_is_required() -> bool:
    """Continuous integration sets this: a framework or tool that is absent is then a failure."""
    return os.environ.get("RELENTROPY_REQUIRE_ALL") == "1"
