"""The tables of docs/reinforcement-learning-oracle.md: bias, variance and gradient error.

Everything is summed over all sequences of tiny policies; nothing is sampled but the policies
themselves. Writes the tables into the page, between their markers (half a minute on one core):

    python docs/figures/rl_oracle.py
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from relentropy.rl import aggregate, kl_estimate, kl_penalty, token_log_probs, vocabulary_kl_penalty
from relentropy.rl.oracle import OBJECTIVES, Oracle, Report

PAGE = Path(__file__).parents[1] / "reinforcement-learning-oracle.md"
DRIFTS = (0.135, 2.54)
ESTIMATORS = ("k1", "k2", "k3")
PAIRS = 200

Loss = Callable[..., Any]


def number(x: float) -> str:
    """Three digits; what is rounding is 0."""
    return "0" if abs(x) < 1e-10 else f"{x:#.3g}".removesuffix(".")


def cells(*columns: tuple[float, ...]) -> list[str]:
    """The figures at each drift, side by side."""
    return [" / ".join(number(x) for x in column) for column in columns]


def table(header: list[str], rows: list[list[str]]) -> str:
    """As Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


# Schulman's table.


def normals() -> str:
    """k1, k2, k3 of N(0, 1) against N(μ, 1), by Gauss–Hermite quadrature."""
    x, weight = np.polynomial.hermite_e.hermegauss(80)
    weight = weight / weight.sum()

    def log_density(mean: float) -> np.ndarray:
        return -((x - mean) ** 2) / 2 - np.log(2 * np.pi) / 2

    rows = []
    for mean in (0.1, 1.0):
        true = mean**2 / 2
        for estimator in ESTIMATORS:
            value = kl_estimate(log_density(0.0), log_density(mean), estimator=estimator)
            bias = weight @ value - true
            deviation = np.sqrt(weight @ (value - true - bias) ** 2)
            rows.append([f"{mean:g}", estimator, number(bias / true), number(deviation / true)])
    return table(["μ", "estimate", "bias / true", "standard deviation / true"], rows)


# The losses that are in use.


def differences(p: Any, q: Any, mask: Any) -> Any:
    """Of log-probabilities, 0 where masked."""
    return torch.where(mask, q - p, 0.0)


def k1(p: Any, q: Any, mask: Any) -> Any:
    """k1, as code is written."""
    return -differences(p, q, mask)


def k2(p: Any, q: Any, mask: Any) -> Any:
    """k2, as code is written."""
    return differences(p, q, mask) ** 2 / 2


def k3(p: Any, q: Any, mask: Any) -> Any:
    """k3, as code is written."""
    d = differences(p, q, mask)
    return torch.exp(d) - 1 - d


def rewarded(estimate: Loss) -> Loss:
    """Inside the reward: each token's score is multiplied by what comes from it on."""

    def loss(p: Any, q: Any, mask: Any) -> Any:
        cost = estimate(p, q, mask).detach()
        to_go = cost.flip(-1).cumsum(-1).flip(-1)
        return cost + to_go * torch.where(mask, p - p.detach(), 0.0)

    return loss


def with_ratio(p: Any, q: Any, mask: Any) -> Any:
    """ρ·k3, the ratio to the sampling policy differentiated as well."""
    return torch.exp(p - p.detach()) * k3(p, q, mask)


def vocabulary(gradient: str) -> Loss:
    """The exact divergence at each prefix, from logits."""

    def loss(a: Any, b: Any, mask: Any, tokens: Any, **behavior: Any) -> Any:
        own = {"log_prob": token_log_probs(a, tokens)} if gradient == "sequence" else {}
        return vocabulary_kl_penalty(a, b, mask, gradient=gradient, **own, **behavior)

    return loss


IN_USE: list[tuple[str, str, Loss]] = [
    ("k1 in the loss", "log_prob", k1),
    ("k2 in the loss", "log_prob", k2),
    ("k3 in the loss", "log_prob", k3),
    ("ρ·k3 in the loss", "log_prob", with_ratio),
    ("whole vocabulary in the loss", "logits", vocabulary("token")),
    ("k3 in the reward", "log_prob", rewarded(k3)),
    ("k1 in the reward", "log_prob", rewarded(k1)),
    ("k2 of the sequence's sum", "log_prob", lambda *x: k1(*x).sum() ** 2 / 2),
    ("whole vocabulary + score × what follows", "logits", vocabulary("sequence")),
]


def at_both(drifts: list[Oracle], loss: Loss, takes: str = "log_prob") -> list[Report]:
    """A loss on the near and on the far pair."""
    return [oracle.check(loss, takes=takes) for oracle in drifts]


def noise(oracles: list[Oracle], reports: list[Report]) -> tuple[float, ...]:
    """The standard deviation of the gradient, relative to the exact one of whole sequences."""
    return tuple(
        r.gradient_variance**0.5 / float(np.linalg.norm(oracle.gradient("sequence")))
        for r, oracle in zip(reports, oracles, strict=True)
    )


def in_use() -> str:
    """Nine losses, on one pair of policies at two distances."""
    oracles = [Oracle.random(kl=kl) for kl in DRIFTS]
    rows = []
    for name, takes, loss in IN_USE:
        reports = at_both(oracles, loss, takes)
        errors = [tuple(r.error[objective] for r in reports) for objective in OBJECTIVES]
        rows.append([name, *cells(errors[1], errors[0], errors[2], noise(oracles, reports))])
    return table(["loss", "error: sequence", "token", "forward", "noise"], rows)


def spread() -> str:
    """The error against the sequence gradient of what is biased, over many pairs.

    The expectations that the table above finds in the losses are taken from the oracle itself.
    """
    names = ["k2, ρ·k3 or whole vocabulary in the loss", "k3 in the loss", "k3 in the reward"]
    found = np.empty((len(names), len(DRIFTS), PAIRS))
    for i, kl in enumerate(DRIFTS):
        for seed in range(PAIRS):
            oracle = Oracle.random(kl=kl, seed=seed)
            exact = oracle.gradient("sequence")
            d = oracle.ref_log_prob - oracle.log_prob
            to_go = np.flip(np.cumsum(np.flip(np.expm1(d) - d, -1), -1), -1)
            wrong = [
                oracle.gradient("token"),
                oracle.gradient("forward"),
                oracle.expected_score(to_go),
            ]
            found[:, i, seed] = [np.linalg.norm(x - exact) / np.linalg.norm(exact) for x in wrong]
    low, middle, high = np.percentile(found, [5, 50, 95], axis=-1)
    rows = [
        [name, *(f"{middle[n, i]:.2f} ({low[n, i]:.2f} to {high[n, i]:.2f})" for i in (0, 1))]
        for n, name in enumerate(names)
    ]
    return table(["loss", *(f"KL {kl:g}" for kl in DRIFTS)], rows)


# Every setting.


def settings(off_policy: bool) -> str:
    """Every estimator with every gradient, and the whole vocabulary."""
    oracles = [Oracle.random(kl=kl, off_policy=off_policy) for kl in DRIFTS]
    rows = []
    for estimator in ESTIMATORS:
        for gradient in (*OBJECTIVES, "as-written", "none"):
            if (estimator, gradient, off_policy) == ("k1", "as-written", False):
                continue

            def loss(*args: Any, e: str = estimator, g: str = gradient, **more: Any) -> Any:
                return kl_penalty(*args, estimator=e, gradient=g, **more)

            reports = at_both(oracles, loss)
            rows.append([estimator, f'"{gradient}"', *_figures(oracles, reports)])
    for gradient in (*OBJECTIVES, "none"):
        reports = at_both(oracles, vocabulary(gradient), "logits")
        rows.append(["vocabulary", f'"{gradient}"', *_figures(oracles, reports)])
    header = ["value", "gradient", "bias", "deviation"]
    return table([*header, "error: token", "sequence", "forward", "noise"], rows)


def _figures(oracles: list[Oracle], reports: list[Report]) -> list[str]:
    true = [oracle.value("token") for oracle in oracles]
    pairs = list(zip(reports, true, strict=True))
    return cells(
        tuple(r.bias["token"] / v for r, v in pairs),
        tuple(r.variance**0.5 / v for r, v in pairs),
        *(tuple(r.error[name] for r in reports) for name in OBJECTIVES),
        noise(oracles, reports),
    )


# Masks and reducers.

MASKS: dict[str, dict[str, Any]] = {
    "every token": {},
    "without a prompt (first token)": {"mask": (False, True, True)},
    "without a tool's answer (second token)": {"mask": (True, False, True)},
    "until an end token": {"end": 0},
    "until an end token, without a tool's answer": {"end": 0, "mask": (True, False, True)},
}


def reducers() -> str:
    """The value and the gradient under constant weights and under 1/length."""
    rows = []
    for name, setting in MASKS.items():
        for off_policy in (False, True):
            oracle = Oracle.random(kl=DRIFTS[1], off_policy=off_policy, **setting)
            lengths = oracle.kept.sum(-1, keepdims=True)
            for how, weight in (("sum", None), ("sequence-mean", oracle.kept / lengths)):
                law = "off" if off_policy else "on"
                rows.append([name, law, how, *_reduced(oracle, how, weight)])
    header = ["mask", "policy", "reducer", *(f"bias {e}" for e in ESTIMATORS)]
    return table([*header, *(f'turn "{name}"' for name in OBJECTIVES)], rows)


def _reduced(oracle: Oracle, how: str, weight: np.ndarray | None) -> list[str]:
    """Biases of the values, and the angles by which weights turn the gradients."""

    def run(estimator: str, gradient: str) -> Report:
        def loss(p: Any, q: Any, mask: Any, **more: Any) -> Any:
            penalty = kl_penalty(p, q, mask, estimator=estimator, gradient=gradient, **more)
            return aggregate(penalty, mask, how)

        return oracle.check(loss, weight=weight)

    biases = []
    for estimator in ESTIMATORS:
        report = run(estimator, "none")
        biases.append(number(report.bias["token"] / report.exact["token"]))
    turns = []
    for name in OBJECTIVES:
        report = run("k3", name)
        if not report.error[name] < 1e-10:
            raise ArithmeticError(f"{how}, {name}: not the gradient that the oracle has")
        unweighted = oracle.gradient(name)
        lengths = np.linalg.norm(report.gradient) * np.linalg.norm(unweighted)
        cosine = np.sum(report.gradient * unweighted) / lengths
        turns.append(f"{np.degrees(np.arccos(min(cosine, 1.0))):.0f}°")
    return [*biases, *turns]


TABLES: dict[str, Callable[[], str]] = {
    "normals": normals,
    "in use": in_use,
    "spread": spread,
    "on-policy": lambda: settings(off_policy=False),
    "off-policy": lambda: settings(off_policy=True),
    "reducers": reducers,
}


def filled(page: str) -> str:
    """The page with its tables made anew."""
    for name, make in TABLES.items():
        page = page.replace(shown(page, name), make())
    return page


def shown(page: str, name: str) -> str:
    """What the page has between the markers of a table."""
    places = re.findall(rf"<!-- table: {name} -->\n\n(.*?)\n\n<!-- end -->", page, re.DOTALL)
    if len(places) != 1:
        raise ValueError(f"the page has {len(places)} places for the table {name!r}; expected one")
    return str(places[0])


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
