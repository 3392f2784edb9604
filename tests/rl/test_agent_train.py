"""Training: reproducible, resumable, and it learns."""

import importlib
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from golfast.errors import Failure
from golfast.rl import (
    AgentConfig,
    EnvironmentConfig,
    PolicyConfig,
    evaluate,
    interval,
    judge,
    load_agent,
    play_episode,
    recipe,
    run_agent,
    train,
)
from golfast.rl import loop as loop_module
from golfast.rl.act import actor_for
from golfast.rl.cartpole import CartPole
from golfast.rl.descend import Autograd
from golfast.rl.draw import draw_curve, draw_episode, kept_records
from golfast.rl.environment import Step
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute

SMALL = AgentConfig(
    steps=1200,
    rollout=10,
    report_every=2,
    checkpoint_every=4,
    environment=EnvironmentConfig(count=6),
    policy=PolicyConfig(width=8, layers=1),
)
BRICK = override(SMALL, {"environment.name": "brick", "environment.sticky": 0.1, "algorithm": "ppo", "ppo.epochs": 2})
BOARD = override(SMALL, {"environment.name": "brick", "policy.kind": "cnn"})


@pytest.fixture
def compute():
    return choose_compute("cpu", "fp32")


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def run(config, path, compute, **options):
    return train(config, RunFolder(path), compute=compute, **options)


def metrics(path):
    return [{**record, "seconds": 0} for record in RunFolder(path).read_log()]


class Slow(CartPole):
    """Not to be saved."""

    def state(self):
        return None


@pytest.mark.parametrize("config", [SMALL, BRICK, BOARD], ids=["a2c", "ppo", "cnn"])
def test_the_same_seed_gives_the_same_weights(tmp_path, compute, config):
    one, two = (run(config, tmp_path / name, compute) for name in ("a", "b"))
    assert torch.equal(weights(one.network), weights(two.network))
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    other = run(override(config, {"seed": 1}), tmp_path / "c", compute)
    assert not torch.equal(weights(one.network), weights(other.network))


def test_training_leaves_torch_as_it_was(tmp_path, compute):
    torch.manual_seed(5)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    run(SMALL, tmp_path / "a", compute)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("name", ["cartpole", "brick"])
def test_a_compiled_rollout_is_its_steps_one_by_one(tmp_path, compute, monkeypatch, name):
    monkeypatch.setenv("GOLFAST_THREADS", "2")
    config = override(SMALL, {"environment.name": name, "environment.count": 130})
    fast = run(config, tmp_path / "fast", compute)
    monkeypatch.setattr(loop_module, "CompiledEnvironment", type("Never", (), {}))
    slow = run(config, tmp_path / "slow", compute)
    assert torch.equal(weights(fast.network), weights(slow.network))
    assert metrics(tmp_path / "fast") == metrics(tmp_path / "slow")
    assert any(record["games"] for record in metrics(tmp_path / "fast"))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [3, 4, 9, 19])
@pytest.mark.parametrize("kind", ["compiled", "unsaveable", "ppo"])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, compute, monkeypatch, kind, at):
    config = BRICK if kind == "ppo" else SMALL
    if kind == "unsaveable":
        monkeypatch.setattr(loop_module, "make_environment", lambda config, training: Slow(config.count))
        monkeypatch.setattr(loop_module, "CompiledEnvironment", type("Never", (), {}))
    whole = run(config, tmp_path / "whole", compute)
    real = loop_module._Training._play

    def killed(self):
        if self.update == at:
            raise Killed
        real(self)

    monkeypatch.setattr(loop_module._Training, "_play", killed)
    with pytest.raises(Killed):
        run(config, tmp_path / "a", compute)
    monkeypatch.setattr(loop_module._Training, "_play", real)
    resumed = run(config, tmp_path / "a", compute, resume=True)
    assert torch.equal(weights(whole.network), weights(resumed.network))
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "a")


def test_a_checkpoint_of_another_device_is_told(tmp_path, compute, monkeypatch):
    """On a GPU any network is moved by torch's optimiser."""
    real = loop_module._Training._play

    def killed(self):
        if self.update == 5:
            raise Killed
        real(self)

    with monkeypatch.context() as patched:
        patched.setattr(loop_module._Training, "_play", killed)
        with pytest.raises(Killed):
            run(SMALL, tmp_path / "a", compute)
    monkeypatch.setattr("golfast.rl.learn.descent_for", Autograd)
    with pytest.raises(Failure, match=r"checkpoint\.pt holds what this run cannot take up.*made on another device"):
        run(SMALL, tmp_path / "a", compute, resume=True)


class Broken(CartPole):
    """Gives a reward that is no number, now and then."""

    def step(self, actions):
        step = super().step(actions)
        rewards = step.rewards.copy()
        rewards[-1] = np.nan
        return Step(step.observations, rewards, *step[2:])

    def rollout(self, actor, first, seen, actions, rewards, *rest):
        super().rollout(actor, first, seen, actions, rewards, *rest)
        rewards[-1, -1] = np.nan


def test_a_reward_that_is_no_number_is_told(tmp_path, compute):
    with pytest.raises(Failure, match=r"cartpole gave a reward of nan before step 60.*mend the environment"):
        run(SMALL, tmp_path / "a", compute, environment=Broken(6))


class Blind(CartPole):
    """Shows what is no number, now and then."""

    def step(self, actions):
        step = super().step(actions)
        seen = step.observations.copy()
        seen[-1, 2] = np.nan
        return Step(seen, *step[1:])


def test_an_observation_that_is_no_number_is_told(tmp_path, compute, monkeypatch):
    monkeypatch.setattr(loop_module, "CompiledEnvironment", type("Never", (), {}))
    with pytest.raises(Failure, match=r"cartpole gave an observation of nan before step 60.*mend the environment"):
        run(SMALL, tmp_path / "a", compute, environment=Blind(6))


def test_divergence_is_told(tmp_path, compute, monkeypatch):
    monkeypatch.setattr(loop_module.Learner, "update", lambda self, rollout, number: loop_module.Figures(1, np.nan, 1))
    with pytest.raises(Failure, match=r"diverged at step 120.*lower optimiser\.lr"):
        run(SMALL, tmp_path / "a", compute)


@pytest.mark.parametrize("counted", [False, True])
def test_steps_that_begin_an_episode_are_not_learned_from(tmp_path, compute, monkeypatch, counted):
    """Their rewards and actions can be anything; those of the others cannot."""
    real = loop_module.Learner.update
    seen = []

    def meddle(self, rollout, number):
        chosen = rollout.counts if counted else ~rollout.counts
        seen.append(int((~rollout.counts).sum()))
        rollout.rewards[chosen] += 100
        rollout.actions[chosen] = 0
        return real(self, rollout, number)

    plain = run(SMALL, tmp_path / "plain", compute)
    monkeypatch.setattr(loop_module.Learner, "update", meddle)
    meddled = run(SMALL, tmp_path / "meddled", compute)
    assert sum(seen) > 20
    assert torch.equal(weights(plain.network), weights(meddled.network)) is not counted


def test_an_agent_learns_to_balance(tmp_path):
    config = override(recipe("cartpole"), {"steps": 200_000, "seed": 3})
    result = run_agent(config, RunFolder(tmp_path / "run"), episodes=30, pictures=False)
    first = RunFolder(tmp_path / "run").read_log()[0]
    assert first["return"] < 60
    assert result["greedy"]["mean"] > 100
    assert result == RunFolder(tmp_path / "run").read_result()
    loaded, network, compute = load_agent(tmp_path / "run")
    again = evaluate(network, loaded.environment, compute, greedy=True, episodes=30)
    assert again == result["greedy"]["scores"]
    assert run_agent(config, RunFolder(tmp_path / "run"), resume=True) == result


def test_every_game_is_counted_once_and_whole(compute):
    """An agent that always pushes left loses soon, in as many steps as its score."""
    from golfast.rl.trial import first_agent

    network = first_agent(SMALL)
    with torch.no_grad():
        network.policy.weight.zero_()
        network.policy.bias.copy_(torch.tensor([50.0, 0.0]))
    for greedy in (True, False):
        scores = evaluate(network, SMALL.environment, compute, greedy=greedy, episodes=30, seed=2)
        assert len(scores) == 30
        assert all(7 < score < 12 for score in scores)
    actor = actor_for(network, 30, seed=0, greedy=True, compute=compute)
    games = CartPole(30)
    from golfast.rl.randomness import derived

    step, lengths = games.reset(derived(2, 3)), np.zeros(30)
    for k in range(1, 13):
        result = games.step(actor.act(step, k))
        lengths[result.over & (lengths == 0)] = k
    assert scores == lengths.tolist()


class Endless(CartPole):
    """Whose games never end."""

    def step(self, actions):
        step = super().step(actions)
        rewards, never = np.ones_like(step.rewards), np.zeros_like(step.over)
        return Step(step.observations, rewards, never, never, rewards, never)


def test_a_game_without_an_end_counts_as_it_stands(compute, monkeypatch):
    from golfast.rl.trial import first_agent

    network = first_agent(SMALL)
    module = importlib.import_module("golfast.rl.evaluate")
    monkeypatch.setattr(module, "make_environment", lambda config: Endless(config.count))
    assert evaluate(network, SMALL.environment, compute, greedy=True, episodes=3, longest=40) == [40.0] * 3
    capped = override(SMALL, {"environment.cap": 60}).environment
    assert evaluate(network, capped, compute, greedy=True, episodes=3, longest=40) == [60.0] * 3
    monkeypatch.setattr("golfast.rl.trial.evaluate", partial(evaluate, longest=40))
    found = judge(network, SMALL, compute, greedy=True, episodes=5)
    assert (found["mean"], found["unfinished"]) == (40.0, 5)


def test_an_episode_is_drawn(compute):
    from golfast.rl.trial import first_agent

    episode = play_episode(first_agent(BRICK), BRICK.environment, compute, seed=4, steps=20)
    assert len(episode.moments) <= 20
    frames = draw_episode(episode, title="brick")
    assert len(frames) == len(episode.moments)
    assert len({frame.size for frame in frames}) == 1
    assert all(np.isclose(moment.chances.sum(), 1) for moment in episode.moments)


RESULTS = Path(__file__).parents[2] / "results" / "rl"


def test_a_curve_needs_a_game():
    with pytest.raises(ValueError, match="no game has ended"):
        draw_curve([{"return": None}], title="")


def test_a_curve_is_drawn_from_what_is_kept_of_it():
    """README's picture of Breakout is that of the file beside it; no time on it that a figure contradicts."""
    kept = json.loads((RESULTS / "breakout.json").read_text())
    records = kept_records(kept)
    assert records[-1] == {name: kept["curve"][name][-1] for name in ("step", "return", "entropy", "seconds")}
    drawn = draw_curve(records, title="A2C on atari/breakout, seed 0")
    with Image.open(RESULTS / "breakout-learning.png") as picture:
        assert picture.size == drawn.size
        off = np.abs(np.asarray(picture, int) - np.asarray(drawn, int)).max(axis=2) > 40
        assert off.mean() < 0.01  # another Pillow may draw letters otherwise
    hours = [record | {"seconds": 10 * record["seconds"]} for record in records]
    assert draw_curve(hours, title="A2C on atari/breakout, seed 0").tobytes() == drawn.tobytes()


def test_intervals_are_students():
    assert interval([1.0, 2.0, 3.0]) == pytest.approx(
        {"mean": 2.0, "low": 2 - 2.484, "high": 2 + 2.484, "count": 3}, abs=1e-3
    )
    assert interval([4.0]) == {"mean": 4.0, "low": None, "high": None, "count": 1}
