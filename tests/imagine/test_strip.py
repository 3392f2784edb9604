import numpy as np
import pytest
import torch

from golfast.imagine import strip
from golfast.imagine.strip import (
    COMMON,
    MATCHED,
    TRAINED,
    UNMATCHED,
    WRONGLY_ALIVE,
    WRONGLY_DEAD,
    draw_strip,
    draw_strips,
    judge,
    percent,
)
from golfast.life import simulate
from golfast.run.folder import RunFolder
from golfast.run.pictures import DEAD, INK, PAPER, draw_board

TRUTH = (np.random.default_rng(0).random((4, 20, 20)) < 0.3).astype(np.uint8)


def turned_over(board, cells):
    flat = board.copy().ravel()
    flat[:cells] ^= 1
    return flat.reshape(board.shape)


def boxes(image, colour, least=30):
    """Frames of a colour: (left, top, right, bottom) of the panels that have it, in the order they stand in."""
    hit = (np.asarray(image) == colour).all(axis=2)
    found = []
    for top in np.flatnonzero(hit.any(axis=1)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], hit[top].astype(int), [0]])))
        for left, right in edges.reshape(-1, 2):
            new = right - left >= least and not any(a <= left < c and b <= top <= d for a, b, c, d in found)
            if new:
                bottom = top + np.flatnonzero(~np.append(hit[top:, left], False))[0]
                found.append((left, top, right, bottom))
    return found


def panel_cells(image, box, shape, thickness=3):
    """The colour in the middle of each cell of a framed panel."""
    left, top, right, bottom = box
    inner = np.asarray(image)[top + thickness : bottom - thickness, left + thickness : right - thickness]
    height, width = shape
    cell = round(inner.shape[1] / width)
    return inner[(cell - 1) // 2 :: cell, (cell - 1) // 2 :: cell][:height, :width]


def test_frames_and_tints_tell_right_from_wrong():
    imagined = np.stack([turned_over(TRUTH[1], 20), turned_over(TRUTH[2], 21), turned_over(TRUTH[3], 1)])
    image = draw_strip(TRUTH, imagined)
    columns = []
    for colour, board, truth in zip((MATCHED, UNMATCHED, TRAINED), imagined, TRUTH[1:], strict=True):
        (box,) = boxes(image, colour)
        columns.append(box[0])
        cells = panel_cells(image, box, truth.shape)
        assert (cells[(board == 1) & (truth == 1)] == INK).all()
        assert (cells[(board == 0) & (truth == 0)] == DEAD).all()
        assert (cells[(board == 1) & (truth == 0)] == WRONGLY_ALIVE).all()
        assert (cells[(board == 0) & (truth == 1)] == WRONGLY_DEAD).all()
        assert (cells[board != truth] == WRONGLY_ALIVE).all(axis=1).any()
    assert columns == sorted(columns)


def test_an_imagined_state_stands_under_the_true_state_of_its_number():
    image = draw_strip(TRUTH, TRUTH[1:])
    pixels = np.asarray(image)
    for box, truth in zip(boxes(image, MATCHED) + boxes(image, TRAINED), TRUTH[1:], strict=True):
        middle = (box[0] + box[2]) // 2
        above = pixels[: box[1] - 20, middle - 79 : middle + 80]
        imagined = panel_cells(image, box, truth.shape) == INK
        assert np.array_equal(imagined.all(axis=2), truth == 1)
        cells = [above[y : y + 160 : 8, 3:160:8] for y in range(len(above) - 160)]
        assert any(
            np.array_equal((found == INK).all(axis=2), truth == 1) for found in cells if found.shape == (20, 20, 3)
        )


@pytest.mark.parametrize("states", [2, 3, 4, 6])
@pytest.mark.parametrize("timesteps", [1, 2, 3, 6])
def test_timesteps_and_states_need_not_be_as_many(states, timesteps):
    truth = (np.random.default_rng(1).random((states, 12, 30)) < 0.3).astype(np.uint8)
    imagined = np.random.default_rng(2).random((timesteps, 12, 30))
    image = draw_strip(truth, imagined)
    assert len(boxes(image, UNMATCHED)) == timesteps - 1
    assert len(boxes(image, TRAINED)) == 1
    edge = np.concatenate([np.asarray(image)[[0, -1]].reshape(-1, 3), np.asarray(image)[:, [0, -1]].reshape(-1, 3)])
    assert (edge == PAPER).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (3, 40), (64, 64), (200, 7)])
def test_size_depends_on_the_boards_alone_and_nothing_touches_the_edge(shape):
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, (3, *shape))
    images = [draw_strip(truth, imagined) for imagined in (truth[1:], 1 - truth[1:], rng.random((2, *shape)))]
    assert len({image.size for image in images}) == 1
    for image in images:
        pixels = np.asarray(image)
        assert (pixels[:, [0, 9, -10, -1]] == PAPER).all()
        assert (pixels[[0, 5, -6, -1]] == PAPER).all()


def test_verdicts_say_what_each_is_and_what_it_earns():
    # 2 game, 4 model timesteps: right, right again, the target too early; then the trained one.
    truth = TRUTH[:3]
    imagined = np.stack([turned_over(truth[1], 2), truth[1], turned_over(truth[2], 4), turned_over(truth[2], 40)])
    verdicts, value = judge(truth, imagined)
    assert value == 1.5
    assert [(v.state, v.words, v.earns, v.colour) for v in verdicts] == [
        (1, "~ state 2, 99.5%", "earns 1", MATCHED),
        (1, "= state 2, 100%", "earns 0.5 (taken)", MATCHED),
        (2, "~ state 3, 99.0%", "earns 0 (the target)", UNMATCHED),
        (2, "state 3, 90.0%", "trained on", TRAINED),
    ]
    verdicts, value = judge(TRUTH, [TRUTH[0], turned_over(TRUTH[1], 30), TRUTH[3]])
    assert value == 0.0
    assert [(v.words, v.earns) for v in verdicts] == [
        ("= state 1, 100%", "earns 0 (the input)"),
        ("closest: state 2, 92.5%", "earns 0"),
        ("= state 4, 100%", "trained on"),
    ]


def test_a_match_that_takes_no_network_is_told_apart():
    glider = np.zeros((20, 20), np.uint8)
    glider[[5, 6, 7, 7, 7], [6, 7, 5, 6, 7]] = 1
    truth = simulate(glider[None], 3)[0]
    verdicts, value = judge(truth, np.zeros((3, 20, 20), np.uint8))
    assert value == 1.0
    assert [v.colour for v in verdicts] == [COMMON, COMMON, TRAINED]
    image = draw_strip(truth, truth[1:])
    assert len(boxes(image, COMMON)) == 2
    assert boxes(image, MATCHED) == []
    still = judge(TRUTH[[0, 0, 0, 0]], TRUTH[[0, 0, 0]])[0]
    assert [v.colour for v in still] == [COMMON, COMMON, TRAINED]


def test_a_still_life_is_its_own_intermediate_state():
    verdicts, value = judge(TRUTH[[0, 0, 0, 0]], TRUTH[[0, 0, 0]])
    assert value == 1.0
    assert [v.words for v in verdicts] == ["= state 2, 100%", "= state 3, 100%", "= state 4, 100%"]


def test_without_intermediate_states_the_metric_is_undefined_and_the_strip_is_drawn():
    assert judge(TRUTH[:2], TRUTH[1:2])[1] is None
    verdicts, value = judge(TRUTH[:2], TRUTH[[1, 1]])
    assert value is None
    assert verdicts[0].words == "= state 2, 100%"
    draw_strip(TRUTH[:2], TRUTH[1:2])


def test_a_share_is_never_rounded_up():
    shares = (379 / 400, 0.95, 1.0, 9999 / 10000, 0.985, 0.29, 0.0)
    assert [percent(share) for share in shares] == ["94.7%", "95.0%", "100%", "99.9%", "98.5%", "29.0%", "0.0%"]


def test_the_legend_says_of_red_no_more_than_captions_do_and_no_entry_stands_alone(monkeypatch):
    """A red frame may stand around a state that matches the input, so that "matches none" would be untrue."""
    verdicts, _ = judge(TRUTH, TRUTH[[0, 1, 3]])
    assert (verdicts[0].colour, verdicts[0].earns) == (UNMATCHED, "earns 0 (the input)")
    words = []
    place = strip.write
    monkeypatch.setattr(
        strip, "write", lambda im, at, text, **how: words.append((text, at)) or place(im, at, text, **how)
    )
    for width, lines in ((1200, 1), (855, 2), (665, 3)):
        words.clear()
        strip._draw_legend(width, 0.95)
        assert [text for text, _ in words[:3]] == [
            "matches a state in between (95% of cells)", "so does a dead board or the input", "matches none of them",
        ]  # fmt: skip
        rows = sorted({y for _, (_, y) in words})
        assert len(rows) == lines
        assert words[-1][1][1] == words[-2][1][1] == rows[-1]


def test_strips_stack_under_one_title_and_over_one_legend():
    one = draw_strip(TRUTH, TRUTH[1:])
    two = draw_strips([(TRUTH, TRUTH[1:]), (TRUTH[:3], TRUTH[1:3])], title="two", captions=["first", "second"])
    assert two.width == one.width
    assert len(boxes(two, MATCHED)) == 3
    assert len(boxes(two, TRAINED)) == 2
    assert draw_strips([(TRUTH, TRUTH[1:])]).tobytes() == one.tobytes()
    titled = draw_strip(TRUTH, TRUTH[1:], title="a title")
    assert titled.height > one.height
    assert np.array_equal(np.asarray(titled)[-one.height :], np.asarray(one))
    assert draw_strip(TRUTH, TRUTH[1:], title="a title " * 40).width > one.width


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_strips([]), "no strips to draw"),
        (lambda: draw_strips([(TRUTH, TRUTH)], captions=[]), "1 strips have 0 captions"),
        (lambda: draw_strip(TRUTH, TRUTH[:0]), "at least one true and one imagined state; got 4 and 0"),
        (lambda: draw_strip(TRUTH, TRUTH[1:, :3]), "imagined boards have shape"),
        (lambda: draw_strip(TRUTH, np.full(TRUTH.shape, np.nan)), "NaN"),
        (lambda: draw_strip(2 * TRUTH, TRUTH), "truth holds values other than 0 and 1"),
        (lambda: draw_strip(TRUTH, TRUTH, threshold=2), "threshold is 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_tensors_with_gradients_are_drawn_as_arrays_are():
    imagined = torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(0))
    image = draw_strip(TRUTH, imagined.numpy())
    assert draw_strip(torch.from_numpy(TRUTH), imagined.clone().requires_grad_()).tobytes() == image.tobytes()
    assert draw_board(imagined[0].clone().requires_grad_()).tobytes() == draw_board(imagined[0].numpy()).tobytes()


def test_a_run_shows_what_it_imagines_worst_beside_the_liveliest(tmp_path, monkeypatch):
    """Of 40 sequences number 23 is imagined wrongly, which no choice by liveliness would show."""
    from golfast.imagine import draw

    truth = (np.random.default_rng(3).random((40, 4, 10, 10)) < 0.4).astype(np.uint8)
    truth[23, 1:] = truth[23, 0]  # nothing happens on it
    imagined = truth[:, 1:].copy()
    imagined[23, 0] ^= 1
    drawn = []
    monkeypatch.setattr(draw, "imagine_packed", lambda *_: np.packbits(imagined, axis=-1))
    monkeypatch.setattr(draw, "draw_learning", lambda *_, **__: [draw_strip(TRUTH, TRUTH[1:])])
    monkeypatch.setattr(
        draw, "draw_strips", lambda *strips, **how: drawn.append((strips, how)) or draw_strip(*strips[0][0])
    )
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.keep_snapshot_truth(TRUTH)
    folder.keep_snapshot(1, np.zeros((3, 20, 20), np.uint8))
    draw.draw_run(folder, None, truth, None, steps=1)
    (((strips,), how),) = drawn
    assert [how["captions"][k].split(",")[0] for k in (0, 1)] != ["held-out sequence 23"] * 2
    assert how["captions"][2] == "held-out sequence 23, the worst of 40 by its metric: 0.50, and 0.99 on average"
    assert np.array_equal(strips[2][0], truth[23])
    assert np.array_equal(strips[2][1], imagined[23])
    # Where there is no metric, right cells decide.
    assert draw._worst(imagined[:, :1], truth[:, :2]) == (
        23,
        "the worst of 40 by its share of right cells: 0.00, and 0.97 on average",
    )
    imagined[23, 0] ^= 1  # none fails now
    imagined[7, 1, 3, 3] ^= 1
    index, words = draw._worst(imagined, truth)
    assert index == 7
    assert words.startswith("the worst of 40 by its correlation: 0.9")
