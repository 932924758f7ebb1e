"""Relative entropy of rows of logits: ratios to every installed peer and to one plain read.

    python -m benchmarks.kernels [--rows 1024] [--cells 32000] [--repeat 9]

All in one run, turn by turn, so that what else the machine does falls on all alike. Each row of
the table has the median time, the median ratio of a turn and its quartiles, and the largest
relative error over some rows, against float64.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("RELENTROPY_KERNELS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np

from relentropy import Logits, relative_entropy

Run = Callable[[], Any]


def peers(a: np.ndarray, b: np.ndarray) -> dict[str, Run]:
    """What is installed, on the same numbers; what compiles has compiled before it is timed."""
    found: dict[str, Run] = {"relentropy": lambda: relative_entropy(Logits(a), Logits(b))}
    found |= torch_peers(a, b) | jax_peers(a, b)
    from scipy.special import log_softmax

    def scipy_route() -> np.ndarray:
        log_p, log_q = log_softmax(a, axis=-1), log_softmax(b, axis=-1)
        return (np.exp(log_p) * (log_p - log_q)).sum(-1)

    return found | {"SciPy, log-softmax": scipy_route}


def torch_peers(a: np.ndarray, b: np.ndarray) -> dict[str, Run]:
    try:
        import torch
    except ImportError:
        return {}
    p, q = torch.from_numpy(a), torch.from_numpy(b)

    def route(p: Any, q: Any) -> Any:
        log_p, log_q = torch.log_softmax(p, -1), torch.log_softmax(q, -1)
        return torch.nn.functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)

    half_p, half_q = p.bfloat16(), q.bfloat16()
    compiled = torch.compile(route)
    return {
        "plain read of both": lambda: (p.sum(), q.sum()),
        "relentropy, PyTorch": lambda: relative_entropy(Logits(p), Logits(q)),
        "relentropy, bfloat16": lambda: relative_entropy(Logits(half_p), Logits(half_q)),
        "torch eager": lambda: route(p, q),
        "torch.compile": lambda: compiled(p, q),
    }


def jax_peers(a: np.ndarray, b: np.ndarray) -> dict[str, Run]:
    try:
        import jax
    except ImportError:
        return {}
    p, q = jax.numpy.asarray(a), jax.numpy.asarray(b)

    @jax.jit
    def route(p: Any, q: Any) -> Any:
        log_p, log_q = jax.nn.log_softmax(p), jax.nn.log_softmax(q)
        return (jax.numpy.exp(log_p) * (log_p - log_q)).sum(-1)

    return {"jax.jit": lambda: route(p, q).block_until_ready()}


def timed(runs: dict[str, Run], repeat: int) -> dict[str, list[float]]:
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeat):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return times


def largest_error(value: Any, truth: np.ndarray) -> str:
    return f"{np.max(np.abs(value / truth - 1)):.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--cells", type=int, default=32000)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--noise", type=float, default=1e-3, help="of Q's logits about P's")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    shape = options.rows, options.cells
    a = 3 * rng.standard_normal(shape, dtype="float32")
    b = a + options.noise * rng.standard_normal(shape, dtype="float32")
    runs = peers(a, b)
    wide = [Logits(x[:8].astype("float64")) for x in (a, b)]
    truth = relative_entropy(*wide)
    times = timed(runs, options.repeat)
    ours = times["relentropy"]
    print(f"{shape[0]} × {shape[1]} float32, {os.cpu_count()} processors")
    print(f"{'':24}{'ms':>9}{'ratio to relentropy':>22}{'quartiles':>16}{'error':>8}")
    for name, seconds in times.items():
        ratios = [s / o for s, o in zip(seconds, ours, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        value = runs[name]()
        other = isinstance(value, tuple) or "bfloat16" in name  # another question, other inputs
        error = "" if other else largest_error(np.asarray(value)[:8], truth)
        milliseconds = statistics.median(seconds) * 1e3
        spread = f"{low:.2f} – {high:.2f}"
        print(f"{name:24}{milliseconds:9.1f}{middle:22.2f}{spread:>16}{error:>8}")


if __name__ == "__main__":
    main()
