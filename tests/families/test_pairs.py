"""Every ordered pair of univariate families against mpmath: values, infinities, derivatives."""

import math
from typing import Any

import numpy as np
import pytest

import relentropy
from tests.backends import Backend
from tests.tables import family_tables as tables

FAMILIES = tuple(tables.members())

# By default each family meets itself and, as P and as Q, the families that stand these many
# places further on in the list; the exhaustive run meets all. JAX compiles each operation of each
# pair, which takes seconds: by default it answers one pair of densities and one of atoms.
PLACES = {"numpy": (0, 1, 5, 12, 23), "torch": (0, 7)}
ON_JAX = (("Gamma", "InverseGaussian"), ("Delta", "Zipf"))


def partners(family: str, places: tuple[int, ...]) -> list[str]:
    i = FAMILIES.index(family)
    return [FAMILIES[(i + place) % len(FAMILIES)] for place in places]


def complaints(xp: Backend, p: str, q: str) -> list[str]:
    """What is wrong with the matrix of all members of P against all members of Q."""
    ps, qs = tables.made(xp, p, tables.column(p)), tables.made(xp, q, tables.row(q))
    values = relentropy.relative_entropy(ps, qs)
    assert xp.is_native(values)
    assert xp.dtype_of(values) == "float64"
    expected = tables.matrices()[p, q]
    host = np.broadcast_to(xp.numpy(values), (len(expected), len(expected[0])))
    found = []
    for i, line in enumerate(expected):
        for j, truth in enumerate(line):
            wrong = tables.complaint(float(host[i, j]), truth)
            if wrong:
                sides = ((p, tables.members()[p][i]), (q, tables.members()[q][j]))
                found.append(" || ".join(tables.shown(*side) for side in sides) + ": " + wrong)
    return found


def report(found: list[str]) -> None:
    assert not found, f"{len(found)} values:\n" + "\n".join(found)


def test_the_table_has_every_ordered_pair() -> None:
    assert len(FAMILIES) == 39
    assert set(tables.matrices()) == {(p, q) for p in FAMILIES for q in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("framework", PLACES)
def test_some_pairs(request: pytest.FixtureRequest, framework: str, family: str) -> None:
    xp = request.getfixturevalue(f"{framework}_backend")
    report([c for q in partners(family, PLACES[framework]) for c in complaints(xp, family, q)])


@pytest.mark.parametrize(("p", "q"), ON_JAX)
def test_some_pairs_on_jax(jax_backend: Backend, p: str, q: str) -> None:
    report(complaints(jax_backend, p, q))


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES)
def test_all_pairs(numpy_backend: Backend, family: str) -> None:
    report([c for q in FAMILIES for c in complaints(numpy_backend, family, q)])


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES)
def test_all_pairs_on_torch(torch_backend: Backend, family: str) -> None:
    report([c for q in FAMILIES for c in complaints(torch_backend, family, q)])


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_on_jax(jax_backend: Backend, family: str) -> None:
    # One each: JAX compiles a quadrature for many seconds.
    report([c for q in partners(family, (0,)) for c in complaints(jax_backend, family, q)])


@pytest.mark.parametrize("family", FAMILIES)
def test_one_pair_at_a_time(numpy_backend: Backend, family: str) -> None:
    """Plain numbers as parameters, without a batch: a value without a batch."""
    found = []
    for partner in partners(family, (0, 1)):
        p, q = tables.members()[family][0], tables.members()[partner][-1]
        value = relentropy.relative_entropy(
            getattr(relentropy, family)(**p), getattr(relentropy, partner)(**q)
        )
        assert np.shape(value) == ()
        wrong = tables.complaint(float(value), tables.matrices()[family, partner][0][-1])
        if wrong:
            found.append(f"{tables.shown(family, p)} || {tables.shown(partner, q)}: {wrong}")
    report(found)


# --- derivatives --------------------------------------------------------------------------------

RTOL, ATOL = 1e-6, 1e-8


def gradient_complaints(xp: Any, row: tables.Slopes) -> list[str]:
    """What is wrong with the gradient towards all parameters of P and of Q."""
    p, q = row.p_member, row.q_member
    p_fixed = {n: x for n, x in p.items() if n not in row.of_p}
    q_fixed = {n: x for n, x in q.items() if n not in row.of_q}

    def divergence(*xs: Any) -> Any:
        of_p = dict(zip(row.of_p, xs, strict=False)) | p_fixed
        of_q = dict(zip(row.of_q, xs[len(row.of_p) :], strict=True)) | q_fixed
        sides = getattr(relentropy, row.p)(**of_p), getattr(relentropy, row.q)(**of_q)
        return relentropy.relative_entropy(*sides)

    given = [xp.array(p[n]) for n in row.of_p] + [xp.array(q[n]) for n in row.of_q]
    names = [f"P.{n}" for n in row.of_p] + [f"Q.{n}" for n in row.of_q]
    expected = [*row.of_p.values(), *row.of_q.values()]
    found = []
    # A value and its slopes may differ by orders of magnitude: compare with the largest, too.
    scale = max(abs(float(e)) for e in expected if e is not None)
    for name, slope, truth in zip(names, xp.gradient(divergence, *given), expected, strict=True):
        if truth is None:
            continue
        error = abs(float(slope) - float(truth))
        if not error <= RTOL * abs(float(truth)) + ATOL * max(scale, 1e-3):
            at = f"{tables.shown(row.p, p)} || {tables.shown(row.q, q)}"
            found.append(f"{at}: {name} is {float(slope)!r}, expected {truth}")
    return found


def some_slopes() -> list[tables.Slopes]:
    """Each family as P and as Q a few times, and the special cases."""
    seen: dict[str, int] = {}
    chosen = []
    for row in tables.slopes():
        key_p, key_q = f"{row.p}||", f"||{row.q}"
        plain = row.p_member == tables.members()[row.p][0]
        few = seen.get(key_p, 0) < 2 and seen.get(key_q, 0) < 3
        if few or not plain:
            chosen.append(row)
            seen[key_p], seen[key_q] = seen.get(key_p, 0) + 1, seen.get(key_q, 0) + 1
    return chosen


def by_name(row: tables.Slopes) -> str:
    return f"{row.p}-{row.q}"


def slopes_of(p: str, q: str) -> tables.Slopes:
    return next(row for row in tables.slopes() if (row.p, row.q) == (p, q))


@pytest.mark.parametrize("row", some_slopes(), ids=by_name)
def test_some_gradients(torch_backend: Backend, row: tables.Slopes) -> None:
    report(gradient_complaints(torch_backend, row))


def test_a_gradient_on_jax(jax_backend: Backend) -> None:
    report(gradient_complaints(jax_backend, slopes_of("Gamma", "InverseGaussian")))


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES)
def test_all_gradients(torch_backend: Backend, family: str) -> None:
    rows = [row for row in tables.slopes() if row.p == family]
    report([c for row in rows for c in gradient_complaints(torch_backend, row)])


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES[::4])
def test_gradients_of_some_families_on_jax(jax_backend: Backend, family: str) -> None:
    rows = [row for row in tables.slopes() if row.p == family != row.q]
    report([c for row in rows[:1] for c in gradient_complaints(jax_backend, row)])


# Steps of these leave the support or the whole numbers, or make it infinite on one side.
NO_PARAMETERS = {"Delta": ("v",), "Binomial": ("total_count",), "BetaBinomial": ("total_count",)}
ENDS = {"Pareto": ("scale",), "GeneralizedPareto": ("loc",)}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_member_against_itself_is_exactly_zero_with_zero_slopes(
    torch_backend: Backend, family: str
) -> None:
    member = tables.members()[family][0]
    fixed = {n: member[n] for n in NO_PARAMETERS.get(family, ())}
    names = [n for n in member if n not in fixed]

    def divergence(*xs: Any) -> Any:
        sides = (xs[: len(names)], xs[len(names) :])
        given = [fixed | dict(zip(names, side, strict=True)) for side in sides]
        return relentropy.relative_entropy(*(getattr(relentropy, family)(**g) for g in given))

    xs = [torch_backend.array(member[n]) for n in (*names, *names)]
    assert float(divergence(*xs)) == 0
    if not names:
        return
    ends = ENDS.get(family, ("low", "high"))
    for name, slope in zip([*names, *names], torch_backend.gradient(divergence, *xs), strict=True):
        assert not math.isnan(float(slope)), name
        if name not in ends:
            assert abs(float(slope)) <= 1e-9, (name, float(slope))
