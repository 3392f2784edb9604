"""CartPole: a pole on a cart, to be kept upright by pushing left or right (Barto, Sutton and Anderson 1983).

Equations, limits and the starting states are those of Gymnasium's CartPole-v1, whose states these equal.
"""

import math

import numpy as np
from numpy.typing import NDArray

from golfast.jit import inlined, kernel
from golfast.rl.compiled import CompiledEnvironment, player
from golfast.rl.pictures import cart_and_pole
from golfast.rl.randomness import uniform

CAP = 500
_GRAVITY, _CART, _POLE, _HALF_LENGTH, _FORCE, _TAU = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
_FARTHEST, _STEEPEST = 2.4, 12 * 2 * math.pi / 360
_STEPS = 4  # the column after position, velocity, angle and angular velocity


class CartPole(CompiledEnvironment):
    """Observations: position, velocity, angle and angular velocity, float32. A reward of 1 for every step."""

    def __init__(self, count: int, *, cap: int = 0) -> None:
        self.shape, self.dtype, self.top = (4,), np.dtype(np.float32), 1
        self.actions, self.meanings = 2, ("left", "right")
        super().__init__(count, 5, np.float64, (cap or CAP,))

    def picture(self) -> NDArray[np.uint8]:
        """The first game as it stands, (H, W, 3)."""
        return cart_and_pole(self._state[0, 0], self._state[0, 2], farthest=_FARTHEST)


@inlined
def _start(i: int, state: NDArray[np.float64], random: NDArray[np.uint64]) -> None:
    for k in range(4):
        state[i, k] = 0.1 * uniform(random, i) - 0.05
    state[i, _STEPS] = 0


@kernel
def _begin(
    start: int,
    stop: int,
    state: NDArray[np.float64],
    random: NDArray[np.uint64],
    observations: NDArray[np.float32],
) -> None:
    for i in range(start, stop):
        _start(i, state, random)
        for k in range(4):
            observations[i, k] = state[i, k]


@kernel
def _advance(
    start: int,
    stop: int,
    state: NDArray[np.float64],
    random: NDArray[np.uint64],
    done: NDArray[np.bool_],
    actions: NDArray[np.int64],
    settings: NDArray[np.float64],
    observations: NDArray[np.float32],
    rewards: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
) -> None:
    for i in range(start, stop):
        if done[i]:
            _start(i, state, random)
            rewards[i] = 0
            terminated[i] = truncated[i] = done[i] = False
        else:
            x, speed, angle, spin = state[i, 0], state[i, 1], state[i, 2], state[i, 3]
            cosine, sine = math.cos(angle), math.sin(angle)
            force = _FORCE if actions[i] == 1 else -_FORCE
            pull = (force + _POLE * _HALF_LENGTH * (spin * spin) * sine) / (_CART + _POLE)
            turn = (_GRAVITY * sine - cosine * pull) / (
                _HALF_LENGTH * (4.0 / 3.0 - _POLE * (cosine * cosine) / (_CART + _POLE))
            )
            push = pull - _POLE * _HALF_LENGTH * turn * cosine / (_CART + _POLE)
            state[i, 0] = x = x + _TAU * speed
            state[i, 1] = speed + _TAU * push
            state[i, 2] = angle = angle + _TAU * spin
            state[i, 3] = spin + _TAU * turn
            state[i, _STEPS] += 1
            rewards[i] = 1
            terminated[i] = x < -_FARTHEST or x > _FARTHEST or angle < -_STEEPEST or angle > _STEEPEST
            truncated[i] = not terminated[i] and state[i, _STEPS] >= settings[0]
            done[i] = terminated[i] or truncated[i]
        for k in range(4):
            observations[i, k] = state[i, k]


CartPole.begin, CartPole.advance, CartPole.play = _begin, _advance, player("cartpole", _advance)
