import bz2
import gzip
import lzma
import os
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golfast.life import (
    PATTERNS,
    Pattern,
    Rule,
    find_pattern,
    format_plaintext,
    format_rle,
    parse_pattern,
    read_pattern,
)
from golfast.life.boards import MAX_SIDE
from golfast.life.patterns import Grid, rle
from golfast.life.patterns import text as reading

GLIDER = [[0, 1, 0], [0, 0, 1], [1, 1, 1]]
LIFE = Rule.parse("B3/S23")


@st.composite
def boards(draw):
    """Cells with long runs and with short ones, with empty rows and columns at the edges and inside."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 150))
    density = draw(st.sampled_from([0.0, 0.03, 0.5, 0.97, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    cells = (random.random((height, width)) < density).astype(np.uint8)
    cells[draw(st.integers(0, height)) :] = 0
    cells[:, : draw(st.integers(0, width))] &= draw(st.integers(0, 1))
    return cells


# ---- writing


def test_rle_of_the_glider():
    assert format_rle(GLIDER) == "x = 3, y = 3, rule = B3/S23\nbo$2bo$3o!\n"


def test_plaintext_of_the_glider():
    assert format_plaintext(GLIDER) == ".O.\n..O\nOOO\n"


def test_rle_counts_empty_rows_and_leaves_out_what_needs_no_words():
    cells = np.zeros((9, 12), np.uint8)
    cells[2, 3:5] = cells[6, 0] = 1
    assert format_rle(cells) == "x = 12, y = 9, rule = B3/S23\n2$3b2o4$o!\n"
    assert format_rle(np.zeros((2, 5))) == "x = 5, y = 2, rule = B3/S23\n!\n"


def test_names_comments_and_rule_are_written():
    pattern = Pattern(np.array(GLIDER), name="Glider", rule=Rule.parse("B36/S23"), comments=("Small.", "Fast."))
    assert format_rle(pattern).splitlines()[:4] == [
        "#N Glider",
        "#C Small.",
        "#C Fast.",
        "x = 3, y = 3, rule = B36/S23",
    ]
    assert format_plaintext(pattern).splitlines()[:3] == ["!Name: Glider", "!Small.", "!Fast."]


@given(boards())
@settings(deadline=None)
def test_cells_come_back_from_rle(cells):
    text = format_rle(cells)
    assert max(map(len, text.splitlines())) <= 70
    again = parse_pattern(text).cells
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, cells)


@given(boards())
@settings(deadline=None)
def test_cells_come_back_from_plaintext(cells):
    np.testing.assert_array_equal(parse_pattern(format_plaintext(cells)).cells, cells)


@given(
    st.text(max_size=150), st.lists(st.text(max_size=150), max_size=3), st.sampled_from([format_rle, format_plaintext])
)
@settings(deadline=None, max_examples=50)
def test_no_name_or_comment_can_break_a_file(name, comments, write):
    pattern = Pattern(np.array(GLIDER), name=name, rule=LIFE, comments=tuple(comments))
    text = write(pattern)
    assert parse_pattern(text).cells.tolist() == GLIDER
    if write is format_rle:
        assert max(map(len, text.splitlines())) <= 70


def test_long_names_and_comments_go_on_in_the_next_line_and_come_back():
    name, comment = "name " * 30 + "end", "word " * 30 + "end"
    pattern = parse_pattern(format_rle(Pattern(np.array(GLIDER), name=name, comments=(comment,))))
    assert pattern.name == name
    assert " ".join(pattern.comments) == comment


# ---- reading RLE

SAME_GLIDER = {
    "plain": "x = 3, y = 3, rule = B3/S23\nbo$2bo$3o!",
    "no spaces": "x=3,y=3,rule=B3/S23\nbo$2bo$3o!",
    "count before the end": "bo$2bo$3o2!",
    "upper case": "X = 3, Y = 3, RULE = b3/s23\nBO$2BO$3O!",
    "no rule": "x = 3, y = 3\nbo$2bo$3o!",
    "no commas": "x = 3 y = 3 rule = B3/S23\nbo$2bo$3o!",
    "no header": "bo$2bo$3o!",
    "no end": "x = 3, y = 3\nbo$2bo$3o",
    "neither": "bo$2bo$3o",
    "white space": "\n\n  x  =  3 ,\ty = 3\n\n b o\n$ 2\tb o $\n\n3\no !\n",
    "CRLF": "#N Glider\r\nx = 3, y = 3, rule = B3/S23\r\nbo$2b\r\no$3o!\r\n",
    "CR": "x = 3, y = 3\rbo$2bo$3o!\r",
    "byte order mark": "\ufeffx = 3, y = 3\nbo$2bo$3o!",
    "all dead cells written": "x = 3, y = 3\nbob$2bo$3o$!",
    "all runs of one": "1b1o1$1b1b1o1$1o2o!",
    "Golly's letters": "x = 3, y = 3, rule = B3/S23\n.A$2.A$3A!",
    "text after the end": "x = 3, y = 3\nbo$2bo$3o!\nMoves diagonally: x = 5 $$$ 7C #N No",
    "text right after the end": "bo$2bo$3o! the glider",
    "header too small": "x = 1, y = 1\nbo$2bo$3o!",
    "header of zeros": "x = 0, y = 0\nbo$2bo$3o!",
    "unknown remarks": "#CXRLE Pos=-1,-1 Gen=4\n#P -1 -1\n#R 0 0\n#\n#Z\nx = 3, y = 3\n#C between\nbo$2bo$\n#C!\n3o!",
    "copied from a forum": "Code: Select all\nx = 3, y = 3, rule = B3/S23\nbo$2bo$3o!",
    "copied from a forum, no header": "CODE: SELECT ALL\nbo$2bo$3o!",
    "in a forum's words": "[code]x = 3, y = 3\nbo$2bo$3o![/code]",
    "in a fence": "```rle\nx = 3, y = 3\nbo$2bo$3o!\n```",
    "titles": "Glider\n  first seen in 1969, (c) B. O. O.!\n#C remark\nx = 3, y = 3\nbo$2bo$3o!",
    "Rule:": "x = 3, y = 3, Rule: B3/S23\nbo$2bo$3o!",
    "no word": "x = 3, y = 3, B3/S23\nbo$2bo$3o!",
    "no word, survival first": "x = 3, y = 3 23/3\nbo$2bo$3o!",
    "no word, a name": "x = 3, y = 3, Life\nbo$2bo$3o!",
    "no sign": "x = 3, y = 3, rule B3/S23\nbo$2bo$3o!",
    "comma at the end": "x = 3, y = 3, rule = B3/S23,\nbo$2bo$3o!",
    "full stop at the end": "x = 3, y = 3, rule = B3/S23.\nbo$2bo$3o!",
    "words at the end": "x = 3, y = 3, rule = B3/S23, made by hand\nbo$2bo$3o!",
    "words right at the end": "x = 3, y = 3, rule = B3/S23 (made by hand!)\nbo$2bo$3o!",
    "words behind a name": "x = 3, y = 3, rule = Life, made by hand\nbo$2bo$3o!",
    "other keys": "x = 3, y = 3, gen = 4, rule = B3/S23\nbo$2bo$3o!",
    "semicolons": "x = 3; y = 3; rule = B3/S23;\nbo$2bo$3o!",
    "rule below": "x = 3, y = 3,\nrule = B3/S23\nbo$2bo$3o!",
    "one line": "x = 3, y = 3 bo$2bo$3o!",
    "one line with a rule": "x = 3, y = 3, rule = B3/S23 bo$2bo$ 3o! a glider",
    "one line with a name": "x = 3, y = 3, rule = Life bo$2bo$3o!",
    "one line and a half": "x = 3, y = 3, bo$2b\no$3o!",
    "one line, Golly's letters": "x = 3, y = 3, rule = B3/S23, .A$2.A$3A!",
    "form feed in a comment": "x = 3, y = 3\n#C drawn by\x0cbob\nbo$2bo$3o!",
    "other line breaks in comments": "#C drawn by\u2028bob\x0bbob\x1cbob\x1dbob\x1ebob\x85bob\u2029bob\nbo$2bo$3o!",
    "U+2028 for line ends": "x = 3, y = 3\u2028bo$2bo$3o!",
    "no break space": "x\xa0=\xa03,\xa0y\xa0=\xa03\nbo$\xa02bo$3o!",
    "zero width space": "\u200bx = 3, y = 3\nbo$\u200b2bo$3o!",
    "CR CR LF": "x = 3, y = 3\r\r\nbo$2bo$3o!\r\r\n",
    "an old end": "x = 3, y = 3\r\nbo$2bo$3o\r\n\x1a",
    "plaintext, CR CR LF": ".O.\r\r\n..O\r\r\nOOO",
    "plaintext, comment last": ".O.\n..O\nOOO\n! the end",
    "plaintext, lower case and an end": ".o.\n..o\nooo\n!",
    "plaintext below a title": "A glider: see below\n!Name: Glider\n.O.\n..O\nOOO",
    "plaintext from a forum": "Code: Select all\n.O.\n..O\nOOO\n[/code]",
    "plaintext, form feed in a comment": "!Name: a\x0cO\n.O.\n..O\nOOO",
    "plaintext": ".O.\n..O\nOOO\n",
    "plaintext with a name": "!Name: Glider\n!\n.O.\n..O\nOOO\n",
    "plaintext, ragged": "!\n.O\n..O\nOOO\n",
    "plaintext with stars": ".*.\n..*\n***",
    "plaintext in lower case": ".o.\n..o\nooo",
    "plaintext, CRLF": "!Name: Glider\r\n.O.\r\n..O\r\nOOO\r\n",
    "plaintext, indented": "\n\n    .O.  \n    ..O\n    OOO\n\n",
    "a remark of plaintext above RLE": "! Glider\nx = 3, y = 3, rule = B3/S23\nbo$2bo$3o!",
    "a name of plaintext above RLE": "!Name: Glider\n!\nx = 3, y = 3\nbo$2bo$3o!",
    "a remark of plaintext, no header": "! Glider\n\nbo$2bo$3o!",
    "words above plaintext": "A glider.\n\n.O.\n..O\nOOO",
    "a name above plaintext": "Name: Glider\n.O.\n..O\nOOO",
    "words above RLE without a header": "Glider, the first one!\nbo$2bo$3o!",
    "words and a remark above plaintext": "Glider\n! One.\n.O.\n..O\nOOO",
    "a remark behind a row": ".O. !first\n..O\nOOO",
    "a remark behind the last row": ".o.\n..o\nooo ! the end",
    "plaintext with a late comment": "! first\n.O.\n! middle\n..O\nOOO\n! end",
}


@pytest.mark.parametrize("text", SAME_GLIDER.values(), ids=SAME_GLIDER.keys())
def test_a_glider_is_a_glider_however_it_is_written(text):
    assert parse_pattern(text).cells.tolist() == GLIDER


def test_the_header_gives_the_size_and_the_cells_may_be_fewer():
    cells = parse_pattern("x = 5, y = 4\nbo!").cells
    assert cells.shape == (4, 5)
    assert np.argwhere(cells).tolist() == [[0, 1]]


def test_without_a_header_written_cells_give_the_size():
    assert parse_pattern("o4b$2o2$b!").cells.shape == (4, 5)
    assert parse_pattern("3$2bo3$!").cells.shape == (4, 3)


def test_with_a_header_dead_cells_beyond_it_are_no_cells():
    assert parse_pattern("x = 2, y = 1\n2o5b$9b!").cells.tolist() == [[1, 1]]


def test_counts_before_a_line_end_skip_rows():
    assert parse_pattern("o3$o!").cells.tolist() == [[1], [0], [0], [1]]


def test_a_blank_line_inside_plaintext_is_an_empty_row():
    assert parse_pattern("O\n\n.O\n").cells.tolist() == [[1, 0], [0, 0], [0, 1]]


def test_remarks_of_rle_are_kept():
    pattern = parse_pattern(
        "#N  The glider \n#C One.\n#c two!\n#O Richard K. Guy\n#D Three\n#C\n#CXRLE Pos=0,0\n#r 23/36\n"
        "x = 3, y = 3\nbo$2bo$3o!"
    )
    assert pattern.name == "The glider"
    assert pattern.comments == ("One.", "two!", "Author: Richard K. Guy", "Three")
    assert pattern.rule == Rule.parse("B36/S23")


def test_remarks_of_plaintext_are_kept():
    pattern = parse_pattern("!Name: The glider\n!Author: Richard K. Guy\n!\n! One.\n.O.\n..O\nOOO\n")
    assert pattern.name == "The glider"
    assert pattern.comments == ("Author: Richard K. Guy", "One.")
    assert pattern.rule is None


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ("B3/S23", "B3/S23"),
        ("b36/s23", "B36/S23"),
        ("23/3", "B3/S23"),
        ("S23/B3", "B3/S23"),
        ("B3/S23:T20,20", "B3/S23"),
        ("B36/S23 : P30,20", "B36/S23"),
        ("HighLife", "B36/S23"),
        ("B2/S", "B2/S"),
    ],
)
def test_the_rule_of_the_header_is_read(rule, meant):
    assert parse_pattern(f"x = 1, y = 1, rule = {rule}\no!").rule == Rule.parse(meant)


@pytest.mark.parametrize(
    ("rule", "grid"),
    [
        ("B3/S23:T30,20", Grid("torus", 20, 30)),
        ("B3/S23:t30", Grid("torus", 30, 30)),
        ("B3/S23 : P30,20", Grid("dead", 20, 30)),
        ("HighLife:T30,20, made by hand", Grid("torus", 20, 30)),
        ("23/3:T30,20 a glider", Grid("torus", 20, 30)),
        (":T9,9", Grid("torus", 9, 9)),
        ("B3/S23", None),
    ],
)
def test_the_board_of_the_rule_is_kept(rule, grid):
    pattern = parse_pattern(f"x = 3, y = 3, rule = {rule}\nbo$2bo$3o!")
    assert pattern.cells.tolist() == GLIDER
    assert pattern.grid == grid
    assert parse_pattern(format_rle(pattern)).grid == grid


def test_where_on_its_board_a_pattern_lies_is_kept():
    pattern = parse_pattern("#CXRLE Pos=-2,-7 Gen=9\nx = 3, y = 3, rule = B3/S23:P20,30\nbo$2bo$3o!")
    assert pattern.grid == Grid("dead", 30, 20, row=8, column=8)
    assert parse_pattern(format_rle(pattern)).grid == pattern.grid


@pytest.mark.parametrize(
    "grid",
    ["K20,20", "S20", "C20,20", "T20+5,20", "T20,20+5", "K20*,20", "T0,20", "P0", "T", "", "T20,", "T20, 30", "T1e9"],
)
def test_other_boards_are_refused(grid):
    if grid == "T20,":  # a comma ends a rule
        assert parse_pattern("x = 1, y = 1, rule = B3/S23:T20,\no!").grid == Grid("torus", 20, 20)
        return
    with pytest.raises(ValueError, match=r"a bounded grid that golfast does not run: it runs a torus such as :T30,20"):
        parse_pattern(f"x = 1, y = 1, rule = B3/S23:{grid}\no!")
    with pytest.raises(ValueError, match="a pattern of 999999 × 999999 cells is too large"):
        parse_pattern("x = 1, y = 1, rule = B3/S23:T999999\no!")


def test_titles_become_comments():
    pattern = parse_pattern("Glider\n\n seen in 1969\n#C One.\nx = 3, y = 3\nbo$2bo$3o!")
    assert pattern.comments == ("Glider", "seen in 1969", "One.")


def test_the_rule_of_the_header_goes_before_that_of_a_remark():
    assert parse_pattern("#r 23/36\nx = 1, y = 1, rule = B2/S\no!").rule == Rule.parse("B2/S")


@pytest.mark.parametrize(
    "text", ["o!", "x = 1, y = 1\no!", "x = 1, y = 1, rule =\no!", "O", "x = 1, y = 1, rule = :T9,9\no!"]
)
def test_no_rule_is_no_rule(text):
    assert parse_pattern(text).rule is None


MULTISTATE = "more than two states"
NOT_LIFE_LIKE = "the pattern's rule .* is not Life-like: golfast runs two-state rules such as B3/S23"
EMPTY = "the text holds no pattern"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 2, y = 1\n.C!", MULTISTATE),
        ("x = 2, y = 1\nAB!", r"more than two states \(it has 'B'\)"),
        ("x = 2, y = 1\n.O!", r"more than two states \(it has 'O'\)"),
        ("x = 2, y = 1\nopA!", r"more than two states \(it has 'pA'\)"),
        ("x = 1, y = 1, rule = WireWorld\nA!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, rule = B3/S23History\nA!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, rule = 23/3/4\nA!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, rule = B2-a/S12\no!", NOT_LIFE_LIKE),
        ("#r LangtonsAnt\no!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, rule = " + "9" * 5000 + "\no!", "rule '9{39}…' is not Life-like"),
        ("", EMPTY),
        (" \n\t\n", EMPTY),
        ("!", EMPTY),
        ("!Name: nothing\n", EMPTY),
        ("$$$!", EMPTY),
        ("#N nothing", EMPTY),
        ("x = 0, y = 0, rule = B3/S23\n!", EMPTY),
        ("0b0o!", "the pattern has a run of none, '0b'; a run count is at least 1"),
        ("x = 3, y = 3\nb0ob$2bo$3o!", "a run of none, '0o'"),
        ("bo$2bo00$3o!", "a run of none, '0\\$'"),
        ("010\n001\n111", "rows of 0 and 1 are no format that golfast reads; write . for a dead cell and O for"),
        ("0 1 0\n0 0 1\n1 1 1", "rows of 0 and 1 are no format"),
        (
            "#C x = 3, y = 3, rule = B36/S23\nbo$2bo$3o!",
            "the header 'x = 3, .* is in a comment; begin its line with 'x ='",
        ),
        ("! x = 3, y = 3, rule = B36/S23\nbo$2bo$3o!", "the header 'x = 3, .* is in a comment"),
        ("x: 3, y: 3\nbo$2bo$3o!", "the header 'x: 3, y: 3' is not of the form 'x = 3, y = 3, rule = B3/S23'"),
        ("y = 3, x = 3\nbo$2bo$3o!", "the header 'y = 3, x = 3' is not of the form"),
        ('"x = 3, y = 3, rule = B36/S23"\nbo$2bo$3o!', "the header '\"x = 3, y = 3, .* is not of the form"),
        ("> x = 3, y = 3\n> bo$2bo$3o!", "the header '> x = 3, y = 3' is not of the form"),
        ("#C a gun\n#I other.lif 5 5\n#P 0 0\n.*.", "the line '#I other.lif 5 5' is of XLife's formats"),
        ("#N a gun\n#M 0 0\n3o!\n#M 9 9\n3o!", "the line '#M 0 0' is of XLife's formats"),
        ("..O\nGlider\nOOO", "'l' is not part of a pattern: RLE is made of"),
        (".O.\n..O\nOOO\nby me", "'m' is not part of a pattern"),
        ("..O and here\n.O.", "'a' is not part of a pattern"),
        ("OOO and here\n.O.", "'a' is not part of a pattern"),
        ("Glider\n.OGlider\n..O", "not part of a pattern"),
        ("Glider\n.C\n2.A", r"more than two states \(it has 'C'\)|not part of"),
        ("x = 3, y = three\no!", "the header 'x = 3, y = three' is not of the form 'x = 3, y = 3, rule = B3/S23'"),
        ("x = -3, y = 3\no!", "the header"),
        ("x = 3, y = 3, made by hand\nbo$2bo$3o!", "the header 'x = 3, y = 3, made by hand' is not of the form"),
        ("x = 3, y = 3, WireWorld\nbo$2bo$3o!", "the header 'x = 3, y = 3, WireWorld' is not of the form"),
        ("x = 3, y = 3, rle = B36/S23\nbo$2bo$3o!", "the header 'x = 3, y = 3, rle = B36/S23' is not of the form"),
        ("x = 3, y = 3, rule = B3/S 23\nbo$2bo$3o!", NOT_LIFE_LIKE),
        ("x = 3, y = 3, rule = B3/S(23\nbo$2bo$3o!", NOT_LIFE_LIKE),
        ("x = 3, y = 3, rule = B3/S23", "has a header and no cells: it is cut off"),
        ("x = 3, y = 3, rule = B3/S23 bo$2bx$3o!", "has a header and no cells"),
        ("x = 3, y = 3, rule = B3/S23 bob\nbo$2bo$3o!", "'bob' behind the header could be cells or a word"),
        ("x = 3, y = 3, oo!\nbo$2bo$3o!", "'oo!' behind the header could be cells or a word"),
        ("bo$2bo$3o!\nx = 3, y = 3\n3o!", "there are cells, 'bo\\$2bo\\$3o!', above the header 'x = 3, y = 3'"),
        ("Boo!\nx = 3, y = 3\nbo$2bo$3o!", "there are cells, 'Boo!', above the header"),
        ("oo\noo\n!", "could be plaintext or RLE; give RLE its header"),
        ("x = 1, y = 1, rule = B3/S23 History\nA!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, rule = B3/S23H\no!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, rule = 23 / 3 / 4\nA!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, rule = B3/S239\no!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, rule = Life without colour\no!", NOT_LIFE_LIKE),
        ("x = 1, y = 1, 345/2/4\no!", NOT_LIFE_LIKE),
        ("x = 3\no!", "the header"),
        ("x = 3, y = 3\nx = 4, y = 4\no!", "two headers"),
        ("bo$2bo$3", "cut off: it ends in a run count"),
        ("bo$2bo$3ö!", "'ö' is not part of a pattern: RLE is made of counts and of b, o, "),
        ("bo$2bo$٣o!", "'٣' is not part of a pattern"),
        ("<html><body>404</body></html>", "'<' is not part of a pattern"),
        ("!Name: Glider\n.O.\n..X\nOOO", "'X' is not part of a plaintext pattern: a cell is . or O"),
        ("!Name: Glider\n.O.\n. O\nOOO", "' ' is not part of a plaintext pattern"),
    ],
)
def test_what_is_no_pattern_of_ours_is_refused_in_a_sentence(text, message):
    with pytest.raises(ValueError, match=message):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("99999999999b!", "99999999999 is too large a number for a pattern"),
        ("9" * 10_000 + "o!", "9{39}… is too large a number for a pattern"),
        (f"{MAX_SIDE + 1}o!", f"larger than {MAX_SIDE} cells a side"),
        ("b" + f"{MAX_SIDE}o!", f"larger than {MAX_SIDE} cells a side"),
        ("999999999$o!", f"larger than {MAX_SIDE} cells a side"),
        ("1000000b" * 100 + "o!", f"larger than {MAX_SIDE} cells a side"),
        (f"{MAX_SIDE - 1}$o$!\no", "x"),
        ("1000000$1000000o!", "a pattern of 1000001 × 1000000 cells is too large"),
        ("x = 1000000, y = 1000000\no!", "a pattern of 1000000 × 1000000 cells is too large"),
        (f"x = {MAX_SIDE + 1}, y = 1\no!", f"board width {MAX_SIDE + 1} is impossible"),
        ("x = 1, y = 99999999999999\no!", "99999999999999 is too large a number"),
        ("O" * 20_000 + "\nO" * 20_000, "a pattern of 20001 × 20000 cells is too large"),
        ("O" * (MAX_SIDE + 1), f"board width {MAX_SIDE + 1} is impossible"),
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_taken(text, message):
    if message == "x":  # the longest column there can be
        assert parse_pattern(text).cells.shape == (MAX_SIDE, 1)
        return
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            parse_pattern(text)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("filler", [" ", "\t", "1", "b", "x ", "x = ", "=", ",", "rule ", "#", "!", "$", "."])
def test_no_line_takes_the_parser_forever(filler):
    # An expression that backtracks over this would not come back; the test would be noticed by standing still.
    for text in (f"x = 1{filler * 20_000}y", f"x = 1, y = 1{filler * 20_000}\no!", f"{filler * 20_000}?"):
        try:
            parse_pattern(text)
        except ValueError as error:
            assert len(str(error)) < 300  # noqa: PT017 - it need not fail


FILES = [*SAME_GLIDER.values(), *PATTERNS.values()]


HEADERS = [  # what may stand there and the rule it says
    ("x = 3, y = 3", None),
    ("x=3 y=3", None),
    ("x = 3, y = 3, rule = B36/S23", "B36/S23"),
    ("X = 3; Y = 3; Rule: HighLife, made by hand", "B36/S23"),
    ("x = 3, y = 3, 23/36", "B36/S23"),
    ("x = 3, y = 3, gen = 9, rule = b36/s23:T9,9 (c) me", "B36/S23"),
    ("#r 23/36\nx = 3, y = 3", "B36/S23"),
]
BODIES = ["bo$2bo$3o!", "BO$2BO$3O!", ".A$2.A$3A!", "b\no$\n2b\no$3o\n!", "bo$2bo$3o", "bob$bbo$ooo$! the end\n9o!"]
LINE_ENDS = ["\n", "\r\n", "\r", "\r\r\n"]
ABOVE = [
    *("", "Glider\n", "Glider!\n\nsee x = 3 there\n", "Code: Select all\n", "[code]", "#N Glider\n"),
    *("#C a\x0c3o\u20283o!\n", "\ufeff"),
]


@given(st.sampled_from(HEADERS), st.sampled_from(BODIES), st.sampled_from(ABOVE), st.data())
@settings(deadline=None, max_examples=200)
def test_whatever_is_around_it_a_pattern_is_the_same(header, body, above, data):
    beside = "\n" not in body and "me" not in header[0].split() and "hand" not in header[0]
    between = data.draw(st.sampled_from(["\n", "\n\n#C b\x85o$\n", " \t\n", *[" "] * beside]))
    space, line_end = data.draw(st.sampled_from([" ", "  ", "\t", "\xa0"])), data.draw(st.sampled_from(LINE_ENDS))
    text = (above + header[0] + between + body).replace(" ", space).replace("\n", line_end)
    pattern = parse_pattern(text)
    assert pattern.cells.tolist() == GLIDER
    assert pattern.rule == (header[1] and Rule.parse(header[1]))


@given(st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32"]), st.booleans(), st.data())
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_bytes_only_a_value_error_comes_out(tmp_path, encoding, packed, data):
    path = tmp_path / "a.rle"
    whole = gzip.compress(TEXT.encode(encoding), mtime=0) if packed else TEXT.encode(encoding)
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    path.write_bytes(damaged)
    try:
        pattern = read_pattern(path)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it need not fail
        return
    if packed and damaged[:3] == whole[:3]:  # gzip's own checksum says that nothing is lost
        assert pattern.cells.tolist() == GLIDER


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
        again = parse_pattern(format_rle(pattern))
        np.testing.assert_array_equal(again.cells, pattern.cells)
        assert again.rule == (pattern.rule or LIFE)


@given(st.text() | st.text("bo$!0123456789 \n.*OABCxy=,rule/S#N\r\x1c\u2028٣"))
@settings(deadline=None, max_examples=300)
def test_whatever_the_text_only_a_value_error_comes_out(text):
    only_value_errors(text)


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_however_a_file_is_damaged_only_a_value_error_comes_out(data):
    text = data.draw(st.sampled_from(FILES))
    for _ in range(data.draw(st.integers(1, 4))):
        start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        stop = min(stop, start + data.draw(st.integers(0, 5)))
        patch = data.draw(st.sampled_from(["", text[start:stop] * 2, "\n", "$", "!", "9"]) | st.text(max_size=5))
        text = text[:start] + patch + text[stop:]
    only_value_errors(text)


# ---- files and names


def test_a_file_is_read_and_named_after_itself(tmp_path):
    path = tmp_path / "my glider.rle"
    path.write_text("x = 3, y = 3\nbo$2bo$3o!")
    for pattern in (read_pattern(path), read_pattern(str(path)), find_pattern(path), find_pattern(str(path))):
        assert pattern.cells.tolist() == GLIDER
        assert pattern.name == "my glider"


def test_the_name_in_the_file_goes_before_that_of_the_file(tmp_path):
    path = tmp_path / "a.cells"
    path.write_text("!Name: Glider\n.O.\n..O\nOOO")
    assert read_pattern(path).name == "Glider"


def test_bytes_of_other_encodings_do_not_matter(tmp_path):
    path = tmp_path / "old.rle"
    path.write_bytes("#O Käthe\r\nx = 3, y = 3\r\nbo$2bo$3o!".encode("latin-1"))
    pattern = read_pattern(path)
    assert pattern.cells.tolist() == GLIDER
    assert pattern.comments == ("Author: K\ufffdthe",)


TEXT = "#N Gleiter für alle\r\nx = 3, y = 3, rule = B36/S23\r\nbo$2bo$3o!\r\n"


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(TEXT.encode()),
        gzip.compress(TEXT.encode("utf-16")),
        gzip.compress(TEXT[:20].encode()) + gzip.compress(TEXT[20:].encode()),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
    ],
)
def test_packed_files_and_those_of_windows_are_read(tmp_path, data):
    path = tmp_path / "a.rle.gz"
    path.write_bytes(data)
    pattern = read_pattern(path)
    assert (pattern.cells.tolist(), pattern.name, str(pattern.rule)) == (GLIDER, "Gleiter für alle", "B36/S23")
    path.write_bytes(gzip.compress(b"bo$2bo$3o!"))
    assert read_pattern(path).name == "a"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(TEXT.encode())[:-9], "packed by gzip, and damaged or cut off"),
        (gzip.compress(TEXT.encode())[:25] + b"\xff" * 30, "packed by gzip, and damaged or cut off"),
        (b"\x1f\x8b", "packed by gzip, and damaged or cut off"),
        (b"PK\x03\x04" + b"0" * 99, r"packed by zip; unpack it first \(of packed files only .gz are read\)"),
        (bz2.compress(b"o!"), "packed by bzip2"),
        (lzma.compress(b"o!"), "packed by xz"),
    ],
)
def test_what_is_packed_otherwise_or_damaged_is_told(tmp_path, data, message):
    path = tmp_path / "a.rle.gz"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"a\.rle\.gz: the file is {message}"):
        read_pattern(path)


def test_what_is_unpacked_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_PACKED", 1 << 20)
    monkeypatch.setattr(reading, "MAX_LINES", 1 << 10)
    path = tmp_path / "a.rle.gz"
    path.write_bytes(gzip.compress(b"$" * ((1 << 20) - 1) + b"!"))
    with pytest.raises(ValueError, match="the text holds no pattern"):
        read_pattern(path)
    path.write_bytes(gzip.compress(b"b" * (1 << 20) + b"!"))
    with pytest.raises(ValueError, match="the file holds more than 1 MiB of text; unpack it first to read it"):
        read_pattern(path)
    path.write_bytes(b".O\r\n" * 1000)
    with pytest.raises(ValueError, match="the text has too many lines for a pattern: at most 1,024 are read"):
        read_pattern(path)


def test_an_error_says_in_which_file(tmp_path):
    path = tmp_path / "broken.rle"
    path.write_text("3")
    with pytest.raises(ValueError, match=r"broken\.rle: the pattern is cut off"):
        read_pattern(path)


def test_files_that_cannot_be_read_are_errors_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_pattern(tmp_path / "none.rle")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a file, and so holds no pattern"):
        read_pattern(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is not a file, and so holds no pattern"):
        read_pattern(tmp_path)


@pytest.mark.parametrize("name", PATTERNS)
def test_built_in_patterns_are_what_their_headers_say(name):
    pattern = find_pattern(name)
    assert pattern.name
    assert pattern.rule == LIFE
    rows, columns = np.nonzero(pattern.cells)
    # trimmed: a live cell at each side, so that the header agrees with the cells
    assert (rows.min(), columns.min()) == (0, 0)
    assert (rows.max() + 1, columns.max() + 1) == pattern.cells.shape
    np.testing.assert_array_equal(find_pattern(name.upper()).cells, pattern.cells)


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("glider", ".O.\n..O\nOOO"),
        ("r-pentomino", ".OO\nOO.\n.O."),
        ("acorn", ".O.....\n...O...\nOO..OOO"),
        ("diehard", "......O.\nOO......\n.O...OOO"),
    ],
)
def test_built_in_patterns_look_right(name, picture):
    assert format_plaintext(find_pattern(name).cells) == picture + "\n"


def test_a_file_cannot_take_the_name_of_a_built_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("glider").write_text("o!")
    assert find_pattern("glider").cells.tolist() == GLIDER
    assert find_pattern("./glider").cells.tolist() == [[1]]


def test_a_name_that_is_nothing_is_answered_with_the_names():
    with pytest.raises(ValueError, match=r"'glidre' is neither a file nor a built-in pattern; did you mean 'glider'\?"):
        find_pattern("glidre")
    with pytest.raises(ValueError, match="a built-in pattern; known are: block, blinker, glider, "):
        find_pattern("xyzzy")


# ---- Pattern


def test_a_pattern_is_placed_in_the_middle():
    board = Pattern(np.array(GLIDER)).place(6, 9)
    assert board.dtype == np.uint8
    assert board.shape == (6, 9)
    assert board[1:4, 3:6].tolist() == GLIDER
    assert board.sum() == 5


def test_a_pattern_is_placed_where_it_is_wanted():
    pattern = Pattern(np.array(GLIDER))
    assert pattern.place(6, 9, row=0, column=6)[:3, 6:].tolist() == GLIDER
    assert pattern.place(6, 9, row=3)[3:, 3:6].tolist() == GLIDER
    assert pattern.place(3, 3).tolist() == GLIDER


@pytest.mark.parametrize(
    ("size", "place"),
    [
        ((2, 9), {}),
        ((9, 2), {}),
        ((6, 9), {"row": 4}),
        ((6, 9), {"row": -1}),
        ((6, 9), {"column": 7}),
        ((6, 9), {"column": -1}),
    ],
)
def test_a_pattern_that_does_not_fit_is_not_cut(size, place):
    with pytest.raises(
        ValueError, match=rf"a pattern of 3 × 3 cells does not fit on a board of {size[0]} × {size[1]} at"
    ):
        Pattern(np.array(GLIDER)).place(*size, **place)


def test_a_pattern_is_not_placed_on_an_impossible_board():
    with pytest.raises(ValueError, match="board height 0 is impossible"):
        Pattern(np.array(GLIDER)).place(0, 9)


def test_a_pattern_is_one_board():
    with pytest.raises(ValueError, match=r"a pattern is one board of shape \(height, width\); got shape \(2, 3, 3\)"):
        Pattern(np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(ValueError, match="cells are 0 or 1"):
        format_rle([[2]])
    with pytest.raises(ValueError, match="boards have shape"):
        format_plaintext([0, 1])


def filled_slowly(runs, height, width):
    """The reference of what the items of an RLE body mean, one after another."""
    live, row, column = [], 0, 0
    named = height and width
    for digits, tag in re.findall(r"([0-9]*)([bBoO.A$])", runs):
        count = int(digits or 1)
        if tag == "$" and count:
            row, column = row + count, 0
        elif tag != "$":
            alive = tag in "oOA"
            live += [(row, column + step) for step in range(count) if alive]
            column += count
            if count and (alive or not named):
                height, width = max(height, row + 1), max(width, column)
    cells = np.zeros((height, width), np.uint8)
    for place in live:
        cells[place] = 1
    return cells


ITEMS = st.tuples(st.sampled_from(["", "1", "3", "12", "007", "65"]), st.sampled_from("bBoO.A$"))


@given(st.lists(ITEMS.map("".join), min_size=1), st.sampled_from([(0, 0), (3, 4), (20, 20)]), st.integers(1, 5))
def test_rle_bodies_are_filled_as_the_reference_does(items, size, together):
    runs = "".join(items)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle, "_ITEMS", together)  # so that a body is read in parts
        expected = filled_slowly(runs, *size)
        if expected.size:
            np.testing.assert_array_equal(rle.fill(runs, *size), expected)
        else:
            with pytest.raises(ValueError, match="holds no pattern"):
                rle.fill(runs, *size)
