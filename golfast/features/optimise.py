"""Activation maximisation: inputs that make an objective large, a whole batch at once, and the legal ones near them.

Erhan et al., "Visualizing higher-layer features of a deep network" (2009); regularised as in Olah et al. 2017.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from golfast.features.layers import Probe
from golfast.features.legal import Legal
from golfast.features.objectives import Objective
from golfast.features.parametrise import PARAMETRISATIONS, Parametrisation, Space, parametrise
from golfast.features.refine import has_between, refine
from golfast.features.transform import LARGE_ENOUGH, MODERATE, Jolt, square, total_variation

_LEAST = 0.1  # a share of the range: nearer to its ends a sigmoid hardly moves
_BETAS = (0.9, 0.99)
# Steps of Adam that suit what a parametrisation's parameters are: shares of a range, logits, coefficients, angles.
_RATES = {"pixels": 0.05, "cells": 0.3, "softmax": 0.3, "fourier": 0.15, "maco": 0.2}


@dataclass(frozen=True, kw_only=True)
class OptimiseConfig:
    """How inputs are optimised."""

    method: str = "cells"
    """The parametrisation: "pixels", "cells", "softmax", "fourier" or "maco"."""
    steps: int = 32
    """Steps on inputs as the parametrisation gives them."""
    trials: int = 48
    """Further steps, each on legal inputs: the gradient passes through projection as if it were not there."""
    lr: float | None = None
    """Learning rate of Adam; None is the one that suits the method."""
    tv: float = 0.0
    """Weight of total variation, beside scores in units of their `scale`."""
    l2: float = 0.0
    """Weight of the mean square."""
    jolt: Jolt | None = None
    """How inputs are changed at random in `steps`; None is the one that suits them: MODERATE for images of which
    LARGE_ENOUGH rows and columns are seen, and none for boards and all that is smaller."""
    rounds: int = 24
    """Rounds of ascent among legal inputs, from the best one tried."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in PARAMETRISATIONS:
            raise ValueError(f"method {self.method!r} is unknown; allowed are: {', '.join(PARAMETRISATIONS)}")
        for name in ("steps", "trials", "rounds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if self.lr is not None and not 0 < self.lr < 100:
            raise ValueError(f"lr is {self.lr}; it must be above 0 and below 100")
        for name in ("tv", "l2"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; it must be from 0 to 2**63 - 1")


@dataclass(frozen=True)
class Optimised:
    """What came of an optimisation; B inputs and their scores, (B,)."""

    raw: Tensor
    """Inputs as the parametrisation gave them after `steps`, (B, *shape)."""
    raw_score: Tensor
    projected: Tensor
    """The legal inputs nearest to those."""
    projected_score: Tensor
    legal: Tensor
    """The best legal inputs found from there on."""
    score: Tensor

    def rows(self, index: Tensor) -> "Optimised":
        """Some of the inputs."""
        return Optimised(**{part.name: getattr(self, part.name)[index] for part in dataclasses.fields(self)})


def maximise(
    probe: Probe,
    objective: Objective,
    space: Space,
    *,
    batch: int,
    legal: Legal | None = None,
    config: OptimiseConfig | None = None,
    scale: Tensor | float = 1.0,
    matters: Tensor | None = None,
    examples: Tensor | None = None,
    watch: Callable[[int, Tensor], None] = lambda step, scores: None,
) -> Optimised:
    """Inputs that make `objective` large, `batch` of them at once, each for its own score.

    legal: the space of legal inputs; if left out every input within its range is. scale: what counts as one unit of
    score, for all or for each input, (B,): penalties are weighed against it. matters: where an input can change the
    scores at all, broadcastable to its shape; elsewhere it is set to `Space.empty`. examples: real inputs, which
    "maco" needs. `watch` is called after each step with its number and the scores.

    Raises ValueError for a layer, a unit, a method or a size that does not fit, and if the scores stop being numbers.
    """
    config = config or OptimiseConfig()
    jolt = _suitable(space, legal, matters) if config.jolt is None else config.jolt
    jolt.check(space.shape)
    made = parametrise(config.method, space, examples=examples)
    generator = torch.Generator().manual_seed(config.seed)
    empty = space.empty.expand(space.shape)

    def score(inputs: Tensor) -> Tensor:
        return objective.score(probe.read(inputs, objective.layers))

    def decode(parameters: Tensor) -> Tensor:
        inputs = made.decode(parameters)
        return inputs if matters is None else torch.where(matters, inputs, empty)

    parameters = made.start(batch, generator).to(empty.device)
    parameters.requires_grad_()
    if examples is not None and config.method != "maco":
        (slope,) = torch.autograd.grad(score(decode(parameters)).sum(), [parameters])
        off = (slope == 0).flatten(1).all(1)
        with torch.no_grad():
            parameters[off] += _towards_real(made, space, examples)
    rate = _RATES[config.method] if config.lr is None else config.lr
    adam = _Adam(parameters, rate)

    def climb(inputs: Tensor, seen: Tensor, step: int) -> Tensor:
        """One step of Adam, for the scores of `seen`; returns them."""
        scores = score(seen)
        if not bool(torch.isfinite(scores).all()):
            raise ValueError("the objective is not a finite number; are the network's weights?")
        total = (scores / scale).sum()
        if config.tv:
            total = total - config.tv * total_variation(inputs).sum()
        if config.l2:
            total = total - config.l2 * square(inputs).sum()
        (gradient,) = torch.autograd.grad(total, [parameters])
        adam.ascend(gradient)
        watch(step, scores.detach())
        return scores.detach()

    for step in range(config.steps):
        inputs = decode(parameters)
        climb(inputs, jolt(inputs, generator), step + 1)
    with torch.no_grad():
        # Pixels and phases may have left the range.
        raw = space.inner(space.share(decode(parameters)))
        projected = raw if legal is None else legal.project(raw)
        raw_score, projected_score = score(raw), score(projected)
    best, reached = projected, projected_score
    if legal is not None:
        adam = _Adam(parameters, rate / 3)
        width = space.high - space.low
        for trial in range(config.trials):
            inputs = decode(parameters)
            # Noise of the width of the range makes of a cell's share the chance that it is alive; it ends in none.
            noise = torch.rand(inputs.shape, generator=generator).to(empty.device) - 0.5
            with torch.no_grad():
                noisy = inputs + (1 - trial / config.trials) * noise * width
                tried = legal.project(noisy if matters is None else torch.where(matters, noisy, empty))
            scores = climb(inputs, inputs + (tried - inputs).detach(), config.steps + trial + 1)
            better = scores > reached
            best = torch.where(better.view(-1, *[1] * len(space.shape)), tried, best)
            reached = torch.maximum(scores, reached)
        best, reached = refine(score, best, legal, space, rounds=config.rounds)
    return Optimised(raw, raw_score, projected, projected_score, best, reached)


def _suitable(space: Space, legal: Legal | None, matters: Tensor | None) -> Jolt:
    """The jolt for inputs of which a part may matter alone: what is small, or is of cells, does not bear any."""
    if not space.plane or (legal is not None and not has_between(legal, space, space.low.expand(1, *space.shape))):
        return Jolt()
    seen = torch.ones(space.shape, dtype=torch.bool) if matters is None else matters.expand(space.shape)
    spans = [torch.nonzero(seen.any(0).any(axis))[:, 0] for axis in (1, 0)]
    large = all(len(span) and int(span[-1] - span[0]) + 1 >= LARGE_ENOUGH for span in spans)
    return MODERATE if large else Jolt()


def _towards_real(made: Parametrisation, space: Space, examples: Tensor) -> Tensor:
    """What takes parameters from the middle of the range to the mean of real inputs, not all the way to its ends.

    In the middle, half of everything is there at once, and a unit behind a ReLU may be off, without any gradient.
    """
    share = space.share(examples.float().mean(0, keepdim=True)).clamp(_LEAST, 1 - _LEAST)
    middle = torch.full_like(share, 0.5)
    return made.encode(space.inner(share)) - made.encode(space.inner(middle))


class _Adam:
    """Adam (Kingma & Ba 2015), upward. Torch's own loads its compiler first, which takes longer than all this."""

    def __init__(self, parameters: Tensor, rate: float) -> None:
        self.parameters, self.rate, self.steps = parameters, rate, 0
        self.mean, self.square = torch.zeros_like(parameters), torch.zeros_like(parameters)

    @torch.no_grad()
    def ascend(self, gradient: Tensor) -> None:
        """One step."""
        self.steps += 1
        self.mean.lerp_(gradient, 1 - _BETAS[0])
        self.square.lerp_(gradient.square(), 1 - _BETAS[1])
        mean, square = (
            moment / (1 - beta**self.steps) for moment, beta in zip((self.mean, self.square), _BETAS, strict=True)
        )
        self.parameters += self.rate * mean / (square.sqrt() + 1e-8)
