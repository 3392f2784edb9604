"""What is going on, on stderr: a live line per phase on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_PLAIN_EVERY = 10.0  # seconds between lines where there is no terminal


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {plural(task.fields['unit'])}/s" if speed else "", style="cyan")


def plural(unit: str) -> str:
    """More than one of a unit: "steps", "trajectories"."""
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"


class Phase:
    """One phase of a job: how far it is, and its figures."""

    def __init__(self, display: "Display", name: str, total: int, unit: str, at_most: bool) -> None:
        self._display, self._name, self._total, self._unit = display, name, total, unit
        self._began = self._spoke = time.monotonic()
        self._first: int | None = None
        self._figures = ""
        self._left = "left at most" if at_most else "left"
        self._task = display.live.add_task(name, total=total, unit=unit, left=self._left) if display.live else None
        if not display.live:
            display.say(f"{name}: {'at most ' if at_most else ''}{total:,} {plural(unit) if total != 1 else unit}")

    def update(self, done: int, figures: str | None = None) -> None:
        """Tell how much of the total is done, and, if there is news, the figures to show beside it."""
        self._figures = self._figures if figures is None else figures
        self._first = done if self._first is None else self._first
        now = time.monotonic()
        if self._display.live and self._task is not None:
            self._display.live.figures = self._figures
            self._display.live.update(self._task, completed=done)
        elif now - self._spoke >= _PLAIN_EVERY and done < self._total:
            self._spoke = now
            rate = (done - self._first) / (now - self._began)
            left = f", {(self._total - done) / rate:,.0f} s {self._left}" if rate > 0 else ""
            speed = f"{rate:,.0f} {plural(self._unit)}/s{left}"
            self._display.say(f"{self._name}: {done:,} of {self._total:,}, {speed}  {self._figures}")

    def done(self, figures: str | None = None) -> None:
        """The phase is over, perhaps before its total."""
        self._figures = self._figures if figures is None else figures
        if self._display.live and self._task is not None:
            task = next(task for task in self._display.live.tasks if task.id == self._task)
            done = task.completed or 1
            self._display.live.update(self._task, total=done, completed=done, left="")
            self._display.live.figures = self._figures
        else:
            self._display.say(f"{self._name}: done in {time.monotonic() - self._began:.1f} s  {self._figures}".rstrip())


class _Board(Progress):
    """A line per phase, and below them the figures of the latest, which would not fit beside it."""

    figures = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        if self.figures:
            yield Text(f"  {self.figures}", style="green")


class Display:
    """Progress of a job in phases, on stderr; silent if `quiet`. Use it as a context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        self.live: _Board | None = None
        if not quiet and self._console.is_terminal:
            self.live = _Board(
                TextColumn("{task.description:<18}"),
                BarColumn(bar_width=10),
                TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
                _Rate(),
                TextColumn("{task.fields[left]}"),
                TimeRemainingColumn(compact=True),
                console=self._console,
            )

    def phase(self, name: str, total: int, *, unit: str, at_most: bool = False) -> Phase:
        """Begin a phase of `total` units (singular: "step"), or of so many `at_most`."""
        return Phase(self, name, total, unit, at_most)

    def say(self, text: str) -> None:
        """Print one line of news."""
        if self._quiet:
            return
        if self.live:
            self.live.console.print(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> "Display":
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()
