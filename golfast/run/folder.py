"""The run folder: one place for all that a run leaves behind."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.errors import Failure
from golfast.run.files import CheckpointFiles, replacing, write_json, write_text
from golfast.run.locks import lock

STAGES = ("network", "adversarial", "probes")  # a network taken from another run, and what may be trained on top
ADDED_TO = ("snapshots", "features", "tensorboard", "metrics.jsonl")  # what is written into; other files are replaced


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's files: config.toml, metrics.jsonl, weights.safetensors, checkpoints while it trains, result.json."""

    path: Path

    @property
    def config(self) -> Path:
        """All fields, resolved, as TOML."""
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        """One JSON object a line, as the run goes."""
        return self.path / "metrics.jsonl"

    @property
    def weights(self) -> Path:
        """The trained network."""
        return self.path / "weights.safetensors"

    @property
    def adversarial(self) -> Path:
        """The adversarial decoder, if one was trained."""
        return self.path / "adversarial.safetensors"

    @property
    def probes(self) -> Path:
        """The probes, if they were trained."""
        return self.path / "probes.safetensors"

    @property
    def checkpoint(self) -> CheckpointFiles:
        """What a killed training goes on from; removed when the run is done."""
        return CheckpointFiles(self.path / "checkpoint.pt")

    def stage_checkpoint(self, stage: str) -> CheckpointFiles:
        """The same of a network that is another run's, and of what is trained on top: a member of STAGES."""
        return CheckpointFiles(self.path / f"{stage}.pt")

    def drop_checkpoints(self) -> None:
        """Remove all checkpoints."""
        for files in (self.checkpoint, *map(self.stage_checkpoint, STAGES)):
            files.remove()

    @property
    def snapshots(self) -> Path:
        """What the network imagined at growing step counts, for the animation."""
        return self.path / "snapshots"

    @property
    def result(self) -> Path:
        """Figures of the finished run; a run without it is not finished."""
        return self.path / "result.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other jobs out of the folder, which is made if need be.

        Failure if one is at work in it, or if it does not hold its own parts (`check_parts`).
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.check_parts()
        handle = os.open(self.path, os.O_RDONLY)
        try:
            lock(handle, self.path, busy=f"another job is at work in {self.path}; wait for it, or end it")
            yield
        finally:
            os.close(handle)

    def check_parts(self) -> None:
        """Failure if a part that is written into is a link to somewhere outside of the folder."""
        for part in map(self.path.joinpath, ADDED_TO):
            if part.is_symlink() and not part.resolve().is_relative_to(self.path.resolve()):
                raise Failure(
                    f"{part} is a link to {part.readlink()}, outside of the run's folder, and nothing is written or "
                    "removed there; remove the link"
                )

    @property
    def begun(self) -> bool:
        """Whether there is a run to go on with, finished or not."""
        return self.config.exists()

    def earlier_result(self, *, resume: bool, same: Callable[[], bool]) -> dict[str, Any] | None:
        """The result of a finished run of the same config, None if there is a run to begin or to go on with.

        same: whether the config in the folder is the wanted one; asked only if there is one. ValueError if something is
        in the folder and `resume` is not set.
        """
        if not self.path.exists() or all(file.name.startswith(".") for file in self.path.iterdir()):
            return None  # at most what a job that was killed as it began left of a file
        if not resume:
            raise ValueError(f"{self.path} is not empty; give --resume to go on with the run in it, or another folder")
        return self.read_result() if self.config.exists() and same() and self.finished else None

    def start(self, config_toml: str) -> None:
        """Make the folder, or take up one that has the same config. Failure if it belongs to another config."""
        if self.config.exists() and self.config.read_text(encoding="utf-8") != config_toml:
            raise Failure(f"{self.path} holds a run of another config; give another folder, or remove that one")
        if not self.config.exists():
            write_text(self.config, config_toml)

    def clear(self) -> None:
        """Remove the run that is in the folder, and nothing else: other files stay. To be done while it is `locked`."""
        self.check_parts()
        self.result.unlink(missing_ok=True)
        self.drop_checkpoints()
        stages = self.adversarial, self.probes
        for file in (*stages, self.weights, self.metrics, *self.snapshots.glob("*.npy"), self.config):
            file.unlink(missing_ok=True)

    def log(self, record: dict[str, Any]) -> None:
        """Append one record to the metrics."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def read_log(self) -> list[dict[str, Any]]:
        """All records up to the first line that is none, as one that was cut short by a kill."""
        if not self.metrics.exists():
            return []
        records = []
        for line in self.metrics.read_bytes().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                break
            if not isinstance(record, dict) or not isinstance(record.get("step"), int):
                break
            records.append(record)
        return records

    def rewind_log(self, step: int) -> None:
        """Forget the records after `step`: a resumed run writes them again."""
        kept = [record for record in self.read_log() if record["step"] <= step]
        write_text(self.metrics, "".join(json.dumps(record) + "\n" for record in kept))

    def keep_snapshot_truth(self, states: NDArray[np.uint8]) -> None:
        """Keep the trajectory that the snapshots are of: (m, H, W) uint8 0/1."""
        with replacing(self.snapshots / "truth.npy") as temporary:
            np.save(temporary, states)

    def keep_snapshot(self, step: int, imagined: NDArray[np.uint8]) -> None:
        """Keep what is imagined of it at a step: (T, H, W) uint8, greys 0..255."""
        with replacing(self.snapshots / f"step-{step:07d}.npy") as temporary:
            np.save(temporary, imagined)

    def read_snapshots(self, last: int) -> tuple[NDArray[np.uint8], list[tuple[int, NDArray[np.float32]]]]:
        """The trajectory (m, H, W), and per step up to `last` what was imagined of it, (T, H, W) in 0..1."""
        kept = [(int(path.stem.removeprefix("step-")), path) for path in sorted(self.snapshots.glob("step-*.npy"))]
        pictures = [(step, _read_picture(path).astype(np.float32) / 255) for step, path in kept if step <= last]
        return _read_picture(self.snapshots / "truth.npy"), pictures

    def finish(self, result: dict[str, Any]) -> None:
        """Write the result, which marks the run as finished, and drop the checkpoints."""
        write_json(self.result, result)
        self.drop_checkpoints()

    @property
    def finished(self) -> bool:
        """Whether the run has ended and its weights are there."""
        return self.result.exists() and self.weights.exists()

    def read_result(self) -> dict[str, Any] | None:
        """The result of a finished run, or None."""
        if not self.result.exists():
            return None
        try:
            result: dict[str, Any] = json.loads(self.result.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise Failure(f"{self.result} is damaged ({error}); remove it and run again") from None
        if not isinstance(result, dict):
            raise Failure(f"{self.result} is damaged (it holds no result); remove it and run again")
        return result


def _read_picture(path: Path) -> Any:
    try:
        return np.load(path)
    except (EOFError, ValueError):
        raise Failure(f"{path} is damaged; remove it and run again") from None
