"""First derivatives: the interior against mpmath, the edges by the stated conventions.

The gradient is that of the value, which normalises: with S = Σp and T = Σq,
∂D/∂q_i = 1/T − (p_i/S)/q_i and ∂D/∂p_i = (log((p_i/S)/(q_i/T)) − D)/S.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import relentropy
from relentropy import Logits, LogProbs, Probs, relative_entropy
from tests import truth
from tests.backends import Backend, number
from tests.tables import rules

INF = math.inf
KINDS: dict[str, Any] = {"Probs": Probs, "LogProbs": LogProbs, "Logits": Logits}


def normalised(kinds: tuple[str, str], p: Sequence[mpf], q: Sequence[mpf]) -> mpf:
    """The value as a function of free inputs: both sides are normalised, whatever they are."""
    sides = []
    for kind, x in zip(kinds, (p, q), strict=True):
        w = list(x) if kind == "Probs" else [mp.exp(v) for v in x]
        total = mp.fsum(w)
        sides.append([v / total for v in w])
    return truth.relative_entropy(*sides)


def numerical_gradient(f: Callable[..., mpf], x: Sequence[mpf]) -> list[mpf]:
    """Central differences with so many digits that they are exact to 30 places."""
    h, slopes = mpf(10) ** -25, []
    for i in range(len(x)):
        up, down = list(x), list(x)
        up[i] += h
        down[i] -= h
        slopes.append((f(up) - f(down)) / (2 * h))
    return slopes


def gradient(
    xp: Backend, kinds: tuple[str, str], p: Any, q: Any, dtype: str = "float64"
) -> tuple[np.ndarray, np.ndarray]:
    def f(a: Any, b: Any) -> Any:
        return relative_entropy(KINDS[kinds[0]](a), KINDS[kinds[1]](b))

    return xp.gradient(f, xp.array(p, dtype), xp.array(q, dtype))


INSIDE = {
    "Probs": ([0.36, 0.48, 0.16], [0.2, 0.3, 0.5]),
    "LogProbs": (np.log([0.36, 0.48, 0.16]).tolist(), np.log([0.2, 0.3, 0.5]).tolist()),
    "Logits": ([1.5, -0.25, 0.5], [0.25, 2.0, -1.0]),
}


@pytest.mark.parametrize("kind_p", KINDS)
@pytest.mark.parametrize("kind_q", KINDS)
def test_inside_against_mpmath(autodiff: Backend, kind_p: str, kind_q: str) -> None:
    p, q = INSIDE[kind_p][0], INSIDE[kind_q][1]
    got_p, got_q = gradient(autodiff, (kind_p, kind_q), p, q)
    with truth.digits(80):
        x, y = truth.exactly(p), truth.exactly(q)
        slope_p = numerical_gradient(lambda z: normalised((kind_p, kind_q), z, y), x)
        slope_q = numerical_gradient(lambda z: normalised((kind_p, kind_q), x, z), y)
    # Probs and LogProbs promise the derivative along distributions; at unit sum the one of the
    # normalised value is the same for Probs, and for logarithms it is the one of Logits.
    np.testing.assert_allclose(got_p, [number(s) for s in slope_p], rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(got_q, [number(s) for s in slope_q], rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-8, 1e-10])
def test_probabilities_near_equality_keep_relative_accuracy(
    autodiff: Backend, distance: float
) -> None:
    q = [0.2, 0.3, 0.1, 0.4]
    p = [0.2 * (1 + distance), 0.3 * (1 - distance), 0.1 * (1 + 2 * distance), 0.4]
    p[3] = 1 - p[0] - p[1] - p[2]
    got_p, got_q = gradient(autodiff, ("Probs", "Probs"), p, q)
    with truth.digits(80):
        P, Q = truth.distribution("Probs", p), truth.distribution("Probs", q)
        D = truth.relative_entropy(P, Q)
        by_q = [number(1 - a / b) for a, b in zip(P, Q, strict=True)]
        by_p = [number(mp.log(a / b) - D) for a, b in zip(P, Q, strict=True)]
    # A naive 1 − p/q is off by 1e-16/distance. The last cell of some rows is near 0 itself.
    size = max(map(abs, by_q))
    np.testing.assert_allclose(got_q, by_q, rtol=1e-12, atol=1e-13 * size)
    np.testing.assert_allclose(got_p, by_p, rtol=1e-12, atol=1e-13 * size)


@pytest.mark.parametrize(
    ("noise", "dtype"),
    [(1e-3, "float64"), (1e-8, "float64"), (1e-12, "float64"), (1e-5, "float32")],
)
def test_logits_near_equality_keep_relative_accuracy(
    autodiff: Backend, noise: float, dtype: str
) -> None:
    a, b = rules.noisy_logits(dtype, size=50, noise=noise, seed=71, scale=1.0)
    got_a, got_b = gradient(autodiff, ("Logits", "Logits"), a, b, dtype)
    with truth.digits(60):
        P, Q = truth.distribution("Logits", a), truth.distribution("Logits", b)
        D = truth.relative_entropy(P, Q)
        by_b = [number(y - x) for x, y in zip(P, Q, strict=True)]
        by_a = [number(x * (mp.log(x / y) - D)) for x, y in zip(P, Q, strict=True)]
    unit = 2.0**-53 if dtype == "float64" else 2.0**-24
    # Each slope is p times something of the size of the noise, known to a few units.
    scale = noise * np.array([number(x) for x in P])
    assert (abs(got_b - by_b) <= 200 * unit * scale).all()
    assert (abs(got_a - by_a) <= 200 * unit * scale).all()


# --- the conventions at the edges ----------------------------------------------------------------


def test_zero_in_p(autodiff: Backend) -> None:
    by_p, by_q = gradient(autodiff, ("Probs", "Probs"), [0.25, 0.75, 0.0], [0.5, 0.25, 0.25])
    D = 0.25 * math.log(0.5) + 0.75 * math.log(3)
    np.testing.assert_allclose(by_q, [0.5, -2.0, 1.0], rtol=1e-14)
    np.testing.assert_allclose(by_p, [math.log(0.5) - D, math.log(3) - D, 0.0], rtol=1e-13)
    assert by_p[2] == 0
    assert by_q[2] == 1


def test_zero_in_q(autodiff: Backend) -> None:
    by_p, by_q = gradient(autodiff, ("Probs", "Probs"), [0.25, 0.5, 0.25], [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(by_p, [0.0, 0.0, 0.0])  # D = +inf
    np.testing.assert_allclose(by_q[:2], [0.5, 0.0], atol=1e-15)
    assert by_q[2] == -INF


def test_zero_in_both(autodiff: Backend) -> None:
    by_p, by_q = gradient(autodiff, ("Probs", "Probs"), [0.25, 0.75, 0.0], [0.75, 0.25, 0.0])
    assert by_p[2] == 0
    assert np.isfinite(by_q).all()
    np.testing.assert_allclose(by_q[:2], [1 - 1 / 3, -2.0], rtol=1e-14)


def test_disjoint(autodiff: Backend) -> None:
    by_p, by_q = gradient(autodiff, ("Probs", "Probs"), [1.0, 0.0], [0.0, 1.0])
    np.testing.assert_array_equal(by_p, [0.0, 0.0])
    np.testing.assert_array_equal(by_q, [-INF, 1.0])


@pytest.mark.parametrize("kind", KINDS)
def test_equal_inputs_have_gradient_exactly_zero(autodiff: Backend, kind: str) -> None:
    values = INSIDE[kind][0]
    for g in gradient(autodiff, (kind, kind), values, values):
        np.testing.assert_array_equal(g, [0.0, 0.0, 0.0])


def test_logits_formula(autodiff: Backend) -> None:
    a, b = [0.5, -1.0, 2.0, -40.0], [1.0, 0.25, -3.0, 2.0]
    by_a, by_b = gradient(autodiff, ("Logits", "Logits"), a, b)
    with truth.digits(50):
        P, Q = truth.distribution("Logits", a), truth.distribution("Logits", b)
        D = truth.relative_entropy(P, Q)
        expected_a = [number(x * (mp.log(x / y) - D)) for x, y in zip(P, Q, strict=True)]
        expected_b = [number(y - x) for x, y in zip(P, Q, strict=True)]
    np.testing.assert_allclose(by_a, expected_a, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(by_b, expected_b, rtol=1e-12, atol=1e-16)


def test_logits_shared_minus_infinity(autodiff: Backend) -> None:
    # torch.distributions: value right, gradient all NaN
    by_a, by_b = gradient(autodiff, ("Logits", "Logits"), [0.5, 1.0, -INF], [1.0, 0.0, -INF])
    plain_a, plain_b = gradient(autodiff, ("Logits", "Logits"), [0.5, 1.0], [1.0, 0.0])
    np.testing.assert_allclose(by_a, [*plain_a, 0.0], rtol=1e-13)
    np.testing.assert_allclose(by_b, [*plain_b, 0.0], rtol=1e-13)
    assert by_a[2] == 0
    assert by_b[2] == 0


def test_logits_minus_infinity_in_p(autodiff: Backend) -> None:
    by_a, by_b = gradient(autodiff, ("Logits", "Logits"), [0.0, -INF], [0.0, 0.0])
    np.testing.assert_allclose(by_a, [0.0, 0.0], atol=1e-16)
    np.testing.assert_allclose(by_b, [-0.5, 0.5], rtol=1e-14)


def test_logits_minus_infinity_in_q(autodiff: Backend) -> None:
    by_a, by_b = gradient(autodiff, ("Logits", "Logits"), [0.0, 0.0, 1.0], [0.0, -INF, 1.0])
    p = np.exp([0.0, 0.0, 1.0]) / np.exp([0.0, 0.0, 1.0]).sum()
    q = np.exp([0.0, -INF, 1.0]) / np.exp([0.0, -INF, 1.0]).sum()
    np.testing.assert_array_equal(by_a, [0.0, 0.0, 0.0])  # D = +inf
    np.testing.assert_allclose(by_b, q - p, rtol=1e-13)


HARD = {
    "opposite corners": ([0.0, -1e4], [-1e4, 0.0]),
    "underflow in p": ([0.0, -800.0, -1.0], [-1.0, 0.0, -800.0]),
    "underflow in both": ([0.0, -800.0], [0.0, -900.0]),
    "e-31": ([0.0, -31.0], [0.0, 0.0]),
    "-inf crossed": ([0.0, -INF, 1.0], [0.0, 1.0, -INF]),
    "one finite": ([-INF, 3.0, -INF], [1.0, -2.0, 0.5]),
    "disjoint": ([0.0, -INF], [-INF, 0.0]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", HARD)
def test_hard_logits_never_give_nan(autodiff: Backend, case: str, dtype: str) -> None:
    a, b = HARD[case]
    by_a, by_b = gradient(autodiff, ("Logits", "Logits"), a, b, dtype)
    with truth.digits(9000):
        P, Q = truth.distribution("Logits", a), truth.distribution("Logits", b)
        D = truth.relative_entropy(P, Q)
        expected_b = [number(y - x) for x, y in zip(P, Q, strict=True)]
        expected_a = [
            number(x * (mp.log(x / y) - D)) if x and mp.inf != D else 0.0
            for x, y in zip(P, Q, strict=True)
        ]
    # Absolute: two roundings of a probability near 1.
    rtol, atol = (1e-11, 2.0**-52) if dtype == "float64" else (1e-5, 2.0**-23)
    np.testing.assert_allclose(by_b, expected_b, rtol=rtol, atol=atol)
    np.testing.assert_allclose(by_a, expected_a, rtol=rtol, atol=atol)


def test_extreme_probabilities_never_give_nan(autodiff: Backend) -> None:
    p, q = [0.5, 0.5, 0.0], [1e-300, 0.25, 0.75]
    by_p, by_q = gradient(autodiff, ("Probs", "Probs"), p, q)
    with truth.digits(700):
        P, Q = truth.distribution("Probs", p), truth.distribution("Probs", q)
        D = truth.relative_entropy(P, Q)
        expected_q = [number(1 - x / y) for x, y in zip(P, Q, strict=True)]
        expected_p = [number(mp.log(x / y) - D) if x else 0.0 for x, y in zip(P, Q, strict=True)]
    np.testing.assert_allclose(by_q, expected_q, rtol=1e-12)
    np.testing.assert_allclose(by_p, expected_p, rtol=1e-12)


def test_invalid_rows_do_not_poison_their_neighbours(autodiff: Backend) -> None:
    p = [[0.5, 0.5], [0.9, 0.9], [0.25, 0.75]]
    q = [[0.25, 0.75], [0.5, 0.5], [0.5, 0.5]]
    good_p, good_q = gradient(autodiff, ("Probs", "Probs"), p[2:], q[2:])
    by_p, by_q = gradient(autodiff, ("Probs", "Probs"), p, q)
    np.testing.assert_array_equal(by_p[2], good_p[0])
    np.testing.assert_array_equal(by_q[2], good_q[0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_gradients_come_back_in_half_precision(
    autodiff: Backend, dtype: str
) -> None:
    a, b = [0.5, -1.0, 2.0], [1.0, 0.25, -3.0]
    wide_a, wide_b = gradient(autodiff, ("Logits", "Logits"), a, b)
    by_a, by_b = gradient(autodiff, ("Logits", "Logits"), a, b, dtype)
    np.testing.assert_allclose(by_a, wide_a, rtol=2.0**-7)
    np.testing.assert_allclose(by_b, wide_b, rtol=2.0**-7)


def test_one_sided_gradients(autodiff: Backend) -> None:
    """A constant on either side, as when a policy is compared with a frozen reference."""
    p, q = autodiff.array([0.25, 0.75]), autodiff.array([0.5, 0.5])
    (by_p,) = autodiff.gradient(lambda a: relative_entropy(a, q), p)
    (by_q,) = autodiff.gradient(lambda b: relative_entropy(p, b), q)
    both = autodiff.gradient(relative_entropy, p, q)
    np.testing.assert_array_equal(by_p, both[0])
    np.testing.assert_array_equal(by_q, both[1])


def test_masked_cells_have_no_gradient(autodiff: Backend) -> None:
    mask = autodiff.array([True, True, False], "bool")
    p, q = autodiff.array([0.25, 0.75, math.nan]), autodiff.array([0.5, 0.5, math.nan])
    by_p, by_q = autodiff.gradient(lambda a, b: relative_entropy(a, b, where=mask), p, q)
    short = autodiff.gradient(relative_entropy, p[:2], q[:2])
    np.testing.assert_array_equal(by_p, [*short[0], 0.0])
    np.testing.assert_array_equal(by_q, [*short[1], 0.0])


# --- the other verbs -----------------------------------------------------------------------------

VERBS: dict[str, tuple[Callable[..., Any], Callable[..., mpf]]] = {
    "cross_entropy": (relentropy.cross_entropy, truth.cross_entropy),
    "jeffreys": (
        relentropy.jeffreys,
        lambda p, q: truth.relative_entropy(p, q) + truth.relative_entropy(q, p),
    ),
    "jensen_shannon": (relentropy.jensen_shannon, truth.jensen_shannon),
    "renyi": (
        lambda p, q: relentropy.renyi(p, q, alpha=0.5),
        lambda p, q: truth.renyi(p, q, mpf("0.5")),
    ),
    "tsallis": (
        lambda p, q: relentropy.tsallis(p, q, alpha=2.0),
        lambda p, q: truth.tsallis(p, q, 2),
    ),
    "bhattacharyya": (relentropy.bhattacharyya, truth.bhattacharyya),
    "hellinger": (relentropy.hellinger, truth.hellinger),
    "total_variation": (relentropy.total_variation, truth.total_variation),
    "chi_square": (relentropy.chi_square, truth.chi_square),
    "chernoff": (relentropy.chernoff, truth.chernoff),
}


@pytest.mark.parametrize("verb", VERBS)
def test_gradients_of_the_other_verbs_along_logits(autodiff: Backend, verb: str) -> None:
    f, exact = VERBS[verb]
    a, b = INSIDE["Logits"]
    got = autodiff.gradient(
        lambda x, y: f(Logits(x), Logits(y)), autodiff.array(a), autodiff.array(b)
    )

    def value(x: Sequence[mpf], y: Sequence[mpf]) -> mpf:
        sides = [[mp.exp(v) for v in z] for z in (x, y)]
        return exact(*([v / mp.fsum(w) for v in w] for w in sides))

    with truth.digits(80):
        x, y = truth.exactly(a), truth.exactly(b)
        by_a = [number(s) for s in numerical_gradient(lambda z: value(z, y), x)]
        by_b = [number(s) for s in numerical_gradient(lambda z: value(x, z), y)]
    rtol = 1e-6 if verb == "chernoff" else 1e-10  # the truth itself is a search
    np.testing.assert_allclose(got[0], by_a, rtol=rtol, atol=1e-14)
    np.testing.assert_allclose(got[1], by_b, rtol=rtol, atol=1e-14)


@pytest.mark.parametrize("verb", VERBS)
def test_gradients_of_the_other_verbs_at_zeros_are_never_nan(autodiff: Backend, verb: str) -> None:
    f, _ = VERBS[verb]
    corners = [
        ([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]),
        ([0.25, 0.25, 0.5], [0.5, 0.5, 0.0]),
        ([0.5, 0.5, 0.0], [0.25, 0.75, 0.0]),
        ([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]),
        ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
    ]
    for p, q in corners:
        for g in autodiff.gradient(f, autodiff.array(p), autodiff.array(q)):
            assert not np.isnan(g).any(), (p, q, g)


@pytest.mark.parametrize("name", ["entropy", "perplexity"])
def test_gradients_of_entropy(autodiff: Backend, name: str) -> None:
    p = [0.36, 0.48, 0.16]
    (got,) = autodiff.gradient(getattr(relentropy, name), autodiff.array(p))
    H = -sum(v * math.log(v) for v in p)
    expected = np.array([-math.log(v) - H for v in p])
    np.testing.assert_allclose(got, expected * (math.exp(H) if name == "perplexity" else 1), 1e-12)
    (at_zero,) = autodiff.gradient(getattr(relentropy, name), autodiff.array([1.0, 0.0]))
    assert not np.isnan(at_zero).any()
