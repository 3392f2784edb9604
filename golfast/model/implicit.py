"""3x3 convolutions of many networks as implicit matrix products: the neighbours of a pixel are read, never stored.

For GPUs, in Triton (Tillet, Kung and Cox, 2019), which comes with torch's CUDA builds; `golfast.model.products`
computes the same with torch alone. There nine numbers are written and read for each that goes in. Here the three
neighbours in a row, which lie side by side since channels are last, are a tile of a matrix product, 3 * C wide: with 20
channels 60 of 64 columns are of use. Bias and activation are added before anything is written. The gradient at the
input is a convolution again, with the taps in the opposite order; that of the weights is a product over all pixels, cut
into shares whose sums are added up in order, so that it is the same each time.

Shapes: N networks, B batch, H rows, W columns, C channels.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

WIDEST = 42
"""Channels of networks for which these are made: three neighbours' fit 128 columns."""
MOST_PLACES = 2**31
"""Numbers of a network's hidden states: with more, places among them are reckoned in 64 bits."""
OPTIONS = {"num_warps": 8, "num_stages": 1}
"""How a kernel is compiled: so that neither registers nor shared memory overflow on cards of compute capability 9.0."""
_PROGRAMS = 1024  # that are enough to keep a GPU busy


def convolve(x: Tensor, weight: Tensor, bias: Tensor, *, slope: float = 1.0, padding: str = "zeros") -> Tensor:
    """As `golfast.model.products.Convolution` says, for tensors on a GPU (or anywhere, under Triton's interpreter)."""
    result: Tensor = _Convolution.apply(x, weight, bias, slope, padding)  # type: ignore[no-untyped-call]
    return result


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: float, padding: str) -> Tensor:
        x, weight, bias = x.contiguous(), weight.contiguous(), bias.contiguous()
        y = _convolved(x, weight, bias, slope, padding)
        ctx.save_for_backward(x, weight, y)
        ctx.slope, ctx.padding = slope, padding
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y = ctx.saved_tensors
        at_y = gradient.contiguous()
        if ctx.slope != 1:  # the sign of the result is that of what went in
            at_y = torch.ops.aten.leaky_relu_backward(at_y, y, ctx.slope, True)
        at_x = None
        if ctx.needs_input_grad[0]:
            taps = weight.view(*weight.shape[:2], 9, -1).flip(2).transpose(1, 2).flatten(1, 2).transpose(1, 2)
            at_x = _convolved(at_y, taps.contiguous(), None, 1.0, ctx.padding)
        at_weight, at_bias = _weight_gradients(x, at_y, ctx.padding)
        return at_x, at_weight, at_bias, None, None


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, slope: float, padding: str) -> Tensor:
    """x (N, B, H, W, in), weight (N, out, 9 * in) and bias (N, out), all contiguous, to (N, B, H, W, out)."""
    networks, batch, height, width, inputs = x.shape
    outputs, pixels = weight.shape[1], batch * height * width
    y = x.new_empty(networks, batch, height, width, outputs)
    wide, columns, block = tiles(inputs, outputs)
    convolve_kernel[triton.cdiv(pixels, block), networks](
        x, weight, weight if bias is None else bias, y, pixels,
        height, width, inputs, outputs, wide, columns, block,
        slope, bias is not None, padding == "circular", _many(x, y), _precision(x), **OPTIONS,
    )  # fmt: skip
    return y


def _weight_gradients(x: Tensor, at_y: Tensor, padding: str) -> tuple[Tensor, Tensor]:
    """Of weight and bias, from what went in (N, B, H, W, in) and the gradient at what came out (N, B, H, W, out)."""
    networks, batch, height, width, inputs = x.shape
    outputs, pixels = at_y.shape[-1], batch * height * width
    wide, columns, block = tiles(inputs, outputs)
    blocks = triton.cdiv(pixels, block)
    share = triton.cdiv(blocks, min(blocks, triton.cdiv(_PROGRAMS, networks)))
    shares = triton.cdiv(blocks, share)
    sums = x.new_empty(networks, shares, 9 * inputs + 1, outputs, dtype=torch.float32)
    sum_kernel[shares, networks](
        x, at_y, sums, pixels,
        height, width, inputs, outputs, wide, columns, block, share,
        padding == "circular", _many(x, at_y), _precision(x), **OPTIONS,
    )  # fmt: skip
    found = sums.sum(1).transpose(1, 2).to(x.dtype)
    return found[..., :-1], found[..., -1]


def tiles(inputs: int, outputs: int) -> tuple[int, int, int]:
    """Columns for three neighbours, columns for what comes out, and pixels that a program computes at a time.

    All are powers of two, of at least 16. Numbers that must be read one by one take more registers than those that can
    be read in fours, and more columns do.
    """
    wide, columns = (triton.next_power_of_2(max(16, needed)) for needed in (3 * inputs, outputs))
    return wide, columns, 128 if wide <= 64 and inputs % 4 == 0 else 64


def _many(*states: Tensor) -> bool:
    return max(tensor.numel() // len(tensor) for tensor in states) >= MOST_PLACES


def _precision(x: Tensor) -> str:
    """float32 stays float32; tf32, the default, has the digits of float16."""
    return "ieee" if x.dtype is torch.float32 else "tf32"


@triton.jit
def _row_of_neighbours(
    x, pixel, inside, down,
    height: tl.constexpr, width: tl.constexpr, inputs: tl.constexpr, wide: tl.constexpr, circular: tl.constexpr,
):  # fmt: skip
    """The three neighbours of pixels in the row `down` below theirs: (pixels, wide), 3 * inputs of which are used."""
    row = pixel // width % height + down
    k = tl.arange(0, wide)[None, :]
    at = (pixel % width * inputs)[:, None] + k - inputs  # place within the row
    if circular:
        row = (row + height) % height
        at = (at + width * inputs) % (width * inputs)
        wanted = inside[:, None] & (k < 3 * inputs)
    else:
        wanted = (inside & (row >= 0) & (row < height))[:, None] & (k < 3 * inputs) & (at >= 0) & (at < width * inputs)
    begin = (pixel // (height * width) * height + row) * (width * inputs)
    return tl.load(x + begin[:, None] + at, mask=wanted, other=0.0)


@triton.jit
def convolve_kernel(
    x, weight, bias, y, pixels,
    height: tl.constexpr, width: tl.constexpr, inputs: tl.constexpr, outputs: tl.constexpr,
    wide: tl.constexpr, columns: tl.constexpr, block: tl.constexpr,
    slope: tl.constexpr, biased: tl.constexpr, circular: tl.constexpr, many: tl.constexpr, precision: tl.constexpr,
):  # fmt: skip
    """A block of a network's pixels: x (N, pixels, inputs), weight (N, outputs, 9 * inputs) and bias (N, outputs) to
    y (N, pixels, outputs).
    """
    network = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * block + tl.arange(0, block)
    if many:
        pixel = pixel.to(tl.int64)
    inside = pixel < pixels
    x += network * pixels * inputs
    k, out = tl.arange(0, wide)[:, None], tl.arange(0, columns)[None, :]
    weight += network * (outputs * 9 * inputs) + out * (9 * inputs) + k
    total = tl.zeros((block, columns), tl.float32)
    for row in tl.static_range(3):
        around = _row_of_neighbours(x, pixel, inside, row - 1, height, width, inputs, wide, circular)
        taps = tl.load(weight + row * 3 * inputs, mask=(k < 3 * inputs) & (out < outputs), other=0.0)
        total = tl.dot(around, taps, total, input_precision=precision)
    if biased:
        total += tl.load(bias + network * outputs + out, mask=out < outputs, other=0.0).to(tl.float32)
    if slope != 1.0:
        total = tl.where(total > 0, total, total * slope)
    y += network * pixels * outputs + pixel[:, None] * outputs + out
    tl.store(y, total.to(y.dtype.element_ty), mask=inside[:, None] & (out < outputs))


@triton.jit
def sum_kernel(
    x, at_y, sums, pixels,
    height: tl.constexpr, width: tl.constexpr, inputs: tl.constexpr, outputs: tl.constexpr,
    wide: tl.constexpr, columns: tl.constexpr, block: tl.constexpr, share: tl.constexpr,
    circular: tl.constexpr, many: tl.constexpr, precision: tl.constexpr,
):  # fmt: skip
    """Gradients of a network's weights, from a share of so many blocks of its pixels: into sums (N, shares,
    9 * inputs + 1, outputs) float32, the last row of which is the bias's.
    """
    network = tl.program_id(1).to(tl.int64)
    x += network * pixels * inputs
    at_y += network * pixels * outputs
    k, out = tl.arange(0, wide)[:, None], tl.arange(0, columns)[None, :]
    above = tl.zeros((wide, columns), tl.float32)
    beside = tl.zeros((wide, columns), tl.float32)
    below = tl.zeros((wide, columns), tl.float32)
    alone = tl.zeros((1, columns), tl.float32)
    for one in range(share):
        pixel = (tl.program_id(0) * share + one) * block + tl.arange(0, block)
        if many:
            pixel = pixel.to(tl.int64)
        inside = pixel < pixels
        wanted = inside[:, None] & (out < outputs)
        change = tl.load(at_y + pixel[:, None] * outputs + out, mask=wanted, other=0.0)
        alone += tl.sum(change.to(tl.float32), 0)[None, :]
        row = _row_of_neighbours(x, pixel, inside, -1, height, width, inputs, wide, circular)
        above = tl.dot(tl.trans(row), change, above, input_precision=precision)
        row = _row_of_neighbours(x, pixel, inside, 0, height, width, inputs, wide, circular)
        beside = tl.dot(tl.trans(row), change, beside, input_precision=precision)
        row = _row_of_neighbours(x, pixel, inside, 1, height, width, inputs, wide, circular)
        below = tl.dot(tl.trans(row), change, below, input_precision=precision)
    sums += (network * tl.num_programs(0) + tl.program_id(0)) * ((9 * inputs + 1) * outputs)
    place, used = k * outputs + out, (k < 3 * inputs) & (out < outputs)
    tl.store(sums + place, above, mask=used)
    tl.store(sums + 3 * inputs * outputs + place, beside, mask=used)
    tl.store(sums + 6 * inputs * outputs + place, below, mask=used)
    tl.store(sums + 9 * inputs * outputs + out, alone, mask=out < outputs)
