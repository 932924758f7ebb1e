"""What is measured, and everybody who can be asked for it."""

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import scipy.special

from benchmarks.measure import Run, Work
from relentropy import Logits, Probs, rel_entr, relative_entropy

NOISE = 1e-3
"""By how much the logits of Q differ from those of P: a model and what became of it."""


def logits(rows: int, cells: int, noise: float = NOISE) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a = 3 * rng.standard_normal((rows, cells), dtype="float32")
    return a, a + np.float32(noise) * rng.standard_normal(a.shape, dtype="float32")


def probabilities(rows: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    p, q = np.random.default_rng(0).random((2, rows, cells))
    return p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)


def exact_of_logits(a: np.ndarray, b: np.ndarray, rows: int = 2) -> list[float]:
    found = []
    with mpmath.workdps(40):
        for x, y in zip(a[:rows].tolist(), b[:rows].tolist(), strict=True):
            p, q = ([mpmath.exp(v) for v in row] for row in (x, y))
            mean = mpmath.fdot(p, map(mpmath.fsub, x, y)) / mpmath.fsum(p)
            found.append(float(mean + mpmath.log(mpmath.fsum(q) / mpmath.fsum(p))))
    return found


def sums(*rows: list[float]) -> list[tuple[list[float], Any]]:
    return [(row, mpmath.fsum(row)) for row in rows]


def exact_of_probabilities(p: np.ndarray, q: np.ndarray, rows: int = 2) -> list[float]:
    found = []
    with mpmath.workdps(40):
        for x, y in zip(p[:rows].tolist(), q[:rows].tolist(), strict=True):
            x, y = ([mpmath.mpf(v) / total for v in row] for row, total in sums(x, y))
            found.append(
                float(mpmath.fsum(s * mpmath.log(s / t) for s, t in zip(x, y, strict=True)))
            )
    return found


# The usual formula, as people write it in each framework


def usual_of_numpy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    log_p, log_q = (scipy.special.log_softmax(x, axis=-1) for x in (a, b))
    return (np.exp(log_p) * (log_p - log_q)).sum(-1)


def usual_of_torch(a: Any, b: Any) -> Any:
    import torch

    log_p, log_q = torch.log_softmax(a, -1), torch.log_softmax(b, -1)
    return torch.nn.functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)


def usual_of_jax(a: Any, b: Any) -> Any:
    import jax

    log_p, log_q = jax.nn.log_softmax(a), jax.nn.log_softmax(b)
    return (jax.numpy.exp(log_p) * (log_p - log_q)).sum(-1)


def naive_loop() -> Any:
    """The usual formula as a loop over rows, with everything numba has to make it fast."""
    import numba

    @numba.njit(fastmath=True, parallel=True)
    def naive(a: Any, b: Any) -> Any:
        out = np.empty(len(a), a.dtype)
        for i in numba.prange(len(a)):
            x, y = a[i], b[i]
            top_x, top_y = x.max(), y.max()
            total_x, total_y, mean = np.float32(0), np.float32(0), np.float32(0)
            for j in range(len(x)):
                weight = np.exp(x[j] - top_x)
                total_x += weight
                total_y += np.exp(y[j] - top_y)
                mean += weight * (x[j] - y[j])
            out[i] = mean / total_x - top_x + top_y + np.log(total_y / total_x)
        return out

    return naive


def forward(rows: int, cells: int, repeat: int, noise: float = NOISE) -> Work:
    import jax
    import torch

    a, b = logits(rows, cells, noise)
    p, q = torch.from_numpy(a), torch.from_numpy(b)
    half_p, half_q = p.bfloat16(), q.bfloat16()
    x, y = jax.numpy.asarray(a), jax.numpy.asarray(b)
    compiled, jitted, loop = torch.compile(usual_of_torch), jax.jit(usual_of_jax), naive_loop()
    ours_on_jax = jax.jit(lambda x, y: relative_entropy(Logits(x), Logits(y)))
    runs: dict[str, Run] = {
        "relentropy": lambda: relative_entropy(Logits(a), Logits(b)),
        "relentropy, PyTorch": lambda: relative_entropy(Logits(p), Logits(q)),
        "relentropy, bfloat16": lambda: relative_entropy(Logits(half_p), Logits(half_q)),
        "relentropy, jax.jit": lambda: ours_on_jax(x, y).block_until_ready(),
        "one plain read of both": lambda: (p.sum(), q.sum()),
        "torch.compile": lambda: compiled(p, q),
        "torch eager": lambda: usual_of_torch(p, q),
        "jax.jit": lambda: jitted(x, y).block_until_ready(),
        "numba, naive": lambda: loop(a, b),
        "SciPy": lambda: usual_of_numpy(a, b),
    }
    return Work(
        f"logits, {rows} × {cells} float32" + (f", noise {noise:g}" if noise != NOISE else ""),
        runs,
        truth=exact_of_logits(a, b),
        other_inputs={"relentropy, bfloat16", "one plain read of both"},
        repeat=repeat,
    )


def with_gradient(rows: int, cells: int, repeat: int, sides: str) -> Work:
    """Value and gradient; sides "q" or "pq"."""
    import jax
    import torch

    a, b = logits(rows, cells)
    p, q = (
        torch.from_numpy(v).requires_grad_(s in sides) for v, s in zip((a, b), "pq", strict=True)
    )
    x, y = jax.numpy.asarray(a), jax.numpy.asarray(b)
    wanted = (1,) if sides == "q" else (0, 1)

    def of_torch(f: Any) -> Run:
        def run() -> Any:
            d = f(p, q)
            d.sum().backward()
            p.grad = q.grad = None  # in the time of who made it, not of who comes next
            return d.detach()

        return run

    def of_jax(f: Any) -> Run:
        step = jax.jit(jax.value_and_grad(lambda x, y: f(x, y).sum(), argnums=wanted))
        return lambda: jax.block_until_ready(step(x, y))[0]

    def ours(p: Any, q: Any) -> Any:
        return relative_entropy(Logits(p), Logits(q))

    x_p, x_q = p.detach(), q.detach()

    def moved() -> Any:
        """What nobody gets around: two reads of both, and the gradients written to new memory."""
        sums = x_p.sum(), x_q.sum()
        return sums, (x_p - x_q,) if sides == "q" else (-x_p, -x_q)

    runs = {
        "relentropy": of_torch(ours),
        "two reads and the writes alone": moved,
        "relentropy, jax.jit": of_jax(ours),
        "torch.compile": of_torch(torch.compile(usual_of_torch)),
        "torch eager": of_torch(usual_of_torch),
        "jax.jit": of_jax(usual_of_jax),
    }
    others = {who for who in runs if "jax" in who or "alone" in who}
    name = f"logits, value and gradient to {'both' if sides == 'pq' else 'Q'}, {rows} × {cells}"
    return Work(name, runs, truth=exact_of_logits(a, b), other_inputs=others, repeat=repeat)


def rows_of_probabilities(rows: int, cells: int, repeat: int) -> Work:
    import torch

    p, q = probabilities(rows, cells)
    x, y = torch.from_numpy(p), torch.from_numpy(q)
    runs: dict[str, Run] = {
        "relentropy": lambda: relative_entropy(p, q),
        "relentropy, PyTorch": lambda: relative_entropy(x, y),
        "one plain read of both": lambda: (x.sum(), y.sum()),
        "SciPy": lambda: scipy.special.rel_entr(p, q).sum(-1),
        "torch eager": lambda: torch.nn.functional.kl_div(y.log(), x, reduction="none").sum(-1),
    }
    return Work(
        f"probabilities, {rows} × {cells} float64",
        runs,
        truth=exact_of_probabilities(p, q),
        other_inputs={"one plain read of both"},
        repeat=repeat,
    )


def elementwise(cells: int, repeat: int) -> Work:
    x, y = np.random.default_rng(0).random((2, cells))
    with mpmath.workdps(40):
        truth = [
            float(s * mpmath.log(mpmath.mpf(s) / t)) for s, t in zip(x[:2000], y, strict=False)
        ]
    runs: dict[str, Run] = {
        "relentropy": lambda: rel_entr(x, y),
        "SciPy": lambda: scipy.special.rel_entr(x, y),
    }
    return Work(f"rel_entr of {cells:.0e} float64", runs, truth=truth, repeat=repeat)


def small(cells: int, repeat: int) -> Work:
    """One row: what a call costs."""
    a, b = (x[0] for x in logits(1, cells))
    p, q = (x[0] for x in probabilities(1, cells))
    both = Probs(p), Probs(q)
    runs: dict[str, Run] = {
        "relentropy": lambda: relative_entropy(p, q),
        "relentropy, of Probs made before": lambda: relative_entropy(*both),
        "relentropy, logits": lambda: relative_entropy(Logits(a), Logits(b)),
        "SciPy": lambda: scipy.special.rel_entr(p, q).sum(),
        "SciPy, logits": lambda: usual_of_numpy(a, b),
    }
    truth = exact_of_probabilities(p[None], q[None])
    of_logits = {who for who in runs if "logits" in who}
    return Work(
        f"one row of {cells} float64", runs, truth=truth, other_inputs=of_logits, repeat=repeat
    )


def of_dit(cells: int) -> Work:
    """dit, where it is installed; two minutes a call for 10,000 outcomes."""
    import dit

    p, q = (x[0] for x in probabilities(1, cells))
    names = [f"{i:06d}" for i in range(cells)]
    runs: dict[str, Run] = {
        "relentropy": lambda: relative_entropy(p, q, base=2),
        "dit": lambda: dit.divergences.kullback_leibler_divergence(
            dit.Distribution(names, p), dit.Distribution(names, q)
        ),
    }
    truth = [exact_of_probabilities(p[None], q[None])[0] / np.log(2)]
    return Work(f"one row of {cells}, dit", runs, truth=truth, repeat=2)


def all_works(scale: int, repeat: int) -> Iterator[Work]:
    """Rows are divided by `scale`."""
    for rows, cells in ((1024, 32000), (256, 128000)):
        yield forward(rows // scale, cells, repeat)
    for sides in ("q", "pq"):
        yield with_gradient(1024 // scale, 32000, repeat, sides)
    yield forward(1024 // scale, 32000, repeat, noise=1.0)
    yield rows_of_probabilities(1000 // scale, 10000, repeat)
    yield elementwise(10**7 // scale, repeat)
    yield small(10000, 50 * repeat)
    yield small(1000, 50 * repeat)
    try:
        yield of_dit(500)
    except ImportError:
        return
