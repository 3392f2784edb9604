"""A network as a program: a table of instructions that a compiled loop runs for one board after the other.

So all that a board needs, forward and back, stays in the second cache, and one loop serves every network. What runs it
are `amx` and `avx512`, each with kernels and a layout of its own.

Planes of a board: 0 the first state; then one for each hidden layer of the encoder, of the timesteps and of the two
uses of the decoder (on the last hidden state, and on the encoder's), in that order; then the gradients': 0 the
picture's, 1 and 2 in turn those of the sums of the layers, 3 that of a hidden state. A hidden layer's signs are kept
under the number of its plane.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golfast.model.config import ModelConfig

NONE = -1  # no such plane
GRADIENT_PLANES = 4
TAKE, HIDDEN, PICTURE, DRAW, BLAME, BACK, PAIR, WEIGHT, SHOW, ACCEPT = range(10)
"""Instructions and their operands:

TAKE plane: a board's cells become channel 0 of a plane.
HIDDEN layer, source, target, residual: target = leaky ReLU of the convolved source, plus the plane residual.
PICTURE layer, source: the picture = the convolved source, of one output.
DRAW number: the picture is one of the results.
BLAME what, layer, plane: the gradient of the picture's error, as LAST or FIRST, goes to a plane, and to the layer's
    bias.
BACK layer, source, added, plain, masked, below, inputs: from the gradient of a layer's sums (source) to that of its
    input, plus the plane added; it goes to plane plain, and through the leaky ReLU of the layer below to plane masked.
PAIR layer, inputs: make the input of a layer ready for its WEIGHT, where no BACK of the layer did.
WEIGHT layer, source, inputs: add to a layer's gradient what its input and the gradient of its sums (source) give.
SHOW number, plane: a plane becomes a hidden state that was handed over.
ACCEPT number, layer, plane: the gradient of a picture, as it was handed over, goes to a plane, and to the layer's bias.
"""
_OPERANDS = 7
LAST, FIRST = range(2)  # what a picture should have been

Instruction = tuple[int, ...]
Program = NDArray[np.int64]
"""Instructions as rows: the code and its operands."""


class Drawing(NamedTuple):
    """A picture that is wanted: of a timestep's hidden state, by the decoder with these layers."""

    timestep: int
    first_layer: int
    layers: int


class Writer:
    """Writes the programs of networks of one config."""

    def __init__(self, config: ModelConfig, *, most_decoder_layers: int = 1) -> None:
        """most_decoder_layers: of decoders besides the network's own."""
        self._config = config
        cores = 1 if config.shared_core else config.timesteps
        self._first_decoder = config.encoder_layers + cores * config.core_layers
        self._decoder_planes = 1 + config.encoder_layers + config.timesteps * config.core_layers
        decoding = max(2 * (config.decoder_layers - 1), most_decoder_layers - 1)
        self.first_gradient = self._decoder_planes + decoding
        self.planes = self.first_gradient + GRADIENT_PLANES

    def imagining(self, drawings: Sequence[Drawing] | None = None) -> Program:
        """From a first state to some pictures; those of timesteps 1..T by the network's own decoder, unless told."""
        if drawings is None:
            layers, timesteps = self._config.decoder_layers, range(1, self._config.timesteps + 1)
            drawings = [Drawing(timestep, self._first_decoder, layers) for timestep in timesteps]
        steps = [*self._thinking()]
        for number, (timestep, first_layer, layers) in enumerate(drawings):
            planes = range(self._decoder_planes, self._decoder_planes + layers - 1)
            steps += [*_decoding(first_layer, [self._hidden(timestep), *planes]), (DRAW, number)]
        return _table(steps)

    def learning(self, autoencoder: bool) -> Program:
        """From a first and a last state to the gradient of the weights."""
        config = self._config
        picture, one, two, hidden = range(self.first_gradient, self.planes)
        final = config.timesteps
        steps = [*self._thinking(), *self._decoding(self._hidden(final), 0)]
        steps += [(BLAME, LAST, self._first_decoder + config.decoder_layers - 1, picture)]
        steps += self._decoder_back(
            0, self._hidden(final), NONE, hidden, two, self._core(final, config.core_layers - 1)
        )
        source, spare = two, one
        for timestep in range(final, 0, -1):
            for k in range(config.core_layers - 1, -1, -1):
                layer, inputs = self._core(timestep, k), self._hidden(timestep - 1) + k
                added = hidden if config.residual else NONE
                if k > 0:
                    back = NONE, NONE, spare, layer - 1
                elif timestep > 1:
                    back = added, hidden, spare, self._core(timestep - 1, config.core_layers - 1)
                elif autoencoder:  # the encoder's state has another gradient to come
                    back = added, hidden, NONE, NONE
                else:
                    back = added, NONE, spare, config.encoder_layers - 1
                steps += [(BACK, layer, source, *back, inputs), (WEIGHT, layer, source, inputs)]
                source, spare = spare, source
        if autoencoder:
            start = self._hidden(0)
            steps += [*self._decoding(start, 1)]
            steps += [(BLAME, FIRST, self._first_decoder + config.decoder_layers - 1, picture)]
            steps += self._decoder_back(1, start, hidden, NONE, two, config.encoder_layers - 1)
            source, spare = two, one
        for k in range(config.encoder_layers - 1, -1, -1):
            steps += [(BACK, k, source, NONE, NONE, spare, k - 1, k) if k else (PAIR, k, k), (WEIGHT, k, source, k)]
            source, spare = spare, source
        return _table(steps)

    def _hidden(self, timestep: int) -> int:
        """The plane of a hidden state; that of timestep 0 is the encoder's."""
        return self._config.encoder_layers + timestep * self._config.core_layers

    def _core(self, timestep: int, k: int) -> int:
        """The number of layer k of the core that timestep 1.. uses."""
        own = 0 if self._config.shared_core else timestep - 1
        return self._config.encoder_layers + own * self._config.core_layers + k

    def _thinking(self) -> Iterator[Instruction]:
        yield TAKE, 0
        for k in range(self._config.encoder_layers):
            yield HIDDEN, k, k, k + 1, NONE
        for timestep in range(1, self._config.timesteps + 1):
            before = self._hidden(timestep - 1)
            for k in range(self._config.core_layers):
                last = k == self._config.core_layers - 1
                residual = before if self._config.residual and last else NONE
                yield HIDDEN, self._core(timestep, k), before + k, before + k + 1, residual

    def _decoder_inputs(self, hidden: int, use: int) -> list[int]:
        """The planes that the decoder's layers read in its first (0) or second (1) use."""
        hidden_layers = self._config.decoder_layers - 1
        first = self._decoder_planes + use * hidden_layers
        return [hidden, *range(first, first + hidden_layers)]

    def _decoding(self, hidden: int, use: int) -> Iterator[Instruction]:
        return _decoding(self._first_decoder, self._decoder_inputs(hidden, use))

    def _decoder_back(
        self, use: int, hidden: int, added: int, plain: int, masked: int, below: int
    ) -> Iterator[Instruction]:
        """From the picture's gradient to that of a hidden state, and of the sums of the layer below it."""
        source, spare = self.first_gradient, self.first_gradient + 1
        for k, inputs in reversed([*enumerate(self._decoder_inputs(hidden, use))]):
            layer = self._first_decoder + k
            back = (NONE, NONE, spare, layer - 1) if k else (added, plain, masked, below)
            yield BACK, layer, source, *back, inputs
            yield WEIGHT, layer, source, inputs
            source, spare = spare, source


class Reader:
    """Writes the programs of a decoder alone, of up to so many hidden states at a time."""

    def __init__(self, layers: int, most: int) -> None:
        self._layers = layers
        self.first_gradient = most * layers
        self.planes = self.first_gradient + GRADIENT_PLANES

    def drawing(self, count: int) -> Program:
        """From hidden states that are shown to pictures."""
        steps: list[Instruction] = []
        for number in range(count):
            inputs = self._inputs(number)
            steps += [(SHOW, number, inputs[0]), *_decoding(0, inputs), (DRAW, number)]
        return _table(steps)

    def learning(self, count: int) -> Program:
        """From the gradients of those pictures, handed over, to the gradient of the weights."""
        steps: list[Instruction] = []
        for number in range(count):
            source, spare = self.first_gradient, self.first_gradient + 1
            steps += [(ACCEPT, number, self._layers - 1, source)]
            for k, inputs in reversed([*enumerate(self._inputs(number))]):
                steps += [(BACK, k, source, NONE, NONE, spare, k - 1, inputs) if k else (PAIR, k, inputs)]
                steps += [(WEIGHT, k, source, inputs)]
                source, spare = spare, source
        return _table(steps)

    def _inputs(self, number: int) -> list[int]:
        """The planes that the layers read for a hidden state, which is the first."""
        return [*range(number * self._layers, (number + 1) * self._layers)]


def _decoding(first_layer: int, inputs: Sequence[int]) -> Iterator[Instruction]:
    """From the planes that a decoder's layers read, of which the first is a hidden state, to the picture."""
    for k, (source, target) in enumerate(pairwise(inputs)):
        yield HIDDEN, first_layer + k, source, target, NONE
    yield PICTURE, first_layer + len(inputs) - 1, inputs[-1]


def _table(steps: list[Instruction]) -> Program:
    return np.array([(*step, *[0] * (_OPERANDS + 1 - len(step))) for step in steps], np.int64)
