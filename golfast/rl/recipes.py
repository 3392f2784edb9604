"""The fields that suit each game."""

from golfast.rl.config import AgentConfig, DescentConfig, EnvironmentConfig, PolicyConfig


def recipe(environment: str) -> AgentConfig:
    """The config that golfast trains an agent of this environment with, unless told otherwise.

    environment: "cartpole", "brick", "atari/NAME" or "gym/ID". ValueError for others.
    """
    family = EnvironmentConfig(name=environment).name.partition("/")[0]
    if family == "brick":
        return AgentConfig(
            steps=40_000_000,
            discount=0.995,  # the last bricks of a wall take a hundred steps to hit: 0.99 gave agents that stop there
            entropy=0.02,
            report_every=200,
            environment=EnvironmentConfig(name="brick", count=32, sticky=0.1, cap=1000),
            policy=PolicyConfig(width=128),
            optimiser=DescentConfig(lr=3e-3),
        )
    if family == "atari":
        return AgentConfig(
            steps=10_000_000,
            rollout=5,
            trace=1.0,
            report_every=250,
            checkpoint_every=2500,
            precision="auto",
            environment=EnvironmentConfig(name=environment, count=16),
            policy=PolicyConfig(kind="small-cnn", width=256),
            optimiser=DescentConfig(name="rmsprop", lr=7e-4, clip=0.5),
        )
    return AgentConfig(
        steps=1_500_000,
        environment=EnvironmentConfig(name=environment, count=16),
        optimiser=DescentConfig(lr=2e-3),
    )
