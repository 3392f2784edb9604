"""Words that make no sense are refused in one sentence."""

import re
import sys

import pytest

from golfast.errors import Failure
from golfast.rl import AgentConfig, EnvironmentConfig, load_agent, make_environment, recipe
from golfast.rl.network import seeded_agent
from golfast.run.config import from_mapping, override


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"environment.name": "chess"}, "environment.name is 'chess'; allowed are: cartpole, brick"),
        ({"environment.name": "gym/"}, "allowed are"),
        ({"environment.count": 0}, "from 1 to"),
        ({"environment.sticky": 1.0}, "below 1"),
        ({"environment.sticky": 0.1}, "cartpole takes 0 only"),
        ({"environment.cap": -1}, "0 (the game's own)"),
        ({"environment.name": "gym/A-v0", "environment.cap": 5}, "the game's own"),
        ({"policy.kind": "rnn"}, "mlp, cnn, small-cnn"),
        ({"policy.width": 0}, "from 1 to 4096"),
        ({"policy.layers": 17}, "from 1 to 16"),
        ({"optimiser.name": "sgd"}, "adam, rmsprop"),
        ({"optimiser.lr": 0.0}, "above 0"),
        ({"optimiser.final": 2.0}, "from 0 to 1"),
        ({"optimiser.epsilon": 0.0}, "above 0"),
        ({"optimiser.clip": -1.0}, "0 (none) or more"),
        ({"ppo.epochs": 0}, "from 1 to 1000"),
        ({"ppo.clip": 1.0}, "above 0 and below 1"),
        ({"algorithm": "ppo", "ppo.minibatches": 900, "rollout": 1}, "more than the 64 steps of an update"),
        ({"algorithm": "dqn"}, "a2c, ppo"),
        ({"steps": 0}, "1 or more"),
        ({"threads": 200_000}, "threads is 200000; it must be from 1 to 1,024"),
        ({"seed": -1}, "from 0 to"),
        ({"discount": 1.5}, "from 0 to 1"),
        ({"entropy": -0.1}, "0 or more"),
        ({"checkpoint_every": 75}, "multiple of report_every"),
        ({"precision": "fp8"}, "allowed are"),
        ({"polcy.width": 3}, "did you mean 'policy.width'"),
    ],
)
def test_wrong_values_are_refused(change, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        override(AgentConfig(), change)


@pytest.mark.parametrize("name", ["cartpole", "brick", "atari/breakout", "gym/Acrobot-v1"])
def test_recipes_are_of_their_game(name):
    assert recipe(name).environment.name == name


@pytest.mark.parametrize(
    ("kind", "shape", "sentence"),
    [
        ("cnn", (4,), "use policy.kind=mlp"),
        ("small-cnn", (4,), "use policy.kind=mlp"),
        ("cnn", (4, 2, 9), "needs images of 3x3 at least; these are 2x9"),
        ("cnn", (96, 80, 3), "these, (96, 80, 3), look as if channels came last"),
        ("small-cnn", (10, 10, 4), "these, (10, 10, 4), look as if channels came last"),
        ("small-cnn", (4, 10, 10), "needs images of 36x36 at least; these are 10x10"),
    ],
)
def test_convolutions_need_images(kind, shape, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        seeded_agent(shape, 2, override(AgentConfig(), {"policy.kind": kind}).policy, seed=0)


@pytest.mark.parametrize(("kind", "weights"), [("cnn", 1_686_693), ("small-cnn", 677_429)])
def test_networks_for_large_images_have_as_many_weights_as_their_papers_layers(kind, weights):
    config = override(recipe("atari/breakout"), {"policy.kind": kind, "policy.width": 512 if kind == "cnn" else 256})
    network = seeded_agent((4, 84, 84), 4, config.policy, seed=0)
    assert sum(parameter.numel() for parameter in network.parameters()) == weights


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("atari/pong", "ale_py", "atari"), ("gym/A-v0", "gymnasium", "gym")]
)
def test_a_missing_extra_is_told_with_how_to_install_it(monkeypatch, name, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf"pip install 'golfast\[{extra}\]'"):
        make_environment(EnvironmentConfig(name=name))


def test_a_run_of_another_kind_is_told(tmp_path):
    (tmp_path / "config.toml").write_text("seed = 1\n")
    (tmp_path / "weights.safetensors").write_bytes(b"")
    with pytest.raises(Failure, match="not of an agent"):
        load_agent(tmp_path)
    with pytest.raises(Failure, match="not a run folder"):
        load_agent(tmp_path / "nothing")


def test_tables_become_configs():
    config = from_mapping(AgentConfig, {"environment": {"name": "brick"}, "optimiser": {"lr": 1}})
    assert (config.environment.name, config.optimiser.lr) == ("brick", 1.0)
