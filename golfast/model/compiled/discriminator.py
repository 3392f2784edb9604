"""The judge of the adversarial decoder in compiled code, with all pictures of a batch side by side in vectors.

It is so small that calling torch costs more than its arithmetic. One way back serves both players: from a logit's
gradient of one, what the pictures get is that times how much the decoder minds, and what the weights get is that times
how much the discriminator does.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import float32
from numpy.typing import NDArray

from golfast.jit import kernel
from golfast.model.discriminator import DROPPED, SLOPE, Discriminator

Floats = NDArray[np.float32]


class CompiledDiscriminator:
    """As `Discriminator`; `weights` and `gradients` are flat, in the order of its parameters."""

    def __init__(self, height: int, width: int, channels: tuple[int, ...]) -> None:
        """For pictures of this size."""
        shapes = [(1, height, width)]
        for count in channels:
            shapes.append((count, (shapes[-1][1] + 1) // 2, (shapes[-1][2] + 1) // 2))
        self._shapes = shapes
        """Of a picture and of each layer's result: channels, height, width."""
        counts = [count for a, b in pairwise((1, *channels)) for count in (9 * a * b, b)]
        counts += [math.prod(shapes[-1]), 1]
        stops = np.cumsum(counts)
        self.weights, self.gradients = np.zeros((2, stops[-1]), np.float32)
        self._parts, self._gradient_parts = (np.split(flat, stops[:-1]) for flat in (self.weights, self.gradients))

    def load(self, network: Discriminator) -> None:
        """Take the weights of a discriminator."""
        self.weights[:] = torch.cat([p.detach().cpu().reshape(-1) for p in network.parameters()]).numpy()

    def draw_masks(self, pictures: int) -> list[Floats]:
        """What the results of each layer are multiplied by, (channels, height, width, pictures), drawn by torch.

        0 for those that are dropped, and for the others what makes up for it.
        """
        shapes = [(*shape, pictures) for shape in self._shapes[1:]]
        kept = (torch.rand(sum(map(math.prod, shapes))) >= DROPPED).float().div_(1 - DROPPED)
        parts = torch.split(kept, [math.prod(shape) for shape in shapes])
        return [part.view(shape).numpy() for part, shape in zip(parts, shapes, strict=True)]

    def judge(self, real: Floats, fakes: Floats, masks: Sequence[Floats]) -> Floats:
        """Judge real and decoded states, (real, H * W) and (fakes, H * W), with the results of layers masked.

        Leaves in `gradients` those of the mean cross-entropy of the real ones plus that of the fakes. Returns the
        gradient, by the cells of the fakes, of their mean cross-entropy with "real": (fakes, H * W).
        """
        count = len(real) + len(fakes)
        planes, slopes, backs = ([np.empty((*shape, count), np.float32) for shape in self._shapes] for _ in range(3))
        planes[0].reshape(-1, count)[:] = np.concatenate([real, fakes]).T
        for k, mask in enumerate(masks):
            weights, biases = self._parts[2 * k : 2 * k + 2]
            _forward(planes[k], weights, biases, mask, planes[k + 1], slopes[k + 1])
        last = planes[-1].reshape(-1, count)
        weights, bias = self._parts[-2:]
        real_share = 1 / (1 + np.exp(-(weights @ last + bias)))  # what it holds each picture's chances to be
        of_mean = np.repeat(np.array([1 / len(real), 1 / len(fakes)], np.float32), (len(real), len(fakes)))
        minded = of_mean * real_share
        minded[: len(real)] -= of_mean[: len(real)]
        self.gradients[:] = 0
        self._gradient_parts[-2][:], self._gradient_parts[-1][:] = last @ minded, minded.sum()
        backs[-1].reshape(-1, count)[:] = weights[:, None]
        for k in reversed(range(len(masks))):
            gradients, bias_gradients = self._gradient_parts[2 * k : 2 * k + 2]
            _back(
                planes[k], self._parts[2 * k], backs[k + 1], slopes[k + 1], minded, gradients, bias_gradients, backs[k]
            )
        wished = of_mean[len(real) :] * (real_share[len(real) :] - 1)
        return np.ascontiguousarray((backs[0].reshape(-1, count)[:, len(real) :] * wished).T)


@kernel
def _forward(inputs: Any, weights: Any, biases: Any, mask: Any, results: Any, slopes: Any) -> None:
    """A convolution of stride 2, the leaky ReLU and the mask; `slopes`: of each result by its sum."""
    channels, height, width, count = inputs.shape
    sums = np.empty(count, np.float32)
    for o in range(results.shape[0]):
        for y in range(results.shape[1]):
            for x in range(results.shape[2]):
                sums[:] = biases[o]
                for c in range(channels):
                    for tap in range(9):
                        row, column = 2 * y + tap // 3 - 1, 2 * x + tap % 3 - 1
                        if 0 <= row < height and 0 <= column < width:
                            weight, cells = weights[(o * channels + c) * 9 + tap], inputs[c, row, column]
                            for k in range(count):
                                sums[k] += weight * cells[k]
                slope, result, kept = slopes[o, y, x], results[o, y, x], mask[o, y, x]
                for k in range(count):
                    slope[k] = kept[k] if sums[k] > 0 else kept[k] * float32(SLOPE)
                    result[k] = sums[k] * slope[k]


@kernel
def _back(
    inputs: Any,
    weights: Any,
    results: Any,
    slopes: Any,
    minded: Any,
    gradients: Any,
    bias_gradients: Any,
    back: Any,
) -> None:
    """From the gradient of results to that of inputs, `back`; and `minded` times it, summed over pictures, to weights.

    results, slopes: (channels, height, width, pictures), likewise inputs and back; minded: (pictures,).
    """
    channels, height, width, count = inputs.shape
    back[:] = float32(0)
    lanes, bias_lanes = np.empty((channels * 9, count), np.float32), np.empty(count, np.float32)
    sums, ours = np.empty(count, np.float32), np.empty(count, np.float32)
    for o in range(results.shape[0]):
        lanes[:], bias_lanes[:] = float32(0), float32(0)
        for y in range(results.shape[1]):
            for x in range(results.shape[2]):
                result, slope = results[o, y, x], slopes[o, y, x]
                for k in range(count):
                    sums[k] = result[k] * slope[k]
                    ours[k] = sums[k] * minded[k]
                    bias_lanes[k] += ours[k]
                for c in range(channels):
                    for tap in range(9):
                        row, column = 2 * y + tap // 3 - 1, 2 * x + tap % 3 - 1
                        if 0 <= row < height and 0 <= column < width:
                            weight, cells = weights[(o * channels + c) * 9 + tap], inputs[c, row, column]
                            lane, behind = lanes[c * 9 + tap], back[c, row, column]
                            for k in range(count):
                                lane[k] += ours[k] * cells[k]
                                behind[k] += weight * sums[k]
        bias_gradients[o] = bias_lanes.sum()
        for k in range(channels * 9):
            gradients[o * channels * 9 + k] = lanes[k].sum()
