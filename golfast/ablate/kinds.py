"""What the trials of a sweep are: networks that predict Life, or agents that play."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from golfast.ablate.draw import Range
from golfast.ablate.jobs import Work

if TYPE_CHECKING:
    from golfast.ablate.cost import Guess
    from golfast.ablate.past import PastRun


class Kind(Protocol):
    """One kind of trial. A trial's config is a frozen dataclass with a seed."""

    @property
    def recipes(self) -> tuple[str, ...]:
        """Named configs for variants to change, every one of which a spec must make sense with; the default first."""

    @property
    def left_to_machine(self) -> tuple[str, ...]:
        """Config keys whose "auto" stands for how a thing is computed, not for what."""

    def config(self, recipe: str, seed: int) -> Any:
        """The config of a recipe before a variant changes it. ValueError for an unknown name."""

    def draw(self, recipe: str) -> Mapping[str, Range]:
        """What a recipe draws anew for each seed, where a variant does not say otherwise."""

    def as_run(self, config: Any, device: str, *, stacked: bool = False) -> Any:
        """The config as it will run on this device: what "auto" stands for is part of what a run is.

        stacked: whether "auto" is to stand for the engine that trains many networks as one.
        """

    def work(self, folder: Path, device: str) -> Work:
        """What a worker does with a trial."""

    def check(self, config: Any, device: str) -> None:
        """Failure if a config, as it will run, asks for more than this machine has."""

    def guess(self, configs: Sequence[Any], device: str, past: "Sequence[PastRun]") -> "list[Guess]":
        """What trials of these configs, as they will run, take here: from earlier runs and counts, nothing is run."""

    def doubts(self, config: Any) -> str | None:
        """What should be told of a config before it runs, in a sentence; None if nothing."""

    def at_most_seconds(self, config: Any, device: str) -> float:
        """Seconds that a trial of this config takes here at most, from a short measurement."""


def kind_of(name: str) -> Kind:
    """The kind of this name, whose module is loaded now. ValueError for an unknown name."""
    if name == "networks":
        from golfast.ablate.networks import Networks

        return Networks()
    if name == "agents":
        from golfast.ablate.agents import Agents

        return Agents()
    raise ValueError(f"kind is {name!r}; allowed are: {', '.join(KINDS)}")


KINDS = ("networks", "agents")
