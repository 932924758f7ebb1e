"""Rows of logits on JAX, under jit: time and temporary memory beside the usual log-softmax.

    python -m benchmarks.jax_rows [--rows 1024] [--cells 32000] [--repeat 9]

All in one run, turn by turn. "all at once" is the formula without blocks. Memory is what XLA wants
for the compiled program beside its inputs and results, in units of one input.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.works import usual_of_jax
from relentropy import Logits, cross_entropy, jeffreys, jensen_shannon, relative_entropy

Verb = Callable[[Any, Any], Any]


def of_logits(verb: Verb) -> Verb:
    return lambda a, b: verb(Logits(a), Logits(b))


VERBS: dict[str, Verb] = {
    "usual": usual_of_jax,
    "relative_entropy": of_logits(relative_entropy),
    "cross_entropy": of_logits(cross_entropy),
    "jeffreys": of_logits(jeffreys),
    "jensen_shannon": of_logits(jensen_shannon),
}


def programs(verb: Verb, a: Any, b: Any) -> list[Any]:
    """The value, with one gradient and with both, compiled."""

    def total(a: Any, b: Any) -> Any:
        return verb(a, b).sum()

    wanted = verb, jax.value_and_grad(total, 0), jax.value_and_grad(total, (0, 1))
    return [jax.jit(f).lower(a, b).compile() for f in wanted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--cells", type=int, default=32000)
    parser.add_argument("--repeat", type=int, default=9)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    shape = options.rows, options.cells
    a = jnp.asarray(3 * rng.standard_normal(shape, dtype="float32"))
    b = a + 1e-3 * jnp.asarray(rng.standard_normal(shape, dtype="float32"))
    compiled = {name: programs(verb, a, b) for name, verb in VERBS.items()}
    with mock.patch.dict(os.environ, RELENTROPY_KERNELS="0"):
        compiled["all at once"] = programs(of_logits(relative_entropy), a, b)
    times: dict[tuple[str, int], list[float]] = {(n, i): [] for n in compiled for i in range(3)}
    for turn in range(options.repeat + 1):
        for (name, i), seconds in times.items():
            start = time.perf_counter()
            jax.block_until_ready(compiled[name][i](a, b))
            if turn > 0:
                seconds.append(time.perf_counter() - start)
    print(f"{shape[0]} × {shape[1]} float32, {os.cpu_count()} processors; value, ∂/∂a, both")
    print(f"{'':18}{'time relative to usual':^30}{'memory in inputs':^27}")
    for name, three in compiled.items():
        ratios = [
            statistics.median(x / y for x, y in zip(times[name, i], times["usual", i], strict=True))
            for i in range(3)
        ]
        memory = [f.memory_analysis().temp_size_in_bytes / a.nbytes for f in three]
        print(
            f"{name:18}"
            + "".join(f"{x:10.2f}" for x in ratios)
            + "".join(f"{x:9.3f}" for x in memory)
        )


if __name__ == "__main__":
    main()
