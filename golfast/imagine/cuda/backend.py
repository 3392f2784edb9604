"""Launching the kernels of metric.cu."""

from pathlib import Path

import numpy as np

from golfast import cuda
from golfast.cuda import Array, Device, Launch, to_host
from golfast.imagine.boards import check_shapes, check_width
from golfast.imagine.score import Score, denominator

SOURCE = Path(__file__).with_name("metric.cu")

_THREADS, _MATCHERS = 256, 64
_MOST_IMAGINED = 1 << 16  # their numbers have 16 bits


def interpretability_packed_cuda(
    imagined: object, truth: object, width: int, *, threshold: float = 0.95, variant: str = "matched"
) -> Array | float:
    """`interpretability_packed` on the device: equal to it, (N,) float64 of CuPy, or one float for "dataset".

    imagined: (N, n, H, ceil(width/8)), truth: likewise with m, both uint8, of CuPy, NumPy or, through DLPack, of torch
    on the device. Raises as `interpretability_packed`; ValueError if there is no CuPy or no device, and in "matched"
    for more than 65536 imagined states of a sequence.
    """
    device = cuda.device()
    width = check_width(width)
    h, s = device.array(imagined), device.array(truth)
    row_bytes = (width + 7) // 8
    for name, array in (("imagined", h), ("truth", s)):
        if array.ndim != 4 or array.shape[3] != row_bytes:
            raise ValueError(
                f"packed {name} of width {width} is uint8 of shape (N, states, H, {row_bytes}); "
                f"got {array.dtype} of shape {array.shape}"
            )
    check_shapes(h, s)
    count, n, height = h.shape[:3]
    m = s.shape[1]
    score = Score.of(n, m, height * width, threshold, variant)
    if variant == "matched" and n > _MOST_IMAGINED:
        raise ValueError(f'variant "matched" takes at most {_MOST_IMAGINED} imagined states here; there are {n}')
    masks = _masks(device, h, s, width, score.allowed)
    if variant == "dataset":
        return _of_dataset(device, masks, score.states, denominator(n, m))
    points = device.xp.empty(count, np.int32)
    threads = _MATCHERS if variant == "matched" else _THREADS
    blocks, shared = -(-count // threads), 2 * 3 * score.states * threads
    if variant == "matched":
        launch, last = Launch(blocks, threads, shared), score.states
    else:
        launch, last = Launch(blocks, threads), masks.shape[2]
    arguments = (masks, points, np.int64(count), np.int32(n), np.int32(last))
    device.launch(SOURCE, variant, {}, launch, *arguments)
    return points / (2 * score.denominator)


def _masks(device: Device, imagined: Array, truth: Array, width: int, allowed: int) -> Array:
    """Which of the intermediate states each imagined one matches: (N, n, words) uint64."""
    xp, (count, n, height, row_bytes), m = device.xp, imagined.shape, truth.shape[1]
    states, board = m - 2, height * row_bytes
    valid = xp.asarray(np.tile(np.packbits(np.ones(width, np.uint8)), height))
    masks = xp.zeros((count, n, -(-states // 64)), np.uint64)
    name, size = ("match_bytes", 1) if board % 4 else ("match_words", 4)
    device.launch(
        SOURCE, name, {}, Launch(-(-count * n * states // _THREADS), _THREADS),
        imagined, truth, valid, masks,
        np.int64(count), np.int32(n), np.int32(m), np.int32(board // size), np.int32(allowed),
    )  # fmt: skip
    return masks


def _of_dataset(device: Device, masks: Array, states: int, most: int) -> float:
    if not len(masks):
        raise ValueError('variant "dataset" is a mean over sequences, and there are none')
    sums = [(masks[:, :, j // 64] >> np.uint64(j % 64) & np.uint64(1)).sum(axis=0) for j in range(states)]
    found = device.xp.stack(sums, axis=1)
    share = to_host(found) / len(masks)  # (n, states)
    return float((0.5 * share.sum(axis=0) + 0.5 * share.max(axis=0)).sum() / most)
