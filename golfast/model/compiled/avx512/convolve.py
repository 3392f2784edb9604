"""3x3 convolutions of one board with pixels in lanes: forward, and the gradients of inputs and of weights.

Planes and weights are as `layout` says; the products are in `products`. What follows a block's products (bias, leaky
ReLU, residual, the way back through them) is done while they are in the nearest cache.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import float32, uint32
from numpy.typing import NDArray

from golfast.jit import inlined, part
from golfast.model.compiled import floats
from golfast.model.compiled.avx512.layout import GROUP, LANES, TAPS, TOGETHER, VECTORS
from golfast.model.compiled.avx512.products import convolved, correlated
from golfast.model.compiled.program import NONE


class Desk(NamedTuple):
    """What the kernels work on: the weights of a network, and the planes of one board. All arrays are flat."""

    weights: NDArray[np.uint32]
    turned_weights: NDArray[np.uint32]
    """With inputs for outputs, as the way back needs them."""
    starts: NDArray[np.int64]
    """(layers, 3): where a layer begins in the weights, the turned weights and the gradient."""
    inputs: NDArray[np.int64]
    """Of each layer, channels."""
    outputs: NDArray[np.int64]
    biases: NDArray[np.float32]
    """(layers, channels)."""
    gradient: NDArray[np.float32]
    bias_gradient: NDArray[np.float32]
    """(layers, channels, 16), to be added up."""
    planes: NDArray[np.uint32]
    """(planes, pairs, pixels) of two bfloat16."""
    rows: NDArray[np.uint16]
    """(planes, channels, pixels) bfloat16: the same."""
    signs: NDArray[np.uint16]
    """(planes, channels, vectors): which pixels of a hidden layer were positive before the residual."""
    picture: NDArray[np.float32]
    wanted: NDArray[np.float32]
    """What a plane's first channel is to be, (pixels,)."""
    sums: NDArray[np.float32]
    """(4 channels, 48 pixels), of the block in work."""
    offsets: NDArray[np.int64]
    """Where each step of a convolution reads, from the pixel that it is for; pair by pair, tap by tap."""
    turned_offsets: NDArray[np.int64]
    taps: NDArray[np.int64]
    live: NDArray[np.uint32]
    channels: int
    """Of a plane: padded."""
    pixels: int
    margin: int
    blocks: int
    row_vectors: int
    slope: float


@inlined
def pairs_at(desk: Any, plane: int, channel: int) -> Any:
    """Where the pair that begins with an even channel is in `planes`."""
    return (plane * desk.channels + channel) // 2 * desk.pixels


@inlined
def row_at(desk: Any, plane: int, channel: int) -> Any:
    """Where a channel is in `rows`."""
    return (plane * desk.channels + channel) * desk.pixels


@inlined
def sign_at(desk: Any, plane: int, channel: int, pixel: int) -> Any:
    """Where the signs of a vector are; those of the next channel are a plane's vectors on."""
    return ((plane * desk.channels + channel) * desk.pixels + pixel) // LANES


@inlined
def keep(desk: Any, plane: int, channel: int, pixel: int, even: Any, odd: Any) -> None:
    """Put a vector of pixels of two channels into a plane, both ways."""
    rounded = floats.round_pairs(even, odd)
    floats.store_pairs_of(desk.planes, pairs_at(desk, plane, channel) + pixel, rounded)
    floats.store_rows_of(desk.rows, row_at(desk, plane, channel) + pixel, desk.pixels, rounded)


@inlined
def leaky(value: Any, slopes: Any) -> Any:
    """The leaky ReLU."""
    return floats.larger(value, floats.multiply(value, slopes))


@part
def hidden_layer(desk: Any, layer: int, source: int, target: int, residual: int) -> None:
    """Plane `target` = leaky ReLU of the convolved plane `source`, plus the plane `residual` if there is one."""
    steps = (desk.inputs[layer] + 1) // 2 * TAPS
    slopes, zeros = floats.splat(float32(desk.slope)), floats.splat(float32(0))
    vectors = desk.pixels // LANES
    for block in range(desk.blocks):
        first = desk.margin + block * TOGETHER
        at = pairs_at(desk, source, 0) + first
        for group in range((desk.outputs[layer] + GROUP - 1) // GROUP):
            where = desk.starts[layer, 0] + group * GROUP * steps
            convolved(VECTORS, GROUP, desk.planes, at, desk.offsets, steps, desk.weights, where, desk.sums)
            for k in range(0, GROUP, 2):
                channel = group * GROUP + k
                even_bias = floats.splat(desk.biases[layer * desk.channels + channel])
                odd_bias = floats.splat(desk.biases[layer * desk.channels + channel + 1])
                for v in range(VECTORS):
                    pixel = first + v * LANES
                    even = floats.add(floats.load(desk.sums, (k * VECTORS + v) * LANES), even_bias)
                    odd = floats.add(floats.load(desk.sums, ((k + 1) * VECTORS + v) * LANES), odd_bias)
                    sign = sign_at(desk, target, channel, pixel)
                    desk.signs[sign] = floats.positive(even)
                    desk.signs[sign + vectors] = floats.positive(odd)
                    even, odd = leaky(even, slopes), leaky(odd, slopes)
                    if residual != NONE:
                        more, more_odd = floats.load_pairs(desk.planes, pairs_at(desk, residual, channel) + pixel)
                        even, odd = floats.add(even, more), floats.add(odd, more_odd)
                    live = desk.live[pixel // LANES]
                    even, odd = floats.choose(live, even, zeros), floats.choose(live, odd, zeros)
                    keep(desk, target, channel, pixel, even, odd)


@part
def picture_layer(desk: Any, layer: int, source: int) -> None:
    """The picture = the convolved plane `source`, of one output."""
    steps = (desk.inputs[layer] + 1) // 2 * TAPS
    bias = floats.splat(desk.biases[layer * desk.channels])
    for block in range(desk.blocks):
        first = desk.margin + block * TOGETHER
        at = pairs_at(desk, source, 0) + first
        convolved(VECTORS, 1, desk.planes, at, desk.offsets, steps, desk.weights, desk.starts[layer, 0], desk.sums)
        for v in range(VECTORS):
            floats.store(desk.picture, first + v * LANES, floats.add(floats.load(desk.sums, v * LANES), bias))


@part
def input_gradient(
    desk: Any, layer: int, source: int, added: int, plain: int, masked: int, below: int, inputs: int
) -> None:
    """From the gradient of a layer's sums, plane `source`, to that of its input, whose plane is `inputs`.

    Plane `added` is added to it, if there is one. It goes to plane `plain`, if there is one; and back through the leaky
    ReLU of the layer `below`, whose result the input was, to plane `masked` and to that layer's bias, if there is one.
    """
    steps = (desk.outputs[layer] + 1) // 2 * TAPS
    slopes, zeros = floats.splat(float32(desk.slope)), floats.splat(float32(0))
    vectors = desk.pixels // LANES
    for block in range(desk.blocks):
        first = desk.margin + block * TOGETHER
        at = pairs_at(desk, source, 0) + first
        for group in range((desk.inputs[layer] + GROUP - 1) // GROUP):
            where = desk.starts[layer, 1] + group * GROUP * steps
            convolved(
                VECTORS, GROUP, desk.planes, at, desk.turned_offsets, steps, desk.turned_weights, where, desk.sums
            )
            for k in range(0, GROUP, 2):
                channel = group * GROUP + k
                even_sum = odd_sum = zeros
                for v in range(VECTORS):
                    pixel = first + v * LANES
                    even = floats.load(desk.sums, (k * VECTORS + v) * LANES)
                    odd = floats.load(desk.sums, ((k + 1) * VECTORS + v) * LANES)
                    live = desk.live[pixel // LANES]
                    even, odd = floats.choose(live, even, zeros), floats.choose(live, odd, zeros)
                    if added != NONE:
                        more, more_odd = floats.load_pairs(desk.planes, pairs_at(desk, added, channel) + pixel)
                        even, odd = floats.add(even, more), floats.add(odd, more_odd)
                    if plain != NONE:
                        rounded = floats.round_pairs(even, odd)
                        floats.store_pairs_of(desk.planes, pairs_at(desk, plain, channel) + pixel, rounded)
                    if masked != NONE:
                        sign = sign_at(desk, inputs, channel, pixel)
                        even = floats.choose(desk.signs[sign], even, floats.multiply(even, slopes))
                        odd = floats.choose(desk.signs[sign + vectors], odd, floats.multiply(odd, slopes))
                        even_sum, odd_sum = floats.add(even_sum, even), floats.add(odd_sum, odd)
                        keep(desk, masked, channel, pixel, even, odd)
                if masked != NONE:
                    place = (below * desk.channels + channel) * LANES
                    bias = desk.bias_gradient
                    floats.store(bias, place, floats.add(floats.load(bias, place), even_sum))
                    place += LANES
                    floats.store(bias, place, floats.add(floats.load(bias, place), odd_sum))


@part
def weight_gradient(desk: Any, layer: int, source: int, inputs: int) -> None:
    """Add to the layer's gradient what its input, plane `inputs`, and the gradient of its sums, `source`, give."""
    place, size = desk.starts[layer, 2], GROUP * GROUP * LANES
    for output in range(0, desk.outputs[layer], GROUP):
        at = row_at(desk, source, output) + desk.margin
        for channel in range(0, desk.inputs[layer], GROUP):
            row = row_at(desk, inputs, channel) + desk.margin
            for tap in range(TAPS):
                correlated(
                    GROUP, desk.rows, at, row + desk.taps[tap], desk.row_vectors, desk.pixels, desk.gradient, place
                )
                place += size


@part
def spread(cells: Any, places: Any, plane: Any) -> None:
    """Put cells (H * W,) where their pixels are."""
    for k in range(places.shape[0]):
        plane[places[k]] = cells[k]


@part
def take(desk: Any, plane: int) -> None:
    """Put what is wanted into channel 0 of a plane."""
    zeros = floats.splat(float32(0))
    for pixel in range(desk.margin, desk.margin + desk.blocks * TOGETHER, LANES):
        keep(desk, plane, 0, pixel, floats.load(desk.wanted, pixel), zeros)


@part
def show(desk: Any, hidden: Any, places: Any, plane: int) -> None:
    """Put a hidden state, (C, H * W) bfloat16, into a plane."""
    channels = hidden.shape[0]
    for channel in range(channels):
        row = row_at(desk, plane, channel)
        for k in range(places.shape[0]):
            desk.rows[row + places[k]] = hidden[channel, k]
    for channel in range(0, channels, 2):
        row, pair = row_at(desk, plane, channel), pairs_at(desk, plane, channel)
        for pixel in range(desk.margin, desk.margin + desk.blocks * TOGETHER):
            low, high = uint32(desk.rows[row + pixel]), uint32(desk.rows[row + desk.pixels + pixel])
            desk.planes[pair + pixel] = low | high << uint32(16)


@part
def accept(desk: Any, layer: int, plane: int) -> None:
    """What is wanted is the gradient of the picture: it goes to a plane, and to the layer's bias."""
    zeros = floats.splat(float32(0))
    bias = zeros
    for pixel in range(desk.margin, desk.margin + desk.blocks * TOGETHER, LANES):
        blame = floats.load(desk.wanted, pixel)
        bias = floats.add(bias, blame)
        keep(desk, plane, 0, pixel, blame, zeros)
    place = layer * desk.channels * LANES
    floats.store(desk.bias_gradient, place, floats.add(floats.load(desk.bias_gradient, place), bias))


@part
def blame(desk: Any, layer: int, plane: int, scale: float) -> float:
    """The picture's sum of squared errors; the gradient of `scale` times it goes to a plane, and to the bias."""
    zeros, less, factor = floats.splat(float32(0)), floats.splat(float32(-1)), floats.splat(float32(2 * scale))
    bias, losses = zeros, zeros
    for pixel in range(desk.margin, desk.margin + desk.blocks * TOGETHER, LANES):
        error = floats.add(floats.load(desk.picture, pixel), floats.multiply(floats.load(desk.wanted, pixel), less))
        error = floats.choose(desk.live[pixel // LANES], error, zeros)
        losses = floats.add(losses, floats.multiply(error, error))
        error = floats.multiply(error, factor)
        bias = floats.add(bias, error)
        keep(desk, plane, 0, pixel, error, zeros)
    place = layer * desk.channels * LANES
    floats.store(desk.bias_gradient, place, floats.add(floats.load(desk.bias_gradient, place), bias))
    return float(floats.total(losses))
