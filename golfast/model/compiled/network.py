"""A network on an engine: the gradient of its loss, and what it imagines."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.model.compiled.choose import KINDS
from golfast.model.compiled.engine import Batch, Shape, layers_of
from golfast.model.compiled.program import Drawing, Writer
from golfast.model.config import ModelConfig
from golfast.model.network import Decoder, Network


class CompiledNetwork:
    """A network that learns, with the parameters in the order of `Network.parameters()`."""

    def __init__(self, engine: str, config: ModelConfig, height: int, width: int) -> None:
        """Room for a network of this config on boards of this size; the engine must be able to run it here."""
        with torch.device("meta"):
            layers = layers_of(Network(config))
        self._writer = Writer(config)
        self._imagining = self._writer.imagining()
        self._learning = {autoencoder: self._writer.learning(autoencoder) for autoencoder in (False, True)}
        planes, first_gradient = self._writer.planes, self._writer.first_gradient
        shape = Shape(layers, config.channels, config.slope, planes, first_gradient, height, width)
        self.engine = KINDS[engine].make(shape)
        self._size = config.timesteps, height, width

    def load(self, network: Network) -> None:
        """Take the weights of a network."""
        self.engine.load(network)

    def gradient(self, first: Tensor, last: Tensor, *, autoencoder: bool) -> float:
        """The loss of a batch, and its gradient in `engine.gradients`.

        first, last: (B, 1, H, W) float32 on the CPU. The loss is the mean squared error of the predicted last state,
        with `autoencoder` averaged with that of the first state recreated.
        """
        scales = np.array([0.5, 0.5] if autoencoder else [1.0, 0.0]) / first.numel()
        sums = np.zeros(2)
        self.engine.pack()
        self.engine.run(self._learning[autoencoder], Batch(_flat(first), _flat(last), scales, sums))
        self.engine.unpack()
        return float(scales @ sums)

    def imagine(self, first: Tensor) -> Tensor:
        """As `Network.imagine`: (B, 1, H, W) float32 to (B, T, H, W) float32."""
        pictures = torch.empty(len(first), *self._size)
        self.engine.pack()
        self.engine.run(self._imagining, Batch(_flat(first), pictures=pictures.flatten(2).numpy()))
        return pictures


class CompiledImagination:
    """A finished network, and what several decoders draw of its hidden states."""

    def __init__(
        self,
        engine: str,
        network: Network,
        draws: Sequence[Sequence[tuple[int, Decoder]]],
        height: int,
        width: int,
    ) -> None:
        """draws: for each result its pictures, as (the timestep whose hidden state is drawn, by which decoder)."""
        config = network.config
        decoders = {id(decoder): decoder for draw in draws for _, decoder in draw if decoder is not network.decoder}
        modules = [network, *decoders.values()]
        counts = [len(layers_of(module)) for module in modules]
        firsts = dict(zip(decoders, np.cumsum(counts)[:-1].tolist(), strict=True))
        firsts[id(network.decoder)] = counts[0] - config.decoder_layers
        drawings = [
            Drawing(timestep, firsts[id(decoder)], len(layers_of(decoder)))
            for draw in draws
            for timestep, decoder in draw
        ]
        writer = Writer(config, most_decoder_layers=max(drawing.layers for drawing in drawings))
        self._program = writer.imagining(drawings)
        shape = Shape(
            layers_of(*modules), config.channels, config.slope, writer.planes, writer.first_gradient, height, width
        )
        self._engine = KINDS[engine].make(shape)
        self._engine.load(*modules)
        self._engine.pack()
        self._size = height, width
        self._counts = [len(draw) for draw in draws]

    def __call__(self, first: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """First states (B, H, W) float32 to the pictures of each result, (B, k, H, W) float32."""
        pictures = np.empty((len(first), sum(self._counts), first[0].size), np.float32)
        self._engine.run(self._program, Batch(first.reshape(len(first), -1), pictures=pictures))
        shaped = pictures.reshape(*pictures.shape[:2], *self._size)
        return np.split(shaped, np.cumsum(self._counts)[:-1], axis=1)


def _flat(states: Tensor) -> NDArray[np.float32]:
    cells: NDArray[np.float32] = states.flatten(1).contiguous().numpy()
    return cells
