"""What the gradient oracle says about a loss."""

from dataclasses import dataclass

import numpy as np

from relentropy.rl._prefixes import Table


@dataclass(frozen=True, eq=False)
class Report:
    """What a loss is and does on average, against the named objectives.

    Attributes:
        value: the expected value of the loss, nats.
        variance: the variance of its value from one sequence.
        gradient: the expected gradient with respect to the policy's logits, (prefixes, V).
        gradient_variance: the total variance of the gradient from one sequence, E‖G − E[G]‖².
        exact: for each objective its exact value.
        bias: for each objective, `value` less the exact value.
        error: for each objective, the length of `gradient` less the exact gradient, relative to
            the exact one: 0 for the right gradient, 1 for none at all.
        leak: the largest derivative with respect to what `mask` leaves out, padding included; 0
            for a loss that heeds its mask.

    """

    value: float
    variance: float
    gradient: Table
    gradient_variance: float
    exact: dict[str, float]
    bias: dict[str, float]
    error: dict[str, float]
    leak: float

    def summary(self) -> str:
        """A table that a person reads at a glance."""
        lines = [
            f"value {self.value:.6g} nats, standard deviation {self.variance**0.5:.4g}",
            f"gradient of length {np.linalg.norm(self.gradient):.6g}, "
            f"standard deviation {self.gradient_variance**0.5:.4g}",
            "objective   exact value        bias    error of the gradient",
        ]
        for name, exact in self.exact.items():
            bias = 0.0 if abs(self.bias[name]) < 1e-12 * abs(exact) else self.bias[name]
            error = 0.0 if self.error[name] < 1e-12 else self.error[name]
            lines.append(f"{name:<9} {exact:>13.6g} {bias:>11.4g} {error:>24.4g}")
        if self.leak != 0:
            lines.append(f"masked tokens have a gradient, of up to {self.leak:.4g}")
        return "\n".join(lines)

    __str__ = summary


def relative_error(x: Table, truth: Table) -> float:
    """‖x − truth‖ / ‖truth‖, where both are 0 none."""
    error, length = float(np.linalg.norm(x - truth)), float(np.linalg.norm(truth))
    return error / length if length > 0 else np.inf if error > 0 else 0.0
