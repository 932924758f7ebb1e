"""Bad input: the message names the argument, says what came, and what to type instead."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import relentropy
from relentropy import Counts, Logits, LogProbs, Probs, entropy, relative_entropy
from tests.backends import Backend
from tests.discrete import names

FAIR = [0.5, 0.5]
PAIR_VERBS = [*names.PAIR_VERBS, "bounds"]
# What came -> (type of error, words that must be in the message).
BAD: dict[str, tuple[Any, type[Exception], list[str]]] = {
    "negative": ([1.25, -0.25], ValueError, ["negative", "-0.25"]),
    "NaN": ([math.nan, 0.5], ValueError, ["NaN"]),
    "infinite": ([math.inf, 0.0], ValueError, ["inf"]),
    "sum too large": ([0.5, 0.75], ValueError, ["1.25"]),
    "sum too small": ([0.25, 0.5], ValueError, ["0.75"]),
    "no mass": ([0.0, 0.0], ValueError, ["0"]),
    "logits": ([2.0, -1.0], ValueError, ["Logits"]),
    "log-probabilities": ([-0.7, -0.7], ValueError, ["LogProbs"]),
    "integers": ([1, 0], TypeError, ["int", "1.0", "Counts("]),
    "integer array": (np.array([3, 1]), TypeError, ["int64", "1.0", "Counts("]),
    "unsigned integers": (np.array([3, 1], "uint8"), TypeError, ["uint8", "Counts("]),
    "booleans": ([True, False], TypeError, ["bool"]),
    "complex": ([0.5 + 0j, 0.5], TypeError, ["complex"]),
    "strings": (["a", "b"], TypeError, ["'a'"]),
    "numbers as strings": (["0.5", "0.5"], TypeError, ["'0.5'"]),
    "a string": ("0.5 0.5", TypeError, ["str"]),
    "bytes": (b"xx", TypeError, ["bytes"]),
    "ragged": ([[0.5, 0.5], [1.0]], ValueError, ["length"]),
    "a number": (0.5, TypeError, ["float"]),
    "an integer": (1, TypeError, ["int"]),
    "a 0-d array": (np.array(0.5), ValueError, ["single number"]),
    "None": (None, TypeError, ["NoneType"]),
    "None inside": ([0.5, None], TypeError, ["None"]),
    "empty": ([], (TypeError, ValueError), ["empty"]),
    "an empty event axis": (np.zeros((3, 0)), ValueError, ["empty"]),
    "a set": ({0.5, 0.25}, TypeError, ["set"]),
    "a generator": ((v for v in FAIR), TypeError, ["generator"]),
    "a masked array": (np.ma.masked_array(FAIR, [False, True]), TypeError, ["where"]),
    "object array": (np.array([0.5, 0.5], dtype=object), TypeError, ["object"]),
    "dates": (np.array(["2024-01-01"], dtype="datetime64[D]"), TypeError, ["datetime"]),
    "a structured array": (np.zeros(2, dtype=[("x", float)]), TypeError, []),
    "something else": (object(), TypeError, ["object"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("side", ["p", "q"])
def test_the_message_names_the_argument_and_what_came(case: str, side: str) -> None:
    value, error, words = BAD[case]
    arguments = (value, FAIR) if side == "p" else (FAIR, value)
    with pytest.raises(error, match=rf"^{side}\b") as caught:
        relative_entropy(*arguments)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PAIR_VERBS)
@pytest.mark.parametrize("case", ["negative", "integers", "strings", "ragged", "sum too large"])
def test_every_verb_refuses(name: str, case: str) -> None:
    value, error, _ = BAD[case]
    f: Callable[..., Any] = getattr(relentropy, name)
    with pytest.raises(error, match=r"^p\b"):
        f(value, FAIR)
    with pytest.raises(error, match=r"^q\b"):
        f(FAIR, value)


@pytest.mark.parametrize("name", ["entropy", "surprisal", "perplexity"])
@pytest.mark.parametrize("case", ["negative", "integers", "strings", "sum too large"])
def test_verbs_of_one_distribution_refuse(name: str, case: str) -> None:
    value, error, _ = BAD[case]
    with pytest.raises(error, match=r"^p\b"):
        getattr(relentropy, name)(value)


@pytest.mark.parametrize(
    "name",
    [
        "mutual_information",
        "conditional_entropy",
        "conditional_mutual_information",
    ],
)
def test_verbs_of_joints_refuse(name: str) -> None:
    f = getattr(relentropy, name)
    shape = (2, 2, 2) if name == "conditional_mutual_information" else (2, 2)
    with pytest.raises(ValueError, match=r"^joint\b"):
        f(np.full(shape, 0.3))
    with pytest.raises(TypeError, match=r"^joint\b.*Counts"):
        f(np.ones(shape, int))
    with pytest.raises(ValueError, match=r"^joint\b"):
        f(FAIR)


def test_the_row_and_the_sum_are_named() -> None:
    p = np.full((4, 3, 2), 0.5)
    p[2, 1] = [0.5, 0.8]
    with pytest.raises(ValueError, match=r"^p in row \(2, 1\) .*1\.3"):
        relative_entropy(p, p)
    q = np.full((5, 2), 0.5)
    q[3, 0] = -0.5
    with pytest.raises(ValueError, match=r"^q in row 3 .*negative"):
        relative_entropy(FAIR, q)


def test_batch_axes_that_do_not_broadcast() -> None:
    with pytest.raises(ValueError, match=r"(?i)shape|broadcast"):
        relative_entropy(np.full((3, 2), 0.5), np.full((4, 2), 0.5))


def test_lengths_that_differ() -> None:
    with pytest.raises(ValueError, match=r"p has 2 .*q has 3") as caught:
        relative_entropy(FAIR, [0.25, 0.25, 0.5])
    assert "mapping" in str(caught.value)


def test_counts_must_be_whole() -> None:
    with pytest.raises(ValueError, match=r"^p\b.*fraction"):
        relative_entropy(Counts([0.5, 1.5]), Counts([1, 1]))
    with pytest.raises(ValueError, match=r"^p\b.*negative"):
        relative_entropy(Counts([-1, 2]), Counts([1, 1]))
    with pytest.raises(ValueError, match=r"^q\b"):
        relative_entropy(Counts([1, 2]), Counts([0, 0]))


@pytest.mark.parametrize("kind", [Probs, LogProbs, Logits, Counts])
@pytest.mark.parametrize("value", ["text", ["a"], [[1.0], [1.0, 2.0]], None, np.array(1.0)])
def test_descriptions_refuse_too(kind: Any, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=kind.__name__):
        kind(value)


def test_logs_that_are_no_distribution() -> None:
    with pytest.raises(ValueError, match=r"^p\b.*Logits"):
        relative_entropy(LogProbs([0.0, 0.0]), FAIR)
    with pytest.raises(ValueError, match=r"^p\b.*NaN"):
        relative_entropy(Logits([math.nan, 0.0]), FAIR)
    with pytest.raises(ValueError, match=r"^p\b"):
        relative_entropy(Logits([-math.inf, -math.inf]), FAIR)
    with pytest.raises(ValueError, match=r"^p\b"):
        relative_entropy(Logits([math.inf, 0.0]), FAIR)


def test_mixed_frameworks(autodiff: Backend) -> None:
    ours, theirs = autodiff.array(FAIR), np.array(FAIR)
    for arguments in ((ours, theirs), (theirs, ours), (Logits(ours), Logits(theirs))):
        with pytest.raises(
            TypeError, match=rf"(?s){autodiff.name}.*convert|convert.*{autodiff.name}"
        ):
            relative_entropy(*arguments)
    with pytest.raises(TypeError, match="numpy"):
        relative_entropy(ours, FAIR)


def test_torch_and_jax_do_not_mix(torch_backend: Any, jax_backend: Any) -> None:
    with pytest.raises(TypeError, match=r"jax and torch"):
        relative_entropy(torch_backend.array(FAIR), jax_backend.array(FAIR))
    mask = torch_backend.array([True, True], "bool")
    with pytest.raises(TypeError, match="jax and torch"):
        relative_entropy(jax_backend.array(FAIR), jax_backend.array(FAIR), where=mask)


def test_integer_arrays_of_every_framework(anywhere: Backend) -> None:
    counts = anywhere.array([3, 1], "int64")
    with pytest.raises(TypeError, match=r"^p\b.*int64.*1\.0.*Counts"):
        relative_entropy(counts, counts)


def test_orders_and_weights() -> None:
    with pytest.raises(ValueError, match="alpha"):
        relentropy.renyi(FAIR, FAIR, -1)
    with pytest.raises(TypeError, match="alpha"):
        relentropy.renyi(FAIR, FAIR, "2")
    with pytest.raises(ValueError, match="alpha"):
        relentropy.tsallis(FAIR, FAIR, math.nan)
    for weight in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="weight"):
            relentropy.jensen_shannon(FAIR, FAIR, weight=weight)


def test_errors_hide_no_cause_in_a_chain() -> None:
    """One clear message; no 'during handling of the above exception'."""
    with pytest.raises(TypeError) as caught:
        relative_entropy("text", FAIR)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_empty_and_scalar_entropy() -> None:
    for value in ([], 0.5, np.float64(0.5)):
        with pytest.raises((TypeError, ValueError), match=r"^p\b"):
            entropy(value)
