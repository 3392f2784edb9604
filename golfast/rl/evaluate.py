"""Judging an agent: whole games, unclipped, each begun anew, apart from training."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np

from golfast.rl.act import actor_for
from golfast.rl.config import EnvironmentConfig
from golfast.rl.environment import Environment
from golfast.rl.games import make_environment
from golfast.rl.network import ActorCritic
from golfast.rl.randomness import derived
from golfast.run.precision import Compute

EPISODES = 100
LONGEST = 108_000
"""Steps after which a game counts as it stands: of a game without an end of its own, such as brick without a cap."""
# Student's t at 97.5% for 1, 2, ... degrees of freedom; beyond the last one the normal's 1.96 is near enough.
_STUDENT = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
_NORMAL = 1.96


def evaluate(
    network: ActorCritic,
    config: EnvironmentConfig,
    compute: Compute,
    *,
    greedy: bool,
    episodes: int = EPISODES,
    seed: int = 0,
    longest: int = LONGEST,
    progress: Callable[[int], None] = lambda done: None,
) -> list[float]:
    """The scores of `episodes` whole games, in the order of their seeds.

    All are played side by side, one episode in each, so that short games count no more than long ones. greedy: take the
    likeliest action, or else draw actions as in training. longest: after so many steps, or config.cap if that is more,
    games that are not over count as they stand. `progress` is called with the number of games that are over.
    ValueError if the network does not fit the environment.
    """
    games = make_environment(dataclasses.replace(config, count=episodes))
    try:
        require_fit(network, games, config.name)
        actor = actor_for(network, episodes, seed=derived(seed, 4), greedy=greedy, compute=compute)
        seen = games.reset(derived(seed, 3))
        scores, playing = np.zeros(episodes), np.ones(episodes, np.bool_)
        step, last = 0, max(longest, config.cap)
        while playing.any() and step < last:
            result = games.step(actor.act(seen, step))
            scores += np.where(playing, result.scores, 0)
            if (playing & result.over).any():
                playing &= ~result.over
                progress(episodes - int(np.count_nonzero(playing)))
            seen, step = result.observations, step + 1
        return [float(score) for score in scores]
    finally:
        games.close()


def summary(scores: Sequence[float]) -> dict[str, Any]:
    """Mean, its 95% interval, deviation, least and most of some games' scores, and how many of these are different.

    Where a game leaves nothing to chance but its beginning (Atari without sticky actions), a greedy agent plays few
    different games, again and again. They are not independent then, and the interval is too narrow.
    """
    spread = {"deviation": _deviation(scores), "least": min(scores), "most": max(scores)}
    return {**interval(scores), **spread, "different": len(set(scores))}


def interval(values: Sequence[float]) -> dict[str, Any]:
    """The mean of independent values, such as one mean for each seed, and Student's 95% interval around it."""
    count, mean = len(values), fmean(values)
    if count < 2:
        return {"mean": mean, "low": None, "high": None, "count": count}
    student = _STUDENT[count - 2] if count - 2 < len(_STUDENT) else _NORMAL
    half = student * _deviation(values) / math.sqrt(count)
    return {"mean": mean, "low": mean - half, "high": mean + half, "count": count}


def require_fit(network: ActorCritic, games: Environment, name: str) -> None:
    """ValueError if the network takes other observations or has other actions."""
    if (network.shape, network.actions) != (games.shape, games.actions):
        raise ValueError(
            f"the agent was trained on observations {network.shape} with {network.actions} actions, and {name} has "
            f"{games.shape} with {games.actions}"
        )


def _deviation(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0
