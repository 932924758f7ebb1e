"""What the report says in words, and when."""

import math

import pytest

from relentropy.compare.report import sentences
from relentropy.compare.report.names import call
from relentropy.compare.report.verdict import Verdict
from relentropy.compare.report.view import read

from .results import bell, column, result


def view(columns=None, **more):
    return read(result(columns, **more))


def test_the_answer_comes_first_with_the_leading_columns():
    assert sentences.headline(view()) == (
        "flights-july has moved from flights-january in 4 of 8 columns, "
        "most in dest, temp and dep_delay."
    )


def test_one_column_needs_no_ranking():
    assert sentences.headline(view([bell("temp", 2.0)])) == (
        "flights-july has moved from flights-january in its only column."
    )


def test_all_columns():
    text = sentences.headline(view([bell("a", 2.0), bell("b", 1.0)]))
    assert text == "flights-july has moved from flights-january in both columns, most in a and b."


def test_no_drift_is_said_plainly():
    text = sentences.headline(view([bell("a", 0.0), bell("b", 0.0)]))
    assert text == "flights-july has not drifted from flights-january in any of 2 columns."


def test_too_few_rows_are_not_passed_off_as_no_drift():
    few = bell("a", 0.05, rows=(300, 280))
    text = sentences.headline(view([few, bell("b", 0.0)]))
    assert "in 1 of 2 columns the rows are too few to rule it out" in text


def test_nothing_to_judge():
    assert "No column" in sentences.headline(view([]))


@pytest.mark.parametrize(
    ("drifted", "interval", "q", "expected"),
    [
        (True, [0.02, 0.03], 0.001, Verdict.DRIFTED),
        (False, [0.005, 0.03], 0.001, Verdict.BORDERLINE),
        (False, [0.001, 0.004], 0.001, Verdict.SLIGHT),
        (False, [0.0, 0.03], 0.4, Verdict.UNCLEAR),
        (False, [0.0, 0.004], 0.4, Verdict.STEADY),
    ],
)
def test_the_five_verdicts(drifted, interval, q, expected):
    made = bell("x", 0.3, drifted=drifted, q_value=q)
    made["current_from_reference"]["interval"] = interval
    assert view([made]).columns[0].verdict is expected


def test_the_material_limit_is_in_bits_also_when_the_output_is_in_nats():
    made = bell("x", 0.3, drifted=False, q_value=0.4)
    made["current_from_reference"]["interval"] = [0.0, 0.008]  # nats; the limit is .00693
    seen = view([made], unit="nat")
    assert seen.material == pytest.approx(0.01 * math.log(2))
    assert seen.columns[0].verdict is Verdict.UNCLEAR
    assert "0.00693 nat" in sentences.basis(seen)


def test_both_directions_are_named_in_words():
    seen = view()
    text = sentences.costs(seen, seen.columns[1])
    assert "when flights-july is coded with flights-january's code" in text
    assert "the reverse costs" in text


def test_infinity_is_a_statement_about_the_samples():
    made = column("c", ["a", "b"], [1, 0], [3, 1], kind="categorical", rows=(100, 100))
    made["current_from_reference"]["expected_unseen_mass"] = 0.02
    seen = view([made])
    assert sentences.infinity(seen, seen.columns[0]) == (
        "Infinite in these samples: 25.0 % of the rows of flights-july hold values that "
        "flights-january never showed (2.0 % would be usual without drift). "
        "The first figure above is the finite estimate."
    )


def test_the_reverse_infinity_names_the_sides_the_other_way_round():
    made = column("c", ["a", "b"], [3, 1], [1, 0], kind="categorical")
    text = sentences.infinity(view([made]), view([made]).columns[0])
    assert "25.0 % of the rows of flights-january hold values that flights-july never" in text
    assert "The second figure above is the finite estimate." in text


def test_infinity_both_ways_is_one_statement():
    made = column("c", ["a", "b"], [1, 0], [0, 1], kind="categorical")
    text = sentences.infinity(view([made]), view([made]).columns[0])
    assert text.startswith("Infinite both ways")
    assert text.count("100 % of the rows") == 2


def test_what_stands_outside_the_histogram_is_said():
    made = column("x", ["1", "2", "(not a number)", "(missing)"], [8, 8, 0, 4], [9, 9, 2, 0])
    seen = view([made])
    assert sentences.odd(seen, seen.columns[0]) == (
        "Not a number in 0 % of flights-january, 10.0 % of flights-july; "
        "missing in 20.0 % of flights-january, 0 % of flights-july."
    )


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (0.5, "A single one of the 29,425 rows of flights-july is enough to notice."),
        (24.2, "About 25 of the 29,425 rows of flights-july are enough to notice."),
        (58850, "It would take about 59,000 rows of flights-july to notice, 2 times those here."),
        (None, "The estimate is 0: there is no move to notice."),
    ],
)
def test_rows_to_notice_is_a_unit_people_feel(rows, text):
    made = bell("x", 0.3)
    made["current_from_reference"]["rows_to_notice"] = rows
    seen = view([made])
    assert sentences.noticing(seen, seen.columns[0]) == text


def test_the_issue_s_own_keys_are_enough():
    """The optional keys may be missing: an old or foreign JSON still renders."""
    made = bell("x", 2.0)
    for key in ("p_value", "q_value", "missing", "resolution", "histogram", "rows_to_notice"):
        del made[key]
    for side in ("current_from_reference", "reference_from_current"):
        for key in ("expected_unseen_mass", "rows_to_notice", "method"):
            del made[side][key]
    whole = result([made])
    keep = {"schema", "unit", "rows", "columns", "skipped"}
    seen = read({key: value for key, value in whole.items() if key in keep})
    assert seen.columns[0].verdict is Verdict.DRIFTED
    assert "the current data has moved" in sentences.headline(seen)


def test_another_schema_is_refused():
    with pytest.raises(ValueError, match=r"relentropy.compare/1.*'other/2'"):
        read({"schema": "other/2"})


def test_paths_become_names_everywhere():
    full = "/data/2025/flights-january.parquet", "/data/2025/flights-july.parquet"
    keys = [{"name": "day", "reason": f"1 to 2 in {full[0]}, 3 to 4 in {full[1]}"}]
    seen = view(reference=full[0], current=full[1], keys=keys, notes=[f"{full[1]} has dates"])
    assert (seen.reference, seen.current, seen.paths) == ("flights-january", "flights-july", full)
    assert seen.keys[0].reason == "1 to 2 in flights-january, 3 to 4 in flights-july"
    assert seen.notes == ("flights-july has dates",)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("a/x.csv.gz", "b/x.csv.gz"), ("a/x", "b/x")),
        (("2024/data.parquet", "2025/new.parquet"), ("data", "new")),
        (("s.db::june", "s.db::july"), ("june", "july")),
        (("a.db::t", "b.db::t"), ("a/t", "b/t")),
        (("train/*.csv", "test/*.csv"), ("train/*", "test/*")),
        (("C:\\x\\one.csv", "C:\\x\\two.csv"), ("one", "two")),
        (("same.csv", "same.csv"), ("same (reference)", "same (current)")),
        (("x.csv", "x.parquet"), ("x (reference)", "x (current)")),
        (("reference", "current"), ("reference", "current")),
        (("", ""), ('"" (reference)', '"" (current)')),
        ((".csv", "/"), (".csv", "/")),
    ],
)
def test_the_sides_have_short_and_different_names(paths, names):
    assert call(*paths) == names
