"""A finished run from its folder, in one call."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.ablate.trial import load_trial
from golfast.imagine.decode import BATCH, imagine
from golfast.model import Network
from golfast.run.arrays import as_array
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute
from golfast.train import TrainConfig


@dataclass(frozen=True)
class Run:
    """A run of `golfast train` or `golfast demo`: what it was told, what it learned and what came of it."""

    path: Path
    config: TrainConfig
    network: Network
    """On `compute.device`."""
    result: dict[str, Any] | None
    """What result.json holds; None if the folder has none."""
    compute: Compute

    def imagine(self, boards: object) -> NDArray[np.float32]:
        """What the network draws of its hidden states, from boards as first states.

        boards: (N, H, W), or (H, W) for one, 0 and 1 of any type, of any size. Returns (N, T, H, W), or (T, H, W):
        timesteps 1..T, the last of which was trained, so that `golfast.interpretability` takes `[:, :-1]`. A cell is
        alive where it is above 0.5. ValueError for other shapes and values.
        """
        cells = as_array("boards", boards)
        if cells.ndim not in (2, 3) or 0 in cells.shape[-2:]:
            raise ValueError(f"boards have shape (N, H, W), or (H, W) for one; got shape {cells.shape}")
        if cells.dtype.kind not in "buif" or not ((cells == 0) | (cells == 1)).all():
            raise ValueError("boards hold values other than 0 and 1")
        first = cells.reshape(-1, *cells.shape[-2:]).astype(np.uint8)
        drawn = np.empty((len(first), self.config.model.timesteps, *first.shape[1:]), np.float32)
        for start in range(0, len(first), BATCH):
            drawn[start : start + BATCH] = imagine(self.network, first[start : start + BATCH], self.compute)
        return drawn if cells.ndim == 3 else drawn[0]


def load(path: Path | str, device: str = "auto") -> Run:
    """Load a run folder. device: "auto", "cpu" or "cuda", where its network is to be.

    Failure, FileNotFoundError or ValueError, each in one sentence, if the folder is no run of a network, or is damaged.
    """
    config, network, compute = load_trial(path, device)
    return Run(Path(path), config, network, RunFolder(Path(path)).read_result(), compute)
