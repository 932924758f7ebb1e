"""Reading what a trainer hands over: one framework, one shape, one dtype, nothing masked looked at.

Values are checked wherever they can be looked at, which is everywhere but inside a trace
(`jax.jit`, `torch.compile`, `vmap`). Looking costs one synchronisation with the device a call.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from relentropy import _array

Array = Any

ROUNDING = {"float16": 2e-2, "bfloat16": 2e-2}
"""How far above 0 rounding may carry a log-probability; 1e-3 in the wider dtypes."""

NOT_LOG_PROBABILITIES = (
    "expected log-probabilities, which are numbers of at most 0; "
    "token_log_probs(logits, tokens) makes them from logits"
)


class Tokens(NamedTuple):
    """Arrays of one shape and dtype, tokens last, 0 where masked; `mask` is boolean."""

    xp: Any
    mask: Array
    arrays: tuple[Array, ...]


class Complaint(NamedTuple):
    """Where an argument is wrong, and what to say about it."""

    name: str
    values: Array
    bad: Array
    message: str


def token_log_probabilities(mask: Array | None, **named: Any) -> Tokens:
    """Log-probabilities of sampled tokens, (..., T) each, checked; half precision widens."""
    arrays = {name: floating(x, name) for name, x in named.items()}
    same_shape(arrays)
    xp = _array.namespace(*arrays.values())
    kept = boolean_mask(mask, arrays)
    complaints = []
    for name, x in arrays.items():
        limit = ROUNDING.get(_array.dtype_name(x), 1e-3)
        bad = kept & ~(_array.stop_gradient(x) <= limit)
        complaints.append(Complaint(name, x, bad, NOT_LOG_PROBABILITIES))
    refuse(xp, complaints)
    # Padding may hold anything, and NaN times 0 is NaN: it is replaced, not multiplied.
    safe = [xp.where(kept, x, 0.0) for x in _array.promote(*arrays.values())]
    return Tokens(xp, kept, tuple(safe))


def floating(x: Any, name: str) -> Array:
    """A floating array of a framework; lists of floats become NumPy's."""
    if isinstance(x, Sequence) and not isinstance(x, str):
        import numpy

        x = numpy.asarray(x)
    if _array.framework(x) is None:
        raise TypeError(f"{name} is {type(x).__name__}; expected {_array.FULLY_SUPPORTED}")
    _array.require_full_support(x, name)
    _array.require_floating(x, name)
    return x


def same_shape(arrays: dict[str, Array]) -> None:
    """One shape for all, with an axis of tokens."""
    (first, x), *others = arrays.items()
    if x.ndim == 0:
        raise ValueError(f"{first} is a single number; expected shape (..., T), tokens last")
    for name, y in others:
        if y.shape != x.shape:
            raise ValueError(
                f"{name} has shape {tuple(y.shape)} and {first} {tuple(x.shape)}; expected equal "
                "shapes: one number for the same token in each"
            )


def boolean_mask(mask: Array | None, arrays: dict[str, Array]) -> Array:
    """The mask as booleans of the shape of the arrays; all true for None."""
    first, x = next(iter(arrays.items()))
    xp = _array.namespace(x)
    if mask is None:
        return xp.ones_like(x, dtype=xp.bool)
    if isinstance(mask, Sequence):
        import numpy

        mask = numpy.asarray(mask)
    if _array.framework(mask) is None:
        raise TypeError(f"mask is {type(mask).__name__}; expected an array like {first}")
    _array.namespace(x, mask)  # raises for another framework
    if mask.shape != x.shape:
        raise ValueError(
            f"mask has shape {tuple(mask.shape)} and {first} {tuple(x.shape)}; expected equal "
            "shapes: 1 for the tokens that the policy chose, 0 for prompt and padding"
        )
    if mask.dtype == xp.bool:
        return mask
    kept = mask != 0
    if _array.known(xp.all(~kept | (mask == 1))) is False:
        raise ValueError(
            "mask has entries other than 0 and 1; to weigh tokens, multiply the penalty instead"
        )
    return kept


def refuse(xp: Any, complaints: Sequence[Complaint]) -> None:
    """Raise for the first bad value; one look at the device where there is none."""
    total = xp.any(complaints[0].bad)
    for complaint in complaints[1:]:
        total = total | xp.any(complaint.bad)
    if not _array.known(total):
        return
    for name, values, bad, message in complaints:
        if _array.known(xp.any(bad)):
            place = first_place(xp, bad)
            value = float(_array.stop_gradient(values[place]))
            where = f"[{', '.join(map(str, place))}]" if place else ""
            raise ValueError(f"{name}{where} is {value:.6g}: {message}")


def first_place(xp: Any, condition: Array) -> tuple[int, ...]:
    """The index of the first true entry."""
    flat = int(xp.argmax(_array.astype(xp.reshape(condition, (-1,)), xp.int32)))
    place = []
    for size in reversed(condition.shape):
        flat, digit = divmod(flat, size)
        place.append(digit)
    return tuple(reversed(place))


def one_of(value: Any, name: str, choices: Sequence[str]) -> None:
    """A ValueError that lists the choices."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(map(repr, choices))}")


def check_temperature(temperature: float) -> None:
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature is {temperature}; expected a positive number")
