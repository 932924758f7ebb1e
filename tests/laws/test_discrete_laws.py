"""Laws of relative entropy and its kin, by hypothesis, over every description of a distribution.

On NumPy, where examples are cheap; the table ties the other frameworks to the same values. A law
is compared to a few roundings of the quantities in it, stated where it is used.
"""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from mpmath import mp

import relentropy
from relentropy import (
    Counts,
    Logits,
    LogProbs,
    Probs,
    cross_entropy,
    entropy,
    jensen_shannon,
    relative_entropy,
    renyi,
    total_variation,
)
from tests import truth

INF = math.inf
EPS = float(np.finfo(float).eps)
KINDS = (Probs, LogProbs, Logits, Counts)

positive_weights = st.one_of(
    st.floats(1e-6, 1.0),
    st.floats(-60.0, 0.0).map(lambda v: 10.0**v),
    st.integers(1, 20).map(float),
)
weights = st.one_of(st.just(0.0), positive_weights)


@st.composite
def probabilities(draw: st.DrawFn, cells: int | None = None, positive: bool = False) -> np.ndarray:
    n = cells or draw(st.integers(1, 8))
    cell = positive_weights if positive else weights
    values = np.array(draw(st.lists(cell, min_size=n, max_size=n)))
    assume(values.sum() > 0)
    p = values / values.sum()
    assume(not ((values > 0) & (p == 0)).any())
    return p


@st.composite
def described(draw: st.DrawFn, cells: int) -> Any:
    """Any description of any distribution on that many cells."""
    kind = draw(st.sampled_from(KINDS))
    if kind is Counts:
        counts = draw(st.lists(st.integers(0, 10**6), min_size=cells, max_size=cells))
        assume(sum(counts) > 0)
        return Counts(np.array(counts))
    p = draw(probabilities(cells))
    if kind is Probs:
        return Probs(p)
    with np.errstate(divide="ignore"):
        logs = np.log(p)
    return kind(logs if kind is LogProbs else logs + draw(st.floats(-1e3, 1e3)))


def as_probs(x: Any) -> np.ndarray:
    if isinstance(x, Counts):
        return x.values / x.values.sum()
    return x.values if isinstance(x, Probs) else np.exp(x.values - x.values.max())


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    cells = draw(st.integers(1, 8))
    return draw(described(cells)), draw(described(cells))


def same_size(count: int, positive: bool = False) -> Any:
    return st.integers(1, 7).flatmap(
        lambda n: st.tuples(*[probabilities(n, positive) for _ in range(count)])
    )


def value(x: Any) -> float:
    return float(x)


def agree(a: float, b: float, scale: float = 0.0) -> bool:
    """Equal up to 64 roundings of either side and of `scale`, what was added up on the way."""
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= 64 * EPS * max(abs(a), abs(b), scale)


# --- every description ---------------------------------------------------------------------------


@given(pairs())
def test_never_negative_never_nan(pair: tuple[Any, Any]) -> None:
    for name in ("relative_entropy", "jensen_shannon", "jeffreys", "total_variation", "hellinger"):
        assert getattr(relentropy, name)(*pair) >= 0


@given(pairs())
def test_infinite_exactly_where_p_is_not_absolutely_continuous(pair: tuple[Any, Any]) -> None:
    p, q = (x.values if isinstance(x, Probs | Counts) else x.values > -INF for x in pair)
    singular = bool(((p > 0) & (q == 0)).any())
    assert (relative_entropy(*pair) == INF) == singular


@given(st.integers(1, 8).flatmap(described))
def test_nothing_is_zero_away_from_itself(x: Any) -> None:
    assert relative_entropy(x, x) == 0


@given(pairs())
def test_the_value_is_the_definition(pair: tuple[Any, Any]) -> None:
    kinds = [type(x).__name__ for x in pair]
    with truth.digits(150):
        P, Q = (truth.distribution(k, x.values) for k, x in zip(kinds, pair, strict=True))
        expected = truth.relative_entropy(P, Q)
        # One rounding of each logarithm, and of each a − b, is allowed beside 1e-12.
        size = [
            abs(x - y) * (1 + abs(mp.log(x)) + abs(mp.log(y)))
            for x, y in zip(P, Q, strict=True)
            if x and y
        ]
    got = value(relative_entropy(*pair))
    if mp.isinf(expected):
        assert got == INF
        return
    offset = max(
        (float(abs(x.values[np.isfinite(x.values)]).max()) for x in pair if isinstance(x, Logits)),
        default=0.0,
    )
    linear = set(kinds) <= {"Probs", "Counts"}
    rounding = 0.0 if linear else 4 * EPS * (float(mp.fsum(size)) + offset)
    if not linear and offset:  # a − b of unequal offsets is rounded once a cell
        rounding = max(rounding, 4 * EPS * offset)
    assert abs(got - float(expected)) <= 1e-12 * float(expected) + rounding + 1e-300


@given(pairs())
def test_cross_entropy_is_entropy_plus_relative_entropy(pair: tuple[Any, Any]) -> None:
    H, D = value(entropy(pair[0])), value(relative_entropy(*pair))
    scale = max((abs(x.values[np.isfinite(x.values)]).max() for x in pair), default=1.0)
    logits = any(isinstance(x, Logits) for x in pair)
    assert agree(value(cross_entropy(*pair)), H + D, 1 + (scale if logits else 0))


@given(pairs(), st.randoms(use_true_random=False))
def test_order_of_the_cells_does_not_matter(pair: tuple[Any, Any], random: Any) -> None:
    cells = pair[0].values.shape[-1]
    order = random.sample(range(cells), cells)
    moved = [type(x)(x.values[order]) for x in pair]
    scale = 1e3 if any(isinstance(x, Logits) for x in pair) else 1e-20
    assert agree(value(relative_entropy(*pair)), value(relative_entropy(*moved)), scale)


@given(pairs(), st.sampled_from([2, 10, 1.5, 0.5]))
def test_bases_differ_by_a_factor(pair: tuple[Any, Any], base: float) -> None:
    nats = value(relative_entropy(*pair))
    scaled = value(relative_entropy(*pair, base=base))
    assert agree(scaled, nats / math.log(base))


@given(st.integers(1, 8).flatmap(described))
def test_entropy_lies_between_zero_and_the_logarithm_of_the_support(x: Any) -> None:
    support = int((as_probs(x) > 0).sum())
    H = value(entropy(x))
    assert 0 <= H <= math.log(x.values.shape[-1]) * (1 + 8 * EPS)
    assert value(relentropy.perplexity(x)) == pytest.approx(math.exp(H), rel=1e-14)
    assert support > 1 or H == 0


# --- probabilities -------------------------------------------------------------------------------


@given(same_size(2), same_size(2))
def test_additive_on_products(first: Any, second: Any) -> None:
    (p, q), (r, s) = first, second
    joint_p, joint_q = np.outer(p, r).ravel(), np.outer(q, s).ravel()
    assume((joint_p > 0).sum() == (p > 0).sum() * (r > 0).sum())
    assume((joint_q > 0).sum() == (q > 0).sum() * (s > 0).sum())
    total = value(relative_entropy(p, q)) + value(relative_entropy(r, s))
    # The products are rounded: one unit of log-ratio a cell, times |p − q| ≤ √(2D).
    noise = 16 * EPS * math.sqrt(2 * total) if total < 1 else 16 * EPS * total
    assert (
        total == INF
        or abs(value(relative_entropy(joint_p, joint_q)) - total)
        <= (64 * EPS * total + noise + 1e-28)
        or joint_p.min() == 0
    )


@given(same_size(2), st.data())
def test_merging_cells_never_raises_any_divergence(pair: Any, data: Any) -> None:
    p, q = pair
    cells = len(p)
    to = data.draw(st.lists(st.integers(0, 2), min_size=cells, max_size=cells))
    merged = [np.array([x[np.array(to) == k].sum() for k in range(3)]) for x in (p, q)]
    for f in (
        relative_entropy,
        jensen_shannon,
        total_variation,
        relentropy.hellinger,
        relentropy.chi_square,
        lambda a, b: renyi(a, b, 0.5),
        lambda a, b: renyi(a, b, 2),
    ):
        before, after = value(f(p, q)), value(f(*merged))
        # Sums of merged cells are rounded, which moves the distances by EPS, and the divergences,
        # which are like their squares, by √D times that.
        distance = f in (total_variation, relentropy.hellinger)
        slack = 16 * EPS * (1 if distance else before + math.sqrt(before)) if before < INF else 0
        assert after <= before + slack + 1e-28


@given(same_size(2), st.integers(0, 5))
def test_splitting_a_cell_alike_changes_nothing(pair: Any, cell: int) -> None:
    p, q = pair
    cell %= len(p)
    split = [np.concatenate([x, x[cell : cell + 1] / 2]) for x in (p, q)]
    for x in split:
        x[cell] /= 2
    assert agree(value(relative_entropy(*split)), value(relative_entropy(p, q)), 1e-290)


@given(same_size(2), st.lists(st.integers(0, 2), min_size=7, max_size=7))
def test_chain_rule(pair: Any, rows: list[int]) -> None:
    p, q = (np.zeros((3, 7)) for _ in range(2))
    for i, (x, y) in enumerate(zip(*pair, strict=True)):
        p[rows[i], i], q[rows[i], i] = x, y
    D = value(relative_entropy(p.ravel(), q.ravel()))
    of_rows = value(relative_entropy(p.sum(1), q.sum(1)))
    within = value(relentropy.conditional_relative_entropy(p, q))
    slack = 16 * EPS * (D + math.sqrt(D)) + 1e-28 if D < INF else 0.0
    assert of_rows + within == D or abs(of_rows + within - D) <= slack


# Multiples of 1/1024: a weight that underflows would take cells out of the mixture.
@given(same_size(4), st.integers(0, 1024).map(lambda k: k / 1024))
def test_jointly_convex(quad: Any, w: float) -> None:
    p, q, r, s = quad
    mixed = [w * a + (1 - w) * b for a, b in ((p, r), (q, s))]
    for f in (relative_entropy, jensen_shannon, total_variation):
        left, right = value(f(p, q)), value(f(r, s))
        if INF in (left, right):
            continue
        bound = w * left + (1 - w) * right
        # The mixtures are rounded: EPS of first order for total variation, √D for the others.
        first_order = 1.0 if f is total_variation else math.sqrt(bound)
        assert value(f(*mixed)) <= bound + 16 * EPS * (bound + first_order) + 1e-28


# Multiples of 1/1024, for which 1 − w is exact.
@given(same_size(2), st.integers(0, 1024).map(lambda k: k / 1024))
@example((np.array([1.0, 0.0]), np.array([0.0, 1.0])), 0.0)
@example((np.array([1.0, 0.0]), np.array([0.0, 1.0])), 1.0)
def test_jensen_shannon_is_bounded_and_is_the_mixture_form(pair: Any, w: float) -> None:
    p, q = pair
    js = value(jensen_shannon(p, q, weight=w))
    most = sum(-x * math.log(x) for x in (w, 1 - w) if x)
    assert 0 <= js <= most * (1 + 16 * EPS) + 1e-300
    m = w * p + (1 - w) * q
    parts = [(w, relative_entropy(p, m)), (1 - w, relative_entropy(q, m))]
    total = sum(share * value(d) for share, d in parts if share)
    if total < INF:
        assert abs(js - total) <= 32 * EPS * (js + math.sqrt(js)) + 1e-28
    assert agree(js, value(jensen_shannon(q, p, weight=1 - w)), 1e-16 * (js > 0))


@given(same_size(2))
@example((np.array([0.0, 1.0]), np.array([1.0, 1e-16])))  # V rounds to 1
def test_bounds_and_inequalities(pair: Any) -> None:
    p, q = pair
    D, V = value(relative_entropy(p, q)), value(total_variation(p, q))
    H = value(relentropy.hellinger(p, q))
    up = 1 + 32 * EPS
    assert D * up + 1e-300 >= 2 * V**2  # Pinsker
    if V < 1 - 1e-9:  # Bretagnolle–Huber; nearer 1 the rounding of V itself decides
        assert -math.log1p(-(V**2)) <= D * (1 + 1e-6) + 1e-300
    assert V * up + 1e-300 >= H**2
    assert math.sqrt(2) * H * up + 1e-300 >= V
    assert 0 <= V <= up
    assert 0 <= H <= up
    lower, upper = (value(b) for b in relentropy.bounds(p, q))
    assert lower <= D * up + 1e-300
    assert math.log1p(value(relentropy.chi_square(p, q))) * up + 1e-300 >= D
    assert upper * up + 1e-300 >= D


@given(same_size(2))
def test_renyi_grows_with_its_order_and_meets_relative_entropy(pair: Any) -> None:
    p, q = pair
    orders = (0, 0.1, 0.5, 0.9, 1, 1.1, 2, 10, INF)
    values = [value(renyi(p, q, a)) for a in orders]
    for low, high in itertools.pairwise(values):
        assert low <= high * (1 + 64 * EPS) + 1e-300
    assert values[4] == value(relative_entropy(p, q))
    assert agree(2 * value(relentropy.bhattacharyya(p, q)), values[2])
    # 1e-28: equal but for one ulp
    assert value(relentropy.chernoff(p, q)) * (1 + 64 * EPS) + 1e-28 >= value(
        relentropy.bhattacharyya(p, q)
    )


@given(same_size(2, positive=True))
def test_renyi_is_continuous_at_one(pair: Any) -> None:
    p, q = pair
    D = value(relative_entropy(p, q))
    spread = float(np.abs(np.log(p / q)).max())
    for f in (renyi, relentropy.tsallis):
        for step in (1e-9, -1e-9):
            slope = 2 * step * spread**2 * math.exp(1e-8 * spread)
            assert abs(value(f(p, q, 1 + step)) - D) <= abs(slope) + 64 * EPS * D


@given(same_size(2))
def test_symmetric_ones_are_symmetric(pair: Any) -> None:
    p, q = pair
    for name in (
        "jeffreys",
        "jensen_shannon",
        "hellinger",
        "total_variation",
        "bhattacharyya",
        "chernoff",
    ):
        f = getattr(relentropy, name)
        assert agree(value(f(p, q)), value(f(q, p)), 1e-14 if name == "chernoff" else 0), name


@given(same_size(3))
def test_metrics_obey_the_triangle_inequality(triple: Any) -> None:
    p, q, r = triple
    for f in (
        total_variation,
        relentropy.hellinger,
        lambda a, b: math.sqrt(value(jensen_shannon(a, b))),
    ):
        direct, detour = value(f(p, r)), value(f(p, q)) + value(f(q, r))
        assert direct <= detour * (1 + 64 * EPS) + 1e-14


@given(same_size(2))
def test_other_names_for_the_same_numbers(pair: Any) -> None:
    p, q = pair
    assert relentropy.kl_divergence(p, q) == relative_entropy(p, q)
    both = value(relative_entropy(p, q)) + value(relative_entropy(q, p))
    assert agree(value(relentropy.jeffreys(p, q)), both)
    half = value(relentropy.f_divergence(p, q, lambda r: abs(r - 1) / 2, at_infinity=0.5))
    assert abs(half - value(total_variation(p, q))) <= 1e-14
    # Tsallis' goes through exp(x), x up to its logarithm, which magnifies the rounding of x.
    chi = value(relentropy.chi_square(p, q))
    assert agree(value(relentropy.tsallis(p, q, 2)), chi, chi * max(1.0, math.log1p(chi)))


@st.composite
def joints(draw: st.DrawFn, dimensions: int) -> np.ndarray:
    shape = tuple(draw(st.integers(1, 3)) for _ in range(dimensions))
    cells = draw(st.lists(st.integers(0, 30), min_size=math.prod(shape), max_size=math.prod(shape)))
    assume(sum(cells) > 0)
    return np.array(cells, dtype=float).reshape(shape) / sum(cells)


@given(joints(2))
def test_mutual_information_is_a_relative_entropy(joint: np.ndarray) -> None:
    mi = value(relentropy.mutual_information(joint))
    product = np.outer(joint.sum(1), joint.sum(0))
    assert abs(mi - value(relative_entropy(joint.ravel(), product.ravel()))) <= 1e-14
    assert mi >= 0
    h_x, h_y, h_xy = (value(entropy(t)) for t in (joint.sum(1), joint.sum(0), joint.ravel()))
    assert abs(mi - (h_x + h_y - h_xy)) <= 1e-13
    assert mi <= min(h_x, h_y) + 1e-13
    assert abs(value(relentropy.conditional_entropy(joint)) - (h_xy - h_x)) <= 1e-13
    flipped = value(relentropy.mutual_information(joint, axes=(-1, -2)))
    assert abs(mi - flipped) <= 1e-14


@given(joints(3))
def test_information_chain_rule(joint: np.ndarray) -> None:
    """I(X; Y, Z) = I(X; Z) + I(X; Y | Z)."""
    x = joint.shape[0]
    whole = value(relentropy.mutual_information(joint.reshape(x, -1)))
    of_z = value(relentropy.mutual_information(joint.sum(1)))
    rest = value(relentropy.conditional_mutual_information(joint))
    assert rest >= 0
    assert abs(whole - of_z - rest) <= 1e-13


@given(pairs())
def test_labels_align_like_positions(pair: tuple[Any, Any]) -> None:
    p, q = pair
    names = [f"cell {i}" for i in range(p.values.shape[-1])]
    mapped_p = type(p)(dict(zip(names, p.values.tolist(), strict=True)))
    backwards = reversed(list(zip(names, q.values.tolist(), strict=True)))
    mapped_q = type(q)(dict(backwards))
    assert value(relative_entropy(mapped_p, mapped_q)) == value(relative_entropy(p, q))


@pytest.mark.exhaustive
@given(pairs())
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_frameworks_agree(framework: str, pair: tuple[Any, Any]) -> None:
    from tests import backends

    xp = backends.backend(framework)
    p, q = pair
    padded = []
    for x in (p, q):  # one shape, because JAX compiles for each
        fill = 0 if isinstance(x, Probs | Counts) else -INF
        wide = np.pad(x.values, (0, 8 - x.values.shape[-1]), constant_values=fill)
        padded.append(type(x)(xp.array(wide, str(wide.dtype))))
    ours, theirs = value(relative_entropy(p, q)), value(relative_entropy(*padded))
    scale = 1e3 if any(isinstance(x, Logits) for x in pair) else 1e-20
    assert agree(ours, theirs, scale)
