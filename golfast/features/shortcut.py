"""What units of any image network look for, in one call."""

from collections.abc import Iterable, Sequence

import torch
from PIL import Image
from torch import Tensor, nn

from golfast.features.activity import field_of_view
from golfast.features.layers import Probe
from golfast.features.looks import FramesLook, plain_look, view_of
from golfast.features.objectives import neuron
from golfast.features.optimise import OptimiseConfig, maximise
from golfast.features.parametrise import Space, check_channels
from golfast.features.study import check_units
from golfast.run.pictures import FAINT, MARGIN, PAPER, TEXT, flow, text_width, wrap, write

SIZES = (64, 224, 32, 28)
"""Rows and columns of images that are tried where nothing says how large a network's are."""
_STEPS = 128
_GAP = 16


def picture(
    network: nn.Module,
    layer: str,
    unit: int | Sequence[int],
    *,
    space: Space | None = None,
    examples: Tensor | None = None,
    at: tuple[int, ...] | None = None,
    config: OptimiseConfig | None = None,
    side: int = 224,
) -> Image.Image:
    """Draw the inputs that excite units of a layer most, found by gradient ascent from noise.

    layer: as torch names it. unit: its number, or several: an RGB picture with a panel for each, about `side` pixels.
    space: what inputs are, such as Space((3, 224, 224), 0.0, 1.0); if left out, values from 0 to 1 of the shape of
    `examples` (N, *shape), or else as many channels as the first convolution takes and the first of SIZES that the
    network does. Where values go beyond 0 to 1, examples say how far. Three channels are drawn as red, green and blue.
    at: the place of the layer that is looked at, by default the middle; what of an input it does not see is not drawn.

    ValueError for a layer or unit that there is not (naming those that there are), for images with their channels last,
    and where the network does not say what it takes.
    """
    probe = Probe(network)
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    space = (_space(probe, network, examples) if space is None else space).to(device)
    check_channels(space.shape)
    noise = space.inner(torch.rand(16, *space.shape, generator=torch.Generator().manual_seed(3)).to(device))
    seen = noise if examples is None else examples[:16].float().to(device)
    found = probe.find(layer, seen[:2])
    units = tuple(unit) if isinstance(unit, Iterable) else (unit,)
    check_units(found, units)
    place = (at or found.centre) if found.centre else None
    matters = field_of_view(probe, found, space, seen, at=place)
    if config is None:
        config = OptimiseConfig(method="fourier" if space.plane else "cells", steps=_STEPS, trials=0)
    done = maximise(
        probe,
        neuron(layer, list(units), at=place),
        space,
        batch=len(units),
        config=config,
        matters=matters,
        examples=None if examples is None else examples.float().to(device),
    )
    look = plain_look(space.shape, space.low.cpu(), space.high.cpu())
    mark = place if found.shape[1:] == space.shape[1:] else None
    view = view_of(matters, space.shape, None if isinstance(look, FramesLook) else mark)
    panels = [look.draw(image, side=side, view=view) for image in done.projected.cpu()]
    labels = [f"unit {number}: {score:.3g}" for number, score in zip(units, done.projected_score.tolist(), strict=True)]
    where = f" in place {', '.join(map(str, place))}" if place else ""
    title = f"What excites layer {layer}{where} most: inputs found by gradient ascent, and the activation they reach"
    if view is not None and not view.matters.all():
        title += ". What is tinted cannot change it" + ("; the frame is its own place" if view.mark else "")
    return _page(panels, labels, title)


def _space(probe: Probe, network: nn.Module, examples: Tensor | None) -> Space:
    if examples is not None:
        if examples.dim() < 2 or len(examples) == 0:
            raise ValueError(f"examples are a batch of inputs, (N, *shape); got shape {tuple(examples.shape)}")
        low, high = float(examples.min()), float(examples.max())
        within = low >= 0 and high <= 1
        return Space(tuple(examples.shape[1:]), 0.0 if within else low, 1.0 if within else high)
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    if first is not None:
        for size in SIZES:
            space = Space((first.in_channels, size, size), 0.0, 1.0)
            try:
                probe.layers(space.low.expand(2, *space.shape).to(first.weight.device))
            except (ValueError, RuntimeError):
                continue
            return space
    raise ValueError(
        "the network does not say what inputs it takes; give space=Space(shape, low, high), such as "
        "Space((3, 224, 224), 0.0, 1.0), or examples of them"
    )


def _page(panels: Sequence[Image.Image], labels: Sequence[str], title: str) -> Image.Image:
    slots = [max(panel.width, text_width(label)) for panel, label in zip(panels, labels, strict=True)]
    across = min(sum(slots) + _GAP * (len(slots) - 1), 1400)
    width = max(across, 320)
    lines = wrap(title, width)
    places, rows = flow(slots, 0, width, gap=_GAP)
    tall = max(panel.height for panel in panels) + TEXT + _GAP
    top = MARGIN + (TEXT + 6) * len(lines) + 8
    page = Image.new("RGB", (width + 2 * MARGIN, top + rows * tall + MARGIN // 2), PAPER)
    for k, line in enumerate(lines):
        write(page, (MARGIN, MARGIN + (TEXT + 6) * k), line, colour=FAINT)
    for (x, row), panel, label in zip(places, panels, labels, strict=True):
        write(page, (MARGIN + x, top + row * tall), label)
        page.paste(panel, (MARGIN + x, top + row * tall + TEXT + 6))
    return page
