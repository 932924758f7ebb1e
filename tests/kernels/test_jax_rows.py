"""Rows of logits on JAX a block at a time: values, derivatives of every kind, memory, devices."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import relentropy
from relentropy import Logits, LogProbs, relative_entropy, rule_for
from relentropy.kernels import blocks, door
from tests.backends import Backend
from tests.kernels.conftest import pairs_of_rows

Pair = tuple[np.ndarray, np.ndarray]
VERBS: dict[str, Callable[..., Any]] = {
    "relative_entropy": relentropy.relative_entropy,
    "cross_entropy": relentropy.cross_entropy,
    "entropy": lambda p, q, **options: relentropy.entropy(p, **options),
    "jeffreys": relentropy.jeffreys,
    "jensen_shannon": relentropy.jensen_shannon,
    "jensen_shannon, weight": lambda p, q, **o: relentropy.jensen_shannon(p, q, weight=0.2, **o),
}


def by_verb(*usual: str) -> pytest.MarkDecorator:
    """All verbs; those not named with the exhaustive tests, since every one compiles."""
    rest = [pytest.param(v, marks=pytest.mark.exhaustive) for v in VERBS if v not in usual]
    return pytest.mark.parametrize("verb", [*usual, *rest])


@pytest.fixture
def jax(jax_backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Any:
    """JAX, with blocks at every size, of two rows of 4100 cells or of 5 cells and a bit."""
    from relentropy.frameworks.jax import Jax

    monkeypatch.setenv(door.SWITCH, "1")
    monkeypatch.setattr(Jax, "block_cells", lambda self, x: 11 if x.shape[-1] < 100 else 9000)
    return jax_backend.module


def of_logits(verb: str, **options: Any) -> Callable[[Any, Any], Any]:
    return lambda p, q: VERBS[verb](Logits(p), Logits(q), **options)


def summed(verb: str) -> Callable[[Any, Any], Any]:
    return lambda p, q: of_logits(verb)(p, q).sum()


def pairs() -> dict[str, Pair]:
    found = pairs_of_rows()
    a, close = found["close"]
    tied = np.minimum(a, 2), np.minimum(a, 1)
    return found | {"equal": (a, a), "close, offset": (a, close + 64), "ties": tied}


def true_slopes(verb: str, a: np.ndarray, b: np.ndarray) -> Pair:
    """From the definitions, in twice the digits: with -inf, 0 · ∞ = 0 and ∂/∂a = 0 at +inf."""
    a, b = (np.asarray(x, np.longdouble) for x in (a, b))
    p, q = (np.exp(x - x.max(-1, keepdims=True)) for x in (a, b))
    p, q = (x / x.sum(-1, keepdims=True) for x in (p, q))
    log_p, log_q = (np.log(x, where=x > 0, out=np.full_like(x, -np.inf)) for x in (p, q))

    def weighted(mass: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """mass · (cost - its mean), which is the slope of that mean towards the logits of mass."""
        product = np.where(mass > 0, mass * np.where(mass > 0, cost, 0), 0)
        mean = product.sum(-1, keepdims=True)
        slope = np.where(mass > 0, mass * (np.where(mass > 0, cost, 0) - mean), 0)
        return np.where(np.isinf(mean), 0, slope)

    with np.errstate(invalid="ignore"):
        if verb == "relative_entropy":
            return weighted(p, log_p - log_q), q - p
        if verb == "cross_entropy":
            return weighted(p, -log_q), q - p
        if verb == "entropy":
            return weighted(p, -log_p), np.zeros_like(q)
        if verb == "jeffreys":
            return weighted(p, log_p - log_q) + p - q, weighted(q, log_q - log_p) + q - p
        w = np.longdouble(0.2 if "weight" in verb else 0.5)
        m = w * p + (1 - w) * q
        log_m = np.log(m, where=m > 0, out=np.full_like(m, -np.inf))
        return w * weighted(p, log_p - log_m), (1 - w) * weighted(q, log_q - log_m)


@by_verb(*VERBS)
@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.exhaustive)]
)
def test_values_and_slopes(jax: Any, jax_backend: Backend, verb: str, dtype: str) -> None:
    """Against NumPy's values in float64, and the definitions of the slopes in more.

    Entries are measured against the largest of their row, where that is not rounding itself. A
    difference q - p of cross-entropy, or where D = +inf, is measured against probabilities.
    """

    @jax.jit
    def both(p: Any, q: Any) -> Any:
        value, pull = jax.vjp(of_logits(verb), p, q)
        return value, pull(jax.numpy.ones_like(value))

    units, rounding = (1e-12, 1e-15) if dtype == "float64" else (2e-5, 1e-9)
    for name, sides in pairs().items():
        p, q = (jax_backend.array(x, dtype) for x in sides)
        wide = tuple(jax_backend.numpy(x) for x in (p, q))
        value, slopes = both(p, q)
        truth = of_logits(verb)(*wide)
        assert jax_backend.dtype_of(value) == dtype
        assert (value >= 0).all()
        np.testing.assert_allclose(value, truth, rtol=units / 4, atol=1e-37, err_msg=name)
        for some, exact in zip(slopes, true_slopes(verb, *wide), strict=True):
            size = np.abs(exact).max(-1, keepdims=True)
            if name == "masked in Q" or verb == "cross_entropy":
                size = np.maximum(size, 0.1)
            error = np.abs(jax_backend.numpy(some) - exact)
            assert (error <= units * size + rounding).all(), name


def small_pair(jax: Any) -> tuple[Any, Any]:
    """Five rows of five cells: a shared -inf, one on either side, ties, an even row."""
    a, b = np.random.default_rng(0).normal(size=(2, 5, 5))
    a[1, 2] = b[1, 2] = a[2, 3] = b[3, 3] = -np.inf
    a[4], b[0] = 0, a[0]
    return jax.numpy.asarray(a), jax.numpy.asarray(b)


WAYS: dict[str, Callable[[Any, str], Callable[[Any, Any], Any]]] = {
    "jacfwd": lambda jax, verb: jax.jit(jax.jacfwd(of_logits(verb), 1)),
    "jacrev": lambda jax, verb: jax.jit(jax.jacrev(of_logits(verb), (0, 1))),
    "hessian": lambda jax, verb: jax.jit(jax.hessian(summed(verb), (0, 1))),
    "vmap": lambda jax, verb: jax.jit(jax.vmap(jax.grad(summed(verb)))),
    "vmap, one row": lambda jax, verb: jax.jit(jax.vmap(of_logits(verb), (0, None))),
}


@pytest.mark.parametrize("way", WAYS)
@by_verb("relative_entropy")
def test_every_way_to_ask(jax: Any, monkeypatch: pytest.MonkeyPatch, verb: str, way: str) -> None:
    """What automatic differentiation makes of the formulas, of one order and the next."""
    p, q = small_pair(jax)
    if way == "vmap":
        p, q = p[:, None], q[:, None]
    if way == "vmap, one row":
        q = q[0]
    found = WAYS[way](jax, verb)(p, q)
    monkeypatch.setenv(door.SWITCH, "0")
    truth = WAYS[way](jax, verb)(p, q)
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(truth), strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-15)


def test_reverse_over_reverse(jax: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    p, q = small_pair(jax)

    def penalty(p: Any, q: Any) -> Any:
        return sum((slope**2).sum() for slope in jax.grad(summed("relative_entropy"), (0, 1))(p, q))

    found = jax.jit(jax.grad(penalty, (0, 1)))(p, q)
    monkeypatch.setenv(door.SWITCH, "0")
    for x, y in zip(found, jax.jit(jax.grad(penalty, (0, 1)))(p, q), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("shapes", [((3, 4, 5), (4, 5)), ((3, 1, 5), (1, 4, 5)), ((5,), (3, 4, 5))])
def test_batch_axes(jax: Any, monkeypatch: pytest.MonkeyPatch, shapes: Any) -> None:
    rng = np.random.default_rng(1)
    sides = [jax.numpy.asarray(rng.normal(size=shape)) for shape in shapes]
    ways = [of_logits("relative_entropy"), jax.jit(jax.grad(summed("relative_entropy"), (0, 1)))]
    found = [way(*sides) for way in ways]
    monkeypatch.setenv(door.SWITCH, "0")
    for x, y in zip(*map(jax.tree.leaves, (found, [way(*sides) for way in ways])), strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_is_widened_in_the_block(jax: Any, jax_backend: Backend, half: str) -> None:
    p, q = (jax_backend.array(x, half) for x in pairs_of_rows()["apart"])
    wide = [x.astype("float64") for x in (p, q)]
    value = relative_entropy(Logits(p), Logits(q))
    assert jax_backend.dtype_of(value) == "float32"
    np.testing.assert_allclose(value, relative_entropy(*map(Logits, wide)), rtol=1e-6)
    # The factor of a loss comes before the rounding: what float16 would lose is there.
    slopes = jax.grad(lambda p: 4096 * relative_entropy(Logits(p), Logits(q)).sum())(p)
    exact = 4096 * true_slopes("relative_entropy", *map(np.asarray, wide))[0]
    unit = 2.0**-8 if half == "bfloat16" else 2.0**-10
    assert jax_backend.dtype_of(slopes) == half
    np.testing.assert_allclose(jax_backend.numpy(slopes), exact, rtol=unit, atol=1e-4)


@by_verb("relative_entropy", "entropy")
def test_rows_that_are_no_distribution(jax: Any, verb: str) -> None:
    """NaN in that row, and nothing of it in another."""
    p, q = small_pair(jax)
    for bad in (np.nan, np.inf):
        value, slope = jax.jit(
            jax.value_and_grad(lambda p: of_logits(verb)(p, q)[jax.numpy.array([0, 4])].sum())
        )(p.at[2, 1].set(bad))
        assert np.isfinite(value)
        assert np.isfinite(slope[np.array([0, 1, 3, 4])]).all()
        found = of_logits(verb)(p.at[2, 1].set(bad), q)
        assert np.argwhere(np.isnan(found)).ravel().tolist() == [2]
    empty = of_logits(verb)(p.at[0].set(-np.inf), q)
    assert np.isnan(empty[0])
    log_p, log_q = (jax.nn.log_softmax(x) for x in (p, q))
    off = VERBS[verb](LogProbs(log_p.at[1].add(0.1)), LogProbs(log_q))
    assert np.argwhere(np.isnan(off)).ravel().tolist() == [1]
    kept = VERBS[verb](LogProbs(log_p, validate=False), LogProbs(log_q, validate=False))
    np.testing.assert_allclose(kept, of_logits(verb)(p, q), rtol=1e-12, atol=1e-15)


def test_validate_looks_at_the_values(jax: Any) -> None:
    p, q = small_pair(jax)
    with pytest.raises(ValueError, match="p in row 2 contains NaN"):
        relative_entropy(Logits(p.at[2, 1].set(np.nan), validate=True), Logits(q))


def temporary(jax: Any, f: Callable[..., Any], rows: int, cells: int, dtype: str) -> int:
    """The bytes that XLA wants for `f` of two arrays, beside these and the results."""
    side = jax.ShapeDtypeStruct((rows, cells), dtype)
    return jax.jit(f).lower(side, side).compile().memory_analysis().temp_size_in_bytes


@by_verb("relative_entropy", "cross_entropy")
def test_memory_is_that_of_a_block(jax: Any, verb: str) -> None:
    """Sixteen times the block at most, with both gradients, however many rows; the last is cut."""
    block = 2 * 4100 * 4
    for f in (of_logits(verb), jax.value_and_grad(summed(verb), (0, 1))):
        few, many = (temporary(jax, f, rows, 4100, "float32") for rows in (65, 257))
        assert many <= 16 * block
        assert many - few <= 100 * (257 - 65)  # a few numbers a row


def test_memory_of_half_precision(jax: Any) -> None:
    """Nothing wide beside a block for the value; for a gradient, itself in float32."""
    block, rows = 2 * 4100 * 4, 257
    assert temporary(jax, of_logits("relative_entropy"), rows, 4100, "float16") <= 12 * block
    slope = jax.value_and_grad(summed("relative_entropy"))
    assert temporary(jax, slope, rows, 4100, "float16") <= 12 * block + rows * 4100 * 4


@by_verb("relative_entropy")
def test_outside_of_jit_the_slopes_alone_are_kept(jax: Any, verb: str) -> None:
    p, q = (jax.numpy.asarray(x) for x in pairs_of_rows()["apart"])
    _, pull = jax.vjp(lambda p: of_logits(verb)(p, q), p)
    assert sum(x.size for x in jax.tree.leaves(pull)) <= p.size + 10 * len(p)


def test_who_takes_blocks(jax: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    p, q = small_pair(jax)
    assert rule_for(Logits(p), Logits(q)).path == "blocks"
    assert rule_for(Logits(np.asarray(p)), Logits(np.asarray(q))).path == "kernel"
    assert blocks.rows_of_block((Logits(p), LogProbs(q))) == 2
    for sides, options in (
        ((Logits(p), Logits(q)), {"where": p < 0}),
        ((Logits(p), Logits(q)), {"axis": 0}),
        ((Logits(p), relentropy.Probs(jax.nn.softmax(q))), {}),
        ((Logits(p), Logits(q[:4])), {}),
        ((Logits(p), Logits(q[:, :4])), {}),
        ((Logits(p), Logits(np.asarray(q))), {}),
        ((Logits(p, validate=True), Logits(q)), {}),
    ):
        assert blocks.rows_of_block(sides, **options) is None
    monkeypatch.delenv(door.SWITCH)
    wide = jax.ShapeDtypeStruct((2, 4500), "float32")
    seen = []

    def spy(x: Any) -> Any:
        seen.append(blocks.rows_of_block((Logits(x),)))
        return x

    jax.eval_shape(spy, wide)
    jax.eval_shape(spy, jax.ShapeDtypeStruct((3, 4500), "float32"))
    assert seen == [None, 2]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_every_number_of_rows(jax: Any, rows: int) -> None:
    p, q = (x[:rows] for x in small_pair(jax))
    found = of_logits("jensen_shannon", base=2)(p, q)
    truth = of_logits("jensen_shannon", base=2)(np.asarray(p), np.asarray(q))
    np.testing.assert_allclose(found, truth, rtol=1e-12)


SPREAD = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from relentropy import Logits, relative_entropy
from relentropy.frameworks.jax import Jax

Jax.block_cells = lambda self, x: 64
a, b = (jnp.asarray(x) for x in np.random.default_rng(0).normal(size=(2, 16, 32)))
both = jax.value_and_grad(lambda a, b: relative_entropy(Logits(a), Logits(b)).sum(), (0, 1))
truth = jax.tree.leaves(both(a, b))

def check(f, *sides, loops):
    compiled = jax.jit(f).lower(*sides).compile()
    text = compiled.as_text()
    assert "all-gather" not in text and "all-to-all" not in text, text
    assert (" while(" in text) == loops, text
    for x, y in zip(jax.tree.leaves(compiled(*sides)), truth, strict=True):
        np.testing.assert_allclose(np.asarray(x).reshape(y.shape), y, rtol=1e-12, atol=1e-16)

rows, inner = PartitionSpec("d"), PartitionSpec(None, "d")
for kind in (AxisType.Auto, AxisType.Explicit):
    mesh = jax.make_mesh((4,), ("d",), axis_types=(kind,))
    spread = [jax.device_put(x, NamedSharding(mesh, rows)) for x in (a, b)]
    check(both, *spread, loops=False)
    deep = [jax.device_put(x.reshape(4, 4, 32), NamedSharding(mesh, inner)) for x in (a, b)]
    check(both, *deep, loops=False)
mesh = jax.make_mesh((4,), ("d",), axis_types=(AxisType.Auto,))
spread = [jax.device_put(x, NamedSharding(mesh, rows)) for x in (a, b)]
for vma in (True, False):
    def local(a, b):
        d, slopes = both(a, b)
        return jax.lax.psum(d, "d"), slopes
    out = (PartitionSpec(), (rows, rows))
    mapped = jax.shard_map(local, mesh=mesh, in_specs=rows, out_specs=out, check_vma=vma)
    check(mapped, *spread, loops=True)
print("done")
"""


def test_rows_that_lie_on_several_devices() -> None:
    """They stay there: no loop over blocks that would gather them, but inside of shard_map."""
    devices = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", door.SWITCH: "1"}
    done = subprocess.run(
        [sys.executable, "-c", SPREAD],
        capture_output=True,
        text=True,
        env=os.environ | devices,
        check=False,
    )
    assert done.stdout.strip() == "done", done.stderr
