"""All that decides a training run."""

import math
from dataclasses import dataclass, field

from golfast.data import Recipe
from golfast.model import ModelConfig
from golfast.run.precision import PRECISIONS

OPTIMISERS = ("muon", "adam")
COMPILED = ("amx", "avx512")
"""Engines of `golfast.model.compiled`."""
ENGINES = ("auto", "torch", *COMPILED, "stacked")
SCHEDULES = ("linear", "cosine", "exponential")
LOSSES = ("as trained", "prediction", "prediction and autoencoder")


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """How weights move.

    "muon": the core's weight matrices by Muon (momentum, then the update made orthogonal; Jordan et al. 2024), all else
    by Adam. "adam": all by Adam. Learning rates rise over `warmup` steps and fall by the schedule all the while:
    "linear" and "cosine" to `final` of themselves at the last step, "exponential" to `decay` of themselves every
    `decay_steps`, however many there are in all.
    """

    name: str = "muon"
    lr: float = 0.02
    """Learning rate of Muon."""
    momentum: float = 0.95
    """Momentum of Muon (Nesterov)."""
    adam_lr: float = 2e-3
    """Learning rate of Adam."""
    beta2: float = 0.999
    """Decay of Adam's mean of squares; that of its mean is 0.9."""
    warmup: int = 100
    schedule: str = "linear"
    final: float = 0.1
    decay: float = 0.9
    decay_steps: int = 100_000
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
        if not 0 <= self.beta2 < 1:
            raise ValueError(f"optimiser.beta2 is {self.beta2}; it must be at least 0 and below 1")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"optimiser.schedule is {self.schedule!r}; allowed are: {', '.join(SCHEDULES)}")
        if not 0 < self.decay <= 1:
            raise ValueError(f"optimiser.decay is {self.decay}; it must be above 0 and at most 1")
        if self.decay_steps < 1:
            raise ValueError(f"optimiser.decay_steps is {self.decay_steps}; it must be 1 or more")
        if self.warmup < 0:
            raise ValueError(f"optimiser.warmup is {self.warmup}; it must be 0 or more steps")
        if not 0 <= self.final <= 1:
            raise ValueError(f"optimiser.final is {self.final}; it must be from 0 to 1")
        if not 0 <= self.clip < math.inf:
            raise ValueError(f"optimiser.clip is {self.clip}; it must be 0 (none) or more")


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig:
    """A second decoder, trained on the finished network so that all it draws looks like a state (section 2.3).

    See `golfast.train.adversarial` for the method and for what its settings were chosen by.
    """

    on: bool = False
    layers: int = 2
    losses: str = "as trained"
    """What it draws rightly: "prediction" (the last state), "prediction and autoencoder" (the first state, too), or
    "as trained", the losses of the network. What no loss trains has to please the discriminator."""
    batch: int = 8
    steps: int = 1200
    alone: int = 150
    """Of these steps the first that train on those losses alone; over the others the weight rises on a line."""
    weight: float = 0.1
    """Weight of pleasing the discriminator at the last step; the other losses are averaged and weigh 1."""
    lr: float = 2e-3
    discriminator_lr: float = 1e-3
    discriminator_channels: int = 4
    """Of the discriminator's first layer; the next have two and four times as many."""
    clip: float = 0.1
    """Gradients of the decoder are clipped to +- this; 0 does not clip."""
    pool: int = 1024
    """Training trajectories whose hidden states are computed once, kept, and trained on."""

    def __post_init__(self) -> None:
        _check_counts("adversarial", self, layers=64, batch=None, steps=None, discriminator_channels=256, pool=None)
        if self.losses not in LOSSES:
            raise ValueError(f"adversarial.losses is {self.losses!r}; allowed are: {', '.join(LOSSES)}")
        if not 0 <= self.alone <= self.steps:
            raise ValueError(f"adversarial.alone is {self.alone}; it must be from 0 to adversarial.steps, {self.steps}")
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"adversarial.weight is {self.weight}; it must be 0 or more")
        for name in ("lr", "discriminator_lr"):
            if not 0 < getattr(self, name) < 10:
                raise ValueError(f"adversarial.{name} is {getattr(self, name)}; it must be above 0 and below 10")
        if not 0 <= self.clip < math.inf:
            raise ValueError(f"adversarial.clip is {self.clip}; it must be 0 (none) or more")


@dataclass(frozen=True, kw_only=True)
class ProbesConfig:
    """Decoders trained on the finished network's hidden states to draw the states in between: what is there at all.

    See `golfast.train.probes`.
    """

    on: bool = False
    layers: int = 1
    """One layer is linear, and computed; more are trained, by the fields batch, steps and lr."""
    batch: int = 32
    steps: int = 800
    lr: float = 1e-2
    pool: int = 1024
    """Training trajectories whose hidden states are computed once, kept, and trained on."""

    def __post_init__(self) -> None:
        _check_counts("probes", self, layers=64, batch=None, steps=None, pool=None)
        if not 0 < self.lr < 10:
            raise ValueError(f"probes.lr is {self.lr}; it must be above 0 and below 10")


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
    stop_every: int = 1
    """Look at that only at evaluations whose step is a multiple of this."""
    autoencoder: bool = True
    """Average the prediction loss with the loss of recreating the first state (section 2.2)."""
    patience: int = 0
    """End a run that still predicts empty boards after this many steps; 0: never."""
    evaluate_every: int = 50
    evaluate_near: int = 10
    """Evaluate this often, in steps, while a state is about to be learned: between 90% and 98% right."""
    evaluate_on: int = 256
    """Validation trajectories per evaluation."""
    checkpoint_every: int = 500
    precision: str = "auto"
    """"bf16", "fp16", "fp32", or "auto": bf16 where the hardware multiplies it, fp16 on a GPU that has only that."""
    engine: str = "auto"
    """Who computes gradients: "torch"; "amx" and "avx512" (compiled code for the matrix unit of x86 cores, and for
    their bf16 products in vectors; networks of up to 32 and 64 channels); "stacked" (one or many networks of a shape as
    one, on a GPU without launch overhead); or "auto": "stacked" on a GPU, and on a CPU the fastest there: "amx" where
    there is a matrix unit, or "torch", which uses it too, for more channels; elsewhere "avx512" or "torch"."""
    data: Recipe = field(default_factory=Recipe)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    probes: ProbesConfig = field(default_factory=ProbesConfig)

    def __post_init__(self) -> None:
        for name in (
            "batch",
            "steps",
            "stop_every",
            "evaluate_every",
            "evaluate_near",
            "evaluate_on",
            "checkpoint_every",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.patience < 0:
            raise ValueError(f"patience is {self.patience}; it must be 0 (none) or more steps")
        if self.evaluate_near < self.evaluate_every and self.evaluate_every % self.evaluate_near:
            raise ValueError(
                f"evaluate_near is {self.evaluate_near}; it must divide evaluate_every, {self.evaluate_every}"
            )
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
        if self.engine not in ENGINES:
            raise ValueError(f"engine is {self.engine!r}; allowed are: {', '.join(ENGINES)}")
        if self.data.generations < 1:
            raise ValueError("data.generations is 0; there is nothing to predict without at least 1 generation")
        if self.batch > self.data.count:
            raise ValueError(
                f"batch is {self.batch} and data.count only {self.data.count}; lower it, or raise the count"
            )
        if self.data.split != "train":
            raise ValueError(f"data.split is {self.data.split!r}; train on 'train', the other splits judge the result")
        if self.adversarial.on and self.draws_first and self.model.timesteps < 2:
            raise ValueError(
                "adversarial.on is true and model.timesteps 1: no timestep is left that no loss trains; "
                "take 2 timesteps or more"
            )
        if self.probes.on and (self.model.timesteps < 2 or self.data.generations < 2):
            raise ValueError(
                f"probes.on is true with model.timesteps {self.model.timesteps} and data.generations "
                f"{self.data.generations}: probes draw states in between, and there are none; take 2 or more of both"
            )

    @property
    def draws_first(self) -> bool:
        """Whether the adversarial decoder is trained to draw the first state, too."""
        losses = self.adversarial.losses
        return self.autoencoder if losses == "as trained" else losses == "prediction and autoencoder"


def _check_counts(table: str, config: object, **most: int | None) -> None:
    for name, limit in most.items():
        value = getattr(config, name)
        if value < 1 or (limit is not None and value > limit):
            allowed = "1 or more" if limit is None else f"from 1 to {limit}"
            raise ValueError(f"{table}.{name} is {value}; it must be {allowed}")
