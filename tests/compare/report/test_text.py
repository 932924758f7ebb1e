"""The terminal report: what it says and where it fits, not its whole layout."""

import io
import math
import re
import unicodedata

import pytest
from rich.cells import cell_len
from rich.console import Console

from relentropy.compare.report import text

from .hostile import HOSTILE
from .results import bell, column, result


def render(made=None, width=80, *, colour=False, encoding="utf-8"):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace")
    console = Console(
        file=file, width=width, force_terminal=colour, color_system="truecolor" if colour else None
    )
    text.render(result() if made is None else made, console)
    file.flush()
    return raw.getvalue().decode(encoding)


def row(report, name):
    return next(line for line in report.splitlines() if re.match(rf"{name}\s", line))


def test_the_answer_is_the_first_line():
    first = render(width=120).splitlines()[0].rstrip()
    assert first == (
        "flights-july has moved from flights-january in 4 of 8 columns, "
        "most in dest, temp and dep_delay."
    )


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_it_fits(width, colour):
    report = re.sub(r"\x1b\[[0-9;]*m", "", render(width=width, colour=colour))
    assert max(map(cell_len, report.splitlines())) <= width


def test_it_fits_with_long_names_too():
    made = result(
        [bell("a_rather_long_column_name_of_some_warehouse_table" * 2, 2.0)],
        reference="a-very-long-file-name-of-the-reference-2025-01.parquet",
        current="a-very-long-file-name-of-the-current-data-2025-07.parquet",
    )
    assert max(map(cell_len, render(made).splitlines())) <= 80


def test_columns_stand_in_rank_order_with_their_verdicts():
    lines = render().splitlines()
    words = {"drifted", "slight", "unclear", "steady", "borderline"}
    table = [line.split()[:2] for line in lines if line.split()[1:2] and line.split()[1] in words]
    assert table == [
        ["dest", "drifted"],
        ["temp", "drifted"],
        ["dep_delay", "drifted"],
        ["carrier", "drifted"],
        ["weekend", "slight"],
        ["origin", "slight"],
        ["engine_age", "unclear"],
        ["distance", "steady"],
    ]


def test_a_row_shows_value_interval_floor_and_rows_to_notice():
    made = bell("temp", 2.0)
    made["current_from_reference"] |= {
        "finite_value": 1.25,
        "interval": [1.2, 1.3],
        "noise_floor": 0.003,
        "rows_to_notice": 3.4,
    }
    cells = row(render(result([made])), "temp").split()
    assert cells[:3] == ["temp", "drifted", "1.2500"]
    figures = [cell for cell in cells[3:] if set(cell) - set("─●┊")]
    assert figures[:3] == ["1.2000–1.3000", "0.0030", "4"]


def test_a_wide_terminal_shows_the_reverse_and_jensen_shannon():
    made = bell("temp", 2.0, jensen_shannon=0.4321)
    made["reference_from_current"]["finite_value"] = 2.3456
    assert {"2.3456", "0.4321"} <= set(row(render(result([made]), width=120), "temp").split())


def test_the_picture_of_an_interval_is_to_scale():
    """0.01 bit at the mark; ten times as much and a hundred times at even steps beyond."""
    made = []
    for name, low, value, high in [("a", 0.9, 1.0, 1.0), ("b", 0.1, 0.1, 0.2), ("c", 0, 0, 0.01)]:
        column = bell(name, 2.0, drifted=True)
        column["current_from_reference"] |= {"finite_value": value, "interval": [low, high]}
        made.append(column)
    lines = [row(render(result(made), width=120), name) for name in "abc"]
    start = min(lines[2].index("●"), lines[2].index("─"))
    places = [line.index("●") - start for line in lines]
    assert places[2] == 0
    assert places[0] == 20
    assert places[1] == round(20 * math.log(11) / math.log(101))
    assert lines[1][start:].index("┊") == round(20 * math.log(2) / math.log(101))


def test_infinity_is_marked_and_explained():
    report = " ".join(render().split())
    assert re.search(r"dest drifted \d\.\d{4} ∞", report)
    assert "∞: some values never occur on the other side" in report
    assert "rows of flights-july hold values that flights-january never showed" in report


def test_no_infinity_no_explanation():
    assert "∞" not in render(result([bell("temp", 2.0)]))


def test_nats_are_called_nats():
    report = render(result(unit="nat"))
    assert "Extra nats a row when flights-july is coded with flights-january's code" in report


def test_never_a_bare_letter():
    assert not re.search(r"\bD\b|\bKL\b", render(width=120))


def test_keys_skipped_and_notes_have_their_place():
    report = render()
    keys = report.split("Keys, not judged")[1].split("Skipped")[0]
    skipped = report.split("Skipped")[1]
    assert "month" in keys
    assert "it defines the split" in keys
    assert "gate" in skipped
    assert "only in flights-july" in skipped
    assert "Note: dep_time was read as a number" in skipped


def test_the_histograms_show_both_sides():
    """All of one side left, all of the other right: the bars must say so."""
    cells = [f"{i} to {i + 1}" for i in range(10)]
    made = column("x", cells, [1] * 5 + [0] * 5, [0] * 5 + [1] * 5)
    lines = render(result([made])).splitlines()
    drawn = [line for line in lines if "█" in line]
    reference = next(line for line in drawn if "flights-january" in line)
    current = next(line for line in drawn if "flights-july" in line)
    assert reference.rindex("█") < current.index("█")
    axis = lines[lines.index(current) + 1]
    assert "0 to 1" in axis
    assert "9 to 10" in axis


def test_listed_contributions_sum_to_those_of_the_result():
    cells = [f"c{i}" for i in range(20)]
    made = column("x", cells, range(1, 21), range(20, 0, -1), kind="categorical")
    block = render(result([made])).split("where it moved")[1].split("Keys")[0]
    lines = [line.split() for line in block.splitlines()[1:] if line.split()]
    shown = [float(line[-1].replace("−", "-")) for line in lines]
    assert len(shown) == 7
    assert sum(shown) == pytest.approx(sum(c["bits"] for c in made["contributions"]), abs=4e-4)


def test_many_columns_are_counted_not_printed():
    report = render(result([bell(f"c{i:03d}", 0.0) for i in range(100)]))
    assert report.count("steady") < 50
    assert "and 60 columns more" in report


def test_colour_is_never_the_only_signal():
    plain = re.sub(r"\x1b\[[0-9;]*m", "", render(colour=True))
    assert plain == render(colour=False)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_not_obeyed(name):
    made = column(name, [name, "b"], [1, 9], [9, 1], kind="categorical")
    made = result(
        [made],
        reference=name,
        current=name,
        keys=[{"name": name, "reason": name}],
        skipped=[{"name": name, "reason": name}],
        notes=[name],
    )
    report = render(made)
    controls = {c for c in report if unicodedata.category(c) in {"Cc", "Cf"}} - {"\n"}
    assert not controls
    assert max(map(cell_len, report.splitlines())) <= 80


def test_markup_and_emoji_codes_stay_as_they_are():
    report = render(result([bell("[red]x[/]", 2.0), bell(":smile:", 2.0)]))
    assert "[red]x[/]" in report
    assert ":smile:" in report


def test_a_console_without_unicode_gets_ascii():
    report = render(encoding="ascii")
    assert "inf" in report
    assert "#" in report
    assert "\\u" not in report


def test_nothing_judged_is_still_a_report():
    report = render(result([]))
    assert "No column of flights-july could be judged" in report
    assert "Keys, not judged" in report
