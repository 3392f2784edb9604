"""The paper's network and its training as people write them with torch.nn: float32, eager, tensors as they come."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from golfast.train import TrainConfig


class Plain(nn.Module):
    """Encoder, core and decoder of nn.Conv2d and nn.LeakyReLU."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        model = config.model

        def stack(inputs: int, layers: int) -> list[nn.Module]:
            modules: list[nn.Module] = []
            for k in range(layers):
                modules.append(nn.Conv2d(inputs if k == 0 else model.channels, model.channels, 3, padding=1))
                modules.append(nn.LeakyReLU(model.slope))
            return modules

        self.timesteps, self.residual = model.timesteps, model.residual
        self.encoder = nn.Sequential(*stack(1, model.encoder_layers))
        self.core = nn.Sequential(*stack(model.channels, model.core_layers))
        last = nn.Conv2d(model.channels, 1, 3, padding=1)
        self.decoder = nn.Sequential(*stack(model.channels, model.decoder_layers - 1), last)

    def forward(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """First states (B, 1, H, W) to the predicted last state and the first state recreated."""
        encoded = hidden = self.encoder(first)
        for _ in range(self.timesteps):
            hidden = hidden + self.core(hidden) if self.residual else self.core(hidden)
        return self.decoder(hidden), self.decoder(encoded)

    def convolutions(self) -> list[nn.Conv2d]:
        """In the order in which a state passes them."""
        return [module for module in self.modules() if isinstance(module, nn.Conv2d)]


def plain_step(
    network: Plain, config: TrainConfig, *, channels_last: bool = False, bf16: bool = False
) -> Callable[[Tensor, Tensor], Tensor]:
    """A training step (first, last) -> loss with Adam and gradients clipped by value."""
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=config.optimiser.adam_lr)

    def step(first: Tensor, last: Tensor) -> Tensor:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            predicted, recreated = network(first)
        loss = (mse_loss(predicted.float(), last) + mse_loss(recreated.float(), first)) / 2
        loss.backward()
        nn.utils.clip_grad_value_(network.parameters(), config.optimiser.clip)
        optimiser.step()
        return loss.detach()

    return step
