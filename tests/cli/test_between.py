"""``relentropy between`` in the process and as one."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import relentropy
from relentropy.cli.between_answer import Unit, find
from relentropy.cli.between_cells import cells_of
from relentropy.cli.program import program
from relentropy.cli.specification import read

PAIR = ("Normal(0,1)", "StudentT(df=5)")


def invoke(*arguments):
    return CliRunner().invoke(program, ["between", *map(str, arguments)])


def run(*arguments, env=None, **more):
    return subprocess.run(
        [sys.executable, "-m", "relentropy.cli", "between", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, **(env or {})},
        **more,
    )


def said(result):
    """The text without its line ends."""
    return " ".join(result.stdout.split())


def found(*arguments):
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_both_directions_are_said_in_words():
    result = invoke("Normal(0,1)", "Normal(1,2)", "--width", 200)
    assert result.exit_code == 0
    assert result.stderr == ""
    sentences = said(result)
    # ln 2 + (1 + 1) / 8 - 1/2 and -ln 2 + (4 + 1) / 2 - 1/2 nats
    assert "Data from Normal(0, 1) coded for Normal(1, 2) cost 0.639 bits a draw more" in sentences
    assert "Data from Normal(1, 2) coded for Normal(0, 1) cost 1.89 bits a draw more" in sentences
    assert "D(P‖Q) 0.6393262398 bits" in sentences
    assert "D(P‖Q) and D(Q‖P) by a formula: D = " in sentences


def test_the_json_is_the_librarys_answer():
    made = found("StudentT(3)", "Logistic(0, 1)")
    p, q = relentropy.StudentT(3), relentropy.Logistic(0, 1)
    assert made["schema"] == "relentropy.between/1"
    assert (made["p"], made["q"]) == ("StudentT(3)", "Logistic(0, 1)")
    assert (made["unit"], made["base"]) == ("bit", 2)
    for key, pair in (("p_from_q", (p, q)), ("q_from_p", (q, p))):
        direction = made[key]
        assert direction["value"] == float(relentropy.relative_entropy(*pair, base=2))
        assert direction["how"] == relentropy.rule_for(*pair).kind
        assert direction["formula"] == relentropy.rule_for(*pair).formula
        assert (direction["infinite"], direction["why"]) == (False, None)
    assert made["jensen_shannon"] == float(relentropy.jensen_shannon(p, q, base=2))
    assert made["p_from_q"]["how"] == "quadrature"
    assert made["p_from_q"]["relative_error"] == 1e-9


def test_a_formula_has_no_error_to_state():
    made = found("Normal(0,1)", "Normal(1,1)")
    assert made["p_from_q"]["how"] == "closed"
    assert made["p_from_q"]["relative_error"] is None


@pytest.mark.parametrize(
    ("p", "q", "nats"),
    [
        ("[.5, .5]", "[.75, .25]", 0.5 * math.log(4 / 3)),
        ("[1/2, 1/2]", "(3/4, 1/4)", 0.5 * math.log(4 / 3)),
        ("{a: .5, b: .5}", "{b: .25, a: .75}", 0.5 * math.log(4 / 3)),
        ("{a: 1}", "{a: .5, b: .5}", math.log(2)),
        ("Counts([3, 1])", "Counts([1, 1])", 0.75 * math.log(1.5) + 0.25 * math.log(0.5)),
        ("Logits([0, 0])", "[1/2, 1/2]", 0.0),
        ("Poisson(3)", "Poisson(rate=1)", 3 * math.log(3) - 2),
        ("Exponential(2)", "Exponential(1)", math.log(2) - 0.5),
        ("Uniform(0, 1/2)", "Uniform(0, 2*1)", math.log(4)),
        ("Normal(0, 1e-3)", "Normal(0, 1e-3)", 0.0),
        ("Bernoulli(.5)", "Bernoulli(logits=0)", 0.0),
        ("TruncatedNormal(0, 1, -inf, inf)", "Normal(1, 1)", 0.5),
        ("Dirichlet([1, 2, 3])", "Dirichlet([1, 2, 3])", 0.0),
        ("Dirichlet([1, 1])", "Dirichlet([2, 1])", math.log(0.5) + 1),
        (
            "MultivariateNormal([0, 0], [[1, 0], [0, 1]])",
            "MultivariateNormal([1, 2], scale_tril=[[1, 0], [0, 1]])",
            2.5,
        ),
        ("Mixture([.3, .7], [Normal(0, 1), Normal(0, 1)])", "Normal(1, 1)", 0.5),
        ("Mixture([.5, .5], [Uniform(0, 1), Uniform(1, 2)])", "Uniform(0, 2)", 0.0),
        ("Transformed(Normal(0, 1), Exp())", "LogNormal(1, 1)", 0.5),
        ("Independent(Normal([0, 0], 1), 1)", "Independent(Normal([1, 1], 1), 1)", 1.0),
    ],
)
def test_values_known_by_hand(p, q, nats):
    made = found(p, q, "--nats")
    assert made["p_from_q"]["value"] == pytest.approx(nats, rel=1e-9, abs=1e-15)


def test_jensen_shannon_counts_what_only_one_side_has():
    """Half of Laplace's mass lies where the exponential has none; by hand."""
    found_here = found("Exponential(1)", "Laplace(0,1)")["jensen_shannon"]
    by_hand = 0.5 * math.log2(4 / 3) + 0.25 * math.log2(2 / 3) + 0.25 * math.log2(2)
    assert found_here == pytest.approx(by_hand, rel=1e-9)


def test_bases():
    nats = found(*PAIR, "--nats")
    assert (nats["unit"], nats["base"]) == ("nat", math.e)
    for given, base, unit in (
        ("2", 2, "bit"),
        ("e", math.e, "nat"),
        ("10", 10, "hartley"),
        ("3", 3, None),
    ):
        made = found(*PAIR, "--base", given)
        assert (made["unit"], made["base"]) == (unit, base)
        for key in ("p_from_q", "q_from_p"):
            x, y = (m[key]["value"] for m in (made, nats))
            assert x * math.log(base) == pytest.approx(y, rel=1e-12)
            # Draws are draws in any unit.
            assert made[key]["draws_to_notice"] == nats[key]["draws_to_notice"]
    assert "units of base 3 a draw" in said(invoke(*PAIR, "--base", 3))
    assert "nats a draw" in said(invoke(*PAIR, "--nats"))


def test_draws_to_notice_are_those_of_compare():
    made = found("Normal(0,1)", "Normal(1,1)", "--nats")
    assert made["p_from_q"]["draws_to_notice"] == math.ceil(math.log(20) / 0.5)
    assert "about 6 draws from P to rule out Q" in said(invoke("Normal(0,1)", "Normal(1,1)"))


def test_equals_cost_nothing():
    result = invoke("Normal(0,1)", "Normal(0, 1.0)")
    assert "cost no more than need be" in said(result)
    assert "It takes" not in result.stdout


@pytest.mark.parametrize(
    ("p", "q", "why"),
    [
        ("{a: .5, b: .5}", "{a: 1}", "b happens in P and never in Q"),
        ("[.2, .3, .5]", "[.5, .5, 0]", "cell 3 of 3 happens in P and never in Q"),
        ("{a: .5, b: .5}", "{c: 1}", "a, b happen in P and never in Q"),
        ("{a: .4, b: .2, c: .2, d: .2}", "{f: 1}", "a, b, c and 1 more happen in P and never in Q"),
        ("Normal(0,1)", "Gamma(2,1)", "P has mass below 0, Q has none there"),
        ("Uniform(-1,3)", "Uniform(0,2)", "P has mass below 0 and above 2, Q has none there"),
        ("Poisson(3)", "Binomial(10,.3)", "P has mass above 10, Q has none there"),
        ("Normal(0,1)", "Poisson(3)", "P has a density, Q has all its mass on single values"),
        ("Poisson(3)", "Normal(0,1)", "Q has a density, P has all its mass on single values"),
        ("Cauchy(0,1)", "Normal(0,1)", "the expectation of log(p/q) does not exist"),
        ("Zipf(1.5)", "Geometric(.3)", "the expectation of log(p/q) does not exist"),
        ("Normal(0,1e200)", "Normal(0,1)", "it exceeds the largest number, 1.8e308"),
        ("Normal(0,1)", "Normal(0,1e-200)", "it exceeds the largest number, 1.8e308"),
        ("Gamma(.5,1)", "InverseGamma(1,1)", "the expectation of log(p/q) does not exist"),
        ("Bernoulli(.5)", "Bernoulli(0)", "P has mass where Q has none, such as at 1"),
        ("Poisson(2)", "Delta(2.5)", "P has mass where Q has none, such as at 2"),
        (
            "Uniform(0, 3)",
            "Mixture([.5, .5], [Uniform(0, 1), Uniform(2, 3)])",
            "P has mass where Q has none, such as at 1.",
        ),
        ("Multinomial(3,[.5,.5])", "Multinomial(2,[.5,.5])", "P has mass where Q has none"),
        ("PoissonProcess(3)", "PoissonProcess(0)", "P does what Q rules out"),
    ],
)
def test_infinity_is_explained(p, q, why):
    made = found(p, q)["p_from_q"]
    assert (made["value"], made["infinite"]) == (None, True)
    assert why in made["why"]
    text = said(invoke(p, q))
    assert "cost infinitely much:" in text
    assert why in text
    assert "D(P‖Q) ∞" in text


def test_quiet_is_two_numbers():
    result = invoke("Normal(0,1)", "Cauchy(0,1)", "--quiet")
    value, infinite = result.stdout.splitlines()
    assert float(value) == float(
        relentropy.relative_entropy(relentropy.Normal(0, 1), relentropy.Cauchy(0, 1), base=2)
    )
    assert infinite == "inf"


def test_families_are_listed():
    result = invoke("--families")
    assert result.exit_code == 0
    assert "StudentT(df, loc=0, scale=1)\n" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected two distributions, got none"),
        (["Normal(0,1)"], "got only 'Normal(0,1)'"),
        (["[.5,", ".5]", "[.7,", ".3]"], "got 4 arguments: put each distribution in quotes"),
        (["Normal(0,1)", "StudentT()"], "Q: StudentT needs df"),
        (["Normal(0,-1)", "StudentT(5)"], "P: Normal: scale must be positive and finite; got -1"),
        (["[.5,.5]", "[.2,.3,.5]"], "p has 2 cells along the event axis and q has 3"),
        (["[.5,.5]", "{a: .5, b: .5}"], "q has labels and p has none"),
        (["[.5,.5]", "Bernoulli(.5)"], "Give both as lists, or both as families"),
        (["Bernoulli(.5)", "[.5,.5]"], "[.5, .5] is a list of cells and Bernoulli(.5) a family"),
        (["Normal(0,1)", "Dirichlet([1,2])"], "Normal || Dirichlet"),
        (["Dirichlet([1,2,3])", "Dirichlet([1,2])"], "3"),
        ([*PAIR, "--base", "1"], "expected 2, e, 10 or another positive number but 1, got '1'"),
        ([*PAIR, "--base", "-2"], "got '-2'"),
        ([*PAIR, "--base", "bits"], "got 'bits'"),
        ([*PAIR, "--base", "2", "--nats"], "--nats means --base e, and --base is 2: give one"),
        ([*PAIR, "--bas", "2"], "--base"),
        ([*PAIR, "--plot", "x.jpg"], "expected a name that ends in .svg, .png, .pdf, got x.jpg"),
        ([*PAIR, "--plot", "no/x.svg"], "there is no folder no"),
        (["Normal(0,1)", "Poisson(3)", "--plot"], "share no scale"),
        (["Dirichlet([1,2])", "Dirichlet([1,3])", "--plot"], "is not a distribution of one number"),
    ],
)
def test_errors_say_what_to_do_and_exit_2(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_an_error_points_at_the_place_without_a_traceback():
    result = run("Normal(0,1)", "Gamma(2, 1")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == 'Error: Q: this "(" is never closed\n  Gamma(2, 1\n       ^\n'


def test_nothing_is_run(tmp_path):
    victim = tmp_path / "victim"
    victim.touch()
    attacks = [
        f"__import__('os').unlink('{victim}')",
        f"[x for x in [open('{victim}', 'w').write('x')]]",
        "Normal(__import__('os').getpid(), 1)",
        "().__class__.__bases__[0].__subclasses__()",
    ]
    for attack in attacks:
        assert invoke(attack, "Normal(0,1)").exit_code == 2
    assert victim.read_bytes() == b""


def test_an_error_cannot_steer_the_terminal():
    result = run("\x1b[2J", "Normal(0,1)")
    assert result.returncode == 2
    assert "\x1b" not in result.stderr


def test_a_label_cannot_steer_the_terminal():
    result = run("{'\x1b[2J': 1}", "{'\x1b[2J': .5, b: .5}")
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    assert r"\x1b[2J" in result.stdout


def test_a_terminal_without_unicode():
    result = run("Normal(0,1)", "Cauchy(0,1)", env={"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0
    assert result.stdout.isascii()
    assert "D(P||Q)" in result.stdout
    assert "\\u" not in result.stdout.replace("\\u222b", "")  # the library's own formula


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_width(width):
    report = invoke("Mixture([.3,.7],[Normal(0,1),Normal(3,1)])", "Normal(2,1.8)", "--width", width)
    assert max(map(len, report.stdout.splitlines())) <= width


def test_colour_only_where_it_is_wanted():
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert "\x1b[1m" in run(*PAIR, env=forced).stdout
    assert "\x1b" not in run(*PAIR).stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_without_a_traceback():
    command = [sys.executable, "-m", "relentropy.cli", "between", *PAIR, "--json"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert result.stderr == "Error: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help_imports_no_engine(arguments):
    code = f"""
import sys
sys.argv = ["relentropy", "between", *{arguments!r}]
from relentropy.cli import main
try:
    main()
finally:
    print("loaded:", sorted({{"numpy", "scipy", "matplotlib", "duckdb"}} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize(
    ("missing", "said", "options"),
    [
        ("rich", 'relentropy between needs the extra "cli"', []),
        ("click", 'relentropy between needs the extra "cli"', []),
        ("matplotlib", '--plot needs the extra "plot"', ["--plot=x.svg"]),
    ],
)
def test_without_an_extra_it_says_what_to_install(missing, said, options, tmp_path):
    code = f"""
import sys
sys.modules["{missing}"] = None
sys.argv = ["relentropy", "between", "Normal(0,1)", "Cauchy()", *{options!r}]
from relentropy.cli import main
main()
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert f"{missing} is not installed: pip install 'relentropy[" in result.stderr
    assert "Traceback" not in result.stderr


def test_it_needs_neither_matplotlib_nor_what_compare_needs():
    code = """
import sys
for missing in ("matplotlib", "duckdb", "narwhals", "jinja2"):
    sys.modules[missing] = None
sys.argv = ["relentropy", "between", "Normal(0,1)", "Cauchy()"]
from relentropy.cli import main
main()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


# The picture.


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_a_picture_is_written_and_announced(kind, tmp_path):
    path = tmp_path / f"picture.{kind}"
    result = invoke(*PAIR, "--plot", path)
    assert result.exit_code == 0
    assert result.stderr == f"Wrote {path}.\n"
    assert "D(P‖Q)" in result.stdout
    start = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[kind]
    assert path.read_bytes().startswith(start)


def test_an_svg_names_everything_and_follows_the_theme(tmp_path):
    path = tmp_path / "picture.svg"
    assert invoke(*PAIR, f"--plot={path}", "--quiet").stderr == ""
    text = path.read_text(encoding="utf-8")
    for words in (
        "P = Normal(0, 1)",
        "Q = StudentT(df=5)",
        "p log₂(p/q)",
        "area = D(P‖Q) = 0.0482",
    ):
        assert words in text
    assert "prefers-color-scheme:dark" in text
    # What it names on the web are name spaces, not things to fetch.
    fetched = re.findall(r"(?:href|src)=\"(?!#)([^\"]*)|url\((?!#)", text)
    assert fetched == []
    assert "@import" not in text


def test_the_same_command_draws_the_same_svg(tmp_path):
    paths = [tmp_path / f"{i}.svg" for i in (1, 2)]
    for path in paths:
        invoke(*PAIR, "--plot", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("order", ["first", "middle", "last"])
def test_plot_without_a_path_stands_anywhere(order, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = list(PAIR)
    arguments.insert({"first": 0, "middle": 1, "last": 2}[order], "--plot")
    result = invoke(*arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "Wrote between.svg.\n"
    assert (tmp_path / "between.svg").exists()


def test_a_file_of_somebody_else_is_not_overwritten_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke(*PAIR, "--plot").exit_code == 0
    assert invoke(*PAIR, "--plot").exit_code == 0  # our own is replaced
    (tmp_path / "between.svg").write_text("<svg>precious</svg>")
    result = invoke(*PAIR, "--plot")
    assert result.exit_code == 2
    assert "name the picture" in result.stderr
    assert (tmp_path / "between.svg").read_text() == "<svg>precious</svg>"
    assert invoke(*PAIR, "--plot", "between.svg").exit_code == 0  # named: meant


def test_labels_are_no_formulas(tmp_path):
    path = tmp_path / "picture.svg"
    assert invoke("{'$x_1$': .5, '$': .5}", "{'$x_1$': .7, '$': .3}", "--plot", path).exit_code == 0
    assert ">$x_1$<" in path.read_text(encoding="utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_picture_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "full.svg").symlink_to("/dev/full")
    result = invoke(*PAIR, "--plot", tmp_path / "full.svg")
    assert result.exit_code == 2
    assert "No space left" in result.stderr


def cells(p, q):
    return cells_of(find(read(p), read(q), Unit(math.e)))


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ("Normal(0,1)", "StudentT(df=2)"),
        ("Normal(0,1)", "Normal(0,.01)"),
        ("Normal(0,1)", "Normal(5,1)"),
        ("Exponential(1)", "Laplace(0,1)"),
        ("LogNormal(0,3)", "Weibull(1,.7)"),
        ("Gamma(.05,1)", "Gamma(2,1)"),
        ("Uniform(0,1)", "Uniform(0,2)"),
        ("VonMises(0,50)", "Uniform(-4,4)"),
    ],
)
def test_the_area_that_is_drawn_is_the_value(p, q):
    """The window holds what D comes from: the trapezoids under the curve add up to it."""
    seen = cells(p, q)
    x = np.log(seen.x) if seen.logarithmic else seen.x
    with np.errstate(invalid="ignore"):
        terms = np.where(seen.log_p > -np.inf, np.exp(seen.log_p) * (seen.log_p - seen.log_q), 0.0)
    area = np.trapezoid(terms, x)
    value = find(read(p), read(q), Unit(math.e)).p_from_q.value
    assert area == pytest.approx(value, rel=0.02)


@pytest.mark.parametrize(
    ("p", "q"), [("Poisson(3)", "Geometric(.2)"), ("Poisson(1000)", "Poisson(1100)")]
)
def test_the_bars_add_up_to_the_value(p, q):
    seen = cells(p, q)
    total = np.sum(np.exp(seen.log_p) * (seen.log_p - seen.log_q))
    assert total == pytest.approx(find(read(p), read(q), Unit(math.e)).p_from_q.value, rel=0.02)


def test_named_cells_are_aligned():
    seen = cells("{a: .5, b: .5}", "{b: .2, c: .8}")
    assert seen.names == ["a", "b", "c"]
    np.testing.assert_allclose(np.exp(seen.log_p), [0.5, 0.5, 0])
    np.testing.assert_allclose(np.exp(seen.log_q), [0, 0.2, 0.8])


@pytest.mark.parametrize(
    "p",
    [
        "Cauchy(0,1)",
        "Beta(.5,.05)",
        "Pareto(1,.5)",
        "Delta(2)",
        "Delta(2.5)",
        "Normal(1e300,1)",
        "Normal(0,1e-300)",
        "GeneralizedPareto(0,1,-.5)",
        "Zipf(1.1)",
        "Binomial(0,.5)",
        "Poisson(0)",
        "Triangular(0,1,1)",
        "Mixture([.5,.5],[Uniform(0,1),Uniform(2,3)])",
        "Mixture([.3,.7],[Poisson(3),Geometric(.1)])",
        "Transformed(Gamma(2,1),Affine(0,-1))",
    ],
)
def test_odd_shapes_can_be_drawn(p, tmp_path):
    """Poles, heavy tails, single points, ends of the number format: a picture and no warning."""
    result = invoke(p, p, "--plot", tmp_path / "picture.svg")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "picture.svg").stat().st_size > 5000


def test_many_cells_are_drawn_as_a_line(tmp_path):
    cell = ", ".join(["1/100"] * 100)
    result = invoke(
        f"[{cell}]", f"Logits([{', '.join(map(str, range(100)))}])", "--plot", tmp_path / "p.svg"
    )
    assert result.exit_code == 0, result.stderr
