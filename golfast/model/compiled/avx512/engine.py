"""Layers on the bfloat16 dot products of one AVX-512 core."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import float32, uint32
from numpy.typing import NDArray

from golfast.jit import kernel
from golfast.model.compiled import floats
from golfast.model.compiled.avx512.convolve import Desk
from golfast.model.compiled.avx512.layout import GROUP, LANES, TAPS, TOGETHER, Geometry, padded, pairs
from golfast.model.compiled.avx512.run import run
from golfast.model.compiled.engine import Batch, Engine, Layer, Shape
from golfast.model.compiled.program import Program
from golfast.vector import aligned


class Avx512Engine(Engine):
    """Layers on AVX-512."""

    def __init__(self, shape: Shape) -> None:
        """Room for these layers and planes, on a CPU that `can_run` a network of so many channels."""
        super().__init__(shape)
        geometry, channels, layers = Geometry(shape.height, shape.width), padded(shape.channels), len(shape.layers)
        self._places = geometry.cells
        sizes = np.array([_sizes(layer) for layer in shape.layers])
        starts = np.cumsum(sizes, axis=0) - sizes
        words, turned_words, sums = sizes.sum(axis=0)
        self._map = _places_of(shape.layers, starts, channels)
        step = np.arange(pairs(channels))[:, None] * geometry.pixels
        self._desk = Desk(
            weights=aligned(words, np.uint32),
            turned_weights=aligned(turned_words, np.uint32),
            starts=starts,
            inputs=np.array([layer.inputs for layer in shape.layers]),
            outputs=np.array([layer.outputs for layer in shape.layers]),
            biases=aligned(layers * channels, np.float32),
            gradient=aligned(sums, np.float32),
            bias_gradient=aligned(layers * channels * LANES, np.float32),
            planes=aligned(shape.planes * channels // 2 * geometry.pixels, np.uint32),
            rows=aligned(shape.planes * channels * geometry.pixels, np.uint16),
            signs=np.zeros(shape.planes * channels * geometry.pixels // LANES, np.uint16),
            picture=aligned(geometry.pixels, np.float32),
            wanted=aligned(geometry.pixels, np.float32),
            sums=aligned(GROUP * TOGETHER, np.float32),
            offsets=(step + geometry.taps).reshape(-1),
            turned_offsets=(step - geometry.taps).reshape(-1),
            taps=geometry.taps,
            live=geometry.live,
            channels=channels,
            pixels=geometry.pixels,
            margin=geometry.margin,
            blocks=geometry.blocks,
            row_vectors=geometry.row_vectors,
            slope=shape.slope,
        )

    def pack(self) -> None:
        """As `Engine.pack`."""
        _pack(self.weights, self._map, self._desk)

    def unpack(self) -> None:
        """As `Engine.unpack`."""
        _unpack(self.gradients, self._map, self._desk)

    def run(self, program: Program, batch: Batch) -> None:
        """As `Engine.run`."""
        run(self._desk, program, self._places, *batch)


def _group(layer: Layer) -> int:
    """How many outputs of a layer are computed at a time: one that draws has only one."""
    return 1 if layer.draws else GROUP


def _sizes(layer: Layer) -> tuple[int, int, int]:
    """Words of a layer's weights and turned weights, and elements of its gradient."""
    inputs, outputs, group = layer.inputs, layer.outputs, _group(layer)
    forward = TAPS * pairs(inputs) * -(-outputs // group) * group
    return forward, TAPS * pairs(outputs) * padded(inputs), TAPS * padded(inputs) * padded(outputs) * LANES


def _places_of(layers: Sequence[Layer], starts: NDArray[np.int64], channels: int) -> NDArray[np.int64]:
    """For each parameter its places: halves of words in the weights and turned weights, and in the gradient.

    Or (-1, -1, its place in the biases). (parameters, 3).
    """
    parts = []
    for number, layer in enumerate(layers):
        inputs, outputs = layer.inputs, layer.outputs
        o, tap, c = np.meshgrid(np.arange(outputs), np.arange(TAPS), np.arange(inputs), indexing="ij")

        def word(out: Any, tap: Any, into: Any, count: int, group: int) -> Any:
            step = into // 2 * TAPS + tap
            return 2 * ((out // group * pairs(count) * TAPS + step) * group + out % group) + into % 2

        forward, back = word(o, tap, c, inputs, _group(layer)), word(c, tap, o, outputs, GROUP)
        block = (o // GROUP * (padded(inputs) // GROUP) + c // GROUP) * TAPS + tap
        gradient = ((block * GROUP + o % GROUP) * GROUP + c % GROUP) * LANES
        parts.append(np.stack([forward, back, gradient], -1).reshape(-1, 3) + starts[number] * (2, 2, 1))
        biases = np.full((outputs, 3), -1)
        biases[:, 2] = number * channels + np.arange(outputs)
        parts.append(biases)
    return np.concatenate(parts).astype(np.int64)


@kernel
def _pack(weights: Any, places: Any, desk: Any) -> None:
    """Put float32 parameters where the kernels want them, rounded to bfloat16."""
    bits = weights.view(np.uint32)
    forward, back = desk.weights.view(np.uint16), desk.turned_weights.view(np.uint16)
    for k in range(places.shape[0]):
        if places[k, 0] < 0:
            desk.biases[places[k, 2]] = weights[k]
        else:
            rounded = (bits[k] + uint32(0x7FFF) + (bits[k] >> uint32(16) & uint32(1))) >> uint32(16)
            forward[places[k, 0]] = rounded
            back[places[k, 1]] = rounded
    desk.gradient[:] = float32(0)
    desk.bias_gradient[:] = float32(0)


@kernel
def _unpack(gradients: Any, places: Any, desk: Any) -> None:
    """Collect the gradients of the parameters."""
    for k in range(places.shape[0]):
        if places[k, 0] < 0:
            gradients[k] = floats.total(floats.load(desk.bias_gradient, places[k, 2] * LANES))
        else:
            gradients[k] = floats.total(floats.load(desk.gradient, places[k, 2]))
