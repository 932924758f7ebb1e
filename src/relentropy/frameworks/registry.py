"""Which framework an array belongs to."""

import sys
from typing import Any

from relentropy.frameworks.base import ArrayStandard, Framework

Array = Any

_REGISTERED: dict[str, Framework] = {}
_STANDARD = ArrayStandard()

OF_TYPE: dict[type, Framework] = {}
"""The framework of exactly this type, where a module of `frameworks` has said so: asked at once."""


def register_framework(framework: Framework, /) -> None:
    """Let the verbs take the arrays of another package.

    Args:
        framework: an instance of a subclass of `Framework`. A name that was registered before is
            replaced.

    From then on every array verb takes its arrays, alone, and gives the same kind back.

    Errors: TypeError for anything else, ValueError for the name of a built-in framework.

    A package whose arrays have ``__array_namespace__`` (2024.12) needs no registration. One that
    has not, here a thin wrapper of NumPy's arrays, says where its functions are:

    >>> import numpy as np
    >>> from relentropy import Framework, register_framework, relative_entropy
    >>> class Tracked(np.lib.mixins.NDArrayOperatorsMixin):
    ...     def __init__(self, array):
    ...         self.array, self.shape, self.dtype = array, array.shape, array.dtype
    ...     def __getitem__(self, index):
    ...         return Tracked(self.array[index])
    ...     def __array_ufunc__(self, ufunc, method, *xs, **options):
    ...         xs = [x.array if isinstance(x, Tracked) else x for x in xs]
    ...         return Tracked(getattr(ufunc, method)(*xs, **options))
    ...     def __array_function__(self, function, types, xs, options):
    ...         xs = [x.array if isinstance(x, Tracked) else x for x in xs]
    ...         return Tracked(function(*xs, **options))
    >>> class TrackedArrays(Framework):
    ...     name = "tracked"
    ...     def holds(self, x):
    ...         return isinstance(x, Tracked)
    ...     def namespace(self, x):
    ...         return np
    ...     def to_numpy(self, x):
    ...         return x.array
    >>> register_framework(TrackedArrays())
    >>> p, q = Tracked(np.array([0.5, 0.5])), Tracked(np.array([0.75, 0.25]))
    >>> d = relative_entropy(p, q, base=2)
    >>> type(d).__name__, d.array.round(4)
    ('Tracked', np.float64(0.2075))
    """
    if not isinstance(framework, Framework):
        raise TypeError(
            f"expected an instance of a subclass of Framework, got {type(framework).__name__}"
        )
    if not isinstance(getattr(framework, "name", None), str):
        raise TypeError(f"{type(framework).__name__} has no name; write name = '...' in the class")
    if framework.name in BUILT_IN:
        raise ValueError(f"{framework.name!r} is built in; choose another name")
    _REGISTERED[framework.name] = framework


BUILT_IN = ("numpy", "torch", "jax", "tensorflow", "tinygrad")


def name_of(x: object) -> str | None:
    """The name of the framework of `x`; None for what is no array.

    A framework is looked up among the modules already imported, never imported for its own sake.
    Its types come in tuples: torch.compile cannot trace their union.
    """
    at_once = OF_TYPE.get(type(x))
    if at_once is not None:
        return at_once.name
    modules = sys.modules
    numpy, torch, jax = modules.get("numpy"), modules.get("torch"), modules.get("jax")
    if numpy is not None and isinstance(x, (numpy.ndarray, numpy.generic)):
        return "numpy"
    if torch is not None and isinstance(x, torch.Tensor):
        return "torch"
    if jax is not None and isinstance(x, jax.Array):
        return "jax"
    tensorflow, tinygrad = modules.get("tensorflow"), modules.get("tinygrad")
    if tensorflow is not None and isinstance(x, (tensorflow.Tensor, tensorflow.Variable)):
        return "tensorflow"
    if tinygrad is not None and isinstance(x, tinygrad.Tensor):
        return "tinygrad"
    for name, framework in _REGISTERED.items():
        if framework.holds(x):
            return name
    if hasattr(x, "__array_namespace__"):
        return type(x).__module__.partition(".")[0]
    return None


def named(name: str) -> Framework:
    """The framework of a name that `name_of` gave.

    The imports are statements: torch.compile cannot trace import_module.
    """
    if name == "numpy":
        from relentropy.frameworks.numpy import FRAMEWORK
    elif name == "torch":
        from relentropy.frameworks.torch import FRAMEWORK
    elif name == "jax":
        from relentropy.frameworks.jax import FRAMEWORK
    elif name == "tensorflow":
        from relentropy.frameworks.tensorflow import FRAMEWORK
    elif name == "tinygrad":
        from relentropy.frameworks.tinygrad import FRAMEWORK
    else:
        return _REGISTERED.get(name, _STANDARD)
    return FRAMEWORK
