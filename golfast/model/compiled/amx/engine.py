"""Layers on the matrix unit of one CPU core."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import float32, uint16, uint32
from numpy.typing import NDArray

from golfast.jit import kernel
from golfast.model.compiled.amx.convolve import FEW_MORE, Desk
from golfast.model.compiled.amx.layout import (
    LAYER_GRADIENT,
    LAYER_WEIGHTS,
    ROW,
    TAPS,
    TOGETHER,
    Geometry,
    conv_shapes,
    gradient_shapes,
)
from golfast.model.compiled.amx.run import run
from golfast.model.compiled.engine import Batch, Engine, Layer, Shape
from golfast.model.compiled.program import GRADIENT_PLANES, Program
from golfast.vector import aligned


class AmxEngine(Engine):
    """Layers on the matrix unit."""

    def __init__(self, shape: Shape) -> None:
        """Room for these layers and planes, on a CPU that `can_run` a network of so many channels."""
        super().__init__(shape)
        layers, geometry = shape.layers, Geometry(shape.height, shape.width)
        self._places = geometry.cells
        pixels = geometry.pixels
        self._map = _places_of(layers)
        self._desk = Desk(
            weights=aligned(len(layers) * LAYER_WEIGHTS, np.uint16),
            turned_weights=aligned(len(layers) * LAYER_WEIGHTS, np.uint16),
            biases=aligned(len(layers) * ROW, np.float32),
            gradient=aligned(len(layers) * LAYER_GRADIENT, np.float32),
            bias_gradient=aligned(len(layers) * ROW, np.float32),
            shapes=np.concatenate(
                [
                    shapes
                    for inputs, outputs, _ in layers
                    for shapes in (
                        conv_shapes(inputs, outputs),
                        conv_shapes(outputs, inputs),
                        gradient_shapes(inputs, outputs),
                    )
                ]
            ),
            wide_inputs=np.array([_width(inputs) for inputs, _, _ in layers], np.uint8),
            wide_outputs=np.array([_width(outputs) for _, outputs, _ in layers], np.uint8),
            planes=aligned(shape.planes * pixels * ROW, np.uint16),
            signs=np.zeros(shape.planes * pixels, np.uint32),
            picture=np.zeros(pixels, np.float32),
            sums=aligned(2 * TOGETHER * ROW, np.float32),
            picture_sums=aligned(TOGETHER * ROW, np.float32),
            pairs=aligned(4 * (pixels // 2 + 1) * ROW, np.uint16),
            turned=aligned(GRADIENT_PLANES * ROW * geometry.blocks * TOGETHER, np.uint16),
            first_gradient=shape.first_gradient,
            taps=geometry.taps,
            live=geometry.live,
            margin=geometry.margin,
            blocks=geometry.blocks,
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


def _width(channels: int) -> int:
    """How far channels go beyond the 16 of a tile."""
    return 0 if channels <= 16 else FEW_MORE if channels <= 20 else 1


def _places_of(layers: Sequence[Layer]) -> NDArray[np.int64]:
    """For each parameter its places: in the weights, turned weights and gradient, or (-1, -1, in the biases)."""
    parts = []
    for layer, (inputs, outputs, _) in enumerate(layers):
        o, tap, c = np.meshgrid(np.arange(outputs), np.arange(TAPS), np.arange(inputs), indexing="ij")
        forward = tap * 2 * 512 + o // 16 * 512 + c // 2 * 32 + o % 16 * 2 + c % 2
        back = tap * 2 * 512 + c // 16 * 512 + o // 2 * 32 + c % 16 * 2 + o % 2
        gradient = tap * 4 * 256 + o // 16 * 512 + c // 16 * 256 + o % 16 * 16 + c % 16
        starts = layer * LAYER_WEIGHTS, layer * LAYER_WEIGHTS, layer * LAYER_GRADIENT
        parts.append(np.stack([forward, back, gradient], -1).reshape(-1, 3) + starts)
        biases = np.full((outputs, 3), -1)
        biases[:, 2] = layer * ROW + np.arange(outputs)
        parts.append(biases)
    return np.concatenate(parts).astype(np.int64)


@kernel
def _pack(weights: Any, places: Any, desk: Any) -> None:
    """Put float32 parameters where the kernels want them, rounded to bfloat16."""
    bits = weights.view(np.uint32)
    for k in range(places.shape[0]):
        if places[k, 0] < 0:
            desk.biases[places[k, 2]] = weights[k]
        else:
            rounded = uint16((bits[k] + uint32(0x7FFF) + (bits[k] >> uint32(16) & uint32(1))) >> uint32(16))
            desk.weights[places[k, 0]] = rounded
            desk.turned_weights[places[k, 1]] = rounded
    desk.gradient[:] = float32(0)
    desk.bias_gradient[:] = float32(0)


@kernel
def _unpack(gradients: Any, places: Any, desk: Any) -> None:
    """Collect the gradients of the parameters."""
    for k in range(places.shape[0]):
        if places[k, 0] < 0:
            gradients[k] = desk.bias_gradient[places[k, 2]]
        else:
            gradients[k] = desk.gradient[places[k, 2]]
