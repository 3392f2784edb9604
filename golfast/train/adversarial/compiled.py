"""The game in compiled code, on one CPU core: the decoder on an engine, the discriminator and optimisers beside it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.data import States
from golfast.model import Network
from golfast.model.compiled.decoder import CompiledDecoder
from golfast.model.compiled.discriminator import CompiledDiscriminator
from golfast.run.precision import Compute
from golfast.train.adversarial.game import BETAS, Game, mean_share
from golfast.train.config import TrainConfig
from golfast.train.descent import Adam, clip
from golfast.train.flat import live_in

Floats = NDArray[np.float32]


class CompiledGame(Game):
    """By engines of `golfast.model.compiled`. What is dropped in the discriminator differs from torch's."""

    channels_last = False

    def __init__(self, config: TrainConfig, network: Network, packed: States, compute: Compute) -> None:
        """packed: training trajectories, (N, m, H, ceil(W/8)) uint8."""
        assert compute.bf16
        super().__init__(config, network, packed, compute)
        model, height, width = config.model, config.data.height, config.data.width
        most = (model.timesteps + 1) * self.config.batch
        self.ours = CompiledDecoder(config.engine, model, self.config.layers, most, height, width)
        self.ours.engine.load(self.decoder)
        live_in(self.decoder, self.ours.engine.weights)
        self.theirs = CompiledDiscriminator(height, width, self.discriminator.channels)
        self.theirs.load(self.discriminator)
        live_in(self.discriminator, self.theirs.weights)
        self.kept = self.ours.engine.weights.copy()
        live_in(self.mean, self.kept)
        self.our_adam, self.their_adam = Adam(self.ours.engine.weights, BETAS), Adam(self.theirs.weights, BETAS)
        self.hidden = self.pool.planes().view(torch.int16).numpy().view(np.uint16)  # as the engines are shown them
        self.truth = self.pool.truth.flatten(2).numpy()

    def step(self, step: int) -> Tensor:
        """Train one step, counted from 0, and return the loss without the game's."""
        turn, batch = self.turn(step), self.config.batch
        chosen, others = turn.chosen.numpy(), turn.others.numpy()
        hidden = self.hidden[turn.timesteps][:, chosen]
        drawn = self.ours.draw(hidden.reshape(-1, *hidden.shape[2:])).reshape(len(hidden), batch, -1)
        blames = np.zeros_like(drawn)
        loss = _square(drawn[-1], self.truth[chosen, -1], blames[-1])
        if self.draws_first:
            loss = (loss + _square(drawn[0], self.truth[chosen, 0], blames[0])) / 2
            blames /= 2
        if turn.weight is not None:
            fakes = drawn[self.untrained].reshape(-1, drawn.shape[2])
            masks = self.theirs.draw_masks(batch + len(fakes))
            wished = self.theirs.judge(self.truth[others, 0].astype(np.float32), fakes, masks)
            blames[self.untrained] = turn.weight * wished.reshape(-1, *drawn.shape[1:])
            self.their_adam.step(self.theirs.gradients, self.config.discriminator_lr, step - self.config.alone)
        self.ours.learn(blames.reshape(-1, drawn.shape[2]))
        gradients = self.ours.engine.gradients
        if self.config.clip:
            clip(gradients, self.config.clip)
        self.our_adam.step(gradients, self.config.lr, step)
        self.kept += np.float32(mean_share(step)) * (self.ours.engine.weights - self.kept)
        return torch.tensor(loss)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {name: torch.from_numpy(array.copy()) for name, array in self._arrays.items()}

    def load(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        for name, array in self._arrays.items():
            array[:] = state[name].numpy()

    @property
    def _arrays(self) -> dict[str, Floats]:
        return {
            "decoder": self.ours.engine.weights,
            "decoder means": self.our_adam.means,
            "decoder squares": self.our_adam.squares,
            "mean": self.kept,
            "discriminator": self.theirs.weights,
            "discriminator means": self.their_adam.means,
            "discriminator squares": self.their_adam.squares,
        }


def _square(drawn: Floats, states: NDArray[np.uint8], blames: Floats) -> float:
    """The mean squared error of what is drawn, (B, H * W); its gradient goes to `blames`."""
    error = drawn - states
    blames[:] = error * np.float32(2 / error.size)
    return float(np.square(error, dtype=np.float64).mean())
