"""Soups against a slow rewrite of what the docstring of `soup.py` says, in Python's own integers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.life import Rule, pack, soup_trajectories_packed, soups, soups_packed
from golfast.life.reference import step
from golfast.life.soup import STREAMS, philox, soup_ages

WORD = 2**32
ZEROS, ONES = (0,) * 6, (WORD - 1,) * 6
PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
# From the authors' Random123 library, file kat_vectors: counter and key, and what comes of them.
KNOWN_ANSWERS = [
    (ZEROS, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (ONES, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (PI, (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]

seeds = st.integers(0, 2**64 - 1)
indices = st.integers(0, 40) | st.integers(2**32 - 3, 2**32 + 3) | st.integers(0, 2**63 - 10)
splits = st.sampled_from(list(STREAMS))


def slow_philox(c0, c1, c2, c3, k0, k1):
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, WORD)
        high1, low1 = divmod(0xCD9E8D57 * c2, WORD)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % WORD, (k1 + 0xBB67AE85) % WORD
    return c0, c1, c2, c3


def slow_words(index, seed, split, plane, block):
    stream = {"train": 0, "validation": 1, "test": 2}[split] * 256 + plane
    return slow_philox(block, stream, index % WORD, index // WORD, seed % WORD, seed // WORD)


def slow_soup(index, height, width, seed, split, density):
    chance = round(density * 65536)
    if chance in (0, 65536):
        return np.full((height, width), chance // 65536)
    bits = np.zeros(height * width, int)
    places = [place for place in range(16) if chance >> place & 1]
    for place in range(places[0], 16):
        blocks = range(-(-height * width // 128))
        text = "".join(f"{word:032b}" for block in blocks for word in slow_words(index, seed, split, place, block))
        plane = np.array([int(bit) for bit in text[: height * width]])
        bits = bits | plane if place in places else bits & plane
    return bits.reshape(height, width)


def slow_age(index, seed, split, fresh):
    word, age = slow_words(index, seed, split, 255, 0)[0], 0
    while word < math.floor((1 - Fraction(fresh)) ** (age + 1) * WORD):
        age += 1
    return age


@pytest.mark.parametrize(("words", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(words, answer):
    assert tuple(int(word) for word in philox(*map(np.uint32, words))) == answer
    assert slow_philox(*words) == answer


@given(st.tuples(*[st.integers(0, WORD - 1)] * 6))
@settings(deadline=None)
def test_philox_is_philox(words):
    assert tuple(int(word) for word in philox(*map(np.uint32, words))) == slow_philox(*words)


@given(
    start=indices,
    height=st.integers(1, 13),
    width=st.integers(1, 70),
    seed=seeds,
    split=splits,
    density=st.sampled_from([0.0, 0.5, 0.25, 0.3, 1 / 65536, 1e-9, 0.37, 65535 / 65536, 1.0]) | st.floats(0, 1),
)
@settings(deadline=None, max_examples=60)
def test_soups_are_what_their_description_says(start, height, width, seed, split, density):
    boards = soups(2, height, width, seed=seed, start=start, split=split, density=density)
    assert boards.dtype == np.uint8
    expected = [slow_soup(start + board, height, width, seed, split, density) for board in range(2)]
    np.testing.assert_array_equal(boards, expected)
    packed = soups_packed(2, height, width, seed=seed, start=start, split=split, density=density)
    np.testing.assert_array_equal(packed, pack(expected))  # no bit beyond the width


@given(
    start=indices,
    count=st.integers(0, 9),
    height=st.integers(1, 13),
    width=st.integers(1, 70),
    seed=seeds,
    split=splits,
    density=st.sampled_from([0.0, 0.5, 1 / 65536, 0.37, 1.0]) | st.floats(0, 1),
    fresh=st.sampled_from([1.0, 0.5, 0.3]),
    world=st.sampled_from([("B3/S23", "dead"), ("B1357/S02468", "torus")]),
)
@settings(deadline=None, max_examples=40)
def test_the_reference_makes_the_same_soups(start, count, height, width, seed, split, density, fresh, world):
    options = {"seed": seed, "start": start, "split": split, "density": density, "fresh": fresh}
    options |= {"rule": world[0], "boundary": world[1]}
    compiled, plain = (
        soup_trajectories_packed(count, height, width, 2, backend=name, **options) for name in ("numba", "reference")
    )
    np.testing.assert_array_equal(plain, compiled)
    boards = soups(count, height, width, backend="reference", **options)
    np.testing.assert_array_equal(pack(boards), compiled[:, 0])
    np.testing.assert_array_equal(soups_packed(count, height, width, **options), compiled[:, 0])


@given(start=indices, seed=seeds, split=splits, fresh=st.sampled_from([1.0, 0.5, 0.1, 0.01]) | st.floats(1e-3, 1))
@settings(deadline=None)
def test_ages_are_what_their_description_says(start, seed, split, fresh):
    ages = soup_ages(4, seed=seed, start=start, split=split, fresh=fresh)
    assert ages.dtype == np.int64
    assert ages.tolist() == [slow_age(start + board, seed, split, fresh) for board in range(4)]


@pytest.mark.parametrize("width", [20, 70])
@pytest.mark.parametrize("fresh", [1.0, 0.2])
def test_a_slice_is_the_same_boards(width, fresh):
    whole = soups(40, 9, width, seed=3, density=0.4, fresh=fresh)
    for start in (0, 1, 7, 8, 39):
        count = min(10, 40 - start)
        part = soups(count, 9, width, seed=3, start=start, density=0.4, fresh=fresh)
        np.testing.assert_array_equal(part, whole[start : start + count])
    assert len(np.unique(whole.reshape(40, -1), axis=0)) > 35  # not all one board


def test_the_number_of_threads_changes_nothing(monkeypatch):
    made = []
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("GOLFAST_THREADS", threads)
        made.append(soups(203, 10, 10, seed=11, density=0.4, fresh=0.2))
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


@pytest.mark.parametrize(("width", "rule", "boundary"), [(12, "B3/S23", "dead"), (70, "B1357/S02468", "torus")])
def test_an_aged_board_is_its_plain_soup_run_on(width, rule, boundary):
    options = {"seed": 5, "start": 1000, "split": "test"}
    plain = soups(50, 8, width, **options)
    ages = soup_ages(50, fresh=0.25, **options)
    assert ages.max() > 4
    aged = soups(50, 8, width, fresh=0.25, rule=rule, boundary=boundary, **options)
    for board, age, result in zip(plain, ages, aged, strict=True):
        for _ in range(age):
            board = step(board, Rule.parse(rule), boundary)
        np.testing.assert_array_equal(result, board)


def test_no_boards_are_no_boards():
    assert soups(0, 3, 4, seed=1, fresh=0.1).shape == (0, 3, 4)
    assert soup_ages(0, seed=1, fresh=0.1).shape == (0,)


# The statistics below are of fixed seeds, so they cannot fail by chance; the bounds are those of five standard
# deviations, which a right generator exceeds for one seed in a million.


def off_by(successes, trials, chance):
    """How many standard deviations a number of successes lies from its mean."""
    return abs(successes - trials * chance) / math.sqrt(trials * chance * (1 - chance))


@pytest.mark.parametrize("density", [0.5, 0.1, 0.25, 0.333, 0.9, 3 / 65536])
def test_cells_are_alive_with_the_chance_of_the_density(density):
    boards = soups(2000, 20, 23, seed=17, density=density)
    assert off_by(boards.sum(), boards.size, density) < 5
    # everywhere on the board, not only on average
    per_cell = boards.sum(0)
    spread = ((per_cell - 2000 * density) ** 2 / (2000 * density * (1 - density))).sum()
    cells = per_cell.size
    if density > 0.01:  # with fewer than a few live boards a cell, the squares have another distribution
        assert abs(spread - cells) < 5 * math.sqrt(2 * cells)


@pytest.mark.parametrize("fresh", [0.1, 0.5])
def test_ages_are_geometric(fresh):
    count = 100_000
    ages = soup_ages(count, seed=23, fresh=fresh)
    kinds = int(math.log(100 / count, 1 - fresh))  # ages expected at least about 100 * fresh times
    seen = np.bincount(np.minimum(ages, kinds), minlength=kinds + 1)
    chance = np.append(fresh * (1 - fresh) ** np.arange(kinds), (1 - fresh) ** kinds)
    chi_square = ((seen - count * chance) ** 2 / (count * chance)).sum()
    assert chi_square < kinds + 5 * math.sqrt(2 * kinds)
    assert off_by(seen[0], count, fresh) < 5


def test_ages_say_nothing_about_the_board():
    boards, ages = soups(20_000, 4, 4, seed=29), soup_ages(20_000, seed=29, fresh=0.5)
    young = boards[ages == 0]
    assert off_by(young.sum(), young.size, 0.5) < 5


@pytest.mark.parametrize(
    "changed",
    [
        {"split": "validation"},
        {"split": "test"},
        {"seed": 32},
        {"seed": 31 + 2**32},
        {"start": 1},
        {"start": 2**32},
    ],
)
def test_other_splits_seeds_and_boards_have_nothing_in_common(changed):
    boards, others = (soups(500, 20, 20, **{"seed": 31} | options) for options in ({}, changed))
    assert off_by((boards == others).sum(), boards.size, 0.5) < 5


def test_cells_have_nothing_in_common_with_their_neighbours():
    boards = soups(500, 20, 20, seed=31)
    for one, other in ((boards[..., 1:], boards[..., :-1]), (boards[:, 1:], boards[:, :-1])):
        assert off_by((one == other).sum(), one.size, 0.5) < 5


def test_splits_have_ages_of_their_own():
    ages = [soup_ages(1000, seed=1, split=split, fresh=0.1) for split in STREAMS]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        # two independent geometric ages are equal with chance fresh / (2 - fresh)
        assert off_by((ages[one] == ages[other]).sum(), 1000, 0.1 / 1.9) < 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 0}, "board height 0 is impossible"),
        ({"width": -3}, "board width -3 is impossible"),
        ({"count": -1}, "count is -1; it must be 0 or more"),
        ({"start": -1}, "start is -1; it must be 0 or more"),
        ({"start": 2**63}, r"boards are numbered from 0 to 2\*\*63 - 1"),
        ({"start": 2**63 - 1, "count": 2}, f"board {2**63} cannot be"),
        ({"seed": -1}, r"seed is -1; it must be from 0 to 2\*\*64 - 1"),
        ({"seed": 2**64}, rf"seed is {2**64}; it must be from 0 to 2\*\*64 - 1"),
        ({"split": "dev"}, "split 'dev' is unknown; allowed are: train, validation, test"),
        ({"density": -0.1}, r"density is -0\.1; it is the chance that a cell is alive, from 0 to 1"),
        ({"density": 1.1}, r"density is 1\.1"),
        ({"density": math.nan}, "density is nan"),
        ({"fresh": 0}, r"fresh is 0; it is the chance that a board is of age 0, from 0\.0001 to 1"),
        ({"fresh": 1.5}, r"fresh is 1\.5"),
        ({"fresh": math.nan}, "fresh is nan"),
        ({"rule": "B9"}, "rule 'B9' is not of the form"),
        ({"boundary": "open"}, "boundary 'open' is unknown; allowed are: dead, torus"),
        ({"backend": "gpu"}, "backend 'gpu' is unknown; allowed are: auto, numba, cupy, reference"),
    ],
)
def test_soups_that_make_no_sense_are_refused(options, message):
    for make in (soups, soups_packed):
        with pytest.raises(ValueError, match=message):
            make(**{"count": 1, "height": 3, "width": 3, "seed": 0} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": -1}, "count is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"start": 2**63}, "boards are numbered"),
        ({"split": "dev"}, "split 'dev' is unknown"),
        ({"fresh": 0}, "fresh is 0"),
    ],
)
def test_ages_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        soup_ages(**{"count": 1, "seed": 0, "fresh": 0.5} | options)
