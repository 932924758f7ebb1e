"""Inputs that a careful stranger tried: zones, tiny tables, hidden order, huge integers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from relentropy.compare import InputError, tables


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Etc/GMT+5", "UTC"])
@pytest.mark.parametrize("frame", [lambda df: df, pl.from_pandas], ids=["pandas", "polars"])
def test_moments_with_a_zone_are_the_same_in_a_frame_and_in_its_file(zone, frame, tmp_path):
    moments = pd.date_range("2024-01-01", periods=500, freq="17min", tz="UTC").tz_convert(zone)
    df = pd.DataFrame({"t": moments})
    df.to_parquet(tmp_path / "t.parquet")
    result = tables(frame(df), tmp_path / "t.parquet")
    assert not result.skipped
    assert result["t (hour)"].current_from_reference.finite_value == 0


@pytest.mark.parametrize("rows", [1, 5, 12])
def test_a_handful_of_rows_defines_no_split(rows):
    rng = np.random.default_rng(0)
    sides = (pd.DataFrame({"x": rng.normal(centre, 1, rows)}) for centre in (0, 100))
    result = tables(*sides)
    assert not result.keys
    assert not result["x"].drifted
    assert result["x"].current_from_reference.interval[1] < 100


def test_hidden_cells_are_named_by_frequency_and_one_label_means_one_cell():
    rng = np.random.default_rng(1)
    sides = [
        pd.DataFrame(
            {
                "flag": rng.random(800) < share,
                "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 800), "D"),
                "x": rng.normal(share, 1, 800),
            }
        )
        for share in (0.8, 0.6)
    ]
    result = tables(*sides, hide_values=["flag", "day", "x"]).to_dict()
    for column in result["columns"]:
        bars = {bar["cell"]: bar for bar in column["histogram"]}
        # 800 rows a side: pooled masses are whole multiples of 1/800.
        pooled = [round(800 * (b["reference_mass"] + b["current_mass"])) for b in bars.values()]
        assert pooled == sorted(pooled, reverse=True), column["name"]
        for cell in column["contributions"]:
            if cell["cell"] in bars:
                assert cell["reference_mass"] == bars[cell["cell"]]["reference_mass"]


def test_integers_beyond_float64_are_noted():
    sides = (pd.DataFrame({"x": 2**54 + np.arange(400) % k}) for k in (8, 4))
    assert any("2^53" in note for note in tables(*sides).notes)


def test_no_table_and_nested_names_are_the_inputs_fault():
    df = pd.DataFrame({"a": [1, 2]})
    with pytest.raises(InputError, match="reference is None"):
        tables(None, df)
    with pytest.raises(InputError, match="2 levels"):
        tables(pd.DataFrame({("a", "b"): [1, 2]}), df)


def test_an_empty_file_in_a_folder_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    (tmp_path / "nothing.csv").write_text("")
    with pytest.raises(InputError, match=r"nothing\.csv is empty"):
        tables(tmp_path, tmp_path)
