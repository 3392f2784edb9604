import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.life import PATTERNS, Rule, apgcode, census, find_pattern, objects, parse_apgcode, parse_pattern, simulate
from golfast.life.apgcode import NO_OBJECT
from golfast.life.boards import MAX_SIDE
from golfast.life.patterns.wechsler import format_wechsler
from golfast.life.reference import step

LIFE = Rule.parse("B3/S23")
PULSAR = "xp3_co9nas0san9oczgoldlo0oldlogz1047210127401"

# As Catagolue lists them, and drawn from other sources than their codes.
PICTURES = {
    "xs4_33": "OO\nOO",
    "xp2_7": "OOO",
    "xs6_696": ".OO.\nO..O\n.OO.",
    "xs7_2596": ".OO.\nO..O\n.O.O\n..O.",
    "xs5_253": "OO.\nO.O\n.O.",
    "xs4_252": ".O.\nO.O\n.O.",
    "xs8_6996": ".OO.\nO..O\nO..O\n.OO.",
    "xs6_356": "OO.\nO.O\n.OO",
    "xs7_25ac": ".O..\nO.O.\n.O.O\n..OO",
    "xs7_178c": "OO..\nO.O.\n..O.\n..OO",
    "xs6_bd": "OO\nO.\n.O\nOO",
    "xp2_7e": ".OOO\nOOO.",
    "xp2_318c": "OO..\nO...\n...O\n..OO",
    "xp15_4r4z4r4": "OOOOOOOOOO",
    "xq4_153": ".O.\n..O\nOOO",
    "xq4_6frc": ".O..O\nO....\nO...O\nOOOO.",
    "xq4_27dee6": "..O...\nO...O.\n.....O\nO....O\n.OOOOO",
    "xq4_27deee6": "..OO...\nO....O.\n......O\nO.....O\n.OOOOOO",
    PULSAR: PATTERNS["pulsar"],
}
# Larger ones, with every letter of the format: read, run and written again they must be themselves.
CODES = [
    *PICTURES,
    "xs28_g88m952g8gz1218kid221",
    "xp2_0g0k053z32",
    "xp2_318czw35t1eozy111",
    "xp3_0gs46364sgz13e8ogo8e31zy11",
    "xp3_y43p606p3zo80gg8ka52x25ak8gg08ozol588g8gy3g8g885lozy2125qxq521zy46430346",
    "xp4_y1g8bb8gzcc0u1y21u0cczy0124kk421zy311",
    "xp5_3pmwmp3zx11",
    "xp6_ccb7w66z066",
    "xp8_gk2gb3z11",
    "xp14_j9d0d9j",
]


def turned(cells, way):
    """One of the eight orientations."""
    cells = np.rot90(cells, way % 4)
    return cells.T if way >= 4 else cells


@pytest.mark.parametrize(("code", "picture"), PICTURES.items())
def test_common_objects_have_their_names(code, picture):
    cells = parse_pattern(picture).cells
    if code == "xp15_4r4z4r4":  # a row of ten is on its way to the pentadecathlon
        board = np.pad(cells, 15)
        for _ in range(12):
            board = step(board, LIFE, "dead")
        cells = board
    assert apgcode(cells) == code


@pytest.mark.parametrize("code", CODES)
def test_codes_are_canonical(code):
    assert apgcode(parse_apgcode(code).cells) == code


@given(st.data())
@settings(deadline=None, max_examples=80)
def test_the_name_is_that_of_every_phase_orientation_and_place(data):
    code = data.draw(st.sampled_from(CODES))
    cells = np.pad(turned(parse_apgcode(code).cells, data.draw(st.integers(0, 7))), 12)
    for _ in range(data.draw(st.integers(0, 14))):
        cells = step(cells, LIFE, "dead")
    margins = data.draw(st.tuples(*[st.tuples(st.integers(0, 9), st.integers(0, 9))] * 2))
    assert apgcode(np.pad(cells, margins)) == code


def test_no_cells_have_a_name_too():
    assert apgcode(np.zeros((3, 4))) == "xs0_0"
    assert parse_apgcode("xs0_0").cells.tolist() == [[0]]


def test_the_rule_matters():
    replicator = parse_pattern("..OOO\n.O..O\nO...O\nO..O.\nOOO..").cells
    with pytest.raises(ValueError, match="the pattern grows without coming back to itself"):
        apgcode(replicator, rule="highlife")
    assert apgcode([[1, 1], [1, 1]], rule="highlife") == "xs4_33"
    assert apgcode([[1]], rule="B3/S023") == "xs1_1"
    with pytest.raises(ValueError, match="max_period is a whole number; got 'x'"):
        apgcode([[1]], max_period="x")
    with pytest.raises(ValueError, match="the pattern dies out"):
        apgcode([[1, 1], [1, 1]], rule="2x2")


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ("O", "the pattern dies out"),
        (PATTERNS["r-pentomino"], "does not come back to itself within 1000 generations|grows without coming back"),
        (PATTERNS["gosper-gun"], "does not come back to itself within 1000 generations|grows without coming back"),
        ("OOOO", "does not come back to itself within 1000 generations"),
        ("OO...OO\nOO...OO", "the pattern is 2 objects that never come near one another; an apgcode names one"),
    ],
)
def test_what_is_no_object_is_refused_in_a_sentence(picture, message):
    with pytest.raises(ValueError, match=message):
        apgcode(parse_pattern(picture).cells)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"one board has shape \(height, width\); got shape \(2, 3, 3\)"):
        apgcode(np.zeros((2, 3, 3)))
    with pytest.raises(ValueError, match="cells are 0 or 1"):
        apgcode([[2]])
    with pytest.raises(ValueError, match="there are no objects under B03/S23: with B0 an empty plane does not stay"):
        census([[1]], rule="B03/S23")
    with pytest.raises(ValueError, match="boundary 'plane' is neither"):
        objects([[1]], boundary="plane")
    with pytest.raises(ValueError, match="within 14 generations"):
        apgcode(parse_apgcode("xp15_4r4z4r4").cells, max_period=14)


# ---- the text


@st.composite
def trimmed(draw):
    height, width = draw(st.integers(1, 23)), draw(st.integers(1, 200))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    cells = (random.random((height, width)) < draw(st.sampled_from([0.0, 0.01, 0.1, 0.5]))).astype(np.uint8)
    cells[0, draw(st.integers(0, width - 1))] = cells[-1, draw(st.integers(0, width - 1))] = 1
    cells[draw(st.integers(0, height - 1)), 0] = cells[draw(st.integers(0, height - 1)), -1] = 1
    return cells


@given(trimmed())
@settings(deadline=None)
def test_cells_come_back_from_the_wechsler_format(cells):
    np.testing.assert_array_equal(parse_apgcode(f"xp2_{format_wechsler(cells)}").cells, cells)


@pytest.mark.parametrize(
    ("gap", "text"),
    [(0, ""), (1, "0"), (2, "w"), (3, "x"), (4, "y0"), (39, "yz"), (40, "yz0"), (78, "yzyz"), (82, "yzyy0")],
)
def test_empty_columns_are_counted(gap, text):
    cells = np.zeros((5, gap + 2), np.uint8)
    cells[:, [0, -1]] = 1
    if gap != 82:
        assert format_wechsler(cells) == f"v{text}v"
    np.testing.assert_array_equal(parse_apgcode(f"xs10_v{format_wechsler(cells)[1:-1]}v").cells, cells)


@pytest.mark.parametrize(
    "text", ["xq4_153", "XQ4_153", " xq4_153\n", "xq4_0153", "xq4_w153w", "xq4_1530z0z", "xs99_153"]
)
def test_a_glider_is_a_glider_however_it_is_written(text):
    cells = parse_apgcode(text).cells
    assert cells.dtype == np.uint8
    assert cells.tolist() == [[1, 1, 1], [0, 0, 1], [0, 1, 0]]
    np.testing.assert_array_equal(parse_pattern(text).cells, cells)


def test_objects_are_found_by_name():
    pattern = find_pattern("xq4_153")
    assert pattern.name == "xq4_153"
    assert pattern.rule is None
    assert apgcode(pattern.cells) == "xq4_153"
    assert apgcode(find_pattern("glider").cells) == "xq4_153"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not an apgcode"),
        ("153", "'153' is not an apgcode that spells its cells, such as xq4_153"),
        ("xq4_", "is not an apgcode"),
        ("xq4_15 3", "is not an apgcode"),
        ("xq_153", "is not an apgcode"),
        ("xq٤_153", "is not an apgcode"),
        ("yl144_1_16_afb5f3db909e60548f086e22ee3353ac", "is not an apgcode"),
        ("ov_p46", "is not an apgcode"),
        (NO_OBJECT, "is not an apgcode"),
        ("xq4_" + "!" * 10_000, "is not an apgcode"),
        ("xs4_33y", "the apgcode 'xs4_33y' is cut off: it ends in y"),
        ("xs2_1" + "yz" * 30_000 + "1", f"the pattern is larger than {MAX_SIDE} cells a side"),
        ("xs2_1" + "z" * 300_000 + "1", f"the pattern is larger than {MAX_SIDE} cells a side"),
        ("xs2_1" + "z" * 20_000 + "yz" * 20_000 + "1", "cells is too large"),
    ],
)
def test_what_is_no_code_of_cells_is_refused_in_a_sentence(text, message):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as error:
            parse_apgcode(text)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()
    assert len(str(error.value)) < 200


@given(st.text() | st.text("0123456789abcvwxyz_").map(lambda text: f"xs4_{text}"))
@settings(deadline=None, max_examples=300)
def test_whatever_the_text_only_a_value_error_comes_out(text):
    try:
        pattern = parse_apgcode(text)
    except ValueError as error:
        assert len(str(error)) < 300  # noqa: PT017 - it need not fail
        return
    assert pattern.cells.max(initial=0) <= 1
    if pattern.cells.any() and pattern.cells.size < 100_000:
        again = parse_apgcode(f"xs1_{format_wechsler(pattern.cells)}")
        np.testing.assert_array_equal(again.cells, pattern.cells)


# ---- settled boards


def board_of(size, *placed):
    board = np.zeros(size, np.uint8)
    for code, row, column in placed:
        cells = parse_apgcode(code).cells
        board[row : row + cells.shape[0], column : column + cells.shape[1]] |= cells
    return board


def test_a_board_is_taken_apart():
    board = board_of((30, 40), ("xs4_33", 2, 2), ("xp2_7", 10, 3), ("xs4_33", 2, 7), (PULSAR, 14, 14))
    assert census(board) == {"xs4_33": 2, "xp2_7": 1, PULSAR: 1}
    found = objects(board)
    assert [cells.shape for cells in found][:2] == [(2, 2), (2, 2)]
    assert sum(int(cells.sum()) for cells in found) == board.sum()


def test_an_empty_board_holds_nothing():
    assert objects(np.zeros((5, 5))) == []
    assert census(np.zeros((5, 5))) == {}


def test_boards_are_counted_together():
    one, other = board_of((9, 9), ("xs4_33", 1, 1)), board_of((9, 9), ("xs4_33", 1, 1), ("xs4_252", 5, 5))
    assert census([[one, other], [other, one]]) == {"xs4_33": 4, "xs4_252": 2}


def test_blinkers_that_miss_each_other_are_two():
    # In the same phase their arms would come within two cells of each other; so they never do.
    board = np.zeros((9, 11), np.uint8)
    board[4, 2:5] = 1
    board[3:6, 7] = 1
    assert census(board) == {"xp2_7": 2}


def test_parts_that_meet_in_another_phase_are_one():
    beacon = parse_pattern("OO..\nOO..\n..OO\n..OO").cells
    assert len(objects(np.pad(beacon, 2))) == 1
    pulsar = step(np.pad(find_pattern("pulsar").cells, 2), LIFE, "dead")
    assert len(objects(pulsar)) == 1


@pytest.mark.parametrize(
    ("picture", "names"),
    [
        ("OO.OO\nOO.OO", {"xs4_33": 2}),  # the bi-block
        (
            "....O....\n....O....\n....O....\n.........\nOOO...OOO\n.........\n....O....\n....O....\n....O....",
            {"xp2_7": 4},
        ),
        ("OO\nO.\n.O\nOO", {"xs6_bd": 1}),  # neither half of the aircraft carrier would stay
        ("OO....OO\nO.O..O.O\n.O....O.", {"xs5_253": 2}),
    ],
)
def test_what_only_lies_close_is_taken_apart(picture, names):
    board = np.pad(parse_pattern(picture).cells, 2)
    for _ in range(2):  # in either phase
        assert census(board) == names
        board = step(board, LIFE, "dead")


def test_a_pseudo_object_has_a_name():
    assert apgcode(parse_pattern("OO.OO\nOO.OO").cells) == "xs8_rr"


def test_objects_lie_across_the_edges_of_a_torus():
    board = np.roll(board_of((16, 16), ("xs4_33", 0, 0), ("xs6_696", 6, 6)), (-1, -8), axis=(0, 1))
    assert board[:, [0, -1]].any(axis=0).all()
    assert board[[0, -1]].any(axis=1).all()
    assert census(board, boundary="torus") == {"xs4_33": 1, "xs6_696": 1}
    assert sorted(cells.sum() for cells in objects(board, boundary="torus")) == [4, 6]


@pytest.mark.parametrize("shift", [(0, 0), (10, 10), (5, 11)])
def test_gliders_go_round_a_torus(shift):
    board = np.roll(board_of((12, 12), ("xq4_153", 0, 0)), shift, axis=(0, 1))
    assert census(board, boundary="torus") == {"xq4_153": 1}


@pytest.mark.parametrize(
    ("picture", "boundary"),
    [
        ("OOOO\nO..O\n....", "dead"),  # a still life, because nothing can be born above it
        ("OO.O.\nO.OO.\n.....\n.....", "torus"),  # a snake that feels its own tail
        ("OO..\nOO..\n....", "torus"),  # a block that feels itself from above and below
    ],
)
def test_what_only_the_border_makes_an_object_has_no_name(picture, boundary):
    assert census(parse_pattern(picture).cells, boundary=boundary) == {NO_OBJECT: 1}


def test_the_ash_of_the_r_pentomino():
    """It is known to leave 8 blocks, 4 beehives, 4 blinkers, a boat, a loaf, a ship and 6 gliders, which are gone."""
    board = find_pattern("r-pentomino").place(760, 760)
    last = simulate(board[None], 1400, keep="last")[0]
    assert census(last[280:480, 280:480]) == {
        "xs4_33": 8,
        "xs6_696": 4,
        "xp2_7": 4,
        "xs5_253": 1,
        "xs7_2596": 1,
        "xs6_356": 1,
    }


def test_a_board_that_has_not_settled_is_refused():
    with pytest.raises(ValueError, match="the board has not settled: it does not return within 100 generations"):
        census(find_pattern("r-pentomino").place(30, 30), max_period=100)


@given(st.integers(0, 2**32), st.integers(3, 14), st.integers(3, 14), st.sampled_from(["dead", "torus"]))
@settings(deadline=None, max_examples=40)
def test_objects_live_as_if_they_were_alone(seed, height, width, boundary):
    board = np.random.default_rng(seed).integers(0, 2, (height, width), np.uint8)
    for _ in range(150):
        board = step(board, LIFE, boundary)
    try:
        found = objects(board, boundary=boundary, max_period=60)
    except ValueError:
        return
    assert sum(int(cells.sum()) for cells in found) == board.sum()
    names = census(board, boundary=boundary, max_period=60)
    assert names.total() == len(found)
    for code in names:
        assert code == NO_OBJECT or apgcode(parse_apgcode(code).cells) == code
    # The world does not change when it is mirrored, and the census does not either.
    assert census(board[::-1].T, boundary=boundary, max_period=60) == names
