"""How much of what a network imagines is true: the metric of arXiv 2405.06409 (equation 1) and two smoother figures.

True states are s_1..s_m; s_1 is the input and s_m what the network is trained on, so s_2..s_{m-1} are left to imagine.
Imagined states are h_1..h_n, the decoded outputs of model timesteps 1..T-1; the last timestep, T, is trained and does
not take part.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from golfast.imagine import kernels
from golfast.imagine.kernels import MOST_STATES
from golfast.threads import over_batch

VARIANTS = ("matched", "equation", "dataset")
_SPAN_BYTES = 1 << 22  # a thread takes about as long to start as to read this

_BYTES = (np.uint8(0), np.uint8(1))  # alive above the first, nothing beyond the second

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Span = Callable[[int, int], None]
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
    arrays, nor of slices of their first two axes.
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
    pair = _Pair.of(imagined, truth)
    n, m = pair.different.shape[1:]
    score = _Score.of(n, m, pair.cells, threshold, variant)
    value = score.run(pair.compare, pair.different, 1, pair.smallest)
    pair.check_values()
    return value


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
    width = _check_width(width)
    h, s = np.asarray(imagined), np.asarray(truth)
    row_bytes = (width + 7) // 8
    for name, array in (("imagined", h), ("truth", s)):
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] != row_bytes:
            raise ValueError(
                f"packed {name} of width {width} is uint8 of shape (N, states, H, {row_bytes}); "
                f"got {array.dtype} of shape {array.shape}"
            )
    _check_shapes(h, s)
    count, n, height = h.shape[:3]
    score = _Score.of(n, s.shape[1], height * width, threshold, variant)
    h_flat, h_strides = _flat(h)
    s_flat, s_strides = _flat(s[:, 1:-1])
    valid = np.tile(np.packbits(np.ones(width, np.uint8)), height)
    different = np.empty((count, n, s.shape[1] - 2), np.int64)

    def compare(start: int, stop: int) -> None:
        kernels.packed_distances(h_flat, h_strides, s_flat, s_strides, valid, different, start, stop)

    return score.run(compare, different, 0, _smallest(h[:1].nbytes + s[:1].nbytes))


def matched_states(imagined: object, truth: object, *, threshold: float = 0.95) -> Integers:
    """Which true state each imagined one is matched with in the variant "matched" of `interpretability`.

    Takes the same arrays. Returns (N, n) int64: j - 1 for s_j, so that truth[k, result[k, i]] is the state; TAKEN (-1)
    if all that it matches belong to others, NONE (-2) if it matches none. Raises as `interpretability` does.
    """
    pair = _Pair.of(imagined, truth)
    n, m = pair.different.shape[1:]
    score = _Score.of(n, m, pair.cells, threshold, "matched")
    partners, _ = score.match(pair.compare, pair.different, 1, pair.smallest)
    pair.check_values()
    return partners


def agreement(imagined: object, truth: object) -> Floats:
    """The share of agreeing cells of every pair: (N, n, H, W) imagined, (N, m, H, W) true -> (N, n, m) float64.

    Cells are read as in `interpretability`; ValueError for NaN, cells not 0/1, and shapes that disagree.
    """
    pair = _Pair.of(imagined, truth)
    pair.run()
    return (pair.cells - pair.different) / pair.cells


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
    pair = _Pair.of(imagined, truth)
    count, n, m = pair.different.shape
    denominator = _denominator(n, m)
    pair.run()
    gain = np.maximum(_correlations(pair)[:, :, 1:-1], 0.0)
    if n > m - 2:
        gain = gain.transpose(0, 2, 1)
    gain = np.ascontiguousarray(gain)
    totals = np.empty(count)
    over_batch(lambda start, stop: kernels.assign(gain, totals, start, stop), count, smallest=_smallest(8 * n * m))
    return totals / denominator


class _Pair(NamedTuple):
    """Imagined and true boards, flat, and room for what a kernel finds out about them."""

    imagined: NDArray[Any]  # flat, with its strides and the range of its cells
    imagined_strides: tuple[int, int]
    imagined_range: tuple[Any, Any]
    truth: NDArray[np.uint8]
    truth_strides: tuple[int, int]
    cells: int  # of a board
    different: Integers  # (N, n, m): cells in which they differ
    living: Integers  # (N, n + m)
    odd: NDArray[np.bool_]  # a cell of the imagined, of the true boards is none
    smallest: int  # sequences worth a thread

    @classmethod
    def of(cls, imagined: object, truth: object) -> "_Pair":
        h, h_range = _imagined_cells(imagined)
        s = _true_cells(truth)
        _check_shapes(h, s)
        (count, n, height, width), m = h.shape, s.shape[1]
        return cls(
            *_flat(h),
            h_range,
            *_flat(s),
            height * width,
            np.empty((count, n, m), np.int64),
            np.empty((count, n + m), np.int64),
            np.zeros(2, np.bool_),
            _smallest(h[:1].nbytes + s[:1].nbytes),
        )

    def compare(self, start: int, stop: int) -> None:
        kernels.cell_distances(
            self.imagined,
            self.imagined_strides,
            self.imagined_range,
            self.truth,
            self.truth_strides,
            _BYTES,
            self.cells,
            self.different,
            self.living,
            self.odd,
            start,
            stop,
        )

    def run(self) -> None:
        over_batch(self.compare, len(self.different), smallest=self.smallest)
        self.check_values()

    def check_values(self) -> None:
        if self.odd[0]:
            if self.imagined.dtype == np.uint8:
                raise ValueError("imagined holds whole numbers other than 0 and 1")
            raise ValueError("imagined holds NaN, which is neither alive nor dead")
        if self.odd[1]:
            raise ValueError("truth holds values other than 0 and 1")


class _Score(NamedTuple):
    """What is counted as a match, and how matches add up."""

    states: int  # m - 2
    denominator: int
    allowed: int  # cells in which a matching pair may differ
    variant: str

    @classmethod
    def of(cls, n: int, m: int, cells: int, threshold: float, variant: str) -> "_Score":
        if variant not in VARIANTS:
            raise ValueError(f"variant {variant!r} is unknown; allowed are: {', '.join(VARIANTS)}")
        if variant == "matched" and m - 2 > MOST_STATES:
            raise ValueError(f'variant "matched" takes at most {MOST_STATES} intermediate states; truth has {m - 2}')
        return cls(m - 2, _denominator(n, m), cells - _least_agreeing(threshold, cells), variant)

    def run(self, compare: Span, different: Integers, first: int, smallest: int) -> Floats | float:
        """The metric. `compare` fills `different` (N, n, m), whose true states from `first` on count."""
        count = len(different)
        if self.variant == "matched":
            _, earned = self.match(compare, different, first, smallest)
            return earned / self.denominator
        if self.variant == "dataset" and not count:
            raise ValueError('variant "dataset" is a mean over sequences, and there are none')
        over_batch(compare, count, smallest=smallest)
        matches = different[:, :, first : first + self.states] <= self.allowed
        if self.variant == "dataset":
            share = matches.mean(axis=0)
            return float((0.5 * share.sum(axis=0) + 0.5 * share.max(axis=0)).sum() / self.denominator)
        seen = matches.any(axis=1).sum(axis=1)
        return np.asarray((seen + matches.sum(axis=(1, 2))) / (2 * self.denominator), np.float64)

    def match(self, compare: Span, different: Integers, first: int, smallest: int) -> tuple[Integers, Floats]:
        count, n, _ = different.shape
        partners, earned = np.empty((count, n), np.int64), np.empty(count)

        def span(start: int, stop: int) -> None:
            compare(start, stop)
            kernels.match(different, first, self.states, self.allowed, partners, earned, start, stop)

        over_batch(span, count, smallest=smallest)
        return partners, earned


def _correlations(pair: _Pair) -> Floats:
    """Matthews correlations of all pairs, (N, n, m)."""
    n, cells = pair.different.shape[1], pair.cells
    a, b = pair.living[:, :n, None], pair.living[:, None, n:]
    both = (a + b - pair.different) // 2
    spread = (a * (cells - a)).astype(np.float64) * (b * (cells - b))
    identical = (pair.different == 0).astype(np.float64)
    return np.where(spread > 0, (cells * both - a * b) / np.sqrt(np.maximum(spread, 1)), identical)


def _denominator(n: int, m: int) -> int:
    if n < 1:
        raise ValueError(
            "undefined: there is no imagined state, as one timestep's output is trained and does not count"
        )
    if m < 3:
        raise ValueError(f"undefined: of {m} true states none lies between the first and the last, which do not count")
    return min(n, m - 2)


def _least_agreeing(threshold: float, cells: int) -> int:
    """The least number of agreeing cells with number / cells >= threshold.

    Division is correctly rounded: 380 / 400 is the very float that 0.95 is, as 5 / 7 of 7 cells is 5 / 7. Products
    such as 0.95 * 400 may fall on either side of the whole number.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it is a share of cells, above 0 and at most 1")
    least = math.ceil(threshold * cells)
    while least > 1 and (least - 1) / cells >= threshold:
        least -= 1
    while least / cells < threshold:
        least += 1
    return least


def _imagined_cells(imagined: object) -> tuple[NDArray[Any], tuple[Any, Any]]:
    """The array in a type that a kernel reads, and its range: alive above the first, no cell beyond the second."""
    array = _numbers("imagined", imagined)
    if array.dtype.kind == "f":
        single = array.dtype.itemsize <= 4  # half precision fits, and so is single precision itself
        array = array.astype(np.float32 if single else np.float64, copy=False)
        return array, (array.dtype.type(0.5), array.dtype.type(np.inf))
    return _as_bytes(array, "imagined holds whole numbers other than 0 and 1"), _BYTES


def _true_cells(truth: object) -> NDArray[np.uint8]:
    return _as_bytes(_numbers("truth", truth), "truth holds values other than 0 and 1")


def _as_bytes(array: NDArray[Any], otherwise: str) -> NDArray[np.uint8]:
    if array.dtype == np.bool_ or array.dtype == np.uint8:
        return array.view(np.uint8)  # the kernel looks at the values
    if not ((array == 0) | (array == 1)).all():
        raise ValueError(otherwise)
    return array.astype(np.uint8)


def _numbers(name: str, given: object) -> NDArray[Any]:
    array = np.asarray(given)
    if array.dtype.kind not in "buif":
        raise ValueError(f"{name} is an array of {array.dtype}; cells are numbers or booleans")
    if array.ndim != 4:
        raise ValueError(f"{name} has shape (N, states, H, W); got shape {array.shape}")
    return array


def _check_shapes(h: NDArray[Any], s: NDArray[Any]) -> None:
    if len(h) != len(s):
        raise ValueError(f"imagined holds {len(h)} sequences, but truth {len(s)}")
    if h.shape[2:] != s.shape[2:]:
        raise ValueError(
            f"imagined boards have shape {h.shape[2:]}, but true ones {s.shape[2:]}; whole shapes: {h.shape}, {s.shape}"
        )
    if 0 in h.shape[2:]:
        raise ValueError(f"boards of {h.shape[2]} x {h.shape[3]} cells have nothing to compare")


def _check_width(width: int) -> int:
    try:
        number = operator.index(width)
    except TypeError:
        raise ValueError(f"width is a whole number of cells; got {width!r}") from None
    if number < 1:
        raise ValueError(f"width is {number}; it must be 1 or more")
    return number


def _flat(boards: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int]]:
    """(N, k, H, W) as one read-only run of memory with the strides, in elements, of its first two axes.

    Copies only if a board does not lie in one piece.
    """
    size, strides = boards.itemsize, boards.strides[:2]
    whole = boards.size == 0 or boards[0, 0].flags.c_contiguous
    if not (
        whole and boards.flags.aligned and boards.dtype.isnative and all(s >= 0 and s % size == 0 for s in strides)
    ):
        boards = np.ascontiguousarray(boards, dtype=boards.dtype.newbyteorder("="))
    sequence, board = (stride // size for stride in boards.strides[:2])
    count, k, height, width = boards.shape
    extent = (count - 1) * sequence + (k - 1) * board + height * width if boards.size else 0
    return as_strided(boards, (extent,), (size,), writeable=False), (sequence, board)


def _smallest(sequence_bytes: int) -> int:
    return max(1, _SPAN_BYTES // max(1, sequence_bytes))
