"""Every row of the table, on every framework, eager and compiled, one by one and in batches."""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

import relentropy
from tests.backends import FLOATS, Backend, number
from tests.tables import reading

by_topic = pytest.mark.parametrize(("topic", "dtype"), reading.topics())
by_dtype = pytest.mark.parametrize("dtype", [*FLOATS, "int64"])
OTHERS = [d for d in (*FLOATS, "int64") if d != "float64"]


@pytest.fixture(params=["numpy", "torch"])
def eager(request: pytest.FixtureRequest) -> Backend:
    """The frameworks that compile nothing."""
    return request.getfixturevalue(f"{request.param}_backend")


def compute(row: reading.Row, p: Any, q: Any) -> Any:
    kind_p, kind_q = row["kinds"]
    return relentropy.relative_entropy(reading.describe(kind_p, p), reading.describe(kind_q, q))


def result_dtype(row: reading.Row, xp: Backend, value: Any) -> str:
    """The dtype of a value, after asking that it is the framework's and the one promised."""
    assert xp.is_native(value)
    dtype = xp.dtype_of(value)
    assert dtype == ("float64" if row["dtype"] in ("float64", "int64") else "float32")
    return dtype


def judge(row: reading.Row, value: Any, xp: Backend) -> str | None:
    return reading.complaint(row, number(value), xp, result_dtype(row, xp, value))


def one_by_one(rows: list[reading.Row], xp: Backend) -> list[str | None]:
    return [
        judge(row, compute(row, *(xp.array(v, row["dtype"]) for v in reading.inputs(row))), xp)
        for row in rows
    ]


def in_batches(
    groups: Iterable[list[reading.Row]], xp: Backend, wrap: Callable[[Any], Any] = lambda f: f
) -> list[str | None]:
    complaints = []
    for group in groups:
        first = group[0]
        p, q = (xp.array([row[side] for row in group], first["dtype"]) for side in "pq")
        values = wrap(lambda a, b, row=first: compute(row, a, b))(p, q)
        assert values.shape == (len(group),)
        host = xp.numpy(values)
        complaints += [
            reading.complaint(row, number(host[i]), xp, result_dtype(row, xp, values))
            for i, row in enumerate(group)
        ]
    return complaints


def report(complaints: list[str | None]) -> None:
    wrong = [c for c in complaints if c]
    assert not wrong, f"{len(wrong)} of {len(complaints)} rows:\n" + "\n".join(wrong)


@by_topic
def test_rows_one_by_one(eager: Backend, topic: str, dtype: str) -> None:
    report(one_by_one(reading.small(topic, dtype), eager))


@by_topic
def test_rows_in_batches(eager: Backend, topic: str, dtype: str) -> None:
    report(in_batches(reading.groups(reading.small(topic, dtype)), eager))


# JAX compiles every operation for every shape. By default its rows are therefore filled up with
# empty cells to one shape, which changes no value; the exhaustive run takes them as they are.


@by_dtype
def test_rows_on_jax(jax_backend: Backend, dtype: str) -> None:
    report(in_batches(reading.filled_groups(reading.small(dtype=dtype)), jax_backend))


@pytest.mark.parametrize(
    "dtype",
    ["float64", *(pytest.param(d, marks=pytest.mark.exhaustive) for d in OTHERS)],
)
def test_rows_under_jax_jit(jax_backend: Backend, dtype: str) -> None:
    groups = reading.filled_groups(reading.small(dtype=dtype))
    report(in_batches(groups, jax_backend, jax_backend.jit))


@pytest.mark.exhaustive
@by_topic
def test_rows_one_by_one_on_jax(jax_backend: Backend, topic: str, dtype: str) -> None:
    report(one_by_one(reading.small(topic, dtype), jax_backend))


@pytest.mark.exhaustive
@by_topic
def test_rows_as_they_are_under_jax_jit(jax_backend: Backend, topic: str, dtype: str) -> None:
    groups = reading.groups(reading.small(topic, dtype))
    report(in_batches(groups, jax_backend, jax_backend.jit))


@pytest.mark.exhaustive
def test_rows_under_torch_compile(torch_backend: Backend) -> None:
    groups = [g for g in reading.filled_groups(reading.small()) if g[0]["kinds"][0] != "Counts"]

    def compiled(f: Callable[..., Any]) -> Callable[..., Any]:
        # Every group is another function at one place: without this they count as recompilations.
        torch_backend.module._dynamo.reset()
        return torch_backend.jit(f)

    report(in_batches(groups[::3], torch_backend, compiled))


@pytest.mark.parametrize("row", reading.large(), ids=lambda row: f"{row['name']}, {row['dtype']}")
def test_large_vocabulary(xp: Backend, row: reading.Row) -> None:
    report(one_by_one([row], xp))


@pytest.mark.parametrize("row", reading.large(), ids=lambda row: f"{row['name']}, {row['dtype']}")
def test_large_vocabulary_under_jit(row: reading.Row, jax_backend: Backend) -> None:
    p, q = (jax_backend.array(v, row["dtype"]) for v in reading.inputs(row))
    value = jax_backend.jit(lambda a, b: compute(row, a, b))(p, q)
    report([judge(row, value, jax_backend)])


def test_equal_large_inputs_are_exactly_zero(xp: Backend) -> None:
    for row in reading.large()[::3]:
        p = xp.array(reading.inputs(row)[0], row["dtype"])
        assert number(compute({"kinds": [row["kinds"][0]] * 2}, p, p)) == 0


def test_raw_arrays_are_probabilities(xp: Backend) -> None:
    for row in reading.small("plain", "float64")[:5]:
        p, q = (xp.array(v) for v in reading.inputs(row))
        assert number(relentropy.relative_entropy(p, q)) == number(compute(row, p, q))


def test_the_table_is_large_and_covers_every_description() -> None:
    rows = reading.table()
    assert len({(row["topic"], row["name"]) for row in rows}) >= 300
    kinds = {tuple(row["kinds"]) for row in rows}
    names = ("Probs", "LogProbs", "Logits", "Counts")
    assert kinds == {(a, b) for a in names for b in names}
    assert {"float16", "bfloat16", "float32", "float64"} <= {row["dtype"] for row in rows}
    assert any(0 < number(row["truth"]) < 1e-20 for row in rows)


def test_stored_truths_are_what_mpmath_says() -> None:
    from tests.tables import make_discrete

    for row in reading.small()[::11]:
        kinds = tuple(row["kinds"])
        again = make_discrete.small_row(
            row["topic"], row["name"], kinds, row["p"], row["q"], row["dtype"]
        )
        assert {k: row[k] for k in again} == again


@pytest.mark.exhaustive
def test_the_stored_table_is_what_its_script_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.tables import make_discrete

    monkeypatch.setattr(sys, "argv", ["make_discrete", "--check"])
    assert make_discrete.main() == 0
