"""Every kernel against the reference, bit for bit, and the reference against the words of the definition."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from golfast import vector
from golfast.life import (
    BOUNDARIES,
    Rule,
    bands,
    pack,
    simulate,
    simulate_packed,
    soup_trajectories_packed,
    soups,
    unpack,
)
from golfast.life.kernels import small, streams
from golfast.life.kernels.narrow import narrow
from golfast.life.kernels.rules import CIRCUITS, tables
from golfast.life.kernels.wide import MOST_TOGETHER, STRIP
from golfast.life.reference import step, trajectories
from golfast.life.simulate import age_packed, sort_by_age
from golfast.life.soup import soup_ages

# Each rule is compiled for each boundary, which takes seconds, so they are few: Conway's; parity, where every single
# neighbour counts; and one with births on 0, where cells beyond the border and the last column must stay dead, and
# with digit 8. What a rule's digits mean is tested for all rules below, without the compiler.
RULES = ["B3/S23", "B1357/S02468", "B028/S0458"]

worlds = pytest.mark.parametrize(("rule", "boundary"), [(rule, boundary) for rule in RULES for boundary in BOUNDARIES])

# Words are 64 cells wide, bytes 8, tiles 8 boards: at their edges errors live.
widths = st.sampled_from([1, 2, 3, 7, 8, 9, 31, 33, 63, 64, 65, 66, 127, 128, 129]) | st.integers(1, 140)
heights = st.sampled_from([1, 2, 3]) | st.integers(1, 24)
counts = st.sampled_from([1, 2, 7, 8, 9, 15, 16, 17]) | st.integers(1, 33)


@st.composite
def batches(draw):
    """Boards (N, H, W)."""
    count, height, width = draw(counts), draw(heights), draw(widths)
    density = draw(st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.9, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return (random.random((count, height, width)) < density).astype(np.uint8)


def by_the_words(board, rule, boundary):
    """One generation, cell by cell and neighbour by neighbour."""
    height, width = len(board), len(board[0])
    births, survivals = (part[1:] for part in str(rule).split("/"))

    def alive(row, column):
        if boundary == "torus":
            return board[row % height][column % width]
        return board[row][column] if 0 <= row < height and 0 <= column < width else 0

    def next_cell(row, column):
        around = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
        neighbours = sum(alive(row + down, column + right) for down, right in around)
        return int(str(neighbours) in (survivals if board[row][column] else births))

    return [[next_cell(row, column) for column in range(width)] for row in range(height)]


@given(st.data(), st.integers(1, 6), st.integers(1, 6), st.integers(0, 511), st.integers(0, 511))
@settings(deadline=None)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_the_reference_does_what_the_rule_says(boundary, data, height, width, birth, survival):
    row = st.lists(st.integers(0, 1), min_size=width, max_size=width)
    board = data.draw(st.lists(row, min_size=height, max_size=height))
    rule = Rule(birth, survival)
    result = step(np.array(board, np.uint8), rule, boundary)
    assert result.dtype == np.uint8
    assert result.tolist() == by_the_words(board, rule, boundary)


@given(st.integers(0, 511), st.integers(0, 511))
@settings(deadline=None)
def test_the_truth_tables_are_right_for_every_rule_and_neighbourhood(birth, survival):
    """Without the compiler, which would take days for 2**18 rules: the sums and tables, all 512 neighbourhoods."""
    number = np.arange(512)
    planes = [number >> place & 1 for place in range(9)]  # north-west, north, .. south-east
    cell = planes[4]
    expected = np.where(cell, survival, birth) >> (sum(planes) - cell) & 1
    low = [sum(planes[3 * row : 3 * row + 3]) & 1 for row in range(3)]
    high = [sum(planes[3 * row : 3 * row + 3]) >> 1 for row in range(3)]
    odd, a = sum(low) & 1, sum(low) >> 1
    p, q = sum(high) & 1, sum(high) >> 1
    table = np.array(tables(Rule(birth, survival)))[2 * odd + cell]
    np.testing.assert_array_equal(table >> (4 * p + 2 * a + q) & 1, expected)


def test_three_inputs_mean_the_same_with_and_without_the_instruction(monkeypatch):
    """Every truth table, as the CPU's own instruction (where it has one) and spelled out."""
    inputs = np.random.default_rng(0).integers(0, 2**63, 24, np.uint64)
    bits = np.unpackbits(inputs.view(np.uint8).reshape(3, 64), axis=1)

    def computed(table):
        @njit
        def run(words, out):
            a, b, c = vector.load(words, 0), vector.load(words, 8), vector.load(words, 16)
            vector.store(out, 0, vector.ternary(table, a, b, c))

        out = np.empty(8, np.uint64)
        run(inputs, out)
        return np.unpackbits(out.view(np.uint8))

    for spelled_out in (False, True):
        if spelled_out:
            monkeypatch.setattr(vector, "_HAS_TERNARY", False)
        for table in (0x96, 0xE8, 0xCA, 0xF8, 0x81, 0xBC, 0x16, 0xA8, 0x00, 0xFF, 0x01, 0x3D, 0x5A, 0x0F, 0xF0):
            expected = table >> (4 * bits[0] + 2 * bits[1] + bits[2]).astype(int) & 1
            np.testing.assert_array_equal(computed(table), expected)


def test_life_without_three_input_instructions_is_the_same(monkeypatch):
    """What a CPU without AVX-512 runs; compiled anew, since the constant is in the code."""
    monkeypatch.setattr(vector, "_HAS_TERNARY", False)
    fresh = narrow.__wrapped__(Rule.parse("B3/S23"), True)
    boards = np.random.default_rng(1).integers(0, 2, (50, 13, 17), np.uint8)
    states = np.zeros((50, 4, 13, 3), np.uint8)
    states[:, 0] = pack(boards)
    stage = np.zeros(streams.TOGETHER * streams.stage_words(13, 24), np.uint64)
    uncached = njit(nogil=True, error_model="numpy")(fresh.record.py_func)
    uncached(states.reshape(-1), 4, streams.plan(13, 17, 24), stage, 13, 17, 0, 50)
    np.testing.assert_array_equal(unpack(states, 17), trajectories(boards, 3, Rule.parse("B3/S23"), "torus"))


_PLAIN = """
import numpy as np
from golfast.imagine.metric import interpretability_packed
from golfast.life import simulate, soup_trajectories_packed
soup = dict(seed=1, fresh=0.5)
found = soup_trajectories_packed(30, 20, 20, 3, **soup)
np.testing.assert_array_equal(found, soup_trajectories_packed(30, 20, 20, 3, **soup, backend="reference"))
wide = np.random.default_rng(0).integers(0, 2, (2, 9, 70), np.uint8)
np.testing.assert_array_equal(simulate(wide, 2), simulate(wide, 2, backend="reference"))
np.testing.assert_array_equal(interpretability_packed(found[:, 2:0:-1], found, 20), np.ones(30))
"""


def test_a_cpu_with_nothing_but_what_all_have_finds_the_same():
    """Numba compiles for one if it is told to; an instruction that it has not would end the process."""
    plain = os.environ | {"NUMBA_CPU_NAME": "generic"}
    subprocess.run([sys.executable, "-c", _PLAIN], env=plain, check=True)


@worlds
def test_kernels_step_every_small_board_like_the_reference(rule, boundary):
    boards = (np.arange(512)[:, None] >> np.arange(9) & 1).astype(np.uint8).reshape(512, 3, 3)
    expected = step(boards, Rule.parse(rule), boundary)
    np.testing.assert_array_equal(simulate(boards, 1, rule=rule, boundary=boundary, keep="last"), expected)
    # and through the middle of a wide board, where the cells lie on both sides of a word's edge
    wide = np.zeros((512, 5, 130), np.uint8)
    wide[:, 1:4, 62:65] = boards
    expected = step(wide, Rule.parse(rule), boundary)
    np.testing.assert_array_equal(simulate(wide, 1, rule=rule, boundary=boundary, keep="last"), expected)


@given(boards=batches(), generations=st.sampled_from([0, 1, 2, 7, 16, 17, 35]))
@settings(deadline=None, max_examples=25)
@worlds
def test_kernels_run_like_the_reference(rule, boundary, boards, generations):
    expected = trajectories(boards, generations, Rule.parse(rule), boundary)
    states = simulate(boards, generations, rule=rule, boundary=boundary, backend="numba")
    np.testing.assert_array_equal(states, expected)
    last = simulate(boards, generations, rule=rule, boundary=boundary, backend="numba", keep="last")
    np.testing.assert_array_equal(last, expected[:, -1])


@given(
    count=st.sampled_from([1, 2, 9]),
    height=st.sampled_from([1, 2, 31]) | st.integers(1, 60),
    width=st.sampled_from([64 * STRIP * n + more for n in (1, 2) for more in (-1, 0, 1, 63, 64, 65)]),
    generations=st.sampled_from([1, 23, 24, 25, 49]),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=10)
@worlds
def test_boards_of_several_strips_run_like_the_reference(rule, boundary, count, height, width, generations, seed):
    boards = np.random.default_rng(seed).integers(0, 2, (count, height, width), np.uint8)
    expected = boards
    for _ in range(generations):
        expected = step(expected, Rule.parse(rule), boundary)
    last = simulate(boards, generations, rule=rule, boundary=boundary, keep="last")
    np.testing.assert_array_equal(last, expected)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_pass_may_have_as_many_generations_as_a_word_has_cells(boundary, monkeypatch):
    monkeypatch.setattr(bands, "PASS", MOST_TOGETHER)
    boards = np.random.default_rng(5).integers(0, 2, (1, 90, 64 * STRIP + 5), np.uint8)
    expected = trajectories(boards, 70, Rule.parse("B3/S23"), boundary)[:, -1]
    np.testing.assert_array_equal(simulate(boards, 70, boundary=boundary, keep="last"), expected)


@given(boards=batches(), data=st.data())
@settings(deadline=None, max_examples=15)
@worlds
def test_boards_age_each_by_its_own_number(rule, boundary, boards, data):
    count, _, width = boards.shape
    ages = np.array(data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)), np.int64)
    packed = pack(boards)
    before = packed.copy()
    aged = age_packed(packed, width, ages, rule=Rule.parse(rule), boundary=boundary)
    expected = trajectories(boards, int(ages.max()), Rule.parse(rule), boundary)[np.arange(count), ages]
    np.testing.assert_array_equal(unpack(aged, width), expected)
    np.testing.assert_array_equal(aged, pack(expected))  # no bit beyond the width either
    np.testing.assert_array_equal(packed, before)


@pytest.mark.parametrize("threads", ["1", "2", "5"])
@pytest.mark.parametrize("width", [20, 70])
def test_the_number_of_threads_changes_nothing(threads, width, monkeypatch):
    monkeypatch.setenv("GOLFAST_THREADS", threads)
    boards = np.random.default_rng(7).integers(0, 2, (101, 11, width), np.uint8)
    expected = trajectories(boards, 5, Rule.parse("B3/S23"), "torus")
    np.testing.assert_array_equal(simulate(boards, 5, boundary="torus"), expected)
    ages = np.arange(101) * 37 % 6
    aged = age_packed(pack(boards), width, ages, rule=Rule.parse("B3/S23"), boundary="torus")
    np.testing.assert_array_equal(unpack(aged, width), expected[np.arange(101), ages])


@given(
    sizes=st.tuples(st.integers(1, 70), heights, widths, st.integers(0, 4)),
    seed=st.integers(0, 2**64 - 1),
    start=st.integers(0, 2**40),
    density=st.sampled_from([0.0, 0.5, 0.3, 1.0]),
    fresh=st.sampled_from([1.0, 0.3]),
    boundary=st.sampled_from(BOUNDARIES),
)
@settings(deadline=None, max_examples=40)
def test_soups_run_forward_in_one_go_are_soups_run_forward(sizes, seed, start, density, fresh, boundary):
    count, height, width, generations = sizes
    given = {"seed": seed, "start": start, "density": density, "fresh": fresh, "boundary": boundary}
    first = soups(count, height, width, **given)
    expected = pack(trajectories(first, generations, Rule.parse("B3/S23"), boundary))
    np.testing.assert_array_equal(soup_trajectories_packed(count, height, width, generations, **given), expected)


@pytest.mark.parametrize("width", [5, 20, 40])
def test_many_boards_age_each_by_its_own_number(width):
    """More than are sorted together, in tiles of every kind."""
    plain = soups(2500, 6, width, seed=4)
    ages = soup_ages(2500, seed=4, fresh=0.1)
    states = trajectories(plain, int(ages.max()), Rule.parse("B3/S23"), "dead")
    np.testing.assert_array_equal(soups(2500, 6, width, seed=4, fresh=0.1), states[np.arange(2500), ages])


def test_trajectories_go_where_they_are_told():
    out = np.full((10, 3, 5, 2), 255, np.uint8)
    assert soup_trajectories_packed(10, 5, 9, 2, seed=1, out=out) is out
    np.testing.assert_array_equal(out, soup_trajectories_packed(10, 5, 9, 2, seed=1))
    for wrong in (out[:9], out.astype(np.int8), np.zeros((10, 3, 5, 4), np.uint8)[..., ::2]):
        with pytest.raises(ValueError, match="it must be C-contiguous uint8 of shape"):
            soup_trajectories_packed(10, 5, 9, 2, seed=1, out=wrong)


SMALL = [(20, 20), (21, 23), (31, 15), (31, 8), (63, 7), (63, 1), (7, 64), (1, 64), (9, 40), (15, 31)]


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(("height", "width"), SMALL)
def test_boards_that_fit_a_vector_are_like_those_in_tiles(height, width, boundary, monkeypatch):
    """One board a vector where the CPU can permute bytes, and what other CPUs run."""
    given = {"seed": 3, "start": 2**32 - 5, "density": 0.4, "fresh": 0.3, "boundary": boundary}
    made = soup_trajectories_packed(21, height, width, 3, **given)
    expected = soup_trajectories_packed(21, height, width, 3, **given, backend="reference")
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(simulate_packed(made[:, 0], width, 3, boundary=boundary), expected)
    monkeypatch.setattr(small, "HAS_PERMUTE", False)
    np.testing.assert_array_equal(soup_trajectories_packed(21, height, width, 3, **given), expected)
    np.testing.assert_array_equal(simulate_packed(made[:, 0], width, 3, boundary=boundary), expected)


@pytest.mark.parametrize("width", [3, 40])
def test_more_boards_than_are_grown_together(width):
    whole = soup_trajectories_packed(8211, 12, width, 1, seed=6, fresh=0.4)
    part = soup_trajectories_packed(35, 12, width, 1, seed=6, fresh=0.4, start=8176)
    np.testing.assert_array_equal(whole[8176:], part)


@pytest.mark.parametrize("fresh", [0.5, 0.001])
def test_boards_are_sorted_by_age_within_their_windows(fresh):
    ages = soup_ages(3000, seed=8, fresh=fresh)
    order = sort_by_age(ages, 24, beyond=8)
    assert order[3000:].tolist() == [order[2999]] * 8
    finest = max(1, ages.max() // 512)  # where there are more ages than places to count them
    for start in range(0, 3000, 1008):
        window = order[start : min(start + 1008, 3000)]
        assert sorted(window) == list(range(start, start + len(window)))
        assert (np.diff(ages[window] // finest) >= -1).all()
        if finest == 1:
            assert (np.diff(ages[window]) >= 0).all()


@pytest.mark.parametrize("rule", CIRCUITS, ids=str)
def test_the_circuit_of_a_rule_is_its_truth_table(rule):
    for odd, cell, p, a, q in itertools.product((0, 1), repeat=5):
        neighbours = odd + 2 * (p + a) + 4 * q - cell
        values = [cell, odd, p, a, q]
        for i, j, k, table in CIRCUITS[rule]:
            values.append(table >> (4 * values[i] + 2 * values[j] + values[k]) & 1)
        if 0 <= neighbours <= 8:
            assert values[-1] == (rule.survival if cell else rule.birth) >> neighbours & 1
    assert len(CIRCUITS[rule]) <= 4


@pytest.mark.parametrize("shape", [(30, 20, 20), (30, 30, 40), (2, 40, 100)])
def test_a_rule_with_a_circuit_runs_like_the_reference(shape):
    boards = soups(*shape, seed=4)
    ours, reference = (simulate(boards, 3, rule="highlife", backend=backend) for backend in ("auto", "reference"))
    np.testing.assert_array_equal(ours, reference)
