"""Returns and advantages against slow references that follow the definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.rl.returns import advantages


def episode_end(ended, t):
    """The last step of the episode that step t is in, as far as the rollout shows."""
    while t + 1 < len(ended) and not ended[t]:
        t += 1
    return t


def n_step_return(rewards, terminated, ended, values, discount, t):
    """Rewards to the end of the episode or of the rollout, and the value of what follows, unless nothing can."""
    last = episode_end(ended, t)
    total = sum(discount ** (k - t) * rewards[k] for k in range(t, last + 1))
    return total if terminated[last] else total + discount ** (last + 1 - t) * values[last + 1]


def gae(rewards, terminated, ended, values, discount, trace, t):
    """Schulman et al. 2016, equation 16, cut at the end of the episode: a sum of discounted errors of the value."""
    last = episode_end(ended, t)
    errors = [rewards[k] + (0 if terminated[k] else discount * values[k + 1]) - values[k] for k in range(t, last + 1)]
    return sum((discount * trace) ** k * error for k, error in enumerate(errors))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_advantages_follow_the_definitions(steps, games, seed, discount, trace):
    random = np.random.default_rng(seed)
    rewards = random.normal(size=(steps, games)).astype(np.float32)
    values = random.normal(size=(steps + 1, games)).astype(np.float32)
    terminated = random.random((steps, games)) < 0.2
    ended = terminated | (random.random((steps, games)) < 0.2)
    found = advantages(rewards, terminated, ended, values, discount=discount, trace=trace)
    plain = advantages(rewards, terminated, ended, values, discount=discount, trace=1)
    for i in range(games):
        column = rewards[:, i].astype(float), terminated[:, i], ended[:, i], values[:, i].astype(float), discount
        for t in range(steps):
            assert found[t, i] == pytest.approx(gae(*column, trace, t), abs=1e-4)
            assert plain[t, i] + values[t, i] == pytest.approx(n_step_return(*column, t), abs=1e-4)


def test_a_cut_off_episode_is_worth_its_last_value_and_a_finished_one_nothing_more():
    rewards = np.ones((1, 2), np.float32)
    values = np.array([[0, 0], [10, 10]], np.float32)
    terminated, ended = np.array([[True, False]]), np.array([[True, True]])
    found = advantages(rewards, terminated, ended, values, discount=0.5, trace=0.9)
    assert found.tolist() == [[1.0, 6.0]]


def test_values_are_one_step_longer():
    with pytest.raises(ValueError, match="one step more"):
        advantages(*(np.zeros((3, 2), kind) for kind in (np.float32, bool, bool, np.float32)), discount=1, trace=1)
