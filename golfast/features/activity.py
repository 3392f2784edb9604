"""How the units of a layer behave on real inputs: what is usual, what excites them most, and which are dead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from golfast.features.axes import in_place
from golfast.features.layers import Layer, Probe
from golfast.features.parametrise import Space

PERCENTILE = 99.9
_BATCH = 256  # inputs at once: hidden states stay in cache
_DEAD = 1e-6  # of a unit's size: less is rounding


@dataclass(frozen=True)
class Activity:
    """Activations of the units of a layer, (N, U), over N real inputs; of a layer with places, in one of them."""

    layer: Layer
    at: tuple[int, ...] | None
    values: Tensor

    @property
    def count(self) -> int:
        """How many real inputs."""
        return len(self.values)

    @cached_property
    def percentile(self) -> Tensor:
        """The activation (U,) that 99.9% of the real inputs stay below, interpolated."""
        return torch.quantile(self.values.double(), PERCENTILE / 100, dim=0).to(self.values.dtype)

    @cached_property
    def rare(self) -> Tensor:
        """(U,) bool: live units that are at rest at their percentile: under 0.1% of real inputs excite them."""
        return (self.percentile <= self.values.amin(0)) & ~self.dead

    @cached_property
    def bar(self) -> Tensor:
        """What an input must reach, (U,): the percentile; of rare units, which reach that at rest, the most they do."""
        return torch.where(self.rare, self.values.amax(0), self.percentile)

    @cached_property
    def spread(self) -> Tensor:
        """Standard deviation (U,); 1 for units that never change."""
        spread = self.values.std(0, correction=0)
        return torch.where(self.dead, torch.ones_like(spread), spread)

    @cached_property
    def dead(self) -> Tensor:
        """(U,) bool: units that put out the same whatever they are shown."""
        least, most = self.values.amin(0), self.values.amax(0)
        return most - least <= _DEAD * torch.maximum(most.abs(), least.abs())

    @cached_property
    def silent(self) -> Tensor:
        """(U,) bool: units that change, yet never rise above 0; behind a ReLU they say nothing."""
        return (self.values.amax(0) <= 0) & ~self.dead

    def strongest(self, count: int) -> Tensor:
        """Numbers of the real inputs that excite each unit most, strongest first, (U, count)."""
        return self.values.topk(min(count, self.count), dim=0).indices.T


def survey(
    probe: Probe,
    layers: Sequence[Layer],
    examples: Tensor,
    *,
    at: tuple[int, ...] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Activity]:
    """What the units of layers do on real inputs (N, *shape), all layers in one pass; by address.

    at: the place looked at, by default the middle of each layer. ValueError for no inputs and for activations that are
    not numbers.
    """
    if len(examples) == 0:
        raise ValueError("there are no real inputs to look at; give at least one")
    places = {layer.address: (at or layer.centre) if layer.centre else None for layer in layers}
    parts: dict[str, list[Tensor]] = {address: [] for address in places}

    def there(address: str, output: Tensor) -> Tensor:
        place = places[address]
        return in_place(output, place, address)

    with torch.inference_mode():
        for start in range(0, len(examples), _BATCH):
            found = probe.read(examples[start : start + _BATCH].float(), places, take=there)
            for address in places:
                parts[address].append(found[address].float().clone())
            progress(min(start + _BATCH, len(examples)))
    activities = {}
    for layer in layers:
        values = torch.cat(parts[layer.address])
        if not bool(torch.isfinite(values).all()):
            raise ValueError(f"layer {layer.address} puts out values that are not finite; are the network's weights?")
        activities[layer.address] = Activity(layer, places[layer.address], values)
    return activities


def field_of_view(
    probe: Probe, layer: Layer, space: Space, examples: Tensor, *, at: tuple[int, ...] | None = None
) -> Tensor:
    """Where an input can change what a layer puts out (in one place, by default the middle): bool, of its shape.

    Found by gradients at real inputs (N, *shape) and at random ones, summed over all units.
    """
    place = at if at is not None else layer.centre
    noise = torch.rand(16, *space.shape, generator=torch.Generator().manual_seed(0)).to(examples.device)
    inputs = torch.cat([examples[:16].float(), space.inner(noise)]).requires_grad_()
    output = probe.read(inputs, [layer.address])[layer.address]
    here = in_place(output, place, layer.address).float()
    weights = torch.randn(here.shape[1], generator=torch.Generator().manual_seed(1)).to(here)
    gradient = None
    if here.requires_grad:
        (gradient,) = torch.autograd.grad((here * weights).sum(), [inputs], allow_unused=True)
    if gradient is None:
        raise ValueError(
            f"what layer {layer.address} puts out has no gradient to the network's input, so nothing can be sought for "
            "it; does the network detach or round on the way, or does the layer not depend on the input?"
        )
    return (gradient != 0).any(0)
