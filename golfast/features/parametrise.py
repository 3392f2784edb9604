"""Of what an input is made while it is optimised: a parametrisation decides which inputs are easy to reach.

A parametrisation turns parameters (B, ...) into inputs (B, C, H, W) or (B, D) within [low, high], and back. Any number
of channels, any size. Fourier after Olah et al. 2017; fixed magnitude after Fel et al., "Unlocking Feature
Visualization for Deeper Networks with MAgnitude Constrained Optimization" (MACO), NeurIPS 2023.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor

PARAMETRISATIONS = ("pixels", "cells", "softmax", "fourier", "maco")
_IMAGE_CHANNELS = (1, 3, 4)
_EDGE = 1e-4  # logits stay finite


def check_channels(shape: tuple[int, ...]) -> None:
    """ValueError for images with their channels last, which would be taken for as many channels as they have rows."""
    if len(shape) == 3 and shape[2] in _IMAGE_CHANNELS and min(shape[:2]) > max(_IMAGE_CHANNELS):
        rows, columns, channels = shape
        raise ValueError(
            f"inputs of shape {shape} look like images with their channels last; golfast takes channels, rows, "
            f"columns, {(channels, rows, columns)}: turn a batch with .permute(0, 3, 1, 2)"
        )


@dataclass(frozen=True, init=False)
class Space:
    """Where inputs live: the shape of one, and the least and largest value, one for all or one for each place.

    low, high: finite numbers, for inputs of any shape, or what a tensor can be made of and fits the shape. ValueError
    for other bounds.
    """

    shape: tuple[int, ...]
    low: Tensor
    high: Tensor

    def __init__(self, shape: Sequence[int], low: Tensor | float | object, high: Tensor | float | object) -> None:
        object.__setattr__(self, "shape", tuple(map(int, shape)))
        for name, edge in (("low", low), ("high", high)):
            tensor = torch.as_tensor(edge)
            floating = isinstance(edge, Tensor) and edge.is_floating_point()
            object.__setattr__(self, name, tensor if floating else tensor.float())
        for name in ("low", "high"):
            if not bool(getattr(self, name).isfinite().all()):
                raise ValueError(
                    f"{name} is infinite or not a number somewhere; give an input's least and largest value as finite "
                    "numbers, such as those that real inputs have"
                )
        if not bool((self.high - self.low).isfinite().all()):
            raise ValueError("the range from low to high is wider than its floating numbers go; give a narrower one")
        if not bool((self.high > self.low).all()):
            raise ValueError("an input's largest value must be above its least, in every place")
        for name in ("low", "high"):
            edge = getattr(self, name)
            try:
                torch.broadcast_to(edge, self.shape)
            except RuntimeError:
                raise ValueError(
                    f"{name} has shape {tuple(edge.shape)}, which does not fit inputs of shape {self.shape}; give one "
                    "number, or one for each place, such as (3, 1, 1) for three channels"
                ) from None

    def to(self, device: torch.device) -> "Space":
        """The same on a device."""
        return Space(self.shape, self.low.to(device), self.high.to(device))

    @property
    def plane(self) -> bool:
        """Whether there are rows and columns."""
        return len(self.shape) == 3

    @property
    def empty(self) -> Tensor:
        """What says least: the least value of boards, planes and frames; of plain numbers the middle of their range."""
        return self.low if self.plane else (self.low + self.high) / 2

    def inner(self, share: Tensor) -> Tensor:
        """Shares 0..1 of the range as values."""
        return self.low + (self.high - self.low) * share

    def share(self, inputs: Tensor) -> Tensor:
        """Values as shares 0..1 of the range."""
        return ((inputs - self.low) / (self.high - self.low)).clamp(0, 1)


class Parametrisation(Protocol):
    """What optimisation moves, and the inputs it stands for."""

    def start(self, batch: int, generator: Generator) -> Tensor:
        """Random parameters to begin with."""
        ...

    def decode(self, parameters: Tensor) -> Tensor:
        """The inputs (B, *shape) that parameters stand for."""
        ...

    def encode(self, inputs: Tensor) -> Tensor:
        """Parameters of inputs (B, *shape), as near as the parametrisation comes."""
        ...


@dataclass(frozen=True)
class Pixels:
    """The values themselves, held within their range."""

    space: Space
    spread: float = 0.1

    def start(self, batch: int, generator: Generator) -> Tensor:
        """Noise about the middle of the range."""
        return 0.5 + self.spread * torch.randn(batch, *self.space.shape, generator=generator)

    def decode(self, parameters: Tensor) -> Tensor:
        """Clamp. Beyond the edge the gradient passes as if there were none, or nothing could come back."""
        held = parameters.clamp(0, 1)
        return self.space.inner(parameters + (held - parameters).detach())

    def encode(self, inputs: Tensor) -> Tensor:
        """Shares of the range."""
        return self.space.share(inputs)


@dataclass(frozen=True)
class Cells:
    """A logit per value: the sigmoid is its share of the range, for boards the chance that a cell is alive."""

    space: Space
    spread: float = 0.3

    def start(self, batch: int, generator: Generator) -> Tensor:
        """Chances about a half."""
        return self.spread * torch.randn(batch, *self.space.shape, generator=generator)

    def decode(self, parameters: Tensor) -> Tensor:
        """Squash."""
        return self.space.inner(parameters.sigmoid())

    def encode(self, inputs: Tensor) -> Tensor:
        """Logits, of values at the very edge those of a value near it."""
        return self.space.share(inputs).clamp(_EDGE, 1 - _EDGE).logit()


@dataclass(frozen=True)
class Softmax:
    """A logit per channel and one for "nothing": in each place the channels share what is there, (C, H, W) only."""

    space: Space
    spread: float = 0.3

    def __post_init__(self) -> None:
        _need_plane(self.space, "softmax")

    def start(self, batch: int, generator: Generator) -> Tensor:
        """Even shares, nearly."""
        channels, height, width = self.space.shape
        return self.spread * torch.randn(batch, channels + 1, height, width, generator=generator)

    def decode(self, parameters: Tensor) -> Tensor:
        """Share out, and leave out nothing's share."""
        return self.space.inner(parameters.softmax(1)[:, :-1])

    def encode(self, inputs: Tensor) -> Tensor:
        """Logarithms of the shares; where channels claim more than there is they are scaled down."""
        share = self.space.share(inputs)
        share = share / share.sum(1, keepdim=True).clamp(min=1)
        return torch.cat([share, 1 - share.sum(1, keepdim=True)], 1).clamp(min=_EDGE).log()


@dataclass(frozen=True)
class Fourier:
    """The spectrum of the sigmoid's logits, low frequencies made easy: coarse shapes come first, and no pixel noise."""

    space: Space
    spread: float = 0.3
    decay: float = 1.0
    """The power of the frequency by which a coefficient is scaled down; 0 is no preference."""

    def __post_init__(self) -> None:
        _need_plane(self.space, "fourier")

    @property
    def scale(self) -> Tensor:
        """What a coefficient is multiplied with, (H, W // 2 + 1); its mean square is 1."""
        height, width = self.space.shape[1:]
        scale = _frequencies(height, width).clamp(min=1 / max(height, width)) ** -self.decay
        normal: Tensor = scale / scale.square().mean().sqrt()
        return normal

    def start(self, batch: int, generator: Generator) -> Tensor:
        """Random coefficients, whose logits have the spread of the other parametrisations'."""
        channels, height, width = self.space.shape
        return self.spread * torch.randn(batch, channels, height, width // 2 + 1, 2, generator=generator)

    def decode(self, parameters: Tensor) -> Tensor:
        """To logits, and squash."""
        height, width = self.space.shape[1:]
        spectrum = torch.view_as_complex(parameters) * self.scale.to(parameters.device)
        logits = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
        return self.space.inner(logits.sigmoid())

    def encode(self, inputs: Tensor) -> Tensor:
        """The spectrum of the logits."""
        logits = self.space.share(inputs).clamp(_EDGE, 1 - _EDGE).logit()
        spectrum = torch.fft.rfft2(logits, norm="ortho") / self.scale.to(inputs.device)
        return torch.view_as_real(spectrum).contiguous()


@dataclass(frozen=True)
class Maco:
    """Phases alone: every frequency is as strong as it is on average in real inputs, only its place is free."""

    space: Space
    magnitude: Tensor
    """(C, H, W // 2 + 1), the mean of |rfft2| (ortho) over real inputs: see `mean_magnitude`."""

    def __post_init__(self) -> None:
        _need_plane(self.space, "maco")
        channels, height, width = self.space.shape
        if self.magnitude.shape != (channels, height, width // 2 + 1):
            raise ValueError(
                f"the magnitude of inputs {self.space.shape} has shape {(channels, height, width // 2 + 1)}; "
                f"got {tuple(self.magnitude.shape)}"
            )

    def start(self, batch: int, generator: Generator) -> Tensor:
        """Any phase is as likely as any other; that of the mean stays what it is in real inputs, positive."""
        phases = (torch.rand(batch, *self.magnitude.shape, generator=generator) * 2 - 1) * torch.pi
        phases[..., 0, 0] = 0
        return phases

    def decode(self, parameters: Tensor) -> Tensor:
        """To inputs; what goes beyond the range is held at its edge."""
        height, width = self.space.shape[1:]
        spectrum = torch.polar(self.magnitude.to(parameters.device).expand_as(parameters), parameters)
        share = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
        return self.space.inner(share + (share.clamp(0, 1) - share).detach())

    def encode(self, inputs: Tensor) -> Tensor:
        """The phases."""
        phases: Tensor = torch.fft.rfft2(self.space.share(inputs), norm="ortho").angle()
        return phases


def mean_magnitude(space: Space, examples: Tensor) -> Tensor:
    """The mean magnitude of each frequency over real inputs (N, C, H, W): (C, H, W // 2 + 1)."""
    _need_plane(space, "maco")
    magnitude: Tensor = torch.fft.rfft2(space.share(examples.float()), norm="ortho").abs().mean(0)
    return magnitude


def parametrise(name: str, space: Space, *, examples: Tensor | None = None) -> Parametrisation:
    """The parametrisation of a name, one of PARAMETRISATIONS.

    examples: real inputs (N, *shape), which "maco" takes the magnitudes from. ValueError for an unknown name, for one
    that needs rows and columns where there are none, and for "maco" without examples.
    """
    simple: dict[str, Callable[[Space], Parametrisation]] = {
        "pixels": Pixels,
        "cells": Cells,
        "softmax": Softmax,
        "fourier": Fourier,
    }
    if name in simple:
        return simple[name](space)
    if name != "maco":
        raise ValueError(f"method {name!r} is unknown; allowed are: {', '.join(PARAMETRISATIONS)}")
    if examples is None:
        raise ValueError("method 'maco' takes the strength of frequencies from real inputs; give examples")
    return Maco(space, mean_magnitude(space, examples))


def _frequencies(height: int, width: int) -> Tensor:
    square: Tensor = torch.fft.fftfreq(height)[:, None].square() + torch.fft.rfftfreq(width)[None].square()
    return square.sqrt()


def _need_plane(space: Space, name: str) -> None:
    if not space.plane:
        raise ValueError(
            f"method {name!r} needs inputs of shape (C, H, W), and these have {space.shape}; use 'pixels' or 'cells'"
        )
