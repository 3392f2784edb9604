"""Atari games through ale-py's vector environment, an extra: pip install 'golfast[atari]'.

Frames are 84x84 greys, the last four of them stacked, each the maximum of two; an action is held for four frames; a
game begins with up to 30 idle frames. In training rewards are clipped to -1, 0 and 1, and a lost life is the end of an
episode, which the game goes on from. Where the game has a FIRE button, it is pressed at the start of every life, in
training and in evaluation alike: an agent is never asked to.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from golfast.errors import meant
from golfast.rl.environment import Environment, Observations, Step
from golfast.rl.randomness import derived
from golfast.threads import thread_count

_SKIP = 4  # frames to an action
_FRAMES = 108_000  # of a game at most: half an hour of play


class Atari(Environment):
    """N games of one ROM. Observations: (4, 84, 84) uint8 greys, the newest frame last."""

    def __init__(self, game: str, count: int, *, sticky: float, cap: int, training: bool) -> None:
        try:
            from ale_py import roms
            from ale_py.vector_env import AtariVectorEnv
        except ImportError as error:
            needed = "gymnasium" if (error.name or "").partition(".")[0] == "gymnasium" else "ale-py"
            raise ValueError(
                f"atari/{game} needs {needed} ({error}); install it with: pip install 'golfast[atari]'"
            ) from None
        _check_known(game, roms.get_all_rom_ids())
        self.count, self._training = count, training
        self.shape, self.dtype, self.top = (4, 84, 84), np.dtype(np.uint8), 255
        self._games = AtariVectorEnv(
            game,
            count,
            num_threads=min(count, thread_count()),
            max_num_frames_per_episode=_SKIP * cap or _FRAMES,
            repeat_action_probability=sticky,
            reward_clipping=False,
            episodic_life=False,
            use_fire_reset=True,
        )
        self.actions = int(self._games.single_action_space.n)  # type: ignore[attr-defined]
        self.meanings = _meanings(game)
        self._fire = self.meanings.index("fire") if "fire" in self.meanings else None
        self._lives = np.zeros(count, np.int32)
        self._ready = np.zeros(count, np.bool_)  # a life was lost, and the next one is to be begun
        self._seen = np.zeros((count, *self.shape), np.uint8)

    def reset(self, seed: int) -> Observations:
        """Begin all games anew, as this seed has it."""
        seeds = np.array([derived(seed, i) for i in range(self.count)], np.int64)
        self._seen, infos = self._games.reset(seed=seeds)
        self._lives = infos["lives"].copy()
        self._ready[:] = False
        return self._seen

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Take an action (N,) in each game, or press FIRE where a life was lost."""
        if self._fire is not None:
            actions = np.where(self._ready, self._fire, actions)
        self._seen, scores, terminated, truncated, infos = self._games.step(actions)
        lost = infos["lives"] < self._lives
        self._lives = infos["lives"].copy()
        over = terminated | truncated
        self._ready = lost & ~over
        scores = scores.astype(np.float32)
        if not self._training:
            return Step(self._seen, scores, terminated, truncated, scores, over)
        return Step(self._seen, np.sign(scores), terminated | self._ready, truncated, scores, over)

    def picture(self) -> NDArray[np.uint8]:
        """The newest frame of the first game, (H, W, 3)."""
        frame = self._seen[0, -1].repeat(4, axis=0).repeat(3, axis=1)  # the screen is about 4 to 3 on its side
        return np.repeat(frame[:, :, None], 3, axis=2)

    def close(self) -> None:
        """End the emulators' threads."""
        self._games.close()


def check_game(game: str) -> None:
    """ValueError if ale-py is there and has no such game. Nothing is made."""
    try:
        from ale_py import roms
    except ImportError:
        return
    _check_known(game, roms.get_all_rom_ids())


def _check_known(game: str, known: Iterable[str]) -> None:
    if game not in known:
        raise ValueError(f"ale-py has no game {game!r}; {meant(game, sorted(known))}")


def _meanings(game: str) -> tuple[str, ...]:
    from ale_py import ALEInterface, LoggerMode, roms

    ALEInterface.setLoggerMode(LoggerMode.Error)
    interface = ALEInterface()
    path = roms.get_rom_path(game)
    assert path is not None
    interface.loadROM(path)
    return tuple(action.name.lower() for action in interface.getMinimalActionSet())
