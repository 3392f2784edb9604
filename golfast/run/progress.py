"""What is going on, on stderr: live lines per phase on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

_PLAIN_EVERY = 10.0  # seconds between lines where there is no terminal
_RECENT = 30.0  # seconds that the speed is the mean of
_FEW = 5  # seconds that are not counted down
_BAR = 10
_KEPT = 6  # phases that are over and still shown

Picture = Callable[[int, int], Sequence[str]]
"""Lines of text to draw in so many columns and lines at most; none if it takes more."""


def plural(unit: str) -> str:
    """More than one of a unit: "steps", "trajectories"."""
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"


class Phase:
    """One phase of a job: how far it is, and its figures."""

    def __init__(self, display: "Display", name: str, total: int, unit: str, at_most: bool) -> None:
        self._display, self._name, self._total, self._unit, self._at_most = display, name, total, unit, at_most
        self._began = self._spoke = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque()
        self._done = 0
        self._expected: float | None = None
        self._took: float | None = None
        self.figures = ""
        self.picture: Picture | None = None
        if not display.live:
            display.say(f"{name}: {'at most ' if at_most else ''}{total:,} {plural(unit) if total != 1 else unit}")

    def update(
        self,
        done: int,
        figures: str | None = None,
        *,
        expected: float | None = None,
        picture: Picture | None = None,
    ) -> None:
        """Tell how much of the total is done, and what is new to show beside it.

        figures: words with two blanks between those that belong together. expected: how much will have been done when
        the phase ends, where the total is the most there can be. picture: what is drawn below, on a terminal.
        """
        self.figures = self.figures if figures is None else figures
        self._expected = self._expected if expected is None else expected
        self.picture = picture or self.picture
        self._done, now = done, time.monotonic()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] > _RECENT:
            self._seen.popleft()
        if not self._display.live and now - self._spoke >= _PLAIN_EVERY and done < self._total:
            self._spoke = now
            most = "at most " if self._at_most else ""
            told = [f"{self._name}: {done:,} of {most}{self._total:,}", self._rate_words(), self._left_words()]
            self._display.say(f"{', '.join(word for word in told if word)}  {self.figures}".rstrip())

    def done(self, figures: str | None = None) -> None:
        """The phase is over, perhaps before its total."""
        self.figures = self.figures if figures is None else figures
        self._took = time.monotonic() - self._began
        if not self._display.live:
            self._display.say(f"{self._name}: done in {self._took:.1f} s  {self.figures}".rstrip())

    def line(self, width: int) -> str:
        """How far it is, in one line: what is less important is left out where it would not fit."""
        unit = plural(self._unit)
        if self._took is not None:
            return fitting([(0, self._name), (0, f"{self._took:.1f} s"), (1, f"{self._done:,} {unit}")], width)
        share = min(1.0, self._done / max(1.0, self._expected or self._total))
        bar = "━" * round(share * _BAR) + "─" * (_BAR - round(share * _BAR))
        most = "at most " if self._at_most else ""
        return fitting(
            [
                (0, self._name),
                (4, bar),
                (1, f"{self._done:,} of {most}{self._total:,}"),
                (3, self._rate_words()),
                (0 if self._expected else 2, self._left_words()),
            ],
            width,
        )

    def _rate(self) -> float:
        """Units a second, lately."""
        (then, before), (now, done) = (self._seen[0], self._seen[-1]) if self._seen else ((0.0, 0), (0.0, 0))
        return (done - before) / (now - then) if now > then else 0.0

    def _rate_words(self) -> str:
        rate = self._rate()
        if not rate:
            return ""
        return f"{rate:,.{0 if rate >= 10 else 1}f} {plural(self._unit)}/s"

    def _left_words(self) -> str:
        """The time that is left: what is expected, and only where nothing is the most that there can be."""
        rate = self._rate()
        if not rate:
            return ""
        if not self._at_most:
            return _left("", (self._total - self._done) / rate)
        if self._expected is None or self._expected <= self._done:  # it takes longer than was expected
            return _left("at most ", (self._total - self._done) / rate)
        return _left("about ", (self._expected - self._done) / rate)


class Display:
    """Progress of a job in phases, on stderr; silent if `quiet`. Use it as a context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        self._phases: list[Phase] = []
        self.live: Live | None = None
        if not quiet and self._console.is_terminal:
            self.live = Live(console=self._console, get_renderable=self._drawn, refresh_per_second=8)

    def phase(self, name: str, total: int, *, unit: str, at_most: bool = False) -> Phase:
        """Begin a phase of `total` units (singular: "step"), or of so many `at_most`."""
        phase = Phase(self, name, total, unit, at_most)
        self._phases = [*self._phases[-_KEPT:], phase]
        return phase

    def say(self, text: str) -> None:
        """Print one line of news."""
        if self.quiet:
            return
        if self.live:
            self._console.print(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def _drawn(self) -> Group:
        """All that is shown now: a line a phase, the figures of the latest, and the latest picture."""
        width, height = self._console.size
        phases = self._phases
        lines = [Text(phase.line(width), no_wrap=True, overflow="ellipsis") for phase in phases]
        if phases and phases[-1].figures:
            lines += [Text(line, style="green", no_wrap=True) for line in flowing(phases[-1].figures, width)]
        picture = next((phase.picture for phase in reversed(phases) if phase.picture), None)
        if picture:
            lines += [Text(line, no_wrap=True, overflow="crop") for line in picture(width, height - len(lines) - 2)]
        return Group(*lines)

    def __enter__(self) -> "Display":
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()


def fitting(parts: Sequence[tuple[int, str]], width: int) -> str:
    """Words in a line of so many columns: those with the greatest number are left out first, until the rest fits."""
    kept = [part for part in parts if part[1]]
    while sum(len(words) + 2 for _, words in kept) - 2 > width and max((order for order, _ in kept), default=0) > 0:
        kept.remove(max(kept, key=lambda part: part[0]))
    return "  ".join(words for _, words in kept)


def flowing(figures: str, width: int) -> list[str]:
    """Figures, two blanks between them, as lines of so many columns that begin with two blanks and break none."""
    lines: list[str] = []
    for word in figures.split("  "):
        if lines and len(lines[-1]) + 2 + len(word) <= width:
            lines[-1] += f"  {word}"
        elif word:
            lines.append(f"  {word}")
    return lines


def _left(how: str, seconds: float) -> str:
    """Words for the time that is left. No estimate is good to a second, so the last few are not counted down."""
    return "a few seconds left" if round(seconds) < _FEW else f"{how}{_clock(seconds)} left"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
