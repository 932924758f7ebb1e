"""tinygrad has no relative entropy: cross-entropy trains as well. Is that so?

pip install 'relentropy[tinygrad]' scikit-learn    # and have clang, or name yours in CC
python -m examples.tinygrad_digits

The same small network learns the digits of scikit-learn three times, from the same weights and
batches, towards the same smoothed labels: with tinygrad's cross_entropy, with ours, and with
relative_entropy. docs/tinygrad.md says what to see in it. float64 throughout, so that what is equal
can be seen to be equal.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from tinygrad import Tensor, TinyJit
from tinygrad.helpers import Context

from relentropy import Logits, cross_entropy, entropy, relative_entropy

CLASSES, WIDTH, BATCH, STEPS, RATE = 10, 32, 128, 120, 0.5
SMOOTHING = 0.1  # of the labels: without it H(P) is 0, and there is no constant to see
HELD_OUT = 397

LOSSES = {
    "tinygrad's cross_entropy": lambda target, logits: logits.cross_entropy(target),
    "our cross_entropy": lambda target, logits: cross_entropy(target, Logits(logits)).mean(),
    "our relative_entropy": lambda target, logits: relative_entropy(target, Logits(logits)).mean(),
}


@dataclass(frozen=True)
class Digits:
    """Images as rows of numbers in [0, 1], and their labels."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Run:
    """What one training came to."""

    losses: np.ndarray
    weights: list[np.ndarray]
    accuracy: float


def digits():
    """Digits to learn from and digits held out, in an order that is always the same."""
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    data = [(bunch.data[order] / 16.0), bunch.target[order]]
    return Digits(*(x[HELD_OUT:] for x in data)), Digits(*(x[:HELD_OUT] for x in data))


def smoothed(labels):
    """The target distributions P: most of the mass on the label, a little on every class."""
    return (1 - SMOOTHING) * np.eye(CLASSES)[labels] + SMOOTHING / CLASSES


def batches(learn, steps):
    """Images and targets, the same for every loss."""
    rng = np.random.default_rng(1)
    for _ in range(steps):
        chosen = rng.choice(len(learn.labels), BATCH, replace=False)
        yield learn.images[chosen], smoothed(learn.labels[chosen])


def first_weights(seed=2):
    """Two layers, weights and biases, the same for every loss."""
    rng = np.random.default_rng(seed)
    sizes = (64, WIDTH, CLASSES)
    matrices = [rng.normal(0, a**-0.5, size=(a, b)) for a, b in itertools.pairwise(sizes)]
    return [matrices[0], np.zeros(WIDTH), matrices[1], np.zeros(CLASSES)]


def network(x, w1, b1, w2, b2):
    """Logits of the classes; for NumPy too."""
    hidden = x @ w1 + b1
    return (hidden * (hidden > 0)) @ w2 + b2


def slopes_of(loss):
    """A compiled function of a batch and the weights: the loss, and its gradients by weight."""

    @TinyJit
    def slopes(images, targets, *weights):
        value = loss(targets, network(images, *weights))
        gradients = value.gradient(*weights)
        return value.realize(*gradients), *gradients

    return slopes


SLOPES = {name: slopes_of(loss) for name, loss in LOSSES.items()}


@TinyJit
def descend(weights, gradients):
    """A step of plain gradient descent, in place."""
    moved = [w.assign(w - RATE * g) for w, g in zip(weights, gradients, strict=True)]
    moved[0].realize(*moved[1:])


def tensors(arrays):
    """Tensors of tinygrad, in memory."""
    return [Tensor(x).realize() for x in arrays]


def train(slopes, learn, held_out, steps=STEPS):
    """So many steps from the first weights; the compiled loss may be used again afterwards."""
    weights, losses = tensors(first_weights()), []
    for batch in batches(learn, steps):
        value, *gradients = slopes(*tensors(batch), *weights)
        losses.append(value.item())
        descend(weights, gradients)
    final = [w.numpy() for w in weights]
    right = network(held_out.images, *final).argmax(-1) == held_out.labels
    return Run(np.array(losses), final, float(right.mean()))


def report(runs, target):
    """The three runs, and the constant that is between them."""
    lines = [f"{'trained with':<26}{'first loss':>12}{'last loss':>12}{'held out, right':>18}"]
    for name, run in runs.items():
        losses = f"{run.losses[0]:>12.6f}{run.losses[-1]:>12.6f}"
        lines.append(f"{name:<26}{losses}{run.accuracy:>18.1%}")
    theirs, _, ours = runs.values()
    gaps = theirs.losses - ours.losses
    off = max(abs(a - b).max() for a, b in zip(theirs.weights, ours.weights, strict=True))
    facts = {
        f"cross-entropy - relative entropy, least of {len(gaps)}": f"{gaps.min():.12f} nats",
        "                                      most": f"{gaps.max():.12f} nats",
        "entropy of a target": f"{float(entropy(target)):.12f} nats",
        "weights trained with either": "equal to 1e-12" if off < 1e-12 else f"{off:.1e} apart",
    }
    return "\n".join([*lines, "", *(f"{name:<50}{fact:>18}" for name, fact in facts.items())])


def main():
    """Train three times and say what came of it."""
    learn, held_out = digits()
    with Context(NOOPT=1):  # to tune kernels this small takes longer than to run them
        runs = {name: train(slopes, learn, held_out) for name, slopes in SLOPES.items()}
    print(report(runs, smoothed(0)))
    return runs


if __name__ == "__main__":
    main()
