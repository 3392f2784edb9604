"""A brick game on 10x10 cells, after the published rules of MinAtar's Breakout (Young and Tian 2019, arXiv 1903.03176).

A paddle of one cell on the bottom row, three rows of ten bricks below the top row, and a ball that travels on
diagonals. A wall turns the ball around sideways, the ceiling and a brick turn it around upwards and downwards; a brick
hit is gone and gives a reward of 1, but not in the step right after another hit. The paddle sends the ball on if it was
above the paddle, and back where it came from if the paddle is where the ball is about to land. A ball that meets no
paddle ends the episode. Three new rows come when the ball is next low and no brick is left. Written from the rules, not
from MinAtar's source.
"""

import numpy as np
from numpy.typing import NDArray

from golfast.jit import inlined, kernel
from golfast.rl.compiled import CompiledEnvironment, player
from golfast.rl.pictures import planes
from golfast.rl.randomness import uniform

SIDE = 10
_FIRST_ROW, _ROWS = 1, 3
_PLANE = SIDE * SIDE
_WALL_AT = 3 * _PLANE + _FIRST_ROW * SIDE  # where the wall begins in an observation
_WALL = (1 << _ROWS * SIDE) - 1
_COLOURS = ((0, 114, 178), (213, 94, 0), (240, 200, 170), (120, 132, 146))  # paddle, ball, trail, brick
# Columns of the state.
_X, _Y, _DX, _DY, _PADDLE, _OLD_X, _OLD_Y, _BRICKS, _STRUCK, _LAST, _STEPS = range(11)


class Brick(CompiledEnvironment):
    """Observations: planes paddle, ball, trail (where the ball was) and bricks, (4, 10, 10) uint8 0 and 1."""

    def __init__(self, count: int, *, sticky: float = 0.0, cap: int = 0) -> None:
        self.shape, self.dtype, self.top = (4, SIDE, SIDE), np.dtype(np.uint8), 1
        self.actions, self.meanings = 3, ("stay", "left", "right")
        super().__init__(count, 11, np.int32, (sticky, cap or np.inf))

    def picture(self) -> NDArray[np.uint8]:
        """The first game as it stands, (H, W, 3)."""
        return planes(self._observations[0], _COLOURS)


@inlined
def _start(i: int, state: NDArray[np.int32], random: NDArray[np.uint64]) -> None:
    left = uniform(random, i) < 0.5
    state[i, _X] = state[i, _OLD_X] = 0 if left else SIDE - 1
    state[i, _Y] = state[i, _OLD_Y] = _FIRST_ROW + _ROWS - 1
    state[i, _DX] = 1 if left else -1
    state[i, _DY] = 1
    state[i, _PADDLE] = 4
    state[i, _BRICKS] = _WALL
    state[i, _STRUCK] = state[i, _LAST] = state[i, _STEPS] = 0


@inlined
def _draw(i: int, state: NDArray[np.int32], observations: NDArray[np.uint8]) -> None:
    """The whole observation, of a new wall."""
    for k in range(4 * _PLANE):
        observations[i, k] = 0
    for k in range(_ROWS * SIDE):
        observations[i, _WALL_AT + k] = 1
    _set_things(i, state, observations, 1)


@inlined
def _set_things(i: int, state: NDArray[np.int32], observations: NDArray[np.uint8], value: int) -> None:
    """Show (1) or wipe out (0) the paddle, the ball and its trail: all that moves."""
    observations[i, (SIDE - 1) * SIDE + state[i, _PADDLE]] = value
    observations[i, _PLANE + state[i, _Y] * SIDE + state[i, _X]] = value
    observations[i, 2 * _PLANE + state[i, _OLD_Y] * SIDE + state[i, _OLD_X]] = value


@kernel
def _begin(
    start: int,
    stop: int,
    state: NDArray[np.int32],
    random: NDArray[np.uint64],
    observations: NDArray[np.uint8],
) -> None:
    for i in range(start, stop):
        _start(i, state, random)
        _draw(i, state, observations)


@kernel
def _advance(
    start: int,
    stop: int,
    state: NDArray[np.int32],
    random: NDArray[np.uint64],
    done: NDArray[np.bool_],
    actions: NDArray[np.int64],
    settings: NDArray[np.float64],
    observations: NDArray[np.uint8],
    rewards: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
) -> None:
    sticky, cap = settings[0], settings[1]
    for i in range(start, stop):
        rewards[i] = 0
        if done[i]:
            _start(i, state, random)
            terminated[i] = truncated[i] = done[i] = False
            _draw(i, state, observations)
            continue
        _set_things(i, state, observations, 0)
        action = actions[i]
        if sticky > 0 and uniform(random, i) < sticky:
            action = state[i, _LAST]
        state[i, _LAST] = action
        paddle = state[i, _PADDLE]
        if action == 1:
            paddle = max(0, paddle - 1)
        elif action == 2:
            paddle = min(SIDE - 1, paddle + 1)
        x, y = state[i, _X], state[i, _Y]
        next_x, next_y = x + state[i, _DX], y + state[i, _DY]
        bricks = state[i, _BRICKS]
        struck = lost = False
        if next_x < 0 or next_x >= SIDE:
            next_x = x
            state[i, _DX] = -state[i, _DX]
        bit = (next_y - _FIRST_ROW) * SIDE + next_x
        if next_y < 0:
            next_y = 0
            state[i, _DY] = 1
        elif _FIRST_ROW <= next_y < _FIRST_ROW + _ROWS and (bricks >> bit) & 1:
            struck = True
            if not state[i, _STRUCK]:
                bricks &= ~(1 << bit)
                observations[i, _WALL_AT + bit] = 0
                rewards[i] = 1
                next_y = y
                state[i, _DY] = -state[i, _DY]
        elif next_y == SIDE - 1:
            if bricks == 0:
                bricks = _WALL
                for k in range(_ROWS * SIDE):
                    observations[i, _WALL_AT + k] = 1
            if x == paddle:
                state[i, _DY] = -1
                next_y = y
            elif next_x == paddle:
                state[i, _DX] = -state[i, _DX]
                state[i, _DY] = -1
                next_y = y
            else:
                lost = True
        state[i, _PADDLE], state[i, _BRICKS], state[i, _STRUCK] = paddle, bricks, struck
        state[i, _OLD_X], state[i, _OLD_Y], state[i, _X], state[i, _Y] = x, y, next_x, next_y
        state[i, _STEPS] += 1
        terminated[i] = lost
        truncated[i] = not lost and state[i, _STEPS] >= cap
        done[i] = terminated[i] or truncated[i]
        _set_things(i, state, observations, 1)


Brick.begin, Brick.advance, Brick.play = _begin, _advance, player("brick", _advance)
