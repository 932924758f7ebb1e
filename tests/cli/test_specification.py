"""Distributions from text: what is read, what is refused, and that nothing is ever run."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import relentropy
from relentropy.cli.grammar import DEEPEST, LONGEST, Number, SpecificationError, parse
from relentropy.cli.specification import (
    BIJECTIONS,
    DESCRIPTIONS,
    FAMILIES,
    PROCESSES,
    listing,
    read,
    shown,
)


def value_of(text):
    tree = parse(text)
    assert isinstance(tree, Number)
    return tree.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1_000", 1000),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-3", 1e-3),
        ("2E+2", 200.0),
        ("1e−3", 1e-3),
        ("pi", math.pi),
        ("π", math.pi),
        ("e", math.e),
        ("inf", math.inf),
        ("∞", math.inf),
        ("-inf", -math.inf),
        ("−2", -2),
        ("--2", 2),
        ("+ 2", 2),
        ("1/3", 1 / 3),
        ("2*pi", 2 * math.pi),
        ("1 + 2*3", 7),
        ("(1+2)*3", 9),
        ("7-2-1", 4),
        ("8/4/2", 1.0),
        ("2**3**2", 512),
        ("-2**2", -4),
        ("10**-3", 1e-3),
        ("123456789012345678", 123456789012345678.0),
    ],
)
def test_numbers(text, value):
    assert value_of(text) == value


def test_whole_numbers_stay_whole():
    assert isinstance(value_of("3"), int)
    assert isinstance(value_of("2*3+1"), int)
    assert isinstance(value_of("3.0"), float)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Normal( 0,1 )", "Normal(0, 1)"),
        ("StudentT( df = 5,)", "StudentT(df=5)"),
        ("Normal(loc=-1/2, scale=2*pi)", "Normal(loc=-1/2, scale=2*pi)"),
        ("[ .5,.5 ]", "[.5, .5]"),
        ("(.5,.5)", "[.5, .5]"),
        ("{a:.5,'b c':.5}", "{a: .5, b c: .5}"),
        ("{1: .5, -2: .5}", "{1: .5, -2: .5}"),
        ("{Zürich: .5, “São Paulo”: .5}", "{Zürich: .5, São Paulo: .5}"),
        ("Normal(0,\n  1)", "Normal(0, 1)"),
        ("Dirichlet([1,2,3])", "Dirichlet([1, 2, 3])"),
    ],
)
def test_a_specification_is_shown_as_it_was_typed(text, canonical):
    assert read(text).text == canonical


def test_positional_and_named_parameters_are_the_familys():
    for text in (
        "StudentT(5, 1, 2)",
        "StudentT(5, scale=2, loc=1)",
        "StudentT(df=5, loc=1, scale=2)",
    ):
        found = read(text).distribution
        assert isinstance(found, relentropy.StudentT)
        assert [float(x) for x in (found.df, found.loc, found.scale)] == [5, 1, 2]


def test_lists_are_probabilities_in_floats():
    found = read("[1/3, 2/3]").distribution
    assert isinstance(found, relentropy.Probs)
    np.testing.assert_array_equal(found.values, [1 / 3, 2 / 3])
    assert read("[1, 0]").distribution.values.dtype == np.float64


def test_mappings_are_labelled_probabilities():
    found = read("{pi: .5, e: .5}").distribution  # names, not numbers
    assert found.labels == ("pi", "e")
    assert read("{1: .5, 2.5: .5}").distribution.labels == (1, 2.5)


def test_descriptions_of_finite_alphabets():
    assert isinstance(read("Counts([3, 1])").distribution, relentropy.Counts)
    assert isinstance(read("Logits([0, -inf])").distribution, relentropy.Logits)
    assert isinstance(read("LogProbs([0, -inf])").distribution, relentropy.LogProbs)
    assert read("Counts({a: 3, b: 1})").distribution.labels == ("a", "b")


# What is wrong, what is said, and the text above the caret.
WRONG = [
    ("", "expected a distribution, got the end", " "),
    ("   ", "expected a distribution, got the end", " "),
    ("Normal", "expected parameters: Normal(loc=0, scale=1)", "Normal"),
    ("Normal 0", 'expected "(" after Normal', "0"),
    ("Normal(0,1", 'this "(" is never closed', "("),
    ("[.5,.5", 'this "[" is never closed', "["),
    ("[.5,.5)", 'expected "," or "]", got ")"', ")"),
    ("Normal(0,1))", "or the end", ")"),
    ("Normal(0 1)", 'expected "," or ")", got "1"', "1"),
    ("Normal(0,,1)", 'expected a value, got ","', ","),
    ("Normal(0,-1)", "scale must be positive and finite", "-1"),
    ("Normal(0,0)", "scale must be positive and finite", "0"),
    ("Normal(inf,1)", "loc must be finite", "inf"),
    ("Normal(0,1,2)", "one parameter too many for Normal(loc=0, scale=1)", "2"),
    ("Normal(0,1,scale=2)", "scale is given twice", "scale"),
    ("Normal(scale=1,scale=2)", "scale is given twice", "scale"),
    ("Normal(scale=1,2)", "cannot follow one with a name", "2"),
    ("Normal(mu=0)", "Normal has no parameter mu; did you mean loc?", "mu"),
    ("Normal(std=2)", "did you mean scale?", "std"),
    ("Normal(scle=2)", "did you mean scale?", "scle"),
    ("StudentT(dof=5)", "did you mean df?", "dof"),
    ("StudentT()", "StudentT needs df: StudentT(df, loc=0, scale=1)", ")"),
    ("Gamma(2)", "Gamma needs rate", ")"),
    ("Poisson(lambda=3)", "did you mean rate?", "lambda"),
    ("Binomial(10.5, .5)", "whole number", "10.5"),
    ("Bernoulli(1.5)", "probs must be in [0, 1]", "1.5"),
    ("normal(0,1)", "Did you mean Normal?", "normal"),
    ("Nromal(0,1)", "Did you mean", "Nromal"),
    ("Gaussian(0,1)", "Did you mean Normal?", "Gaussian"),
    ("t(5)", "Did you mean StudentT?", "t"),
    ("zzz(1)", "relentropy between --families", "zzz"),
    ("Normal([0,1],1)", "a batch of 2 distributions", "Normal([0,1],1)"),
    ("[[.5,.5],[.1,.9]]", "expected a number", "[.5,.5]"),
    ("Normal('0',1)", "only names of cells go in quotes", "'0'"),
    ('"Normal(0,1)"', "only names of cells go in quotes", '"Normal(0,1)"'),
    ("Normal(0,1)'", "this quote is never closed", "'"),
    ("Normal(0,1).__class__", '"." is not understood', "."),
    ('__import__("os")', "only names of cells go in quotes", '"os"'),
    ("eval(1)", "there is no distribution eval", "eval"),
    ("__import__(1)", "there is no distribution __import__", "__import__"),
    ("relentropy(1)", "there is no distribution relentropy", "relentropy"),
    ("estimate([.5,.5])", "there is no distribution estimate", "estimate"),
    ("(lambda: 1)()", 'got ":"', ":"),
    ("[x for x in 1]", 'got "for"', "for"),
    ("Normal(0,1) if 1 else 2", "or the end", "if"),
    ("Normal(x:=1)", 'got ":"', ":"),
    ("Normal(**{})", "expected a value", "**"),
    ("Normal(*[1])", "expected a value", "*"),
    ("Normal(0,1);Poisson(1)", "separate by commas", ";"),
    ("Normal(0,1)‖Normal(1,1)", "give P and Q as two arguments", "‖"),
    ("Normal(0,1)|Normal(1,1)", "give P and Q as two arguments", "|"),
    ("Normal(0,1)+1", '"+" goes with numbers only', "Normal(0,1)"),
    ("Normal(2^3)", "write ** for a power", "^"),
    ("-Normal(0,1)", '"-" goes with numbers only', "Normal(0,1)"),
    ("Normal(tau)", "there is no distribution tau", "tau"),
    ("Normal(2*tau)", "the named numbers are pi, e, inf", "tau"),
    ("Normal(1/0)", "divides by 0", "1/0"),
    ("Normal(9**9**9)", "exceeds the largest number", "9**9**9"),
    ("Normal(1e999)", "exceeds the largest number", "1e999"),
    ("Normal((-1)**.5)", "not a real number", "(-1)**.5"),
    ("Normal(inf-inf)", "not a real number", "inf-inf"),
    ("3", "Delta(3)", "3"),
    ("[]", "at least one probability", "[]"),
    ("{}", "at least one probability", "{}"),
    ("[.5,.6]", "sums to 1.1 instead of 1", "[.5,.6]"),
    ("{a: .5, b: .6}", "sums to 1.1 instead of 1", "{a: .5, b: .6}"),
    ("[50,50]", "percentages: divide each by 100", "50"),
    ("[50%,50%]", "0.5 for 50 %", "%"),
    ("[3,4]", "Counts(...)", "3"),
    ("[-.5,1.5]", "Logits(...)", "-.5"),
    ("{a .5}", 'expected ":"', ".5"),
    ("{a: .5, a: .5}", "a is given twice", "a"),
    ("{a: b}", "expected a number for this cell", "b"),
    ("{[1]: 1}", "expected the name of a cell", "["),
    ("Probs([.5,.6])", "sums to 1.1", "Probs([.5,.6])"),
    ("Counts([-1,2])", "negative", "Counts([-1,2])"),
    ("Normal(Normal(0,1),1)", "loc", "Normal(0,1)"),
    ("Normal(\x00)", "not understood", "\x00"),
    ("Ｎormal(0,1)", "Did you mean Normal", "Ｎormal"),
    ("[" * 1000, f"nested more than {DEEPEST} deep", "["),
    ("(" * 1000, f"nested more than {DEEPEST} deep", "("),
    ("Normal(" * 1000, f"nested more than {DEEPEST} deep", "("),
    ("1**" * 1000 + "1", f"nested more than {DEEPEST} deep", "**"),
    ("[" + "1," * LONGEST + "]", "are too long", None),
]


@pytest.mark.parametrize(("text", "said", "place"), WRONG, ids=lambda x: str(x)[:24])
def test_what_is_wrong_is_said_and_pointed_at(text, said, place):
    with pytest.raises(SpecificationError) as caught:
        read(text)
    assert said in str(caught.value)
    if place is not None:
        start, end = caught.value.at
        assert text[start:end] == place.strip(" ") or (place == " " and start == len(text))


def caret(text):
    """The error as it is shown: the text, and what stands above the caret."""
    with pytest.raises(SpecificationError) as caught:
        read(text)
    _, line, marks = shown(text, caught.value).split("\n")
    start = marks.index("^")
    return line, line[start : start + marks.count("^")]


def test_the_caret_stands_under_the_place():
    assert caret("Normal(0, -1)") == ("  Normal(0, -1)", "-1")
    assert caret("Normal(0,1) x") == ("  Normal(0,1) x", "x")


def test_a_long_text_is_shown_around_the_place():
    line, marked = caret(
        "[" + ", ".join(["1/200"] * 120) + ", x, " + ", ".join(["1/200"] * 79) + "]"
    )
    assert marked == "x"
    assert len(line) < 70
    assert line.startswith("  …")
    assert line.endswith("…")


def test_what_a_terminal_would_obey_is_escaped_and_counted():
    line, marked = caret("Normal(\x1b[2J)")
    assert "\x1b" not in line
    assert marked == r"\x1b"


def test_the_caret_counts_wide_characters_twice():
    _, _, marks = shown("{東京: x}", error_of("{東京: x}")).split("\n")
    assert marks.index("^") == 2 + len("{東京: ") + 2


def error_of(text):
    with pytest.raises(SpecificationError) as caught:
        read(text)
    return caught.value


def test_long_sums_and_long_mappings_take_no_time():
    assert value_of("+".join(["1"] * (LONGEST // 2))) == LONGEST // 2
    assert len(parse("{" + ",".join(f"{i}:0" for i in range(12_000)) + "}").items) == 12_000
    assert value_of("-" * 9_999 + "1") == -1


def test_every_public_family_can_be_typed():
    """But for what needs a function, and a field over points."""
    from relentropy.distributions.family import Family

    public = {
        name
        for name in relentropy.__all__
        if isinstance(thing := getattr(relentropy, name), type) and issubclass(thing, Family)
    }
    assert public - {"LogDensity", "GaussianProcess"} <= {*FAMILIES, *PROCESSES}
    assert {*FAMILIES, *PROCESSES, *BIJECTIONS, *DESCRIPTIONS} <= set(relentropy.__all__)


def test_the_listing_shows_how_each_is_written():
    lines = listing().splitlines()
    assert "StudentT(df, loc=0, scale=1)" in lines
    assert len(lines) == len(FAMILIES) + len(PROCESSES) + len(DESCRIPTIONS)


def error_in(read_it, text):
    try:
        read_it(text)
    except SpecificationError as error:
        return error
    return None


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused_at_a_place(text):
    error = error_in(parse, text)
    if error is not None:
        start, end = error.at
        assert 0 <= start < end <= len(text) + 1
        assert len(shown(text, error).split("\n")) == 3


@given(
    st.lists(
        st.sampled_from(
            [*"()[]{},:=-*/ ", "**", "1", ".5", "inf", "a", "'b'", "Normal", "Mixture"]
        ),
        max_size=16,
    )
)
def test_any_sequence_of_pieces_is_read_or_refused(pieces):
    error = error_in(read, "".join(pieces))
    assert error is None or str(error)
