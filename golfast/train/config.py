"""All that decides a training run."""

import math
from dataclasses import dataclass, field

from golfast.data import Recipe
from golfast.model import ModelConfig
from golfast.run.precision import PRECISIONS

OPTIMISERS = ("muon", "adam")


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """How weights move.

    "muon": the core's weight matrices by Muon (momentum, then the update made orthogonal; Jordan et al. 2024), all else
    by Adam. "adam": all by Adam. Learning rates rise over `warmup` steps, then fall on a line to `final` of themselves
    at the last step.
    """

    name: str = "muon"
    lr: float = 0.02
    """Learning rate of Muon."""
    momentum: float = 0.95
    """Momentum of Muon (Nesterov)."""
    adam_lr: float = 2e-3
    """Learning rate of Adam."""
    warmup: int = 100
    final: float = 0.1
    clip: float = 0.1
    """Gradients are clipped to +- this, each value by itself, as the authors did; 0 does not clip."""

    def __post_init__(self) -> None:
        if self.name not in OPTIMISERS:
            raise ValueError(f"optimiser.name is {self.name!r}; allowed are: {', '.join(OPTIMISERS)}")
        for name in ("lr", "adam_lr"):
            if not 0 < getattr(self, name) < 10:
                raise ValueError(f"optimiser.{name} is {getattr(self, name)}; it must be above 0 and below 10")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"optimiser.momentum is {self.momentum}; it must be at least 0 and below 1")
        if self.warmup < 0:
            raise ValueError(f"optimiser.warmup is {self.warmup}; it must be 0 or more steps")
        if not 0 <= self.final <= 1:
            raise ValueError(f"optimiser.final is {self.final}; it must be from 0 to 1")
        if not 0 <= self.clip < math.inf:
            raise ValueError(f"optimiser.clip is {self.clip}; it must be 0 (none) or more")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run. The defaults are the recipe `fast` on the paper's data: three timesteps in seconds."""

    seed: int = 0
    """Decides the first weights and the order of the data."""
    batch: int = 24
    steps: int = 4000
    """Steps of the optimiser at most; the learning rate falls over them."""
    stop: float = 0.99
    """Stop when this share of the last state's cells is right on validation data; above 1: never."""
    autoencoder: bool = True
    """Average the prediction loss with the loss of recreating the first state (section 2.2)."""
    evaluate_every: int = 50
    evaluate_on: int = 256
    """Validation trajectories per evaluation."""
    checkpoint_every: int = 500
    precision: str = "auto"
    """"bf16", "fp32", or "auto": bf16 where the hardware multiplies it."""
    data: Recipe = field(default_factory=Recipe)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    def __post_init__(self) -> None:
        for name in ("batch", "steps", "evaluate_every", "evaluate_on", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.checkpoint_every % self.evaluate_every:
            raise ValueError(
                f"checkpoint_every is {self.checkpoint_every}; it must be a multiple of evaluate_every, "
                f"{self.evaluate_every}, so that a resumed run writes the same records"
            )
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; it must be from 0 to 2**63 - 1")
        if not 0 < self.stop < math.inf:
            raise ValueError(f"stop is {self.stop}; it is an accuracy above 0 (above 1: train all steps)")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}; allowed are: {', '.join(PRECISIONS)}")
        if self.data.generations < 1:
            raise ValueError("data.generations is 0; there is nothing to predict without at least 1 generation")
        if self.batch > self.data.count:
            raise ValueError(
                f"batch is {self.batch} and data.count only {self.data.count}; lower it, or raise the count"
            )
        if self.data.split != "train":
            raise ValueError(f"data.split is {self.data.split!r}; train on 'train', the other splits judge the result")
