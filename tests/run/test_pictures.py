import numpy as np
import pytest
from PIL import Image

from golfast.run.pictures import (
    DEAD,
    FRAME,
    GRID,
    INK,
    PAPER,
    draw_board,
    draw_row,
    frame_time,
    save_gif,
    text_width,
    write,
    write_png,
)

BOARD = np.array([[1, 0, 0], [0, 0, 1]], np.uint8)


def cell_colours(image, shape, cell, thickness=1):
    """The colour in the middle of each cell, (H, W, 3)."""
    rows, columns = (thickness + cell * np.arange(side) + (cell - 1) // 2 for side in shape)
    return np.asarray(image)[np.ix_(rows, columns)]


@pytest.mark.parametrize("cell", [1, 2, 5, 6, 8, 13])
def test_living_and_dead_cells_are_where_they_are(cell):
    board = np.random.default_rng(0).integers(0, 2, (7, 11))
    image = draw_board(board, cell=cell)
    assert image.mode == "RGB"
    colours = cell_colours(image, board.shape, cell)
    assert (colours[board == 1] == INK).all()
    assert (colours[board == 0] == DEAD).all()


def test_a_frame_goes_around_and_lines_between_cells_that_are_large_enough():
    large, small = (np.asarray(draw_board(BOARD, cell=cell, frame=(255, 0, 0), thickness=2)) for cell in (8, 5))
    assert large.shape == (4 + 15, 4 + 23, 3)
    assert small.shape == (4 + 10, 4 + 15, 3)
    for pixels in (large, small):
        inside = pixels[2:-2, 2:-2]
        assert (np.concatenate([pixels[:2].reshape(-1, 3), pixels[:, -2:].reshape(-1, 3)]) == (255, 0, 0)).all()
        assert not (inside == (255, 0, 0)).all(axis=2).any()
    assert (large[2 + 7, 2:-2] == GRID).all()
    assert (large[2:-2, 2 + 7] == GRID).all()
    assert not (small == GRID).all(axis=2).any()


def test_shares_of_life_are_grey_and_other_types_draw_the_same():
    pixels = np.asarray(draw_board([[0.0, 0.5, 1.0]], cell=1))[1, 1:-1].astype(int)
    assert pixels.tolist() == [list(DEAD), np.rint((np.array(DEAD) + INK) / 2).astype(int).tolist(), list(INK)]
    for dtype in (bool, np.int64, np.float32):
        assert draw_board(BOARD.astype(dtype)).tobytes() == draw_board(BOARD).tobytes()


def test_a_row_holds_every_board_under_its_label():
    boards = np.stack([BOARD, 1 - BOARD])
    bare, labelled = draw_row(boards, cell=4), draw_row(boards, cell=4, labels=["a rather long label", "b"])
    assert labelled.width > bare.width
    assert labelled.height > bare.height
    for row in (bare, labelled):
        pixels = np.asarray(row)
        frames = [np.flatnonzero((line == FRAME).all(axis=1)) for line in pixels]
        top = next(k for k, found in enumerate(frames) if len(found))
        left, second = frames[top][0], frames[top][14]  # each frame is 14 pixels wide
        for x, board in ((left, BOARD), (second, 1 - BOARD)):
            panel = row.crop((x, top, x + 14, top + 10))
            assert panel.tobytes() == draw_board(board, cell=4).tobytes()
        assert (pixels[-1] == PAPER).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_board(np.zeros((2, 3, 4))), r"shape \(H, W\); got shape \(2, 3, 4\)"),
        (lambda: draw_board(np.zeros((0, 4))), r"got shape \(0, 4\)"),
        (lambda: draw_board([[2]]), "0, 1, or something between"),
        (lambda: draw_board([[np.nan]]), "0, 1, or something between"),
        (lambda: draw_board(BOARD, cell=0), "a cell of 0 pixels cannot be seen"),
        (lambda: draw_row([]), "a row of no boards"),
        (lambda: draw_row([BOARD], labels=["a", "b"]), "1 boards have 2 labels"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def inked(text, size, at=(20, 30), anchor="ls"):
    """The columns and rows of a picture of a line of text that have ink."""
    image = Image.new("RGB", (600, 60), PAPER)
    write(image, at, text, size=size, anchor=anchor)
    ink = (np.asarray(image) != PAPER).any(axis=2)
    return np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))


@pytest.mark.parametrize("size", range(10, 25))
def test_words_stand_apart_in_every_size(size):
    """By a third of the font's size, and more than the letters within a word: "fromnoise" cannot be read."""
    for text in ("from noise", "best legal", "only needed", "strongest real inputs"):
        words = text.split(" ")
        within = max(int(np.diff(inked(word, size)[0]).max()) for word in words)
        columns, _ = inked(text, size)
        gaps = sorted(np.diff(columns).tolist())[-(len(words) - 1) :]
        assert min(gaps) >= max(size / 3, within + 1), (text, gaps, within)


@pytest.mark.parametrize("size", [9, 11, 13, 19])
@pytest.mark.parametrize("text", ["from noise", "a b", "Tip", "x", "seen, not yet"])
def test_a_line_is_anchored_as_pillow_does_it_and_as_wide_as_it_says(size, text):
    width = text_width(text, size)
    left = inked(text, size, (300, 30), "ls")[0]
    assert left.min() >= 299  # the smoothed edge of a letter
    assert left.max() <= 300 + width
    assert np.array_equal(inked(text, size, (300, 30), "rs")[0], left - width)
    assert np.array_equal(inked(text, size, (300, 30), "ms")[0], left - width // 2)
    assert inked(text, size, (300, 30), "lt")[1].min() in (30, 31)
    top, bottom = inked(text, size, (300, 30), "lm")[1][[0, -1]]
    assert top < 30 < bottom + 1


def test_frames_a_second_are_hundredths_of_a_second():
    assert [frame_time(fps) for fps in (0.1, 1, 5, 12, 16.7, 25, 30, 50)] == [10_000, 1000, 200, 80, 60, 40, 30, 20]
    for fps in (0, -1, 51, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"a GIF shows from 0\.1 to 50 frames a second; got"):
            frame_time(fps)


# --- files -----------------------------------------------------------------------------------------------------------


def frames_of(count):
    boards = np.random.default_rng(1).integers(0, 2, (count, 6, 9))
    return [draw_board(board) for board in boards]


def read_gif(path):
    with Image.open(path) as image:
        frames, durations = [], []
        for k in range(image.n_frames):
            image.seek(k)
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
        return frames, durations, image.info["loop"]


def test_a_gif_has_every_frame_in_its_colours_for_its_time_and_repeats(tmp_path):
    frames = frames_of(5)
    frames[-1].info["duration"] = 1500
    save_gif(frames, tmp_path / "made" / "a.gif", milliseconds=120)
    shown, durations, loop = read_gif(tmp_path / "made" / "a.gif")
    assert durations == [120, 120, 120, 120, 1500]
    assert loop == 0
    for pixels, frame in zip(shown, frames, strict=True):
        assert np.array_equal(pixels, np.asarray(frame))


def test_equal_frames_in_a_row_are_one_that_is_shown_longer(tmp_path):
    first, second = frames_of(2)
    save_gif([first, first.copy(), second], tmp_path / "a.gif", milliseconds=100)
    shown, durations, _ = read_gif(tmp_path / "a.gif")
    assert durations == [200, 100]
    assert np.array_equal(shown[1], np.asarray(second))


def test_of_many_colours_the_frequent_ones_stay_as_they_are(tmp_path):
    pixels = np.zeros((80, 80, 3), np.uint8)
    pixels[:40] = (12, 34, 56)
    ramp = np.arange(1200)
    pixels[40:55] = np.stack([ramp % 256, ramp // 8, 255 - ramp % 256], axis=1).reshape(15, 80, 3)
    save_gif([Image.fromarray(pixels), Image.fromarray(pixels[::-1])], tmp_path / "a.gif")
    shown, _, _ = read_gif(tmp_path / "a.gif")
    assert np.array_equal(shown[0][:40], pixels[:40])
    assert np.array_equal(shown[0][55:], pixels[55:])
    assert np.abs(shown[0].astype(int) - pixels).max() <= 40


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_gif(frames_of(4), tmp_path / f"{name}.gif")
        write_png(frames_of(1)[0], tmp_path / f"{name}.png")
    for kind in ("gif", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_a_png_holds_the_pixels(tmp_path):
    write_png(draw_board(BOARD), tmp_path / "made" / "a.png")
    with Image.open(tmp_path / "made" / "a.png") as image:
        assert np.array_equal(np.asarray(image), np.asarray(draw_board(BOARD)))


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_bytes(b"whole")

    def failing(self, target, *rest, **options):
        target.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(Image.Image, "save", failing)
    with pytest.raises(OSError, match="no space left"):
        save_gif(frames_of(2), path) if name.endswith("gif") else write_png(frames_of(1)[0], path)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(name, b"whole")]


@pytest.mark.parametrize(
    ("frames", "milliseconds", "message"),
    [
        ([], 100, "a GIF of no frames"),
        ([draw_board(BOARD), draw_board(BOARD.T)], 100, "frames of a GIF have one size"),
        ([draw_board(BOARD)], 9, "a frame of 9 ms is too short"),
    ],
)
def test_gifs_that_make_no_sense_are_refused(tmp_path, frames, milliseconds, message):
    with pytest.raises(ValueError, match=message):
        save_gif(frames, tmp_path / "a.gif", milliseconds=milliseconds)
    assert list(tmp_path.iterdir()) == []
