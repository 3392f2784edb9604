"""What `golfast evaluate` takes from a TOML file."""

from dataclasses import dataclass

from golfast.imagine.evaluate import EVALUATED
from golfast.imagine.score import check_threshold


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """On what a run is evaluated, and what counts as a match."""

    sequences: int = EVALUATED
    """How many to evaluate on."""
    threshold: float = 0.95
    """Share of cells that makes a match."""
    data: str = ""
    """A dataset, relative to where the command runs; the run's own test data if left out."""

    def __post_init__(self) -> None:
        if self.sequences < 1:
            raise ValueError(f"sequences is {self.sequences}; it must be 1 or more")
        check_threshold(self.threshold)
