"""A layer studied: what its units do on real inputs, and the inputs that excite each most, all units in one batch."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from golfast.features.activity import PERCENTILE, Activity, field_of_view
from golfast.features.layers import Layer, Probe
from golfast.features.legal import Legal
from golfast.features.objectives import Objective, neuron
from golfast.features.optimise import OptimiseConfig, Optimised, maximise
from golfast.features.parametrise import Space, check_channels
from golfast.features.refine import refine, simplify
from golfast.features.transform import LARGE_ENOUGH, Jolt
from golfast.features.window import Window, WithinWindow, find_window

FAR = 5.0
_ROUNDING = 1e-5  # of a unit's spread: equal inputs in another batch may differ by so much


@dataclass(frozen=True)
class World:
    """What a network sees: where its inputs live, which are legal, and real ones."""

    space: Space
    legal: Legal
    examples: Tensor
    """Real inputs, (N, *shape), of any type that holds their values."""

    def __post_init__(self) -> None:
        check_channels(self.space.shape)
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
    below those."""
    score: Tensor
    """Their activations, (U,)."""
    from_real: Tensor
    """(U,) bool: whether `best` was found from a real input."""
    plain: Tensor
    """`best` with all that is not needed taken away: still at the bar, (U, *shape)."""

    @property
    def dead(self) -> Tensor:
        """(U,) bool."""
        return self.activity.dead[list(self.units)]

    @property
    def rare(self) -> Tensor:
        """(U,) bool: units that under 0.1% of real inputs excite."""
        return self.activity.rare[list(self.units)]

    @property
    def bar(self) -> Tensor:
        """The 99.9th percentile over real inputs, (U,); of rare units their largest real activation."""
        return self.activity.bar[list(self.units)]

    @property
    def largest(self) -> Tensor:
        """The largest activation on real inputs, (U,)."""
        return self.activity.values[:, list(self.units)].amax(0)

    @property
    def beyond(self) -> Tensor:
        """(U,) bool: live units whose best input takes them more than FAR times as far from usual as any real one does.

        Such an input tells what can be done to the network, and little of what the unit sees in real ones.
        """
        usual = self.activity.values[:, list(self.units)].median(0).values
        return (self.score - usual > FAR * (self.largest - usual)) & ~self.dead

    def passes(self, score: Tensor) -> Tensor:
        """(U,) bool: which activations reach the bar."""
        return self.reaches(score, self.bar)

    def reaches(self, score: Tensor, mark: Tensor) -> Tensor:
        """(U,) bool: which activations are at a mark (U,) or above it, but for rounding."""
        return score >= mark - _ROUNDING * self.activity.spread[list(self.units)]

    def figures(self) -> dict[str, Any]:
        """The study in plain values."""
        live = ~self.dead
        spread, percentile = (part[list(self.units)] for part in (self.activity.spread, self.activity.percentile))
        above = ((self.score - self.bar) / spread)[live]
        return {
            "layer": self.layer.address,
            "at": list(self.activity.at) if self.activity.at else None,
            "real_inputs": self.activity.count,
            "percentile": PERCENTILE,
            "units": len(self.units),
            "dead": [unit for unit, dead in zip(self.units, self.dead.tolist(), strict=True) if dead],
            "silent": [unit for unit in self.units if bool(self.activity.silent[unit])],
            "rare": [unit for unit, rare in zip(self.units, self.rare.tolist(), strict=True) if rare],
            "live": int(live.sum()),
            "reached": int((self.passes(self.score) & live).sum()),
            "reached_from_noise": int((self.passes(self.optimised.score) & live).sum()),
            "reached_raw": int((self.passes(self.optimised.raw_score) & live).sum()),
            "reached_projected": int((self.passes(self.optimised.projected_score) & live).sum()),
            "above_every_real_input": int(((self.score > self.largest) & live).sum()),
            "far_beyond_real_inputs": int(self.beyond.sum()),
            "least_above_percentile_in_deviations": round(float(above.min()), 4) if len(above) else None,
            "mean_above_percentile_in_deviations": round(float(above.mean()), 4) if len(above) else None,
            "per_unit": [
                {
                    "unit": unit,
                    "dead": bool(self.dead[k]),
                    "percentile": round(float(percentile[k]), 5),
                    "largest_real": round(float(self.largest[k]), 5),
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
    check_units(layer, chosen)
    matters = field_of_view(probe, layer, world.space, world.examples, at=at)
    index = torch.tensor(chosen, device=world.space.low.device)
    scene = _Scene.of(probe, layer, at, matters, world)
    if config.jolt is not None and scene.window is not None:
        config.jolt.check(world.space.shape)
        if min(scene.space.shape[1:]) < LARGE_ENOUGH:  # what a unit sees of a large image may be too small for it
            config = dataclasses.replace(config, jolt=Jolt())
    optimised = maximise(
        probe,
        scene.objective(index),
        scene.space,
        batch=len(chosen),
        legal=scene.legal,
        config=config,
        scale=activity.spread[index],
        matters=scene.cut(matters),
        examples=scene.cut(world.examples),
        watch=lambda step, scores: progress(step),
    )
    nowhere = torch.zeros(len(chosen), dtype=torch.bool, device=index.device)
    found = optimised.legal
    result = Study(layer, chosen, activity, matters, optimised, found, optimised.score, nowhere, found)
    behind = torch.nonzero(~result.reaches(optimised.score, result.largest) & ~result.dead)[:, 0]
    if len(behind):
        result = _from_real(result, world, scene, index, behind, config)
    floor = torch.minimum(result.bar, result.score)
    plain = simplify(scene.score(index), result.best, floor, scene.legal, scene.space, rounds=2 * config.rounds)
    progress(study_steps(config))
    return _whole(dataclasses.replace(result, plain=plain), scene, neuron(layer.address, index, at=at), world)


def check_units(layer: Layer, units: Sequence[int]) -> None:
    """ValueError if there are none, or some that the layer does not have, or that are no whole numbers."""
    wrong = [unit for unit in units if not _is_number(unit) or not 0 <= unit < layer.units]
    if wrong or not units:
        named = repr(wrong[0]) if wrong and isinstance(wrong[0], str) else str(wrong[0]) if wrong else ""
        raise ValueError(
            f"layer {layer.address} has units 0 to {layer.units - 1}; "
            + (f"there is no unit {named}" if wrong else "choose at least one")
        )


def _is_number(unit: object) -> bool:
    """Whether it is a whole number, of a tensor too: True and False are, to Python, and name no unit."""
    if isinstance(unit, Tensor):
        return unit.dim() == 0 and unit.dtype != torch.bool and not unit.is_floating_point()
    return isinstance(unit, Integral) and not isinstance(unit, bool)


def study_steps(config: OptimiseConfig) -> int:
    """How many steps a study reports."""
    return config.steps + config.trials + 1


@dataclass(frozen=True)
class _Scene:
    """Where a layer is studied: the whole input, or the part of it that its units see."""

    probe: Probe
    address: str
    at: tuple[int, ...] | None
    space: Space
    legal: Legal
    window: Window | None

    @classmethod
    def of(cls, probe: Probe, layer: Layer, at: tuple[int, ...] | None, matters: Tensor, world: World) -> "_Scene":
        window = find_window(probe, layer, at, matters, world.space, world.examples)
        if window is None or at is None or len(at) != 2:
            return cls(probe, layer.address, at, world.space, world.legal, None)
        legal = WithinWindow(world.legal, window, world.space)
        return cls(probe, layer.address, window.place((at[0], at[1])), window.space(world.space), legal, window)

    def cut(self, inputs: Tensor) -> Tensor:
        return inputs if self.window is None else self.window.cut(inputs)

    def objective(self, index: Tensor) -> Objective:
        return neuron(self.address, index, at=self.at)

    def score(self, index: Tensor) -> Callable[[Tensor], Tensor]:
        objective = self.objective(index)
        return lambda inputs: objective.score(self.probe.read(inputs, objective.layers))


def _from_real(
    done: Study, world: World, scene: _Scene, index: Tensor, behind: Tensor, config: OptimiseConfig
) -> Study:
    """The study with units that noise left below their strongest real input climbing from that instead."""
    score = scene.score(index[behind])
    start = scene.legal.project(scene.cut(world.examples[done.activity.strongest(1)[index[behind], 0]].float()))
    found, reached = refine(score, start, scene.legal, scene.space, rounds=config.rounds)
    wins = reached > done.score[behind]
    best, scores, from_real = done.best.clone(), done.score.clone(), done.from_real.clone()
    best[behind[wins]], scores[behind[wins]], from_real[behind[wins]] = found[wins], reached[wins], True
    return dataclasses.replace(done, best=best, score=scores, from_real=from_real)


def _whole(done: Study, scene: _Scene, objective: Objective, world: World) -> Study:
    """The study with whole inputs, and scores as the module gives them for those."""
    if scene.window is None:
        return done
    window = scene.window

    def scored(parts: Tensor, legal: Legal | None) -> tuple[Tensor, Tensor]:
        inputs = window.put(parts, world.space)
        inputs = inputs if legal is None else legal.project(inputs)
        with torch.no_grad():
            return inputs, objective.score(scene.probe.read(inputs, objective.layers))

    found = done.optimised
    optimised = Optimised(
        *scored(found.raw, None), *scored(found.projected, world.legal), *scored(found.legal, world.legal)
    )
    best, score = scored(done.best, world.legal)
    plain, _ = scored(done.plain, world.legal)
    return dataclasses.replace(done, optimised=optimised, best=best, score=score, plain=plain)
