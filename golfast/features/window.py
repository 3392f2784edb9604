"""Only what a unit sees need be computed: a convolutional layer's unit in one place, on the part of the input it sees.

Convolutions that pad with zeros and keep the size give a unit the same value on the cut-out it sees as on the whole
input: what goes wrong at the cut's edges does not get to the middle. Whether a module is like that is tried first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from golfast.features.layers import Layer, Probe
from golfast.features.legal import Legal
from golfast.features.parametrise import Space

_TRIED = 32
_SAME = 1e-4  # of a unit's spread


@dataclass(frozen=True)
class Window:
    """Rows and columns of an input, from the first to before the last."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    def cut(self, inputs: Tensor) -> Tensor:
        """The part of (..., H, W) within."""
        return inputs[..., self.rows[0] : self.rows[1], self.columns[0] : self.columns[1]]

    def put(self, parts: Tensor, space: Space) -> Tensor:
        """Parts (B, C, h, w) within whole inputs of a space, which have their least value elsewhere."""
        whole = space.low.expand(space.shape).expand(len(parts), *space.shape).clone()
        whole[..., self.rows[0] : self.rows[1], self.columns[0] : self.columns[1]] = parts
        return whole

    def space(self, space: Space) -> Space:
        """The space of the parts."""
        low, high = (self.cut(edge.expand(space.shape)) for edge in (space.low, space.high))
        return Space(tuple(low.shape), low, high)

    def place(self, at: tuple[int, int]) -> tuple[int, int]:
        """A place of the whole, within."""
        return at[0] - self.rows[0], at[1] - self.columns[0]


@dataclass(frozen=True)
class WithinWindow:
    """Parts are legal if they are parts of a legal whole."""

    legal: Legal
    window: Window
    whole: Space

    def project(self, inputs: Tensor) -> Tensor:
        """As the whole would be."""
        return self.window.cut(self.legal.project(self.window.put(inputs, self.whole)))


def find_window(
    probe: Probe, layer: Layer, at: tuple[int, ...] | None, matters: Tensor, space: Space, examples: Tensor
) -> Window | None:
    """The part of inputs that a layer's units see from a place, or None if the whole is needed.

    matters: where inputs can change them, bool (C, H, W). The units must put out the same on the part as on the whole,
    on real inputs and on random ones.
    """
    if at is None or len(at) != 2 or not space.plane or layer.shape[1:] != space.shape[1:] or not bool(matters.any()):
        return None
    seen = matters.any(0)
    spans = [torch.nonzero(seen.any(axis))[:, 0] for axis in (1, 0)]
    window = Window(*((int(span[0]), int(span[-1]) + 1) for span in spans))
    if window.cut(seen).shape == seen.shape:
        return None
    noise = torch.rand(_TRIED, *space.shape, generator=torch.Generator().manual_seed(2)).to(space.low.device)
    inputs = torch.cat([examples[:_TRIED].float(), space.inner(noise.round())])
    at = at[0], at[1]
    row, column = window.place(at)
    with torch.no_grad():
        try:
            part = probe.read(window.cut(inputs), [layer.address])[layer.address]
        except (RuntimeError, ValueError):  # a module whose input has one size
            return None
        whole = probe.read(inputs, [layer.address])[layer.address][:, :, at[0], at[1]]
    if part.dim() != 4 or part.shape[2:] != window.cut(seen).shape:
        return None
    off = (part[:, :, row, column] - whole).abs().amax(0)
    return window if bool((off <= _SAME * whole.std(0) + 1e-9).all()) else None
