import numpy as np
import pytest
from PIL import Image

from golfast.imagine.animation import animate_boards, draw_learning
from golfast.imagine.strip import MATCHED, UNMATCHED, draw_strip
from golfast.run.pictures import DEAD, INK, PAPER, save_gif

RNG = np.random.default_rng(0)
TRUTH = (RNG.random((4, 10, 10)) < 0.4).astype(np.uint8)
SNAPSHOTS = [(400 * k, np.where(RNG.random((3, 10, 10)) < 0.3 - 0.1 * k, 0.4, TRUTH[1:])) for k in range(4)]


def pixels_of(image, colour):
    return int((np.asarray(image) == colour).all(axis=2).sum())


def test_a_frame_for_each_snapshot_holds_its_strip():
    frames = draw_learning(TRUTH, SNAPSHOTS, title="learning")
    assert len(frames) == 4
    assert len({frame.size for frame in frames}) == 1
    for frame, (_, imagined) in zip(frames, SNAPSHOTS, strict=True):
        strip = np.asarray(draw_strip(TRUTH, imagined))
        held = np.asarray(frame)
        assert any(np.array_equal(held[y : y + len(strip)], strip) for y in range(len(held) - len(strip)))
    assert pixels_of(frames[0], UNMATCHED) > pixels_of(frames[-1], UNMATCHED)
    assert pixels_of(frames[-1], MATCHED) > pixels_of(frames[0], MATCHED)


def test_curves_grow_to_the_right():
    frames = draw_learning(TRUTH, SNAPSHOTS)
    blue = (0, 114, 178)
    reach = [np.flatnonzero((np.asarray(frame) == blue).all(axis=2).any(axis=0)).max() for frame in frames[1:]]
    assert reach == sorted(set(reach))


def test_the_last_frame_of_the_gif_is_held(tmp_path):
    save_gif(draw_learning(TRUTH, SNAPSHOTS, hold=2500), tmp_path / "a.gif", milliseconds=300)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 4
        durations = []
        for k in range(4):
            image.seek(k)
            durations.append(image.info["duration"])
    assert durations == [300, 300, 300, 2500]


@pytest.mark.parametrize(("states", "timesteps"), [(2, 1), (3, 3), (4, 2), (3, 7)])
def test_any_numbers_of_states_and_timesteps_are_drawn(states, timesteps):
    truth = RNG.integers(0, 2, (states, 3, 5))
    frames = draw_learning(truth, [(k, RNG.random((timesteps, 3, 5))) for k in (1, 5, 1_000_000)], title="t " * 90)
    assert len({frame.size for frame in frames}) == 1
    for frame in frames:
        pixels = np.asarray(frame)
        assert (pixels[:, [0, 9, -10, -1]] == PAPER).all()
        assert (pixels[[0, -1]] == PAPER).all()


def test_a_wrong_board_and_a_single_snapshot_are_drawn():
    (frame,) = draw_learning(TRUTH, [(0, 1 - TRUTH[1:])])
    assert pixels_of(frame, UNMATCHED) > 0
    assert pixels_of(frame, MATCHED) < 200  # in the legend only


def test_boards_are_frames_of_one_size():
    frames = animate_boards(TRUTH, cell=7)
    assert len({frame.size for frame in frames}) == 1
    for frame, board in zip(frames, TRUTH, strict=True):
        pixels = np.asarray(frame)
        left, top = (frame.width - 71) // 2 + 1, 10 + 1
        cells = pixels[top + 3 : top + 70 : 7, left + 3 : left + 70 : 7]
        assert (cells[board == 1] == INK).all()
        assert (cells[board == 0] == DEAD).all()
        assert (pixels[[0, -1]] == PAPER).all()
    many = animate_boards(np.zeros((101, 2, 2)), cell=1)
    assert len({frame.size for frame in many}) == 1
    assert many[0].tobytes() != many[100].tobytes()  # the generation is written below
    assert animate_boards(np.zeros((1, 64, 64)))[0].width > 300


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_learning(TRUTH, []), "no snapshots to draw"),
        (
            lambda: draw_learning(TRUTH, SNAPSHOTS[::-1]),
            r"in the order of their steps; got steps \[1200, 800, 400, 0\]",
        ),
        (lambda: draw_learning(TRUTH, [(0, TRUTH), (1, TRUTH[1:])]), "the same timesteps of the same boards"),
        (lambda: draw_learning(TRUTH, [(0, TRUTH[:, 1:])]), "imagined boards have shape"),
        (lambda: animate_boards([]), "no states to animate"),
        (lambda: animate_boards(TRUTH[0]), r"shape \(T, H, W\); got shape \(10, 10\)"),
        (lambda: animate_boards(TRUTH, cell=0), "a cell of 0 pixels"),
    ],
)
def test_what_cannot_be_animated_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
