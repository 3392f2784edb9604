"""Clipping, Adam and Muon for many networks at once, and loss scaling: tensor operations that never wait for a device.

What `golfast.train.optimise` does network by network with torch's optimisers. Adam: Kingma and Ba, 2015. Muon: Jordan
et al., 2024, with the coefficients of `torch.optim.Muon`; its iteration runs in bfloat16 where that is multiplied, as
there, and in float32 elsewhere. Loss scaling: Micikevicius et al., 2018, with the constants of `torch.amp.GradScaler`,
for each network by itself.

Shapes: N networks, P parameters of each.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from golfast.train.config import OptimiserConfig

_COEFFICIENTS = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
_TINY = 1e-7
_BETA1, _EPSILON = 0.9, 1e-8
_FIRST_SCALE, _GROWTH_AFTER = 2.0**16, 2000


@dataclass(slots=True)
class Rows:
    """All that changes while networks are trained, a row for each. On the device, and never replaced, only written."""

    weights: Tensor
    """(N, P) float32."""
    means: Tensor
    """Adam's running mean of gradients, or Muon's momentum: (N, P) float32."""
    squares: Tensor
    """Adam's running mean of squares: (N, P) float32."""
    moved: Tensor
    """How often the weights were moved: (N,) float64."""
    scale: Tensor
    """What the loss is multiplied by: (N,) float32."""
    fine: Tensor
    """Steps since the scale was changed: (N,) int64."""
    losses: Tensor
    """Losses of the steps since this was set to zero, added up: (N,) float32."""

    @classmethod
    def made(cls, count: int, size: int, device: torch.device, *, scaled: bool = False) -> "Rows":
        """Rows of zeros."""

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(count, *shape, dtype=dtype, device=device)

        scale = torch.full((count,), _FIRST_SCALE if scaled else 1.0, device=device)
        fine, losses = zeros(dtype=torch.int64), zeros()
        return cls(zeros(size), zeros(size), zeros(size), zeros(dtype=torch.float64), scale, fine, losses)

    def each(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


@dataclass(frozen=True, slots=True)
class Rates:
    """Settings of the optimisers, one for each network: (N, 1) float32 on the device."""

    adam: Tensor
    muon: Tensor
    momentum: Tensor
    beta2: Tensor
    clip: Tensor

    @classmethod
    def of(cls, configs: Sequence[OptimiserConfig], device: torch.device) -> "Rates":
        """From configs."""

        def column(*values: float) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device).unsqueeze(1)

        return cls(
            adam=column(*(config.adam_lr for config in configs)),
            muon=column(*(config.lr for config in configs)),
            momentum=column(*(config.momentum for config in configs)),
            beta2=column(*(config.beta2 for config in configs)),
            clip=column(*(config.clip or math.inf for config in configs)),
        )


def descend(
    rows: Rows,
    gradients: Tensor,
    factor: Tensor,
    rates: Rates,
    matrices: tuple[int, int, int],
    *,
    scaled: bool,
    half: bool,
) -> None:
    """Move the weights down the gradients, each network's own.

    gradients: (N, P) float32, still multiplied by rows.scale. factor: of the learning rates at this step, (N,) float32.
    matrices: how many of these rows and columns a row begins with for Muon to move; (0, 0, 0) for Adam alone. scaled:
    a network whose gradients overflowed is left as it was, and its scale halved. half: Muon's iteration in bfloat16.
    """
    ok = None
    if scaled:
        gradients = gradients / rows.scale.unsqueeze(1)
        ok = gradients.isfinite().all(1)
        _rescale(rows, ok)
        gradients = gradients.masked_fill(~ok.unsqueeze(1), 0)
    gradients = torch.clamp(gradients, -rates.clip, rates.clip)
    split = matrices[0] * matrices[1] * matrices[2]
    rows.moved += 1 if ok is None else ok
    factor = factor.unsqueeze(1)
    if split < rows.weights.shape[1]:
        _adam(rows, gradients, split, rates, factor, ok)
    if split:
        _muon(rows, gradients, matrices, rates, factor, ok, half=half)


def _adam(rows: Rows, gradients: Tensor, split: int, rates: Rates, factor: Tensor, ok: Tensor | None) -> None:
    gradient = gradients[:, split:]
    mean = rows.means[:, split:].lerp(gradient, 1 - _BETA1)
    square = rows.squares[:, split:].lerp(gradient.square(), 1 - rates.beta2)
    moved = rows.moved.unsqueeze(1).clamp(min=1)
    rate = (rates.adam * factor).double() / (1 - _BETA1**moved)
    correction = (1 - rates.beta2.double() ** moved).rsqrt()
    change = rate.float() * mean / (square.sqrt() * correction.float() + _EPSILON)
    _put(rows.means[:, split:], mean, ok)
    _put(rows.squares[:, split:], square, ok)
    _put(rows.weights[:, split:], rows.weights[:, split:] - change, ok)


def _muon(
    rows: Rows,
    gradients: Tensor,
    matrices: tuple[int, int, int],
    rates: Rates,
    factor: Tensor,
    ok: Tensor | None,
    *,
    half: bool,
) -> None:
    count, height, width = matrices
    split = count * height * width
    gradient = gradients[:, :split]
    momentum = rows.means[:, :split].lerp(gradient, 1 - rates.momentum)
    update = gradient.lerp(momentum, rates.momentum)
    update = orthogonal(update.reshape(-1, height, width), half=half).view(update.shape)
    _put(rows.means[:, :split], momentum, ok)
    _put(rows.weights[:, :split], rows.weights[:, :split] - rates.muon * factor * update, ok)


def orthogonal(x: Tensor, *, half: bool) -> Tensor:
    """Matrices (K, rows <= columns) float32 with all singular values brought near 1 (Newton-Schulz, degree five)."""
    a, b, c = _COEFFICIENTS
    result = x.bfloat16() if half else x
    result = result / result.norm(dim=(1, 2), keepdim=True).clamp(min=_TINY)
    for _ in range(_ITERATIONS):
        gram = result @ result.mT
        mixed = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        result = torch.baddbmm(result, mixed, result, beta=a)
    return result.float()


def _rescale(rows: Rows, ok: Tensor) -> None:
    """Halve the scale of networks that overflowed, double that of those which long have not."""
    rows.fine.add_(1).mul_(ok)
    grown = rows.fine >= _GROWTH_AFTER
    rows.scale.mul_(0.5 + 0.5 * ok + 1.0 * grown)
    rows.fine.masked_fill_(grown, 0)


def _put(target: Tensor, value: Tensor, ok: Tensor | None) -> None:
    target.copy_(value if ok is None else torch.where(ok.unsqueeze(1), value, target))
