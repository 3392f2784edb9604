"""Eight 64-bit words as one value: a vector register that compiled code can hold in a local variable.

Numba has no such type, so this file makes one, with the operations that the kernels need, each a line of LLVM IR. What
a vector becomes is LLVM's affair: one 512-bit register where the CPU has AVX-512, two or four narrower ones elsewhere.
Only `ternary` looks at the CPU: where there is a three-input logic instruction it is that, and elsewhere it is spelled
out.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numba.core.cgutils
import numba.extending
import numpy as np
from llvmlite import binding, ir
from numba.extending import models, register_model
from numpy.typing import NDArray

from golfast.jit import kernel

types: Any = numba.types
cgutils: Any = numba.core.cgutils

Number = TypeVar("Number", bound=np.generic)

LANES = 8
VECTOR_BYTES = 64

_I1, _I8, _I32, _I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
_WORDS = ir.VectorType(_I64, LANES)
_BYTES = ir.VectorType(_I8, VECTOR_BYTES)


def cpu_has(feature: str) -> bool:
    """Whether Numba compiles for a CPU with this feature, by LLVM's name: for this one, if it was not told another.

    It is told by NUMBA_CPU_NAME=generic or NUMBA_CPU_FEATURES, for code that other machines are to find on a shared
    disk. An instruction that such a CPU has not would end the process.
    """
    settings: Any = numba.config
    told: str | None = settings.CPU_FEATURES
    if told is not None:
        return f"+{feature}" in told.split(",")
    return bool(binding.get_host_cpu_features().get(feature))


_HAS_TERNARY = cpu_has("avx512f")

# Truth tables for `ternary`: bit (4a + 2b + c) is the result for inputs a, b, c.
XOR3 = 0x96
MAJORITY = 0xE8
SELECT = 0xCA  # a ? b : c
ADD_MASKED = 0xF8  # a | (b & c)


class VectorType(numba.types.Type):
    """Numba's type of eight words."""

    def __init__(self) -> None:
        super().__init__(name="Vector(8 x uint64)")


vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _WORDS)  # type: ignore[no-untyped-call]


def _operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """An intrinsic, seen by a type checker as what kernels call and not as what is written here."""
    return cast(Callable[..., Any], numba.extending.intrinsic(function))


def _literal_operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, given the values of arguments that are constants."""
    return cast(Callable[..., Any], numba.extending.intrinsic(prefer_literal=True)(function))


@_operation
def splat(context: Any, word: Any) -> Any:
    """The same word (uint64) in every lane."""
    return vector(types.uint64), lambda context, builder, signature, arguments: _splat(builder, arguments[0])


@_operation
def ramp(context: Any) -> Any:
    """0, 1, 2... in the lanes."""
    return vector(), lambda context, builder, signature, arguments: ir.Constant(_WORDS, list(range(LANES)))


@_operation
def load(context: Any, array: Any, index: Any) -> Any:
    """Eight words of a flat uint64 array, from `index` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], _WORDS)
        return _load(builder, address, align=8)

    return vector(array, types.intp), code


@_operation
def store(context: Any, array: Any, index: Any, value: Any) -> Any:
    """Put eight words into a flat uint64 array, from `index` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], _WORDS)
        builder.store(arguments[2], address).align = 8
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), code


@_operation
def load_word(context: Any, array: Any, offset: Any) -> Any:
    """Eight bytes of a flat uint8 array as a word, the first byte lowest; `offset` need not be a multiple of 8."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, offset = arguments
        return _load(builder, _address(context, builder, signature.args[0], array, offset, _I64), align=1)

    return types.uint64(array, types.intp), code


@_operation
def store_word(context: Any, array: Any, offset: Any, word: Any) -> Any:
    """The opposite of `load_word`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, offset, word = arguments
        builder.store(word, _address(context, builder, signature.args[0], array, offset, _I64)).align = 1
        return context.get_dummy_value()

    return types.void(array, types.intp, types.uint64), code


@_operation
def load_bytes(context: Any, array: Any, offset: Any, count: Any) -> Any:
    """`count` bytes (0 to 64) of a flat uint8 array, from `offset` on; the other bytes of the vector are 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], _BYTES)
        kind = ir.FunctionType(_BYTES, [_BYTES.as_pointer(), _I32, ir.VectorType(_I1, VECTOR_BYTES), _BYTES])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v64i8.p0")
        none = ir.Constant(_BYTES, [0] * VECTOR_BYTES)
        read = builder.call(function, [address, ir.Constant(_I32, 1), _first(builder, arguments[2]), none])
        return builder.bitcast(read, _WORDS)

    return vector(array, types.intp, types.intp), code


@_operation
def store_bytes(context: Any, array: Any, offset: Any, value: Any, count: Any) -> Any:
    """Put the first `count` bytes (0 to 64) of a vector into a flat uint8 array, from `offset` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], _BYTES)
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, _BYTES.as_pointer(), _I32, ir.VectorType(_I1, VECTOR_BYTES)])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.store.v64i8.p0")
        data = builder.bitcast(arguments[2], _BYTES)
        builder.call(function, [data, address, ir.Constant(_I32, 1), _first(builder, arguments[3])])
        return context.get_dummy_value()

    return types.void(array, types.intp, vector, types.intp), code


@_operation
def store_vector(context: Any, array: Any, offset: Any, value: Any) -> Any:
    """Put all 64 bytes of a vector into a flat uint8 array, from `offset` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], _WORDS)
        builder.store(arguments[2], address).align = 1
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), code


def _fetch(for_writing: int, text: str) -> Any:
    def typed(context: Any, array: Any, offset: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address = _address(context, builder, signature.args[0], arguments[0], arguments[1], _I8)
            kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            builder.call(function, [address, *(ir.Constant(_I32, n) for n in (for_writing, 3, 1))])
            return context.get_dummy_value()

        return types.void(array, types.intp), code

    typed.__doc__ = text
    return _operation(typed)


fetch_for_reading = _fetch(
    0, "Begin to bring the cache line at this byte of a flat uint8 array near; no byte is read, so any offset will do."
)
fetch_for_writing = _fetch(1, "The same, of a line that is to be written.")


def _binary(operation: str, text: str) -> Any:
    def typed(context: Any, a: Any, b: Any) -> Any:
        return vector(vector, vector), lambda context, builder, signature, arguments: getattr(builder, operation)(
            *arguments
        )

    typed.__doc__ = text
    return _operation(typed)


both = _binary("and_", "a & b.")
either = _binary("or_", "a | b.")
exclusive = _binary("xor", "a ^ b.")
add = _binary("add", "Lane by lane, a + b modulo 2**64.")


def _shift(operation: str, text: str) -> Any:
    def typed(context: Any, value: Any, count: Any) -> Any:
        return vector(vector, types.uint64), lambda context, builder, signature, arguments: getattr(builder, operation)(
            arguments[0], _splat(builder, arguments[1])
        )

    typed.__doc__ = text
    return _operation(typed)


up = _shift("shl", "Each word shifted towards its highest bit by `count` (0 to 63).")
down = _shift("lshr", "Each word shifted towards its lowest bit by `count` (0 to 63).")


@_operation
def rotate(context: Any, value: Any, count: Any) -> Any:
    """Each word rotated towards its highest bit by `count` (0 to 63)."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _funnel(builder, "fshl", arguments[0], arguments[0], _splat(builder, arguments[1]))

    return vector(vector, types.uint64), code


@_operation
def from_above(context: Any, above: Any, value: Any) -> Any:
    """Each word moved one bit down, the lowest bit of `above` moving in at the top: the western neighbours."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _funnel(builder, "fshr", arguments[0], arguments[1], ir.Constant(_WORDS, [1] * LANES))

    return vector(vector, vector), code


@_operation
def from_below(context: Any, value: Any, below: Any) -> Any:
    """Each word moved one bit up, the highest bit of `below` moving in at the bottom: the eastern neighbours."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _funnel(builder, "fshl", arguments[0], arguments[1], ir.Constant(_WORDS, [1] * LANES))

    return vector(vector, vector), code


@_operation
def count_bits(context: Any, value: Any) -> Any:
    """How many bits of each word are set."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_WORDS, [_WORDS])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.v8i64"), arguments)

    return vector(vector), code


@_operation
def sums(context: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    """The sum of the lanes of each of eight vectors, modulo 2**64: lane i is that of argument i."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = list(arguments)
        # Neighbours are added, then neighbours 2 apart, then 4: each time two vectors become one.
        for apart in (1, 2, 4):
            low = [k if not k & apart else LANES + k - apart for k in range(LANES)]
            high = [k + apart if not k & apart else LANES + k for k in range(LANES)]
            rows = [
                builder.add(_shuffle(builder, one, other, low), _shuffle(builder, one, other, high))
                for one, other in zip(rows[::2], rows[1::2], strict=True)
            ]
        return rows[0]

    return vector(*[vector] * LANES), code


@_operation
def at_most(context: Any, value: Any, limit: Any) -> Any:
    """A uint64 whose bit i says whether lane i is at most `limit` (uint64), unsigned."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        small = builder.icmp_unsigned("<=", arguments[0], _splat(builder, arguments[1]))
        return builder.zext(builder.bitcast(small, _I8), _I64)

    return types.uint64(vector, types.uint64), code


@_literal_operation
def ternary(context: Any, table: Any, a: Any, b: Any, c: Any) -> Any:
    """Any function of three bits, for all bits at once; bit (4a + 2b + c) of the constant `table` is its result."""
    value = table.literal_value
    return vector(table, vector, vector, vector), lambda context, builder, signature, arguments: _ternary(
        builder, value, *arguments[1:]
    )


@_operation
def multiply_low(context: Any, a: Any, b: Any) -> Any:
    """Lane by lane, the 64-bit product of the low halves."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        low = ir.Constant(_WORDS, [0xFFFFFFFF] * LANES)
        return builder.mul(builder.and_(arguments[0], low), builder.and_(arguments[1], low))

    return vector(vector, vector), code


@_operation
def high_halves(context: Any, value: Any) -> Any:
    """The high half of each word in its low half, and rubbish above it. A shuffle: shifts and products share a unit."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.VectorType(_I32, 2 * LANES)
        halves = builder.bitcast(arguments[0], kind)
        order = ir.Constant(kind, [k | 1 for k in range(2 * LANES)])
        return builder.bitcast(builder.shuffle_vector(halves, halves, order), _WORDS)

    return vector(vector), code


@_operation
def veiled(context: Any, value: Any) -> Any:
    """The same vector, of which the compiler must not know where it comes from. Costs nothing; AVX-512 only."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.asm(ir.FunctionType(_WORDS, [_WORDS]), "", "=v,0", arguments, False)

    return vector(vector), code


@_operation
def swap_bytes(context: Any, value: Any) -> Any:
    """The bytes of each word in the opposite order."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_WORDS, [_WORDS]), "llvm.bswap.v8i64")
        return builder.call(function, arguments)

    return vector(vector), code


@_operation
def transpose(context: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    """Eight vectors as an 8x8 matrix of words, transposed: lane i of result j is lane j of argument i."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = list(arguments)
        # Exchange between rows 1, 2 and 4 apart: each is one shuffle a row.
        for apart in (1, 2, 4):
            result = list(rows)
            for i in range(LANES):
                if not i & apart:
                    low = [k if not k & apart else LANES + k - apart for k in range(LANES)]
                    high = [k + apart if not k & apart else LANES + k for k in range(LANES)]
                    result[i] = _shuffle(builder, rows[i], rows[i + apart], low)
                    result[i + apart] = _shuffle(builder, rows[i], rows[i + apart], high)
            rows = result
        return context.make_tuple(builder, signature.return_type, rows)

    return types.UniTuple(vector, LANES)(*[vector] * LANES), code


def aligned(count: int, dtype: type[Number]) -> NDArray[Number]:
    """Zeros (count,) from a cache line's border on: a vector or a tile's row across a border costs far more."""
    size = np.dtype(dtype).itemsize
    raw = np.zeros(count * size + VECTOR_BYTES, np.uint8)
    start = -raw.ctypes.data % VECTOR_BYTES
    return raw[start : start + count * size].view(dtype)


@kernel  # and not a part, since Python calls it, too: a part would be compiled in every process
def aligned_words(count: int) -> Any:
    """The same in a kernel: uint64 zeros (count,) in which a vector at a multiple of eight crosses no border."""
    words = np.zeros(count + LANES, np.uint64)
    skip = (-words.ctypes.data // 8) % LANES
    return words[skip : skip + count]


def _splat(builder: Any, word: Any) -> Any:
    one = builder.insert_element(ir.Constant(_WORDS, ir.Undefined), word, ir.Constant(_I32, 0))
    return _shuffle(builder, one, one, [0] * LANES)


def _funnel(builder: Any, name: str, high: Any, low: Any, count: Any) -> Any:
    kind = ir.FunctionType(_WORDS, [_WORDS, _WORDS, _WORDS])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v8i64"), [high, low, count])


def _shuffle(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, LANES), lanes))


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any, target: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), target.as_pointer())


def _load(builder: Any, address: Any, *, align: int) -> Any:
    read = builder.load(address)
    read.align = align
    return read


def _first(builder: Any, count: Any) -> Any:
    """A mask of the first `count` of 64 bytes."""
    one, ones = ir.Constant(_I64, 1), ir.Constant(_I64, -1)
    some = builder.sub(builder.shl(one, builder.and_(count, ir.Constant(_I64, 63))), one)
    bits = builder.select(builder.icmp_signed(">=", count, ir.Constant(_I64, 64)), ones, some)
    return builder.bitcast(bits, ir.VectorType(_I1, VECTOR_BYTES))


def _ternary(builder: Any, table: int, a: Any, b: Any, c: Any) -> Any:
    if _HAS_TERNARY:
        kind = ir.FunctionType(_WORDS, [_WORDS, _WORDS, _WORDS, _I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.pternlog.q.512")
        return builder.call(function, [a, b, c, ir.Constant(_I32, table)])
    one, zero = _pair(builder, table >> 4, b, c), _pair(builder, table & 15, b, c)
    if table >> 4 == table & 15:
        return one
    if table >> 4 == ~table & 15:
        return builder.xor(a, zero)
    return builder.xor(zero, builder.and_(a, builder.xor(one, zero)))


def _pair(builder: Any, table: int, b: Any, c: Any) -> Any:
    """A function of two bits; bit (2b + c) of `table` is its result."""
    zero, ones = ir.Constant(_WORDS, [0] * LANES), ir.Constant(_WORDS, [-1] * LANES)
    simple = {
        0b0000: lambda: zero,
        0b1111: lambda: ones,
        0b1100: lambda: b,
        0b1010: lambda: c,
        0b1000: lambda: builder.and_(b, c),
        0b1110: lambda: builder.or_(b, c),
        0b0110: lambda: builder.xor(b, c),
        0b0100: lambda: builder.and_(b, builder.not_(c)),
        0b0010: lambda: builder.and_(builder.not_(b), c),
    }
    return simple[table]() if table in simple else builder.not_(simple[~table & 15]())
