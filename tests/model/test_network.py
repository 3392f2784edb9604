import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from golfast.errors import Failure
from golfast.model import Discriminator, ModelConfig, Network, load_weights, save_weights
from golfast.model.conv import Conv3x3


def slow_network(network: Network, first: torch.Tensor) -> list[torch.Tensor]:
    """The paper's figure 1, written out: decoded hidden states 0..T."""
    config = network.config

    def conv(layer, x):
        weight = layer.weight.reshape(layer.outputs, 3, 3, layer.inputs)
        result = torch.zeros(x.shape[0], layer.outputs, *x.shape[2:])
        rows, columns = torch.arange(-1, x.shape[2] + 1), torch.arange(-1, x.shape[3] + 1)
        padded = x[:, :, rows % x.shape[2]][:, :, :, columns % x.shape[3]]
        if config.padding == "zeros":
            inside = (rows % x.shape[2] == rows)[:, None] & (columns % x.shape[3] == columns)
            padded = padded * inside
        for row in range(3):
            for column in range(3):
                window = padded[:, :, row : row + x.shape[2], column : column + x.shape[3]]
                result += torch.einsum("oi,bihw->bohw", weight[:, row, column], window)
        return result + layer.bias[:, None, None]

    def leaky(x):
        return torch.where(x > 0, x, config.slope * x)

    def stack(module, x):
        for layer in module.layers:
            x = leaky(conv(layer, x))
        return x

    hidden = stack(network.encoder, first)
    pictures = []
    for timestep in range(config.timesteps + 1):
        pictures.append(conv(network.decoder.last, stack(network.decoder.stack, hidden)))
        if timestep < config.timesteps:
            core = network.cores[0] if config.shared_core else network.cores[timestep]
            change = stack(core.stack, hidden)
            hidden = hidden + change if config.residual else change
    return pictures


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(),
        ModelConfig(timesteps=2, channels=5, encoder_layers=2, core_layers=1, decoder_layers=3, slope=0.3),
        ModelConfig(timesteps=4, channels=3, shared_core=False, residual=False),
        ModelConfig(timesteps=2, channels=4, padding="circular"),
    ],
)
def test_the_network_is_the_one_in_the_paper(config):
    torch.manual_seed(0)
    network = Network(config)
    first = torch.rand(2, 1, 7, 9)
    with torch.no_grad():
        expected = slow_network(network, first)
        last, recreated = network(first)
        imagined = network.imagine(first)
    torch.testing.assert_close(recreated, expected[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(last, expected[-1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(imagined, torch.cat(expected[1:], dim=1), rtol=1e-4, atol=1e-5)


def test_a_shared_core_is_one_and_an_unshared_core_is_many():
    shared, unshared = Network(ModelConfig()), Network(ModelConfig(shared_core=False))
    core = 3 * (20 * 180 + 20)
    outside = 20 * 9 + 20 + 20 * 9 + 1
    assert sum(p.numel() for p in shared.parameters()) == core + outside
    assert sum(p.numel() for p in unshared.parameters()) == 3 * core + outside


def test_the_convolution_keeps_channels_last():
    x = torch.rand(2, 4, 6, 6).contiguous(memory_format=torch.channels_last)
    assert Conv3x3(4, 8)(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(1, 1), (20, 20), (21, 33)])
def test_the_discriminator_can_learn_to_tell_pictures_apart(size):
    torch.manual_seed(0)
    judge = Discriminator(*size)
    real, fake = torch.ones(8, 1, *size), torch.zeros(8, 1, *size)
    optimiser = torch.optim.Adam(judge.parameters(), lr=0.02)
    target = torch.cat([torch.ones(8, 1), torch.zeros(8, 1)])
    for _ in range(40):
        loss = functional.binary_cross_entropy_with_logits(judge(torch.cat([real, fake])), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    judge.eval()
    assert (judge(real) > judge(fake)).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"timesteps": 0}, "model.timesteps is 0; it must be from 1 to 64"),
        ({"channels": 0}, "model.channels is 0; it must be from 1 to 1024"),
        ({"core_layers": 65}, "model.core_layers is 65"),
        ({"slope": 1.0}, "model.slope is 1.0"),
        ({"slope": float("nan")}, "model.slope is nan"),
        ({"padding": "reflect"}, "model.padding is 'reflect'; allowed are: zeros, circular"),
    ],
)
def test_impossible_shapes(fields, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**fields)


def test_weights_come_back(tmp_path):
    one, other = Network(ModelConfig(channels=4)), Network(ModelConfig(channels=4))
    save_weights(one, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors")
    for name, tensor in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)


def test_weights_with_a_flipped_bit_are_told_and_those_without_a_digest_taken(tmp_path):
    network, path = Network(ModelConfig(channels=4)), tmp_path / "w.safetensors"
    save_weights(network, path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 16
    path.write_bytes(content)
    with pytest.raises(Failure, match="is damaged: its numbers are not those that were written"):
        load_weights(network, path)
    save_file(network.state_dict(), path)
    load_weights(network, path)


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.int32, torch.bool, torch.complex64])
def test_weights_of_another_type_are_told(tmp_path, kind):
    network = Network(ModelConfig(channels=4))
    save_file({name: tensor.to(kind) for name, tensor in network.state_dict().items()}, tmp_path / "w.safetensors")
    with pytest.raises(Failure, match="holds the weights of another network"):
        load_weights(network, tmp_path / "w.safetensors")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Failure, match="folder is a folder and not a file"):
        load_weights(network, tmp_path / "folder")


def test_wrong_weights_are_told(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(FileNotFoundError):
        load_weights(Network(ModelConfig()), path)
    save_weights(Network(ModelConfig(channels=4)), path)
    with pytest.raises(Failure, match="holds the weights of another network"):
        load_weights(Network(ModelConfig(channels=5)), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Failure, match="is not a whole safetensors file"):
        load_weights(Network(ModelConfig(channels=4)), path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(Failure, match="another network"):
        load_weights(Network(ModelConfig(channels=4)), path)
