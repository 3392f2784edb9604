"""Life 1.05, Life 1.06 and Macrocell; RLE and plaintext are in test_patterns.py, apgcodes in test_apgcode.py."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.life import (
    PATTERNS,
    Pattern,
    Rule,
    find_pattern,
    format_life105,
    format_life106,
    format_macrocell,
    format_plaintext,
    format_rle,
    parse_pattern,
    read_pattern,
)
from golfast.life.boards import MAX_SIDE
from golfast.life.patterns import Grid

GLIDER = [[0, 1, 0], [0, 0, 1], [1, 1, 1]]
WRITERS = [format_life105, format_life106, format_macrocell]


@st.composite
def boards(draw):
    """Cells with margins of every kind, some of them larger than a leaf or a line."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 170))
    if draw(st.booleans()):
        height, width = width, height
    density = draw(st.sampled_from([0.0, 0.001, 0.03, 0.5, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    cells = (random.random((height, width)) < density).astype(np.uint8)
    cells[draw(st.integers(0, height)) :] = 0
    cells[:, : draw(st.integers(0, width))] &= draw(st.integers(0, 1))
    return cells


# ---- writing


def test_life105_of_the_glider():
    assert format_life105(GLIDER) == "#Life 1.05\n#P -1 -1\n.*.\n..*\n***\n"


def test_life106_of_the_glider():
    assert format_life106(GLIDER) == "#Life 1.06\n1 0\n2 1\n0 2\n1 2\n2 2\n"


def test_macrocell_of_the_glider():
    # Centred on the origin it lies over three of four leaves.
    assert format_macrocell(find_pattern("glider")).splitlines() == [
        "[M2] (golfast)",
        "#R B3/S23",
        "#N Glider",
        "#C Board: x = 3, y = 3",
        "#C Author: Richard K. Guy",
        "$$$$$$$*$",
        "$.......*$",
        ".*$**$",
        "4 0 1 2 3",
    ]


def test_only_what_the_cells_do_not_show_is_remarked():
    assert "#D" not in format_life106([[0, 1], [1, 0]])
    assert format_life106([[0, 1], [0, 0]]) == "#Life 1.06\n#D Board: x = 2, y = 2\n1 0\n"
    assert format_life106([[0, 0]]) == "#Life 1.06\n#D Board: x = 2, y = 1\n"


def test_wide_boards_are_written_in_blocks():
    text = format_life105(np.ones((2, 100)))
    assert text == "#Life 1.05\n#P -50 -1\n" + ("*" * 80 + "\n") * 2 + "#P 30 -1\n" + ("*" * 20 + "\n") * 2


def test_equal_squares_are_one_node():
    leaf, *nodes = format_macrocell(np.ones((1 << 10, 1 << 10))).splitlines()[2:]
    assert leaf == "********$" * 8
    assert nodes == [f"{level} {level - 3} {level - 3} {level - 3} {level - 3}" for level in range(4, 11)]


def test_a_board_without_live_cells_is_a_board():
    assert format_macrocell(np.zeros((40, 3))).splitlines()[1:] == ["#C Board: x = 3, y = 40", "6 0 0 0 0"]


def test_long_thin_boards_are_no_larger_in_memory_than_they_look():
    cells = np.zeros((2, 1 << 17), np.uint8)  # as a square it would be 16 GiB
    cells[0, ::1000] = 1
    for turned in (cells, cells.T):
        tracemalloc.start()
        try:
            text = format_macrocell(turned)
            np.testing.assert_array_equal(parse_pattern(text).cells, turned)
            assert tracemalloc.get_traced_memory()[1] < 64 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("write", WRITERS)
@given(cells=boards())
@settings(deadline=None, max_examples=60)
def test_cells_come_back(write, cells):
    text = write(cells)
    assert max(map(len, text.splitlines())) <= 80
    again = parse_pattern(text).cells
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, cells)


@pytest.mark.parametrize("write", [format_life105, format_macrocell])
@pytest.mark.parametrize("rule", ["B3/S23", "B36/S125", "B2/S", "B/S012345678", None])
def test_name_comments_and_rule_come_back(write, rule):
    rule = rule and Rule.parse(rule)
    name = "a name too long for a line " * 4 + "end"
    again = parse_pattern(write(Pattern(np.array(GLIDER), name=name, rule=rule, comments=("One.", "Author: Two"))))
    assert (again.name, again.rule, again.comments) == (name, rule, ("One.", "Author: Two"))


def test_the_rule_is_written_as_the_format_has_it():
    assert "\n#N\n" in format_life105(Pattern(np.array(GLIDER), rule=Rule.parse("B3/S23")))
    assert "\n#R 125/36\n" in format_life105(Pattern(np.array(GLIDER), rule=Rule.parse("B36/S125")))
    assert "\n#R B36/S125\n" in format_macrocell(Pattern(np.array(GLIDER), rule=Rule.parse("B36/S125")))


@pytest.mark.parametrize("write", WRITERS)
@given(st.text(max_size=150), st.lists(st.text(max_size=150) | st.just("Board: x = 9, y = 9"), max_size=3))
@settings(deadline=None, max_examples=50)
def test_no_name_or_comment_can_break_a_file(write, name, comments):
    text = write(Pattern(np.array(GLIDER), name=name, comments=tuple(comments)))
    assert max(map(len, text.splitlines())) <= 80
    assert parse_pattern(text).cells.tolist() == GLIDER


# ---- reading

SAME_GLIDER = {
    "1.05": "#Life 1.05\n#D A glider.\n#N\n#P -1 -1\n.*.\n..*\n***\n",
    "1.05, no block": "#Life 1.05\n.*.\n..*\n***",
    "1.05, dead ends left out": "#Life 1.05\n#P 0 0\n.*\n..*\n***",
    "1.05, two blocks": "#Life 1.05\n#P 1 -1\n*\n.*\n#P 0 1\n***",
    "1.05, blocks that overlap": "#Life 1.05\n#P 4 5\n.*.\n..*\n#P 4 6\n..*\n***",
    "1.05, blocks in any order": "#Life 1.05\n#P 0 2\n***\n#P 2 1\n*\n#P 1 0\n*",
    "1.05, blank lines": "\n#Life 1.05\n\n#P 0 0\n\n.*.\n\n..*\n***\n\n",
    "1.05, indented": "  #Life 1.05\n  #P  0   0\n  .*.\n\t..*\n  ***  ",
    "1.05, CRLF": "#Life 1.05\r\n#P 0 0\r\n.*.\r\n..*\r\n***\r\n",
    "1.05, CR": "#Life 1.05\r#P 0 0\r.*.\r..*\r***\r",
    "1.05, byte order mark": "\ufeff#Life 1.05\n.*.\n..*\n***",
    "1.05, other letters": "#LIFE 1.05\n#p 0 0\n.O.\n..o\n***",
    "1.05, other remarks": "#Life 1.05\n#C c\n#O me\n#Z\n#\n#U http\n.*.\n..*\n***",
    "1.05, other version": "#Life 1.04\n.*.\n..*\n***",
    "1.05, signs and commas": "#Life 1.05\n#P +3, -4\n.*.\n..*\n***",
    "1.05 without its header": "#D A glider.\n#P 0 0\n.*.\n..*\n***",
    "picture below remarks": "# a glider\n\n.O.\n..O\nOOO\n",
    "1.06": "#Life 1.06\n0 -1\n1 0\n-1 1\n0 1\n1 1\n",
    "1.06, elsewhere and in any order": "#Life 1.06\n2 2\n0 2\n1 0\n1 2\n2 1\n",
    "1.06, far away": "#Life 1.06\n1000000001 -7\n1000000002 -6\n1000000000 -5\n1000000001 -5\n1000000002 -5\n",
    "1.06, twice": "#Life 1.06\n0 -1\n1 0\n-1 1\n0 1\n1 1\n1 1\n0 -1",
    "1.06, remarks and white space": "#Life 1.06\n#D remark\n\n0\t-1\n 1   0 \n-1 1\r\n0,1\n+1 , 1",
    "1.06 under the other header": "#Life 1.05\n0 -1\n1 0\n-1 1\n0 1\n1 1\n",
    "1.05 under the other header": "#Life 1.06\n.*.\n..*\n***",
    "Macrocell": "[M2] (golly 2.0)\n#R B3/S23\n.*$..*$***$\n",
    "Macrocell, inside a tree": "[M2]\n#R B3/S23\n#G 4\n$$$...*$....*$..***$\n4 0 0 1 0\n5 0 2 0 0\n",
    "Macrocell, across leaves": "[M2]\n$$$$$$$*$\n$.......*$\n.*$**$\n4 0 1 2 3",
    "Macrocell, dead cells written": "[M2]\n.*......$..*.....$***.....$........$$$$$\n",
    "Macrocell, CRLF and blank lines": "\r\n [m2] (golly)\r\n\r\n#C c\r\n.*$..*$***$\r\n\r\n4  0 1 0  0\r\n",
    "Macrocell, down to the cell": "[M2]\n1 0 1 0 0\n1 0 0 1 0\n1 1 1 0 0\n1 1 0 0 0\n2 1 2 3 4\n3 0 0 0 5\n4 6 0 0 0",
    "Macrocell, small root": "[M2]\n1 0 1 0 0\n1 0 0 1 0\n1 1 1 0 0\n1 1 0 0 0\n2 1 2 3 4",
    "1.05, no numbers": "#Life 1.05\n#P\n.*.\n..*\n***\n",
    "1.05, no numbers, two blocks": "#Life 1.05\n#P\n.*.\n#P 0 1\n..*\n***\n",
    "1.05, a title": "The glider!\n\n#Life 1.05\n#P 0 0\n.*.\n..*\n***\n",
    "1.05, form feeds in remarks": "#Life 1.05\n#D by\x0c*** me\u2028.*\n#P 0 0\n.*.\n..*\n***\n",
    "1.05, an old end": "#Life 1.05\r\n.*.\r\n..*\r\n***\r\n\x1a",
    "Macrocell, a title": "Code: Select all\n[M2] (golly)\n#R B3/S23\n.*$..*$***$\n",
    "MCell": "#MCell 4.00\n#GAME Life\n#RULE 23/3\n#BOARD 20x20\n#SPEED 50\n#WRAP 1\n#D A glider\n#L .A$..A$3A\n",
    "MCell, lines": "#mcell 4.20\r\n#Game Standard Life\r\n#L .A$.\r\n#L .A$\r\n#L 3A\r\n",
    "Macrocell, frames": "[M2]\n#FRAMES 1 0 2^3\n***$\n#FRAME 0 1\n.*$..*$***$\n",
}


@pytest.mark.parametrize("text", SAME_GLIDER.values(), ids=SAME_GLIDER.keys())
def test_a_glider_is_a_glider_however_it_is_written(text):
    assert parse_pattern(text).cells.tolist() == GLIDER


def test_dead_cells_of_life105_are_part_of_the_board():
    assert parse_pattern("#Life 1.05\n#P -2 -1\n....\n.*..\n#P 3 1\n.\n").cells.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_cells_beyond_the_remarked_board_make_it_larger():
    assert parse_pattern("#Life 1.06\n#D Board: x = 2, y = 2\n-1 0\n3 1\n").cells.tolist() == [
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 1],
    ]
    cells = parse_pattern("[M2]\n#C Board: x = 2, y = 2\n*$\n4 0 0 0 1\n").cells
    assert cells.tolist() == [[0, 0], [0, 1]]
    assert parse_pattern("[M2]\n#C Board: x = 2, y = 2\n*$\n4 1 0 0 0\n").cells.shape == (9, 9)


def test_a_tree_keeps_its_board_when_another_program_puts_it_in_a_larger_one():
    cells = np.zeros((20, 30), np.uint8)
    cells[3:5, 4:6] = 1
    text = format_macrocell(cells)  # all of it in the north-west of 32 × 32 cells: 4 × 4 leaves
    count = sum(not line.startswith(("#", "[")) for line in text.splitlines())
    nodes = text + f"5 0 0 0 {count - 1}\n6 {count + 1} 0 0 0\n"
    np.testing.assert_array_equal(parse_pattern(text).cells, cells)
    assert text.splitlines()[-1] == f"5 {count - 1} 0 0 0"
    np.testing.assert_array_equal(parse_pattern(nodes).cells, cells)


def test_the_rule_is_read():
    assert parse_pattern("#Life 1.05\n#N\n*").rule == Rule.parse("B3/S23")
    assert parse_pattern("#Life 1.05\n#R 125/36\n*").rule == Rule.parse("B36/S125")
    assert parse_pattern("#Life 1.06\n#R B36/S23\n0 0").rule == Rule.parse("B36/S23")
    assert parse_pattern("#Life 1.05\n#R\n*").rule is None
    assert parse_pattern("[M2] (golly)\n#R B36/S23:T100,100\n*$").rule == Rule.parse("B36/S23")
    assert parse_pattern("[M2] (golly)\n*$").rule is None


def test_the_board_of_a_rule_is_kept():
    assert parse_pattern("[M2] (golly)\n#R B36/S23:T100,90\n*$").grid == Grid("torus", 90, 100)
    assert parse_pattern("#Life 1.05\n#R 23/36:T9\n*").grid == Grid("torus", 9, 9)
    glider = "#MCell 4.00\n#GAME Life\n#RULE 23/36\n#BOARD 21x20\n{}#L $..A$...A$.3A\n"
    assert parse_pattern(glider.format("")).grid is None
    assert parse_pattern(glider.format("#WRAP 0\n")).grid == Grid("dead", 20, 21, 8, 8)  # the live cells in the middle
    assert parse_pattern(glider.format("#WRAP 1\n")).grid == Grid("torus", 20, 21, 8, 8)
    for write in (format_life105, format_macrocell):
        torus = Pattern(np.array(GLIDER), rule=Rule.parse("B36/S23"), grid=Grid("torus", 9, 8))
        assert parse_pattern(write(torus)).grid == torus.grid
        assert parse_pattern(write(replace(torus, grid=Grid("dead", 9, 8)))).grid is None


def test_remarks_are_kept():
    pattern = parse_pattern("#Life 1.05\n#D Name: Glider\n#D  One. \n#D\n#O Guy\n.*.\n..*\n***")
    assert (pattern.name, pattern.comments) == ("Glider", ("One.", "Author: Guy"))
    pattern = parse_pattern("[M2]\n#C One.\n#C\n#CXRLE Pos=0,0\n#G 12\n#FRAMES 1 0 2^3\n*$")
    assert (pattern.name, pattern.comments) == ("", ("One.",))


def test_files_of_all_endings_are_read(tmp_path):
    for name, write in (("a.lif", format_life105), ("a.life", format_life106), ("a.mc", format_macrocell)):
        (tmp_path / name).write_text(write(GLIDER))
        pattern = read_pattern(tmp_path / name)
        assert pattern.cells.tolist() == GLIDER
        assert pattern.name == "a"


NO_PART = r"is not part of a Life 1\.05 or 1\.06 pattern"
EMPTY = "the text holds no pattern"
TWO_STATES = r"more than two states \(it has 2\); here a cell is dead or alive"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#Life 1.05", EMPTY),
        (
            "#Life 1.05\n#I other.lif 5 5\n#P 0 0\n*\n",
            "'#I other.lif 5 5' is of XLife's formats and may change the cells",
        ),
        ("#Life 1.05\n#B gun\n*\n#E\n", "'#B gun' is of XLife's formats"),
        ("#Life 1.06\n#A 5 5\n0 0\n", "'#A 5 5' is of XLife's formats"),
        ("#Life 1.06\n#D nothing", EMPTY),
        ("#Life 1.05\n#P 0 0\n.*C\n", f"'.\\*C' {NO_PART}"),
        ("#Life 1.05\n#P 0 0\n.* *\n", NO_PART),
        ("#Life 1.05\n#P zero 0\n*\n", "'#P zero 0' does not say where its block lies: #P takes two numbers, such as"),
        ("#Life 1.05\n#P 1\n*\n", "'#P 1' does not say where its block lies"),
        ("#Life 1.05\n#P 0 0\n*\n#P\n*\n", "a #P after the first block says not where its block lies"),
        ("#Life 1.05\n#P\n#P\n*\n", "a #P after the first block says not where its block lies"),
        (
            "#Life 1.05\n#R 23/3:P20,20\n*\n",
            "has the bounded grid :P20,20, and where on this plane the pattern lies is",
        ),
        ("[M2]\n#R B3/S23:P20,20\n*$\n", "has the bounded grid :P20,20, and where on this plane the pattern lies is"),
        (
            "#MCell 4.00\n#GAME Generations\n#RULE 23/3/4\n#L A\n",
            "of MCell's game 'Generations'; golfast runs its game Life",
        ),
        ("#MCell 4.00\n#GAME Life\n#RULE 23/3/4\n#L A\n", "the pattern's rule '23/3/4' is not Life-like"),
        ("#MCell 4.00\n#RULE 1,0,1,1\n#L A\n", "the pattern's rule '1' is not Life-like"),
        ("#MCell 4.00\n#RULE 23/3 and more\n#L A\n", "'23/3 and more' is not one of MCell's game Life, such as 23/3"),
        ("#MCell 4.00\n#L .AB\n", r"more than two states \(it has 'B'\)"),
        ("#MCell 4.00\n#L .aA\n", "'a' is not part of a pattern"),
        ("#MCell 4.00\n#L 3A$3\n", "cut off: it ends in a run count"),
        ("#MCell 4.00\n#L .A\n..A\n", "'..A' is not part of an MCell pattern: its lines begin with a # and a word"),
        ("#MCell 4.00\n#BOARD 20 by 20\n#L A\n", "the board '20 by 20' is not of the form 20x20"),
        ("#MCell 4.00\n#BOARD 20x20\n", EMPTY),
        ("#Life 1.05\n#R WireWorld\n*\n", "the pattern's rule 'WireWorld' is not Life-like"),
        ("#Life 1.06\n0\n", NO_PART),
        ("#Life 1.06\n0 0 0\n", NO_PART),
        ("#Life 1.06\n0 ٣\n", NO_PART),
        ("#Life 1.06\n0 -\n", NO_PART),
        ("#Life 1.06\nbo$2bo$3o!\n", NO_PART),
        ("[M2]", EMPTY),
        ("[M2] (golly)\n#R B3/S23\n$\n", EMPTY),
        ("[M2]\n4 0 0 0 0\n", EMPTY),
        ("[M2]\n#R 345/2/4\n1 1 0 0 0", "the pattern's rule '345/2/4' is not Life-like"),
        ("[M2]\n1 0 0 2 1\n", TWO_STATES),
        ("[M2]\n*$\n4 0 1 0\n", "'4 0 1 0' is not part of a Macrocell pattern: a node is 'level nw ne sw se'"),
        ("[M2]\n*$\n4 0 -1 0 0\n", "is not part of a Macrocell pattern"),
        ("[M2]\n.o.$\n", "is not part of a Macrocell pattern"),
        ("[M2]\n*$\n4 1 2 0 0\n", "'4 1 2 0 0' is made of nodes that do not come before it"),
        ("[M2]\n*$\n5 1 0 0 0\n", "'5 1 0 0 0' is made of nodes that are not of level 4"),
        ("[M2]\n*$\n0 1 0 0 0\n", "of level 0; levels from 1 to 60 are read"),
        ("[M2]\n*$\n61 0 0 0 0\n", "of level 61"),
        ("[M2]\n........*$\n", "the leaf '........\\*\\$' is larger than 8 × 8 cells"),
        ("[M2]\n$$$$$$$$*$\n", "is larger than 8 × 8 cells"),
        ("[M2]\n*$\n4 1 9999999999999 0 0\n", "has too large a number"),
        ("[M2]\n*$\n" + "9" * 10_000 + " 1 0 0 0\n", "has too large a number"),
    ],
)
def test_what_is_no_pattern_of_ours_is_refused_in_a_sentence(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_pattern(text)
    assert len(str(error.value)) < 300


def tree(levels, node):
    """A tree over a live cell in which every node is made of the one before it, as `node` says."""
    return "[M2]\n*$\n" + "".join(f"{level} {node.format(level - 3)}\n" for level in range(4, levels + 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#Life 1.06\n0 0\n99999999 0\n", "board width 100000000 is impossible"),
        ("#Life 1.06\n0 0\n-999999999999999999 999999999999999999\n", "height 1000000000000000000 is impossible"),
        ("#Life 1.06\n0 0\n9999999999999999999 0\n", "the coordinates '9999999999999999999 0' are too large"),
        ("#Life 1.06\n0 0\n1000000 1000000\n", "a pattern of 1000001 × 1000001 cells is too large"),
        ("#Life 1.06\n#D Board: x = 1000000, y = 1000000\n0 0\n", "is too large"),
        ("#Life 1.06\n#D Board: x = 99999999999, y = 1\n0 0\n", "99999999999 is too large a number"),
        ("#Life 1.05\n#P 0 0\n*\n#P 1000000 1000000\n*\n", "a pattern of 1000001 × 1000001 cells is too large"),
        ("#Life 1.05\n" + "*" * (MAX_SIDE + 1), f"board width {MAX_SIDE + 1} is impossible"),
        (tree(15, "{0} {0} {0} {0}"), "a pattern of 32761 × 32761 cells is too large"),
        (tree(60, "{0} {0} {0} {0}"), "board height 1152921504606846969 is impossible"),
        (tree(60, "{0} 0 0 {0}"), "is impossible"),
        ("[M2]\n#C Board: x = 1000000, y = 1000000\n*$\n", "is too large"),
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_taken(text, message):
    # Walked node by node, some of these trees would never end.
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            parse_pattern(text)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_shared_nodes_are_drawn_wherever_they_are():
    cells = parse_pattern(tree(11, "{0} {0} {0} {0}")).cells
    assert cells.shape == (2041, 2041)
    assert np.argwhere(cells).tolist() == [[8 * row, 8 * column] for row in range(256) for column in range(256)]


def test_a_small_pattern_may_lie_anywhere_in_a_huge_tree():
    assert parse_pattern(tree(60, "0 {0} 0 0")).cells.tolist() == [[1]]
    corner = "[M2]\n$$$$$$$.......*$\n*$\n4 0 0 0 1\n4 2 0 0 0\n"  # grown towards each other, to meet in the centre
    for level in range(5, 60):
        corner += f"{level} 0 0 0 {2 * level - 7}\n{level} {2 * level - 6} 0 0 0\n"
    assert parse_pattern(corner + "60 113 0 0 114\n").cells.tolist() == [[1, 0], [0, 1]]


def test_empty_nodes_cost_nothing():
    empty = tree(60, "{0} {0} {0} {0}").replace("*$", "$")
    assert parse_pattern(empty + "3 0 0 0 0\n*$").cells.tolist() == [[1]]


@pytest.mark.parametrize("head", ["#Life 1.05\n", "#Life 1.06\n", "[M2]\n", "#MCell 4.00\n", "#MCell 4.00\n#L "])
@pytest.mark.parametrize(
    "filler", [" ", "\t", "1", "-", "1 ", ", ", "*", "$", ".", "#", "#P ", "#D Board: x = ", "4 0 0 0 0 "]
)
def test_no_line_takes_the_parser_forever(head, filler):
    # An expression that backtracks over this would not come back; the test would be noticed by standing still.
    for text in (f"{head}{filler * 20_000}", f"{head}{filler * 20_000}?", f"{head}#P 1{filler * 20_000}\n*"):
        try:
            parse_pattern(text)
        except ValueError as error:
            assert len(str(error)) < 300  # noqa: PT017 - it need not fail


FILES = [*SAME_GLIDER.values(), *(write(parse_pattern(text)) for text in PATTERNS.values() for write in WRITERS)]


def only_value_errors(text):
    try:
        pattern = parse_pattern(text)
    except ValueError as error:
        assert len(str(error)) < 300  # noqa: PT017 - it need not fail
        return
    assert pattern.cells.dtype == np.uint8
    assert pattern.cells.ndim == 2
    assert pattern.cells.max(initial=0) <= 1
    if pattern.cells.size < 100_000:
        for write in (*WRITERS, format_rle, format_plaintext):
            np.testing.assert_array_equal(parse_pattern(write(pattern)).cells, pattern.cells)


@pytest.mark.parametrize("head", ["#Life 1.05\n", "#Life 1.06\n", "[M2] (golly 2.0)\n", "#MCell 4.00\n#L "])
@given(text=st.text() | st.text("#PDRN .*oO$0123456789-+,\n\r\x1c\u2028٣") | st.text("01234 .*$\n"))
@settings(deadline=None, max_examples=200)
def test_whatever_the_text_only_a_value_error_comes_out(head, text):
    only_value_errors(head + text)


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_however_a_file_is_damaged_only_a_value_error_comes_out(data):
    text = data.draw(st.sampled_from(FILES))
    for _ in range(data.draw(st.integers(1, 4))):
        start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        stop = min(stop, start + data.draw(st.integers(0, 5)))
        patch = data.draw(st.sampled_from(["", text[start:stop] * 2, "\n", "$", "-", "9"]) | st.text(max_size=5))
        text = text[:start] + patch + text[stop:]
    only_value_errors(text)
