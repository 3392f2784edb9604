"""The best linear reading of hidden states: a decoder of one layer by least squares, exactly."""

import torch
from torch import Tensor

from golfast.model.conv import surrounded

_AT_ONCE = 64  # states: their features are some tens of megabytes
_ROUNDING = 1e-5
"""Of a feature's power: what the rounding of features and weights to bfloat16 adds to the error, per squared weight."""


def least_squares(hidden: Tensor, targets: Tensor, padding: str = "zeros") -> tuple[Tensor, Tensor, float]:
    """The 3x3 convolution (with padding as of `Conv3x3`) whose pictures of hidden states come nearest to targets.

    hidden: (P, H, W, C) in any float type; targets: (P, k, H, W). Returns weights (k, 9 * C) with columns ordered (row,
    column, channel), biases (k,) and the mean squared error, all in float32. A weight costs what its rounding to
    bfloat16 will add to the error, so that no large weights cancel. Sums of squares are kept in float64.
    """
    _, height, width, channels = hidden.shape
    count, wanted = 9 * channels + 1, targets.shape[1]
    gram = torch.zeros(count, count, dtype=torch.float64, device=hidden.device)
    both = torch.zeros(count, wanted, dtype=torch.float64, device=hidden.device)
    power, cells = 0.0, targets.numel() / wanted
    for start in range(0, len(hidden), _AT_ONCE):
        padded = surrounded(hidden[start : start + _AT_ONCE].float(), padding)
        taps = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
        features = torch.cat([*taps, torch.ones_like(taps[0][..., :1])], dim=-1).flatten(0, 2)
        right = targets[start : start + _AT_ONCE].permute(0, 2, 3, 1).flatten(0, 2).float()
        gram += (features.T @ features).double()
        both += (features.T @ right).double()
        power += float((right**2).sum())
    costs = gram.diagonal() * _ROUNDING
    costs[-1] = 0  # the bias is not rounded
    solution = torch.linalg.lstsq(gram + costs.diag(), both, driver="gelsd" if gram.device.type == "cpu" else None)
    found = solution.solution
    error = power + float((found * (gram @ found - 2 * both)).sum())
    return found[:-1].T.float(), found[-1].float(), max(error, 0.0) / (cells * wanted)
