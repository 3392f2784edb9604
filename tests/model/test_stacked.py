"""Networks as one against each alone."""

import pytest
import torch

from golfast.model import ModelConfig, Network
from golfast.model.stacked import StackedNetwork

SHAPES = [
    ModelConfig(timesteps=2, channels=5, core_layers=2),
    ModelConfig(timesteps=3, channels=4, encoder_layers=2, core_layers=1, decoder_layers=3, slope=0.3),
    ModelConfig(timesteps=2, channels=3, core_layers=2, shared_core=False, residual=False, slope=0.0),
    ModelConfig(timesteps=2, channels=4, core_layers=2, decoder_layers=2, padding="circular"),
]


def made(config, count):
    torch.manual_seed(4)
    networks = [Network(config).double() for _ in range(count)]
    stacked = StackedNetwork(config)
    return networks, stacked


@pytest.mark.parametrize("config", SHAPES)
def test_outputs_and_gradients_are_those_of_each_alone(config):
    networks, stacked = made(config, 3)
    first = torch.randint(0, 2, (3, 4, 6, 7)).double()
    rows = torch.stack([torch.cat([dict(n.named_parameters())[p.name].detach().reshape(-1) for p in stacked.parts])
                        for n in networks])  # fmt: skip
    rows.requires_grad_()
    weights = stacked.views(rows)
    last, recreated = stacked.forward(weights, first)
    (last.sin().sum() + (recreated**2).sum()).backward()
    imagined = stacked.imagine(weights, first)
    for k, network in enumerate(networks):
        ours, again = network(first[k].unsqueeze(1))
        torch.testing.assert_close(last[k], ours.squeeze(1), rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(recreated[k], again.squeeze(1), rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(imagined[k], network.imagine(first[k].unsqueeze(1)), rtol=1e-11, atol=1e-12)
        (ours.sin().sum() + (again**2).sum()).backward()
        for name, parameter in network.named_parameters():
            given = stacked.unpack(rows.grad[k])[name]
            torch.testing.assert_close(given, parameter.grad, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("config", SHAPES)
def test_a_row_holds_a_network(config):
    (network, *_), stacked = made(config, 1)
    network = network.float()
    row = stacked.pack(dict(network.named_parameters()))
    assert row.shape == (stacked.size,)
    found = stacked.unpack(row)
    assert found.keys() == dict(network.named_parameters()).keys()
    assert all(torch.equal(found[name], parameter) for name, parameter in network.named_parameters())
    count, rows, columns = stacked.matrices
    core = [p for p in network.cores.parameters() if p.ndim == 2]
    assert torch.equal(row[: count * rows * columns].view(count, rows, columns), torch.stack(core))


def test_a_network_of_nothing_but_nan_is_alone_with_it():
    networks, stacked = made(SHAPES[0], 2)
    rows = torch.stack([stacked.pack(dict(network.named_parameters())) for network in networks])
    first = torch.randint(0, 2, (2, 3, 5, 5)).float()
    before, _ = stacked.forward(stacked.views(rows), first)
    rows[0] = torch.nan
    after, _ = stacked.forward(stacked.views(rows), first)
    assert after[0].isnan().all()
    assert torch.equal(before[1], after[1])
