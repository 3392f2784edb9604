"""What a run is called. Loads no torch where the machine leaves no doubt of what it will run on."""

from pathlib import Path

from golfast.run.config import fingerprint
from golfast.run.folder import RunFolder
from golfast.train.config import TrainConfig
from golfast.train.engines import as_it_would_run


def default_folder(config: TrainConfig, device: str = "auto", root: Path = Path("runs")) -> RunFolder:
    """The folder named by the hash of a config as it will run on this device."""
    return RunFolder(root / fingerprint(as_it_would_run(config, device)))
