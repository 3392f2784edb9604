"""What an action was worth: n-step returns and generalised advantages.

Both are one recursion. Backwards through a rollout, with the mistake of the value in each step,

    d_t = r_t + discount * V(s_{t+1}) - V(s_t),        A_t = d_t + discount * trace * A_{t+1},

where V(s_{t+1}) is 0 if s_t terminated, and A_{t+1} is 0 if the episode ended at t in either way: an episode that was
cut off goes on from the value of its last observation. A_t + V(s_t) is the target of the value. With trace = 1 it is
the n-step return r_t + discount r_{t+1} + ... + discount^n V(s_{t+n}), with n the steps that the rollout has left.
"""

import numpy as np
from numpy.typing import NDArray

from golfast.jit import kernel


def advantages(
    rewards: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    ended: NDArray[np.bool_],
    values: NDArray[np.float32],
    *,
    discount: float,
    trace: float,
) -> NDArray[np.float32]:
    """Advantages (T, N) of the actions of a rollout.

    rewards, terminated, ended (terminated or truncated): (T, N). values: (T + 1, N), those of the observations that the
    actions were chosen at, and of the last one. Right where steps that begin a new episode follow its end, as
    `golfast.rl.environment` has them; what comes out for those steps themselves means nothing.
    """
    if values.shape != (rewards.shape[0] + 1, rewards.shape[1]):
        raise ValueError(f"rewards {rewards.shape} need values of one step more; got {values.shape}")
    found = np.empty_like(rewards)
    _advantages(rewards, terminated, ended, values, discount, trace, found)
    return found


@kernel
def _advantages(
    rewards: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    ended: NDArray[np.bool_],
    values: NDArray[np.float32],
    discount: float,
    trace: float,
    found: NDArray[np.float32],
) -> None:
    steps, games = rewards.shape
    for i in range(games):
        following = 0.0
        for back in range(steps):
            t = steps - 1 - back
            coming = 0.0 if terminated[t, i] else discount * values[t + 1, i]
            if ended[t, i]:
                following = 0.0
            following = rewards[t, i] + coming - values[t, i] + discount * trace * following
            found[t, i] = following
