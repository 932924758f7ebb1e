"""Read the tables of families (families.json, scaled.json, slopes.json) and judge against them."""

import functools
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mpmath import mpf

import relentropy
from tests.backends import Backend

INF = math.inf


def _read(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


@functools.cache
def members() -> dict[str, list[dict[str, float]]]:
    """The members of each family that the table pairs."""
    table = _read("families.json")["members"]
    return {f: [{n: float(x) for n, x in m.items()} for m in ms] for f, ms in table.items()}


@functools.cache
def matrices() -> dict[tuple[str, str], list[list[str]]]:
    """D(P||Q) of all members of two families: rows for P, columns for Q."""
    return {(p, q): matrix for p, q, matrix in _read("families.json")["values"]}


class Scaled(NamedTuple):
    """A member, and the same with one parameter changed; D from the one to the other and back."""

    family: str
    member: dict[str, float]
    parameter: str
    scaled: float
    dtype: str
    there: str
    back: str

    @property
    def other(self) -> dict[str, float]:
        return self.member | {self.parameter: self.scaled}


@functools.cache
def scaled() -> tuple[Scaled, ...]:
    return tuple(Scaled(*row) for row in _read("scaled.json"))


class Slopes(NamedTuple):
    """The derivatives of D(P||Q) towards the parameters of P and of Q, null where there is none."""

    p: str
    p_member: dict[str, float]
    q: str
    q_member: dict[str, float]
    of_p: dict[str, str | None]
    of_q: dict[str, str | None]


@functools.cache
def slopes() -> tuple[Slopes, ...]:
    return tuple(Slopes(*row) for row in _read("slopes.json"))


def made(xp: Backend, family: str, member: dict[str, Any], dtype: str = "float64") -> Any:
    """The distribution of that name, its parameters arrays of the framework."""
    arrays = {name: xp.array(x, dtype) for name, x in member.items()}
    return getattr(relentropy, family)(**arrays)


def column(family: str) -> dict[str, np.ndarray]:
    """All members of a family as one batch of shape (members, 1)."""
    rows = members()[family]
    return {name: np.array([[row[name]] for row in rows]) for name in rows[0]}


def row(family: str) -> dict[str, np.ndarray]:
    """All members of a family as one batch of shape (members,)."""
    return {name: x[:, 0] for name, x in column(family).items()}


def complaint(value: float, expected: str, rtol: float = 1e-9, atol: float = 1e-15) -> str | None:
    """What is wrong with the value, or None. Nothing is negative or NaN; inf and "0" are exact.

    "0.0" is the divergence of one distribution by the names of two families.
    """
    if expected in ("inf", "0"):
        right = value == float(expected)
    else:
        error = abs(mpf(value) - mpf(expected)) if math.isfinite(value) else INF
        right = value >= 0 and error <= rtol * mpf(expected) + atol
    if right:
        return None
    relative = ""
    if expected not in ("inf", "0", "0.0") and math.isfinite(value):
        relative = f", off by {float(abs(mpf(value) / mpf(expected) - 1)):.1e}"
    return f"got {value!r}, expected {expected}{relative}"


def shown(family: str, member: dict[str, float]) -> str:
    return f"{family}({', '.join(f'{n}={x!r}' for n, x in member.items())})"
