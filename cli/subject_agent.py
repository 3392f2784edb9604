"""An agent as a subject of feature visualisation: what it plays decides which inputs are legal and how they look."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .subjects import Subject, check_examples

if TYPE_CHECKING:
    from golfast.features import Legal, Look, Space

_GAMES = 64  # that real inputs are taken from
_EVERY = 4  # steps: inputs next to each other are nearly the same
_FRAMES = 120
_TRIED = 5  # games, of which the median is drawn
_POLE = ("position", "velocity", "angle", "turning")
_POLE_RANGES = (2.4, 3.5, 0.21, 3.5)  # what ends a game, and the speeds that games reach
_BRICK = ("paddle", "ball", "trail", "brick")


def load_agent_subject(run: Path, examples: int) -> Subject:
    """The agent of a run of `golfast rl train`; its real inputs are what it sees while it plays by its policy."""
    from golfast.features import Probe, World
    from golfast.rl import first_agent, load_agent

    config, network, compute = load_agent(run, "cpu")
    check_examples(examples, network.shape)
    seen, meanings = _play(config, network, compute, examples)
    space, legal, look = _world(config.environment.name, seen)
    trunk = [f"actor.{k}" for k, layer in enumerate(network.actor) if isinstance(layer, torch.nn.ReLU)]
    return Subject(
        name=run.name,
        probe=Probe(network),
        untrained=Probe(first_agent(config)),
        world=World(space, legal, seen),
        look=look,
        shown=(*trunk, "policy", "value"),
        real=f"what it sees playing {config.environment.name}",
        names={"policy": meanings},
        findings=lambda subject, out, display: _played(subject, config, network, compute, out, display),
    )


def _play(config: Any, network: Any, compute: Any, count: int) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Observations of games played by the policy, (count, *shape), as the network takes them; names of the actions."""
    from golfast.rl import make_environment
    from golfast.rl.act import actor_for

    games = make_environment(dataclasses.replace(config.environment, count=_GAMES))
    try:
        actor = actor_for(network, _GAMES, seed=1, compute=compute)
        seen, kept = games.reset(2), []
        for step in range(_EVERY * -(-count // _GAMES)):
            if step % _EVERY == 0:
                kept.append(seen.copy())
            seen = games.step(actor.act(seen, step)).observations
    finally:
        games.close()
    found = torch.from_numpy(np.concatenate(kept)[:count])
    return (found.float() / games.top if games.dtype == np.uint8 else found), games.meanings


def _world(name: str, seen: torch.Tensor) -> tuple["Space", "Legal", "Look"]:
    """Where inputs live, which are legal, and how they look."""
    from golfast.features import Box, FramesLook, NumbersLook, Planes, PlanesLook, Space, plain_look

    zero, one = torch.tensor(0.0), torch.tensor(1.0)
    shape = tuple(seen.shape[1:])
    if name == "brick":
        where = torch.zeros(shape, dtype=torch.bool)
        where[0, -1] = True  # the paddle in the bottom row
        where[1:3] = True  # the ball anywhere, and its trail next to it
        where[3, 1:4] = True  # bricks in their rows
        legal = Planes(("one", "one", "one", "any"), where, [(1, 2)], _ways_of_a_ball(*shape[1:]))
        return Space(shape, zero, one), legal, PlanesLook(_BRICK)
    if name == "cartpole":
        high = torch.tensor(_POLE_RANGES)
        look = NumbersLook(_POLE, (-high).tolist(), high.tolist())
        return Space(shape, -high, high), Box(-high, high), look
    if name.startswith("atari/"):
        return Space(shape, zero, one), Box(0.0, 1.0, step=1 / 255), FramesLook()
    low, high = seen.amin(0), seen.amax(0)
    high = torch.where(high > low, high, low + 1)
    return Space(shape, low, high), Box(low, high), plain_look(shape, low, high)


def _ways_of_a_ball(height: int, width: int) -> torch.Tensor:
    """Where a ball may have been a step ago, for each cell that it may be in, (3, 3, H, W).

    It goes along diagonals. It stays in its column where a wall threw it back, and in its row where the ceiling, a
    brick (above or below it) or the paddle did.
    """
    column, row = torch.zeros(height, width, dtype=torch.bool), torch.zeros(height, width, dtype=torch.bool)
    column[:, [0, -1]] = True
    row[:5] = row[height - 2] = True
    ways = torch.ones(3, 3, height, width, dtype=torch.bool)
    ways[0, 1], ways[2, 1], ways[1, 0], ways[1, 2], ways[1, 1] = column, column, row, row, column & row
    return ways


def _played(subject: Subject, config: Any, network: Any, compute: Any, out: Path, display: Any) -> dict[str, Any]:
    """An episode, neither the luckiest nor the unluckiest, with what it hangs on, values and chances laid over it."""
    from golfast.features.saliency import Played, draw_played
    from golfast.rl import play_episode
    from golfast.run.pictures import save_gif

    try:
        games = [play_episode(network, config.environment, compute, seed=seed, steps=_FRAMES) for seed in range(_TRIED)]
    except ValueError as error:  # the sheets need no picture of the game
        display.say(f"no episode was drawn: {error}")
        return {}
    episode = sorted(games, key=lambda game: (len(game.moments), game.score))[_TRIED // 2]
    moments = episode.moments
    seen = torch.from_numpy(np.stack([moment.observation for moment in moments]))
    whole = not seen.is_floating_point()
    played = Played(
        inputs=seen.float() / network.top if whole else seen,
        chances=np.stack([moment.chances for moment in moments]),
        values=np.array([moment.value for moment in moments], np.float32),
        actions=np.array([moment.action for moment in moments], np.int64),
        scores=np.array([moment.score for moment in moments], np.float32),
        names=episode.meanings,
    )
    title = f"{subject.name} plays {config.environment.name}: what its value and its choices hang on"
    frames = draw_played(
        subject.probe, played, subject.world.space, subject.look, policy="policy", critic="value", title=title
    )
    save_gif(frames, out / "played.gif", milliseconds=120)
    display.say(f"episode: {out / 'played.gif'}")
    return {"steps": len(moments), "score": episode.score, "of_games": _TRIED, "picture": str(out / "played.gif")}
