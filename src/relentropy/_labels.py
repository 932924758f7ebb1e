"""Reading what people hand in: lists, arrays, mappings, labelled series; alignment by label."""

import sys
from collections.abc import Hashable, Mapping
from typing import Any

from relentropy import _array

Label = Hashable


def read_values(x: Any, kind: str) -> tuple[Any, tuple[Label, ...] | None]:
    """The array behind `x` and its labels, or None where `x` has none."""
    if _array.framework(x) is not None:
        return _plain_array(x, kind), None
    pairs = _labelled(x)
    if pairs is not None:
        labels, values = pairs
        if len(set(labels)) != len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            raise ValueError(f"{kind}: the label {twice!r} occurs more than once; add up its rows")
        stranger = next((v for v in values if _array.framework(v) not in (None, "numpy")), None)
        if stranger is not None:
            raise TypeError(
                f"{kind}: a mapping holds plain numbers, got a {_type_name(stranger)} among them; "
                "stack them and hand in the array, whose cells go by position"
            )
        return _from_list(values, kind), tuple(labels)
    if isinstance(x, list | tuple):
        return _from_list(x, kind), None
    raise TypeError(
        f"{kind}: cannot read {_type_name(x)}; expected "
        f"{_array.SUPPORTED}, a mapping from labels to numbers, or a pandas Series"
    )


def _type_name(x: Any) -> str:
    module, name = type(x).__module__, type(x).__qualname__
    return name if module == "builtins" else f"{module}.{name}"


def _plain_array(x: Any, kind: str) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(x, numpy.ma.MaskedArray):
        raise TypeError(
            f"{kind}: a masked array hides which cells count; pass x.data and where=~x.mask"
        )
    if len(_array.native(x).shape) == 0:
        raise ValueError(f"{kind}: a single number is no distribution; expected shape (..., K)")
    return x


def _from_list(values: Any, kind: str) -> Any:
    import numpy

    try:
        array = numpy.asarray(values)
    except ValueError:
        raise ValueError(
            f"{kind}: the rows have different lengths; expected a rectangular list of numbers"
        ) from None
    if array.dtype.kind in "USO":
        raise TypeError(f"{kind}: expected numbers, got {_first_stranger(array)!r} among them")
    return _plain_array(array, kind)


def _first_stranger(array: Any) -> Any:
    """The first entry that is not a number, to show in a message."""
    flat = array.ravel().tolist()
    return next((v for v in flat if not isinstance(v, int | float)), flat[0] if flat else None)


def _labelled(x: Any) -> tuple[list[Label], list[Any]] | None:
    """Labels and values of a mapping, a pandas Series, or polars value counts."""
    if isinstance(x, Mapping):
        return list(x.keys()), list(x.values())
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(x, pandas.Series):
        return x.index.tolist(), x.to_numpy()
    if polars is not None and isinstance(x, polars.Series):
        if not isinstance(x.dtype, polars.Struct):
            raise TypeError(
                "a polars Series has no labels: pass x.to_numpy() to go by position, or the frame "
                "x.value_counts() (inside Counts) to go by label"
            )
        x = x.struct.unnest()
    if polars is not None and isinstance(x, polars.DataFrame):
        if x.width != 2:
            raise TypeError(
                f"a polars frame of {x.width} columns is not labelled values; expected two, "
                "labels and numbers, as value_counts() makes them"
            )
        return x[:, 0].to_list(), x[:, 1].to_numpy()
    return None


def align(
    values_p: Any, labels_p: Any, missing_p: float, values_q: Any, labels_q: Any, missing_q: float
) -> tuple[Any, Any, tuple[Label, ...] | None]:
    """Both value arrays over the union of the labels; the first side's order comes first."""
    if labels_p is None and labels_q is None:
        return values_p, values_q, None
    if labels_p is None or labels_q is None:
        side, other = ("p", "q") if labels_p is None else ("q", "p")
        raise TypeError(
            f"{other} has labels and {side} has none, so they cannot be aligned; give both as "
            "mappings (or labelled series), or both as arrays"
        )
    if labels_p == labels_q:
        return values_p, values_q, labels_p
    union = tuple(dict.fromkeys((*labels_p, *labels_q)))
    return (
        _spread(values_p, labels_p, union, missing_p),
        _spread(values_q, labels_q, union, missing_q),
        union,
    )


def _spread(values: Any, labels: tuple[Label, ...], union: tuple[Label, ...], fill: float) -> Any:
    import numpy

    place = {label: i for i, label in enumerate(union)}
    if not _array.is_numpy(values):  # as leaves of a pytree, traced
        xp, known = _array.namespace(values), [label in labels for label in union]
        index = xp.asarray([labels.index(label) if label in labels else 0 for label in union])
        return xp.where(xp.asarray(known), xp.take_along_axis(values, index, axis=-1), fill)
    spread = numpy.full(len(union), fill, dtype=values.dtype)
    spread[[place[label] for label in labels]] = values
    return spread
