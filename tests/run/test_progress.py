"""What is shown of a job under way: on terminals of any width, and where there is none."""

import io
import re

import pytest
from rich.console import Console

from golfast.run import progress
from golfast.run.progress import Display, fitting, flowing


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def terminal(monkeypatch, width, height=40):
    """A display on a terminal of this size that nothing is written to."""
    out = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **how: Console(file=out, width=width, height=height, force_terminal=True)
    )
    return Display()


def shown(display):
    return [text.plain for text in display._drawn().renderables]


@pytest.mark.parametrize("width", [30, 40, 60, 100])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken(clock, monkeypatch, width):
    display = terminal(monkeypatch, width)
    phase = display.phase("train 3 timesteps", 4000, unit="step", at_most=True)
    figures = "right: state 2 98.4%  state 3 92.8%  state 4 87.0%"
    for clock.now in range(10):
        phase.update(64 * int(clock.now), figures, expected=880, picture=lambda columns, lines: ["x" * columns] * 3)
    lines = shown(display)
    assert all(len(line) <= max(width, len("train 3 timesteps  about 0:05 left")) for line in lines)
    assert lines[0].startswith("train 3 timesteps")
    assert "about 0:05 left" in lines[0]  # the last to go
    assert ("64 steps/s" in lines[0], "576 of at most 4,000" in lines[0]) == (width == 100, width >= 60)
    told = "  ".join(line.strip() for line in lines[1:-3])
    assert told == figures
    assert lines[-3:] == ["x" * width] * 3


def test_what_is_expected_is_told_and_only_without_it_the_most(clock, monkeypatch):
    display = terminal(monkeypatch, 100)
    phase = display.phase("train", 4000, unit="step", at_most=True)
    for clock.now in range(5):
        phase.update(100 * int(clock.now))
    assert "at most 0:36 left" in shown(display)[0]
    phase.update(400, expected=500.0)
    assert "  a few seconds left" in shown(display)[0]
    exact = display.phase("probes", 4000, unit="step")
    for clock.now in range(5, 10):
        exact.update(100 * int(clock.now))
    assert "0:31 left" in shown(display)[1]
    assert "most" not in shown(display)[1]


def test_the_last_seconds_are_not_counted_down(clock, monkeypatch):
    """The expected end moves as the phase goes on, and 0:03, 0:04, 0:03 would be told."""
    display = terminal(monkeypatch, 100)
    phase = display.phase("train", 4000, unit="step", at_most=True)
    told = []
    for clock.now in range(1, 12):
        phase.update(100 * int(clock.now), expected=1200 + 90 * (int(clock.now) % 2))
        told.append(re.search(r"about .* left|a few seconds left|$", shown(display)[0])[0])
    assert told == ["", *(f"about 0:{s:02} left" for s in (10, 10, 8, 8, 6, 6)), *["a few seconds left"] * 4]


def test_the_speed_is_that_of_late(clock, monkeypatch):
    """A minute of compiling before the first steps tells nothing of the others."""
    display = terminal(monkeypatch, 100)
    phase = display.phase("train", 1000, unit="step")
    phase.update(0)
    clock.now = 60.0
    for clock.now in range(60, 160):
        phase.update(int(clock.now - 60))
    assert "  1.0 steps/s  15:01 left" in shown(display)[0]


def test_where_there_is_no_terminal_lines_say_the_same(clock, capsys):
    display = Display()
    phase = display.phase("train", 4000, unit="step", at_most=True)
    for clock.now in range(0, 25, 5):
        phase.update(100 * int(clock.now), "right: state 2 50.0%", expected=3000)
    phase.done("right: state 2 99.0%")
    assert capsys.readouterr().err.splitlines() == [
        "train: at most 4,000 steps",
        "train: 1,000 of at most 4,000, 100 steps/s, about 0:20 left  right: state 2 50.0%",
        "train: 2,000 of at most 4,000, 100 steps/s, about 0:10 left  right: state 2 50.0%",
        "train: done in 20.0 s  right: state 2 99.0%",
    ]


def test_quiet_is_silent(capsys):
    with Display(quiet=True) as display:
        phase = display.phase("train", 10, unit="step")
        phase.update(5)
        phase.done()
        display.say("x")
    assert capsys.readouterr().err == ""


def test_what_is_less_important_goes_first():
    parts = [(0, "name"), (4, "----"), (1, "5 of 10"), (3, ""), (2, "left")]
    assert [fitting(parts, width) for width in (40, 18, 12, 3)] == [
        "name  ----  5 of 10  left", "name  5 of 10", "name", "name",
    ]  # fmt: skip
    assert flowing("a  bb  ccc", 5) == ["  a", "  bb", "  ccc"]
    assert flowing("a  bb  ccc", 9) == ["  a  bb", "  ccc"]
    assert flowing("", 9) == []
