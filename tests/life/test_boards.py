import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from golfast.life import pack, packed_width, unpack
from golfast.life.boards import MAX_SIDE, check_cells, check_size

boards = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=20), elements=st.integers(0, 1)
)


@given(boards)
@settings(deadline=None)
def test_packing_is_packbits_along_the_row(cells):
    packed = pack(cells)
    assert packed.dtype == np.uint8
    assert packed.shape == (*cells.shape[:-1], packed_width(cells.shape[-1]))
    np.testing.assert_array_equal(packed, np.packbits(cells, axis=-1, bitorder="big"))


@given(boards)
@settings(deadline=None)
def test_what_is_packed_is_unpacked(cells):
    again = unpack(pack(cells), cells.shape[-1])
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, cells)


def test_the_first_cell_is_the_highest_bit():
    assert pack([[1, 0, 0, 0, 0, 0, 0, 0, 0, 1]]).tolist() == [[0b10000000, 0b01000000]]


@pytest.mark.parametrize(("width", "row_bytes"), [(1, 1), (7, 1), (8, 1), (9, 2), (64, 8), (65, 9)])
def test_packed_width(width, row_bytes):
    assert packed_width(width) == row_bytes


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16, np.float16, np.float64])
def test_any_numeric_type_of_zeros_and_ones_is_taken(dtype):
    cells = check_cells(np.array([[0, 1], [1, 1]], dtype))
    assert cells.dtype == np.uint8
    assert cells.tolist() == [[0, 1], [1, 1]]


def test_cells_come_out_contiguous_and_right_whatever_the_strides():
    cells = np.arange(24).reshape(2, 3, 4) % 3 % 2
    view = cells.transpose(2, 1, 0)[::-1]
    assert check_cells(view).flags.c_contiguous
    np.testing.assert_array_equal(check_cells(view), view)


@pytest.mark.parametrize("cells", [[[2]], [[-1]], [[0.5]], [[float("nan")]], [["1"]], [[1j]], [[1 + 0j]], [[None]]])
def test_other_values_are_refused(cells):
    with pytest.raises(ValueError, match="cells are 0 or 1; got other values in an array of"):
        check_cells(cells)


@pytest.mark.parametrize("cells", [1, [0, 1]])
def test_less_than_a_board_is_refused(cells):
    with pytest.raises(ValueError, match=r"boards have shape \(\.\.\., height, width\); got shape"):
        check_cells(cells)


@pytest.mark.parametrize(
    ("height", "width", "message"),
    [
        (0, 5, "board height 0 is impossible"),
        (5, 0, "board width 0 is impossible"),
        (-1, 5, "board height -1 is impossible"),
        (5, MAX_SIDE + 1, f"board width {MAX_SIDE + 1} is impossible: it must be from 1 to {MAX_SIDE}"),
    ],
)
def test_impossible_sizes_are_refused(height, width, message):
    with pytest.raises(ValueError, match=message):
        check_size(height, width)


def test_empty_boards_are_refused():
    with pytest.raises(ValueError, match="board width 0 is impossible"):
        pack(np.zeros((3, 0), np.uint8))


@pytest.mark.parametrize(
    ("packed", "width"),
    [
        (np.zeros((2, 2), np.uint8), 17),
        (np.zeros((2, 2), np.uint8), 8),
        (np.zeros((2, 2), np.int64), 16),
        (np.zeros((), np.uint8), 1),
        (np.zeros((2, 0), np.uint8), 0),
        (np.zeros((2, 0), np.uint8), -1),
    ],
)
def test_packed_rows_of_another_width_are_refused(packed, width):
    with pytest.raises(ValueError, match=rf"packed rows of {width} cells"):
        unpack(packed, width)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 140), st.integers(0, 2**32))
@settings(deadline=None)
def test_packing_is_numpys_at_any_width(count, height, width, seed):
    cells = np.random.default_rng(seed).integers(0, 2, (count, height, width), np.uint8)
    packed = np.packbits(cells, axis=-1)
    np.testing.assert_array_equal(pack(cells), packed)
    np.testing.assert_array_equal(pack(cells.astype(bool)), packed)
    np.testing.assert_array_equal(unpack(packed, width), cells)
    np.testing.assert_array_equal(pack(cells[:, ::-1]), packed[:, ::-1])
    wrong = cells.copy()
    wrong[-1, -1, np.random.default_rng(seed).integers(width)] = 2
    with pytest.raises(ValueError, match="cells are 0 or 1"):
        pack(wrong)


def test_packing_many_rows_on_many_threads(monkeypatch):
    monkeypatch.setenv("GOLFAST_THREADS", "3")
    cells = np.random.default_rng(0).integers(0, 2, (10_000, 20, 11), np.uint8)
    np.testing.assert_array_equal(pack(cells), np.packbits(cells, axis=-1))
    np.testing.assert_array_equal(unpack(pack(cells), 11), cells)


@pytest.mark.parametrize(
    "tensor", [torch.zeros(2, 5, 5, requires_grad=True), torch.zeros(2, 5, 5, dtype=torch.bfloat16)]
)
def test_a_tensor_that_numpy_cannot_read_is_refused_in_our_words(tensor):
    with pytest.raises(ValueError, match="boards are an array of numbers; NumPy can make none of this Tensor: "):
        pack(tensor)
