"""Optimisers and their schedule."""

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Adam, Muon, Optimizer

from golfast.model import Network
from golfast.train.config import OptimiserConfig

Made = TypeVar("Made", bound=nn.Module)


class Optimisers:
    """The optimisers of a network, stepped as one."""

    def __init__(self, network: Network, config: OptimiserConfig, steps: int) -> None:
        self._config, self._steps = config, steps
        self._parameters = list(network.parameters())
        # Muon is for matrices that act within the network, the core's; the encoder's and the decoder's are vectors.
        matrices = [p for p in network.cores.parameters() if p.ndim == 2] if config.name == "muon" else []
        ours = {id(p) for p in matrices}
        rest = [p for p in self._parameters if id(p) not in ours]
        adam = Adam(rest, lr=config.adam_lr, betas=(0.9, config.beta2), fused=True)
        self._all: list[tuple[Optimizer, float]] = [(adam, config.adam_lr)]
        if matrices:
            muon = Muon(matrices, lr=config.lr, momentum=config.momentum, weight_decay=0, adjust_lr_fn="original")
            self._all.append((muon, config.lr))

    def step(self, loss: Tensor, step: int) -> None:
        """Move the weights down the gradient of `loss`; `step` counts from 0."""
        self.backward(loss)
        self.clip()
        self.move(step)

    def backward(self, loss: Tensor) -> None:
        """Set the gradients to those of `loss`."""
        for optimiser, _ in self._all:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]

    def clip(self) -> None:
        """Bring each gradient into its bounds."""
        if self._config.clip:
            nn.utils.clip_grad_value_(self._parameters, self._config.clip, foreach=True)

    def move(self, step: int) -> None:
        """Move the weights down the gradients."""
        factor = rate_factor(self._config, step, self._steps)
        for optimiser, rate in self._all:
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
            optimiser.step()

    def state(self) -> list[dict[str, object]]:
        """For a checkpoint."""
        return [optimiser.state_dict() for optimiser, _ in self._all]

    def load(self, states: list[dict[str, object]]) -> None:
        """From a checkpoint."""
        for (optimiser, _), state in zip(self._all, states, strict=True):
            optimiser.load_state_dict(state)


def rate_factor(config: OptimiserConfig, step: int, steps: int) -> float:
    """What the learning rates are multiplied by at a step, counted from 0, of so many."""
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    if config.schedule == "exponential":
        return float(warm * config.decay ** (step / config.decay_steps))
    gone = step / steps
    if config.schedule == "cosine":
        gone = (1 - math.cos(math.pi * gone)) / 2
    return warm * (1 - (1 - config.final) * gone)


def seeded_network(network: Callable[..., Made], *args: object, seed: int, **options: object) -> Made:
    """A network whose first weights are decided by the seed, leaving torch's own random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network(*args, **options)
