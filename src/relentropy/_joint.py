"""The verbs on joint distributions: two or three axes of one array.

A joint is described as any distribution is (an array of probabilities, `Counts`, `Logits`, ...);
its cells sum to 1 over all the axes named.
"""

import math
from typing import Any

from relentropy import _array
from relentropy._convert import as_distribution, prepare_one
from relentropy._scalar import INF
from relentropy._verbs import per_row
from relentropy.distributions.discrete import Discrete, Probs, Weights
from relentropy.exact.discrete import relative_entropy_of_weights
from relentropy.exact.shannon import entropy_of_discrete, probabilities

Array = Any


def mutual_information(
    joint: Any, /, *, axes: tuple[int, int] = (-2, -1), base: float | None = None
) -> Array:
    """I(X; Y) = D(P_XY || P_X P_Y): what one variable tells of the other, 0 if independent.

    Args:
        joint: the joint distribution, shape (..., X, Y).
        axes: the axes of X and Y.
        base: base of the logarithm; nats by default.

    >>> from relentropy import mutual_information
    >>> round(float(mutual_information([[0.5, 0.0], [0.0, 0.5]], base=2)), 15)
    1.0

    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., eq. 2.29.

    """

    def formula(p: Discrete) -> Array:
        p_xy = _table(p, shape)
        p_x, p_y = _sum(p_xy, -1)[..., :, None], _sum(p_xy, -2)[..., None, :]
        return _relative_entropy(p_xy, p_x * p_y, 2)

    prepared, valid, shape = _prepare_joint(joint, axes)
    return per_row(formula, (prepared,), valid, base)


def conditional_entropy(
    joint: Any, /, *, axes: tuple[int, int] = (-2, -1), base: float | None = None
) -> Array:
    """H(last | first) = Σ_x p(x) H(P(y|x)): what is left to learn of Y once X is known.

    Arguments as for `mutual_information`; H(Y) if independent, 0 if X determines Y.

    >>> from relentropy import conditional_entropy
    >>> float(conditional_entropy([[0.25, 0.25], [0.0, 0.5]], base=2))
    0.5

    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., eq. 2.10.
    """

    def formula(p: Discrete) -> Array:
        p_xy = _table(p, shape)
        xp, p_x = _array.namespace(p_xy), _sum(p_xy, -1)
        rows = xp.where((p_x > 0)[..., None], p_xy, 1.0)
        return xp.sum(p_x * entropy_of_discrete(_weights(rows)), axis=-1)

    prepared, valid, shape = _prepare_joint(joint, axes)
    return per_row(formula, (prepared,), valid, base)


def conditional_mutual_information(
    joint: Any, /, *, axes: tuple[int, int, int] = (-3, -2, -1), base: float | None = None
) -> Array:
    """I(X; Y | Z) = Σ_z p(z) I(X; Y given z), with (X, Y, Z) = `axes`.

    >>> import numpy as np
    >>> from relentropy import conditional_mutual_information
    >>> xor = np.zeros((2, 2, 2))
    >>> xor[[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]] = 0.25
    >>> float(conditional_mutual_information(xor, base=2))
    1.0

    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., eq. 2.60.
    """

    def formula(p: Discrete) -> Array:
        p_xyz = _table(p, shape)
        xp = _array.namespace(p_xyz)
        p_xz, p_yz = _sum(p_xyz, -2)[..., :, None, :], _sum(p_xyz, -3)[..., None, :, :]
        p_z = _sum(p_xyz, (-3, -2))[..., None, None, :]
        product = p_xz * (p_yz / xp.where(p_z > 0, p_z, 1.0))
        return _relative_entropy(p_xyz, product, 3)

    prepared, valid, shape = _prepare_joint(joint, axes)
    return per_row(formula, (prepared,), valid, base)


def conditional_relative_entropy(
    p_joint: Any,
    q_joint: Any,
    /,
    *,
    axes: tuple[int, int] = (-2, -1),
    base: float | None = None,
) -> Array:
    """D(P_Y|X || Q_Y|X | P_X) = Σ_x p(x) D(P(y|x) || Q(y|x)), Y the last of `axes`.

    The chain rule: D(P_XY || Q_XY) is this plus D(P_X || Q_X). +inf where P has mass and Q none;
    an x that P never shows costs nothing.

    >>> from relentropy import conditional_relative_entropy
    >>> float(conditional_relative_entropy([[0.5, 0.0], [0.25, 0.25]], [[0.25, 0.25]] * 2, base=2))
    0.5

    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., eq. 2.65.
    """

    def formula(p: Discrete, q: Discrete) -> Array:
        p_xy, q_xy = _table(p, shape), _table(q, shape)
        xp, p_x, q_x = _array.namespace(p_xy), _sum(p_xy, -1), _sum(q_xy, -1)
        both = ((p_x > 0) & (q_x > 0))[..., None]
        rows = (_weights(xp.where(both, w, 1.0)) for w in (p_xy, q_xy))
        d = relative_entropy_of_weights(*rows)
        d = xp.where(both[..., 0], d, xp.where(p_x > 0, INF, xp.zeros_like(d)))
        return xp.sum(xp.where(p_x > 0, p_x, 0.0) * xp.where(p_x > 0, d, 0.0), axis=-1)

    p, valid_p, shape = _prepare_joint(p_joint, axes, "p_joint")
    q, valid_q, shape_q = _prepare_joint(q_joint, axes, "q_joint")
    if shape != shape_q:
        raise ValueError(f"p_joint has cells {shape} and q_joint {shape_q}; they must be the same")
    _array.namespace(p.values, q.values)
    valid = valid_p if valid_q is None else valid_q if valid_p is None else valid_p & valid_q
    values_p, values_q = _array.promote(p.values, q.values)
    return per_row(formula, (p.with_values(values_p), q.with_values(values_q)), valid, base)


def _prepare_joint(
    joint: Any, axes: tuple[int, ...], name: str = "joint"
) -> tuple[Discrete, Any, tuple[int, ...]]:
    """The joint with its axes moved to the end and flattened, which rows are valid, their shape."""
    x = as_distribution(joint, name=name)
    values = _array.native(x.values)
    n = len(values.shape)
    if n < len(axes) or len({axis % n for axis in axes}) < len(axes):
        raise ValueError(
            f"{name} of shape {tuple(values.shape)} has no axes {axes}; expected "
            f"{len(axes)} different axes, one for each variable"
        )
    xp = _array.namespace(values)
    values = xp.moveaxis(values, axes, tuple(range(-len(axes), 0)))
    shape = tuple(values.shape[-len(axes) :])
    flat = xp.reshape(values, (*values.shape[: -len(axes)], math.prod(shape)))
    prepared, valid = prepare_one(x.with_values(flat), name=name)
    return prepared, valid, shape


def _sum(x: Array, axis: int | tuple[int, ...]) -> Array:
    return _array.namespace(x).sum(x, axis=axis)


def _table(x: Discrete, shape: tuple[int, ...]) -> Array:
    """Normalised probabilities in the shape of the joint."""
    p = probabilities(x)
    return _array.namespace(p).reshape(p, (*p.shape[:-1], *shape))


def _weights(values: Array) -> Weights:
    """Rows of weights that need not sum to 1."""
    weights = object.__new__(Weights)
    weights.values, weights.labels, weights.validate = values, None, False
    return weights


def _relative_entropy(p: Array, q: Array, axes: int) -> Array:
    xp = _array.namespace(p)
    flat = (Probs(xp.reshape(x, (*x.shape[:-axes], math.prod(x.shape[-axes:])))) for x in (p, q))
    return relative_entropy_of_weights(*flat)
