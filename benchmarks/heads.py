"""Two heads compared from hidden states: time and memory, against logits of all tokens at once.

    python -m benchmarks.heads [--full] [--tokens N] [--vocabulary N] [--features N]
                               [--gradients q|all] [--only NAME]

The mean of D(P||Q), forward and backward; each way in a process of its own, after a small run that
loads and compiles what it needs. Memory is the largest resident set during the run less that before
it, so that arguments are not in it, and without the gradients that come back, which are the same
for all ways. `--full` is 2048 tokens, a vocabulary of 131,072 and 1024 features, for which the
ways that make all logits need about 10 GiB.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import kilobytes

WAYS = ("ours, PyTorch", "all logits, PyTorch", "ours, JAX", "all logits, JAX")
STATUS = Path("/proc/self/status")


def torch_way(ours: bool, gradients: str, shape: tuple[int, int, int]) -> Callable[[], float]:
    import torch
    from torch.nn.functional import kl_div, log_softmax

    from relentropy import linear_relative_entropy

    tokens, vocabulary, features = shape
    torch.manual_seed(0)
    hidden_p, hidden_q = torch.randn(2, tokens, features)
    weight_p = torch.randn(vocabulary, features) / features**0.5
    weight_q = weight_p + torch.randn(vocabulary, features) / (10 * features**0.5)
    arguments = [hidden_p, weight_p, hidden_p + hidden_q / 10, weight_q]
    wanted = arguments if gradients == "all" else arguments[2:]

    def run() -> float:
        for x in wanted:
            x.requires_grad_()
        p, w, q, v = arguments
        if ours:
            value = linear_relative_entropy(p, w, q, v).mean()
        else:
            log_p, log_q = log_softmax(p @ w.T, -1), log_softmax(q @ v.T, -1)
            value = kl_div(log_q, log_p, reduction="batchmean", log_target=True)
        value.backward()
        return value.item()

    return run


def jax_way(ours: bool, gradients: str, shape: tuple[int, int, int]) -> Callable[[], float]:
    import jax
    import jax.numpy as jnp

    from relentropy import linear_relative_entropy

    tokens, vocabulary, features = shape
    keys = jax.random.split(jax.random.key(0), 4)
    hidden_p = jax.random.normal(keys[0], (tokens, features))
    hidden_q = hidden_p + jax.random.normal(keys[1], (tokens, features)) / 10
    weight_p = jax.random.normal(keys[2], (vocabulary, features)) / features**0.5
    noise = jax.random.normal(keys[3], (vocabulary, features)) / (10 * features**0.5)
    arguments = jax.block_until_ready((hidden_p, weight_p, hidden_q, weight_p + noise))
    wanted = (0, 1, 2, 3) if gradients == "all" else (2, 3)
    del noise

    def loss(p: Any, w: Any, q: Any, v: Any) -> Any:
        if ours:
            return linear_relative_entropy(p, w, q, v).mean()
        log_p, log_q = jax.nn.log_softmax(p @ w.T), jax.nn.log_softmax(q @ v.T)
        return (jnp.exp(log_p) * (log_p - log_q)).sum(-1).mean()

    compiled = jax.jit(jax.value_and_grad(loss, wanted)).lower(*arguments).compile()

    def run() -> float:
        value, _ = jax.block_until_ready(compiled(*arguments))
        return float(value)

    return run


def measure(way: str, gradients: str, shape: tuple[int, int, int]) -> dict[str, float]:
    ours, make = way.startswith("ours"), torch_way if way.endswith("PyTorch") else jax_way
    make(ours, gradients, (8, 8192, 16))()
    run = make(ours, gradients, shape)
    before = 1024 * kilobytes(STATUS, "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the most so far is what there is now
    start = time.perf_counter()
    value = run()
    seconds = time.perf_counter() - start
    tokens, vocabulary, features = shape
    returned = 4 * features * (tokens + vocabulary) * (2 if gradients == "all" else 1)
    more = 1024 * kilobytes(STATUS, "VmHWM") - before
    return {"value": value, "seconds": seconds, "gib": (more - returned) / 2**30}


def table(
    shape: tuple[int, int, int], gradients: str = "q", ways: Sequence[str] = WAYS
) -> Iterator[str]:
    towards = "of Q" if gradients == "q" else "of both heads"
    name = "{} tokens, vocabulary {}, {} features".format(*shape)
    yield f"| heads: {name}; gradients {towards} | seconds | GiB more | D |"
    yield "|---|--:|--:|--:|"
    for way in ways:
        sizes = zip(("--tokens", "--vocabulary", "--features"), map(str, shape), strict=True)
        command = [sys.executable, "-m", "benchmarks.heads", "--measure", way]
        command += ["--gradients", gradients, *(word for pair in sizes for word in pair)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            yield f"| {way} | {answer.stderr.strip().splitlines()[-1:]} | | |"
            continue
        x = json.loads(answer.stdout)
        yield f"| {way} | {x['seconds']:.2f} | {x['gib']:.3f} | {x['value']:.6g} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--vocabulary", type=int, default=32768)
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--gradients", choices=["q", "all"], default="q")
    parser.add_argument("--only", choices=WAYS)
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    shape = given.tokens, given.vocabulary, given.features
    if given.full:
        shape = 2048, 131072, 1024
    if given.measure:
        print(json.dumps(measure(given.measure, given.gradients, shape)))
        return
    for line in table(shape, given.gradients, [given.only] if given.only else WAYS):
        print(line, flush=True)


if __name__ == "__main__":
    main()
