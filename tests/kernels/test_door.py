"""Who enters the kernels, and what happens to those who do not."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from relentropy import Logits, LogProbs, relative_entropy, rule_for
from relentropy.kernels import door
from relentropy.kernels.threads import over_rows
from tests.backends import Backend
from tests.kernels.conftest import Record

ROWS = np.random.default_rng(0).normal(size=(2, 8, 500))


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


MAKE = (
    "import sys, numpy as np\n"
    "from relentropy import Logits, relative_entropy\n"
    "a, b = np.random.default_rng(0).normal(size=(2, 8, {cells}))\n"
    "d = relative_entropy(Logits(a), Logits(b))\n"
)
LOADED = "print('numba' in sys.modules)"


def test_small_inputs_do_not_load_numba() -> None:
    assert python(MAKE.format(cells=1000) + LOADED, RELENTROPY_KERNELS="") == "False"
    assert python(MAKE.format(cells=200000) + LOADED, RELENTROPY_KERNELS="") == "True"


def test_the_switch() -> None:
    assert python(MAKE.format(cells=200000) + LOADED, RELENTROPY_KERNELS="0") == "False"
    assert python(MAKE.format(cells=10) + LOADED, RELENTROPY_KERNELS="1") == "True"


def test_rule_for_says_which_path_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = (Logits(x) for x in ROWS)
    for switch, path in (("0", "formula"), ("1", "kernel")):
        monkeypatch.setenv(door.SWITCH, switch)
        assert rule_for(a, b).path == path
        assert rule_for(ROWS[0] ** 2, b).path == "formula"


def test_without_numba_the_formulas_answer() -> None:
    hide = "import sys\nsys.modules['numba'] = None\n"
    show = "print(bool((d > 0).all()))"
    assert python(hide + MAKE.format(cells=10) + show, RELENTROPY_KERNELS="1") == "True"


def test_an_unwritable_cache_is_no_trouble(tmp_path: Path) -> None:
    refuse = (
        "import numba.core.caching as caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "caching._CacheLocator.ensure_cache_path = lambda self: (_ for _ in ()).throw(OSError())\n"
    )
    show = "print(bool((d > 0).all()), 'relentropy.kernels.rows' in sys.modules)"
    code = refuse + MAKE.format(cells=10) + show
    assert python(code, RELENTROPY_KERNELS="1") == "True True"


def test_invalid_rows_are_for_the_formulas(kernels: Record) -> None:
    for bad, complaint in ((np.nan, "NaN"), (np.inf, "finite"), (-np.inf, "finite")):
        a, b = ROWS.copy()
        a[3] = bad
        with pytest.raises(ValueError, match=rf"p in row 3 .*{complaint}"):
            relative_entropy(Logits(a), Logits(b))
        with pytest.raises(ValueError, match=rf"q in row 3 .*{complaint}"):
            relative_entropy(Logits(b), Logits(a))
    with pytest.raises(ValueError, match=r"p in row 0 .* sum to"):
        relative_entropy(LogProbs(ROWS[0]), LogProbs(ROWS[1]))
    assert kernels.answered == 0


def test_a_negative_nan_is_found(kernels: Record) -> None:
    a, b = ROWS.copy()
    b[2, 5] = -np.nan
    for p, q in ((a, b), (b, a)):
        with pytest.raises(ValueError, match="NaN"):
            relative_entropy(Logits(p), Logits(q))


def test_masked_vocabularies_are_infinite(kernels: Record) -> None:
    a, b = ROWS.copy()
    b[::2, 7] = -np.inf
    d = relative_entropy(Logits(a), Logits(b))
    assert (np.isinf(d) == (np.arange(8) % 2 == 0)).all()
    a[:, 7] = -np.inf
    assert np.isfinite(relative_entropy(Logits(a), Logits(b))).all()
    assert kernels.answered == 2


@pytest.mark.parametrize(
    "values",
    [
        np.ma.masked_array(ROWS[0], ROWS[0] > 2),
        ROWS[0].astype(">f8"),
        ROWS[0].astype("longdouble"),
    ],
    ids=["masked", "byte-swapped", "long double"],
)
def test_other_arrays_do_not_enter(values: np.ndarray) -> None:
    assert door.entering(_unread(values), -1) is None


def _unread(values: np.ndarray) -> Logits:
    return Logits(ROWS[0]).with_values(values)


def test_other_axes_and_masks_do_not_enter(kernels: Record) -> None:
    a, b = ROWS
    relative_entropy(Logits(a), Logits(b), axis=0)
    relative_entropy(Logits(a), Logits(b), where=a < 2)
    relative_entropy(Logits(a), Logits(b.astype("float32")))
    relative_entropy(Logits(a), np.full(500, 1 / 500))
    assert kernels.answered == 0
    relative_entropy(Logits(a), Logits(b), axis=1)
    assert kernels.answered == 1


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by PyTorch itself
def test_transformations_do_not_enter(kernels: Record, torch_backend: Backend) -> None:
    torch = torch_backend.module
    a, b = (torch.tensor(x) for x in ROWS)

    def verb(x: object) -> object:
        return relative_entropy(Logits(x), Logits(b))

    torch.func.grad(lambda x: verb(x).sum())(a)
    torch.func.jvp(verb, (a,), (b,))
    torch.func.vmap(lambda x, y: relative_entropy(Logits(x), Logits(y)))(a, b)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(a, b)
        tangent = torch.autograd.forward_ad.unpack_dual(verb(dual)).tangent
    assert tangent is not None
    assert kernels.answered == 0
    wanted = a.clone().requires_grad_()
    with torch.no_grad():
        assert torch.equal(verb(wanted), verb(a))
    assert kernels.answered == 2


@pytest.mark.parametrize("rows", [1, 2, 7, 1000])
def test_every_row_once_and_nothing_lost(rows: int) -> None:
    seen = np.zeros(rows, int)

    def work(first: int, last: int) -> None:
        seen[first:last] += 1

    over_rows(work, rows, 1 << 30)
    assert (seen == 1).all()


def test_an_error_in_a_thread_is_raised() -> None:
    def work(first: int, last: int) -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        over_rows(work, 100, 1 << 30)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_threads_after_a_fork() -> None:
    code = (
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from relentropy.kernels.threads import over_rows\n"
        "over_rows(lambda i, j: None, 100, 1 << 30)\n"
        "child = os.fork()\n"
        "over_rows(lambda i, j: None, 100, 1 << 30)\n"
        "print(os.waitpid(child, 0)[1] if child else '')\n"
    )
    assert python(code).strip().endswith("0")


def test_what_was_computed_before_changes_no_digit() -> None:
    ask = "a, b = np.random.default_rng(1).normal(size=(2, 300))\n"
    ask += "print(relative_entropy(Logits(a), Logits(b)).hex())\n"
    imports = "import sys, numpy as np\nfrom relentropy import Logits, relative_entropy\n"
    first = python(imports + ask, RELENTROPY_KERNELS="")
    later = python(MAKE.format(cells=200000) + LOADED + "\n" + ask, RELENTROPY_KERNELS="")
    assert later == f"True\n{first}"
