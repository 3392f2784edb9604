"""What earlier runs took: from a results file and from run folders. What cannot be read is passed over."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golfast.ablate.store import Store
from golfast.errors import Failure
from golfast.run.config import read_toml
from golfast.run.folder import RunFolder

_MOST_FOLDERS = 300
_GREATEST = 2**63


@dataclass(frozen=True, slots=True)
class PastRun:
    """A finished run: its config and its result, as they were written."""

    config: dict[str, Any]
    result: dict[str, Any]


def past_runs(results: Iterable[Path], folder: Path | None = None) -> list[PastRun]:
    """The finished runs of results files, and of the run folders in `folder` and in `folder`/trials."""
    found = []
    for path in results:
        with suppress(Failure, OSError), Store.reading(path) as store:
            found += [PastRun(trial.config, trial.result) for trial in store.trials() if trial.result]
    if folder is not None:
        runs = sorted((*folder.glob("*/result.json"), *folder.glob("trials/*/result.json")))
        for path in runs[:_MOST_FOLDERS]:
            run = RunFolder(path.parent)
            with suppress(Failure, OSError, ValueError):
                if result := run.read_result():
                    found.append(PastRun(read_toml(run.config), result))
    return found


def is_number(value: object) -> bool:
    """Whether it is a number that a run may have: not below zero, and no larger than any of ours."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _GREATEST
