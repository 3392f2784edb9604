"""`golfast bench`: run suites, collect their records, print them."""

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Column, Table

from golfast.errors import Failure
from golfast.run.files import STANDARD_OUTPUT, replacing, result_file
from golfast.run.hardware import hardware, versions

from .peers_big import COMPILER
from .peers_life import packages

SUITES = (
    "simulate",
    "census",
    "dataset",
    "loader",
    "train",
    "adversarial",
    "metric",
    "evaluate",
    "sweep",
    "rl",
    "gpu",
    "gpu_train",
)

Record = dict[str, Any]


def run(suites: tuple[str, ...], *, save: Path | None, as_json: bool, quiet: bool) -> None:
    """Run these suites (all, if none is named) and print a table, or one JSON object, on stdout.

    save: a file for pytest-benchmark's own JSON, too. Progress goes to stderr unless `quiet`.
    Raises ValueError for an unknown suite, Failure naming the benchmark if one's result is wrong.
    """
    for name in suites:
        if name not in SUITES:
            raise ValueError(f"there is no benchmark suite {name!r}; known are: {', '.join(SUITES)}")
    chosen = tuple(dict.fromkeys(suites)) or SUITES
    with contextlib.ExitStack() as stack:
        temporary = None if save is None else stack.enter_context(replacing(stack.enter_context(result_file(save))))
        measured = _measure(chosen, temporary, quiet)
    if "simulate" in chosen:
        measured.notes += _missing_peers()
    if as_json:
        found = {**versions(), **{name: number for name, number in packages().items() if number}}
        result = {
            "machine": hardware(),
            "versions": found,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "notes": measured.notes,
            "benchmarks": measured.records,
        }
        print(json.dumps(result, indent=2))
    else:
        aside = save == STANDARD_OUTPUT
        with contextlib.redirect_stdout(sys.stderr) if aside else contextlib.nullcontext():
            _print_table(measured.records, measured.notes)
    if not quiet:
        for note in measured.notes:
            print(f"Note: {note}.", file=sys.stderr)


def _missing_peers() -> list[str]:
    notes = [
        f"{package} is not installed, so that peer was left out (pip install 'golfast[peers]')"
        for package, number in packages().items()
        if number is None
    ]
    if COMPILER is None:
        notes.append("there is no C++ compiler, so that peer was left out")
    return notes


class _Collector:
    """A pytest plugin that keeps the records and the first failure, and tells the user how far it is."""

    def __init__(self, quiet: bool) -> None:
        self.records: list[Record] = []
        self.notes: list[str] = []
        self.failure = ""
        self._news = None if quiet else sys.stderr

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._say(f"{_name(item)} ...")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and not self.failure:
            assert call.excinfo is not None
            self.failure = f"benchmark {_name(item)} failed: {_sentence(call.excinfo.value)}"
        elif report.skipped:
            assert call.excinfo is not None
            self.notes.append(f"{_name(item)} was left out: {call.excinfo.value}")
        elif report.when == "call":
            record = {"name": _name(item), **item.funcargs["benchmark"].extra_info}
            self.records.append(record)
            self._say(f"  {_rate(record)}, {_ratio(record['ratio_to_peer'])} times {record['peer']}")
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.failure:
            self.failure = f"benchmarks could not be read: {report.longreprtext.strip().splitlines()[-1]}"

    def _say(self, text: str) -> None:
        if self._news:
            print(text, file=self._news, flush=True)


def _measure(suites: tuple[str, ...], save: Path | None, quiet: bool) -> _Collector:
    collector, chatter = _Collector(quiet), io.StringIO()
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory(prefix="golfast-bench-") as folder:
        # A configuration of its own, so that none found on the way up from here or from the caller's folder applies.
        settings = Path(folder) / "pytest.ini"
        settings.write_text("[pytest]\n")
        arguments = [
            *(str(here / f"bench_{name}.py") for name in suites),
            *("-c", str(settings), "--rootdir", folder, "--basetemp", str(Path(folder) / "files")),
            *("-q", "-x", "-s", "-p", "no:cacheprovider", "-p", "pytest_benchmark.plugin"),
            f"--benchmark-storage={folder}",
            *((f"--benchmark-json={save}",) if save else ()),
        ]
        with _plain_environment(), contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter):
            code = pytest.main(arguments, plugins=[collector])
        if collector.failure:
            raise Failure(collector.failure)
        if code == pytest.ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        if code != pytest.ExitCode.OK:
            raise Failure(f"the benchmarks did not run, pytest says: {chatter.getvalue().strip()[-500:]}")
    return collector


@contextlib.contextmanager
def _plain_environment() -> Iterator[None]:
    """Without the caller's pytest options and plugins, which are for tests."""
    before = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _name(item: pytest.Item) -> str:
    """The function bench_big_board of bench_simulate.py is "simulate/big_board"."""
    return f"{item.path.stem.removeprefix('bench_')}/{item.name.removeprefix('bench_')}"


def _sentence(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:4])}"


_SHORT = {
    "board-generations/s": "board-gens/s",
    "cell-generations/s": "cell-gens/s",
    "trajectories/s": "traj/s",
    "sequences/s": "seq/s",
    "operations/s": "ops/s",
}


def _rate(record: Record) -> str:
    return f"{_number(record['rate'])} {_SHORT.get(record['unit'], record['unit'])}"


def _number(rate: float) -> str:
    sizes = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
    size, letter = next((pair for pair in sizes if rate >= pair[0]), (1, ""))
    return f"{rate / size:.3g}{letter}"


def _ratio(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _target(record: Record, beside: str) -> str:
    """What was aimed at beside this peer or limit, and whether it is met."""
    least = {record["limit"]: "{:.0%}".format, "rate": _number}.get(beside, _ratio)
    return ", ".join(
        f"≥{least(target['at_least'])} {'✓' if target['met'] else '✗'}"
        for target in record.get("targets", ())
        if target["beside"] == beside
    )


def _print_table(records: list[Record], notes: list[str]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    machine = hardware()
    title = f"{machine['cpu']}, {machine['cores']} cores" + (f", {machine['gpu']}" if "gpu" in machine else "")
    console.print(f"{title}; " + ", ".join(f"{name} {number}" for name, number in versions().items()))
    table = Table(
        Column("what", max_width=40),
        Column("rate", justify="right", no_wrap=True),
        "beside",
        Column("ratio", justify="right", no_wrap=True),
        Column("target", no_wrap=True),
        show_edge=False,
    )
    for record in records:
        lines = [
            (name, f"{_ratio(ratio)} x") for name, ratio in sorted(record["peers"].items(), key=lambda pair: pair[1])
        ]
        if record["limit"]:
            lines.append((record["limit"], f"{record['fraction_of_limit']:.0%}"))
        lines += [
            ("rate", f"{_ratio(target['found'] / target['at_least'])} x")
            for target in record.get("targets", ())
            if target["beside"] == "rate"
        ]
        lines += [(f"of a step: {part}", f"{value:.2f} ms") for part, value in record.get("milliseconds", {}).items()]
        for number, (beside, value) in enumerate(lines):
            begins = (record["what"], _rate(record)) if number == 0 else ("", "")
            table.add_row(*begins, beside, value, _target(record, beside), end_section=number == len(lines) - 1)
    console.print(table)
    console.print(
        "One thread unless it says otherwise; medians of rounds in which all sides took turns; results were checked "
        "against the peers'. x: times as fast as the peer; %: share of a limit of this machine, measured."
    )
    for note in notes:
        console.print(f"Note: {note}.", markup=False)
