"""Verdicts, keys, ranks and the JSON contract."""

import datetime
import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import false_discovery_control

from relentropy import Counts, estimate
from relentropy.compare import Comparison, InputError, example_paths, tables

N = 5000


@pytest.fixture(scope="module")
def example() -> Comparison:
    return tables(*example_paths())


def frame(seed: int = 0, n: int = N, **more: Any) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    data = {
        "steady": rng.normal(size=n),
        "colour": rng.choice(["red", "green", "blue"], n, p=[0.5, 0.3, 0.2]),
        "flag": rng.random(n) < 0.3,
    }
    return pl.DataFrame(data | more)


def reasons(asides: Any) -> dict[str, str]:
    return {aside.name: aside.reason for aside in asides}


def test_the_flights(example: Comparison) -> None:
    """What a person would say of January and July."""
    assert example.rows == (27004, 29425)
    verdicts = {c.name: c.drifted for c in example.columns}
    assert example.columns[0].name == "temperature"
    for name in ("temperature", "air_time", "wind_speed", "departure_delay", "destination"):
        assert verdicts[name]
    for name in ("origin", "carrier", "cancelled", "scheduled (hour)"):
        assert not verdicts[name]
    assert set(reasons(example.keys)) == {"month", "scheduled", "scheduled (month)"}
    assert example.skipped == ()
    plane = example["plane"].current_from_reference
    assert plane.infinite
    assert plane.unseen_mass > 100 * plane.expected_unseen_mass


def test_json_keeps_the_contract(example: Comparison) -> None:
    for unit in ("bit", "nat"):
        result = example if unit == "bit" else tables(*example_paths(), unit="nat")
        data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        check_contract(data, unit)


def check_contract(data: dict[str, Any], unit: str) -> None:
    scale = 1.0 if unit == "bit" else math.log(2)
    assert data["schema"] == "relentropy.compare/1"
    assert data["unit"] == unit
    assert set(data["rows"]) == {"reference", "current"}
    for column in data["columns"]:
        for way in ("current_from_reference", "reference_from_current"):
            direction = column[way]
            low, high = direction["interval"]
            assert 0 <= low <= direction["finite_value"] <= high
            value = direction["value"]
            assert value is None if direction["infinite"] else value == direction["finite_value"]
            assert 0 <= direction["unseen_mass"] <= 1
            assert direction["noise_floor"] >= 0
        assert 0 <= column["jensen_shannon"] <= scale
        contributions = column["contributions"]
        assert len(contributions) <= 11
        if len(contributions) == 11:
            assert contributions[-1]["cell"] == "(other)"
        total = math.fsum(c["bits"] for c in contributions)
        finite = column["current_from_reference"]["finite_value"]
        assert total * scale == pytest.approx(finite, rel=1e-9, abs=1e-12)
        back = math.fsum(c["bits_reference_from_current"] for c in contributions)
        finite = column["reference_from_current"]["finite_value"]
        assert back * scale == pytest.approx(finite, rel=1e-9, abs=1e-12)
        for side in ("reference_mass", "current_mass"):
            assert math.fsum(c[side] for c in contributions) == pytest.approx(1)
            assert math.fsum(c[side] for c in column["histogram"]) == pytest.approx(1)
        assert len(column["histogram"]) <= 34
    lows = [c["current_from_reference"]["interval"][0] for c in data["columns"]]
    assert lows == sorted(lows, reverse=True)


def test_the_statistics_are_those_of_estimate(example: Comparison) -> None:
    import duckdb

    column = example["origin"]
    counts = [
        dict(duckdb.sql(f"SELECT origin, count(*) FROM '{path}' GROUP BY origin").fetchall())
        for path in example_paths()
    ]
    e = estimate(Counts(counts[1]), Counts(counts[0]))
    assert column.current_from_reference.finite_value == pytest.approx(e.value / math.log(2))
    low, high = column.current_from_reference.interval
    assert (low, high) == pytest.approx([end / math.log(2) for end in e.interval])
    assert column.p_value == pytest.approx(e.diagnostics["p_value"])
    assert column.current_from_reference.rows_to_notice == pytest.approx(math.log(20) / e.value)


def test_false_discovery_over_all_columns(example: Comparison) -> None:
    p = [c.p_value for c in example.columns]
    assert [c.q_value for c in example.columns] == pytest.approx(false_discovery_control(p))
    for c in example.columns:
        low = c.current_from_reference.interval[0]
        assert c.drifted == (c.q_value <= 0.05 and low > 0.01)


def test_q_values_are_those_of_scipy() -> None:
    from relentropy.compare.analysis import _q_values

    rng = np.random.default_rng(0)
    for size in (1, 2, 50):
        p = rng.random(size) ** 3
        p[: size // 3] = p[0]
        assert _q_values(list(p)) == pytest.approx(false_discovery_control(p))
    assert _q_values([]) == []


def test_material_and_exit_code(example: Comparison) -> None:
    low = example["temperature"].current_from_reference.interval[0]
    assert example.exit_code() == 0
    assert example.exit_code(low * 0.999) == 1
    assert example.exit_code(low * 1.001) == 0
    strict = tables(*example_paths(), columns=["temperature", "origin"], material=low * 1.001)
    assert not strict["temperature"].drifted
    nats = tables(*example_paths(), columns=["temperature"], unit="nat", material=low * 0.999)
    assert nats["temperature"].drifted
    assert nats.exit_code(low * 0.999) == 0
    assert nats.exit_code(low * 0.999 * math.log(2)) == 1


def test_the_same_tables_give_the_same_result(example: Comparison) -> None:
    assert tables(*example_paths()) == example
    other = tables(*example_paths(), columns=["plane", "carrier"])
    assert other["carrier"].p_value == example["carrier"].p_value
    seeded = tables(*example_paths(), columns=["plane"], rng=np.random.default_rng(5))
    assert seeded["plane"].current_from_reference.finite_value == pytest.approx(
        example["plane"].current_from_reference.finite_value
    )
    assert seeded.seed != example.seed


def test_swapping_the_sides_swaps_the_directions() -> None:
    a, b = frame(0), frame(1).with_columns(pl.col("steady") + 1)
    there, back = tables(a, b)["steady"], tables(b, a)["steady"]
    assert there.current_from_reference == back.reference_from_current
    assert there.jensen_shannon == back.jensen_shannon


def test_keys_get_no_verdict() -> None:
    n = N
    one = frame(
        0,
        constant=np.full(n, 3),
        version=["v1"] * n,
        month=np.full(n, 1),
        week=np.arange(n) % 4,
        id=np.arange(n),
        uuid=[f"{i:032x}" for i in range(n)],
        day=[datetime.date(2024, 1, 1 + i % 30) for i in range(n)],
    )
    two = frame(
        1,
        constant=np.full(n, 3),
        version=["v1"] * n,
        month=np.full(n, 2),
        week=np.arange(n) % 4 + 26,
        id=np.arange(n) + n,
        uuid=[f"{i:032x}" for i in range(n, 2 * n)],
        day=[datetime.date(2024, 7, 1 + i % 30) for i in range(n)],
    )
    result = tables(one, two)
    found = reasons(result.keys)
    assert {c.name for c in result.columns} == {"steady", "colour", "flag", "day (weekday)"}
    assert found["constant"] == "one value on both sides, 3"
    assert found["version"] == "one value on both sides, v1"
    for name in ("month", "week", "day", "day (month)"):
        assert "defines the split" in found[name]
    assert "running number" in found["id"]
    assert "identifies rows" in found["uuid"]


def test_what_is_no_key() -> None:
    """Many different numbers are a measurement; a recoded column has moved as far as can be."""
    rng = np.random.default_rng(0)
    one = frame(0, salary=rng.integers(20_000, 10**6, N), sex=rng.choice(["M", "F"], N))
    two = frame(1, salary=rng.integers(20_000, 10**6, N), sex=rng.choice(["male", "female"], N))
    result = tables(one, two)
    assert result.keys == ()
    assert not result["salary"].drifted
    assert result["sex"].drifted
    assert result["sex"].current_from_reference.unseen_mass == 1
    assert result["sex"].current_from_reference.value is None


def test_skipped_columns_say_why() -> None:
    one = frame(0, only_here=np.arange(N), kind=np.arange(N), lists=[[1]] * N, void=[None] * N)
    two = frame(
        1, only_there=np.arange(N), kind=["x", "y"] * (N // 2), lists=[[1]] * N, void=[None] * N
    )
    found = reasons(tables(one, two).skipped)
    assert found["only_here"] == "only in reference"
    assert found["only_there"] == "only in current"
    assert found["kind"] == "the type changed: numbers in reference, text in current"
    assert "List" in found["lists"]
    assert found["void"] == "every value is missing on both sides"


def test_a_column_that_went_missing() -> None:
    """All null on one side has no type to speak of: that is drift, not a changed type."""
    one = frame(0, x=np.arange(N) % 7, t=["a", "b"] * (N // 2), d=[datetime.date(2024, 1, 5)] * N)
    void = pl.Series([None] * N, dtype=pl.String)
    two = frame(1, x=void, t=pl.Series([None] * N, dtype=pl.Float64), d=void)
    result = tables(one, two)
    for name in ("x", "t", "d (month)"):
        assert result[name].drifted
        assert result[name].missing == (0, 1)
        assert result[name].current_from_reference.unseen_mass == 1


def test_parts_of_dates() -> None:
    start = datetime.datetime(2024, 3, 1)
    hours = [start + datetime.timedelta(hours=i % 2000) for i in range(N)]
    nights = [t.replace(hour=t.hour % 6) for t in hours]
    result = tables(pl.DataFrame({"t": hours}), pl.DataFrame({"t": nights}))
    assert {c.name for c in result.columns} == {"t (month)", "t (weekday)", "t (hour)"}
    assert all(c.kind == "date" for c in result.columns)
    assert result["t (hour)"].drifted
    assert [bar.cell for bar in result["t (hour)"].histogram][:2] == ["00:00", "01:00"]
    assert [bar.cell for bar in result["t (month)"].histogram] == ["March", "April", "May"]
    assert result["t (weekday)"].histogram[0].cell == "Monday"
    assert result.keys == ()
    assert "2024-03-01" in result.notes[0]
    truth = sum(t.weekday() == 0 for t in hours) / N
    assert result["t (weekday)"].histogram[0].reference_mass == pytest.approx(truth)


def test_a_fifty_fold_smaller_side() -> None:
    result = tables(frame(0, 50_000), frame(1, 1000))
    assert not result.drifted
    assert tables(frame(0, 50_000), frame(1, 30)).drifted == ()


def test_one_row() -> None:
    result = tables(pl.DataFrame({"x": [1.0]}), pl.DataFrame({"x": [2.0]}))
    assert not result.keys
    assert not result["x"].drifted
    assert result["x"].p_value == 1


def test_an_infinite_value_is_said_beside_a_finite_one() -> None:
    one, two = frame(0), frame(1)
    two = two.with_columns(
        pl.when(pl.int_range(pl.len()) < N // 10)
        .then(pl.lit("violet"))
        .otherwise(pl.col("colour"))
        .alias("colour")
    )
    direction = tables(one, two)["colour"].current_from_reference
    assert direction.infinite
    assert direction.to_dict()["value"] is None
    assert direction.unseen_mass == 0.1
    assert direction.expected_unseen_mass < 1e-6
    assert math.isfinite(direction.finite_value)
    assert direction.interval[0] > 0.1


def test_progress_and_lookup() -> None:
    seen: list[tuple[int, int, str]] = []
    result = tables(frame(0), frame(1), progress=lambda *step: seen.append(step))
    assert seen[0][0] == 0
    assert seen[-1] == (3, 3, "done")
    assert [what for _, _, what in seen][1:-1] == ["steady", "colour", "flag"]
    with pytest.raises(KeyError, match="no column 'nothing'"):
        result["nothing"]


def test_columns_chooses() -> None:
    result = tables(frame(0), frame(1), columns=["flag"])
    assert [c.name for c in result.columns] == ["flag"]
    with pytest.raises(InputError, match="share no column"):
        tables(frame(0), frame(1).drop("flag"), columns=["flag"])


def halves(seed: int) -> Comparison:
    flights = pl.concat([pl.read_parquet(path) for path in example_paths()])
    mixed = flights.sample(fraction=1, shuffle=True, seed=seed)
    half = len(mixed) // 2
    return tables(mixed[:half], mixed[half:], rng=seed)


@pytest.mark.parametrize("seed", range(3))
def test_random_halves_have_not_drifted(seed: int) -> None:
    result = halves(seed)
    assert len(result.columns) >= 15
    assert result.drifted == ()
    for column in result.columns:
        value = column.current_from_reference.finite_value
        assert value <= 4 * column.current_from_reference.noise_floor


@pytest.mark.exhaustive
def test_random_halves_over_200_seeds() -> None:
    """No column is called drifted, and chance alone is significant at its nominal rate.

    Bounds: 4.5 standard errors of a share over 200 independent seeds, for each of 17 columns;
    the share over all columns has no fewer than 200 independent observations.
    """
    low: dict[str, list[float]] = {}
    discoveries = 0
    for seed in range(200):
        result = halves(seed)
        assert result.drifted == ()
        discoveries += any(c.q_value <= 0.05 for c in result.columns)
        for column in result.columns:
            low.setdefault(column.name, []).append(column.p_value)
    error = math.sqrt(0.05 * 0.95 / 200)
    for name, values in low.items():
        assert np.mean(np.array(values) <= 0.05) <= 0.05 + 4.5 * error, name
    everything = np.concatenate([np.array(v) for v in low.values()])
    assert np.mean(everything <= 0.05) == pytest.approx(0.05, abs=3 * error)
    assert discoveries / 200 <= 0.05 + 3 * error


@pytest.mark.exhaustive
@pytest.mark.parametrize("shift", [0, 0.1, 0.3, 0.6])
def test_intervals_cover_at_the_nominal_rate(shift: float) -> None:
    """200 pairs of 20,000 rows: the interval, up to the stated loss, holds shift²/2 nats."""
    truth = shift**2 / 2
    held = 0
    for seed in range(200):
        rng = np.random.default_rng([seed, int(10 * shift)])
        a, b = (
            pl.DataFrame({"x": rng.normal(0, 1, 20_000)}),
            pl.DataFrame({"x": rng.normal(shift, 1, 20_000)}),
        )
        column = tables(a, b, unit="nat")["x"]
        low, high = column.current_from_reference.interval
        held += low <= truth <= high + (column.resolution_loss or 0)
    assert held / 200 >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow", "duckdb"])
def test_an_empty_column_on_every_engine(engine: str) -> None:
    import pyarrow as pa

    one = frame(0, n=100, x=[None] * 100, y=np.arange(100) % 7)
    two = frame(1, n=100, x=np.arange(100) % 7, y=[None] * 100)
    if engine == "pandas":
        pairs: Any = [f.to_pandas() for f in (one, two)]
    elif engine == "pyarrow":
        pairs = [f.to_arrow() for f in (one, two)]
    elif engine == "duckdb":
        import duckdb

        con = duckdb.connect()
        for name, f in (("one", one), ("two", two)):
            arrow: pa.Table = f.to_arrow()
            con.from_arrow(arrow).create(name)
        pairs = [con.table("one"), con.table("two")]
    else:
        pairs = [one, two]
    result = tables(*pairs)
    assert result["x"].missing == (1, 0)
    assert result["y"].missing == (0, 1)
    assert result["y"].drifted


@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
def test_categoricals_with_missing_values(engine: str) -> None:
    colours = pl.Series(["red", None, "blue", "red"] * 25)
    plain = pl.DataFrame({"c": colours.cast(pl.Categorical), "e": colours})
    plain = plain.with_columns(pl.col("e").cast(pl.Enum(["red", "blue"])))
    pair: Any = plain
    if engine == "pandas":
        pair = plain.cast(pl.String).to_pandas().astype("category")
    elif engine == "pyarrow":
        pair = plain.to_arrow()
    result = tables(pair, pair)
    for column in result.columns:
        cells = {bar.cell: bar.reference_mass for bar in column.histogram}
        assert cells == {"red": 0.5, "blue": 0.25, "(missing)": 0.25}
    assert len(result.columns) == 2
