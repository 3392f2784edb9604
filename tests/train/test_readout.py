"""The best linear reading of hidden states, against torch's own least squares on unfolded ones."""

import pytest
import torch
from torch.nn.functional import mse_loss, pad, unfold

from golfast.model.conv import Conv3x3
from golfast.train.readout import least_squares


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize(("channels", "height", "width", "targets"), [(1, 5, 4, 1), (3, 6, 7, 2), (4, 1, 9, 3)])
def test_nothing_linear_comes_nearer(channels: int, height: int, width: int, targets: int, padding: str) -> None:
    generator = torch.Generator().manual_seed(channels)
    hidden = torch.randn(150, height, width, channels, generator=generator)
    wanted = (torch.rand(150, targets, height, width, generator=generator) < 0.3).float()
    weights, biases, error = least_squares(hidden, wanted, padding)
    layer = Conv3x3(channels, targets, padding)
    layer.weight.data, layer.bias.data = weights, biases
    drawn = layer(hidden.permute(0, 3, 1, 2))
    assert error == pytest.approx(mse_loss(drawn, wanted).item(), rel=1e-3)
    states = hidden.permute(0, 3, 1, 2)
    around = pad(states, (1, 1, 1, 1), mode="circular" if padding == "circular" else "constant")
    columns = unfold(around, 3).transpose(1, 2).flatten(0, 1).double()
    features = torch.cat([columns, torch.ones(len(columns), 1)], dim=1)
    right = wanted.permute(0, 2, 3, 1).flatten(0, 2).double()
    best = features @ torch.linalg.lstsq(features, right, driver="gelsd").solution
    assert error == pytest.approx(mse_loss(best, right).item(), rel=1e-3)


def test_what_is_there_is_read_whatever_else_is() -> None:
    """Channels that are dead, constant or copies of each other are no obstacle."""
    generator = torch.Generator().manual_seed(0)
    state = (torch.rand(200, 6, 6, 1, generator=generator) < 0.4).float()
    hidden = torch.cat([torch.zeros_like(state), torch.ones_like(state), 3 - 2 * state, 6 - 4 * state], dim=-1)
    weights, biases, error = least_squares(hidden.bfloat16(), state.permute(0, 3, 1, 2))
    assert error < 1e-4
    assert torch.isfinite(weights).all()
    assert weights.abs().max() < 1
    assert torch.isfinite(biases).all()
