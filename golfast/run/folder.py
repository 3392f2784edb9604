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
from golfast.run.seal import check_sealed, digest_of, sealed, unsealed
from golfast.run.shapes import RECORD, RESULT
from golfast.run.untrusted import (
    JSON_BYTES,
    TOML_BYTES,
    Shape,
    check_shape,
    open_regular,
    parse_json,
    parse_toml,
    read_bytes,
    read_json,
)

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
        if self.config.exists() and read_bytes(self.config, TOML_BYTES) != config_toml.encode():
            raise Failure(f"{self.path} holds a run of another config; give another folder, or remove that one")
        if not self.config.exists():
            write_text(self.config, config_toml)
        self.result.unlink(missing_ok=True)  # of a run whose weights have gone: it is no result of this one

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
        """All records; without a last line that was cut short by a kill.

        Failure if another line is no record, or if the run is finished and this is not the log that it left.
        """
        return [record for record, _ in self._read_log()]

    def rewind_log(self, step: int, digest: str | None = None) -> None:
        """Forget the records after `step`: a resumed run writes them again.

        digest: what `log_digest` was when the run was there. Failure if the log has changed since; one that was removed
        begins anew.
        """
        text = "".join(f"{line}\n" for record, line in self._read_log() if record["step"] <= step)
        if digest is not None and self.metrics.exists() and digest_of(text.encode()) != digest:
            raise Failure(
                f"{self.metrics} is damaged: it is not what the run had written; remove it to go on without its records"
            )
        write_text(self.metrics, text)

    def log_digest(self) -> str:
        """A digest of all records so far, for a checkpoint."""
        return digest_of(self.metrics.read_bytes() if self.metrics.exists() else b"")

    def _read_log(self) -> list[tuple[dict[str, Any], str]]:
        """Each record, and the line that it is."""
        if not self.metrics.exists():
            return []
        content = read_bytes(self.metrics, JSON_BYTES)
        self._check_seal(self.metrics, content)
        found = []
        for number, line in enumerate(content.split(b"\n")[:-1], 1):
            try:
                found.append((parse_json(line.decode(), RECORD), line.decode()))
            except ValueError as error:
                raise Failure(
                    f"line {number} of {self.metrics} is damaged ({error}); remove that line to go on without it"
                ) from None
        return found

    def read_config(self) -> dict[str, Any]:
        """The tables of the run's config. Failure if it is damaged; OSError if it cannot be read."""
        content = read_bytes(self.config, TOML_BYTES)
        self._check_seal(self.config, content)
        try:
            return parse_toml(content.decode())
        except ValueError as error:
            raise Failure(f"{self.config} is damaged: {error}") from None

    def check_named(self, fingerprint: str) -> None:
        """Failure if the config in the folder, which has this fingerprint, is not the one that the result is of."""
        result = self.read_result() or {}
        if (named := result.get("run", fingerprint)) != fingerprint:
            raise Failure(
                f"{self.config} is damaged: it is the config of run {fingerprint}, and the result is of {named}"
            )

    def _check_seal(self, path: Path, content: bytes) -> None:
        if not self.result.exists():
            return
        _, digests = self._read_result()
        try:
            check_sealed(path.name, content, digests)
        except Failure as error:
            raise Failure(f"{path} is damaged: {error}; {_MEND}") from None

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
        names = sorted(self.snapshots.glob("step-*.npy"))
        kept = [(int(path.stem[5:]), path) for path in names if path.stem[5:].isdecimal()]
        pictures = [
            (step, np.divide(_read_picture(path), 255, dtype=np.float32)) for step, path in kept if step <= last
        ]
        return _read_picture(self.snapshots / "truth.npy"), pictures

    def finish(self, result: dict[str, Any]) -> None:
        """Write the result, which marks the run as finished, seal it, and drop the checkpoints."""
        files = {path.name: path.read_bytes() for path in (self.config, self.metrics) if path.exists()}
        write_json(self.result, sealed(result, files))
        self.drop_checkpoints()

    @property
    def finished(self) -> bool:
        """Whether the run has ended and its weights are there."""
        return self.result.exists() and self.weights.exists()

    def read_result(self, shape: Shape = RESULT) -> dict[str, Any] | None:
        """The result of a finished run, without its seal, or None. Failure if it is damaged, or not of this shape."""
        return self._read_result(shape)[0] if self.result.exists() else None

    def _read_result(self, shape: Shape = RESULT) -> tuple[dict[str, Any], dict[str, str]]:
        """The result, and the digests of the files beside it."""
        try:
            found = read_json(self.result, {})
        except Failure as error:
            raise Failure(f"{error}; {_MEND}") from None
        try:
            result, digests = unsealed(found)
            check_shape(result, shape)
        except (Failure, ValueError) as error:
            raise Failure(f"{self.result} is damaged: {error}; {_MEND}") from None
        return result, digests


_MEND = "remove it and run again"


def _read_picture(path: Path) -> NDArray[np.uint8]:
    try:
        with open_regular(path) as file:
            found = np.load(file)
    except (Failure, OSError):
        raise
    except Exception:  # NumPy reads the header as Python, and finds what it says impossible in many ways
        raise Failure(f"{path} is damaged; {_MEND}") from None
    if not isinstance(found, np.ndarray) or found.dtype != np.uint8 or found.ndim != 3:
        raise Failure(f"{path} is damaged: it holds no pictures; {_MEND}")
    return found
