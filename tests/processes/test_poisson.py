"""Poisson processes: rates, intervals, intensities that are functions."""

import math

import mpmath
import numpy as np
import pytest

from relentropy import PoissonProcess, jeffreys, relative_entropy, rule_for
from tests.backends import Backend

INF = float("inf")


def test_rates_against_the_definition(xp: Backend) -> None:
    rates = [(3.0, 1.0), (1.0, 1.0 + 1e-9), (0.0, 2.0), (2.0, 0.0), (0.0, 0.0), (1e-200, 1e-190)]
    p, q = (PoissonProcess(xp.array(np.array(r))) for r in zip(*rates, strict=True))
    truth = []
    for a, b in rates:
        with mpmath.workdps(50):
            x, y = mpmath.mpf(a), mpmath.mpf(b)
            log = x * mpmath.log(x / y) if x and y else mpmath.inf if x else 0
            truth.append(float(log - x + y))
    assert xp.numpy(relative_entropy(p, q)) == pytest.approx(np.array(truth), rel=1e-12, abs=0)


def test_an_interval_multiplies_and_the_base_divides(xp: Backend) -> None:
    def process(rate: float) -> PoissonProcess:
        return PoissonProcess(xp.array(rate), interval=(2.0, 5.0))

    value = relative_entropy(process(2.0), process(1.0), base=2)
    assert float(value) == pytest.approx(3 * (2 * math.log(2) - 1) / math.log(2), rel=1e-14)


# (λ, μ, the integral over [0, 1] or None where it is +inf)
FUNCTIONS = {
    "rising": (lambda t: 2 * t, lambda t: 1 + 0 * t, math.log(2) - 0.5),
    "vanishing": (lambda t: 1 + 0 * t, lambda t: t * t, 4 / 3),
    "vanishing inside": (lambda t: 1 + 0 * t, lambda t: abs(2 * t - 1), 0.5),
    "infinite at an end": (lambda t: 1 + 0 * t, lambda t: t**-0.5, 0.5),
    "a jump": (lambda t: (t > 0.3) * 2.0, lambda t: 1 + 0 * t, 0.3 + 0.7 * (2 * math.log(2) - 1)),
    "alike": (lambda t: np.exp(t), lambda t: np.exp(t), 0.0),
    "not covered": (lambda t: 1 + 0 * t, lambda t: (t > 0.3) * 2.0, INF),
    # The mean of (1 + sin) log (1 + sin) over a period is 1 - log 2.
    "waves": (lambda t: 1 + np.sin(200 * math.pi * t), lambda t: 1 + 0 * t, 1 - math.log(2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_integrated_to_the_promise(name: str) -> None:
    a, b, truth = FUNCTIONS[name]
    p, q = PoissonProcess(a, interval=(0, 1)), PoissonProcess(b, interval=(0, 1))
    assert relative_entropy(p, q) == pytest.approx(truth, rel=1e-9, abs=1e-15)


def test_small_divergences_of_functions_do_not_cancel() -> None:
    p = PoissonProcess(lambda t: np.exp(-t), interval=(0, 2))
    q = PoissonProcess(lambda t: np.exp(-t) * (1 + 1e-8), interval=(0, 2))
    relative = (1 + 1e-8) - 1  # as rounded
    truth = (1 - math.exp(-2)) * (relative - math.log1p(relative))
    assert relative_entropy(p, q) == pytest.approx(truth, rel=1e-6)


def test_each_row_of_a_batch_is_as_exact_as_alone() -> None:
    factors = np.array([[1e-6], [1.0], [1e9]])
    p = PoissonProcess(lambda t: factors * 2 * t, interval=(0, 1))
    q = PoissonProcess(lambda t: factors * (1 + 0 * t), interval=(0, 1))
    expected = factors[:, 0] * (math.log(2) - 0.5)
    assert relative_entropy(p, q) == pytest.approx(expected, rel=1e-9)


def test_a_constant_beside_a_function() -> None:
    p = PoissonProcess(lambda t: 2 * t, interval=(0, 1))
    q = PoissonProcess(1.0, interval=(0, 1))
    both = relative_entropy(p, q), relative_entropy(q, p)
    assert both == pytest.approx((math.log(2) - 0.5, 1 - math.log(2)), rel=1e-9)
    assert jeffreys(p, q) == pytest.approx(sum(both), rel=1e-12)


def test_an_integral_that_does_not_converge_says_so() -> None:
    p = PoissonProcess(1.0, interval=(0, 1))
    q = PoissonProcess(lambda t: np.exp(-(t**-1.0)).clip(1e-300), interval=(0, 1))
    assert relative_entropy(p, q) < 800  # clipped: finite
    with pytest.raises(ArithmeticError, match=r"does not converge to 1e-09.*may be infinite"):
        relative_entropy(p, PoissonProcess(lambda t: 1 + np.sin(1e8 * t), interval=(0, 1)))


def test_gradients_reach_what_the_functions_close_over(autodiff: Backend) -> None:
    def cost(decay, rate):
        ends = autodiff.array(0.0), autodiff.array(2.0)
        exp = autodiff.module.exp if autodiff.name == "torch" else autodiff.module.numpy.exp
        p = PoissonProcess(lambda t: exp(-decay * t), interval=ends)
        q = PoissonProcess(lambda t: rate + 0 * t, interval=ends)
        return relative_entropy(p, q)

    slopes = autodiff.gradient(cost, autodiff.array(1.3), autodiff.array(0.7))

    def truth(decay, rate):
        a = lambda t: mpmath.exp(-decay * t)  # noqa: E731
        return mpmath.quad(lambda t: a(t) * mpmath.log(a(t) / rate) - a(t) + rate, [0, 2])

    assert slopes[0] == pytest.approx(float(mpmath.diff(lambda d: truth(d, 0.7), 1.3)), rel=1e-9)
    assert slopes[1] == pytest.approx(float(mpmath.diff(lambda r: truth(1.3, r), 0.7)), rel=1e-9)


def test_gradients_to_rates(autodiff: Backend) -> None:
    p, q = (
        autodiff.array(np.array([2.0, 0.0, 1.0, 2.0])),
        autodiff.array(np.array([1.0, 1.0, 1, 0])),
    )
    f = lambda a, b: relative_entropy(PoissonProcess(a), PoissonProcess(b))  # noqa: E731
    slope_p, slope_q = autodiff.gradient(f, p, q)
    assert slope_p == pytest.approx([math.log(2), 0, 0, 0])
    assert slope_q == pytest.approx([-1, 1, 0, -INF])
    value = autodiff.jit(f)(p, q)
    assert autodiff.numpy(value) == pytest.approx([2 * math.log(2) - 1, 1, 0, INF])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: PoissonProcess(-1.0), ValueError, "intensity must be finite and at least 0"),
        (lambda: PoissonProcess(lambda t: t), ValueError, r"needs interval=\(a, b\)"),
        (lambda: PoissonProcess(1.0, interval=3), TypeError, r"a pair \(a, b\)"),
        (lambda: PoissonProcess(1.0, interval=(1, 0)), ValueError, "in order; got 1 and 0"),
        (lambda: PoissonProcess("a"), TypeError, "intensity must be a number or an array"),
    ],
)
def test_what_is_no_process(make, error, message) -> None:
    with pytest.raises(error, match=message):
        make()


def test_what_cannot_be_compared() -> None:
    one = PoissonProcess(1.0, interval=(0, 1))
    with pytest.raises(ValueError, match="the other has none"):
        relative_entropy(one, PoissonProcess(1.0))
    with pytest.raises(ValueError, match="different intervals"):
        relative_entropy(one, PoissonProcess(1.0, interval=(0, 2)))
    with pytest.raises(ValueError, match="negative"):
        relative_entropy(PoissonProcess(lambda t: t - 0.5, interval=(0, 1)), one)
    with pytest.raises(ValueError, match="not a number"):
        relative_entropy(PoissonProcess(lambda t: t * np.nan, interval=(0, 1)), one)
    assert rule_for(one, one).formula.startswith("D = λ log(λ/μ) - λ + μ per unit of time")
