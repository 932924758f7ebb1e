"""Two and four devices of JAX: values, gradients, and the collectives of the compiled programs."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relentropy import Logits, relative_entropy, sharded_relative_entropy
from tests.backends import Backend
from tests.docs.pages import ROOT
from tests.sharded import cases
from tests.sharded.once import once
from tests.sharded.whole import unsplit

VALID = np.array([name not in cases.INVALID for name in cases.NAMES])
RUNS = [(2, "float32"), (4, "float64"), (4, "bfloat16")]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a process with four devices found."""
    pytest.importorskip("jax")
    folder = once(tmp_path_factory, "devices", run_devices)
    return pickle.loads((folder / "found.pickle").read_bytes())


def run_devices(folder: Path) -> None:
    """A process whose warnings are errors, as here."""
    command = [sys.executable, "-W", "error", "-m", "tests.sharded.jax_devices", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("run", [*RUNS, "unchecked"])
def test_values_and_gradients_are_those_of_the_whole_rows(
    jax_backend: Backend, torch_backend: Backend, found: Any, run: Any
) -> None:
    """`unchecked` is shard_map's check_vma=False."""
    dtype = "float64" if run == "unchecked" else run[1]
    kind, (d, *slopes) = found[run]
    assert kind == ("float64" if dtype == "float64" else "float32")
    expected, whole_slopes = unsplit(torch_backend.module, dtype)
    np.testing.assert_allclose(d, expected, rtol=1e-13 if dtype == "float64" else 1e-6)
    by_name = dict(zip(cases.NAMES, d, strict=True))
    assert by_name["equal"] == by_name["equal, common offset"] == 0
    assert all(np.isnan(by_name[name]) == (name in cases.INVALID) for name in cases.NAMES)
    step = {"float64": 1e-14, "float32": 5e-6, "bfloat16": 1e-2}[dtype]
    for some, exact in zip(slopes, whole_slopes, strict=True):
        largest = np.abs(exact).max(axis=-1, keepdims=True)
        assert (np.abs(some - exact) <= step * largest)[VALID].all()


def test_gradients_inside_of_the_map(jax_backend: Backend, found: Any) -> None:
    _, (_, *slopes) = found[4, "float64"]
    for some, exact in zip(found["inside"], slopes, strict=True):
        np.testing.assert_allclose(some, exact[:6], rtol=1e-13, atol=1e-30)


def test_cells_over_two_axes_of_a_mesh(jax_backend: Backend, found: Any) -> None:
    _, (d, *_) = found[4, "float64"]
    np.testing.assert_allclose(found["two axes"], d / np.log(2), rtol=1e-13)


def test_second_derivatives(torch_backend: Backend, found: Any) -> None:
    torch = torch_backend.module
    both = torch.tensor(np.stack([x[0, :8] for x in cases.stacked()]))
    whole = torch.autograd.functional.hessian(
        lambda z: relative_entropy(Logits(z[0]), Logits(z[1])), both
    )
    np.testing.assert_allclose(found["second"], whole.numpy(), rtol=1e-12, atol=1e-15)


def test_one_collective_of_five_numbers_a_row_and_device(jax_backend: Backend, found: Any) -> None:
    every = [("all-reduce", [("f64", 4 * len(cases.NAMES) * 5)])]
    assert found["forward"] == every
    assert found["both"] == every, "gradients take none of their own"


def test_the_plain_verb_on_sharded_arrays(torch_backend: Backend, found: Any) -> None:
    """Right, and no cell of a row travels: only numbers a row, or a row and device."""
    rows = 9
    expected, slopes = unsplit(torch_backend.module, "float64")
    for plain in found["plain"]:
        np.testing.assert_allclose(plain["value"], expected[:rows], rtol=1e-12)
        for some, exact in zip(plain["slopes"], slopes, strict=True):
            largest = np.abs(exact[:rows]).max(axis=-1, keepdims=True)
            assert (np.abs(some - exact[:rows]) <= 1e-12 * largest).all()
        assert len(plain["collectives"]) > 10
        for kind, arrays in plain["collectives"]:
            most = 4 * rows if kind == "all-gather" else rows
            assert all(entries <= most for _, entries in arrays), (kind, arrays)


def test_what_is_wrong_is_said(jax_backend: Backend) -> None:
    x = jax_backend.array([[0.0, 1.0]])
    with pytest.raises(TypeError, match="axis_name is None; expected the name of the mesh axis"):
        sharded_relative_entropy(x, x)
    with pytest.raises(TypeError, match="group is for PyTorch"):
        sharded_relative_entropy(x, x, group=object())
    with pytest.raises(NameError, match=r"axis_name is 'cells', and no such axis is here: call"):
        sharded_relative_entropy(x, x, axis_name="cells")


@pytest.mark.exhaustive
def test_any_axis_that_has_a_name_will_do(jax_backend: Backend) -> None:
    """jax.vmap names one too: each of two rows is then a rank."""
    p, q = (jax_backend.array(x[:3]) for x in cases.stacked())
    parts = [x.reshape(3, 2, cases.K // 2) for x in (p, q)]

    def f(a: Any, b: Any) -> Any:
        return sharded_relative_entropy(a, b, axis_name="rank")

    split = jax_backend.module.jit(jax_backend.module.vmap(f, 1, 1, axis_name="rank"))(*parts)
    whole = jax_backend.numpy(relative_entropy(Logits(p), Logits(q)))
    for rank in range(2):
        np.testing.assert_allclose(jax_backend.numpy(split)[:, rank], whole, rtol=1e-13)
