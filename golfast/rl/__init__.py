"""Agents that learn to play: environments, actor-critics, A2C and PPO."""

from golfast.rl.compare import beside
from golfast.rl.config import AgentConfig, DescentConfig, EnvironmentConfig, PolicyConfig, PPOConfig
from golfast.rl.environment import Environment, Step
from golfast.rl.evaluate import EPISODES, evaluate, interval, summary
from golfast.rl.games import check_environment, make_environment
from golfast.rl.loop import Outcome, train
from golfast.rl.network import ActorCritic
from golfast.rl.play import Episode, Moment, play_episode
from golfast.rl.recipes import recipe
from golfast.rl.trial import default_folder, first_agent, judge, load_agent, load_config, run_agent

__all__ = [
    "EPISODES",
    "ActorCritic",
    "AgentConfig",
    "DescentConfig",
    "Environment",
    "EnvironmentConfig",
    "Episode",
    "Moment",
    "Outcome",
    "PPOConfig",
    "PolicyConfig",
    "Step",
    "beside",
    "check_environment",
    "default_folder",
    "evaluate",
    "first_agent",
    "interval",
    "judge",
    "load_agent",
    "load_config",
    "make_environment",
    "play_episode",
    "recipe",
    "run_agent",
    "summary",
    "train",
]
