"""Every estimator, gradient, mask, reducer and sampling law of relentropy.rl against the oracle.

The functions under test see one sequence at a time, weighted by its probability; the oracle knows
the sums in closed form, or adds up coefficients that are written down here once more.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from relentropy.rl import (
    aggregate,
    grpo_loss,
    kl_estimate,
    kl_penalty,
    token_log_probs,
    vocabulary_kl_penalty,
)
from relentropy.rl.oracle import OBJECTIVES, Oracle, Report
from tests.backends import Backend

TOLERANCE = 1e-10
NAN = float("nan")

MASKS: dict[str, dict[str, Any]] = {
    "all": {"vocabulary": 2},
    "prompt": {"vocabulary": 2, "mask": (False, True, True)},
    "tool": {"vocabulary": 2, "mask": (True, False, True)},
    "end": {"vocabulary": 3, "end": 1},
    "end, tool": {"vocabulary": 3, "end": 0, "mask": (True, False, True)},
    "end, prompt": {"vocabulary": 3, "end": 2, "mask": (False, True, True)},
}
# The divergences of whole sequences of the reference enumeration: small and large drift.
DRIFTS = {"near": 0.135, "far": 2.54}


class Reducer(NamedTuple):
    """A setting of `aggregate`, and what it makes of a batch of one sequence."""

    how: str
    totals: dict[str, float]
    weight: Callable[[np.ndarray], np.ndarray]
    constant: float | None  # the weight, where all sequences have the same


def per_length(kept: np.ndarray) -> np.ndarray:
    return kept / np.maximum(kept.sum(-1, keepdims=True), 1)


REDUCERS = [
    Reducer("sum", {}, lambda kept: kept, 1.0),
    Reducer("token-mean", {}, per_length, None),
    Reducer("token-mean", {"total_tokens": 7}, lambda kept: kept / 7, 1 / 7),
    Reducer("sequence-mean", {}, per_length, None),
    Reducer("sequence-mean", {"total_sequences": 5}, lambda kept: per_length(kept) / 5, None),
    Reducer("sequence-sum", {}, lambda kept: kept, 1.0),
    Reducer("sequence-sum", {"total_sequences": 5}, lambda kept: kept / 5, 1 / 5),
    Reducer("fixed-length", {"max_length": 8}, lambda kept: kept / 8, 1 / 8),
    Reducer(
        "fixed-length",
        {"max_length": 8, "total_sequences": 5},
        lambda kept: kept / 40,
        1 / 40,
    ),
]


def reducer_name(reducer: Reducer) -> str:
    return "-".join([reducer.how, *reducer.totals])


def make(masking: str, off_policy: bool = False, drift: str = "far") -> Oracle:
    return Oracle.random(**MASKS[masking], kl=DRIFTS[drift], off_policy=off_policy, seed=11)


def whole_means(masking: str) -> bool:
    """Whether something is kept of every sequence: of nothing there is no mean."""
    return masking != "end, prompt"


# Of one shape, so that JAX compiles once.
BY_DEFAULT = [
    ("end", "sum"),
    ("end", "sequence-mean"),
    ("end, tool", "token-mean-total_tokens"),
    ("end, tool", "sequence-mean"),
    ("end, prompt", "sequence-mean-total_sequences"),
]


def cells() -> list[Any]:
    """Masks with reducers. Some run always; all of them where the run is exhaustive."""
    pairs = [
        (masking, reducer)
        for masking in MASKS
        for reducer in REDUCERS
        if whole_means(masking)
        or reducer.how == "sum"
        or not reducer.totals.keys() <= {"max_length"}
    ]
    named = [(pair, (pair[0], reducer_name(pair[1]))) for pair in pairs]
    return [
        pytest.param(
            *pair,
            id=", ".join(name),
            marks=[] if name in BY_DEFAULT else pytest.mark.exhaustive,
        )
        for pair, name in named
    ]


every_cell = pytest.mark.parametrize(("masking", "reducer"), cells())
every_law = pytest.mark.parametrize("off_policy", [False, True], ids=["on-policy", "off-policy"])
every_drift = pytest.mark.parametrize(
    "drift", [pytest.param("near", marks=pytest.mark.exhaustive), "far"]
)


# What is right, once more from the definitions.


def values_of(oracle: Oracle, estimator: str) -> np.ndarray:
    """The estimator on every token of every sequence, with its ratio, (N, T)."""
    d = oracle.ref_log_prob - oracle.log_prob
    value = {"k1": -d, "k2": d**2 / 2, "k3": np.exp(d) - 1 - d}[estimator]
    return np.asarray(value * np.exp(oracle.log_prob - oracle.behavior_log_prob))


def as_written(oracle: Oracle, estimator: str) -> np.ndarray:
    """The derivative of the same with respect to log π, by the product rule."""
    d = oracle.ref_log_prob - oracle.log_prob
    own = {"k1": np.ones_like(d), "k2": -d, "k3": 1 - np.exp(d)}[estimator]
    if oracle.behavior is None:
        return own
    return np.exp(oracle.log_prob - oracle.behavior_log_prob) * own + values_of(oracle, estimator)


def exact_gradient(oracle: Oracle, name: str, reducer: Reducer) -> np.ndarray:
    """From the tree where the weights are one constant, otherwise sequence by sequence."""
    if reducer.constant is not None:
        return reducer.constant * oracle.gradient(name)
    return oracle.gradient(name, reducer.weight(oracle.kept))


def expected(
    oracle: Oracle, estimator: str, gradient: str, reducer: Reducer
) -> tuple[float, np.ndarray]:
    weight = reducer.weight(oracle.kept) * oracle.kept
    value = float(oracle.law @ (weight * values_of(oracle, estimator)).sum(-1))
    if gradient in OBJECTIVES:
        return value, exact_gradient(oracle, gradient, reducer)
    if gradient == "none":
        return value, np.zeros_like(oracle.policy)
    if reducer.constant is not None and (
        known := KNOWN.get((estimator, oracle.behavior is not None))
    ):
        return value, exact_gradient(oracle, known, reducer)
    return value, oracle.expected_score(weight * as_written(oracle, estimator))


# (estimator, off-policy): of which divergence the gradient as written is.
KNOWN = {
    ("k2", False): "token",
    ("k3", False): "forward",
    ("k1", True): "token",
    ("k3", True): "token",
}


def complaints(report: Report, value: float, gradient: np.ndarray) -> list[str]:
    """What is further off than rounding."""
    found = []
    if not abs(report.value - value) <= TOLERANCE * abs(value):
        found.append(f"value {report.value!r}, not {value!r}")
    error = float(np.linalg.norm(report.gradient - gradient))
    if not error <= TOLERANCE * float(np.linalg.norm(gradient)):
        found.append(f"gradient off by {error} of {np.linalg.norm(gradient)}")
    if report.leak != 0:
        found.append(f"masked tokens have a gradient: {report.leak}")
    return found


def combinations(off_policy: bool) -> Iterator[tuple[str, str]]:
    for estimator in ("k1", "k2", "k3"):
        for gradient in (*OBJECTIVES, "as-written", "none"):
            if (estimator, gradient, off_policy) != ("k1", "as-written", False):
                yield estimator, gradient


@every_cell
@every_law
@every_drift
def test_penalties(
    autodiff: Backend, drift: str, masking: str, off_policy: bool, reducer: Reducer
) -> None:
    """estimator × gradient, for each drift, mask, law and reducer."""
    oracle = make(masking, off_policy, drift)
    found = {}
    for estimator, gradient in combinations(off_policy):

        def loss(p: Any, q: Any, mask: Any, **behavior: Any) -> Any:
            penalty = kl_penalty(p, q, mask, estimator=estimator, gradient=gradient, **behavior)
            return aggregate(penalty, mask, reducer.how, **reducer.totals)

        report = oracle.check(loss, framework=autodiff.name, padding=NAN)
        wrong = complaints(report, *expected(oracle, estimator, gradient, reducer))
        if wrong:
            found[estimator, gradient] = wrong
    assert not found


def test_the_comparison_tells_objectives_apart(torch_backend: Backend) -> None:
    """Each gradient is wrong for every other objective, each value for another estimator."""
    oracle = make("end, tool", off_policy=True)
    for gradient in OBJECTIVES:
        report = oracle.check(
            lambda *args, g=gradient, **behavior: kl_penalty(*args, gradient=g, **behavior)
        )
        for other in ("k1", "k2", "k3"):
            for objective in OBJECTIVES:
                wrong = complaints(report, *expected(oracle, other, objective, REDUCERS[0]))
                # k1 and k3 share their mean.
                assert len(wrong) == (other == "k2") + (objective != gradient)


@pytest.mark.parametrize("masking", ["end", "end, tool"])
def test_estimates(autodiff: Backend, masking: str) -> None:
    """kl_estimate has the values, and autograd finds in it the gradient as written."""
    oracle = make(masking)
    reducer = REDUCERS[0]
    for estimator in ("k1", "k2", "k3"):
        report = oracle.check(
            lambda p, q, mask, e=estimator: kl_estimate(p, q, estimator=e, mask=mask).sum(),
            framework=autodiff.name,
            padding=NAN,
        )
        value, gradient = expected(oracle, estimator, "as-written", reducer)
        if estimator == "k1":
            assert np.linalg.norm(report.gradient) < 1e-15  # no gradient at all
            gradient = report.gradient
        assert not complaints(report, value, gradient)


def full_vocabulary(oracle: Oracle, gradient: str, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Value and gradient of the exact divergence at the prefixes seen, sequence by sequence."""
    rows = {prefix: n for n, prefix in enumerate(oracle.prefixes)}
    log_p, log_q = (
        x - np.log(np.exp(x).sum(-1, keepdims=True)) for x in (oracle.policy, oracle.reference)
    )
    p, q = np.exp(log_p), np.exp(log_q)
    divergence = (p * (log_p - log_q)).sum(-1)
    slope = p * (log_p - log_q - divergence[:, None])
    weight = weight * oracle.kept
    ratios = np.where(oracle.kept, np.exp(oracle.log_prob - oracle.behavior_log_prob), 1.0)
    value, total = 0.0, np.zeros_like(p)
    for n, law in enumerate(oracle.law):
        tokens = [int(v) for v in oracle.tokens[n]]
        reached = [rows.get(tuple(tokens[:t])) for t in range(len(tokens))]
        for t in np.flatnonzero(oracle.kept[n]):
            s = reached[t]
            share = law * weight[n, t]
            value += share * divergence[s]
            if gradient == "forward":
                total[s] += share * (p[s] - q[s])
            elif gradient == "token":
                total[s] += share * slope[s]
            elif gradient == "sequence":
                later = [u for u in np.flatnonzero(oracle.kept[n]) if u > t]
                ahead = sum(np.prod(ratios[n, :u]) * divergence[reached[u]] for u in later)
                score = np.eye(p.shape[-1])[tokens[t]] - p[s]
                total[s] += share * (np.prod(ratios[n, :t]) * slope[s] + ahead * score)
    return value, total


@every_cell
@every_law
def test_vocabulary_penalties(
    autodiff: Backend, masking: str, off_policy: bool, reducer: Reducer
) -> None:
    oracle = make(masking, off_policy)
    weight = reducer.weight(oracle.kept)
    found = {}
    for gradient in ("token", "sequence", "forward", "none"):

        def loss(a: Any, b: Any, mask: Any, tokens: Any, **behavior: Any) -> Any:
            own = {"log_prob": token_log_probs(a, tokens)} if gradient == "sequence" else {}
            penalty = vocabulary_kl_penalty(a, b, mask, gradient=gradient, **own, **behavior)
            return aggregate(penalty, mask, reducer.how, **reducer.totals)

        report = oracle.check(loss, framework=autodiff.name, takes="logits")
        value, slope = full_vocabulary(oracle, gradient, weight)
        if reducer.constant is not None:
            assert value == pytest.approx(reducer.constant * oracle.value("token"), rel=1e-12)
            if gradient != "none":
                slope = exact_gradient(oracle, gradient, reducer)
        if wrong := complaints(report, value, slope):
            found[gradient] = wrong
    assert not found


@every_drift
def test_the_rao_blackwellised_estimate_is_unbiased_and_quieter(
    autodiff: Backend, drift: str
) -> None:
    oracle = make("end", drift=drift)
    exact = oracle.check(
        lambda a, b, mask, tokens: vocabulary_kl_penalty(a, b, mask),
        framework=autodiff.name,
        takes="logits",
    )
    assert abs(exact.bias["sequence"]) < 1e-14
    for estimator in ("k1", "k3"):
        sampled = oracle.check(
            lambda p, q, mask, e=estimator: kl_penalty(p, q, mask, estimator=e),
            framework=autodiff.name,
        )
        assert abs(sampled.bias["sequence"]) < 1e-14
        assert exact.variance < sampled.variance


@pytest.mark.parametrize("temperature", [0.5, 2.0])
@pytest.mark.parametrize("gradient", ["token", "sequence", "forward"])
def test_at_a_temperature_the_policy_is_another(
    autodiff: Backend, gradient: str, temperature: float
) -> None:
    """Logits times the temperature, at that temperature: the same policy, the gradient over it."""
    oracle = make("end")

    def loss(a: Any, b: Any, mask: Any, tokens: Any) -> Any:
        hot_a, hot_b = a * temperature, b * temperature
        p = token_log_probs(hot_a, tokens, temperature=temperature)
        own = {"log_prob": p} if gradient == "sequence" else {}
        return vocabulary_kl_penalty(
            hot_a, hot_b, mask, gradient=gradient, temperature=temperature, **own
        )

    report = oracle.check(loss, framework=autodiff.name, takes="logits")
    assert not complaints(report, oracle.value("token"), oracle.gradient(gradient))


@every_cell
@every_law
def test_the_divergence_in_the_grpo_loss(
    autodiff: Backend, masking: str, off_policy: bool, reducer: Reducer
) -> None:
    """With advantages of 0 the loss is β times the penalty."""
    oracle = make(masking, off_policy)
    weight = reducer.weight(oracle.kept) * oracle.kept
    ratio = np.exp(oracle.log_prob - oracle.behavior_log_prob)
    found = {}
    for estimator, gradient in combinations(off_policy=False):

        def loss(p: Any, q: Any, mask: Any, behavior_log_prob: Any = None) -> Any:
            old = p if behavior_log_prob is None else behavior_log_prob
            settings = {"kl_estimator": estimator, "kl_gradient": gradient} | reducer.totals
            zero = 0 * mask.sum(-1)
            return grpo_loss(p, old, q, zero, mask, beta=4.0, aggregate=reducer.how, **settings)[0]

        report = oracle.check(lambda *a, **b: loss(*a, **b) / 4, framework=autodiff.name)
        if gradient in OBJECTIVES:
            value, slope = expected(oracle, estimator, gradient, reducer)
        else:  # as published, without the ratio
            value = oracle.law @ (weight * values_of(oracle, estimator) / ratio).sum(-1)
            d = oracle.ref_log_prob - oracle.log_prob
            own = {"k1": 1.0, "k2": -d, "k3": 1 - np.exp(d)}[estimator]
            slope = oracle.expected_score(weight * own * (gradient == "as-written"))
        if wrong := complaints(report, value, slope):
            found[estimator, gradient] = wrong
    assert not found


@every_law
@pytest.mark.parametrize("masking", ["end"])
def test_a_penalty_on_whole_outputs_has_the_sequence_gradient(
    autodiff: Backend, masking: str, off_policy: bool
) -> None:
    """ratio="sequence" penalises the sums, of which one "token" gradient is the sequences'."""
    oracle = make(masking, off_policy, drift="near")

    def loss(p: Any, q: Any, mask: Any, behavior_log_prob: Any = None) -> Any:
        old = p if behavior_log_prob is None else behavior_log_prob
        settings = {"beta": 1.0, "ratio": "sequence", "kl_gradient": "token"}
        return grpo_loss(p, old, q, 0 * mask.sum(-1), mask, **settings)[0]

    report = oracle.check(loss, framework=autodiff.name, padding=NAN)
    assert not complaints(report, oracle.value("sequence"), oracle.gradient("sequence"))
