"""The compiled games against the ones they follow, and against themselves."""

import logging
import math

import numpy as np
import pytest

from golfast.rl.brick import Brick
from golfast.rl.cartpole import CartPole
from golfast.rl.config import EnvironmentConfig
from golfast.rl.games import make_environment


def test_cartpole_equals_gymnasiums():
    gymnasium = pytest.importorskip("gymnasium")
    theirs = gymnasium.make("CartPole-v1")
    ours = CartPole(1)
    random = np.random.default_rng(0)
    lengths = []
    for episode in range(20):
        seen = ours.reset(episode)
        theirs.reset(seed=0)
        theirs.unwrapped.state = tuple(ours._state[0, :4])
        assert np.all(np.abs(seen) <= 0.05)
        over, steps = False, 0
        while not over:
            # A controller that balances for long in half of the episodes, so that the 500th step is reached.
            _, speed, angle, spin = ours._state[0, :4]
            steady = int(3 * angle + spin + 0.1 * speed > 0)
            action = steady if episode % 2 else int(random.integers(2))
            expected, reward, terminated, truncated, _ = theirs.step(action)
            step = ours.step(np.array([action]))
            np.testing.assert_allclose(step.observations[0], expected, rtol=1e-6, atol=1e-7)
            assert (step.rewards[0], step.terminated[0], step.truncated[0]) == (reward, terminated, truncated)
            over, steps = terminated or truncated, steps + 1
        lengths.append(steps)
    assert max(lengths) == 500
    assert min(lengths) < 50


def test_the_brick_game_equals_minatars():
    logging.disable(logging.CRITICAL)  # it warns that it cannot draw
    try:
        minatar = pytest.importorskip("minatar")
    finally:
        logging.disable(logging.NOTSET)
    theirs = minatar.Environment("breakout", sticky_action_prob=0.0)
    theirs.seed(0)
    random = np.random.default_rng(1)
    walls = hits = 0
    for _ in range(20):
        theirs.reset()
        ours = next(
            game
            for game in (Brick(1) for _ in range(1))
            for seed in range(20)
            if np.array_equal(game.reset(seed)[0].transpose(1, 2, 0), theirs.state())
        )
        over = False
        while not over and walls < 4:
            action = follow(ours) if random.random() < 0.97 else int(random.integers(3))
            reward, over = theirs.act((0, 1, 3)[action])
            step = ours.step(np.array([action]))
            np.testing.assert_array_equal(step.observations[0].transpose(1, 2, 0), theirs.state())
            assert (step.rewards[0], step.terminated[0]) == (reward, over)
            hits += int(reward)
            walls += hits % 30 == 0 and reward > 0
    assert walls == 4


def follow(game):
    """The action that brings the paddle below the ball's next place."""
    x, _, dx, _, paddle = game._state[0, :5]
    aim = min(9, max(0, x + dx))
    return 0 if aim == paddle else 1 if aim < paddle else 2


def slow_brick(state, action):
    """The rules once more, as plain as can be, on a dictionary; returns the reward, and whether the ball was lost."""
    state["paddle"] = min(9, max(0, state["paddle"] + {0: 0, 1: -1, 2: 1}[action]))
    row, column = state["ball"]
    down, right = state["way"]
    new_row, new_column = row + down, column + right
    if not 0 <= new_column <= 9:
        new_column, right = column, -right
    reward, lost, hit = 0, False, False
    if new_row < 0:
        new_row, down = 0, 1
    elif (new_row, new_column) in state["bricks"]:
        hit = True
        if not state["hit"]:
            state["bricks"].remove((new_row, new_column))
            reward, new_row, down = 1, row, -down
    elif new_row == 9:
        if not state["bricks"]:
            state["bricks"] = wall()
        if column == state["paddle"]:
            new_row, down = row, -1
        elif new_column == state["paddle"]:
            new_row, down, right = row, -1, -right
        else:
            lost = True
    state.update(trail=(row, column), ball=(new_row, new_column), way=(down, right), hit=hit)
    return reward, lost


def wall():
    return {(row, column) for row in (1, 2, 3) for column in range(10)}


def drawn(state):
    board = np.zeros((4, 10, 10), np.uint8)
    board[0, 9, state["paddle"]] = board[1][state["ball"]] = board[2][state["trail"]] = 1
    for brick in state["bricks"]:
        board[3][brick] = 1
    return board


def test_the_brick_game_follows_its_rules():
    random = np.random.default_rng(3)
    ours = Brick(1)
    cleared = 0
    for seed in range(30):
        left = ours.reset(seed)[0, 1, 3, 0] == 1
        state = {"paddle": 4, "ball": (3, 0 if left else 9), "trail": (3, 0 if left else 9), "hit": False}
        state |= {"way": (1, 1 if left else -1), "bricks": wall()}
        np.testing.assert_array_equal(ours._observations[0], drawn(state))
        lost = False
        while not lost and cleared < 3:
            action = follow(ours) if random.random() < 0.98 else int(random.integers(3))
            before = len(state["bricks"])
            reward, lost = slow_brick(state, action)
            step = ours.step(np.array([action]))
            np.testing.assert_array_equal(step.observations[0], drawn(state))
            assert (step.rewards[0], step.terminated[0]) == (reward, lost)
            cleared += before < len(state["bricks"])
    assert cleared == 3  # walls came anew


def test_sticky_actions_are_the_last_action_again():
    ours = Brick(20_000, sticky=0.25)
    ours.reset(0)
    left, right = np.full(20_000, 1), np.full(20_000, 2)
    ours.step(left)  # the action before the first is to stay
    moved = (ours._state[:, 4] == 3).mean()
    before = ours._state[:, 4].copy()
    ours.step(right)
    again = (ours._state[:, 4] < before).mean()
    assert moved == pytest.approx(0.75, abs=0.02)
    assert again == pytest.approx(0.25 * 0.75, abs=0.02)


@pytest.mark.parametrize("name", ["cartpole", "brick"])
def test_an_episode_ends_is_seen_to_end_and_begins_anew_in_the_next_step(name):
    games = make_environment(EnvironmentConfig(name=name, count=3, cap=4))
    games.reset(5)
    idle = np.zeros(3, np.int64)
    for _ in range(3):
        assert not games.step(idle).over.any()
    step = games.step(idle)
    assert step.truncated.all()
    assert not step.terminated.any()
    last = step.observations.copy()
    step = games.step(idle)
    assert not step.over.any()
    assert not step.rewards.any()
    assert not np.array_equal(step.observations, last)
    if name == "brick":
        assert (step.observations[:, 3].sum(axis=(1, 2)) == 30).all()


@pytest.mark.parametrize("name", ["cartpole", "brick"])
def test_games_depend_on_the_seed_and_go_on_from_their_state(name):
    def run(games, steps, random):
        return [games.step(random.integers(0, games.actions, 7)).observations.copy() for _ in range(steps)]

    one, two, other = (make_environment(EnvironmentConfig(name=name, count=7)) for _ in range(3))
    assert np.array_equal(one.reset(1), two.reset(1))
    other.reset(2)
    np.testing.assert_array_equal(run(one, 30, np.random.default_rng(0)), run(two, 30, np.random.default_rng(0)))
    saved = one.state()
    assert saved is not None
    other.load({name: array.view(np.int64) if array.dtype == np.uint64 else array for name, array in saved.items()})
    np.testing.assert_array_equal(run(one, 30, np.random.default_rng(4)), run(other, 30, np.random.default_rng(4)))


def test_a_pole_that_leans_is_drawn_leaning():
    games = CartPole(1)
    games.reset(0)
    games._state[0, :4] = 1.2, 0, math.radians(10), 0
    orange = np.argwhere((games.picture() == (213, 94, 0)).all(axis=2))
    top, bottom = orange[orange[:, 0].argmin()], orange[orange[:, 0].argmax()]
    assert top[1] > bottom[1] > games.picture().shape[1] / 2
