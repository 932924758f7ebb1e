"""Several devices of JAX in one process: python -m tests.sharded.jax_devices FOLDER.

XLA is told of the devices before it starts, so this is a process of its own. It writes what it
found to FOLDER/found.pickle; `test_jax` compares.
"""

import os
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from relentropy import Logits, relative_entropy, sharded_relative_entropy
from tests.sharded import cases

ROWS = len(cases.NAMES)
WEIGHTS = np.arange(1.0, 1 + ROWS)
CELLS = "cells"
# Older versions cannot compare a place with places that are split.
KINDS = (AxisType.Auto, AxisType.Explicit)[: 2 if jax.__version_info__ >= (0, 10) else 1]


def mesh(devices: int, kind: Any = AxisType.Auto) -> Any:
    return jax.make_mesh((devices,), (CELLS,), (kind,), devices=jax.devices()[:devices])


def over(devices: int, **options: Any) -> Callable[..., Any]:
    """The sharded verb as a function of whole arrays."""
    return jax.shard_map(
        lambda a, b: sharded_relative_entropy(a, b, axis_name=CELLS),
        mesh=mesh(devices),
        in_specs=P(None, CELLS),
        out_specs=P(),
        **options,
    )


def whole(a: Any, b: Any) -> Any:
    return relative_entropy(Logits(a), Logits(b))


def weighed(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: jnp.sum(jnp.asarray(WEIGHTS[: a.shape[0]], f(a, b).dtype) * f(a, b))


def value_and_slopes(f: Callable[..., Any], dtype: str) -> tuple[str, list[np.ndarray]]:
    """The dtype of the value; value and both gradients, taken outside of the map."""
    a, b = (jnp.asarray(x).astype(dtype) for x in cases.stacked())

    def all_three(a: Any, b: Any) -> Any:
        # Rows with NaN or D = +inf have gradients too: each row has a weight of its own.
        value, back = jax.vjp(f, a, b)
        return value, *back(jnp.asarray(WEIGHTS, value.dtype))

    found = jax.jit(all_three)(a, b)
    return found[0].dtype.name, [np.asarray(x, dtype="float64") for x in found]


def inside(devices: int) -> list[np.ndarray]:
    """Gradients taken inside of the map, of the loss that all devices have."""

    def loss(a: Any, b: Any) -> Any:
        return weighed(lambda a, b: sharded_relative_entropy(a, b, axis_name=CELLS))(a, b)

    cut = P(None, CELLS)
    f = jax.shard_map(jax.grad(loss, (0, 1)), mesh=mesh(devices), in_specs=cut, out_specs=cut)
    a, b = (jnp.asarray(x[:6]) for x in cases.stacked())
    return [np.asarray(x) for x in jax.jit(f)(a, b)]


def over_two_axes() -> np.ndarray:
    """Cells split over both axes of a mesh."""
    square = jax.make_mesh((2, 2), ("i", "j"), (AxisType.Auto,) * 2)
    f = jax.shard_map(
        lambda a, b: sharded_relative_entropy(a, b, axis_name=("i", "j"), base=2),
        mesh=square,
        in_specs=P(None, ("i", "j")),
        out_specs=P(),
    )
    return np.asarray(jax.jit(f)(*cases.stacked()))


def second() -> np.ndarray:
    """The Hessian of the first row, of P and Q one after the other."""
    f = over(2)
    a, b = (jnp.asarray(x[:1, :8]) for x in cases.stacked())
    both = jax.jit(jax.hessian(lambda z: f(z[:1], z[1:])[0]))
    return np.asarray(both(jnp.concatenate([a, b])))


def collectives(compiled: Any) -> list[tuple[str, list[tuple[str, int]]]]:
    """(kind, [(dtype, entries) of each array that comes back]) in a compiled program."""
    kinds = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
    found = []
    for result, kind in re.findall(rf"= (.*?) ({kinds})(?:-start)?\(", compiled.as_text()):
        shapes = re.findall(r"([a-z]+\d*)\[([\d,]*)\]", result)
        sizes = [(t, int(np.prod([int(n) for n in dims.split(",") if n]))) for t, dims in shapes]
        found.append((kind, sizes))
    return found


def plain(kind: Any) -> dict[str, Any]:
    """`relative_entropy` as it is, under jit, of arrays whose cells lie on four devices."""
    cut = NamedSharding(mesh(4, kind), P(None, CELLS))
    a, b = (jax.device_put(x[:9], cut) for x in cases.stacked())
    slopes = jax.grad(weighed(whole), (0, 1))
    value_of, slopes_of = (jax.jit(f).lower(a, b).compile() for f in (whole, slopes))
    return {
        "value": np.asarray(value_of(a, b)),
        "slopes": [np.asarray(x) for x in slopes_of(a, b)],
        "collectives": [*collectives(value_of), *collectives(slopes_of)],
    }


def main(folder: Path) -> None:
    a, b = (jnp.asarray(x) for x in cases.stacked())
    runs = ((2, "float32"), (4, "float64"), (4, "bfloat16"))
    found: dict[Any, Any] = {(n, dtype): value_and_slopes(over(n), dtype) for n, dtype in runs}
    found["unchecked"] = value_and_slopes(over(4, check_vma=False), "float64")
    found["inside"] = inside(4)
    found["two axes"] = over_two_axes()
    found["second"] = second()
    for name, f in (("forward", over(4)), ("both", jax.grad(weighed(over(4)), (0, 1)))):
        found[name] = collectives(jax.jit(f).lower(a, b).compile())
    found["plain"] = [plain(kind) for kind in KINDS]
    (folder / "found.pickle").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
