"""A decoder on an engine, taught by whoever looks at its pictures."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from golfast.model.compiled.choose import KINDS
from golfast.model.compiled.engine import Batch, Shape, layers_of
from golfast.model.compiled.program import Reader
from golfast.model.config import ModelConfig
from golfast.model.network import Decoder


class CompiledDecoder:
    """A decoder that draws up to `most` hidden states at a time, with the parameters in the order of a Decoder's.

    All of those are kept until the gradients are had, in the outer caches: nothing is computed twice.
    """

    def __init__(self, engine: str, config: ModelConfig, layers: int, most: int, height: int, width: int) -> None:
        """Room for such a decoder on boards of this size; the engine must be able to run the network here."""
        with torch.device("meta"):
            shapes = layers_of(Decoder(config, layers))
        reader = Reader(layers, most)
        self.engine = KINDS[engine].make(
            Shape(shapes, config.channels, config.slope, reader.planes, reader.first_gradient, height, width)
        )
        self._drawing, self._learning = cache(reader.drawing), cache(reader.learning)
        self._nothing = np.zeros((1, height * width), np.float32)

    def draw(self, hidden: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Hidden states (n, C, H * W) bfloat16 to pictures (n, H * W) float32."""
        pictures = np.empty((1, len(hidden), hidden.shape[2]), np.float32)
        self.engine.pack()
        self.engine.run(self._drawing(len(hidden)), Batch(self._nothing, pictures=pictures, hidden=hidden))
        drawn: NDArray[np.float32] = pictures[0]
        return drawn

    def learn(self, blames: NDArray[np.float32]) -> None:
        """From the gradients of the pictures last drawn, (n, H * W), those of the weights, in `engine.gradients`."""
        self.engine.run(self._learning(len(blames)), Batch(self._nothing, blames=blames))
        self.engine.unpack()
