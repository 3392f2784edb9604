"""Watching an agent play."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from golfast.rl.act import actor_for
from golfast.rl.config import EnvironmentConfig
from golfast.rl.evaluate import require_fit
from golfast.rl.games import make_environment
from golfast.rl.network import ActorCritic
from golfast.rl.randomness import derived
from golfast.run.precision import Compute


class Moment(NamedTuple):
    """One step of a game."""

    observation: NDArray[Any]
    """What the agent saw, (*shape)."""
    picture: NDArray[np.uint8]
    """The game, (H, W, 3)."""
    chances: NDArray[np.float32]
    """The policy, (actions,)."""
    value: float
    action: int
    """What was chosen."""
    score: float
    """The game's so far, this step not yet counted."""


class Episode(NamedTuple):
    """A game, or the first steps of one."""

    moments: list[Moment]
    score: float
    over: bool
    """Whether the game came to its end."""
    meanings: tuple[str, ...]
    """Names of the actions."""


def play_episode(
    network: ActorCritic,
    config: EnvironmentConfig,
    compute: Compute,
    *,
    greedy: bool = True,
    seed: int = 0,
    steps: int = 1000,
) -> Episode:
    """Play one whole game, or its first `steps`, with what was seen and thought. ValueError if it cannot be drawn."""
    games = make_environment(dataclasses.replace(config, count=1))
    try:
        require_fit(network, games, config.name)
        actor = actor_for(network, 1, seed=derived(seed, 4), greedy=greedy, compute=compute)
        moments: list[Moment] = []
        seen, score, over = games.reset(derived(seed, 3)), 0.0, False
        while not over and len(moments) < steps:
            with torch.inference_mode(), compute.autocast():
                logits, value = network(torch.from_numpy(seen).to(compute.device))
            chances = torch.softmax(logits, dim=1)[0].cpu().numpy()
            action = int(actor.act(seen, len(moments))[0])
            moments.append(Moment(seen[0].copy(), games.picture(), chances, float(value[0]), action, score))
            result = games.step(np.array([action]))
            score += float(result.scores[0])
            over, seen = bool(result.over[0]), result.observations
        meanings = games.meanings or tuple(f"action {i}" for i in range(games.actions))
        return Episode(moments, score, over, meanings)
    finally:
        games.close()
