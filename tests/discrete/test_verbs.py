"""Every verb against its definition in mpmath, on random inputs, at corners, near equality."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import relentropy
from tests import truth
from tests.backends import Backend, number
from tests.tables import rules

INF = math.inf
Exact = Callable[[list[mpf], list[mpf]], mpf]


def jeffreys(p: list[mpf], q: list[mpf]) -> mpf:
    return truth.relative_entropy(p, q) + truth.relative_entropy(q, p)


def le_cam_generator(r: Any) -> Any:
    """(r − 1)² / (r + 1): a generator whose f(0) is 1 and whose slope at infinity is 1."""
    return (r - 1) * ((r - 1) / (r + 1))


def le_cam(p: list[mpf], q: list[mpf]) -> mpf:
    return mp.fsum((x - y) ** 2 / (x + y) for x, y in zip(p, q, strict=True) if x + y)


VERBS: dict[str, tuple[Callable[..., Any], Exact]] = {
    "relative_entropy": (relentropy.relative_entropy, truth.relative_entropy),
    "kl_divergence": (relentropy.kl_divergence, truth.relative_entropy),
    "cross_entropy": (relentropy.cross_entropy, truth.cross_entropy),
    "jeffreys": (relentropy.jeffreys, jeffreys),
    "jensen_shannon": (relentropy.jensen_shannon, truth.jensen_shannon),
    "bhattacharyya": (relentropy.bhattacharyya, truth.bhattacharyya),
    "hellinger": (relentropy.hellinger, truth.hellinger),
    "total_variation": (relentropy.total_variation, truth.total_variation),
    "chi_square": (relentropy.chi_square, truth.chi_square),
    "chernoff": (relentropy.chernoff, truth.chernoff),
    "perplexity": (relentropy.perplexity, lambda p, q: mp.exp(truth.cross_entropy(p, q))),
    "f_divergence": (
        lambda p, q: relentropy.f_divergence(p, q, le_cam_generator, at_infinity=1.0),
        le_cam,
    ),
    **{
        f"jensen_shannon, weight {w}": (
            lambda p, q, w=w: relentropy.jensen_shannon(p, q, weight=w),
            lambda p, q, w=w: truth.jensen_shannon(p, q, w),
        )
        for w in (0.0, 1e-6, 0.1, 0.9, 1.0)
    },
    **{
        f"renyi {alpha}": (
            lambda p, q, a=alpha: relentropy.renyi(p, q, a),
            lambda p, q, a=alpha: truth.renyi(p, q, a),
        )
        for alpha in (0, 0.25, 0.5, 0.999999, 1, 1.0000001, 2, 5.5, INF)
    },
    **{
        f"tsallis {alpha}": (
            lambda p, q, a=alpha: relentropy.tsallis(p, q, a),
            lambda p, q, a=alpha: truth.tsallis(p, q, a),
        )
        for alpha in (0.25, 0.5, 0.999999, 1, 1.0000001, 2, 3.5)
    },
}

by_verb = pytest.mark.parametrize("verb", VERBS)


def random_pair(seed: int, cells: int, closeness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities p and q; for closeness < 1, p is q with that much relative noise."""
    q = np.exp(rules.bell(seed, cells))
    p = np.exp(rules.bell(seed + 500, cells))
    if closeness < 1:
        p = q * (1 + closeness * np.clip(rules.bell(seed + 900, cells), -3, 3) / 4)
    return p / p.sum(), q / q.sum()


def compare(
    xp: Backend, verb: str, p: np.ndarray, q: np.ndarray, rtol: float, dtype: str = "float64"
) -> None:
    f, exact = VERBS[verb]
    a, b = xp.array(p, dtype), xp.array(q, dtype)
    value = f(a, b)
    assert xp.is_native(value)
    assert tuple(value.shape) == p.shape[:-1]
    rows = [np.atleast_2d(v) for v in (xp.numpy(a), xp.numpy(b), np.ravel(xp.numpy(value))[None].T)]
    for x, y, got in zip(*rows, strict=True):
        with truth.digits(100):
            P, Q = truth.distribution("Probs", x), truth.distribution("Probs", y)
            expected = exact(P, Q)
            assert truth.relative_error(number(got[0]), expected) <= rtol, (
                verb,
                x,
                y,
                got,
                expected,
            )


# One shape for all rows: JAX compiles every operation for every shape.
ROWS, CELLS = 8, 7


@by_verb
def test_random_rows(xp: Backend, verb: str) -> None:
    pairs = [random_pair(seed, CELLS) for seed in range(ROWS)]
    p, q = (np.stack(side) for side in zip(*pairs, strict=True))
    # The truth of Chernoff's maximum is itself a search, exact to 1e-30.
    compare(xp, verb, p, q, 1e-12)


@by_verb
def test_float32_rows(xp: Backend, verb: str) -> None:
    pairs = [random_pair(seed, CELLS) for seed in range(ROWS)]
    p, q = (np.stack(side) for side in zip(*pairs, strict=True))
    compare(xp, verb, p, q, 1e-5, "float32")


DIVERGENCES = [v for v in VERBS if v not in ("cross_entropy", "perplexity")]
# Of first order in the distance, or of second order with a factor that vanishes.
ZERO_ORDER = ("renyi 0", "jensen_shannon, weight 0.0", "jensen_shannon, weight 1.0")


@pytest.mark.parametrize("verb", [v for v in DIVERGENCES if v not in ZERO_ORDER])
@pytest.mark.parametrize("closeness", [1e-2, 1e-5, 1e-8])
def test_close_rows_keep_their_digits(xp: Backend, verb: str, closeness: float) -> None:
    if verb == "f_divergence" and closeness < 1e-5:
        return  # the caller's f is given p/q, where 1 + 1e-8 keeps eight digits of the distance
    pairs = [random_pair(seed, CELLS, closeness) for seed in range(ROWS)]
    p, q = (np.stack(side) for side in zip(*pairs, strict=True))
    compare(xp, verb, p, q, 1e-10)


CORNERS = {
    "zero in p": ([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]),
    "zero in q": ([0.25, 0.25, 0.5], [0.5, 0.5, 0.0]),
    "zero in both": ([0.5, 0.5, 0.0], [0.25, 0.75, 0.0]),
    "crossed": ([0.5, 0.5, 0.0], [0.5, 0.0, 0.5]),
    "one-hot": ([1.0, 0.0, 0.0], [0.5, 0.25, 0.25]),
    "tiny": ([0.5, 0.5, 1e-300], [1e-300, 0.25, 0.75]),
    "disjoint": ([0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.25, 0.75]),
    "equal": ([0.5, 0.5], [0.5, 0.5]),
}


@by_verb
def test_corners(xp: Backend, verb: str) -> None:
    names = [c for c in CORNERS if c != "tiny" or verb != "tsallis 3.5"]  # beyond float64
    names += names[: ROWS - len(names)]
    p, q = (
        np.stack([np.pad(CORNERS[c][side], (0, CELLS - len(CORNERS[c][side]))) for c in names])
        for side in (0, 1)
    )
    compare(xp, verb, p, q, 1e-12)


@pytest.mark.parametrize("verb", DIVERGENCES)
def test_equal_is_exactly_zero(xp: Backend, verb: str) -> None:
    p = np.stack([random_pair(seed, CELLS)[0] for seed in range(ROWS)])
    value = VERBS[verb][0](xp.array(p), xp.array(p))
    np.testing.assert_array_equal(xp.numpy(value), np.zeros(ROWS))


@pytest.mark.parametrize("kind", ["LogProbs", "Logits", "Counts"])
@by_verb
def test_other_descriptions(xp: Backend, verb: str, kind: str) -> None:
    f, exact = VERBS[verb]
    k = 1 + (rules.integers(1, 2 * ROWS * CELLS) % np.uint64(20)).astype(int)
    p, q = k.reshape(2, ROWS, CELLS)
    describe = getattr(relentropy, kind)
    if kind == "Counts":
        a, b = xp.array(p, "int64"), xp.array(q, "int64")
    else:
        shift = 2.5 if kind == "Logits" else 0.0
        a, b = (xp.array(np.log(v / v.sum(1, keepdims=True)) + shift) for v in (p, q))
    got = xp.numpy(f(describe(a), describe(b)))
    for x, y, value in zip(xp.numpy(a), xp.numpy(b), got, strict=True):
        with truth.digits(60):
            expected = exact(truth.distribution(kind, x), truth.distribution(kind, y))
            assert truth.relative_error(value, expected) <= 1e-12


# --- one distribution ----------------------------------------------------------------------------


def test_entropy(xp: Backend) -> None:
    rows = [random_pair(seed, 8)[0] for seed in range(3)]
    got = xp.numpy(relentropy.entropy(xp.array(np.stack(rows))))
    for value, p in zip(got, rows, strict=True):
        with truth.digits(50):
            P = truth.distribution("Probs", p)
            assert truth.relative_error(value, truth.entropy(P)) <= 1e-13


@pytest.mark.parametrize("residue", [1e-5, 1e-12, 1e-17, 1e-300])
def test_entropy_of_nearly_certain_outcomes(xp: Backend, residue: float) -> None:
    p = [1.0 - residue, residue]
    with truth.digits(700):
        expected = truth.entropy(truth.distribution("Probs", p))
    assert truth.relative_error(number(relentropy.entropy(xp.array(p))), expected) <= 1e-12
    logits = [0.0, math.log(residue)]
    with truth.digits(700):
        expected = truth.entropy(truth.distribution("Logits", logits))
    value = relentropy.entropy(relentropy.Logits(xp.array(logits)))
    assert truth.relative_error(number(value), expected) <= 1e-12


def test_entropy_of_certain_outcomes(xp: Backend) -> None:
    assert number(relentropy.entropy(xp.array([1.0, 0.0]))) == 0
    assert number(relentropy.entropy(relentropy.Logits(xp.array([3.0, -INF])))) == 0
    assert number(relentropy.perplexity(xp.array([0.0, 1.0]))) == 1
    assert math.copysign(1, number(relentropy.entropy(xp.array([1.0, 0.0])))) == 1


def test_coins_in_bits(xp: Backend) -> None:
    assert number(relentropy.entropy(xp.array([0.5, 0.5]), base=2)) == 1
    assert number(relentropy.entropy(xp.array([0.7, 0.3]), base=2)) == pytest.approx(
        0.8813, abs=5e-5
    )


def test_surprisal(xp: Backend) -> None:
    p = xp.array([[0.5, 0.25, 0.25, 0.0], [1.0, 0.0, 0.0, 0.0]])
    got = relentropy.surprisal(p, base=2)
    np.testing.assert_array_equal(xp.numpy(got), [[1, 2, 2, INF], [0, INF, INF, INF]])
    logits = relentropy.surprisal(relentropy.Logits(xp.array([0.0, -1e4])))
    np.testing.assert_allclose(xp.numpy(logits), [0.0, 1e4], rtol=1e-15)
    moved = relentropy.surprisal(xp.array([[0.5, 1.0], [0.5, 0.0]]), axis=0, base=2)
    np.testing.assert_array_equal(xp.numpy(moved), [[1, 0], [1, INF]])


def test_surprisal_near_certainty(xp: Backend) -> None:
    got = number(relentropy.surprisal(relentropy.Logits(xp.array([0.0, -40.0])))[0])
    assert truth.relative_error(got, mp.log1p(mp.exp(-40))) <= 1e-12


def test_perplexity(xp: Backend) -> None:
    p, _q = random_pair(3, 6)
    with truth.digits(50):
        expected = mp.exp(truth.entropy(truth.distribution("Probs", p)))
    assert truth.relative_error(number(relentropy.perplexity(xp.array(p))), expected) <= 1e-13
    one_hot = xp.array([1.0, 0.0])
    assert number(relentropy.perplexity(one_hot, xp.array([0.0, 1.0]))) == INF


# --- joint distributions -------------------------------------------------------------------------


def joint(seed: int, *shape: int, zeros: bool = False) -> np.ndarray:
    k = (rules.integers(seed, math.prod(shape)) % np.uint64(9)).astype(float).reshape(shape)
    k = k if zeros else k + 1
    return k / k.sum()


def exact_table(values: np.ndarray) -> np.ndarray:
    cells = truth.exactly(values.ravel())
    total = mp.fsum(cells)
    return np.array([c / total for c in cells], dtype=object).reshape(values.shape)


def flat(*tables: np.ndarray) -> list[list[mpf]]:
    return [t.ravel().tolist() for t in tables]


@pytest.mark.parametrize("zeros", [False, True])
def test_mutual_information(xp: Backend, zeros: bool) -> None:
    table = joint(8, 3, 4, zeros=zeros)
    with truth.digits(50):
        t = exact_table(table)
        product = t.sum(1)[:, None] * t.sum(0)[None, :]
        expected = truth.relative_entropy(*flat(t, product))
    got = relentropy.mutual_information(xp.array(table))
    assert truth.relative_error(number(got), expected) <= 1e-12
    swapped = relentropy.mutual_information(xp.array(table.T), axes=(-1, -2))
    assert number(swapped) == pytest.approx(number(expected), rel=1e-12)


def test_mutual_information_in_batches_and_bits(xp: Backend) -> None:
    tables = np.stack([np.eye(4) / 4, np.full((4, 4), 1 / 16)])
    got = xp.numpy(relentropy.mutual_information(xp.array(tables), base=2))
    np.testing.assert_allclose(got, [2.0, 0.0], atol=1e-16)
    assert got[1] == 0


def test_mutual_information_of_counts(xp: Backend) -> None:
    counts = np.array([[30, 10], [5, 55]])
    with truth.digits(50):
        t = exact_table(counts)
        product = t.sum(1)[:, None] * t.sum(0)[None, :]
        expected = truth.relative_entropy(*flat(t, product))
    got = relentropy.mutual_information(relentropy.Counts(xp.array(counts, "int64")))
    assert truth.relative_error(number(got), expected) <= 1e-12


def test_weak_dependence_keeps_its_digits(xp: Backend) -> None:
    eps = 1e-7
    table = np.array([[0.25 + eps, 0.25 - eps], [0.25 - eps, 0.25 + eps]])
    with truth.digits(60):
        t = exact_table(table)
        product = t.sum(1)[:, None] * t.sum(0)[None, :]
        expected = truth.relative_entropy(*flat(t, product))
    got = number(relentropy.mutual_information(xp.array(table)))
    assert truth.relative_error(got, expected) <= 1e-8


@pytest.mark.parametrize("zeros", [False, True])
def test_conditional_entropy(xp: Backend, zeros: bool) -> None:
    table = joint(9, 3, 4, zeros=zeros)
    with truth.digits(50):
        t = exact_table(table)
        expected = truth.entropy(flat(t)[0]) - truth.entropy(t.sum(1).tolist())
    got = relentropy.conditional_entropy(xp.array(table))
    assert truth.relative_error(number(got), expected) <= 1e-12
    by_axis = relentropy.conditional_entropy(xp.array(table.T), axes=(-1, -2))
    assert number(by_axis) == pytest.approx(number(expected), rel=1e-12)


def test_conditional_entropy_of_a_function_is_zero(xp: Backend) -> None:
    table = [[0.5, 0.0, 0.0], [0.0, 0.0, 0.25], [0.0, 0.0, 0.25], [0.0, 0.0, 0.0]]
    assert number(relentropy.conditional_entropy(xp.array(table))) == 0


@pytest.mark.parametrize("zeros", [False, True])
def test_conditional_mutual_information(xp: Backend, zeros: bool) -> None:
    table = joint(10, 2, 3, 4, zeros=zeros)
    with truth.digits(50):
        t = exact_table(table)
        expected = mpf(0)
        for z in range(4):  # Σ_z p(z) I(X; Y given z)
            mass = t[:, :, z].sum()
            if mass:
                s = t[:, :, z] / mass
                product = s.sum(1)[:, None] * s.sum(0)[None, :]
                expected += mass * truth.relative_entropy(*flat(s, product))
    got = relentropy.conditional_mutual_information(xp.array(table))
    assert truth.relative_error(number(got), expected) <= 1e-12
    moved = relentropy.conditional_mutual_information(
        xp.array(np.transpose(table, (2, 0, 1)).copy()), axes=(-2, -1, -3)
    )
    assert number(moved) == pytest.approx(number(expected), rel=1e-12)


def test_exclusive_or_is_one_bit(xp: Backend) -> None:
    table = np.zeros((2, 2, 2))
    for x in (0, 1):
        for y in (0, 1):
            table[x, y, x ^ y] = 0.25
    value = number(relentropy.conditional_mutual_information(xp.array(table), base=2))
    assert value == pytest.approx(1, rel=1e-15)
    pair = relentropy.mutual_information(xp.array(table.sum(2)))
    assert number(pair) == 0


@pytest.mark.parametrize("zeros", [False, True])
def test_conditional_relative_entropy(xp: Backend, zeros: bool) -> None:
    p, q = joint(11, 3, 4, zeros=zeros), joint(12, 3, 4)
    with truth.digits(50):
        s, t = exact_table(p), exact_table(q)
        expected = mpf(0)
        for x in range(3):
            a, b = s[x].sum(), t[x].sum()
            if a:
                expected += a * truth.relative_entropy(*flat(s[x] / a, t[x] / b))
    got = relentropy.conditional_relative_entropy(xp.array(p), xp.array(q))
    assert truth.relative_error(number(got), expected) <= 1e-12


def test_conditional_relative_entropy_at_zeros(xp: Backend) -> None:
    p = xp.array([[0.5, 0.0], [0.25, 0.25]])
    empty_row = xp.array([[0.0, 0.0], [0.5, 0.5]])
    f = relentropy.conditional_relative_entropy
    assert number(f(p, p)) == 0
    assert number(f(empty_row, p)) == 0  # row 1 agrees; P never shows row 0
    assert number(f(p, xp.array([[0.0, 0.5], [0.25, 0.25]]))) == INF


# --- bounds --------------------------------------------------------------------------------------


def test_bounds_hold_and_include_pinsker(xp: Backend) -> None:
    pairs = [random_pair(seed, 5) for seed in range(6)] + [random_pair(7, 5, 1e-4)]
    p, q = (np.stack(side) for side in zip(*pairs, strict=True))
    lower, upper = (xp.numpy(b) for b in relentropy.bounds(xp.array(p), xp.array(q)))
    D = xp.numpy(relentropy.relative_entropy(xp.array(p), xp.array(q)))
    v = abs(p - q).sum(1) / 2
    assert (lower <= D).all()
    assert (upper >= D).all()
    assert (lower >= 2 * v**2 * (1 - 1e-12)).all()
    assert (lower >= -np.log1p(-(v**2)) * (1 - 1e-12)).all()


def test_bounds_at_corners(xp: Backend) -> None:
    hot, cold = xp.array([1.0, 0.0]), xp.array([0.0, 1.0])
    lower, upper = relentropy.bounds(hot, cold)
    assert number(lower) == INF
    assert number(upper) == INF
    lower, upper = relentropy.bounds(hot, hot)
    assert number(lower) == 0
    assert number(upper) == 0


def test_powers_beyond_the_dtype(xp: Backend) -> None:
    """Rényi's logarithm of a sum that overflows is still a number."""
    p, q = [0.5, 0.5, 1e-300], [1e-300, 0.25, 0.75]
    with truth.digits(700):
        P, Q = truth.distribution("Probs", p), truth.distribution("Probs", q)
        expected = {alpha: truth.renyi(P, Q, alpha) for alpha in (2, 5.5)}
        huge = truth.tsallis(P, Q, 3.5)
    for alpha, value in expected.items():
        got = number(relentropy.renyi(xp.array(p), xp.array(q), alpha))
        assert truth.relative_error(got, value) <= 1e-12
    assert huge > mpf(2) ** 1024
    assert number(relentropy.tsallis(xp.array(p), xp.array(q), 3.5)) == INF
