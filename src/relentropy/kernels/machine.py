"""What the kernels need of numba: compiled, cached where that can be, and the bits of floats.

Importing this imports numba, which takes half a second; `relentropy.kernels.door` decides when.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic

F = TypeVar("F", bound=Callable[..., Any])

FOLDER = Path(__file__).parent

FUSED = {"contract"}
"""a·b + c in one rounding, where the processor has it: never less exact in what is here."""

OPTIONS: dict[str, Any] = {"fastmath": FUSED, "error_model": "numpy"}


FACTS = types.Array(types.float64, 2, "C")
REAL = types.float64


def results(held: Any, axes: int) -> Any:
    """Arrays of what is computed from rows of a dtype: float64 from itself, float32 from others."""
    number = numba.from_dtype(held)
    return types.Array(number if number is types.float64 else types.float32, axes, "C")


def room(held: Any) -> Any:
    """What `relentropy.kernels.rows.new_room` makes."""
    return types.Tuple((results(held, 1), types.Array(REAL, 2, "C"), types.Array(REAL, 1, "C")))


TOLERANCES = types.UniTuple(REAL, 2)
"""How far the sums of rows of P and of Q may miss 1: what loops of values take before `out`."""


def compiled(
    function: Callable[..., Any], held: Any, parameters: tuple[Any, ...], axes: int = 1
) -> Callable[..., None]:
    """A loop over rows of one dtype: kept on disk where that can be, free of Python's lock.

    It takes (a, b, *parameters, out, first row, last row), where out has one axis or two. The rows
    are declared read-only, so that those that are need no program of their own.
    """
    try:
        made = numba.njit(nogil=True, cache=True, **OPTIONS)(function)
    except RuntimeError:  # numba found no folder that it may write to
        made = numba.njit(nogil=True, **OPTIONS)(function)
    heed_all_sources(made)
    number = numba.from_dtype(held)
    rows = types.Array(number, 2, "C", readonly=True)
    out = results(held, axes)
    with suppress(OSError):  # a full disk: it is made all the same
        made.compile((rows, rows, *parameters, out, types.int64, types.int64))
    made.disable_compile()
    loop: Callable[..., None] = made
    return loop


def heed_all_sources(made: Any) -> None:
    """Let what is kept on disk be forgotten when any file of the kernels has changed.

    numba asks about the file of the function alone, and would go on with what that once called.
    """
    stamps = [(f.name, (s := f.stat()).st_mtime, s.st_size) for f in FOLDER.glob("*.py")]
    index: Any = getattr(getattr(made, "_cache", None), "_cache_file", None)
    if hasattr(index, "_source_stamp"):
        index._source_stamp = tuple(sorted(stamps))


INSIDE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **OPTIONS}
"""Of what only kernels call: without a way in from Python it is compiled sooner."""


def scalar(function: F) -> F:
    """A function of a few numbers, which disappears in the loop that calls it."""
    compiled: F = numba.njit(forceinline=True, **INSIDE)(function)
    return compiled


def section(function: F) -> F:
    """A piece of a kernel that has loops of its own."""
    compiled: F = numba.njit(**INSIDE)(function)
    return compiled


def frame(function: F) -> F:
    """What calls sections: it becomes part of its caller before anything is compiled.

    Otherwise the sections within would be optimised once more at every level of calls.
    """
    compiled: F = numba.njit(inline="always", **INSIDE)(function)
    return compiled


def intrinsic(build: Callable[..., Any]) -> Callable[..., Any]:
    """A few instructions, written out."""
    written: Callable[..., Any] = numba_intrinsic(build)
    return written


REORDERED = ("contract", "reassoc")
"""Sums in any order. For `add` alone: anywhere else (a - b) - m would become a - (b + m)."""


@intrinsic
def add(context: Any, total: Any, x: Any) -> Any:
    """The sum, where its order does not matter: then the loop takes many at once."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=REORDERED)

    return total(total, x), build


@intrinsic
def counted(context: Any, total: Any, cell: Any) -> Any:
    """The total, one more if `cell` is true; exact in any order."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        one, none = (ir.Constant(arguments[0].type, x) for x in (1.0, 0.0))
        more = builder.select(arguments[1], one, none)
        return builder.fadd(arguments[0], more, flags=("fast",))

    return total(total, types.boolean), build


@intrinsic
def where(context: Any, condition: Any, x: Any, y: Any) -> Any:
    """The first where the condition holds, without a branch: LLVM keeps some that it is given."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(*arguments)

    return x(types.boolean, x, x), build


@intrinsic
def constant(context: Any, like: Any, single: Any, double: Any) -> Any:
    """A number in the dtype of `like`: the first for float32, the second for float64."""
    signature = like(like, types.float64, types.float64)

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, single, double = arguments
        return builder.fptrunc(single, ir.FloatType()) if like is types.float32 else double

    return signature, build


def _bits(x: Any) -> tuple[ir.IntType, int]:
    """The integer as wide as a float, and how many of its bits are the fraction."""
    return (ir.IntType(32), 23) if x is types.float32 else (ir.IntType(64), 52)


def polynomial(single: Sequence[float], double: Sequence[float]) -> Callable[[Any], Any]:
    """c₀ + c₁ x + c₂ x² + …, by Horner's rule, with the coefficients for the dtype of x."""

    @intrinsic
    def value(context: Any, x: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (at,) = arguments
            coefficients = single if x is types.float32 else double
            total, *rest = (ir.Constant(at.type, c) for c in reversed(coefficients))
            for c in rest:
                product = builder.fmul(at, total, flags=("contract",))
                total = builder.fadd(c, product, flags=("contract",))
            return total

        return x(x), build

    return value


@intrinsic
def power(context: Any, t: Any, single: Any, double: Any) -> Any:
    """2^k, from k in the lowest bits of t, with `single` or `double` added to k."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer, fraction = _bits(t)
        one = (1 << (integer.width - fraction - 2)) - 1
        k = builder.bitcast(arguments[0], integer)
        more = builder.trunc(arguments[1], integer) if integer.width == 32 else arguments[2]
        exponent = builder.add(k, builder.add(more, ir.Constant(integer, one)))
        shifted = builder.shl(exponent, ir.Constant(integer, fraction))
        return builder.bitcast(shifted, arguments[0].type)

    return t(t, types.int64, types.int64), build


@intrinsic
def fused(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c in one rounding, which is counted on: `FUSED` only allows it."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return c(c, c, c), build


def _from_two_thirds(builder: Any, x: Any, t: Any) -> tuple[Any, int, int]:
    """The bits of t, raised so that the exponent changes at 2/3 · 2^k; those of 1 and of 2/3."""
    integer, fraction = _bits(x)
    one, two_thirds = (
        (0x3F800000, 0x3F2AAAAB) if fraction == 23 else (1023 << 52, 0x3FE5555555555555)
    )
    raised = builder.add(builder.bitcast(t, integer), ir.Constant(integer, one - two_thirds))
    return raised, one, two_thirds


@intrinsic
def mantissa(context: Any, x: Any) -> Any:
    """The m of x = 2^k m, 2/3 <= m < 4/3, for normal x > 0."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        raised, _, two_thirds = _from_two_thirds(builder, x, arguments[0])
        integer, fraction = _bits(x)
        kept = builder.and_(raised, ir.Constant(integer, (1 << fraction) - 1))
        return builder.bitcast(
            builder.add(kept, ir.Constant(integer, two_thirds)), arguments[0].type
        )

    return x(x), build


@intrinsic
def exponent(context: Any, x: Any) -> Any:
    """The k of x = 2^k m, 2/3 <= m < 4/3, for normal x > 0: in the last bits of 2^fraction + k."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        raised, one, _ = _from_two_thirds(builder, x, arguments[0])
        integer, fraction = _bits(x)
        bias = one >> fraction
        k = builder.lshr(raised, ir.Constant(integer, fraction))
        written = builder.or_(k, ir.Constant(integer, (bias + fraction) << fraction))
        float_type = arguments[0].type
        return builder.fsub(
            builder.bitcast(written, float_type), ir.Constant(float_type, 2.0**fraction + bias)
        )

    return x(x), build


@intrinsic
def rank(context: Any, x: Any) -> Any:
    """An integer that grows with x, so that a maximum is one of integers.

    A maximum of floats has to say what NaN does, and then does not take many at once.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer, _ = _bits(x)
        return _flipped(builder, builder.bitcast(arguments[0], integer))

    return (types.int32 if x is types.float32 else types.int64)(x), build


@intrinsic
def of_rank(context: Any, i: Any) -> Any:
    """The float of that rank."""
    number = types.float32 if i is types.int32 else types.float64

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(_flipped(builder, arguments[0]), context.get_value_type(number))

    return number(i), build


def _flipped(builder: Any, i: Any) -> Any:
    """Negative numbers with all bits but the sign flipped; its own inverse."""
    sign = builder.ashr(i, ir.Constant(i.type, i.type.width - 1))
    return builder.xor(i, builder.lshr(sign, ir.Constant(i.type, 1)))


@intrinsic
def larger(context: Any, i: Any, j: Any) -> Any:
    """The larger of two integers, in their own width."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.icmp_signed(">", *arguments), *arguments)

    return i(i, i), build


@intrinsic
def load(context: Any, x: Any) -> Any:
    """A number as it is worked on: half precision, held as integers, becomes float32."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (bits,) = arguments
        if x is types.uint16:  # bfloat16 is the upper half of a float32
            wide = builder.zext(bits, ir.IntType(32))
            return builder.bitcast(builder.shl(wide, ir.Constant(wide.type, 16)), ir.FloatType())
        if x is types.int16:  # float16, by the instruction of the processor
            return builder.fpext(builder.bitcast(bits, ir.HalfType()), ir.FloatType())
        return bits

    return (types.float32 if x in (types.uint16, types.int16) else x)(x), build
