"""The game between an adversarial decoder and its discriminator: what both engines that play it have in common."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from golfast.data import States
from golfast.model import Decoder, Discriminator, Network
from golfast.run.precision import Compute
from golfast.train.config import TrainConfig
from golfast.train.hidden import HiddenPool
from golfast.train.optimise import seeded_network
from golfast.train.stage import draw_seed

BETAS = 0.5, 0.999
_MEAN_DECAY = 0.995  # of the running mean: at most the last two hundred steps


class Turn(NamedTuple):
    """What a step is about."""

    timesteps: slice
    """Whose hidden states are drawn: the last is that of the last state; the first that of the first, if that is drawn
    by a loss."""
    chosen: Tensor
    """The trajectories whose hidden states are drawn, (B,)."""
    others: Tensor
    """Those whose first states are shown as real ones, (B,)."""
    weight: float | None
    """Of pleasing the discriminator; None: nobody judges yet."""


class Game(ABC):
    """A `Stage`: the decoder, the running mean of its weights, and the discriminator."""

    channels_last = True
    """How hidden states are to lie in memory."""

    def __init__(self, config: TrainConfig, network: Network, packed: States, compute: Compute) -> None:
        """packed: training trajectories, (N, m, H, ceil(W/8)) uint8."""
        self.config, self.seed, self.compute = config.adversarial, config.seed, compute
        self.steps = self.config.steps
        self.pool = HiddenPool(
            network, packed, config.data.width, self.config.pool, compute, channels_last=self.channels_last
        )
        self.model_timesteps = config.model.timesteps
        self.draws_first = config.draws_first
        made = draw_seed(self.seed, "adversarial")
        model = config.model
        self.decoder, self.mean = (
            seeded_network(Decoder, model, self.config.layers, seed=made).to(compute.device) for _ in range(2)
        )
        least = self.config.discriminator_channels
        self.discriminator = seeded_network(
            Discriminator, config.data.height, config.data.width, channels=(least, 2 * least, 4 * least), seed=made
        ).to(compute.device)

    def turn(self, step: int) -> Turn:
        """Draw what a step, counted from 0, is about; torch's random state is then that of the step."""
        seed = draw_seed(self.seed, "adversarial", step)
        if self.compute.device.type == "cpu":
            torch.default_generator.manual_seed(seed)  # torch.manual_seed also seeds GPUs, and notes who asked: slower
        else:
            torch.manual_seed(seed)
        judged = step >= self.config.alone
        chosen, others = torch.randint(len(self.pool), (2, self.config.batch), device=self.compute.device)
        # Timesteps that no loss trains lie together: 1..T-1, or 0..T-1 where nothing says what the encoder's is.
        first = 0 if judged or self.draws_first else self.model_timesteps
        timesteps = slice(first, self.model_timesteps + 1, 1 if judged else max(1, self.model_timesteps))
        rise = (step + 1 - self.config.alone) / max(1, self.config.steps - self.config.alone)
        return Turn(timesteps, chosen, others, self.config.weight * rise if judged else None)

    @property
    def untrained(self) -> slice:
        """Which of the timesteps of a turn that is judged are those that no loss trains."""
        return slice(1 if self.draws_first else 0, -1)

    @abstractmethod
    def step(self, step: int) -> Tensor:
        """Train one step, counted from 0, and return the loss without the game's."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """For a checkpoint."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""


def mean_share(step: int) -> float:
    """The share of the weights after a step in their running mean; at first that is a mean of all that were."""
    return 1 - min(_MEAN_DECAY, (step + 1) / (step + 10))
