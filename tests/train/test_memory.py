"""What cannot fit is told before it is allocated."""

import dataclasses

import pytest

from golfast.errors import Failure
from golfast.model import ModelConfig, Network
from golfast.run.config import override
from golfast.train import TrainConfig
from golfast.train import memory as memory_module
from golfast.train.memory import check_memory

CPU = ("cpu", "bf16")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data.count": 10**9}, "240.0 GB of trajectories, and this machine has 8.0 GB; make a file"),
        ({"batch": 100_000}, "hidden states of a batch would take 19.2 GB, and this machine has 8.0 GB; lower batch"),
        (
            {"evaluate_on": 10**7},
            "validation data would take 112.0 GB, and this machine has 8.0 GB; lower evaluate_on",
        ),
        (
            {"probes.on": True, "probes.pool": 200_000},
            "hidden states for the probes would take 12.8 GB, and this machine has 8.0 GB; lower probes.pool",
        ),
        (
            {"probes.on": True, "probes.layers": 2, "probes.batch": 100_000},
            "a batch of the probes would take 9.6 GB, and this machine has 8.0 GB; lower probes.batch, probes.layers",
        ),
        (
            {"model.channels": 1024, "model.core_layers": 64},
            "weights would take 9.7 GB, and this machine has 8.0 GB; lower model.channels, model.core_layers",
        ),
        (
            {"data.count": 200_000, "adversarial.on": True, "adversarial.pool": 200_000},
            "hidden states for the adversarial decoder would take 12.8 GB, and this machine has 8.0 GB; "
            "lower adversarial.pool",
        ),
        (
            {"adversarial.on": True, "adversarial.batch": 80_000},
            "a batch of the adversarial decoder would take 10.2 GB, and this machine has 8.0 GB; "
            "lower adversarial.batch, adversarial.layers",
        ),
    ],
)
def test_what_cannot_fit_is_told(monkeypatch, change, message):
    monkeypatch.setattr(memory_module, "memory_bytes", lambda: 8_000_000_000)
    check_memory(TrainConfig(engine="torch"), *CPU, in_memory=True)
    with pytest.raises(Failure, match=message):
        check_memory(override(TrainConfig(engine="torch"), change), *CPU, in_memory=True)


def test_a_file_need_not_fit_and_compiled_code_keeps_one_board(monkeypatch):
    monkeypatch.setattr(memory_module, "memory_bytes", lambda: 8_000_000_000)
    check_memory(override(TrainConfig(), {"data.count": 10**9}), *CPU, in_memory=False)
    check_memory(override(TrainConfig(engine="amx"), {"batch": 100_000}), *CPU, in_memory=True)
    many = override(TrainConfig(engine="amx"), {"batch": 3_000_000, "data.count": 3_000_000})
    with pytest.raises(Failure, match=r"a batch would take 9\.6 GB, and this machine has 8\.0 GB; lower batch"):
        check_memory(many, *CPU, in_memory=True)


@pytest.mark.parametrize(
    "change",
    [{}, {"channels": 7, "encoder_layers": 3}, {"shared_core": False, "decoder_layers": 2}, {"timesteps": 1}],
)
def test_weights_are_counted_as_a_network_has_them(change):
    config = dataclasses.replace(ModelConfig(), **change)
    assert config.weights == sum(parameter.numel() for parameter in Network(config).parameters())
