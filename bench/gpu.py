"""`make gpu`: on a machine with a GPU, the tests marked gpu and every benchmark, as one dated JSON file.

Each suite runs in a process of its own: one that fails, or that takes what time is left, costs no other its figures.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from golfast.run.files import write_json
from golfast.run.hardware import hardware, versions

from .suite import SUITES

WITHIN = 600.0  # seconds that all of it may take
# What no other machine can measure comes first.
ORDER = sorted(SUITES, key=lambda suite: not suite.startswith("gpu"))
GOLFAST = (sys.executable, "-c", "from golfast_cli import main; main()")
PYTEST = (sys.executable, "-m", "pytest")


def measure(
    suites: Sequence[str] = ORDER,
    *,
    golfast: Sequence[str] = GOLFAST,
    pytest: Sequence[str] = PYTEST,
    within: float = WITHIN,
) -> dict[str, Any]:
    """Run the marked tests, then suites until the time is up. What could not be done is told under "failures".

    golfast, pytest: how they are called.
    """
    began = time.monotonic()
    failures: list[str] = []
    tests = _tests(pytest, within, failures)
    records: list[Any] = []
    notes: list[str] = []
    for suite in suites:
        left = max(0.0, within - (time.monotonic() - began))
        found = _suite(golfast, suite, left, failures)
        records += found.get("benchmarks", [])
        notes += [note for note in found.get("notes", []) if note not in notes]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": hardware(),
        "versions": versions(),
        "seconds": round(time.monotonic() - began, 1),
        "tests": tests,
        "benchmarks": records,
        "notes": notes,
        "failures": failures,
    }


def save(found: dict[str, Any], folder: Path) -> Path:
    """Write what was found to gpu-DEVICE-DATE.json in a folder."""
    device = re.sub(r"[^a-z0-9]+", "-", str(found["machine"].get("gpu", "none")).lower()).strip("-")
    path = folder / f"gpu-{device}-{found['date'][:10]}.json"
    write_json(path, found)
    return path


def main(arguments: Sequence[str], folder: Path = Path("results")) -> int:
    """Measure and save; with --check only see whether there is a GPU. Returns the exit code."""
    if not torch.cuda.is_available():
        print(f"make gpu needs a GPU, and torch {torch.__version__} sees no CUDA device here.", file=sys.stderr)
        return 1
    if "--check" in arguments:
        return 0
    found = measure()
    path = save(found, folder)
    print(f"{path}: {len(found['benchmarks'])} benchmarks, {found['seconds']:.0f} s")
    for failure in found["failures"]:
        print(failure, file=sys.stderr)
    return 1 if found["failures"] else 0


def _tests(pytest: Sequence[str], seconds: float, failures: list[str]) -> dict[str, Any]:
    """Run the tests marked gpu, at most so long; how many there were."""
    print("tests marked gpu ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="golfast-gpu-") as folder:
        report = Path(folder) / "tests.xml"
        try:
            subprocess.run([*pytest, "-q", "-m", "gpu", f"--junitxml={report}"], timeout=seconds, stdout=sys.stderr)
        except subprocess.TimeoutExpired:
            failures.append(f"the tests marked gpu did not end in {seconds:.0f} s")
            return {}
        if not report.exists():
            failures.append("the tests marked gpu could not be run")
            return {}
        suite = next(xml.etree.ElementTree.parse(report).iter("testsuite"))
    failures += [
        f"test {case.get('classname')}::{case.get('name')} failed"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    if counts["tests"] == counts["skipped"]:
        failures.append("no test marked gpu was run")
    return {**counts, "seconds": float(suite.get("time", 0))}


def _suite(golfast: Sequence[str], suite: str, seconds: float, failures: list[str]) -> dict[str, Any]:
    """Run a suite, at most so long; what `golfast bench --json` prints."""
    print(f"{suite} ...", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [*golfast, "bench", suite, "--json", "--quiet"], timeout=seconds, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired:
        failures.append(f"suite {suite} did not end in the {seconds:.0f} s that were left")
        return {}
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        failures.append(f"suite {suite}: {words[-1]}")
        return {}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
