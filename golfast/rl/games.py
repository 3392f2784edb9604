"""Finding an environment by its name."""

from golfast.rl.brick import Brick
from golfast.rl.cartpole import CartPole
from golfast.rl.config import EnvironmentConfig
from golfast.rl.environment import Environment


def make_environment(config: EnvironmentConfig, *, training: bool = False) -> Environment:
    """The environment of a config; `reset` it first.

    training: clip rewards and end episodes at a lost life where that is the custom (Atari).
    ValueError if it does not exist, cannot be played, or needs what is not installed (saying what).
    """
    family, _, name = config.name.partition("/")
    if family == "cartpole":
        return CartPole(config.count, cap=config.cap)
    if family == "brick":
        return Brick(config.count, sticky=config.sticky, cap=config.cap)
    if family == "atari":
        from golfast.rl.atari import Atari

        return Atari(name, config.count, sticky=config.sticky, cap=config.cap, training=training)
    from golfast.rl.gym import Gym

    return Gym(name, config.count, config.kwargs)


def check_environment(config: EnvironmentConfig) -> None:
    """ValueError if an environment does not exist, as far as can be told without making it.

    Of what is not installed nothing is told.
    """
    family, _, name = config.name.partition("/")
    if family == "atari":
        from golfast.rl.atari import check_game

        check_game(name)
    elif family == "gym":
        from golfast.rl.gym import check_id

        check_id(name)
