"""Agents: the games alone, and steps of training, beside stable-baselines3's A2C."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golfast.rl import AgentConfig, EnvironmentConfig, make_environment, recipe
from golfast.rl.brick import Brick
from golfast.rl.cartpole import CartPole
from golfast.rl.loop import _Training
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute, torch_threads

from .beside import Side, compare
from .peers_rl import NumpyBricks, stable_baselines, under_stable_baselines

UNIT = "agent steps/s"
GAMES, STEPS = 1024, 200


def bench_brick_game(benchmark: Any) -> None:
    games = Brick(GAMES)
    actions = np.random.default_rng(0).integers(0, 3, (STEPS, GAMES))
    _check_bricks(actions)
    games.reset(0)
    numpy = NumpyBricks(*_starts(games))

    def ours() -> None:
        for t in range(STEPS):
            games.step(actions[t])

    def theirs() -> None:
        """Lost balls stay where they are and the game goes on, which costs no less."""
        for t in range(STEPS // 10):
            lost = numpy.step(actions[t])[2]
            numpy.y[lost], numpy.dy[lost] = 3, 1

    compare(
        benchmark,
        f"the brick game alone, {GAMES:,} games, random actions",
        Side("golfast", ours, STEPS * GAMES),
        [Side("NumPy, whole batch", theirs, STEPS // 10 * GAMES)],
        unit=UNIT,
        targets={"rate": 10e6},
    )


def bench_cartpole_game(benchmark: Any) -> None:
    gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed: pip install 'golfast[gym]'")
    games = CartPole(GAMES)
    theirs = gymnasium.make_vec("CartPole-v1", num_envs=GAMES, vectorization_mode="vector_entry_point")
    actions = np.random.default_rng(0).integers(0, 2, (STEPS, GAMES))
    games.reset(0)
    theirs.reset(seed=0)

    def ours() -> None:
        for t in range(STEPS):
            games.step(actions[t])

    def peers() -> None:
        for t in range(STEPS // 10):
            theirs.step(actions[t])

    compare(
        benchmark,
        f"CartPole alone, {GAMES:,} games, random actions",
        Side("golfast", ours, STEPS * GAMES),
        [Side("Gymnasium's CartPoleVectorEnv", peers, STEPS // 10 * GAMES)],
        unit=UNIT,
    )


def bench_cartpole_training(benchmark: Any, tmp_path: Path) -> None:
    """Each as it is set up by default; stable-baselines3's as its zoo has it."""
    ours = recipe("cartpole")
    compare(
        benchmark,
        f"training on CartPole, {ours.environment.count} games x {ours.rollout} steps",
        _ours(ours, tmp_path / "ours", 64_000),
        [_theirs("cartpole", "stable-baselines3, 8 x 5", games=8, rollout=5, steps=4_000)],
        unit=UNIT,
        targets={"stable-baselines3": 8},
        rounds=5,
    )


def bench_cartpole_training_alike(benchmark: Any, tmp_path: Path) -> None:
    """Both with 8 games, 5 steps, separate trunks of two layers of 64, and RMSprop."""
    same = {"environment.count": 8, "rollout": 5, "policy.shared": False, "optimiser.name": "rmsprop"}
    compare(
        benchmark,
        "training on CartPole, 8 games x 5 steps",
        _ours(override(recipe("cartpole"), same), tmp_path / "ours", 16_000),
        [_theirs("cartpole", "stable-baselines3, 8 x 5", games=8, rollout=5, steps=4_000)],
        unit=UNIT,
        targets={"stable-baselines3": 3},
        rounds=5,
    )


def bench_brick_training(benchmark: Any, tmp_path: Path) -> None:
    ours = recipe("brick")
    count, rollout = ours.environment.count, ours.rollout
    compare(
        benchmark,
        f"training on the brick game, {count} games x {rollout} steps",
        _ours(ours, tmp_path / "ours", 10 * ours.batch),
        [
            _theirs("brick", f"stable-baselines3, {count} x {rollout}", games=count, rollout=rollout, steps=ours.batch),
            _theirs("brick", "stable-baselines3, 16 x 5", games=16, rollout=5, steps=1_600),
        ],
        unit=UNIT,
        targets={f"stable-baselines3, {count} x {rollout}": 2.5, "stable-baselines3, 16 x 5": 10},
        rounds=5,
    )


def bench_breakout_training(benchmark: Any, tmp_path: Path) -> None:
    """Each as it is set up by default: ours has a smaller network."""
    _breakout(benchmark, recipe("atari/breakout"), tmp_path)


def bench_breakout_training_alike(benchmark: Any, tmp_path: Path) -> None:
    """Both with the network of Mnih et al. 2015."""
    same = {"policy.kind": "cnn", "policy.width": 512, "threads": 2}
    _breakout(benchmark, override(recipe("atari/breakout"), same), tmp_path)


def _breakout(benchmark: Any, ours: AgentConfig, folder: Path) -> None:
    """16 games x 5 steps and two threads for both."""
    pytest.importorskip("ale_py", reason="ale-py is not installed: pip install 'golfast[atari]'")
    with torch_threads(2), pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLFAST_THREADS", "2")
        compare(
            benchmark,
            f"training on Atari Breakout, 16 games x 5 steps, {ours.policy.kind}",
            _ours(ours, folder / "ours", 8 * ours.batch),
            [_theirs("breakout", "stable-baselines3, 16 x 5, cnn", games=16, rollout=5, steps=320)],
            unit=UNIT,
            targets={"stable-baselines3": 2.5},
            rounds=3,
        )


def _ours(config: AgentConfig, folder: Path, steps: int) -> Side:
    """So many steps of training, after a few that compile."""
    compute = choose_compute("cpu", config.precision)
    games = make_environment(config.environment, training=True)
    training = _Training(config, RunFolder(folder), games, compute)
    training._begin()
    updates = steps // config.batch
    training.advance()

    def run() -> None:
        with torch_threads(config.threads):
            for _ in range(updates):
                figures = training.advance()
        assert np.isfinite(figures).all()

    return Side("golfast", run, updates * config.batch)


def _theirs(game: str, name: str, *, games: int, rollout: int, steps: int) -> Side:
    """So many steps of stable-baselines3's A2C with its own defaults for all else."""
    library = stable_baselines()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if game == "breakout":
            pytest.importorskip("cv2", reason="opencv is not installed: pip install 'golfast[peers]'")
            import ale_py
            import gymnasium
            from stable_baselines3.common.env_util import make_atari_env
            from stable_baselines3.common.vec_env import VecFrameStack

            gymnasium.register_envs(ale_py)
            played: Any = VecFrameStack(make_atari_env("BreakoutNoFrameskip-v4", n_envs=games), 4)
            policy, shape = "CnnPolicy", {}
        elif game == "cartpole":
            from stable_baselines3.common.env_util import make_vec_env

            played, policy, shape = make_vec_env("CartPole-v1", n_envs=games), "MlpPolicy", {}
        else:
            config = override(recipe("brick"), {"environment.count": games}).environment
            width = recipe("brick").policy.width
            played, policy = under_stable_baselines(make_environment(EnvironmentConfig(**vars(config)))), "MlpPolicy"
            shape = {"net_arch": [width, width]}
        agent = library.A2C(policy, played, n_steps=rollout, policy_kwargs=shape, device="cpu", seed=0)
        agent.learn(games * rollout)
    return Side(name, _learning(agent, steps), steps)


def _learning(agent: Any, steps: int) -> Callable[[], None]:
    def run() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            agent.learn(steps, reset_num_timesteps=False)

    return run


def _starts(games: Brick) -> tuple[Any, Any]:
    return games._state[:, 0].astype(np.int64), games._state[:, 2].astype(np.int64)


def _check_bricks(actions: Any) -> None:
    """Until a ball is lost, both play the same game."""
    games = Brick(actions.shape[1])
    games.reset(1)
    numpy, playing = NumpyBricks(*_starts(games)), np.ones(actions.shape[1], bool)
    for t in range(40):
        step = games.step(actions[t])
        seen, rewards, lost = numpy.step(actions[t])
        for ours, theirs in ((step.observations, seen), (step.rewards, rewards), (step.terminated, lost)):
            np.testing.assert_array_equal(ours[playing], theirs[playing])
        playing &= ~lost
        numpy.y[lost], numpy.dy[lost] = 3, 1
