"""All that decides how an agent is trained."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from golfast.errors import nearest
from golfast.run.precision import PRECISIONS

ALGORITHMS = ("a2c", "ppo")
NETWORKS = ("mlp", "cnn", "small-cnn")
OPTIMISERS = ("adam", "rmsprop")
MOST_THREADS = 1024
GAMES = ("cartpole", "brick")
FAMILIES = ("atari", "gym")


def _environment_meant(name: str) -> str:
    family, slash, rest = name.partition("/")
    near = nearest(family, FAMILIES if slash else GAMES)
    if near and (rest or not slash):
        return f"did you mean {near + slash + rest!r}?"
    return f"allowed are: {', '.join(GAMES)}, atari/NAME such as atari/breakout, and gym/ID such as gym/Acrobot-v1"


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """What is played, and how many games at once."""

    name: str = "cartpole"
    """"cartpole", "brick" (both compiled), "atari/NAME" (any ROM of ale-py) or "gym/ID" (any of Gymnasium's)."""
    count: int = 64
    """Games that are played at once, in step."""
    sticky: float = 0.0
    """The chance that a game takes its last action again, whatever is chosen ("brick" and "atari")."""
    cap: int = 0
    """Steps after which an episode is cut off (truncated); 0: the game's own, which of "brick" is none."""
    kwargs: dict[str, Any] = field(default_factory=dict, hash=False, metadata={"later": True})
    """Arguments of the environment's constructor, such as map_name = "8x8" of gym/FrozenLake-v1; gym/ID only."""

    def __post_init__(self) -> None:
        family, _, rest = self.name.partition("/")
        if self.name not in GAMES and (family not in FAMILIES or not rest):
            raise ValueError(f"environment.name is {self.name!r}; {_environment_meant(self.name)}")
        if not 1 <= self.count <= 1_000_000:
            raise ValueError(f"environment.count is {self.count}; it must be from 1 to 1,000,000")
        if not 0 <= self.sticky < 1:
            raise ValueError(f"environment.sticky is {self.sticky}; it must be at least 0 and below 1")
        if self.sticky and self.name != "brick" and family != "atari":
            raise ValueError(f"environment.sticky is for brick and atari games; {self.name} takes 0 only")
        if self.cap < 0:
            raise ValueError(f"environment.cap is {self.cap}; it must be 0 (the game's own) or more steps")
        if self.cap and family == "gym":
            raise ValueError(f"environment.cap is the game's own for {self.name}; give 0")
        if self.kwargs and family != "gym":
            raise ValueError(f"environment.kwargs are for gym/ID; {self.name} takes none")
        for key, value in self.kwargs.items():
            if not _plain(value):
                raise ValueError(
                    f"environment.kwargs.{key} is {value!r}; it must be a text, a number, true or false, or a list or "
                    "table of these, so that a config file can hold it"
                )


def _plain(value: object) -> bool:
    """Whether TOML and JSON alike can hold a value."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(_plain, value))
    return type(value) in {str, int, float, bool}


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """The shape of the actor and the critic."""

    kind: str = "mlp"
    """"mlp": linear layers with ReLU. "cnn": convolutions, then one linear layer; three for large images (Mnih et al.
    2015), and one 3x3 convolution of 16 channels for boards (Young and Tian 2019). "small-cnn": two convolutions, for
    large images only (Mnih et al. 2016); a third of the work."""
    width: int = 64
    """Units of a linear layer."""
    layers: int = 2
    """Linear layers of an MLP; a CNN has one."""
    shared: bool = True
    """Actor and critic share all but their last layer, or nothing."""

    def __post_init__(self) -> None:
        if self.kind not in NETWORKS:
            raise ValueError(f"policy.kind is {self.kind!r}; allowed are: {', '.join(NETWORKS)}")
        if not 1 <= self.width <= 4096:
            raise ValueError(f"policy.width is {self.width}; it must be from 1 to 4096")
        if not 1 <= self.layers <= 16:
            raise ValueError(f"policy.layers is {self.layers}; it must be from 1 to 16")


@dataclass(frozen=True, kw_only=True)
class DescentConfig:
    """How weights move: the learning rate falls on a line from `lr` to `final` of itself at the last step."""

    name: str = "adam"
    lr: float = 7e-4
    final: float = 0.0
    epsilon: float = 1e-5
    """Added to the root of the mean square; 1e-5, as agents need it, not the 1e-8 of supervised learning."""
    clip: float = 40.0
    """The norm that gradients are clipped to; 0 does not clip."""

    def __post_init__(self) -> None:
        if self.name not in OPTIMISERS:
            raise ValueError(f"optimiser.name is {self.name!r}; allowed are: {', '.join(OPTIMISERS)}")
        if not 0 < self.lr < 10:
            raise ValueError(f"optimiser.lr is {self.lr}; it must be above 0 and below 10")
        if not 0 <= self.final <= 1:
            raise ValueError(f"optimiser.final is {self.final}; it must be from 0 to 1")
        if not 0 < self.epsilon < 1:
            raise ValueError(f"optimiser.epsilon is {self.epsilon}; it must be above 0 and below 1")
        if not 0 <= self.clip < math.inf:
            raise ValueError(f"optimiser.clip is {self.clip}; it must be 0 (none) or more")


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """What PPO (Schulman et al. 2017) has beyond A2C; A2C does not look at it."""

    epochs: int = 4
    """How often a rollout is learned from."""
    minibatches: int = 4
    """Parts into which it is cut, afresh in each epoch."""
    clip: float = 0.2
    """How far the probability of an action may move before its gradient is cut."""

    def __post_init__(self) -> None:
        for name in ("epochs", "minibatches"):
            if not 1 <= getattr(self, name) <= 1000:
                raise ValueError(f"ppo.{name} is {getattr(self, name)}; it must be from 1 to 1000")
        if not 0 < self.clip < 1:
            raise ValueError(f"ppo.clip is {self.clip}; it must be above 0 and below 1")


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """A training run of an agent. `golfast.rl.recipe` has the fields that suit each game."""

    seed: int = 0
    """Decides the first weights, the games and the actions."""
    algorithm: str = "a2c"
    steps: int = 1_000_000
    """Actions in all games together; frames are more where a game skips some."""
    rollout: int = 20
    """Steps of every game between two updates."""
    discount: float = 0.99
    trace: float = 0.95
    """Lambda of generalised advantage estimation (Schulman et al. 2016); 1 gives plain n-step returns."""
    entropy: float = 0.01
    """Weight of the entropy bonus."""
    critic: float = 0.5
    """Weight of the value loss."""
    normalise: bool = False
    """Bring the advantages of an update to mean 0 and deviation 1."""
    report_every: int = 50
    """Updates between two lines of metrics."""
    checkpoint_every: int = 1000
    """Updates between two checkpoints. Games that cannot be saved (atari, gym) begin anew there."""
    threads: int = 1
    """CPU threads of torch. Another number is another order of sums."""
    precision: str = "fp32"
    """"bf16", "fp32", or "auto": bf16 where the hardware multiplies it."""
    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    optimiser: DescentConfig = field(default_factory=DescentConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; it must be from 0 to 2**63 - 1")
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"algorithm is {self.algorithm!r}; allowed are: {', '.join(ALGORITHMS)}")
        for name in ("steps", "rollout", "report_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if not 1 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads is {self.threads}; it must be from 1 to {MOST_THREADS:,}")
        for name in ("discount", "trace"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 1")
        for name in ("entropy", "critic"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if self.checkpoint_every % self.report_every:
            raise ValueError(
                f"checkpoint_every is {self.checkpoint_every}; it must be a multiple of report_every, "
                f"{self.report_every}, so that a resumed run writes the same records"
            )
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}; allowed are: {', '.join(PRECISIONS)}")
        if self.algorithm == "ppo" and self.ppo.minibatches > self.batch:
            raise ValueError(
                f"ppo.minibatches is {self.ppo.minibatches}, more than the {self.batch} steps of an update"
            )

    @property
    def batch(self) -> int:
        """Actions between two updates."""
        return self.rollout * self.environment.count

    @property
    def updates(self) -> int:
        """Updates that take at least `steps` actions."""
        return -(-self.steps // self.batch)
