"""What to look for: objectives that a batch of inputs is to make large.

An objective gives each input of a batch its own score, so that one batch holds one input per unit and all of them are
optimised at once. Objectives add, subtract and scale: `logit("policy", 2) - logit("policy", 0)` asks what makes action
2 preferable to action 0. After lucid (Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017).
Shapes: B batch, U units, C channels, H rows, W columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from golfast.features.axes import in_place
from golfast.features.layers import Activations

Units = int | Sequence[int] | Tensor
_TINY = 1e-8


@dataclass(frozen=True)
class Objective:
    """A score per input, from what the layers at `layers` put out."""

    layers: frozenset[str]
    score: Callable[[Activations], Tensor]
    """Activations by address to scores (B,)."""

    def __add__(self, other: "Objective") -> "Objective":
        return Objective(self.layers | other.layers, lambda found: self.score(found) + other.score(found))

    def __sub__(self, other: "Objective") -> "Objective":
        return self + (-1.0) * other

    def __mul__(self, factor: float) -> "Objective":
        return Objective(self.layers, lambda found: self.score(found) * factor)

    __rmul__ = __mul__

    def __neg__(self) -> "Objective":
        return self * -1.0


def neuron(layer: str, unit: Units, *, at: tuple[int, ...] | None = None) -> Objective:
    """One unit of a (B, U) layer, or one of a (B, U, L) or (B, C, H, W) layer in one place, (place,) or (row, column).

    unit: one for the whole batch, or one for each input. at: the place, by default the middle.
    ValueError for a unit or a place that there is not.
    """

    def score(found: Activations) -> Tensor:
        return _pick(_at(_read(found, layer), layer, at), unit, layer)

    return Objective(frozenset([layer]), score)


def channel(layer: str, unit: Units) -> Objective:
    """The mean of one unit of a (B, U, L) or (B, C, H, W) layer over all places; of a (B, U) layer the unit itself."""

    def score(found: Activations) -> Tensor:
        return _pick(_mean(_read(found, layer)), unit, layer)

    return Objective(frozenset([layer]), score)


def whole_layer(layer: str) -> Objective:
    """The mean square of all that a layer puts out: what excites it, in whatever way (DeepDream)."""
    return Objective(frozenset([layer]), lambda found: _read(found, layer).flatten(1).square().mean(1))


def direction(layer: str, vector: Tensor, *, at: tuple[int, ...] | None = None, cosine: float = 0.0) -> Objective:
    """How far a layer goes in a direction: the dot product with `vector`, (U,) or one for each input, (B, U).

    cosine: the power of the cosine that the product is multiplied with, so that a direction is not reached by going
    far in others; 0 is the plain product. at: as for `neuron`. ValueError for a vector of another length.
    """

    def score(found: Activations) -> Tensor:
        output = _at(_read(found, layer), layer, at)
        if vector.shape[-1] != output.shape[1]:
            raise ValueError(f"layer {layer} has {output.shape[1]} units, and the direction {vector.shape[-1]} numbers")
        product: Tensor = (output * vector).sum(1)
        if cosine == 0:
            return product
        share = product / (output.norm(dim=1) * vector.norm(dim=-1) + _TINY)
        weighted: Tensor = product * share.clamp(min=0.1).pow(cosine)
        return weighted

    return Objective(frozenset([layer]), score)


def logit(layer: str, action: Units) -> Objective:
    """The logit of an action, where `layer` puts out logits (B, actions)."""
    return neuron(layer, action)


def value(layer: str) -> Objective:
    """What a critic expects, where `layer` puts out values (B, 1)."""
    return neuron(layer, 0)


def diversity(layer: str, *, groups: int) -> Objective:
    """How much inputs that belong together differ in what they excite, so that a unit's several faces show.

    The batch is `groups` times as many inputs: input k belongs to group k modulo `groups`. The score is minus the mean
    cosine similarity, within the group, of the layer's Gram matrices over places, or of its outputs where it has no
    places. ValueError for a batch that does not divide.
    """

    def score(found: Activations) -> Tensor:
        output = _read(found, layer)
        if groups < 1 or len(output) % groups:
            raise ValueError(f"a batch of {len(output)} inputs does not divide into {groups} groups")
        members = len(output) // groups
        if members < 2:
            return output.new_zeros(len(output))
        maps = output.flatten(2) if output.dim() > 2 else output[:, :, None]
        signs = maps @ maps.transpose(1, 2) if output.dim() > 2 else maps
        signs = signs.flatten(1)
        signs = (signs / (signs.norm(dim=1, keepdim=True) + _TINY)).view(members, groups, -1)
        alike = torch.einsum("agf,bgf->gab", signs, signs)
        others = alike.sum(2) - alike.diagonal(dim1=1, dim2=2)
        return -(others / (members - 1)).T.flatten()

    return Objective(frozenset([layer]), score)


def _read(found: Activations, layer: str) -> Tensor:
    """What a layer put out; in single precision if it has half of it, whose sums and squares soon overflow."""
    output = found[layer]
    return output.float() if output.dtype in (torch.float16, torch.bfloat16) else output


def _at(output: Tensor, layer: str, at: tuple[int, ...] | None) -> Tensor:
    """(B, U): the output itself, or what it is in one place."""
    if output.dim() == 2:
        if at is not None:
            raise ValueError(f"layer {layer} has no rows and columns, so no place {at}")
        return output
    middle = tuple(side // 2 for side in output.shape[2:])
    return in_place(output, middle if at is None else at, layer)


def _mean(output: Tensor) -> Tensor:
    return output.flatten(2).mean(2) if output.dim() > 2 else output


def _pick(output: Tensor, unit: Units, layer: str) -> Tensor:
    units = torch.as_tensor(unit, device=output.device)
    if units.dtype == torch.bool or units.is_floating_point():
        raise ValueError(f"layer {layer} has units 0 to {output.shape[1] - 1}; there is no unit {unit}")
    if units.numel() and not (int(units.min()) >= 0 and int(units.max()) < output.shape[1]):
        raise ValueError(
            f"layer {layer} has units 0 to {output.shape[1] - 1}; there is no unit {int(units.min())}"
            if int(units.min()) < 0
            else f"layer {layer} has units 0 to {output.shape[1] - 1}; there is no unit {int(units.max())}"
        )
    if units.dim() and len(units) != len(output):
        raise ValueError(f"{len(units)} units were given for a batch of {len(output)} inputs; one for each is needed")
    return output.gather(1, units.expand(len(output))[:, None])[:, 0]
