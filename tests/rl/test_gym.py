"""Gymnasium's environments, and Atari's."""

import dataclasses
import sys
import tomllib
from unittest.mock import patch

import numpy as np
import pytest
import torch

from golfast.errors import Failure
from golfast.rl import (
    AgentConfig,
    EnvironmentConfig,
    PolicyConfig,
    evaluate,
    load_agent,
    make_environment,
    play_episode,
    run_agent,
    train,
)
from golfast.rl.gym import Gym
from golfast.rl.spaces import seen_of
from golfast.run.config import difference, fingerprint, from_mapping, override, to_toml
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute

gymnasium = pytest.importorskip("gymnasium")
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple  # noqa: E402

TINY = AgentConfig(
    steps=160, rollout=10, report_every=1, checkpoint_every=2, policy=PolicyConfig(width=8),
    environment=EnvironmentConfig(name="gym/CartPole-v1", count=4),
)  # fmt: skip


class Made(gymnasium.Env):
    """Random observations of a space for nine steps; a reward for the action that it was last shown."""

    def __init__(self, seen=None, actions=None):
        self.observation_space, self.action_space = seen or Discrete(3), actions or Discrete(2)
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        return self.observation_space.sample(), 1.0, False, self.steps == 9, {}


class Needs(Made):
    def __init__(self, size, options=None):
        super().__init__(Discrete(size), Discrete(2 + len(options or {})))


class Broken(Made):
    def __init__(self):
        raise KeyError("a file")


class Failing(Made):
    def step(self, action):
        raise IndexError("out of\nbounds")


class NoMetadata(Made):
    metadata = {}  # noqa: RUF012 - as Gymnasium has it


class Drawn(Made):
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, picture, render_mode=None):
        super().__init__()
        self.picture, self.render_mode = picture, render_mode

    def render(self):
        if self.picture == "raise":
            raise RuntimeError("no screen")
        return {"text": "ascii", "none": None, "grey": np.zeros((4, 4)), "good": np.zeros((4, 5, 3))}[self.picture]


SEEN = {  # observations, and how many numbers a network gets of them
    "Discrete": (Discrete(5), 5),
    "DiscreteStart": (Discrete(5, start=-2), 5),
    "MultiDiscrete": (MultiDiscrete([2, 3]), 5),
    "MultiDiscreteStart": (MultiDiscrete([[2, 3], [1, 4]], start=[[1, 0], [5, -3]]), 10),
    "MultiBinary": (MultiBinary([2, 3]), 6),
    "Dict": (Dict(a=Discrete(3, start=1), b=Box(-1, 1, (2, 2)), c=MultiBinary(2)), 9),
    "Nested": (Dict(a=Dict(b=Discrete(2), c=Tuple([Box(0, 9, (3,), np.uint8), Discrete(2)]))), 7),
    "Tuple": (Tuple([Discrete(3), Box(0, 255, (2, 2, 3), np.uint8)]), 15),
    "Number": (Box(-1, 1, ()), 1),
    "Float64": (Box(-np.inf, np.inf, (4,), np.float64), 4),
    "Int64": (Box(0, 9, (2, 2), np.int64), 4),
    "Bytes": (Box(0, 255, (7,), np.uint8), 7),
    "Image": (Box(0, 255, (5, 6, 3), np.uint8), 90),
    "Bits": (Box(0, 1, (3, 3), np.uint8), 9),
    "Bounds": (Box(np.array([0, 10], np.uint8), np.array([4, 30], np.uint8), dtype=np.uint8), 2),
}
ACTIONS = {  # and how many choices they are
    "ActStart": (Discrete(4, start=3), 4),
    "ActNegative": (Discrete(2, start=-1), 2),
    "ActMulti": (MultiDiscrete([2, 3]), 6),
    "ActMultiStart": (MultiDiscrete([[2, 2], [1, 3]], start=[[1, 0], [5, -3]]), 12),
    "ActBinary": (MultiBinary(3), 8),
    "ActOne": (Discrete(1), 1),
}
REFUSED = {
    "Text": {"seen": Text(4)},
    "Huge": {"seen": Discrete(10**9)},
    "Nothing": {"seen": Box(0, 1, (0,))},
    "ManyActions": {"actions": MultiDiscrete([100, 100, 100])},
    "TupleActions": {"actions": Tuple([Discrete(2), Discrete(2)])},
}


@pytest.fixture(autouse=True, scope="module")
def _registered():
    """The environments above, by names."""
    there = {name: (Made, {"seen": space}) for name, (space, _) in SEEN.items()}
    there |= {name: (Made, {"actions": space}) for name, (space, _) in ACTIONS.items()}
    there |= {name: (Made, kwargs) for name, kwargs in REFUSED.items()}
    there |= {"Plain": (Made, {}), "Needs": (Needs, {}), "Broken": (Broken, {}), "Failing": (Failing, {}),
              "NoMetadata": (NoMetadata, {}), "Drawn": (Drawn, {})}  # fmt: skip
    ids = [f"Golfast{name}-v0" for name in there]
    for name, (entry, kwargs) in zip(ids, there.values(), strict=True):
        gymnasium.register(name, entry_point=entry, kwargs=kwargs)
    yield
    for name in ids:
        del gymnasium.registry[name]


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
        ("gym/GolfastText-v0", "take a Box, an array of numbers"),
        ("gym/GolfastHuge-v0", "numbers in a row; golfast's agents take 1 to 100,000"),
        ("gym/GolfastNothing-v0", "hold no number"),
        ("gym/GolfastManyActions-v0", "1,000,000 combinations"),
        ("gym/GolfastTupleActions-v0", "discrete actions"),
        ("gym/GolfastNeeds-v0", "missing 1 required .*argument.*'size'.*; its .* set as environment.kwargs.NAME=VALUE"),
        ("gym/GolfastBroken-v0", "gymnasium cannot make 'GolfastBroken-v0': KeyError: 'a file'"),
        ("gym/Nonsense-v7", "gymnasium cannot make 'Nonsense-v7'"),
    ],
)
def test_what_cannot_be_played_is_refused(name, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_environment(EnvironmentConfig(name=name, count=1))


@pytest.mark.parametrize("name", [*SEEN, *ACTIONS])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_spaces_are_played(tmp_path, name):
    config = override(TINY, {"environment.name": f"gym/Golfast{name}-v0", "steps": 80})
    games = make_environment(config.environment)
    space, inputs = SEEN.get(name, (None, 3))
    assert np.prod(games.shape) == inputs
    assert games.actions == (ACTIONS[name][1] if name in ACTIONS else 2)
    observations = games.reset(3)
    assert observations.dtype == games.dtype
    again = games.reset(3).copy()
    np.testing.assert_array_equal(again, observations)
    actions = np.arange(games.count) % games.actions
    if name in ACTIONS:
        theirs = games._theirs(np.arange(games.actions))
        assert len({np.asarray(action).tobytes() for action in theirs}) == games.actions
        assert all(ACTIONS[name][0].contains(action) for action in theirs)
    for _ in range(12):
        step = games.step(actions)
    assert step.observations.shape == (4, *games.shape)
    if games.dtype == np.uint8:
        assert step.observations.max() <= games.top
    elif space is not None and "Float64" not in name and "Int64" not in name:
        assert np.abs(step.observations).max() <= 1
    games.close()
    compute = choose_compute("cpu", "fp32")
    one = train(config, RunFolder(tmp_path / "a"), compute=compute)
    assert len(evaluate(one.network, config.environment, compute, greedy=False, episodes=2)) == 2


def test_how_spaces_are_seen():
    def seen(space, *values):
        found = seen_of(space)
        rows = {key: np.stack([value[key] for value in values]) for key in values[0]} if isinstance(
            space, Dict) else np.stack([np.asarray(value) for value in values])  # fmt: skip
        return found.own(rows).tolist(), found.top

    assert seen(Discrete(3, start=1), 1, 3) == ([[1, 0, 0], [0, 0, 1]], 1)
    assert seen(MultiDiscrete([2, 3], start=[5, 0]), [6, 0]) == ([[0, 1, 1, 0, 0]], 1)
    both = Dict(a=Box(0, 4, (2,), np.uint8), b=Discrete(2))
    assert seen(both, {"a": np.array([4, 1], np.uint8), "b": 1}) == ([[1, 0.25, 0, 1]], 1)
    assert seen(Box(0, 1, (2,), np.uint8), [1, 0]) == ([[1, 0]], 1)
    assert seen(Box(0, 7, (2,), np.uint8), [7, 0]) == ([[7, 0]], 7)
    assert seen(Box(0, 255, (2,), np.uint8), [7, 0]) == ([[7, 0]], 255)
    assert seen(Box(10, 30, (2,), np.uint8), [10, 20]) == ([[0, 0.5]], 1)
    assert seen(Box(0, 0, (1,), np.uint8), [0]) == ([[0]], 1)
    image = Box(0, 4, (1, 2, 3), np.uint8)
    assert seen(image, [[[0, 1, 2], [3, 4, 0]]]) == ([[[[0, 3]], [[1, 4]], [[2, 0]]]], 4)


def test_an_agent_learns_from_bits_in_bytes(tmp_path):
    """Of Box(0, 1, uint8), which divided by 255 is all but dark."""
    config = override(TINY, {"environment.name": "gym/GolfastBits-v0"})
    games = make_environment(config.environment)
    one = train(config, RunFolder(tmp_path), compute=choose_compute("cpu", "fp32"), environment=games)
    assert one.network.top == 1
    seen = one.network.normalised(torch.ones(1, 3, 3, dtype=torch.uint8))
    assert seen.max() == 1
    games.close()


def test_a_vector_environment_of_one_seed(tmp_path):
    """Gymnasium's own of CartPole takes no list."""
    games = Gym(gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point"), 3)
    first, other, again = games.reset(0).copy(), games.reset(1).copy(), games.reset(0).copy()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(np.unique(first, axis=0)) == 3
    one, two = (
        train(TINY, RunFolder(tmp_path / name), compute=choose_compute("cpu", "fp32"), environment=games)
        for name in ("a", "b")
    )
    assert torch.equal(weights(one.network), weights(two.network))
    each = Gym(gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync"), 3)
    named = make_environment(EnvironmentConfig(name="gym/CartPole-v1", count=3))
    np.testing.assert_array_equal(each.reset(5), named.reset(5))
    for one in (games, each, named):
        one.close()


def test_arguments_of_a_constructor(tmp_path):
    bare, given = (
        override(TINY, {"environment.name": "gym/GolfastNeeds-v0", **changes})
        for changes in ({}, {"environment.kwargs.size": 6, "environment.kwargs.options.deep": [1, "a"]})
    )
    assert given.environment.kwargs == {"size": 6, "options": {"deep": [1, "a"]}}
    games = make_environment(given.environment)
    assert (games.shape, games.actions) == ((6,), 3)
    games.close()
    assert from_mapping(AgentConfig, tomllib.loads(to_toml(given))) == given
    assert fingerprint(given) != fingerprint(bare)
    assert "kwargs" not in to_toml(bare)  # as in the folders of runs from before
    assert fingerprint(TINY) == "18c784320f7e"  # as it was before there were any
    assert difference(given, bare) == [
        "environment.kwargs.size (6 against none)", "environment.kwargs.options.deep ([1, 'a'] against none)"
    ]  # fmt: skip
    assert override(given, {"environment.kwargs": {"size": 2}}).environment.kwargs == {"size": 2}
    compute = choose_compute("cpu", "fp32")
    whole = train(given, RunFolder(tmp_path), compute=compute)
    resumed = train(given, RunFolder(tmp_path), compute=compute, resume=True)
    assert torch.equal(weights(whole.network), weights(resumed.network))
    with pytest.raises(Failure, match="another config"):
        train(override(given, {"environment.kwargs.size": 7}), RunFolder(tmp_path), compute=compute, resume=True)
    limited = EnvironmentConfig(name="gym/GolfastPlain-v0", count=1, kwargs={"max_episode_steps": 2})
    games = make_environment(limited)
    games.reset(0)
    assert [bool(games.step(np.zeros(1, np.int64)).truncated[0]) for _ in range(2)] == [False, True]
    games.close()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"environment.name": "brick", "environment.kwargs.a": 1}, "kwargs are for gym/ID; brick takes none"),
        ({"environment.kwargs": 3}, "takes a table; got 3"),
        ({"environment.kwargs.a": np.zeros(2)}, "kwargs.a is .* must be a text, a number"),
        ({"environment.kwargs.a.b": None}, "must be a text, a number"),
        ({"environment.kwarg.a": 1}, "there is no config key 'environment.kwarg.a'"),
        ({"environment": {}}, "there is no config key 'environment'"),
    ],
)
def test_arguments_that_cannot_be_kept_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        override(TINY, changes)


@pytest.mark.parametrize(
    ("name", "kwargs", "sentence"),
    [
        ("Plain", {}, r"cannot be drawn: it has no render\(\) that gives a picture, an 'rgb_array'$"),
        ("NoMetadata", {}, r"cannot be drawn: it has no render\(\) that gives a picture"),
        ("Drawn", {"picture": "raise"}, "cannot be drawn: RuntimeError: no screen"),
        ("Drawn", {"picture": "none"}, "no render_mode 'rgb_array'"),
        ("Drawn", {"picture": "text"}, r"gives no array \(height, width, 3\)"),
        ("Drawn", {"picture": "grey"}, "gives no array"),
        ("Drawn", {"picture": "good"}, None),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_cannot_be_drawn_has_a_result_all_the_same(tmp_path, name, kwargs, sentence):
    environment = EnvironmentConfig(name=f"gym/Golfast{name}-v0", count=4, kwargs=kwargs)
    config = dataclasses.replace(TINY, steps=40, environment=environment)
    folder = RunFolder(tmp_path / "run")
    result = run_agent(config, folder, device="cpu", episodes=3)
    assert result["greedy"]["mean"] == 9
    assert folder.read_result() == result
    assert (folder.path / "game.gif").exists() == (sentence is None)
    if sentence:
        with pytest.raises(ValueError, match=sentence):
            play_episode(load_agent(folder.path)[1], environment, choose_compute("cpu", "fp32"), steps=3)


def test_an_environment_that_fails_is_told_in_a_sentence(tmp_path):
    config = override(TINY, {"environment.name": "gym/GolfastFailing-v0"})
    with pytest.raises(Failure, match=r"^gym/GolfastFailing-v0 failed to step: IndexError: out of bounds$"):
        train(config, RunFolder(tmp_path), compute=choose_compute("cpu", "fp32"))


@pytest.mark.parametrize(
    ("space", "given", "shapes"),
    [
        (Box(-1, 1, (4,)), np.zeros(5, np.float32), ((5,), (4,))),
        (Box(0, 255, (4, 4, 3), np.uint8), np.zeros((4, 3, 3), np.uint8), ((4, 3, 3), (4, 4, 3))),
        (Dict(a=Discrete(2), b=Tuple([Box(-1, 1, (2,))])), {"a": 0, "b": (np.zeros(3),)}, ((3,), (2,))),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_observation_of_another_shape_than_its_space_is_told_with_both(space, given, shapes):
    class Misshapen(Made):
        def step(self, action):
            return given, 1.0, False, False, {}

    games = Gym(gymnasium.vector.SyncVectorEnv([lambda: Misshapen(space)]), 1)
    games.reset(0)
    with pytest.raises(Failure) as told:
        games.step(np.zeros(1, np.int64))
    assert str(told.value) == (
        f"gym/SyncVectorEnv failed to step: an observation has shape {shapes[0]}, and its observation_space says "
        f"{shapes[1]}: the environment must give what it says"
    )
    games.close()


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
        with pytest.raises(ValueError, match=r"has no game 'brakeout'; did you mean 'breakout'\?"):
            make_environment(EnvironmentConfig(name="atari/brakeout", count=1))
