"""The one layer everything is built of."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv3x3(nn.Module):
    """A 3x3 convolution with bias and zero padding that keeps the size: (B, in, H, W) to (B, out, H, W).

    The weight is kept as the matrix that it is, (out, 9 * in) with the columns ordered (row, column, channel). An
    optimiser for matrices such as Muon can take it as it stands, and seen as a 4-D tensor it is in channels_last order,
    the layout the convolution wants.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.weight = nn.Parameter(torch.empty(outputs, 9 * inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        bound = (9 * inputs) ** -0.5  # torch's own default for convolutions
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        kernel = self.weight.view(self.outputs, 3, 3, self.inputs).permute(0, 3, 1, 2)
        return functional.conv2d(x, kernel, self.bias, padding=1)
