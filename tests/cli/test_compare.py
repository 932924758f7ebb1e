"""``relentropy compare`` on real files, in the process and as one."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from relentropy.cli.program import program
from relentropy.compare import example_paths

ROWS = 2000


def write_csv(path, **columns):
    lines = [",".join(f'"{name}"' for name in columns)]
    lines += [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two tables: `moved` has, `still` has not; `colour` has values of its own on each side."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(5)
    colours = np.array(["red", "green", "blue"], dtype=object)
    sides = []
    for name, shift, last in [("before", 0, "violet"), ("after", 1, "amber")]:
        colour = rng.choice(colours, ROWS)
        colour[:50] = last
        sides.append(
            write_csv(
                folder / f"{name}.csv",
                moved=np.round(rng.normal(shift, 1, ROWS), 3),
                still=rng.choice(["x", "y"], ROWS),
                colour=colour,
            )
        )
    return sides


def invoke(*arguments):
    return CliRunner().invoke(program, ["compare", *map(str, arguments)])


def run(*arguments, env=None, **more):
    return subprocess.run(
        [sys.executable, "-m", "relentropy.cli", "compare", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, **(env or {})},
        **more,
    )


def test_the_report_goes_to_standard_output_and_nothing_else_anywhere(files):
    result = run(*files)
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout.startswith("after has moved from before in 2 of 3 columns")
    assert all(line == line.rstrip() for line in result.stdout.splitlines())
    assert "\x1b" not in result.stdout


def test_example_says_how_to_do_the_same_by_hand():
    result = run("--example", "--columns", "origin")
    assert result.returncode == 0
    assert result.stdout.startswith("flights-july has")
    assert all(str(path) in result.stderr for path in example_paths())


def test_json_alone_on_standard_output(files):
    result = run(*files, "--json")
    made = json.loads(result.stdout)
    assert made["schema"] == "relentropy.compare/1"
    assert made["unit"] == "bit"
    assert made["rows"] == {"reference": ROWS, "current": ROWS}
    assert {c["name"]: c["drifted"] for c in made["columns"]} == {
        "moved": True,
        "colour": True,
        "still": False,
    }
    assert result.stderr.splitlines() == [
        "after has moved from before in 2 of 3 columns, most in moved and colour."
    ]


def test_quiet_json_is_json_and_silence(files):
    result = invoke(*files, "--json", "--quiet")
    assert result.stderr == ""
    json.loads(result.stdout)


def test_quiet_is_silence(files):
    result = invoke(*files, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_the_same_seed_gives_the_same_json(files):
    first, second = (invoke(*files, "--json", "--seed", 7).stdout for _ in range(2))
    assert first == second
    assert json.loads(first)["seed"] == 7


def test_nats_are_bits_times_log_2(files):
    bits, nats = (
        json.loads(invoke(*files, "--json", flag).stdout) for flag in ("--bits", "--nats")
    )
    assert nats["unit"] == "nat"
    for a, b in zip(bits["columns"], nats["columns"], strict=True):
        x, y = (c["current_from_reference"]["finite_value"] for c in (a, b))
        assert y == pytest.approx(x * np.log(2), rel=1e-12)
        assert sum(c["value"] for c in b["contributions"]) == pytest.approx(y, abs=1e-12)


def test_fail_above_gates_on_the_lower_end_of_the_interval(files):
    made = json.loads(invoke(*files, "--json").stdout)
    low = made["columns"][0]["current_from_reference"]["interval"][0]
    value = made["columns"][0]["current_from_reference"]["finite_value"]
    above = invoke(*files, "--quiet", "--fail-above", low * 0.999)
    assert above.exit_code == 1
    assert above.stdout == ""
    assert re.match(r"Above [\d.e-]+ bits a row: moved, interval ", above.stderr)
    assert "still" not in above.stderr
    within = invoke(*files, "--quiet", "--fail-above", low + 1e-9)
    assert (within.exit_code, within.stderr) == (0, "")
    assert value > low  # the estimate alone would have failed the second


def test_fail_above_is_in_the_unit_of_the_output(files):
    made = json.loads(invoke(*files, "--json").stdout)
    low = made["columns"][0]["current_from_reference"]["interval"][0]
    limit = low * 0.9  # bits: exceeded; as nats the same number is not
    assert invoke(*files, "--bits", "--fail-above", limit).exit_code == 1
    assert invoke(*files, "--nats", "--fail-above", limit).exit_code == 0


def test_columns_as_a_list_and_repeated(files, tmp_path):
    listed = json.loads(invoke(*files, "--json", "--columns", "still,moved").stdout)
    assert {c["name"] for c in listed["columns"]} == {"still", "moved"}
    odd = [
        write_csv(tmp_path / f"{i}.csv", **{"price, net": range(i, 50), "tax": range(i, 50)})
        for i in (0, 1)
    ]
    for arguments in (["price, net", "tax"], ['"price, net",tax']):
        options = [part for name in arguments for part in ("--columns", name)]
        made = json.loads(invoke(*odd, "--json", *options).stdout)
        seen = [c["name"] for key in ("columns", "keys", "skipped") for c in made[key]]
        assert sorted(seen) == ["price, net", "tax"]


def test_hidden_values_appear_nowhere(files, tmp_path):
    page = tmp_path / "report.html"
    text = invoke(*files, "--hide-values", "colour", "--html", page).output
    as_json = invoke(*files, "--hide-values", "colour", "--json").output
    everything = text + as_json + page.read_text("utf-8")
    assert "category 1" in everything
    # "red" and "green" are words of any page; these two are not.
    for value in ("violet", "amber"):
        assert value not in everything
        assert value in invoke(*files, "--json").stdout


def test_material_and_confidence_reach_the_result(files):
    made = json.loads(invoke(*files, "--json", "--material", 5, "--confidence", 0.8).stdout)
    assert (made["material"], made["confidence"]) == (5, 0.8)
    assert not any(c["drifted"] for c in made["columns"])


def test_the_page_is_written_and_announced(files, tmp_path):
    page = tmp_path / "report.html"
    result = invoke(*files, "--html", page)
    assert result.exit_code == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert f"Wrote {page}" in result.stderr
    assert invoke(*files, "--html", page, "--quiet").stderr == ""  # and over the old one


@pytest.mark.parametrize("width", [60, 80, 120])
def test_width(files, width):
    report = invoke(*files, "--width", width).stdout
    assert max(map(len, report.splitlines())) <= width


def test_colour_only_where_it_is_wanted(files):
    colour = r"\x1b\[[\d;]*3\d"
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert re.search(colour, run(*files, env=forced).stdout)
    assert not re.search(colour, run(*files, env={**forced, "NO_COLOR": "1"}).stdout)


def test_a_terminal_without_unicode(files):
    result = run(*files, env={"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0
    assert result.stdout.isascii()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{0}"], "expected two tables, got only"),
        ([], "expected two tables, got none"),
        (["--example", "{0}"], "leave out the two names"),
        (["{0}", "{1}", "x"], "unexpected extra argument"),
        (["{0}", "{1}", "--exmaple"], "--example"),
        (["{0}", "{1}", "--columns", "mooved"], "Did you mean 'moved'?"),
        (
            ["{0}", "{1}", "--columns", "moved,still", "--columns", "colour"],
            "each value is one whole name",
        ),
        (["{0}", "{1}", "--hide-values", "color"], "Did you mean 'colour'?"),
        (["{0}", "{0}x"], "Did you mean"),
        (["{0}", "{1}", "--confidence", "95"], "for 95 % type 0.95"),
        (["{0}", "{1}", "--fail-above", "nan"], "finite number"),
        (["{0}", "{1}", "--html", "{folder}"], "is a folder"),
        (["{0}", "{1}", "--html", "{folder}/no/report.html"], "there is no folder"),
        (["{0}", "{1}", "--html", "{0}"], "one of the tables"),
        (["{0}", "{empty}"], "empty"),
    ],
)
def test_errors_say_what_to_do_and_exit_2(files, tmp_path, arguments, said):
    (tmp_path / "empty.csv").touch()
    names = {"folder": tmp_path, "empty": tmp_path / "empty.csv"}
    result = invoke(*(a.format(*files, **names) for a in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in " ".join(result.stderr.split())
    assert Path(files[0]).stat().st_size > 0


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder closed even to root")
def test_an_unwritable_page_is_found_before_the_work(files):
    result = invoke("missing.csv", files[1], "--html", "/proc/report.html")
    assert result.exit_code == 2
    assert "--html: cannot write /proc/report.html" in result.stderr


def test_checking_the_page_leaves_nothing_behind(files, tmp_path):
    page = tmp_path / "report.html"
    assert invoke("missing.csv", files[1], "--html", page).exit_code == 2
    assert not page.exists()


def test_an_error_is_one_line_without_a_traceback(files):
    result = run(files[0], files[1] + "x")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_an_error_cannot_steer_the_terminal(files):
    result = run("\x1b[2Jname.csv", files[1])
    assert result.returncode == 2
    assert "\x1b" not in result.stderr
    assert r"\x1b[2Jname.csv" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe that closes early")
@pytest.mark.parametrize(("limit", "code"), [([], 0), (["--fail-above", "0.1"], 1)])
def test_a_reader_that_leaves_early_changes_nothing(files, limit, code):
    command = [sys.executable, "-m", "relentropy.cli", "compare", *files, "--json", *limit]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == code
    assert "Broken" not in said
    assert "Traceback" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_without_a_traceback(files):
    command = [sys.executable, "-m", "relentropy.cli", "compare", *files, "--json", "-q"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert result.stderr == "Error: cannot write to standard output: No space left on device\n"


@pytest.mark.exhaustive
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_long_work_shows_a_bar_and_stops_quietly(tmp_path):
    """The bar appears on a terminal only; Ctrl-C under it exits 130 without a traceback."""
    import pty
    import signal

    import duckdb

    path = tmp_path / "long.parquet"
    columns = ", ".join(f"random() * {i} AS c{i}" for i in range(1, 21))
    duckdb.sql(f"COPY (SELECT {columns} FROM range(3000000)) TO '{path}'")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "relentropy.cli", "compare", str(path), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = ""
        while "/20" not in seen:
            seen += os.read(ours, 1024).decode(errors="replace")
        process.send_signal(signal.SIGINT)
        try:
            while chunk := os.read(ours, 1024):
                seen += chunk.decode(errors="replace")
        except OSError:  # Linux: the other end has closed
            pass
        assert process.stdout.read() == b""
    os.close(ours)
    assert process.returncode == 130
    assert "Traceback" not in seen
