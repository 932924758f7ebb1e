"""Other libraries' distribution objects, read as ours: arrays, gradients and all.

A library is known by the module of an object's class, and a kind by the name of the class, so that
nothing foreign is imported here.
"""

from typing import Any

LIBRARIES = (
    "torch.distributions",
    "scipy.stats",
    "numpyro",
    "tensorflow_probability",
    "distrax",
)
"""Where the classes of the libraries are defined."""


def library_of(x: object) -> str | None:
    """The library that the class of `x` is from, or derives from; None for all others."""
    for cls in type(x).__mro__:
        for name in LIBRARIES:
            if cls.__module__.startswith(name):
                return name
    return None


def read(x: Any, library: str) -> Any:
    """The distribution that an object of a library describes; TypeError where we have no such kind.

    Each bridge is imported when its first object comes. These are statements, since torch.compile
    can't trace import_module.
    """
    if library == "torch.distributions":
        from relentropy.bridges.torch import read as reader
    elif library == "scipy.stats":
        from relentropy.bridges.scipy import read as reader
    elif library == "numpyro":
        from relentropy.bridges.numpyro import read as reader
    elif library == "tensorflow_probability":
        from relentropy.bridges.tfp import read as reader
    else:
        from relentropy.bridges.distrax import read as reader
    return reader(x)
