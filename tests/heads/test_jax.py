"""JAX, every time: one compiled gradient, its memory, and that nothing is compiled twice."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from relentropy import linear_relative_entropy
from tests.backends import Backend
from tests.heads.conftest import Heads, divergence, logits, probabilities
from tests.heads.test_gradients import by_blocks, with_all_logits


def test_values_and_gradients_under_jit(jax_backend: Backend, heads: Heads) -> None:
    jax, xs = jax_backend.module, [jax_backend.array(x) for x in heads]

    def of(f: Callable[..., Any]) -> Any:
        def loss(*xs: Any) -> Any:
            value = f(*xs)
            return (value * jax.numpy.arange(7)).sum(), value

        return jax.jit(jax.grad(loss, tuple(range(6)), has_aux=True))(*xs)

    (found, value), (truth, _) = of(by_blocks), of(with_all_logits(jax_backend))
    for some, exact in zip(found, truth, strict=True):
        np.testing.assert_allclose(some, exact, rtol=1e-10, atol=1e-14)
    p = logits(heads.hidden_p, heads.weight_p, heads.bias_p, 1.5, 4.0)
    q = logits(heads.hidden_q, heads.weight_q, heads.bias_q, 1.5, 4.0)
    pairs = zip(p, q, strict=True)
    exact = [divergence(probabilities(a), probabilities(b)) for a, b in pairs]
    np.testing.assert_allclose(value, exact, rtol=1e-12)


def test_outside_jit_a_second_call_compiles_nothing(jax_backend: Backend) -> None:
    jax, seen = jax_backend.module, []
    xs = [jax_backend.array(np.ones(s), "float32") for s in [(5, 2), (9, 2)] * 2]
    linear_relative_entropy(*xs, chunk=2, temperature=2.0)

    def note(name: str, *_: Any, **__: Any) -> None:
        seen.append(name)

    # It stays, since the oldest JAX cannot take it away, and is told of what others compile.
    jax.monitoring.register_event_duration_secs_listener(note)
    jax.jit(lambda x: x + 1)(xs[0])
    told = [name for name in seen if "backend_compile" in name]
    linear_relative_entropy(*xs, chunk=2, temperature=2.0)
    assert told
    assert [name for name in seen if "backend_compile" in name] == told


def test_memory_is_that_of_a_block(jax_backend: Backend) -> None:
    """By XLA's own account: all logits of one head would be 256 MiB."""
    jax, tokens, vocabulary = jax_backend.module, 4096, 16384
    shapes = [(tokens, 8), (vocabulary, 8)] * 2
    xs = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]

    def loss(*xs: Any) -> Any:
        return linear_relative_entropy(*xs, chunk=64).mean()

    made = jax.jit(jax.grad(loss, (0, 1, 2, 3))).lower(*xs).compile()
    assert made.memory_analysis().temp_size_in_bytes < 64 * 2**20


def test_in_pieces(jax_backend: Backend, heads: Heads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of logits, and of the products that are added to the gradients of weights."""
    from relentropy.frameworks import jax_heads

    monkeypatch.setattr(jax_heads, "PORTION", 2 * len(heads.weight_p))
    monkeypatch.setattr(jax_heads, "PIECE", 30)
    jax, xs = jax_backend.module, [jax_backend.array(x) for x in heads]

    def gradients(f: Callable[..., Any]) -> Any:
        return jax.grad(lambda *xs: f(*xs).mean(), tuple(range(6)))(*xs)

    found = gradients(lambda *xs: by_blocks(*xs, chunk=5))
    for some, exact in zip(found, gradients(with_all_logits(jax_backend)), strict=True):
        np.testing.assert_allclose(some, exact, rtol=1e-10, atol=1e-14)


@pytest.mark.exhaustive
def test_mapped(jax_backend: Backend, heads: Heads) -> None:
    """Factors that are alike for one and not for the other."""
    jax, xs = jax_backend.module, [jax_backend.array(x) for x in heads]
    factors = jax_backend.array(np.stack([np.ones(7), np.arange(7.0)]))

    def gradients(f: Callable[..., Any]) -> Any:
        def of_one(factor: Any) -> Any:
            return jax.grad(lambda *xs: (factor * f(*xs)).sum(), tuple(range(6)))(*xs)

        return jax.vmap(of_one)(factors)

    truth = gradients(with_all_logits(jax_backend))
    for some, exact in zip(gradients(by_blocks), truth, strict=True):
        np.testing.assert_allclose(some, exact, rtol=1e-10, atol=1e-14)


@pytest.mark.exhaustive
def test_a_gradient_of_a_gradient(jax_backend: Backend, heads: Heads) -> None:
    jax, xs = jax_backend.module, [jax_backend.array(x) for x in heads]

    def curvature(f: Callable[..., Any]) -> Any:
        def size(v: Any) -> Any:
            slope = jax.grad(lambda v: f(*xs[:3], v, *xs[4:]).mean())(v)
            return (slope * slope).sum()

        return jax.grad(size)(xs[3])

    found, exact = curvature(by_blocks), curvature(with_all_logits(jax_backend))
    np.testing.assert_allclose(np.asarray(found), np.asarray(exact), rtol=1e-9, atol=1e-13)


def test_forward_mode_is_refused_by_jax(jax_backend: Backend, heads: Heads) -> None:
    jax, xs = jax_backend.module, [jax_backend.array(x) for x in heads]
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda v: by_blocks(*xs[:3], v, *xs[4:]), xs[3:4], xs[3:4])


SPREAD = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, PartitionSpec as P
from relentropy import linear_relative_entropy

rng = np.random.default_rng(0)
heads = [jnp.asarray(rng.normal(size=s)) for s in [(8, 4), (11, 4)] * 2]
factors = jnp.tile(jnp.arange(4.0), 2)

def gradients(f):
    return jax.jit(jax.grad(lambda *xs: f(*xs).sum(), (0, 1, 2, 3)))(*heads)

for tokens in (jnp.ones(8), factors):
    def local(p, w, q, v, tokens):
        return tokens * linear_relative_entropy(p, w, q, v, chunk=2)
    whole = gradients(lambda *xs: local(*xs, tokens))
    mesh, rows = Mesh(np.array(jax.devices()), ("d",)), P("d")
    for vma in (True, False):
        mapped = jax.shard_map(
            local, mesh=mesh, in_specs=(rows, P(), rows, P(), rows), out_specs=rows, check_vma=vma
        )
        for x, y in zip(gradients(lambda *xs: mapped(*xs, tokens)), whole, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-8)
print("done")
"""


@pytest.mark.exhaustive
def test_tokens_on_two_devices(jax_backend: Backend) -> None:
    """Gradients of weights, which both devices have, are summed over them."""
    done = subprocess.run(
        [sys.executable, "-c", SPREAD],
        capture_output=True,
        text=True,
        env=os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
        check=False,
    )
    assert done.stdout.strip() == "done", done.stderr


@pytest.mark.exhaustive
def test_second_derivatives(jax_backend: Backend, heads: Heads) -> None:
    jax, xs = jax_backend.module, [jax_backend.array(x) for x in heads]

    def curvature(f: Callable[..., Any]) -> Any:
        slope = jax.grad(lambda v: f(*xs[:3], v, *xs[4:]).sum())
        return jax.jvp(slope, (xs[3],), (jax.numpy.cos(xs[3]),))[1]

    found, exact = curvature(by_blocks), curvature(with_all_logits(jax_backend))
    np.testing.assert_allclose(np.asarray(found), np.asarray(exact), rtol=1e-9, atol=1e-13)
