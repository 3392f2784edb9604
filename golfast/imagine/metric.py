"""How much of what a network imagines is true: the metric of arXiv 2405.06409 (equation 1) and two smoother figures.

True states are s_1..s_m; s_1 is the input and s_m what the network is trained on, so s_2..s_{m-1} are left to imagine.
Imagined states are h_1..h_n, the decoded outputs of model timesteps 1..T-1; the last timestep, T, is trained and does
not take part.
"""

from typing import Literal, overload

import numpy as np

from golfast.imagine import kernels
from golfast.imagine.boards import check_shapes, check_width, packed_boards
from golfast.imagine.comparison import Comparison, Integers, OfCells, OfPacked, smallest
from golfast.imagine.score import Floats, Score, denominator
from golfast.threads import over_batch

PerSequence = Literal["matched", "equation"]


@overload
def interpretability(
    imagined: object, truth: object, *, threshold: float = ..., variant: PerSequence = ...
) -> Floats: ...
@overload
def interpretability(
    imagined: object, truth: object, *, threshold: float = ..., variant: Literal["dataset"]
) -> float: ...
@overload
def interpretability(imagined: object, truth: object, *, threshold: float = ..., variant: str) -> Floats | float: ...
def interpretability(
    imagined: object, truth: object, *, threshold: float = 0.95, variant: str = "matched"
) -> Floats | float:
    """The share of the intermediate states that the network imagined: 1 if all are there, in any order.

    imagined: (N, n, H, W), outputs of timesteps 1..T-1; floating (a cell is alive where > 0.5), bool, or integer 0/1.
    truth: (N, m, H, W), 0 or 1 of any type, the states s_1..s_m. Nothing is copied of float32, float64, uint8 and bool
    arrays, nor of slices of their first two axes. Tensors of torch are taken from any device, without their gradients.
    threshold: a pair matches when agreeing cells / all cells >= threshold, in (0, 1].

    The variants differ only where imagined or true states resemble each other:
    "matched": each h_i earns once: 1 if it is matched with a state of its own, 0.5 if all it matches belong to others.
    With the most matched that can be (M) and R imagined states that match any, (M + 0.5 (R - M)) / min(n, m - 2).
    Order plays no part. Returns (N,) float64.
    "equation": the double sum of the paper's equation 1 to the letter: in each s_j the first h_i that matches earns 1
    and each other 0.5, so that one h_i may earn from several states; over min(n, m - 2). Returns (N,) float64.
    "dataset": as the authors' programs have it: with p_ij the share of all N sequences in which h_i matches s_j, the
    best h_i of each s_j weighs 1 and the others 0.5; the sum over all, over min(n, m - 2). Returns one float.

    The value exceeds 1 only if true states are matched more than once; in "matched" only if n > m - 2, too.
    Raises ValueError if it is undefined (n < 1 or m < 3; "dataset" of no sequences), if a cell is NaN or not 0/1, if
    shapes disagree, for other thresholds and variants, and for more than 64 intermediate states in "matched".
    """
    boards = OfCells(imagined, truth)
    n, m = boards.different.shape[1:]
    return Score.of(n, m, boards.cells, threshold, variant).run(boards, 1)


@overload
def interpretability_packed(
    imagined: object, truth: object, width: int, *, threshold: float = ..., variant: PerSequence = ...
) -> Floats: ...
@overload
def interpretability_packed(
    imagined: object, truth: object, width: int, *, threshold: float = ..., variant: Literal["dataset"]
) -> float: ...
@overload
def interpretability_packed(
    imagined: object, truth: object, width: int, *, threshold: float = ..., variant: str
) -> Floats | float: ...
def interpretability_packed(
    imagined: object, truth: object, width: int, *, threshold: float = 0.95, variant: str = "matched"
) -> Floats | float:
    """`interpretability` of boards that are packed already: imagined (N, n, H, ceil(width/8)), truth likewise with m.

    Both uint8, `numpy.packbits` along the rows of `width` cells; bits beyond the width are ignored. Returns and raises
    as `interpretability` does.
    """
    width = check_width(width)
    h, s = packed_boards("imagined", imagined, width), packed_boards("truth", truth, width)
    check_shapes(h, s)
    score = Score.of(h.shape[1], s.shape[1], h.shape[2] * width, threshold, variant)
    return score.run(OfPacked(h, s[:, 1:-1], width), 0)


def matched_states(imagined: object, truth: object, *, threshold: float = 0.95) -> Integers:
    """Which true state each imagined one is matched with in the variant "matched" of `interpretability`.

    Takes the same arrays. Returns (N, n) int64: j - 1 for s_j, so that truth[k, result[k, i]] is the state; TAKEN (-1)
    if all that it matches belong to others, NONE (-2) if it matches none. Raises as `interpretability` does.
    """
    boards = OfCells(imagined, truth)
    n, m = boards.different.shape[1:]
    return Score.of(n, m, boards.cells, threshold, "matched").match(boards, 1)[0]


def agreement(imagined: object, truth: object) -> Floats:
    """The share of agreeing cells of every pair: (N, n, H, W) imagined, (N, m, H, W) true -> (N, n, m) float64.

    Cells are read as in `interpretability`; ValueError for NaN, cells not 0/1, and shapes that disagree.
    """
    return _agreement(OfCells(imagined, truth))


def agreement_packed(imagined: object, truth: object, width: int) -> Floats:
    """`agreement` of boards that are packed as `interpretability_packed` takes them."""
    return _agreement(OfPacked(imagined, truth, check_width(width)))


def matthews(imagined: object, truth: object) -> Floats:
    """The share of the intermediate states that the network imagined, by degrees: 1 is perfect, 0 chance or worse.

    A pair (h_i, s_j), 2 <= j <= m-1, is worth its Matthews correlation over cells (Matthews 1975; where a board is all
    alive or all dead, 1 if the two are identical, else 0), or 0 if that is negative. Different h_i are assigned to
    different s_j so that the sum is the greatest, exactly, for any n and m; it is divided by min(n, m - 2). Unlike
    `interpretability` it has no threshold, never exceeds 1, and gives no credit for cells that are dead because most
    cells are.

    Takes the arrays of `interpretability`, returns (N,) float64. ValueError if n < 1 or m < 3, for NaN, cells not 0/1,
    and shapes that disagree.
    """
    return _matthews(OfCells(imagined, truth))


def matthews_packed(imagined: object, truth: object, width: int) -> Floats:
    """`matthews` of boards that are packed as `interpretability_packed` takes them."""
    return _matthews(OfPacked(imagined, truth, check_width(width)))


def _agreement(boards: Comparison) -> Floats:
    return (boards.cells - boards.run()) / boards.cells


def _matthews(boards: Comparison) -> Floats:
    count, n, m = boards.different.shape
    most = denominator(n, m)
    boards.run()
    gain = np.maximum(_correlations(boards)[:, :, 1:-1], 0.0)
    if n > m - 2:
        gain = gain.transpose(0, 2, 1)
    gain = np.ascontiguousarray(gain)
    totals = np.empty(count)
    over_batch(lambda start, stop: kernels.assign(gain, totals, start, stop), count, smallest=smallest(8 * n * m))
    return totals / most


def _correlations(boards: Comparison) -> Floats:
    """Matthews correlations of all pairs, (N, n, m)."""
    n, cells, living = boards.different.shape[1], boards.cells, boards.living()
    a, b = living[:, :n, None], living[:, None, n:]
    both = (a + b - boards.different) // 2
    spread = (a * (cells - a)).astype(np.float64) * (b * (cells - b))
    identical = (boards.different == 0).astype(np.float64)
    return np.where(spread > 0, (cells * both - a * b) / np.sqrt(np.maximum(spread, 1)), identical)
