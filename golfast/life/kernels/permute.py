"""Moving bytes about in a vector: one instruction where the CPU has AVX-512 VBMI, and not to be had elsewhere."""

from typing import Any

from llvmlite import ir

from golfast.vector import (
    _BYTES,
    _I32,
    _I64,
    _WORDS,
    LANES,
    _address,
    _load,
    _operation,
    _shuffle,
    cgutils,
    cpu_has,
    types,
    vector,
)

HAS_PERMUTE = cpu_has("avx512vbmi") and cpu_has("avx512vbmi2")


def _byte_operation(name: str, builder: Any, a: Any, b: Any) -> Any:
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_BYTES, [_BYTES, _BYTES]), name)
    return builder.bitcast(builder.call(function, [builder.bitcast(a, _BYTES), builder.bitcast(b, _BYTES)]), _WORDS)


@_operation
def permute_bytes(context: Any, value: Any, places: Any) -> Any:
    """Byte i of the result is byte places[i] of `value`, the lowest byte of lane 0 being byte 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _byte_operation("llvm.x86.avx512.permvar.qi.512", builder, arguments[0], arguments[1])

    return vector(vector, vector), code


@_operation
def pick_bits(context: Any, value: Any, places: Any) -> Any:
    """Byte i of each word of the result is the eight bits from bit places[i] (0 to 63) of the word, round its end."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _byte_operation("llvm.x86.avx512.pmultishift.qb.512", builder, arguments[1], arguments[0])

    return vector(vector, vector), code


@_operation
def lanes_up(context: Any, value: Any) -> Any:
    """The word of each lane in the next one, and 0 in the first."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(_WORDS, [0] * LANES)
        return _shuffle(builder, arguments[0], zero, [LANES, *range(LANES - 1)])

    return vector(vector), code


@_operation
def lanes_down(context: Any, value: Any) -> Any:
    """The word of each lane in the one before it, and 0 in the last."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _shuffle(builder, arguments[0], ir.Constant(_WORDS, [0] * LANES), list(range(1, LANES + 1)))

    return vector(vector), code


@_operation
def load_pair(context: Any, array: Any, index: Any) -> Any:
    """Two words of a flat uint64 array, from `index` on, in turn in all lanes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.VectorType(_I64, 2)
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], kind)
        pair = _load(builder, address, align=8)
        order = ir.Constant(ir.VectorType(_I32, LANES), [k % 2 for k in range(LANES)])
        return builder.shuffle_vector(pair, pair, order)

    return vector(array, types.intp), code


@_operation
def even_lanes(context: Any, a: Any, b: Any) -> Any:
    """Lanes 0, 2, 4, 6 of two vectors, in turn: a0, b0, a2, b2..."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _shuffle(builder, arguments[0], arguments[1], [k // 2 * 2 + k % 2 * LANES for k in range(LANES)])

    return vector(vector, vector), code


@_operation
def odd_lanes(context: Any, a: Any, b: Any) -> Any:
    """Lanes 1, 3, 5, 7 of two vectors, in turn: a1, b1, a3, b3..."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _shuffle(builder, arguments[0], arguments[1], [k // 2 * 2 + 1 + k % 2 * LANES for k in range(LANES)])

    return vector(vector, vector), code
