"""The one layer everything is built of."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv3x3(nn.Module):
    """A 3x3 convolution with bias that keeps the size: (B, in, H, W) to (B, out, H, W).

    Beyond the border it reads zeros, or with padding "circular" the other side, as on a torus.

    The weight is kept as the matrix that it is, (out, 9 * in) with the columns ordered (row, column, channel). An
    optimiser for matrices such as Muon can take it as it stands, and seen as a 4-D tensor it is in channels_last order,
    the layout the convolution wants.
    """

    def __init__(self, inputs: int, outputs: int, padding: str = "zeros") -> None:
        super().__init__()
        self.inputs, self.outputs, self.padding = inputs, outputs, padding
        self.weight = nn.Parameter(torch.empty(outputs, 9 * inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        bound = (9 * inputs) ** -0.5  # torch's own default for convolutions
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        kernel = self.weight.view(self.outputs, 3, 3, self.inputs).permute(0, 3, 1, 2)
        if self.padding == "circular":
            return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="circular"), kernel, self.bias)
        return functional.conv2d(x, kernel, self.bias, padding=1)


def surrounded(x: Tensor, padding: str) -> Tensor:
    """States (..., H, W, C) within a border of what a convolution reads beyond theirs: (..., H + 2, W + 2, C)."""
    if padding == "circular":
        rows = torch.cat([x[..., -1:, :, :], x, x[..., :1, :, :]], dim=-3)
        return torch.cat([rows[..., -1:, :], rows, rows[..., :1, :]], dim=-2)
    return functional.pad(x, (0, 0, 1, 1, 1, 1))
