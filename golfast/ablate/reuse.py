"""A run whose network another run has trained: only what is trained on top of it is still to be done."""

import dataclasses
import shutil

import torch

from golfast.errors import Failure
from golfast.model import Network, load_weights
from golfast.run.checkpoint import load_checkpoint, save_checkpoint, taken_up
from golfast.run.config import difference, fingerprint
from golfast.run.files import CheckpointFiles, replacing
from golfast.run.folder import RunFolder
from golfast.run.untrusted import check_shape
from golfast.run.watch import Watch
from golfast.train import Outcome, TrainConfig

_WHOLE = {"steps": int, "seconds_training": float, "outcome": str, "steps_to_98": [(int, None)], "run": str}


def check_reuse(source: RunFolder, theirs: TrainConfig, config: TrainConfig) -> None:
    """ValueError unless a network of config `theirs` is one that `config` asks for, Failure unless `source` has it.

    The two may differ in what is trained on top of a network, and in how that is computed: the training of the network
    sees neither.
    """
    free = {name: getattr(config, name) for name in ("adversarial", "probes", "engine", "precision")}
    if others := difference(dataclasses.replace(theirs, **free), config):
        raise ValueError(
            f"{source.path} has a network of another config: {', '.join(others[:3])}; only adversarial.*, probes.*, "
            "engine and precision can be other than its"
        )
    result = source.read_result()
    if result is None or not source.finished:
        raise Failure(f"{source.path} has no finished run; go on with `golfast train --resume --folder {source.path}`")
    source.read_result(_WHOLE)
    if result.get("agreement") is None:
        raise Failure(f"{source.path} has no network to build on: {result['outcome']}")
    records = source.read_log()
    if not records or not isinstance(records[-1].get("accuracy"), list):
        raise Failure(f"{source.metrics} is damaged or missing: it has no records of the training")
    if not (source.snapshots / "truth.npy").exists():
        raise Failure(f"{source.snapshots} is damaged or missing: it has no pictures of the training")
    source.read_snapshots(result["steps"])


def reuse(source: RunFolder, folder: RunFolder, config: TrainConfig) -> None:
    """Take a network over with all that its training left: weights, records, snapshots.

    The runs have passed `check_reuse`. Once this is done the source is needed no more, whatever happens.
    """
    for path in [source.weights, source.metrics, *sorted(source.snapshots.glob("*.npy"))]:
        with replacing(folder.path / path.relative_to(source.path)) as temporary:
            shutil.copyfile(path, temporary)
    result = source.read_result()
    assert result is not None
    save_checkpoint(_files(folder), {name: result[name] for name in _WHOLE}, config=fingerprint(config))


def reused(folder: RunFolder, config: TrainConfig, watch: Watch) -> tuple[Outcome, str] | None:
    """The outcome of a training whose network was taken over, and the name of the run that it is of; None if none was.

    watch is told the records of that training. Failure if a file is damaged.
    """
    saved = load_checkpoint(_files(folder), config=fingerprint(config))
    if saved is None:
        return None
    with torch.device("meta"):
        network = Network(config.model)
    load_weights(network, folder.weights)
    records = folder.read_log()
    for record in records:
        watch("train", record)
    with taken_up(_files(folder)):
        check_shape(saved, _WHOLE)
        outcome = Outcome(
            network=network,
            steps=saved["steps"],
            seconds=saved["seconds_training"],
            accuracy=records[-1]["accuracy"],
            steps_to_learn=saved["steps_to_98"],
            outcome=saved["outcome"],
        )
        return outcome, saved["run"]


def _files(folder: RunFolder) -> CheckpointFiles:
    return folder.stage_checkpoint("network")
