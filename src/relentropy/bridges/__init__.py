"""Other libraries' distribution objects, read as ours: arrays, gradients and all.

A library is known by the module of an object's class, and a kind by the name of the class, so that
nothing foreign is imported here.
"""

from importlib import import_module
from typing import Any

LIBRARIES = {
    "torch.distributions": "relentropy.bridges.torch",
    "scipy.stats": "relentropy.bridges.scipy",
    "numpyro": "relentropy.bridges.numpyro",
    "tensorflow_probability": "relentropy.bridges.tfp",
    "distrax": "relentropy.bridges.distrax",
}
"""Where the classes of a library are defined, and who reads them."""


def is_foreign(x: object) -> bool:
    """Whether `x` is an object of one of these libraries, or derives from one."""
    return _bridge_to(x) is not None


def _bridge_to(x: object) -> str | None:
    for cls in type(x).__mro__:
        for prefix, bridge in LIBRARIES.items():
            if cls.__module__.startswith(prefix):
                return bridge
    return None


def read(x: Any) -> Any:
    """The distribution that a foreign object describes; TypeError where we have no such kind."""
    bridge = _bridge_to(x)
    if bridge is None:
        raise TypeError(f"{type(x).__module__}.{type(x).__qualname__} is not a known distribution")
    return import_module(bridge).read(x)
