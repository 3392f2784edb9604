"""Packed bits to floats, at addresses: what a kernel needs where the rows come from any of several files.

Each function is a line or two of LLVM IR, as those of `golfast.vector`. Sixteen cells are one masked move and one store
where the CPU has AVX-512; elsewhere LLVM spells them out. An address is an int64, and nothing checks it.
"""

from typing import Any

from llvmlite import ir

from golfast.vector import _BYTES, _I1, _I8, _I32, _I64, VECTOR_BYTES, _operation, cgutils, types

CHUNK = VECTOR_BYTES  # bytes that are read, and put, at a time


@_operation
def read_bits(context: Any, address: Any, count: Any, into: Any) -> Any:
    """Read `count` bytes (0 to 64) and put 64 at `into`, the bits of each in the opposite order, and 0 for the rest."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, count, into = arguments
        ramp = ir.Constant(_BYTES, list(range(CHUNK)))
        one = builder.insert_element(ir.Constant(_BYTES, ir.Undefined), builder.trunc(count, _I8), ir.Constant(_I32, 0))
        limit = builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_I32, CHUNK), [0] * CHUNK))
        wanted, pointer = builder.icmp_unsigned("<", ramp, limit), _BYTES.as_pointer()
        kind = ir.FunctionType(_BYTES, [pointer, _I32, ir.VectorType(_I1, CHUNK), _BYTES])
        load = cgutils.get_or_insert_function(builder.module, kind, "llvm.masked.load.v64i8.p0")
        none = ir.Constant(_BYTES, [0] * CHUNK)
        read = builder.call(load, [builder.inttoptr(address, pointer), ir.Constant(_I32, 1), wanted, none])
        kind = ir.FunctionType(_BYTES, [_BYTES])
        reverse = cgutils.get_or_insert_function(builder.module, kind, "llvm.bitreverse.v64i8")
        builder.store(builder.call(reverse, [read]), builder.inttoptr(into, pointer)).align = 1
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), code


@_operation
def read_word(context: Any, address: Any) -> Any:
    """Four bytes as a number, the first byte lowest: uint64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        read = builder.load(builder.inttoptr(arguments[0], _I32.as_pointer()))
        read.align = 1
        return builder.zext(read, _I64)

    return types.uint64(types.int64), code


@_operation
def fetch(context: Any, address: Any) -> Any:
    """Begin to bring the cache line of this address near; no byte is read."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(
            prefetch,
            [
                builder.inttoptr(arguments[0], _I8.as_pointer()),
                ir.Constant(_I32, 0),
                ir.Constant(_I32, 3),
                ir.Constant(_I32, 1),
            ],
        )
        return context.get_dummy_value()

    return types.void(types.int64), code


def _put(count: int) -> Any:
    def typed(context: Any, address: Any, bits: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            floats = ir.VectorType(ir.FloatType(), count)
            lowest = builder.trunc(arguments[1], ir.IntType(count))
            alive = builder.bitcast(lowest, ir.VectorType(_I1, count))
            ones, zeros = ir.Constant(floats, [1.0] * count), ir.Constant(floats, [0.0] * count)
            pointer = builder.inttoptr(arguments[0], floats.as_pointer())
            builder.store(builder.select(alive, ones, zeros), pointer).align = 4
            return context.get_dummy_value()

        return types.void(types.int64, types.uint64), code

    typed.__doc__ = f"The lowest {count} bits of a uint64 as as many float32, the lowest bit first."
    return _operation(typed)


put_16, put_8, put_4, put_2, put_1 = _put(16), _put(8), _put(4), _put(2), _put(1)
