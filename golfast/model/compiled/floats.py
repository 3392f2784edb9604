"""Sixteen float32 as one value, and rows or pairs of bfloat16 as two of them.

What `golfast.vector` is for words: a Numba type that compiled code can hold in a register, each operation a line or
two of LLVM IR. A bfloat16 is the upper half of a float32, so an array of them is one of uint16.
"""

from collections.abc import Callable
from typing import Any, cast

import numba
import numba.core.cgutils
import numba.extending
from llvmlite import ir
from numba.extending import models, register_model

types: Any = numba.types
cgutils: Any = numba.core.cgutils

LANES = 16

_I1, _I16, _I32, _FLOAT = ir.IntType(1), ir.IntType(16), ir.IntType(32), ir.FloatType()
_FLOATS = ir.VectorType(_FLOAT, LANES)
_BITS = ir.VectorType(_I32, LANES)
_ROW = ir.VectorType(_I16, 2 * LANES)
_TRUTHS = ir.VectorType(_I1, LANES)


class _Bfloat(ir.types.Type):  # type: ignore[misc]
    """LLVM's bfloat, which llvmlite does not name."""

    def __str__(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bfloat)

    def __hash__(self) -> int:
        return hash(_Bfloat)


BFLOAT = _Bfloat()


class FloatsType(numba.types.Type):
    """Numba's type of sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="Floats(16 x float32)")


floats = FloatsType()


@register_model(FloatsType)
class _FloatsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)  # type: ignore[no-untyped-call]


def _operation(function: Callable[..., Any]) -> Callable[..., Any]:
    return cast(Callable[..., Any], numba.extending.intrinsic(function))


def _literal_operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, given the values of arguments that are constants."""
    return cast(Callable[..., Any], numba.extending.intrinsic(prefer_literal=True)(function))


@_operation
def splat(context: Any, number: Any) -> Any:
    """The same number in every lane."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        one = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), arguments[0], _I32(0))
        return builder.shuffle_vector(one, one, ir.Constant(_BITS, [0] * LANES))

    return floats(types.float32), code


@_operation
def first(context: Any, number: Any) -> Any:
    """A number in the first lane, and zeros."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.insert_element(ir.Constant(_FLOATS, [0.0] * LANES), arguments[0], _I32(0))

    return floats(types.float32), code


@_operation
def load(context: Any, array: Any, index: Any) -> Any:
    """Sixteen numbers of a flat float32 array, from `index` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(builder, _address(context, builder, signature, arguments, _FLOATS))

    return floats(array, types.intp), code


@_operation
def store(context: Any, array: Any, index: Any, value: Any) -> Any:
    """Put sixteen numbers into a flat float32 array, from `index` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(context, builder, signature, arguments, _FLOATS)).align = 4
        return context.get_dummy_value()

    return types.void(array, types.intp, floats), code


def _binary(operation: str, text: str) -> Any:
    def typed(context: Any, a: Any, b: Any) -> Any:
        return floats(floats, floats), lambda context, builder, signature, arguments: getattr(builder, operation)(
            *arguments
        )

    typed.__doc__ = text
    return _operation(typed)


add = _binary("fadd", "a + b.")
multiply = _binary("fmul", "a * b.")


@_operation
def larger(context: Any, a: Any, b: Any) -> Any:
    """The larger of two numbers, lane by lane."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return floats(floats, floats), code


@_operation
def positive(context: Any, value: Any) -> Any:
    """Which lanes are above 0: bit k of a uint32 for lane k."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        truths = builder.fcmp_ordered(">", arguments[0], ir.Constant(_FLOATS, [0.0] * LANES))
        return builder.zext(builder.bitcast(truths, ir.IntType(LANES)), _I32)

    return types.uint32(floats), code


@_operation
def choose(context: Any, bits: Any, a: Any, b: Any) -> Any:
    """Lane k of a where bit k of a uint32 is set, of b elsewhere."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        truths = builder.bitcast(builder.trunc(arguments[0], ir.IntType(LANES)), _TRUTHS)
        return builder.select(truths, arguments[1], arguments[2])

    return floats(types.uint32, floats, floats), code


@_operation
def total(context: Any, value: Any) -> Any:
    """The sum of the lanes, by halves."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, count = arguments[0], LANES
        while count > 1:
            count //= 2
            halves = [
                builder.shuffle_vector(value, value, ir.Constant(ir.VectorType(_I32, count), [*range(k, k + count)]))
                for k in (0, count)
            ]
            value = builder.fadd(*halves)
        return builder.extract_element(value, _I32(0))

    return types.float32(floats), code


@_operation
def load_pairs(context: Any, array: Any, index: Any) -> Any:
    """Sixteen pairs of bfloat16, words of a flat uint32 array from `index` on, as (the lower ones, the upper ones)."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words = _load(builder, _address(context, builder, signature, arguments, _BITS))
        low = builder.shl(words, ir.Constant(_BITS, [16] * LANES))
        high = builder.and_(words, ir.Constant(_BITS, [0xFFFF0000] * LANES))
        halves = [builder.bitcast(half, _FLOATS) for half in (low, high)]
        return context.make_tuple(builder, signature.return_type, halves)

    return types.UniTuple(floats, 2)(array, types.intp), code


@_operation
def round_pairs(context: Any, low: Any, high: Any) -> Any:
    """Round two times sixteen numbers to bfloat16, for `store_pairs_of` and `store_rows_of`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        order = ir.Constant(ir.VectorType(_I32, 2 * LANES), list(range(2 * LANES)))
        wide = builder.shuffle_vector(*arguments, order)
        rounded = builder.fptrunc(wide, ir.VectorType(BFLOAT, 2 * LANES))
        return builder.bitcast(rounded, _FLOATS)

    return floats(floats, floats), code


@_operation
def store_pairs_of(context: Any, array: Any, index: Any, rounded: Any) -> Any:
    """Put what `round_pairs` made into a flat uint32 array, from `index` on: sixteen words of a low and a high one."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = builder.bitcast(arguments[2], _ROW)
        order = [k for lane in range(LANES) for k in (lane, LANES + lane)]
        pairs = builder.shuffle_vector(row, row, ir.Constant(ir.VectorType(_I32, 2 * LANES), order))
        builder.store(pairs, _address(context, builder, signature, arguments, _ROW)).align = 4
        return context.get_dummy_value()

    return types.void(array, types.intp, floats), code


@_operation
def store_rows_of(context: Any, array: Any, index: Any, stride: Any, rounded: Any) -> Any:
    """Put what `round_pairs` made into a flat uint16 array: the low ones from `index` on, the high ones `stride` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, half = builder.bitcast(arguments[3], _ROW), ir.VectorType(_I16, LANES)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.gep(data, [arguments[1]])
        for first, address in ((0, place), (LANES, builder.gep(place, [arguments[2]]))):
            order = ir.Constant(_BITS, [*range(first, first + LANES)])
            part = builder.shuffle_vector(row, row, order)
            builder.store(part, builder.bitcast(address, half.as_pointer())).align = 2
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, floats), code


@_operation
def load_row(context: Any, array: Any, index: Any) -> Any:
    """32 bfloat16 of a flat uint16 array, from `index` on, as (the first sixteen, the others)."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = _load(builder, _address(context, builder, signature, arguments, _ROW))
        zero = ir.Constant(_ROW, [0] * 2 * LANES)
        halves = []
        for first in (0, LANES):
            # The bits of a bfloat16 above sixteen zeros are those of a float32.
            order = [k for lane in range(LANES) for k in (2 * LANES, first + lane)]
            wide = builder.shuffle_vector(row, zero, ir.Constant(ir.VectorType(_I32, 2 * LANES), order))
            halves.append(builder.bitcast(wide, _FLOATS))
        return context.make_tuple(builder, signature.return_type, halves)

    return types.UniTuple(floats, 2)(array, types.intp), code


@_operation
def store_row(context: Any, array: Any, index: Any, low: Any, high: Any) -> Any:
    """Round two times sixteen numbers to bfloat16 and put them into a flat uint16 array, from `index` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        order = ir.Constant(ir.VectorType(_I32, 2 * LANES), list(range(2 * LANES)))
        wide = builder.shuffle_vector(arguments[2], arguments[3], order)
        row = builder.bitcast(builder.fptrunc(wide, ir.VectorType(BFLOAT, 2 * LANES)), _ROW)
        builder.store(row, _address(context, builder, signature, arguments, _ROW)).align = 2
        return context.get_dummy_value()

    return types.void(array, types.intp, floats, floats), code


@_literal_operation
def store_pairs(context: Any, array: Any, index: Any, first: Any, count: Any, other: Any, where: Any) -> Any:
    """Interleave some channels (literals) of rows array[index:] and array[index + 32:], to other[where:]."""
    channels = range(first.literal_value, first.literal_value + count.literal_value)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature, arguments, _ROW)
        rows = [_load(builder, builder.gep(address, [_I32(k)])) for k in range(2)]
        order = [k for lane in channels for k in (lane, 2 * LANES + lane)]
        pairs = builder.shuffle_vector(*rows, ir.Constant(ir.VectorType(_I32, len(order)), order))
        data = context.make_array(signature.args[4])(context, builder, arguments[4]).data
        builder.store(pairs, builder.bitcast(builder.gep(data, [arguments[5]]), pairs.type.as_pointer())).align = 2
        return context.get_dummy_value()

    return types.void(array, types.intp, first, count, other, types.intp), code


@_operation
def transpose_pixels(context: Any, array: Any, index: Any, other: Any, where: Any, stride: Any, wide: Any) -> Any:
    """Transpose 32 rows of 32 bfloat16, array[index:], to rows `stride` elements apart from other[where:].

    32 pixels with their channels become 32 channels with their pixels, or the first 16 of them unless `wide`.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature, arguments, _BITS)
        # As pairs of channels, sixteen pixels at a time; then the pairs are taken apart.
        halves = [
            _transposed(builder, [_load(builder, builder.gep(address, [_I32(first + k)])) for k in range(LANES)])
            for first in (0, LANES)
        ]
        data = context.make_array(signature.args[2])(context, builder, arguments[2]).data

        def put(pairs: range) -> None:
            for pair in pairs:
                words = [builder.bitcast(half[pair], _ROW) for half in halves]
                for odd in range(2):
                    order = ir.Constant(ir.VectorType(_I32, 2 * LANES), [2 * k + odd for k in range(2 * LANES)])
                    channel = builder.mul(arguments[4], ir.Constant(arguments[4].type, 2 * pair + odd))
                    place = builder.gep(data, [builder.add(arguments[3], channel)])
                    row = builder.shuffle_vector(*words, order)
                    builder.store(row, builder.bitcast(place, _ROW.as_pointer())).align = 2

        put(range(LANES // 2))
        with builder.if_then(arguments[5]):
            put(range(LANES // 2, LANES))
        return context.get_dummy_value()

    return types.void(array, types.intp, other, types.intp, types.intp, types.boolean), code


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Sixteen vectors as a 16x16 matrix of words, transposed: rows 1, 2, 4 and 8 apart exchange parts."""
    for apart in (1, 2, 4, 8):
        result = list(rows)
        for i in range(LANES):
            if not i & apart:
                low = [k if not k & apart else LANES + k - apart for k in range(LANES)]
                high = [k + apart if not k & apart else LANES + k for k in range(LANES)]
                result[i] = builder.shuffle_vector(rows[i], rows[i + apart], ir.Constant(_BITS, low))
                result[i + apart] = builder.shuffle_vector(rows[i], rows[i + apart], ir.Constant(_BITS, high))
        rows = result
    return rows


def _address(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any) -> Any:
    """The address of argument 0, an array, at argument 1, as a pointer to `kind`."""
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.bitcast(builder.gep(data, [arguments[1]]), kind.as_pointer())


def _load(builder: Any, address: Any) -> Any:
    value = builder.load(address)
    value.align = 2
    return value
