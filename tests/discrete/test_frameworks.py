"""Which arrays are taken: of five frameworks, the standard, what is registered; no others."""

import itertools
import re
from typing import Any

import array_api_strict
import numpy as np
import pytest

import relentropy
from relentropy import (
    Counts,
    Framework,
    Logits,
    LogProbs,
    Probs,
    register_framework,
    relative_entropy,
)
from relentropy.frameworks import registry
from tests import backends
from tests.conformance import verbs
from tests.conftest import ready
from tests.tables.make_verbs import ONE_ARGUMENT

P = np.array([[0.5, 0.25, 0.125, 0.125], [0.125, 0.375, 0.5, 0.0]])
Q = np.array([[0.25, 0.5, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]])


class Boxed:
    """An array of a package that follows no standard: NumPy's behind other names."""

    def __init__(self, content: Any) -> None:
        self.content = np.asarray(content)

    shape = property(lambda self: self.content.shape)
    dtype = property(lambda self: self.content.dtype)

    def __getitem__(self, index: Any) -> "Boxed":
        return Boxed(self.content[index])

    def __neg__(self) -> "Boxed":
        return Boxed(-self.content)

    def __invert__(self) -> "Boxed":
        return Boxed(~self.content)


def _operator(name: str) -> Any:
    def apply(self: Boxed, other: Any) -> Boxed:
        return Boxed(getattr(np.asarray(self.content), name)(unboxed(other)))

    return apply


for _name in ("add", "sub", "mul", "truediv", "pow", "and", "or"):
    for _side in ("", "r"):
        setattr(Boxed, f"__{_side}{_name}__", _operator(f"__{_side}{_name}__"))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Boxed, f"__{_name}__", _operator(f"__{_name}__"))


def unboxed(x: Any) -> Any:
    return x.content if isinstance(x, Boxed) else x


# The names in the docstring, and nothing else.
_TEXT = (Framework.__doc__ or "").partition("namespace\n    needs ")[2].partition("; the arrays")[0]
NEEDED = set(re.findall(r"\w+", _TEXT)) - {"and", "the", "dtypes"}


class Boxes:
    """The functions of that package."""

    def __getattr__(self, name: str) -> Any:
        if name not in NEEDED:
            raise AttributeError(f"{name} is not among what Framework says that it needs")
        found = getattr(np, name)
        if isinstance(found, type):
            return found

        def call(*xs: Any, **options: Any) -> Any:
            options = {k: unboxed(v) for k, v in options.items()}
            value = found(*map(unboxed, xs), **options)
            return value if isinstance(value, np.dtype) else Boxed(value)

        return call


class BoxedArrays(Framework):
    name = "boxed"

    def holds(self, x: object) -> bool:
        return isinstance(x, Boxed)

    def namespace(self, x: Any) -> Any:
        return Boxes()

    def to_numpy(self, x: Any) -> Any:
        return x.content


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTERED", {})
    register_framework(BoxedArrays())


def of_verb(verb: str, make: Any) -> Any:
    f = verbs.WITH_ARGUMENTS.get(verb) or getattr(relentropy, verb)
    sides = [P] if verb in ONE_ARGUMENT else [P, Q]
    if verb in verbs.JOINT:
        sides = [x.reshape(-1, 2, 2) for x in sides]
    return f(*map(make, sides))


@pytest.mark.parametrize("verb", verbs.VERBS)
def test_every_verb_by_the_standard_alone(verb: str) -> None:
    value = of_verb(verb, array_api_strict.asarray)
    assert isinstance(value, type(array_api_strict.asarray(0.0)))
    np.testing.assert_allclose(np.asarray(value), of_verb(verb, np.asarray), rtol=1e-15)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("verb", verbs.VERBS)
def test_every_verb_of_a_registered_package(verb: str) -> None:
    value = of_verb(verb, Boxed)
    assert isinstance(value, Boxed)
    np.testing.assert_allclose(value.content, of_verb(verb, np.asarray), rtol=1e-15)


@pytest.mark.parametrize(
    "make",
    [
        lambda x, xp: Probs(xp(x)),
        lambda x, xp: LogProbs(xp(np.log(np.where(x, x, 1.0)) + np.where(x, 0.0, -np.inf))),
        lambda x, xp: Logits(xp(5 * x)),
        lambda x, xp: Counts(xp((64 * x).astype(np.int64))),
    ],
    ids=["Probs", "LogProbs", "Logits", "Counts"],
)
@pytest.mark.parametrize("wrap", [array_api_strict.asarray, Boxed], ids=["standard", "registered"])
@pytest.mark.usefixtures("registered")
def test_every_description(make: Any, wrap: Any) -> None:
    value = relative_entropy(make(P, wrap), make(Q, wrap))
    expected = relative_entropy(make(P, np.asarray), make(Q, np.asarray))
    np.testing.assert_allclose(np.asarray(unboxed(value)), expected, rtol=1e-15)


@pytest.mark.usefixtures("registered")
def test_a_registered_package_beside_another() -> None:
    with pytest.raises(TypeError, match=r"different frameworks \(boxed and numpy"):
        relative_entropy(Boxed(P), Q)


@pytest.mark.usefixtures("registered")
def test_bad_rows_of_a_registered_package_are_nan_unless_it_is_asked_to_validate() -> None:
    value = relative_entropy(Boxed(2 * P), Boxed(Q))
    assert np.isnan(value.content).all()
    with pytest.raises(ValueError, match="sums to 2"):
        relative_entropy(Probs(Boxed(2 * P), validate=True), Boxed(Q))


@pytest.mark.usefixtures("registered")
def test_a_registered_package_that_numpy_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(BoxedArrays, "to_numpy")
    with pytest.raises(TypeError, match=r"'boxed' a method to_numpy\(self, x\)"):
        relative_entropy(Probs(Boxed(P), validate=True), Boxed(Q))
    assert isinstance(relative_entropy(Boxed(P), Boxed(Q)), Boxed)


@pytest.mark.usefixtures("registered")
def test_good_rows_of_a_registered_package_are_validated() -> None:
    value = relative_entropy(Probs(Boxed(P), validate=True), Boxed(Q))
    np.testing.assert_allclose(value.content, relative_entropy(P, Q), rtol=1e-15)


def test_what_cannot_be_registered() -> None:
    with pytest.raises(TypeError, match="instance of a subclass of Framework, got type"):
        register_framework(BoxedArrays)  # type: ignore[arg-type]

    class Numpy(BoxedArrays):
        name = "numpy"

    class Nameless(Framework):
        pass

    with pytest.raises(TypeError, match="Nameless has no name; write name = "):
        register_framework(Nameless())
    with pytest.raises(ValueError, match="'numpy' is built in; choose another name"):
        register_framework(Numpy())


@pytest.mark.parametrize("x", [Boxed(P), object(), "0.5", None, b"1", {0.5}], ids=type)
def test_other_objects_are_refused_with_the_list_of_what_is_taken(x: Any) -> None:
    with pytest.raises(TypeError) as caught:
        relative_entropy(x, Q)
    said = str(caught.value)
    assert type(x).__name__ in said
    for taken in ("NumPy", "PyTorch", "JAX", "TensorFlow", "tinygrad", "register_framework"):
        assert taken in said


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(backends.NAMES, 2)))
def test_two_frameworks_are_not_mixed(
    request: pytest.FixtureRequest, first: str, second: str
) -> None:
    p, q = (ready(request, name).array(x) for name, x in ((first, P), (second, Q)))
    names = sorted((first, second))
    with pytest.raises(TypeError, match=rf"different frameworks \({names[0]} and {names[1]}"):
        relative_entropy(p, q)


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float16", "float32")], ids=str)
def test_two_dtypes_are_promoted_as_the_framework_does(
    request: pytest.FixtureRequest, dtypes: tuple[str, str]
) -> None:
    for name in backends.NAMES:
        xp = ready(request, name)
        p, q = (xp.array(x, dtype) for x, dtype in zip((P, Q), dtypes, strict=True))
        value = relative_entropy(p, q)
        assert xp.dtype_of(value) == dtypes[1]
        expected = relative_entropy(P, Q)
        np.testing.assert_allclose(xp.numpy(value), expected, rtol=1e-6)
