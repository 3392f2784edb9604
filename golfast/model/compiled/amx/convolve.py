"""3x3 convolutions of one board on the matrix unit: forward, and the gradients of inputs and of weights.

Each is a matrix product: (pixels, inputs) by (inputs, outputs) for each of 9 taps, and for the weights (outputs,
pixels) by (pixels, inputs). Planes, weights and shapes are as `layout` says. What follows a product (bias, leaky ReLU,
residual, the way back through them) is done while its 32 pixels are in the nearest cache.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import float32, uint32
from numpy.typing import NDArray

from golfast.jit import inlined, part
from golfast.model.compiled import floats
from golfast.model.compiled.amx.layout import LAYER_GRADIENT, LAYER_WEIGHTS, ROW, TILE, TOGETHER
from golfast.model.compiled.amx.tiles import configure, dot, load_tile, store_tile, zero_tile
from golfast.model.compiled.program import NONE

_ROW_BYTES = 64
_SUMS_BYTES = 4 * ROW  # bytes from pixel to pixel of the sums
FEW_MORE = 2


class Desk(NamedTuple):
    """What the kernels work on: the weights of a network, and the planes of one board. All arrays are flat."""

    weights: NDArray[np.uint16]
    turned_weights: NDArray[np.uint16]
    """With inputs for outputs, as the way back needs them."""
    biases: NDArray[np.float32]
    gradient: NDArray[np.float32]
    bias_gradient: NDArray[np.float32]
    shapes: NDArray[np.uint8]
    """Of each layer: forward, back, and of its weight's gradient."""
    wide_inputs: NDArray[np.uint8]
    """Of each layer, how far it goes beyond 16: not at all (0), by four (FEW_MORE), by more (1)."""
    wide_outputs: NDArray[np.uint8]
    planes: NDArray[np.uint16]
    signs: NDArray[np.uint32]
    """Of each use of a layer and each pixel, which channels were positive before the residual."""
    picture: NDArray[np.float32]
    sums: NDArray[np.float32]
    """(2, 32 pixels, 32 channels), of two blocks in turn."""
    picture_sums: NDArray[np.float32]
    """Of a layer with one output: (32 pixels, 32 channels)."""
    pairs: NDArray[np.uint16]
    turned: NDArray[np.uint16]
    """Of each gradient plane, (32 channels, 32 * blocks pixels)."""
    first_gradient: int
    """The number of the first of the gradient planes."""
    taps: NDArray[np.int64]
    live: NDArray[np.uint8]
    margin: int
    blocks: int
    slope: float


@inlined
def begin(wide: bool) -> None:
    """Sums of a block from 0."""
    zero_tile(0)
    zero_tile(2)
    if wide:
        zero_tile(1)
        zero_tile(3)


@inlined
def one_tap(desk: Any, weights: Any, layer: int, at: int, tap: int, sign: int, wide: bool) -> None:
    """Add to the sums what a tap gives to the block of pixels that begins at planes[at]."""
    source = at + sign * desk.taps[tap] * ROW
    weight = layer * LAYER_WEIGHTS + tap * 2 * TILE
    load_tile(6, weights, weight, _ROW_BYTES)
    load_tile(4, desk.planes, source, _ROW_BYTES)
    dot(0, 4, 6)
    load_tile(5, desk.planes, source + 16 * ROW, _ROW_BYTES)
    dot(2, 5, 6)
    if wide:
        load_tile(7, weights, weight + TILE, _ROW_BYTES)
        dot(1, 4, 7)
        dot(3, 5, 7)


@inlined
def end(sums: Any, at: int, wide: bool) -> None:
    """Put the sums, (32 pixels, 32 channels), at sums[at:]."""
    store_tile(0, sums, at, _SUMS_BYTES)
    store_tile(2, sums, at + 16 * ROW, _SUMS_BYTES)
    if wide:
        store_tile(1, sums, at + 16, _SUMS_BYTES)
        store_tile(3, sums, at + 16 * ROW + 16, _SUMS_BYTES)


@part
def hidden_layer(desk: Any, layer: int, source: int, target: int, residual: int) -> None:
    """Plane `target` = leaky ReLU of the convolved plane `source`, plus the plane `residual` if there is one."""
    pixels = desk.live.shape[0]
    configure(desk.shapes, layer * 192)
    low_bias, high_bias = floats.load(desk.biases, layer * ROW), floats.load(desk.biases, layer * ROW + 16)
    slopes = floats.splat(float32(desk.slope))
    wide = desk.wide_outputs[layer] != 0
    for block in range(desk.blocks + 1):
        first, sums = desk.margin + block * TOGETHER, block % 2 * TOGETHER * ROW
        begin(wide)
        for tap in range(9):
            if block < desk.blocks:
                one_tap(desk, desk.weights, layer, (source * pixels + first) * ROW, tap, 1, wide)
            # While the matrix unit works on this block, the vector unit finishes the one before.
            for k in range(4 * tap, 4 * tap + 4 if block > 0 and tap < 8 else 0):
                pixel = first - TOGETHER + k
                if desk.live[pixel]:
                    at = TOGETHER * ROW - sums + k * ROW
                    low = floats.add(floats.load(desk.sums, at), low_bias)
                    high = floats.add(floats.load(desk.sums, at + 16), high_bias)
                    bits = floats.positive(low) | floats.positive(high) << uint32(16)
                    desk.signs[target * pixels + pixel] = bits
                    low = floats.larger(low, floats.multiply(low, slopes))
                    high = floats.larger(high, floats.multiply(high, slopes))
                    if residual != NONE:
                        more_low, more_high = floats.load_row(desk.planes, (residual * pixels + pixel) * ROW)
                        low, high = floats.add(low, more_low), floats.add(high, more_high)
                    floats.store_row(desk.planes, (target * pixels + pixel) * ROW, low, high)
        end(desk.sums, sums, wide)


@part
def picture_layer(desk: Any, layer: int, source: int) -> None:
    """The picture = the convolved plane `source`, of one output."""
    pixels = desk.live.shape[0]
    configure(desk.shapes, layer * 192)
    for block in range(desk.blocks):
        first = desk.margin + block * TOGETHER
        begin(False)
        for tap in range(9):
            one_tap(desk, desk.weights, layer, (source * pixels + first) * ROW, tap, 1, False)
        end(desk.picture_sums, 0, False)
        for k in range(TOGETHER):
            desk.picture[first + k] = desk.picture_sums[k * ROW] + desk.biases[layer * ROW]


@inlined
def pair_row(desk: Any, pixel: int) -> Any:
    """Where the pair of a pixel and the next is among the pairs.

    Pairs that begin at even pixels follow one another, and so do the others: then a tap is whole rows away from the
    pixels that it belongs to, whether its distance is even or odd.
    """
    return pixel % 2 * (desk.live.shape[0] // 2 + 1) + pixel // 2


@inlined
def pair_pixels(desk: Any, layer: int, inputs: int, first: int, last: int) -> None:
    """Pair the pixels first..last of the input of a layer, plane `inputs`."""
    pixels, width = desk.live.shape[0], desk.wide_inputs[layer]
    more = 2 * (pixels // 2 + 1) * ROW
    for pixel in range(first, last):
        source, row = (inputs * pixels + pixel) * ROW, pair_row(desk, pixel)
        floats.store_pairs(desk.planes, source, 0, 16, desk.pairs, row * ROW)
        if width == FEW_MORE:
            floats.store_pairs(desk.planes, source, 16, 4, desk.pairs, more + row * 8)
        elif width:
            floats.store_pairs(desk.planes, source, 16, 16, desk.pairs, more + row * ROW)


@part
def pair(desk: Any, layer: int, inputs: int) -> None:
    """Pair all pixels of the input of a layer that a tap reaches."""
    first, reach = desk.margin, -desk.taps[0]
    pair_pixels(desk, layer, inputs, first - reach, first + desk.blocks * TOGETHER + reach)


@part
def input_gradient(
    desk: Any, layer: int, source: int, added: int, plain: int, masked: int, below: int, inputs: int
) -> None:
    """From the gradient of a layer's sums, plane `source`, to that of its input, whose plane is `inputs`.

    Plane `added` is added to it, if there is one. It goes to plane `plain`, if there is one; and back through the leaky
    ReLU of the layer `below`, whose result the input was, to plane `masked` and to that layer's bias, if there is one.
    What `weight_gradient` needs is made on the way: the input in pairs, and `masked` turned.
    """
    pixels, margin, blocks = desk.live.shape[0], desk.margin, desk.blocks
    configure(desk.shapes, layer * 192 + 64)
    slopes = floats.splat(float32(desk.slope))
    low_sum = high_sum = floats.splat(float32(0))
    wide = desk.wide_inputs[layer] != 0
    pairing, last_pair = margin + desk.taps[0], margin + blocks * TOGETHER - desk.taps[0]
    for block in range(blocks + 1):
        first, sums = margin + block * TOGETHER, block % 2 * TOGETHER * ROW
        begin(wide)
        for tap in range(9):
            if block < blocks:
                one_tap(desk, desk.turned_weights, layer, (source * pixels + first) * ROW, tap, -1, wide)
            pair_pixels(desk, layer, inputs, pairing, min(pairing + 4, last_pair))
            pairing += 4
            for k in range(4 * tap, 4 * tap + 4 if block > 0 and tap < 8 else 0):
                pixel = first - TOGETHER + k
                if desk.live[pixel]:
                    at = TOGETHER * ROW - sums + k * ROW
                    low, high = floats.load(desk.sums, at), floats.load(desk.sums, at + 16)
                    if added != NONE:
                        more_low, more_high = floats.load_row(desk.planes, (added * pixels + pixel) * ROW)
                        low, high = floats.add(low, more_low), floats.add(high, more_high)
                    if plain != NONE:
                        floats.store_row(desk.planes, (plain * pixels + pixel) * ROW, low, high)
                    if masked != NONE:
                        bits = desk.signs[inputs * pixels + pixel]
                        low = floats.choose(bits, low, floats.multiply(low, slopes))
                        high = floats.choose(bits >> uint32(16), high, floats.multiply(high, slopes))
                        low_sum, high_sum = floats.add(low_sum, low), floats.add(high_sum, high)
                        floats.store_row(desk.planes, (masked * pixels + pixel) * ROW, low, high)
        if block > 0 and masked != NONE:
            turn(desk, below, masked, block - 1)
        end(desk.sums, sums, wide)
    pair_pixels(desk, layer, inputs, pairing, last_pair)
    if masked != NONE:
        at = below * ROW
        floats.store(desk.bias_gradient, at, floats.add(floats.load(desk.bias_gradient, at), low_sum))
        floats.store(desk.bias_gradient, at + 16, floats.add(floats.load(desk.bias_gradient, at + 16), high_sum))


@inlined
def turned_at(desk: Any, plane: int) -> Any:
    """Where the channels of a gradient plane begin in `turned`."""
    return (plane - desk.first_gradient) * ROW * desk.blocks * TOGETHER


@inlined
def turn(desk: Any, layer: int, outputs: int, block: int) -> None:
    """Bring a block of the gradient of a layer's sums, plane `outputs`, in order of channels."""
    source = (outputs * desk.live.shape[0] + desk.margin + block * TOGETHER) * ROW
    target, stride = turned_at(desk, outputs) + block * TOGETHER, desk.blocks * TOGETHER
    floats.transpose_pixels(desk.planes, source, desk.turned, target, stride, desk.wide_outputs[layer] != 0)


@part
def weight_gradient(desk: Any, layer: int, outputs: int) -> None:
    """Add to the layer's gradient what its input, in pairs, and the gradient of its sums, plane `outputs`, give."""
    pixels, blocks, margin, pairs, turned = desk.live.shape[0], desk.blocks, desk.margin, desk.pairs, desk.turned
    wide_inputs, wide_outputs = desk.wide_inputs[layer] != 0, desk.wide_outputs[layer] != 0
    stride, channels = blocks * TOGETHER, turned_at(desk, outputs)
    size = 8 if desk.wide_inputs[layer] == FEW_MORE else ROW
    more = 2 * (pixels // 2 + 1) * ROW
    configure(desk.shapes, layer * 192 + 128)
    for even in range(2):  # half of the pairs fit in the nearest cache
        for tap in range(9):
            if (margin + desk.taps[tap]) % 2 != even:
                continue
            sums = layer * LAYER_GRADIENT + tap * 4 * 256
            load_tile(0, desk.gradient, sums, _ROW_BYTES)
            if wide_inputs:
                load_tile(1, desk.gradient, sums + 256, _ROW_BYTES)
            if wide_outputs:
                load_tile(2, desk.gradient, sums + 512, _ROW_BYTES)
                if wide_inputs:
                    load_tile(3, desk.gradient, sums + 768, _ROW_BYTES)
            row = pair_row(desk, margin + desk.taps[tap])
            for block in range(blocks):
                load_tile(4, turned, channels + block * TOGETHER, 2 * stride)
                load_tile(6, pairs, (row + block * 16) * ROW, _ROW_BYTES)
                dot(0, 4, 6)
                if wide_inputs:
                    load_tile(7, pairs, more + (row + block * 16) * size, 2 * size)
                    dot(1, 4, 7)
                if wide_outputs:
                    load_tile(5, turned, channels + 16 * stride + block * TOGETHER, 2 * stride)
                    dot(2, 5, 6)
                    if wide_inputs:
                        dot(3, 5, 7)
            store_tile(0, desk.gradient, sums, _ROW_BYTES)
            if wide_inputs:
                store_tile(1, desk.gradient, sums + 256, _ROW_BYTES)
            if wide_outputs:
                store_tile(2, desk.gradient, sums + 512, _ROW_BYTES)
                if wide_inputs:
                    store_tile(3, desk.gradient, sums + 768, _ROW_BYTES)
