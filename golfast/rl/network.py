"""The actor and the critic."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from golfast.rl.config import PolicyConfig

_IMAGE_CHANNELS = (1, 3, 4)
_LARGE = 36  # pixels from which the strided convolutions fit
_PLANS = {  # channels, side and stride of the convolutions for large images
    "cnn": [(32, 8, 4), (64, 4, 2), (64, 3, 1)],
    "small-cnn": [(16, 8, 4), (32, 4, 2)],
}


class ActorCritic(nn.Module):
    """A policy over actions and a value, of one observation each.

    observations: (B, *shape), whole numbers in 0..top, or floating numbers that are taken as they are. Returns logits
    (B, actions) and values (B,), float32. Weights are orthogonal at first, with a gain of sqrt(2), and of 0.01 and 1 in
    the last layers of actor and critic, as in OpenAI's baselines.
    """

    def __init__(self, shape: tuple[int, ...], actions: int, config: PolicyConfig, *, top: int = 1) -> None:
        super().__init__()
        self.shape, self.actions, self.top = shape, actions, top
        self.actor, width = _trunk(shape, config)
        self.critic = None if config.shared else _trunk(shape, config)[0]
        self.policy = _linear(width, actions, 0.01)
        self.value = _linear(width, 1, 1.0)
        self.convolves = config.kind != "mlp"
        if self.convolves:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, actions) and values (B,)."""
        seen = self.normalised(observations)
        acting = self.actor(seen)
        judging = acting if self.critic is None else self.critic(seen)
        return self.policy(acting).float(), self.value(judging).float().squeeze(-1)

    def logits(self, observations: Tensor) -> Tensor:
        """The actor alone, (B, actions) float32."""
        logits: Tensor = self.policy(self.actor(self.normalised(observations)))
        return logits.float()

    def normalised(self, observations: Tensor) -> Tensor:
        """Observations as the layers see them: whole numbers in 0..1, images with their channels last in memory."""
        if observations.is_floating_point():
            return observations
        device = observations.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.policy.weight.dtype
        order = torch.channels_last if self.convolves else torch.preserve_format
        seen = observations.to(dtype, memory_format=order)
        return seen if self.top == 1 else seen.mul_(1 / self.top)


def _trunk(shape: tuple[int, ...], config: PolicyConfig) -> tuple[nn.Sequential, int]:
    if config.kind == "mlp":
        inputs = math.prod(shape)
        widths = [inputs, *[config.width] * config.layers]
        layers: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
        for before, after in pairwise(widths):
            layers += [_linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers), config.width
    if len(shape) != 3:
        raise ValueError(
            f"policy.kind {config.kind!r} needs observations (channels, height, width); these are {shape}: "
            "use policy.kind=mlp"
        )
    if shape[2] in _IMAGE_CHANNELS and min(shape[:2]) > max(_IMAGE_CHANNELS):
        raise ValueError(
            f"policy.kind {config.kind!r} takes observations (channels, height, width), and these, {shape}, look as if "
            "channels came last; have the environment move them to the front, or use policy.kind=mlp"
        )
    channels, *sides = shape
    if min(sides) >= _LARGE:
        plan = _PLANS[config.kind]
    elif config.kind == "cnn" and min(sides) >= 3:
        plan = [(16, 3, 1)]
    else:
        least = 3 if config.kind == "cnn" else _LARGE
        raise ValueError(
            f"policy.kind {config.kind!r} needs images of {least}x{least} at least; these are {sides[0]}x{sides[1]}"
        )
    layers = []
    for filters, side, stride in plan:
        convolution = nn.Conv2d(channels, filters, side, stride)
        layers += [_initialised(convolution), nn.ReLU()]
        channels, sides = filters, [(length - side) // stride + 1 for length in sides]
    layers += [nn.Flatten(), _linear(channels * math.prod(sides), config.width), nn.ReLU()]
    return nn.Sequential(*layers), config.width


def linears(trunk: nn.Sequential) -> list[nn.Linear]:
    """The fully connected layers of a trunk."""
    return [layer for layer in trunk if isinstance(layer, nn.Linear)]


def _linear(inputs: int, outputs: int, gain: float = math.sqrt(2)) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    _initialised(layer, gain)
    return layer


def _initialised(layer: nn.Linear | nn.Conv2d, gain: float = math.sqrt(2)) -> nn.Module:
    nn.init.orthogonal_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def seeded_agent(shape: tuple[int, ...], actions: int, config: PolicyConfig, *, top: int = 1, seed: int) -> ActorCritic:
    """An agent whose first weights are decided by the seed, leaving torch's own random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ActorCritic(shape, actions, config, top=top)
