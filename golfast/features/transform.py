"""Small changes to an input that a real preference survives: jitter, scale, rotation. And what smoothness costs.

An input that excites a unit only in exactly this place is an artefact; so each step of an optimisation looks at the
inputs shifted, scaled and turned a little at random (Mordvintsev et al. 2015, Olah et al. 2017). Only inputs of at
least LARGE_ENOUGH rows and columns bear that: on a board of 20 x 20 cells one cell is the matter itself.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

LARGE_ENOUGH = 32


@dataclass(frozen=True, kw_only=True)
class Jolt:
    """How much an input is changed at random at each step. The default changes nothing."""

    jitter: int = 0
    """Pixels of shift at most, each way."""
    scale: float = 0.0
    """Share of growth or shrinking at most: 0.1 is from 0.9 to 1.1."""
    rotate: float = 0.0
    """Degrees of turning at most, each way."""

    def __post_init__(self) -> None:
        if self.jitter < 0:
            raise ValueError(f"jitter is {self.jitter}; it must be 0 (none) or more pixels")
        if not 0 <= self.scale < 1:
            raise ValueError(f"scale is {self.scale}; it must be at least 0 (none) and below 1")
        if not 0 <= self.rotate <= 180:
            raise ValueError(f"rotate is {self.rotate}; it must be from 0 (none) to 180 degrees")

    @property
    def still(self) -> bool:
        """Whether nothing is changed."""
        return self.jitter == 0 and self.scale == 0 and self.rotate == 0

    def check(self, shape: tuple[int, ...]) -> None:
        """ValueError if inputs of this shape are too small for it."""
        if not self.still and (len(shape) != 3 or min(shape[1:]) < LARGE_ENOUGH):
            raise ValueError(
                f"jitter, scale and rotation are for inputs of at least {LARGE_ENOUGH} x {LARGE_ENOUGH} pixels, "
                f"and these have shape {tuple(shape)}; leave them at 0"
            )

    def __call__(self, inputs: Tensor, generator: Generator) -> Tensor:
        """Inputs (B, C, H, W), each changed in its own way; what comes in over the edge repeats the edge."""
        if self.still:
            return inputs
        batch, _, height, width = inputs.shape

        def draw(most: float) -> Tensor:
            return (torch.rand(batch, generator=generator) * 2 - 1) * most

        angle, grow = draw(math.radians(self.rotate)), 1 / (1 + draw(self.scale))
        down, right = (draw(self.jitter).round() * 2 / side for side in (height, width))
        cosine, sine = angle.cos() * grow, angle.sin() * grow
        matrix = torch.stack(
            [
                torch.stack([cosine, -sine * height / width, right], 1),
                torch.stack([sine * width / height, cosine, down], 1),
            ],
            1,
        )
        grid = functional.affine_grid(matrix.to(inputs), list(inputs.shape), align_corners=False)
        return functional.grid_sample(inputs, grid, padding_mode="border", align_corners=False)


MODERATE = Jolt(jitter=2, scale=0.05, rotate=3.0)
"""For what is seen of an image."""


def total_variation(inputs: Tensor) -> Tensor:
    """Mean absolute difference of neighbours in rows and columns, (B, C, H, W) to (B,); 0 where there are none."""
    if inputs.dim() != 4:
        return inputs.new_zeros(len(inputs))
    down = (inputs[:, :, 1:] - inputs[:, :, :-1]).abs()
    right = (inputs[:, :, :, 1:] - inputs[:, :, :, :-1]).abs()
    return (down.flatten(1).sum(1) + right.flatten(1).sum(1)) / inputs[0].numel()


def square(inputs: Tensor) -> Tensor:
    """Mean square, (B, ...) to (B,)."""
    return inputs.flatten(1).square().mean(1)
