"""Reading rows of logits: one distribution over the vocabulary (or the actions) a token."""

from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._scalar import INF
from relentropy.rl._inputs import (
    Complaint,
    boolean_mask,
    check_temperature,
    floating,
    refuse,
    same_shape,
)

Array = Any

NO_DISTRIBUTION = (
    "the largest logit of a row must be a finite number; write -inf only for what is ruled out, "
    "and mask rows that do not count"
)


class Rows(NamedTuple):
    """Logits (..., T, V) of one shape; `kept` (..., T) is boolean."""

    xp: Any
    kept: Array
    arrays: tuple[Array, ...]


def rows_of_logits(mask: Array | None, temperature: float = 1.0, **named: Any) -> Rows:
    """Logits of several policies at the same tokens, checked and `harmless`."""
    xp, kept, arrays = checked_logits(mask, temperature, **named)
    return Rows(xp, kept, harmless(kept, temperature, *arrays))


def checked_logits(mask: Array | None, temperature: float, **named: Any) -> Rows:
    """Logits of several policies at the same tokens, as they came."""
    arrays = {name: floating(x, name) for name, x in named.items()}
    same_vocabulary(arrays)
    same_shape(arrays)
    xp = _array.namespace(*arrays.values())
    check_temperature(temperature)
    kept = kept_rows(mask, arrays)
    refuse(xp, [no_distribution(xp, kept, name, x) for name, x in arrays.items()])
    return Rows(xp, kept, tuple(arrays.values()))


def harmless(kept: Array, temperature: float, *logits: Array) -> tuple[Array, ...]:
    """Logits over the temperature, in one dtype, half precision widened; 0 in masked rows."""
    xp = _array.namespace(kept)
    wide = _array.promote(*logits)
    return tuple(xp.where(kept[..., None], x, 0.0) / temperature for x in wide)


def each_row(f: Callable[..., Array], kept: Array, *arrays: Array) -> Array:
    """f(kept, *arrays), one value a token, over tokens in one axis and in blocks of them."""
    xp = _array.namespace(kept)
    rows = [xp.reshape(x, (-1, x.shape[-1])) for x in arrays]
    value = _array.by_row_blocks(lambda *xs: f(xs[-1], *xs[:-1]), *rows, xp.reshape(kept, (-1,)))
    return xp.reshape(value, kept.shape + value.shape[1:])


def same_vocabulary(arrays: dict[str, Array]) -> None:
    """A last axis, as long in one array as in the other."""
    (first, x), *others = arrays.items()
    for name, y in arrays.items():
        if y.ndim == 0 or y.shape[-1] == 0:
            raise ValueError(f"{name} has shape {tuple(y.shape)}; expected (..., V) with V >= 1")
    for name, y in others:
        if y.shape[:-1] == x.shape[:-1] and y.shape[-1] != x.shape[-1]:
            shorter = min(x.shape[-1], y.shape[-1])
            raise ValueError(
                f"{name} has {y.shape[-1]} cells in its last axis and {first} {x.shape[-1]}; they "
                f"must be the same in the same order: if one is padded, cut it, [..., :{shorter}]"
            )


def kept_rows(mask: Array | None, arrays: dict[str, Array]) -> Array:
    """The mask of the rows of the first array as booleans; all true for None."""
    first, x = next(iter(arrays.items()))
    return boolean_mask(mask, {f"{first}[..., 0]": x[..., 0]})


def no_distribution(xp: Any, kept: Array, name: str, x: Array) -> Complaint:
    """Kept rows with NaN or +inf in them, or nothing but -inf."""
    top = xp.max(_array.stop_gradient(x), axis=-1)
    return Complaint(name, top, kept & ~((top > -INF) & (top < INF)), NO_DISTRIBUTION)


def shown(xp: Any, mask: Array | None, kept: Array, x: Array, instead: Any) -> Array:
    """Rows x, with something harmless where they are masked; no copy where nothing is."""
    return x if mask is None else xp.where(kept[..., None], x, instead)
