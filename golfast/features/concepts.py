"""Does a unit stand for something? Its activations set beside maps of what is there: correlation, and tuning.

Shapes: N inputs, U units, H rows, W columns, K concepts, S values of a quantity.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.features.layers import Layer, Probe

_BATCH = 64
Maps = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Tuning:
    """A unit's activation by the value of a quantity: `mean` and `deviation` (U, S), and how often it had it, (S,)."""

    values: tuple[int, ...]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    count: NDArray[np.int64]


def activation_maps(
    probe: Probe, layer: Layer, inputs: Tensor, *, progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """What a layer of (U, H, W) puts out for inputs (N, ...), everywhere: (N, U, H, W). ValueError without places."""
    if len(layer.shape) != 3:
        raise ValueError(f"layer {layer.address} has no rows and columns, so no maps to compare")
    parts = []
    with torch.inference_mode():
        for start in range(0, len(inputs), _BATCH):
            batch = inputs[start : start + _BATCH].float()
            parts.append(probe.read(batch, [layer.address])[layer.address].float().cpu().numpy())
            progress(min(start + _BATCH, len(inputs)))
    return np.concatenate(parts)


def correlations(activations: NDArray[np.floating], concepts: Maps) -> NDArray[np.float64]:
    """Pearson's correlation of each unit with each concept over all inputs and places, (U, K); 0 for what is constant.

    activations: (N, U, H, W). concepts: maps (N, H, W), of bool or numbers; with those of bool it is the point-biserial
    correlation. ValueError for maps of another size.
    """
    rows = _standard(np.moveaxis(activations, 1, 0).reshape(activations.shape[1], -1))
    columns = []
    for name, concept in concepts.items():
        if concept.shape != (activations.shape[0], *activations.shape[2:]):
            raise ValueError(f"concept {name!r} has shape {concept.shape}, and the activations {activations.shape}")
        columns.append(_standard(concept.reshape(1, -1))[0])
    together: NDArray[np.float64] = rows @ np.stack(columns, axis=1) / rows.shape[1]
    return together


def tuning(activations: NDArray[np.floating], quantity: NDArray[np.integer]) -> Tuning:
    """How each unit's activation depends on a quantity of small whole numbers: (N, U, H, W) and (N, H, W)."""
    rows = np.moveaxis(activations, 1, 0).reshape(activations.shape[1], -1).astype(np.float64)
    values, place = np.unique(quantity.ravel(), return_inverse=True)
    count = np.bincount(place, minlength=len(values))
    total = np.stack([np.bincount(place, row, len(values)) for row in rows])
    square = np.stack([np.bincount(place, row * row, len(values)) for row in rows])
    mean = total / count
    deviation = np.sqrt(np.maximum(square / count - mean**2, 0))
    return Tuning(tuple(int(value) for value in values), mean, deviation, count)


def _standard(rows: NDArray[np.generic]) -> NDArray[np.float64]:
    """Rows of mean 0 and deviation 1; constant ones are 0."""
    values = rows.astype(np.float64)
    values -= values.mean(axis=1, keepdims=True)
    deviation = values.std(axis=1, keepdims=True)
    size = np.abs(rows.astype(np.float64)).max(axis=1, keepdims=True, initial=0)
    return np.where(deviation > 1e-9 * np.maximum(size, 1e-300), values / np.where(deviation > 0, deviation, 1), 0.0)
