"""3x3 convolutions of many networks as one batched matrix product, by torch alone.

The nine neighbours of each pixel are copied side by side, (N, pixels, 9 * in), and multiplied with the stacked matrices
(N, 9 * in, out). The price is memory traffic: nine numbers are written and read for each that goes in. The copy is one
contiguous run of 3 * in numbers per row of neighbours, since channels are last, and is kept for the gradient of the
weights. `golfast.model.implicit` does without the copy, on GPUs.

Shapes: N networks, B batch, H rows, W columns, C channels.
"""

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from golfast.model.conv import surrounded


class Convolution(Protocol):
    """3x3 convolutions, then a leaky ReLU (slope 1: none), of N networks at once; padding as of `Conv3x3`."""

    def __call__(
        self, x: Tensor, weight: Tensor, bias: Tensor, *, slope: float = 1.0, padding: str = "zeros"
    ) -> Tensor:
        """x: (N, B, H, W, in). weight: (N, out, 9 * in), columns ordered (row, column, channel) as in `Conv3x3`. bias:
        (N, out). Returns (N, B, H, W, out).
        """


def convolve(x: Tensor, weight: Tensor, bias: Tensor, *, slope: float = 1.0, padding: str = "zeros") -> Tensor:
    """As `Convolution` says."""
    result: Tensor = _Convolution.apply(x, weight, bias, slope, padding)  # type: ignore[no-untyped-call]
    return result


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: float, padding: str) -> Tensor:
        around = _neighbours(x, padding)
        y = torch.baddbmm(bias.unsqueeze(1), around, weight.transpose(1, 2))
        if slope != 1:
            functional.leaky_relu_(y, slope)
        ctx.save_for_backward(around, weight, y)
        ctx.slope, ctx.padding = slope, padding
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        around, weight, y = ctx.saved_tensors
        shape = gradient.shape
        at_y = gradient.reshape(y.shape)
        if ctx.slope != 1:  # the sign of the result is that of what went in
            at_y = torch.ops.aten.leaky_relu_backward(at_y, y, ctx.slope, True)
        at_x = None
        if ctx.needs_input_grad[0]:
            # The gradient of a convolution is one with the taps in the opposite order, from out to in.
            taps = weight.view(*weight.shape[:2], 9, -1).flip(2).transpose(1, 2).flatten(1, 2)
            at_x = (_neighbours(at_y.view(shape), ctx.padding) @ taps).view(*shape[:-1], -1)
        return at_x, at_y.transpose(1, 2) @ around, at_y.sum(1), None, None


def _neighbours(x: Tensor, padding: str) -> Tensor:
    """The 3x3 neighbourhood of each pixel of x (N, B, H, W, C): (N, B * H * W, 9 * C)."""
    networks, batch, height, width, channels = x.shape
    padded = surrounded(x, padding)
    strides = padded.stride()
    windows = padded.as_strided((networks, batch, height, width, 3, 3 * channels), (*strides[:4], strides[2], 1))
    return windows.reshape(networks, batch * height * width, 9 * channels)
