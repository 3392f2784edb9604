"""A layer studied: what its units do on real inputs, and the inputs that excite each most, all units in one batch."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from golfast.features.activity import PERCENTILE, Activity, field_of_view
from golfast.features.layers import Layer, Probe
from golfast.features.legal import Legal
from golfast.features.objectives import neuron
from golfast.features.optimise import OptimiseConfig, Optimised, maximise
from golfast.features.parametrise import Space
from golfast.features.refine import refine, simplify

_ROUNDING = 1e-5  # of a unit's spread: equal inputs in another batch may differ by so much


@dataclass(frozen=True)
class World:
    """What a network sees: where its inputs live, which are legal, and real ones."""

    space: Space
    legal: Legal
    examples: Tensor
    """Real inputs, (N, *shape), of any type that holds their values."""

    def __post_init__(self) -> None:
        if tuple(self.examples.shape[1:]) != self.space.shape:
            raise ValueError(
                f"real inputs have shape {tuple(self.examples.shape[1:])}, and the space {self.space.shape}"
            )


@dataclass(frozen=True)
class Study:
    """A layer's units U, and what each of them looks for."""

    layer: Layer
    units: tuple[int, ...]
    """Which of the layer's units."""
    activity: Activity
    """Of all of the layer's units."""
    matters: Tensor
    """Where an input can change the layer in the place looked at, bool, of an input's shape."""
    optimised: Optimised
    """From noise, one input per unit."""
    best: Tensor
    """The legal inputs that excite most, (U, *shape): from noise, or from the strongest real ones where noise ended
    below the 99.9th percentile."""
    score: Tensor
    """Their activations, (U,)."""
    from_real: Tensor
    """(U,) bool: whether `best` was found from a real input."""
    plain: Tensor
    """`best` with all that is not needed taken away: still at the 99.9th percentile, (U, *shape)."""

    @property
    def dead(self) -> Tensor:
        """(U,) bool."""
        return self.activity.dead[list(self.units)]

    @property
    def bar(self) -> Tensor:
        """The 99.9th percentile over real inputs, (U,)."""
        return self.activity.percentile()[list(self.units)]

    def passes(self, score: Tensor) -> Tensor:
        """(U,) bool: which activations reach the percentile."""
        return score >= self.bar - _ROUNDING * self.activity.spread[list(self.units)]

    def figures(self) -> dict[str, Any]:
        """The study in plain values."""
        live = ~self.dead
        spread, values = self.activity.spread[list(self.units)], self.activity.values[:, list(self.units)]
        above = ((self.score - self.bar) / spread)[live]
        return {
            "layer": self.layer.address,
            "at": list(self.activity.at) if self.activity.at else None,
            "real_inputs": self.activity.count,
            "percentile": PERCENTILE,
            "units": len(self.units),
            "dead": [unit for unit, dead in zip(self.units, self.dead.tolist(), strict=True) if dead],
            "silent": [unit for unit in self.units if bool(self.activity.silent[unit])],
            "live": int(live.sum()),
            "reached": int((self.passes(self.score) & live).sum()),
            "reached_from_noise": int((self.passes(self.optimised.score) & live).sum()),
            "reached_raw": int((self.passes(self.optimised.raw_score) & live).sum()),
            "reached_projected": int((self.passes(self.optimised.projected_score) & live).sum()),
            "above_every_real_input": int(((self.score > values.amax(0)) & live).sum()),
            "least_above_percentile_in_deviations": round(float(above.min()), 4) if len(above) else None,
            "mean_above_percentile_in_deviations": round(float(above.mean()), 4) if len(above) else None,
            "per_unit": [
                {
                    "unit": unit,
                    "dead": bool(self.dead[k]),
                    "percentile": round(float(self.bar[k]), 5),
                    "largest_real": round(float(values[:, k].max()), 5),
                    "raw": round(float(self.optimised.raw_score[k]), 5),
                    "from_noise": round(float(self.optimised.score[k]), 5),
                    "best": round(float(self.score[k]), 5),
                    "found_from": "a real input" if self.from_real[k] else "noise",
                }
                for k, unit in enumerate(self.units)
            ],
        }


def study(
    probe: Probe,
    activity: Activity,
    world: World,
    *,
    units: Sequence[int] | None = None,
    config: OptimiseConfig | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Study:
    """Study some units (all by default) of a layer whose activity was surveyed, in the place where it was.

    `progress` is called with the number of steps done, of `study_steps` in all. ValueError as `maximise` raises it,
    and for a unit that there is not.
    """
    config = config or OptimiseConfig()
    layer, at = activity.layer, activity.at
    chosen = tuple(range(layer.units)) if units is None else tuple(units)
    wrong = [unit for unit in chosen if not 0 <= unit < layer.units]
    if wrong or not chosen:
        raise ValueError(
            f"layer {layer.address} has units 0 to {layer.units - 1}; "
            + (f"there is no unit {wrong[0]}" if wrong else "choose at least one")
        )
    matters = field_of_view(probe, layer, world.space, world.examples, at=at)
    index = torch.tensor(chosen, device=world.space.low.device)
    optimised = maximise(
        probe,
        neuron(layer.address, index, at=at),
        world.space,
        batch=len(chosen),
        legal=world.legal,
        config=config,
        scale=activity.spread[index],
        matters=matters,
        examples=world.examples,
        watch=lambda step, scores: progress(step),
    )
    nowhere = torch.zeros(len(chosen), dtype=torch.bool, device=index.device)
    result = Study(
        layer, chosen, activity, matters, optimised, optimised.legal, optimised.score, nowhere, optimised.legal
    )
    behind = torch.nonzero(~result.passes(optimised.score) & ~result.dead)[:, 0]
    if len(behind):
        result = _from_real(probe, result, world, index, behind, config)
    objective = neuron(layer.address, index, at=at)
    plain = simplify(
        lambda inputs: objective.score(probe.read(inputs, objective.layers)),
        result.best,
        torch.minimum(result.bar, result.score),
        world.legal,
        world.space,
        rounds=2 * config.rounds,
    )
    result = dataclasses.replace(result, plain=plain)
    progress(study_steps(config))
    return result


def study_steps(config: OptimiseConfig) -> int:
    """How many steps a study reports."""
    return config.steps + config.trials + 1


def _from_real(
    probe: Probe,
    done: Study,
    world: World,
    index: Tensor,
    behind: Tensor,
    config: OptimiseConfig,
) -> Study:
    """The study with units that noise did not bring far enough climbing from their strongest real input instead."""
    objective = neuron(done.layer.address, index[behind], at=done.activity.at)
    start = world.examples[done.activity.strongest(1)[index[behind], 0]].float()

    def score(inputs: Tensor) -> Tensor:
        return objective.score(probe.read(inputs, objective.layers))

    found, reached = refine(score, world.legal.project(start), world.legal, world.space, rounds=config.rounds)
    wins = reached > done.score[behind]
    best, scores, from_real = done.best.clone(), done.score.clone(), done.from_real.clone()
    best[behind[wins]], scores[behind[wins]], from_real[behind[wins]] = found[wins], reached[wins], True
    return dataclasses.replace(done, best=best, score=scores, from_real=from_real)
