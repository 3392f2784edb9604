"""Sweeps over agents as TOML files, in the form that the specs of `golfast.ablate` have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from golfast.rl.config import AgentConfig
from golfast.run.config import flatten, from_mapping, override, read_toml

STANDARD = Path(str(files("golfast.rl") / "specs" / "choices.toml"))
"""What the paper asked for: A2C against PPO, Adam against RMSprop, MLP against CNN."""


@dataclass(frozen=True, kw_only=True)
class AgentSweep:
    """Variants of one config, beside each other."""

    title: str
    seeds: int
    """Runs of each variant."""
    variants: Mapping[str, Mapping[str, Any]]
    """What each changes, by its label: dotted keys, the spec's base included."""


@dataclass(frozen=True, kw_only=True)
class _File:
    title: str
    variants: dict  # type: ignore[type-arg]
    counted: int = 3
    base: dict = field(default_factory=dict)  # type: ignore[type-arg]


@dataclass(frozen=True, kw_only=True)
class _Row:
    label: str = ""
    images: bool = False
    set: dict = field(default_factory=dict)  # type: ignore[type-arg]


def load_sweep(path: Path, config: AgentConfig) -> AgentSweep:
    """The sweep of a TOML file around a config.

    Its keys: title, counted (runs of each variant), a table [base] of changes that all variants share, and a table
    [variants.NAME] for each, with label, set (its changes) and images (leave it out where a game has no images).
    ValueError for a key that does not exist or a value that makes no sense; OSError if the file cannot be read.
    """
    mapping = read_toml(path)
    if "title" not in mapping or not mapping.get("variants"):
        raise ValueError(f"{path} needs a title and at least one table [variants.NAME]")
    file = from_mapping(_File, mapping)
    if file.counted < 1:
        raise ValueError(f"{path} is to count {file.counted} runs of each variant; count 1 or more")
    variants = {}
    for name, table in file.variants.items():
        if not isinstance(table, Mapping):
            raise ValueError(f"variants.{name} is a table; got {table!r}")
        row = from_mapping(_Row, table, within=f"variants.{name}.")
        changes = flatten(file.base) | flatten(row.set)
        if row.images and not _has_images(override(config, changes).environment.name):
            continue
        variants[row.label or name] = changes
    return AgentSweep(title=file.title, seeds=file.counted, variants=variants)


def _has_images(environment: str) -> bool:
    return environment == "brick" or environment.startswith("atari/")
