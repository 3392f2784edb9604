"""The two loops in which all the arithmetic is: bfloat16 dot products (VDPBF16PS) into registers.

Each instruction is sixteen sums of two products. Both loops keep all their sums in registers; what they load takes
fewer cycles than what they multiply, so a core that begins one such instruction a cycle is kept busy. Source: Intel 64
and IA-32 Architectures Software Developer's Manual, volume 2, VDPBF16PS.
"""

import platform
from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numba
import numba.core.cgutils
import numba.extending
from llvmlite import ir

from golfast.model.compiled.floats import BFLOAT
from golfast.vector import cpu_has

types: Any = numba.types
cgutils: Any = numba.core.cgutils

_LANES = 16
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_FLOATS = ir.VectorType(ir.FloatType(), _LANES)
_WORDS = ir.VectorType(_I32, _LANES)
_BFLOATS = ir.VectorType(BFLOAT, 2 * _LANES)
_ZEROS = ir.Constant(_FLOATS, [0.0] * _LANES)


@cache
def has_dot_products() -> bool:
    """Whether code for this CPU may multiply bfloat16 in vectors of 512 bits."""
    needed = ("avx512f", "avx512bw", "avx512bf16")
    return platform.machine() in ("x86_64", "AMD64") and all(cpu_has(name) for name in needed)


def _operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """An intrinsic that is given the values of constant arguments; a checker sees what kernels call."""
    return cast(Callable[..., Any], numba.extending.intrinsic(prefer_literal=True)(function))


@_operation
def convolved(
    context: Any,
    vectors: Any,
    outputs: Any,
    planes: Any,
    at: Any,
    offsets: Any,
    steps: Any,
    weights: Any,
    where: Any,
    sums: Any,
) -> Any:
    """sums[:] = (outputs, 16 * vectors) float32 of a block of pixels; `outputs` and `vectors` are literals.

    Step k multiplies the pairs of channels at planes[at + offsets[k] :] by the words weights[where + outputs * k :], a
    pair of weights for each output.
    """
    many, wide = outputs.literal_value, vectors.literal_value

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature, arguments)
        pixels, weight = builder.gep(data(2), [arguments[3]]), builder.gep(data(6), [arguments[7]])
        distances = data(4)

        def products(step: Any, before: list[Any]) -> list[Any]:
            base = builder.gep(pixels, [builder.load(builder.gep(distances, [step]))])
            cells = [_vector(builder, builder.gep(base, [_I64(_LANES * p)]), 4) for p in range(wide)]
            own = builder.gep(weight, [builder.mul(step, _I64(many))])
            after = []
            for k in range(many):
                word = builder.load(builder.gep(own, [_I64(k)]))
                one = builder.insert_element(ir.Constant(_WORDS, ir.Undefined), word, _I32(0))
                same = builder.bitcast(builder.shuffle_vector(one, one, ir.Constant(_WORDS, [0] * _LANES)), _BFLOATS)
                after += [_dot(builder, before[k * wide + p], cells[p], same) for p in range(wide)]
            return after

        results = _loop(builder, arguments[5], [_ZEROS] * (many * wide), products)
        for k, result in enumerate(results):
            builder.store(result, _place(builder, data(8), k)).align = 4
        return context.get_dummy_value()

    return (
        types.void(vectors, outputs, planes, types.intp, offsets, types.intp, weights, types.intp, sums),
        code,
    )


@_operation
def correlated(
    context: Any,
    group: Any,
    rows: Any,
    at: Any,
    others: Any,
    count: Any,
    stride: Any,
    sums: Any,
    where: Any,
) -> Any:
    """Add to sums[where:], (group, group, 16) float32, the products of each of some rows with each of some others.

    Rows of bfloat16 are `stride` elements apart, from rows[at:] and from rows[others:]; `count` vectors of 32 are
    multiplied, and sixteen sums of a product remain to be added up. `group` is a literal.
    """
    size = group.literal_value

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature, arguments)
        first, second = (builder.gep(data(1), [arguments[k]]) for k in (2, 3))
        result = builder.gep(data(6), [arguments[7]])
        steps, stride = arguments[4], arguments[5]

        def products(step: Any, before: list[Any]) -> list[Any]:
            along = builder.mul(step, _I64(2 * _LANES))

            def row(base: Any, k: int) -> Any:
                return _vector(builder, builder.gep(base, [builder.add(builder.mul(stride, _I64(k)), along)]), 2)

            ours = [row(first, k) for k in range(size)]
            after = list(before)
            for c in range(size):
                theirs = row(second, c)
                for k in range(size):
                    after[k * size + c] = _dot(builder, before[k * size + c], ours[k], theirs)
            return after

        starts = []
        for k in range(size * size):
            start = builder.load(_place(builder, result, k))
            start.align = 4
            starts.append(start)
        for k, after in enumerate(_loop(builder, steps, starts, products)):
            builder.store(after, _place(builder, result, k)).align = 4
        return context.get_dummy_value()

    return types.void(group, rows, types.intp, types.intp, types.intp, types.intp, sums, types.intp), code


def _loop(builder: Any, steps: Any, starts: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """`steps` times (at least once) values = body(step, values), from `starts`; values live in registers."""
    before = builder.block
    loop, done = builder.append_basic_block("loop"), builder.append_basic_block("done")
    builder.branch(loop)
    builder.position_at_end(loop)
    step, values = builder.phi(_I64), [builder.phi(_FLOATS) for _ in starts]
    results = body(step, values)
    following = builder.add(step, _I64(1))
    for value, start, result in zip([step, *values], [_I64(0), *starts], [following, *results], strict=True):
        value.add_incoming(start, before)
        value.add_incoming(result, loop)
    builder.cbranch(builder.icmp_signed("<", following, steps), loop, done)
    builder.position_at_end(done)
    return results


def _dot(builder: Any, sums: Any, a: Any, b: Any) -> Any:
    kind = ir.FunctionType(_FLOATS, [_FLOATS, _BFLOATS, _BFLOATS])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512bf16.dpbf16ps.512")
    return builder.call(function, [sums, a, b])


def _data(context: Any, builder: Any, signature: Any, arguments: Any) -> Callable[[int], Any]:
    """Where the elements of argument k, an array, begin."""
    return lambda k: context.make_array(signature.args[k])(context, builder, arguments[k]).data


def _vector(builder: Any, address: Any, align: int) -> Any:
    value = builder.load(builder.bitcast(address, _WORDS.as_pointer()))
    value.align = align
    return builder.bitcast(value, _BFLOATS)


def _place(builder: Any, base: Any, k: int) -> Any:
    return builder.bitcast(builder.gep(base, [_I64(_LANES * k)]), _FLOATS.as_pointer())
