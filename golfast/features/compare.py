"""Ways to find what excites a unit, side by side: what they reach, how far from legal they end, whether seeds agree."""

import dataclasses
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from golfast.features.activity import Activity, field_of_view
from golfast.features.layers import Probe
from golfast.features.objectives import neuron
from golfast.features.optimise import OptimiseConfig, maximise
from golfast.features.study import World

EXAMPLES = "examples"


def compare(
    probe: Probe,
    activity: Activity,
    world: World,
    methods: Sequence[str],
    *,
    seeds: int = 3,
    config: OptimiseConfig | None = None,
    progress: Callable[[str, int], None] = lambda method, seed: None,
) -> list[dict[str, Any]]:
    """A row of figures per method, over the live units of a surveyed layer.

    methods: parametrisations, and "examples": the strongest of the real inputs, of which each seed sees a part of its
    own. A row has "method" and the shares of units at or above their bar, the 99.9th percentile of real inputs, as the
    method left them ("reached_raw"), after projection ("reached_projected") and after the search among legal inputs
    ("reached"); "above_raw", "above_projected", "above": how far above it the median unit is, in standard deviations of
    the unit; "illegal": the mean distance of raw from projected inputs, as a share of the range, where inputs matter;
    "agreement" and "other": the mean correlation there of legal inputs of one unit from two seeds, and of two units
    from one seed.
    """
    config = config or OptimiseConfig()
    live = torch.nonzero(~activity.dead)[:, 0]
    if len(live) == 0:
        raise ValueError(f"layer {activity.layer.address} has no live unit to compare methods on")
    matters = field_of_view(probe, activity.layer, world.space, world.examples, at=activity.at)
    bar, spread = activity.bar[live], activity.spread[live]
    rows = []
    for method in methods:
        scores: list[list[Tensor]] = [[], [], []]
        illegal, legal = [], []
        for seed in range(seeds):
            progress(method, seed)
            if method == EXAMPLES:
                part = torch.arange(seed, activity.count, seeds)
                strongest = activity.values[part][:, live].max(0)
                raw = projected = best = world.examples[part[strongest.indices]].float()
                reached = [strongest.values] * 3
            else:
                found = maximise(
                    probe,
                    neuron(activity.layer.address, live, at=activity.at),
                    world.space,
                    batch=len(live),
                    legal=world.legal,
                    config=dataclasses.replace(config, method=method, seed=config.seed + seed),
                    scale=spread,
                    matters=matters,
                    examples=world.examples,
                )
                raw, projected, best = found.raw, found.projected, found.legal
                reached = [found.raw_score, found.projected_score, found.score]
            for kept, score in zip(scores, reached, strict=True):
                kept.append((score - bar) / spread)
            illegal.append((world.space.share(raw) - world.space.share(projected)).abs()[:, matters].mean())
            legal.append(best[:, matters])
        above = [torch.stack(kept) for kept in scores]
        names = ("raw", "projected", "")
        row: dict[str, Any] = {"method": method, "seeds": seeds, "units": len(live)}
        for name, values in zip(names, above, strict=True):
            tail = f"_{name}" if name else ""
            row[f"reached{tail}"] = round(float((values >= -1e-5).float().mean()), 4)
            row[f"above{tail}"] = round(float(values.median()), 4)
        row["illegal"] = round(float(torch.stack(illegal).mean()), 4)
        row["agreement"], row["other"] = _agreement(torch.stack(legal))
        rows.append(row)
    return rows


def _agreement(legal: Tensor) -> tuple[float | None, float | None]:
    """Correlations (S seeds, U units, D places): of a unit across seeds, and of different units within one."""
    standard = legal - legal.mean(2, keepdim=True)
    standard = standard / standard.norm(dim=2, keepdim=True).clamp(min=1e-12)
    same = [(standard[a] * standard[b]).sum(1).mean() for a, b in combinations(range(len(legal)), 2)]
    pairs = torch.einsum("sud,svd->suv", standard, standard)
    units = legal.shape[1]
    other = (pairs.sum() - pairs.diagonal(dim1=1, dim2=2).sum()) / max(1, len(legal) * units * (units - 1))
    return (
        round(float(torch.stack(same).mean()), 4) if same else None,
        round(float(other), 4) if units > 1 else None,
    )
