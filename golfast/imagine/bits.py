"""Two things that Numba has no word for: a popcount, and 64 cells as one word of bits.

Each is a few LLVM instructions that every machine can do and that the better ones do in one. Offsets are not checked:
the callers stay inside their arrays.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

Code = Callable[[Any, ir.IRBuilder, Any, Any], Any]
_WORD = ir.IntType(64)
_LANE = ir.IntType(32)
_CELLS = 64


def _instruction(function: Callable[..., tuple[Any, Code]]) -> Callable[..., Any]:
    return cast(Callable[..., Any], intrinsic(function))


@_instruction
def popcount(typing_context: Any, word: Any) -> tuple[Any, Code]:
    """Bits set in a uint64."""

    def code(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


@_instruction
def cells_at(typing_context: Any, source: Any, at: Any, above: Any, largest: Any) -> tuple[Any, Code]:
    """source[at : at + 64] of a contiguous array as two uint64, a bit for each cell: value > above, value > largest.

    A NaN sets its second bit. `above` and `largest` are of the array's own type, which is unsigned or floating.
    """

    def code(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        element = context.get_data_type(signature.args[0].dtype)
        vector = ir.VectorType(element, _CELLS)
        cells = _load(context, builder, signature, arguments, vector)
        above, largest = (_repeated(builder, argument, vector) for argument in arguments[2:])
        if isinstance(element, ir.IntType):
            alive, odd = builder.icmp_unsigned(">", cells, above), builder.icmp_unsigned(">", cells, largest)
        else:  # a NaN is not alive, and odd
            alive, odd = builder.fcmp_ordered(">", cells, above), builder.fcmp_unordered(">", cells, largest)
        words = [builder.bitcast(bits, _WORD) for bits in (alive, odd)]
        return context.make_tuple(builder, signature.return_type, words)

    two_words: Any = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]
    return two_words(source, at, source.dtype, source.dtype), code


def _load(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any, kind: ir.Type) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    place = builder.gep(array.data, [arguments[1]])
    return builder.load(builder.bitcast(place, kind.as_pointer()), align=1)


def _repeated(builder: ir.IRBuilder, value: Any, vector: ir.VectorType) -> Any:
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_LANE, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_LANE, _CELLS), [0] * _CELLS))
