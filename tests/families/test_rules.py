"""Which rule answers which pair, and what is said where there is none."""

import math
from typing import Any

import numpy as np
import pytest

import relentropy
from relentropy import (
    Beta,
    Cauchy,
    Delta,
    Dirichlet,
    Exponential,
    Gamma,
    Laplace,
    Logistic,
    LogNormal,
    MultivariateNormal,
    Normal,
    Poisson,
    StudentT,
    Uniform,
    Zipf,
    relative_entropy,
    rule_for,
    rules,
)
from relentropy._rules import rule, rule_between
from relentropy.distributions.family import Univariate
from relentropy.methods.rows import by_numbers_where
from tests.tables import family_tables as tables

INF = math.inf
KINDS = {"closed", "support", "quadrature", "summation"}


def families() -> dict[str, type]:
    names = [n for n in dir(relentropy) if isinstance(getattr(relentropy, n), type)]
    found = {n: getattr(relentropy, n) for n in names}
    return {n: f for n, f in found.items() if issubclass(f, Univariate) and n in tables.members()}


def test_every_univariate_family_is_exported_and_in_the_table() -> None:
    assert set(families()) == set(tables.members())
    assert len(families()) == 39


@pytest.mark.parametrize("family", tables.members())
def test_every_ordered_pair_has_an_answer(family: str) -> None:
    p = getattr(relentropy, family)(**tables.members()[family][0])
    for other, members in tables.members().items():
        for member in members:
            q = getattr(relentropy, other)(**member)
            found = rule_for(p, q)
            assert found.kind in KINDS, (p, q)
            assert found.formula
            if found.kind == "support":
                assert relative_entropy(p, q) == INF, (p, q)


@pytest.mark.parametrize("of", ["entropy", "cross_entropy", "renyi", "total_variation"])
def test_every_family_has_the_other_verbs(of: str) -> None:
    for p in families().values():
        others = [None] if of == "entropy" else list(families().values())
        for q in others:
            assert rule_between(p, q, of).kind in KINDS


@pytest.mark.parametrize(
    ("p", "q", "kind"),
    [
        (Normal(0, 1), Normal(1, 2), "closed"),
        (Gamma(1.0, 2.0), Exponential(1.0), "closed"),
        (Beta(2, 3), Uniform(0, 1), "closed"),
        (Delta(1.0), Poisson(1.0), "closed"),
        (Zipf(2.0), Zipf(3.0), "closed"),
        (Normal(0, 1), StudentT(5.0), "quadrature"),
        (LogNormal(0, 1), StudentT(2.0), "quadrature"),
        (Poisson(1.0), Zipf(2.0), "support"),
        (Zipf(2.5), Poisson(1.0), "summation"),
        (Zipf(1.5), Poisson(1.0), "support"),
        (Cauchy(0, 1), Normal(0, 1), "support"),
        (StudentT(2.0), Normal(0, 1), "support"),
        (Normal(0, 1), Uniform(0, 1), "support"),
        (Uniform(0, 1), Uniform(0.5, 2), "support"),
        (Uniform(0, 1), Uniform(0, 2), "closed"),
        (Normal(0, 1), Poisson(1.0), "support"),
        (Delta(0.0), Normal(0, 1), "support"),
    ],
)
def test_kinds(p: Any, q: Any, kind: str) -> None:
    assert rule_for(p, q).kind == kind
    assert (relative_entropy(p, q) == INF) == (kind == "support")


def test_a_batch_is_of_the_support_only_if_all_its_members_are() -> None:
    p = StudentT([1.5, 2.0])
    assert rule_for(p, Normal(0, 1)).kind == "support"
    p = StudentT([1.5, 5.0])
    assert rule_for(p, Normal(0, 1)).kind != "support"
    value = relative_entropy(p, Normal(0, 1))
    assert value[0] == INF
    assert 0 < value[1] < INF


def test_a_rule_says_what_it_is() -> None:
    found = rule_for(Cauchy(0, 1), Normal(0, 1))
    assert "expectation" in found.formula
    assert "does not exist" in repr(found)
    assert "mass" in rule_for(Uniform(0, 1), Uniform(0.5, 2)).formula
    shown = repr(rule_for(Normal(0, 1), Normal(1, 2)))
    assert shown.startswith("Rule(Normal || Normal: D = ")
    assert "closed" in shown


def test_a_second_rule_for_a_pair_is_refused() -> None:
    rules()
    with pytest.raises(ValueError, match=r"there is a rule already: Rule\(Normal \|\| Normal"):

        @rule(Normal, Normal)
        def again(p: Any, q: Any) -> Any:
            """D = 0."""

    assert rule_for(Normal(0, 1), Normal(0, 2)).function.__name__ != "again"


def test_no_rule_names_what_to_do_instead() -> None:
    p, q = MultivariateNormal(np.zeros(2), np.eye(2)), Dirichlet(np.ones(2))
    for ask in (rule_for, relative_entropy, relentropy.total_variation):
        with pytest.raises(LookupError) as caught:
            ask(p, q)
        assert 'estimate(p, q, method="monte-carlo")' in str(caught.value)
    with pytest.raises(LookupError, match="nearest: MultivariateNormal"):
        rule_for(p, q)
    with pytest.raises(LookupError, match="monte-carlo"):
        relative_entropy(Normal(0, 1), Dirichlet(np.ones(2)))
    with pytest.raises(LookupError, match="order inf"):
        relentropy.renyi(Normal(0, 1), Laplace(0, 1), INF)


def test_a_failure_says_what_was_reached() -> None:
    """p²/q is all but infinite: its tail falls like exp(-1e-9 x²)."""
    with pytest.raises(ArithmeticError, match=r"two rules give .*estimate\(p, q"):
        relentropy.chi_square(Normal(0, 1), StudentT(5.0)) + relentropy.chi_square(
            Logistic(0, 1), Logistic(0, 0.5 + 1e-12)
        )


def test_a_failure_says_in_which_rows_and_of_what() -> None:
    bad = [0.5 + 1e-12, 0.5 + 2e-12, 0.5 + 3e-12, 0.5 + 4e-12]
    scales = np.ones((2, 80))
    scales[0, 3], scales[1, 7], scales[1, 8], scales[1, 79] = bad
    with pytest.raises(ArithmeticError) as info:
        relentropy.chi_square(Logistic(0, 1), Logistic(0, scales))
    said = str(info.value)
    for i, row in enumerate(["[0, 3]", "[1, 7]", "[1, 8]"]):
        assert f"scale={bad[i]!r}) (row {row}) two rules give" in said
    assert "and 1 more rows" in said
    # Rows that have no closed form, in a batch of others that have.
    with pytest.raises(ArithmeticError, match=r"row \[1\]"):
        by_numbers_where(
            np.array([False, True]),
            np.zeros(2),
            Logistic(0, np.array([1.0, 1.0])),
            Logistic(0, np.array([2.0, 0.5 + 1e-12])),
            lambda a, b: rule_between(type(a), type(b), "chi_square").function(a, b),
        )
