"""Array frameworks: what differs between them, one file each.

`relentropy._array` is the door through which everything else sees an array; behind it stands one
`Framework` for each package of arrays. NumPy, PyTorch, JAX, TensorFlow and tinygrad are built in;
arrays that have ``__array_namespace__`` are taken as the array-API standard describes them;
another package joins by `register_framework`.
"""

from relentropy.frameworks.base import Framework as Framework
from relentropy.frameworks.registry import register_framework as register_framework

__all__ = ["Framework", "register_framework"]
