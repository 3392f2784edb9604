"""A run whose network another run has trained: only what is trained on top of it is still to be done."""

import dataclasses
import shutil

import torch

from golfast.errors import Failure
from golfast.model import Network, load_weights
from golfast.run.config import difference
from golfast.run.files import replacing
from golfast.run.folder import RunFolder
from golfast.train import Outcome, TrainConfig


def check_reuse(source: RunFolder, theirs: TrainConfig, config: TrainConfig) -> None:
    """Failure unless `source`, of config `theirs`, is a finished run whose network is the one that `config` asks for.

    The two may differ in what is trained on top of a network, which its training never sees.
    """
    same = dataclasses.replace(theirs, adversarial=config.adversarial, probes=config.probes)
    if others := difference(same, config):
        raise Failure(f"{source.path} has a network of another config: {', '.join(others[:3])}")
    result = source.read_result()
    if result is None or not source.finished:
        raise Failure(f"{source.path} has no finished run; go on with it: `golfast train --resume`")
    if lacking := {"outcome", "steps", "seconds_training", "steps_to_98"} - result.keys():
        raise Failure(f"{source.result} is damaged: it has no {min(lacking)}")
    if result["agreement"] is None:
        raise Failure(f"{source.path} has no network to build on: {result['outcome']}")


def reuse(source: RunFolder, folder: RunFolder, config: TrainConfig) -> Outcome:
    """Take a network over with all that its training left: weights, records, snapshots. What a training would give.

    The runs have passed `check_reuse`. Failure if a file is damaged.
    """
    with torch.device("meta"):
        network = Network(config.model)
    load_weights(network, source.weights)
    for path in [source.weights, source.metrics, *sorted(source.snapshots.glob("*.npy"))]:
        with replacing(folder.path / path.relative_to(source.path)) as temporary:
            shutil.copyfile(path, temporary)
    result, records = source.read_result(), source.read_log()
    assert result is not None
    return Outcome(
        network=network,
        steps=result["steps"],
        seconds=result["seconds_training"],
        accuracy=records[-1]["accuracy"] if records else [],
        steps_to_learn=result["steps_to_98"],
        outcome=result["outcome"],
    )
