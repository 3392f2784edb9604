"""A network's way forward and back, board by board: so all that a board needs stays in the second cache.

Planes of a board: 0 the first state; then one for each hidden layer of the encoder, of the timesteps and of the two
uses of the decoder (on the last hidden state and on the encoder's), in that order; then four for gradients. A hidden
layer's signs are kept under the number of its plane.
"""

from typing import Any, NamedTuple

from numba import float32

from golfast.jit import kernel, part
from golfast.model.amx import floats
from golfast.model.amx.convolve import (
    NONE,
    hidden_layer,
    input_gradient,
    pair,
    picture_layer,
    turned_at,
    weight_gradient,
)
from golfast.model.amx.layout import ROW
from golfast.model.amx.tiles import release
from golfast.model.config import ModelConfig

GRADIENT_PLANES = 4


class Shape(NamedTuple):
    """A `ModelConfig` as kernels take it."""

    encoder: int
    core: int
    decoder: int
    timesteps: int
    shared: bool
    residual: bool

    @classmethod
    def of(cls, config: ModelConfig) -> "Shape":
        """The shape of a config."""
        return cls(
            config.encoder_layers, config.core_layers, config.decoder_layers, config.timesteps, config.shared_core,
            config.residual,
        )  # fmt: skip

    def planes(self) -> int:
        """How many planes a board needs."""
        return 1 + self.encoder + self.timesteps * self.core + 2 * (self.decoder - 1) + GRADIENT_PLANES


@part
def _hidden(shape: Any, timestep: int) -> int:
    """The plane of the hidden state of a timestep; 0 is the encoder's."""
    return shape.encoder + timestep * shape.core


@part
def _core_layer(shape: Any, timestep: int, k: int) -> int:
    """The number of layer k of the core that timestep 1.. uses."""
    return shape.encoder + (0 if shape.shared else (timestep - 1) * shape.core) + k


@part
def _decoder_layer(shape: Any, k: int) -> int:
    return shape.encoder + (1 if shape.shared else shape.timesteps) * shape.core + k


@part
def _decoder_plane(shape: Any, again: int, k: int) -> int:
    """The plane of hidden layer k of a use of the decoder."""
    return 1 + shape.encoder + shape.timesteps * shape.core + again * (shape.decoder - 1) + k


@part
def _gradient_plane(shape: Any, k: int) -> int:
    return 1 + shape.encoder + shape.timesteps * shape.core + 2 * (shape.decoder - 1) + k


@part
def _take(desk: Any, cells: Any, places: Any, plane: int) -> None:
    """Put a board's cells (H * W,) float32 into channel 0 of a plane."""
    pixels = desk.live.shape[0]
    zeros = floats.splat(float32(0))
    for k in range(places.shape[0]):
        at = (plane * pixels + places[k]) * ROW
        floats.store_row(desk.planes, at, floats.first(cells[k]), zeros)


@part
def _think(desk: Any, shape: Any) -> None:
    """From plane 0 to all hidden states."""
    for k in range(shape.encoder):
        hidden_layer(desk, k, k, k + 1, NONE)
    for timestep in range(1, shape.timesteps + 1):
        before = _hidden(shape, timestep - 1)
        for k in range(shape.core):
            residual = before if shape.residual and k == shape.core - 1 else NONE
            hidden_layer(desk, _core_layer(shape, timestep, k), before + k, before + k + 1, residual)


@part
def _decode(desk: Any, shape: Any, hidden: int, again: int) -> None:
    """From the plane of a hidden state to the picture."""
    source = hidden
    for k in range(shape.decoder - 1):
        target = _decoder_plane(shape, again, k)
        hidden_layer(desk, _decoder_layer(shape, k), source, target, NONE)
        source = target
    picture_layer(desk, _decoder_layer(shape, shape.decoder - 1), source)


@part
def _blame(desk: Any, shape: Any, wanted: Any, places: Any, scale: float) -> float:
    """Gradient plane 0 = that of `scale` times the sum of squared errors of the picture; the sum itself."""
    pixels, total, bias = desk.live.shape[0], 0.0, 0.0
    plane, layer = _gradient_plane(shape, 0), _decoder_layer(shape, shape.decoder - 1)
    channel, zeros = turned_at(desk, plane), floats.splat(float32(0))
    for k in range(places.shape[0]):
        error = desk.picture[places[k]] - wanted[k]
        total += error * error
        bias += 2 * scale * error
        at = (plane * pixels + places[k]) * ROW
        floats.store_row(desk.planes, at, floats.first(float32(2 * scale * error)), zeros)
        desk.turned[channel + places[k] - desk.margin] = desk.planes[at]
    desk.bias_gradient[layer * ROW] += bias
    return total


@part
def _learn_decoder(
    desk: Any, shape: Any, hidden: int, again: int, added: int, plain: int, masked: int, below: int
) -> None:
    """Back through the decoder, from gradient plane 0 to the plane of a hidden state and the layer below it."""
    source, spare = _gradient_plane(shape, 0), _gradient_plane(shape, 1)
    for k in range(shape.decoder - 1, -1, -1):
        layer = _decoder_layer(shape, k)
        if k > 0:
            inputs = _decoder_plane(shape, again, k - 1)
            input_gradient(desk, layer, source, NONE, NONE, spare, layer - 1, inputs)
            weight_gradient(desk, layer, source)
            source, spare = spare, source
        else:
            input_gradient(desk, layer, source, added, plain, masked, below, hidden)
            weight_gradient(desk, layer, source)


@kernel
def learn(
    desk: Any, shape: Any, places: Any, first: Any, last: Any, autoencoder: bool, prediction_scale: float,
    autoencoder_scale: float, sums: Any,
) -> None:  # fmt: skip
    """Add the gradient of a batch to the desk's, and its sums of squared errors to sums (2,) float64.

    first, last: (B, H * W) float32. The loss is the scales times the sums: prediction, and recreation of the first.
    """
    plain = _gradient_plane(shape, 3)
    for board in range(first.shape[0]):
        _take(desk, first[board], places, 0)
        _think(desk, shape)
        end, start = _hidden(shape, shape.timesteps), _hidden(shape, 0)
        _decode(desk, shape, end, 0)
        sums[0] += _blame(desk, shape, last[board], places, prediction_scale)
        source, spare = _gradient_plane(shape, 2), _gradient_plane(shape, 1)
        _learn_decoder(desk, shape, end, 0, NONE, plain, source, _core_layer(shape, shape.timesteps, shape.core - 1))
        for timestep in range(shape.timesteps, 0, -1):
            for k in range(shape.core - 1, -1, -1):
                layer, inputs = _core_layer(shape, timestep, k), _hidden(shape, timestep - 1) + k
                added = plain if shape.residual else NONE
                if k > 0:
                    input_gradient(desk, layer, source, NONE, NONE, spare, layer - 1, inputs)
                elif timestep > 1:
                    below = _core_layer(shape, timestep - 1, shape.core - 1)
                    input_gradient(desk, layer, source, added, plain, spare, below, inputs)
                elif autoencoder:
                    input_gradient(desk, layer, source, added, plain, NONE, NONE, inputs)
                else:
                    input_gradient(desk, layer, source, added, plain, spare, shape.encoder - 1, inputs)
                weight_gradient(desk, layer, source)
                source, spare = spare, source
        if autoencoder:
            _decode(desk, shape, start, 1)
            sums[1] += _blame(desk, shape, first[board], places, autoencoder_scale)
            source, spare = _gradient_plane(shape, 2), _gradient_plane(shape, 1)
            _learn_decoder(desk, shape, start, 1, plain, NONE, source, shape.encoder - 1)
        for k in range(shape.encoder - 1, -1, -1):
            if k > 0:
                input_gradient(desk, k, source, NONE, NONE, spare, k - 1, k)
            else:
                pair(desk, k, k)
            weight_gradient(desk, k, source)
            source, spare = spare, source
    release()


@kernel
def imagine(desk: Any, shape: Any, places: Any, first: Any, pictures: Any) -> None:
    """pictures (B, T, H * W) float32 = the decoded hidden states of timesteps 1..T of first states (B, H * W)."""
    for board in range(first.shape[0]):
        _take(desk, first[board], places, 0)
        _think(desk, shape)
        for timestep in range(shape.timesteps):
            _decode(desk, shape, _hidden(shape, timestep + 1), 0)
            for k in range(places.shape[0]):
                pictures[board, timestep, k] = desk.picture[places[k]]
    release()
