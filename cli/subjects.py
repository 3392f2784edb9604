"""What `golfast features` can look into: a run folder as a network to probe, its world, and how its inputs look."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from golfast.features import Look, Probe, World


@dataclass(frozen=True)
class Subject:
    """A trained network and all that its features are studied with."""

    name: str
    probe: "Probe"
    untrained: "Probe"
    """The same network before its first step of training."""
    world: "World"
    look: "Look"
    shown: tuple[str, ...]
    """Addresses of the layers that are shown if none is asked for."""
    real: str
    """What the real inputs are, in words."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What the units of some layers are called, by address."""
    findings: Callable[["Subject", Path, Any], dict[str, Any]] | None = None
    """What only this kind of network can be asked: takes the subject, draws pictures into a folder, tells a display,
    returns figures."""


def check_examples(count: int, shape: tuple[int, ...]) -> None:
    """ValueError unless so many real inputs of this shape, as float32, leave room for what is done with them."""
    from golfast.train.ahead import memory_bytes

    each = 4 * math.prod(shape)
    if (most := memory_bytes() // (4 * each)) < count:
        raise ValueError(f"--examples {count:,} of {each:,} bytes each do not fit here; give at most {most:,}")


def load_subject(run: Path, examples: int) -> Subject:
    """The subject of a run folder, with so many real inputs. Failure or OSError if the folder is no finished run."""
    from golfast.run.folder import RunFolder

    folder = RunFolder(run)
    if folder.config.exists() and "environment" in folder.read_config():
        from .subject_agent import load_agent_subject

        return load_agent_subject(run, examples)
    from .subject_life import load_life_subject

    return load_life_subject(run, examples)
