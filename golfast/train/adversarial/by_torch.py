"""The game in torch, on any device: the reference."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_value_
from torch.optim import Adam

from golfast.data import States
from golfast.model import Network
from golfast.run.precision import Compute
from golfast.train.adversarial.game import BETAS, Game, mean_share
from golfast.train.config import TrainConfig


class TorchGame(Game):
    """By torch's autograd and optimisers."""

    def __init__(self, config: TrainConfig, network: Network, packed: States, compute: Compute) -> None:
        """packed: training trajectories, (N, m, H, ceil(W/8)) uint8."""
        super().__init__(config, network, packed, compute)
        self.ours: list[Tensor] = list(self.decoder.parameters())
        self.theirs: list[Tensor] = list(self.discriminator.parameters())
        self.optimiser = Adam(
            ({"params": self.ours}, {"params": self.theirs, "lr": self.config.discriminator_lr}),
            lr=self.config.lr,
            betas=BETAS,
            fused=True,
        )

    def step(self, step: int) -> Tensor:
        """Train one step, counted from 0, and return the loss without the game's."""
        turn = self.turn(step)
        hidden = self.pool.hidden(turn.timesteps, turn.chosen)
        with self.compute.autocast():
            drawn = self.decoder(hidden)
        drawn = drawn.float().split(self.config.batch)
        loss = mse_loss(drawn[-1], self.pool.states(-1, turn.chosen))
        if self.draws_first:
            loss = (loss + mse_loss(drawn[0], self.pool.states(0, turn.chosen))) / 2
        told = loss.detach()
        if turn.weight is not None:
            fakes = torch.cat(drawn[self.untrained])
            loss = loss + turn.weight * self._judge(self.pool.states(0, turn.others), fakes)
        _keep_gradients(self.ours, loss)
        if self.config.clip:
            clip_grad_value_(self.ours, self.config.clip, foreach=True)
        self.optimiser.step()
        with torch.no_grad():
            mean: list[Tensor] = list(self.mean.parameters())
            torch._foreach_lerp_(mean, self.ours, mean_share(step))
        return told

    def _judge(self, real: Tensor, fakes: Tensor) -> Tensor:
        """Leave the discriminator its gradient, and return what the decoder has to lower to be taken for real."""
        on_real, on_fakes = self.discriminator(torch.cat([real, fakes])).split([len(real), len(fakes)])
        caught = cross_entropy(on_real, torch.ones_like(on_real)) + cross_entropy(on_fakes, torch.zeros_like(on_fakes))
        _keep_gradients(self.theirs, caught, retain_graph=True)
        return cross_entropy(on_fakes, torch.ones_like(on_fakes))

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "decoder": self.decoder.state_dict(),
            "mean": self.mean.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.decoder.load_state_dict(state["decoder"])
        self.mean.load_state_dict(state["mean"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimiser.load_state_dict(state["optimiser"])


def _keep_gradients(parameters: list[Tensor], loss: Tensor, *, retain_graph: bool = False) -> None:
    gradients = torch.autograd.grad(loss, parameters, retain_graph=retain_graph)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
