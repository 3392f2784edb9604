"""Gymnasium's environments, and Atari's."""

import sys
from unittest.mock import patch

import numpy as np
import pytest
import torch

from golfast.rl import AgentConfig, EnvironmentConfig, PolicyConfig, evaluate, make_environment, play_episode, train
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute

gymnasium = pytest.importorskip("gymnasium")
TINY = AgentConfig(
    steps=160, rollout=10, report_every=1, checkpoint_every=2, policy=PolicyConfig(width=8),
    environment=EnvironmentConfig(name="gym/CartPole-v1", count=4),
)  # fmt: skip


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_a_gymnasium_environment_is_trained_on_alike_and_resumed(tmp_path):
    compute = choose_compute("cpu", "fp32")
    one, two = (train(TINY, RunFolder(tmp_path / name), compute=compute) for name in ("a", "b"))
    assert torch.equal(weights(one.network), weights(two.network))
    resumed = train(TINY, RunFolder(tmp_path / "a"), compute=compute, resume=True)  # from its last checkpoint
    assert torch.equal(weights(one.network), weights(resumed.network))
    scores = evaluate(one.network, TINY.environment, compute, greedy=False, episodes=5)
    assert all(5 < score <= 500 for score in scores)
    try:
        import pygame  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match="cannot be drawn"):
            play_episode(one.network, TINY.environment, compute, steps=3)
    else:
        episode = play_episode(one.network, TINY.environment, compute, steps=3)
        assert episode.moments[0].picture.shape == (400, 600, 3)


def test_our_cartpole_and_theirs_end_alike(tmp_path):
    ours, theirs = (
        make_environment(EnvironmentConfig(name=name, count=40)) for name in ("cartpole", "gym/CartPole-v1")
    )
    for games in (ours, theirs):
        games.reset(0)
    lengths = [[], []]
    running = np.zeros((2, 40), int)
    for _ in range(120):
        actions = np.random.default_rng(_).integers(0, 2, 40)
        for k, games in enumerate((ours, theirs)):
            step = games.step(actions)
            running[k] += step.rewards > 0
            lengths[k] += running[k][step.over].tolist()
            running[k][step.over] = 0
    theirs.close()
    assert len(lengths[0]) > 100
    assert np.mean(lengths[0]) == pytest.approx(np.mean(lengths[1]), rel=0.15)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gym/Pendulum-v1", "choose among a number of discrete actions"),
        ("gym/MountainCarContinuous-v0", "discrete actions"),
        ("gym/Blackjack-v1", "take a Box, an array of numbers"),
        ("gym/Nonsense-v7", "gymnasium cannot make 'Nonsense-v7'"),
    ],
)
def test_what_cannot_be_played_is_refused(name, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_environment(EnvironmentConfig(name=name, count=1))


@pytest.mark.parametrize("missing", ["gymnasium", "ale_py"])
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, missing):
    """ale-py's vector environment is made of gymnasium's, without which ale-py can be there."""
    package = tmp_path / "ale_py"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "roms.py").write_text("")
    (package / "vector_env.py").write_text("import gymnasium")
    monkeypatch.syspath_prepend(tmp_path)
    words = f"atari/breakout needs {missing.replace('_', '-')} .*golfast.atari"
    with patch.dict(sys.modules), pytest.raises(ValueError, match=words):
        for name in [name for name in sys.modules if name.partition(".")[0] == "ale_py"]:
            del sys.modules[name]
        sys.modules[missing] = None
        make_environment(EnvironmentConfig(name="atari/breakout", count=1))


class Atari:
    """Breakout through ale-py."""

    @pytest.fixture(autouse=True)
    def _there(self):
        pytest.importorskip("ale_py")


class TestAtari(Atari):
    def test_rewards_lives_and_whole_games(self):
        config = EnvironmentConfig(name="atari/breakout", count=2)
        training, judging = (make_environment(config, training=flag) for flag in (True, False))
        assert training.meanings == ("noop", "fire", "right", "left")
        np.testing.assert_array_equal(training.reset(3), judging.reset(3))
        lost, over, scored = np.zeros(2, int), np.zeros(2, int), 0.0
        for k in range(230):
            actions = np.random.default_rng(k).choice([0, 2, 3], 2)  # FIRE is pressed for the agent
            clipped, whole = training.step(actions), judging.step(actions)
            np.testing.assert_array_equal(clipped.observations, whole.observations)
            np.testing.assert_array_equal(clipped.scores, whole.scores)
            np.testing.assert_array_equal(clipped.rewards, np.sign(whole.rewards))
            np.testing.assert_array_equal(clipped.over, whole.terminated | whole.truncated)
            assert not (whole.terminated & ~clipped.terminated).any()
            lost += clipped.terminated
            over += whole.over
            scored += float(whole.scores.sum())
        assert over.sum() >= 1
        assert (lost >= 5 * over).all()  # five lives to a game
        assert scored > 0
        assert training.picture().shape == (336, 252, 3)
        for games in (training, judging):
            games.close()

    def test_a_short_training_is_resumed_and_judged(self, tmp_path):
        config = override(
            TINY,
            {"environment.name": "atari/breakout", "environment.count": 2, "policy.kind": "cnn", "steps": 60,
             "policy.width": 16},
        )  # fmt: skip
        compute = choose_compute("cpu", "fp32")
        whole = train(config, RunFolder(tmp_path / "a"), compute=compute)
        resumed = train(config, RunFolder(tmp_path / "a"), compute=compute, resume=True)
        assert torch.equal(weights(whole.network), weights(resumed.network))
        capped = override(config, {"environment.cap": 10})
        assert len(evaluate(whole.network, capped.environment, compute, greedy=False, episodes=2)) == 2

    def test_an_unknown_game_is_told(self):
        with pytest.raises(ValueError, match=r"has no game 'brakeout'; it has: .*breakout"):
            make_environment(EnvironmentConfig(name="atari/brakeout", count=1))
