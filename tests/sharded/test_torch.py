"""Two and four processes of PyTorch, over gloo: values, gradients and what travels between them."""

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

FLOATS = ("float32", "float64", "float16", "bfloat16")
VALID = [name not in cases.INVALID for name in cases.NAMES]


@pytest.fixture(scope="module", params=[2, 4])
def ranks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What each process found."""
    pytest.importorskip("torch.distributed")
    n = request.param
    folder = once(tmp_path_factory, f"{n} ranks", lambda folder: run_all(n, folder))
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(n)]


def run_all(ranks: int, folder: Path) -> None:
    started = [started_rank(rank, ranks, folder) for rank in range(ranks)]
    try:
        said = [process.communicate(timeout=300)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * ranks, "\n".join(said)


def started_rank(rank: int, ranks: int, folder: Path) -> subprocess.Popen[str]:
    """A process whose warnings are errors, as here."""
    module = "tests.sharded.torch_rank"
    command = [sys.executable, "-W", "error", "-m", module, str(rank), str(ranks), str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_values_are_those_of_the_whole_rows(
    torch_backend: Backend, ranks: list[Any], dtype: str
) -> None:
    values, _ = unsplit(torch_backend.module, dtype)
    for rank in ranks:
        found = rank["table"][f"torch.{dtype}"]
        expected = "torch.float64" if dtype == "float64" else "torch.float32"
        assert found["dtype"] == (expected, f"torch.{dtype}")
        np.testing.assert_array_equal(found["value"], ranks[0]["table"][f"torch.{dtype}"]["value"])
        rtol = 1e-13 if dtype == "float64" else 1e-6
        np.testing.assert_allclose(found["value"], values, rtol=rtol)
        by_name = dict(zip(cases.NAMES, found["value"], strict=True))
        assert by_name["equal"] == by_name["equal, common offset"] == 0
        assert all(np.isnan(by_name[name]) == (name in cases.INVALID) for name in cases.NAMES)
        assert not (found["value"] < 0).any()


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_are_slices_of_those_of_the_whole_rows(
    torch_backend: Backend, ranks: list[Any], dtype: str
) -> None:
    _, slopes = unsplit(torch_backend.module, dtype)
    split = cases.SPLITS[len(ranks)]
    # One step of the dtype that the gradient comes back in, at the size of the row's largest.
    step = {"float64": 1e-14, "float32": 5e-6, "float16": 1e-3, "bfloat16": 1e-2}[dtype]
    for first, last, rank in zip(split[:-1], split[1:], ranks, strict=True):
        found = rank["table"][f"torch.{dtype}"]["slopes"]
        for some, whole in zip(found, slopes, strict=True):
            size = np.abs(whole).max(axis=-1, keepdims=True)
            wrong = np.abs(some - whole[:, first:last]) > step * size
            assert not wrong[VALID].any()
            assert not np.isnan(some[VALID]).any()
            assert (some[cases.NAMES.index("equal")] == 0).all()


def test_one_collective_of_five_numbers_a_row_and_none_for_gradients(ranks: list[Any]) -> None:
    rows = len(cases.NAMES)
    for rank in ranks:
        for dtype in FLOATS:
            size = 8 if dtype == "float64" else 4
            found = rank["table"][f"torch.{dtype}"]
            assert found["forward"] == [("all_gather_single", 5 * rows, size)]
            assert found["backward"] == []


def test_batch_axes_broadcast_and_bits(ranks: list[Any]) -> None:
    p, q = (x[:6].reshape(2, 3, cases.K) for x in cases.stacked())
    for rank in ranks:
        expected = relative_entropy(Logits(p), Logits(q[0]), base=2)
        np.testing.assert_allclose(rank["batches"], expected, rtol=1e-13)


def test_a_group_is_a_world_of_its_own(torch_backend: Backend, ranks: list[Any]) -> None:
    values, _ = unsplit(torch_backend.module, "float64")
    for rank in ranks[-2:]:
        np.testing.assert_allclose(rank["groups"], values, rtol=1e-13)
    assert all(len(rank["groups"]) == 0 for rank in ranks[:-2])


def test_what_is_wrong_is_said(torch_backend: Backend) -> None:
    torch = torch_backend.module
    x = torch.zeros(2, 3)
    with pytest.raises(RuntimeError, match="init_process_group"):
        sharded_relative_entropy(x, x)
    with pytest.raises(TypeError, match="axis_name is 'v', which is for JAX"):
        sharded_relative_entropy(x, x, axis_name="v")
    with pytest.raises(ValueError, match="3 cells of logits_p and 2 of logits_q"):
        sharded_relative_entropy(x, x[:, :2])
    with pytest.raises(TypeError, match=r"logits_q is Logits\(\.\.\.\); expected the array"):
        sharded_relative_entropy(x, Logits(x))
    with pytest.raises(TypeError, match=r"logits_p has dtype int64; expected a floating"):
        sharded_relative_entropy(x.long(), x)
    with pytest.raises(ValueError, match="logits_p is a single number"):
        sharded_relative_entropy(x[0, 0], x[0, 0])
    with pytest.raises(TypeError, match="logits_p is list; expected an array of PyTorch or JAX"):
        sharded_relative_entropy([0.0, 1.0], x)
    with pytest.raises(TypeError, match=r"got numpy: a\s+process that has all cells"):
        sharded_relative_entropy(x.numpy(), x.numpy())
    with pytest.raises(ValueError, match="base must be positive"):
        sharded_relative_entropy(x, x, base=1)
