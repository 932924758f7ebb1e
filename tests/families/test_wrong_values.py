"""What torch.distributions 2.13 gets wrong, each a test that passes here; and parameters that are
nearly, or far from, equal, where a difference of two large terms keeps no digit.
"""

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import relentropy
from relentropy import Logits, relative_entropy
from tests import truth
from tests.backends import Backend
from tests.tables import family_tables as tables

INF = math.inf
RATIO = 1.001


def close(xp: Backend, value: Any, expected: Any, rtol: float, dtype: str) -> None:
    assert xp.is_native(value)
    assert xp.dtype_of(value) == dtype
    assert truth.relative_error(float(xp.numpy(value)), mpf(expected)) <= rtol


def pair(xp: Backend, family: str, dtype: str, p: Any, q: Any) -> Any:
    return relative_entropy(tables.made(xp, family, p, dtype), tables.made(xp, family, q, dtype))


# --- the list -----------------------------------------------------------------------------------


def test_bernoulli_logits_0_against_20_in_float32(xp: Backend) -> None:
    # torch: inf
    value = pair(xp, "Bernoulli", "float32", {"logits": 0.0}, {"logits": 20.0})
    expected = 10 + mp.log1p(mp.exp(-20)) - mp.log(2)
    assert float(expected) == pytest.approx(9.307, abs=1e-3)
    close(xp, value, expected, 1e-6, "float32")


def test_categorical_logits_0_against_minus_200_in_float32(xp: Backend) -> None:
    # torch: inf
    p, q = (Logits(xp.array(x, "float32")) for x in ([0.0, 0.0], [0.0, -200.0]))
    expected = 100 - mp.log(2) + mp.log1p(mp.exp(-200))
    assert float(expected) == pytest.approx(99.3, abs=0.01)
    close(xp, relative_entropy(p, q), expected, 1e-6, "float32")


def test_bernoulli_half_against_1e_minus_20(xp: Backend) -> None:
    # torch: 17.3, since it clamps probabilities
    value = pair(xp, "Bernoulli", "float64", {"probs": 0.5}, {"probs": 1e-20})
    with truth.digits(60):
        q = mpf(1e-20)
        expected = -(mp.log(4 * q) + mp.log1p(-q)) / 2
    assert float(expected) == pytest.approx(22.3, abs=0.05)
    close(xp, value, expected, 1e-14, "float64")


def test_a_certain_binomial_against_a_fair_one(xp: Backend) -> None:
    # torch: -inf
    p, q = {"total_count": 5.0, "probs": 1.0}, {"total_count": 5.0, "probs": 0.5}
    close(xp, pair(xp, "Binomial", "float64", p, q), 5 * mp.log(2), 1e-14, "float64")
    p["probs"] = 0.0
    close(xp, pair(xp, "Binomial", "float64", p, q), 5 * mp.log(2), 1e-14, "float64")


def test_poisson_of_rate_0(xp: Backend) -> None:
    # torch: NaN
    close(xp, pair(xp, "Poisson", "float64", {"rate": 0.0}, {"rate": 1.0}), 1, 1e-15, "float64")
    assert float(pair(xp, "Poisson", "float64", {"rate": 0.0}, {"rate": 0.0})) == 0
    assert float(pair(xp, "Poisson", "float64", {"rate": 1.0}, {"rate": 0.0})) == INF


def test_uniform_against_continuous_bernoulli(xp: Backend) -> None:
    # torch: inf
    p = tables.made(xp, "Uniform", {"low": 0.0, "high": 1.0})
    q = tables.made(xp, "ContinuousBernoulli", {"probs": 0.3})
    with truth.digits(60):
        a = mpf(0.3)
        log_c = mp.log(2 * mp.atanh(1 - 2 * a) / (1 - 2 * a))
        expected = -log_c - (mp.log(a) + mp.log1p(-a)) / 2
    assert float(expected) == pytest.approx(0.0297, abs=1e-4)
    close(xp, relative_entropy(p, q), expected, 1e-9, "float64")


def test_normal_of_scale_1e_minus_25_in_float32(xp: Backend) -> None:
    # torch: inf, since the square of the ratio underflows
    p, q = {"loc": 0.0, "scale": 1e-25}, {"loc": 0.0, "scale": 1.0}
    with truth.digits(60):
        s = mpf(float(np.float32(1e-25)))
        expected = -mp.log(s) + s * s / 2 - mpf(1) / 2
    assert float(expected) == pytest.approx(57.06, abs=0.01)
    close(xp, pair(xp, "Normal", "float32", p, q), expected, 1e-6, "float32")


def test_cauchy_of_scale_1e25_in_float32(xp: Backend) -> None:
    # torch: NaN
    p, q = {"loc": 0.0, "scale": 1e25}, {"loc": 0.0, "scale": 2e25}
    with truth.digits(60):
        a, b = (mpf(float(np.float32(x))) for x in (1e25, 2e25))
        expected = mp.log((a + b) ** 2 / (4 * a * b))
    assert float(expected) == pytest.approx(0.1178, abs=1e-4)
    close(xp, pair(xp, "Cauchy", "float32", p, q), expected, 1e-6, "float32")


def test_a_shared_logit_of_minus_infinity_has_gradient_0(autodiff: Backend) -> None:
    # torch: the value is right, the whole gradient NaN
    a, b = [0.0, 1.0, -INF], [1.0, 0.0, -INF]
    f = lambda x, y: relative_entropy(Logits(x), Logits(y))  # noqa: E731
    of_a, of_b = autodiff.gradient(f, autodiff.array(a), autodiff.array(b))
    assert of_a[2] == 0
    assert of_b[2] == 0
    p, q = (np.exp(x) / np.exp(x).sum() for x in (np.array(a), np.array(b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_ratio = np.where(p > 0, np.log(p) - np.log(q), 0.0)
    np.testing.assert_allclose(of_a, p * (log_ratio - (p * log_ratio).sum()), rtol=1e-13)
    np.testing.assert_allclose(of_b, q - p, rtol=1e-13)


NEAR = [
    ("Exponential", {"rate": 1.0}, "rate"),  # torch: 5 % off
    ("Poisson", {"rate": 100.0}, "rate"),  # 22 %
    ("Gamma", {"concentration": 1e4, "rate": 1.0}, "concentration"),  # 29 %
    ("Gamma", {"concentration": 1e4, "rate": 1.0}, "rate"),
    ("Beta", {"concentration1": 1e4, "concentration0": 1e4}, "concentration1"),  # 330 %, negative
    ("Beta", {"concentration1": 1e4, "concentration0": 1e4}, "concentration0"),
]


def of_exponential_families(family: str, p: dict[str, Any], q: dict[str, Any]) -> Any:
    """D(P||Q) in closed form: difference of log-normalizers minus that of the mean terms."""
    if family == "Exponential":
        return q["rate"] / p["rate"] - 1 + mp.log(p["rate"] / q["rate"])
    if family == "Poisson":
        return q["rate"] - p["rate"] + p["rate"] * mp.log(p["rate"] / q["rate"])
    if family == "Gamma":
        a, b, c, d = p["concentration"], p["rate"], q["concentration"], q["rate"]
        mean_log = mp.digamma(a) - mp.log(b)
        normalizers = a * mp.log(b) - mp.loggamma(a) - c * mp.log(d) + mp.loggamma(c)
        return normalizers + (a - c) * mean_log - (b - d) * a / b
    a, b, c, d = (m[f"concentration{i}"] for m in (p, q) for i in (1, 0))
    log_beta = lambda x, y: mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y)  # noqa: E731
    means = [mp.digamma(x) - mp.digamma(a + b) for x in (a, b)]
    return log_beta(c, d) - log_beta(a, b) + (a - c) * means[0] + (b - d) * means[1]


@pytest.mark.parametrize(("family", "member", "parameter"), NEAR)
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-4), ("float64", 1e-10)])
def test_nothing_cancels_at_a_ratio_of_1_001(
    xp: Backend, family: str, member: dict[str, float], parameter: str, dtype: str, rtol: float
) -> None:
    other = member | {parameter: float(np.dtype(dtype).type(member[parameter] * RATIO))}
    for p, q in ((member, other), (other, member)):
        with truth.digits(60):
            exact = [{n: mpf(x) for n, x in m.items()} for m in (p, q)]
            expected = of_exponential_families(family, *exact)
        close(xp, pair(xp, family, dtype, p, q), expected, rtol, dtype)


# --- from 1 ± 1e-6 to 1e±6 ----------------------------------------------------------------------

# Relative and absolute. Closed forms keep all digits of however small a value; an integral or a
# sum in float64 promises 1e-9 or 1e-15, whichever is more.
TOLERANCES = {
    ("closed", "float64"): (1e-10, 0.0),
    ("closed", "float32"): (1e-4, 0.0),
    ("numeric", "float64"): (1e-10, 0.0),
    ("numeric", "float32"): (1e-4, 0.0),
}
DTYPES = ("float64", "float32")


def batches(dtype: str) -> dict[str, list[tables.Scaled]]:
    """The rows of a family and dtype, which fit into one batch."""
    groups = defaultdict(list)
    for row in tables.scaled():
        if row.dtype == dtype:
            groups[row.family].append(row)
    return dict(groups)


def as_held(value: str, dtype: str) -> str | None:
    """The value, inf beyond the largest float of the dtype, None where it would be subnormal."""
    finfo = np.finfo(dtype)
    if value in ("0", "inf"):
        return value
    if mpf(value) > float(finfo.max):
        return "inf"
    return value if mpf(value) >= float(finfo.tiny) else None


def answers(xp: Backend, p: Any, q: Any, rows: int) -> list[float | str]:
    """D(P||Q) of each row; where the batch as a whole is refused, what each row says."""
    try:
        return xp.numpy(relative_entropy(p, q)).tolist()
    except ArithmeticError as e:
        if rows == 1:
            return [str(e)]
    singles = [[d.mapped(lambda x, i=i: x[i : i + 1]) for d in (p, q)] for i in range(rows)]
    return [answers(xp, *pair, 1)[0] for pair in singles]


def scaled_complaints(xp: Backend, rows: list[tables.Scaled], dtype: str) -> list[str]:
    sides = [
        {n: np.array([getattr(row, side)[n] for row in rows]) for n in rows[0].member}
        for side in ("member", "other")
    ]
    member, other = (tables.made(xp, rows[0].family, side, dtype) for side in sides)
    found = []
    for p, q, way in ((member, other, "there"), (other, member, "back")):
        for row, value in zip(rows, answers(xp, p, q, len(rows)), strict=True):
            expected = as_held(getattr(row, way), dtype)
            if expected is None:
                continue
            wrong: str | None = f"expected {expected}, {value}"
            if isinstance(value, float):
                wrong = tables.complaint(value, expected, *promised(xp, row, dtype))
            if wrong:
                at = tables.shown(row.family, row.member)
                found.append(f"{at}, {row.parameter} {row.scaled!r}, {way}: {wrong}")
    return found


def promised(xp: Backend, row: tables.Scaled, dtype: str) -> tuple[float, float]:
    """The tolerance; of numbers on other frameworks what quadrature promises anywhere."""
    by_numbers = (kind(row), dtype) == ("numeric", "float64")
    elsewhere = by_numbers and xp.name != "numpy"
    return (1e-9, 1e-15) if elsewhere else TOLERANCES[kind(row), dtype]


def kind(row: tables.Scaled) -> str:
    family = getattr(relentropy, row.family)
    rule = relentropy.rule_for(family(**row.member), family(**row.other))
    # The rule of negative binomials is closed for equal total_count, and a sum otherwise.
    by_sum = (row.family, row.parameter) == ("NegativeBinomial", "total_count")
    return "closed" if rule.kind == "closed" and not by_sum else "numeric"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", sorted({row.family for row in tables.scaled()}))
def test_nothing_cancels_at_any_ratio(numpy_backend: Backend, family: str, dtype: str) -> None:
    found = scaled_complaints(numpy_backend, batches(dtype)[family], dtype)
    assert not found, f"{len(found)} values:\n" + "\n".join(found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", sorted({row.family for row in tables.scaled()}))
def test_nothing_cancels_on_the_frameworks_that_differentiate(
    autodiff: Backend, family: str, dtype: str
) -> None:
    found = scaled_complaints(autodiff, batches(dtype)[family], dtype)
    assert not found, f"{len(found)} values:\n" + "\n".join(found)
