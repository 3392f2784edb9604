"""The metric against the paper's figures, and against slow Python that tries every possibility."""

import inspect
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.imagine.kernels import NONE, TAKEN
from golfast.imagine.metric import (
    agreement,
    agreement_packed,
    interpretability,
    interpretability_packed,
    matched_states,
    matthews,
    matthews_packed,
)


def life(board):
    """One generation with dead borders."""
    height, width = board.shape
    padded = np.pad(board, 1)
    around = sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3)) - board
    return ((around == 3) | ((board == 1) & (around == 2))).astype(np.uint8)


@pytest.fixture(scope="module")
def sequence():
    """Four states of a 20 x 20 soup of some age, no two of which agree in 95% of their cells."""
    board = (np.random.default_rng(5).random((20, 20)) < 0.5).astype(np.uint8)
    for _ in range(4):
        board = life(board)
    states = [board]
    for _ in range(3):
        states.append(life(states[-1]))
    truth = np.stack(states)
    assert max(np.mean(a == b) for a, b in permutations(truth, 2)) < 0.95
    return truth


def both_ways(imagined, truth, **options):
    """The metric of one sequence of 0/1 boards, from cells and from packed bits."""
    imagined, truth = np.asarray(imagined, np.float32)[None], np.asarray(truth)[None]
    packed = [np.packbits(boards > 0.5, axis=-1) for boards in (imagined, truth)]
    value = interpretability(imagined, truth, **options)
    assert np.array_equal(value, interpretability_packed(*packed, truth.shape[-1], **options))
    return value if isinstance(value, float) else value[0]


def test_figure_2_the_third_state_is_right_and_the_second_is_not(sequence):
    for variant in ("matched", "equation", "dataset"):
        assert both_ways([1 - sequence[1], sequence[2]], sequence, variant=variant) == 0.5


def test_figure_3_both_are_the_same_true_state(sequence):
    for variant in ("matched", "equation", "dataset"):
        assert both_ways([sequence[2], sequence[2]], sequence, variant=variant) == 0.75


def test_figure_4_two_game_three_model_timesteps_and_one_is_the_last_state(sequence):
    for variant in ("matched", "equation", "dataset"):
        assert both_ways([sequence[1], sequence[2]], sequence[:3], variant=variant) == 1.0


def test_figure_5_two_game_three_model_timesteps_and_both_are_the_middle_state(sequence):
    for variant in ("matched", "equation", "dataset"):
        assert both_ways([sequence[1], sequence[1]], sequence[:3], variant=variant) == 1.5


def test_the_input_and_the_target_do_not_count(sequence):
    assert both_ways([sequence[0], sequence[3]], sequence) == 0.0


def test_where_two_true_states_agree_only_the_variants_differ(sequence):
    truth = sequence[[0, 1, 1, 3]]
    assert both_ways([sequence[1], sequence[1]], truth) == 1.0
    assert both_ways([sequence[1], sequence[1]], truth, variant="equation") == 1.5
    assert both_ways([sequence[1], sequence[1]], truth, variant="dataset") == 1.5
    assert both_ways([sequence[1], 1 - sequence[1]], truth) == 0.5
    assert both_ways([sequence[1], 1 - sequence[1]], truth, variant="equation") == 1.0


def test_a_state_of_its_own_is_found_by_moving_others_on():
    """h_1 and h_3 match s_2 and s_3, h_2 only s_2: whoever takes the first that comes leaves h_2 with half."""
    a = np.zeros((1, 4, 5), np.uint8)
    b = a.copy()
    b[0, 0, :2] = 1  # two cells from a
    c = a.copy()
    c[0, 3, :2] = 1  # two from a, four from b
    imagined = np.concatenate([a, c, a])[None]
    truth = np.concatenate([a, a, b, b])[None]  # s_2 = a, s_3 = b
    assert interpretability(imagined, truth, threshold=18 / 20).tolist() == [1.25]
    assert matched_states(imagined, truth, threshold=18 / 20)[0].tolist() == [2, 1, TAKEN]


def test_dataset_weighs_the_best_timestep_of_all_sequences():
    """In one sequence h_1 is right, in two h_2: shares 1/3 and 2/3 of the one state."""
    on, off = np.ones((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    truth = np.tile(np.stack([off, on, off]), (3, 1, 1, 1))
    imagined = np.stack([np.stack([on, off]), np.stack([off, on]), np.stack([off, on])])
    assert interpretability(imagined, truth, variant="dataset") == pytest.approx(2 / 3 + 0.5 / 3)
    assert interpretability(imagined, truth).tolist() == [1.0, 1.0, 1.0]


# --- against slow Python ---------------------------------------------------------------------------------------------


def slow_matches(h, s, threshold):
    """For each h_i the set of intermediate states that it matches."""
    return [{j for j in range(1, len(s) - 1) if np.mean(board == s[j]) >= threshold} for board in h]


def slow_matched(h, s, threshold):
    matches = slow_matches(h, s, threshold)
    states = [*range(1, len(s) - 1), *[None] * len(h)]
    most = max(
        sum(j in found for j, found in zip(order, matches, strict=True)) for order in permutations(states, len(h))
    )
    matching = sum(bool(found) for found in matches)
    return (most + 0.5 * (matching - most)) / min(len(h), len(s) - 2)


def slow_equation(h, s, threshold):
    total = 0.0
    for j in range(1, len(s) - 1):
        already = False
        for board in h:
            if np.mean(board == s[j]) >= threshold:
                total += 0.5 if already else 1.0
                already = True
    return total / min(len(h), len(s) - 2)


def slow_dataset(h, s, threshold):
    n, m = h.shape[1], s.shape[1]
    total = 0.0
    for j in range(1, m - 1):
        shares = sorted(
            np.mean([np.mean(a[i] == b[j]) >= threshold for a, b in zip(h, s, strict=True)]) for i in range(n)
        )
        total += shares[-1] + 0.5 * sum(shares[:-1])
    return total / min(n, m - 2)


def slow_matthews(h, s):
    def correlation(a, b):
        if len(set(a.flat)) == 1 or len(set(b.flat)) == 1:
            return float((a == b).all())
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    middle = range(1, len(s) - 1)
    states = [*middle, *[None] * len(h)]
    worth = {(i, j): max(0.0, correlation(board, s[j])) for i, board in enumerate(h) for j in middle}
    best = max(sum(worth.get((i, j), 0.0) for i, j in enumerate(order)) for order in permutations(states, len(h)))
    return best / min(len(h), len(s) - 2)


@st.composite
def boards(draw, most=4):
    """Imagined and true states in which much resembles much: a few boards, repeated, with a few cells turned over."""
    height, width = draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 3, 7, 8, 9, 20, 63, 64, 65, 130]))
    count, n, m = draw(st.integers(1, 5)), draw(st.integers(1, most)), draw(st.integers(3, 2 + most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pool = rng.random((3, height, width)) < rng.choice([0.0, 0.3, 0.5, 1.0], (3, 1, 1))
    truth = pool[rng.integers(0, 3, (count, m))]
    imagined = pool[rng.integers(0, 3, (count, n))]
    noise = draw(st.sampled_from([0.0, 0.03, 0.2]))
    truth = truth ^ (rng.random(truth.shape) < noise / 2)
    imagined = imagined ^ (rng.random(imagined.shape) < noise)
    return imagined.astype(np.uint8), truth.astype(np.uint8)


THRESHOLDS = st.sampled_from([0.95, 0.9, 0.8, 0.5, 1.0, 2 / 3, 1e-9])


@settings(max_examples=150, deadline=None)
@given(boards(), THRESHOLDS)
def test_every_variant_equals_slow_python(pair, threshold):
    h, s = pair
    matched = [slow_matched(a, b, threshold) for a, b in zip(h, s, strict=True)]
    equation = [slow_equation(a, b, threshold) for a, b in zip(h, s, strict=True)]
    value = interpretability(h, s, threshold=threshold)
    assert value.dtype == np.float64
    assert value == pytest.approx(matched)
    assert interpretability(h, s, threshold=threshold, variant="equation") == pytest.approx(equation)
    dataset = interpretability(h, s, threshold=threshold, variant="dataset")
    assert type(dataset) is float
    assert dataset == pytest.approx(slow_dataset(h, s, threshold))


@settings(max_examples=100, deadline=None)
@given(boards(), THRESHOLDS)
def test_packed_bits_give_the_same_whatever_lies_beyond_the_width(pair, threshold):
    h, s = pair
    width = h.shape[-1]
    ph, ps = np.packbits(h, axis=-1), np.packbits(s, axis=-1)
    dirty = ph.copy()
    if width % 8:
        dirty[..., -1] |= (1 << (8 - width % 8)) - 1
    for variant in ("matched", "equation", "dataset"):
        expected = interpretability(h, s, threshold=threshold, variant=variant)
        for bits in (ph, dirty):
            value = interpretability_packed(bits, ps, width, threshold=threshold, variant=variant)
            assert np.array_equal(value, expected)
    for bits in (ph, dirty):
        assert np.array_equal(agreement_packed(bits, ps, width), agreement(h, s))
        assert np.array_equal(matthews_packed(bits, ps, width), matthews(h, s))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(1, 5), st.integers(3, 8), st.integers(1, 50), st.integers(0, 2**32))
def test_any_number_of_packed_sequences_pairs_and_bytes(count, n, m, height, seed):
    """Eight sequences and eight pairs go together: whatever is left over is counted, and nothing else."""
    rng = np.random.default_rng(seed)
    s = rng.integers(0, 2, (count, m, height, 13), np.uint8)
    h = s[:, rng.integers(0, m, n)] ^ (rng.random((count, n, height, 13)) < rng.choice([0.0, 0.04, 0.06], (n, 1, 1)))
    packed = np.packbits(h, axis=-1), np.packbits(s, axis=-1)
    for variant in ("matched", "equation"):
        expected = interpretability(h, s, variant=variant)
        assert np.array_equal(interpretability_packed(*packed, 13, variant=variant), expected)
    assert np.array_equal(agreement_packed(*packed, 13), (h[:, :, None] == s[:, None]).mean(axis=(3, 4)))


@settings(max_examples=100, deadline=None)
@given(boards(), THRESHOLDS)
def test_matched_states_are_matches_and_no_state_is_given_twice(pair, threshold):
    h, s = pair
    result = matched_states(h, s, threshold=threshold)
    value = interpretability(h, s, threshold=threshold) * min(h.shape[1], s.shape[1] - 2)
    for a, b, given_states, earned in zip(h, s, result, value, strict=True):
        own = [j for j in given_states if j >= 0]
        assert len(set(own)) == len(own)
        for j, found in zip(given_states, slow_matches(a, b, threshold), strict=True):
            assert (j in found) if j >= 0 else (j == (TAKEN if found else NONE))
        assert earned == pytest.approx(len(own) + 0.5 * sum(given_states == TAKEN))


@settings(max_examples=60, deadline=None)
@given(boards(), THRESHOLDS, st.randoms())
def test_order_plays_no_part_in_matched_and_matthews(pair, threshold, random):
    h, s = pair
    timesteps, middle = list(range(h.shape[1])), list(range(1, s.shape[1] - 1))
    random.shuffle(timesteps)
    random.shuffle(middle)
    other = h[:, timesteps], s[:, [0, *middle, s.shape[1] - 1]]
    assert np.array_equal(interpretability(*other, threshold=threshold), interpretability(h, s, threshold=threshold))
    assert matthews(*other) == pytest.approx(matthews(h, s))


@settings(max_examples=100, deadline=None)
@given(boards(most=3))
def test_matthews_equals_trying_every_assignment(pair):
    h, s = pair
    assert matthews(h, s) == pytest.approx([slow_matthews(a, b) for a, b in zip(h, s, strict=True)])


@settings(max_examples=60, deadline=None)
@given(boards())
def test_agreement_is_the_share_of_equal_cells_of_all_states(pair):
    h, s = pair
    expected = (h[:, :, None] == s[:, None]).mean(axis=(3, 4))
    assert np.array_equal(agreement(h, s), expected)


def test_large_assignments_equal_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(1)
    for n, m in ((30, 12), (12, 30), (9, 11)):
        h, s = rng.integers(0, 2, (2, n, 5, 5)), rng.integers(0, 2, (2, m, 5, 5))
        for k, value in enumerate(matthews(h, s)):
            gain = np.array([[max(0, np.corrcoef(a.ravel(), b.ravel())[0, 1]) for b in s[k, 1:-1]] for a in h[k]])
            best = gain[optimize.linear_sum_assignment(gain, maximize=True)].sum()
            assert value == pytest.approx(best / min(n, m - 2))


def test_large_matchings_equal_scipy():
    sparse = pytest.importorskip("scipy.sparse")
    graph = pytest.importorskip("scipy.sparse.csgraph")
    rng = np.random.default_rng(2)
    for n, m in ((70, 66), (64, 66), (20, 40)):
        h, s = rng.integers(0, 2, (3, n, 4, 4)), rng.integers(0, 2, (3, m, 4, 4))
        for k, value in enumerate(interpretability(h, s, threshold=13 / 16)):
            matches = (agreement(h, s)[k, :, 1:-1] >= 13 / 16).astype(np.uint8)
            most = (graph.maximum_bipartite_matching(sparse.csr_matrix(matches)) >= 0).sum()
            matching = matches.any(axis=1).sum()
            assert most > 0
            assert value == pytest.approx((most + 0.5 * (matching - most)) / min(n, m - 2))


def test_matthews_of_perfect_chance_and_constant_boards(sequence):
    assert matthews(sequence[None, 1:3], sequence[None]).tolist() == [1.0]
    assert matthews(sequence[None, [2, 1]], sequence[None]).tolist() == [1.0]
    assert matthews(1 - sequence[None, 1:3], 1 - sequence[None]).tolist() == [1.0]
    dead = np.zeros_like(sequence[None, 1:3])
    assert matthews(dead, sequence[None]).tolist() == [0.0]  # though most cells agree
    assert agreement(dead, sequence[None]).min() > 0.5
    assert matthews(dead, np.zeros_like(sequence[None])).tolist() == [1.0]
    opposite = np.indices((4, 4)).sum(axis=0) % 2
    assert matthews(np.stack([opposite] * 2)[None], 1 - np.stack([opposite] * 4)[None]).tolist() == [0.0]


# --- what counts as a match, what counts as a cell -------------------------------------------------------------------


def turned_over(board, cells):
    flat = board.copy().ravel()
    flat[:cells] ^= 1
    return flat.reshape(board.shape)


@pytest.mark.parametrize(
    ("shape", "threshold", "differing"),
    [
        ((20, 20), 0.95, 20),  # 380 of 400
        ((10, 10), 0.29, 71),  # 0.29 * 100 > 29 in floats
        ((1, 10), 0.1, 9),
        ((1, 7), 5 / 7, 2),
        ((1, 3), 1 / 3, 2),
        ((1, 3), 2 / 3, 1),
        ((7, 7), 1.0, 0),
        ((33, 97), 0.95, 160),  # 3041 of 3201, 0.95 * 3201 = 3040.95
        ((3, 3), 1e-12, 8),  # at least one cell
    ],
)
def test_the_threshold_is_met_exactly(shape, threshold, differing):
    board = np.random.default_rng(0).integers(0, 2, shape, np.uint8)
    truth = np.stack([board] * 3)
    assert both_ways(turned_over(board, differing)[None], truth, threshold=threshold) == 1.0
    assert both_ways(turned_over(board, differing + 1)[None], truth, threshold=threshold) == 0.0


def test_380_of_400_cells_match_and_379_do_not(sequence):
    assert np.sum(turned_over(sequence[1], 20) == sequence[1]) == 380
    assert both_ways([turned_over(sequence[1], 20)], sequence) == 1.0
    assert both_ways([turned_over(sequence[1], 21)], sequence) == 0.0


def test_a_cell_is_alive_above_one_half():
    truth = np.ones((1, 3, 2, 2), np.uint8)
    for dtype in (np.float16, np.float32, np.float64):
        half = np.full((1, 1, 2, 2), 0.5, dtype)
        assert interpretability(half, truth).tolist() == [0.0]
        assert interpretability(np.nextafter(half, dtype(1)), truth).tolist() == [1.0]
        assert interpretability(np.full_like(half, np.inf), truth).tolist() == [1.0]
        assert interpretability(np.full_like(half, -np.inf), 1 - truth).tolist() == [1.0]


@pytest.mark.parametrize("shape", [(3, 3), (8, 9), (20, 20), (3, 65), (9, 131)])
def test_all_types_and_layouts_give_the_same(shape):
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, (6, 4, *shape), np.uint8)
    noisy = rng.random((6, 3, *shape)) < rng.choice([0.02, 0.9], (6, 3, 1, 1))
    soft = np.where(noisy, rng.random(noisy.shape), truth[:, 1:])
    hard = soft > 0.5
    expected = interpretability(soft[:, :-1].copy(), truth)
    assert 0 < expected.mean() < 1
    swapped = np.ascontiguousarray(soft[:, :-1].transpose(2, 3, 0, 1)).transpose(2, 3, 0, 1)
    boards_apart = np.ascontiguousarray(soft[:, :-1].swapaxes(0, 1)).swapaxes(0, 1)
    backward = np.ascontiguousarray(soft[::-1, :-1])[::-1]
    read_only = soft[:, :-1].copy()
    read_only.flags.writeable = False
    for h in (soft[:, :-1], swapped, boards_apart, backward, read_only, soft[:, :-1].astype(">f8"), hard[:, :-1]):
        assert np.array_equal(interpretability(h, truth), expected)
    for dtype in (np.uint8, np.int8, np.int64, np.uint16, np.float32, np.float16):
        assert np.array_equal(interpretability(hard[:, :-1].astype(dtype), truth), expected)
        assert np.array_equal(interpretability(hard[:, :-1], truth.astype(dtype)), expected)
    assert np.array_equal(interpretability(hard[:, :-1].tolist(), truth.astype(bool)), expected)
    every_other = np.repeat(soft, 2, axis=0)[::2, :-1]
    assert np.array_equal(interpretability(every_other, truth), expected)
    packed = np.packbits(hard, axis=-1), np.packbits(truth, axis=-1)
    assert np.array_equal(interpretability_packed(packed[0][:, :-1], packed[1], shape[1]), expected)
    backward = np.ascontiguousarray(packed[0][::-1, :-1])[::-1]
    assert np.array_equal(interpretability_packed(backward, packed[1], shape[1]), expected)


def test_a_true_state_repeated_without_copies_is_read_right():
    board = np.random.default_rng(4).integers(0, 2, (20, 20), np.uint8)
    truth = np.broadcast_to(board, (5, 4, 20, 20))
    assert interpretability(truth[:, 1:3], truth).tolist() == [1.0] * 5


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_threads_change_nothing(monkeypatch, threads):
    monkeypatch.setattr("golfast.imagine.comparison.SPAN_BYTES", 1)
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 2, (203, 5, 3, 3), np.uint8)
    imagined = truth[:, [2, 1, 2, 3]] ^ (rng.random((203, 4, 3, 3)) < 0.1)
    monkeypatch.setenv("GOLFAST_THREADS", threads)
    expected = [slow_matched(a, b, 0.95) for a, b in zip(imagined, truth, strict=True)]
    assert interpretability(imagined, truth) == pytest.approx(expected)
    packed = np.packbits(imagined, axis=-1), np.packbits(truth, axis=-1)
    assert interpretability_packed(*packed, 3) == pytest.approx(expected)
    assert matthews(imagined, truth)[::40] == pytest.approx(
        [slow_matthews(a, b) for a, b in zip(imagined[::40], truth[::40], strict=True)]
    )
    assert np.array_equal(agreement(imagined, truth), (imagined[:, :, None] == truth[:, None]).mean(axis=(3, 4)))


def test_no_sequences():
    h, s = np.empty((0, 2, 4, 4), np.float32), np.empty((0, 4, 4, 4), np.uint8)
    packed = np.empty((0, 2, 4, 1), np.uint8), np.empty((0, 4, 4, 1), np.uint8)
    for variant in ("matched", "equation"):
        assert interpretability(h, s, variant=variant).shape == (0,)
        assert interpretability_packed(*packed, 4, variant=variant).shape == (0,)
    assert matthews(h, s).shape == (0,)
    assert agreement(h, s).shape == (0, 2, 4)
    assert matched_states(h, s).shape == (0, 2)
    with pytest.raises(ValueError, match="mean over sequences, and there are none"):
        interpretability(h, s, variant="dataset")


def test_agreement_needs_no_intermediate_states():
    assert agreement(np.ones((1, 1, 2, 2)), np.ones((1, 2, 2, 2))).tolist() == [[[1.0, 1.0]]]
    assert agreement(np.ones((1, 0, 2, 2)), np.ones((1, 2, 2, 2))).shape == (1, 0, 2)


# --- what is refused -------------------------------------------------------------------------------------------------

H, S = np.zeros((2, 2, 4, 5)), np.zeros((2, 4, 4, 5), np.uint8)
NAN = np.where(np.arange(H.size).reshape(H.shape) == 77, np.nan, H)
ODD = np.where(np.arange(S.size).reshape(S.shape) == 159, 2, S)  # the last cell of the last state


@pytest.mark.parametrize(
    ("imagined", "truth", "options", "message"),
    [
        (H[:, :0], S, {}, "undefined: there is no imagined state"),
        (H, S[:, :2], {}, "undefined: of 2 true states none lies between"),
        (H[:, :0], S[:0], {}, "imagined holds 2 sequences, but truth 0"),
        (H[0], S, {}, r"imagined has shape \(N, states, H, W\); got shape \(2, 4, 5\)"),
        (H, S[0], {}, r"truth has shape \(N, states, H, W\); got shape \(4, 4, 5\)"),
        (H[:1], S, {}, "imagined holds 1 sequences, but truth 2"),
        (H[..., :3], S, {}, r"imagined boards have shape \(4, 3\), but true ones \(4, 5\)"),
        (H[..., :0], S[..., :0], {}, "boards of 4 x 0 cells have nothing to compare"),
        (NAN, S, {}, "imagined holds NaN"),
        (NAN.astype(np.float32), S, {}, "imagined holds NaN"),
        (NAN.astype(np.float16), S, {}, "imagined holds NaN"),
        (H, ODD, {}, "truth holds values other than 0 and 1"),
        (H, ODD.astype(np.float32), {}, "truth holds values other than 0 and 1"),
        (H, ODD.astype(np.uint8), {}, "truth holds values other than 0 and 1"),
        (H, NAN[:, [0, 1, 0, 1]], {}, "truth holds values other than 0 and 1"),
        (ODD[:, 2:], S, {}, "imagined holds whole numbers other than 0 and 1"),
        (ODD[:, 2:].astype(np.uint8), S, {}, "imagined holds whole numbers other than 0 and 1"),
        (-ODD[:, 2:].astype(np.int8), S, {}, "imagined holds whole numbers other than 0 and 1"),
        (H.astype(complex), S, {}, "imagined is an array of complex128; cells are numbers or booleans"),
        (H, S.astype(str), {}, "truth is an array of <U"),
        (H, S, {"threshold": "x"}, "threshold is a share of cells, a number above 0 and at most 1; got 'x'"),
        (H, S, {"threshold": None}, "threshold is a share of cells, .*; got None"),
        (H, S, {"threshold": 0.0}, "threshold is 0.0; it is a share of cells, above 0 and at most 1"),
        (H, S, {"threshold": 1.01}, "threshold is 1.01"),
        (H, S, {"threshold": float("nan")}, "threshold is nan"),
        (H, S, {"variant": "best"}, "variant 'best' is unknown; allowed are: matched, equation, dataset"),
        (H, S[:, [0] * 67], {}, "at most 64 intermediate states; truth has 65"),
    ],
)
def test_what_makes_no_sense_is_refused(imagined, truth, options, message):
    with pytest.raises(ValueError, match=message):
        interpretability(imagined, truth, **options)
    for function in (matched_states, matthews, agreement):
        shared = options.keys() <= inspect.signature(function).parameters.keys()
        limit = "at most 64" in message and function is not matched_states
        undefined = "undefined" in message and function is agreement
        if shared and not limit and not undefined:
            with pytest.raises(ValueError, match=message):
                function(imagined, truth, **options)


def test_other_variants_take_more_than_64_states():
    assert interpretability(H, S[:, [0] * 67], variant="equation").tolist() == [(65 + 65 * 0.5) / 2] * 2


@pytest.mark.parametrize(
    ("imagined", "truth", "width", "message"),
    [
        (
            np.zeros((1, 2, 4, 1), np.uint8),
            np.zeros((1, 4, 4, 2), np.uint8),
            8,
            r"packed truth of width 8 is .* H, 1\)",
        ),
        (np.zeros((1, 2, 4, 1), bool), np.zeros((1, 4, 4, 1), np.uint8), 8, "packed imagined of .* got bool"),
        (np.zeros((2, 4, 1), np.uint8), np.zeros((1, 4, 4, 1), np.uint8), 8, r"packed imagined .* shape \(2, 4, 1\)"),
        (np.zeros((1, 2, 4, 1), np.uint8), np.zeros((1, 4, 5, 1), np.uint8), 8, "imagined boards have shape"),
        (np.zeros((1, 2, 0, 1), np.uint8), np.zeros((1, 4, 0, 1), np.uint8), 8, "nothing to compare"),
        (np.zeros((1, 2, 4, 0), np.uint8), np.zeros((1, 4, 4, 0), np.uint8), 0, "width is 0; it must be 1 or more"),
        (np.zeros((1, 2, 4, 1), np.uint8), np.zeros((1, 4, 4, 1), np.uint8), 7.5, "width is a whole number of cells"),
        (np.zeros((1, 0, 4, 1), np.uint8), np.zeros((1, 4, 4, 1), np.uint8), 8, "undefined"),
    ],
)
def test_packed_boards_that_make_no_sense_are_refused(imagined, truth, width, message):
    with pytest.raises(ValueError, match=message):
        interpretability_packed(imagined, truth, width)


@pytest.mark.parametrize("given", [torch.zeros(2, 2, 5, 5, device="meta"), [[[1], [1, 0]]]])
def test_what_numpy_cannot_read_is_refused_in_one_sentence(given):
    with pytest.raises(ValueError, match=r"^imagined cannot be read as an array: "):
        interpretability(given, np.zeros((2, 4, 5, 5)))
    with pytest.raises(ValueError, match=r"^packed imagined cannot be read as an array: "):
        interpretability_packed(given, np.zeros((2, 4, 5, 1), np.uint8), 5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "given",
    [
        lambda shares: shares.requires_grad_(),
        lambda shares: shares.requires_grad_() * 1,  # with a graph behind it
        lambda shares: torch.nn.Parameter(shares),
        lambda shares: list(shares.requires_grad_()),
        lambda shares: shares.to_sparse().requires_grad_(),
        lambda shares: shares.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2).requires_grad_(),
    ],
)
def test_tensors_are_taken_with_gradients_and_in_any_precision(given, dtype):
    """As they come out of a network in training, so that the metric can be watched."""
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(5, 4, 6, 7, generator=generator) < 0.3).to(torch.uint8)
    wrong = torch.rand(5, 2, 6, 7, generator=generator) < 0.05
    shares = torch.where(truth[:, 1:3].bool() ^ wrong, 0.75, 0.25).to(dtype)
    plain = shares.float().numpy().copy()
    expected = interpretability(plain, truth.numpy())
    assert 0 < expected.mean() < 1
    tensor = given(shares)
    assert np.array_equal(interpretability(tensor, truth), expected)
    assert np.array_equal(interpretability(tensor, truth.numpy()), expected)
    assert np.array_equal(agreement(tensor, truth), agreement(plain, truth.numpy()))
    assert np.array_equal(matthews(tensor, truth.bool()), matthews(plain, truth.numpy()))
