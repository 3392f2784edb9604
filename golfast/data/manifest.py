"""The manifest of a set in several files: manifest.toml, in one folder with its shards.

    format = "golfast-shards"
    format_version = 1
    [recipe]                 of the whole set
    [[shards]]               in the order of their boards
    file, count, digest      name in the same folder, trajectories, and what /digest in that file says

Each shard is a whole dataset by itself, of that part of the recipe. A set is whole when its manifest is there: it is
written last.
"""

import re
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import tomli_w

from golfast.data.layout import brief
from golfast.data.recipe import Recipe
from golfast.errors import Failure
from golfast.run.config import from_mapping, read_toml, to_mapping
from golfast.run.files import write_text

MANIFEST = "manifest.toml"
FORMAT = "golfast-shards"
FORMAT_VERSION = 1
_MOST_BYTES = 1 << 24  # there are 100,000 shards at most


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a set."""

    file: str
    count: int
    digest: str

    def is_possible(self) -> bool:
        """Whether this can be a shard: a name in its own folder, a count, 64 hexadecimal digits."""
        return (
            all(type(value) is str for value in (self.file, self.digest))
            and 0 < len(self.file) < 256
            and self.file.isprintable()
            and Path(self.file).name == self.file
            and type(self.count) is int
            and self.count >= 1
            and re.fullmatch("[0-9a-f]{64}", self.digest) is not None
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says."""

    recipe: Recipe
    shards: tuple[Shard, ...]

    def part(self, index: int) -> Recipe:
        """The recipe of a shard."""
        ends = list(accumulate((shard.count for shard in self.shards), initial=0))
        return self.recipe.part(ends[index], ends[index + 1])

    @property
    def text(self) -> str:
        """The file, as it is written."""
        contents: dict[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION}
        contents |= {"recipe": to_mapping(self.recipe)}
        contents |= {"shards": [{"file": s.file, "count": s.count, "digest": s.digest} for s in self.shards]}
        return tomli_w.dumps(contents)


def manifest_path(path: Path) -> Path | None:
    """The manifest that `path` stands for: itself, or the one in the folder; None if it is a file of another kind.

    Raises Failure for a folder without one.
    """
    if path.is_dir():
        if not (path / MANIFEST).exists():
            raise Failure(f"{path} is a folder without {MANIFEST}: not a set of shards, or not finished")
        return path / MANIFEST
    return path if path.suffix == ".toml" else None


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest into its folder, whole or not at all."""
    write_text(folder / MANIFEST, manifest.text)
    return folder / MANIFEST


def read_manifest(path: Path) -> Manifest:
    """Read a manifest. Failure, in one sentence, if it is not one; OSError if it cannot be read."""
    try:
        contents = read_toml(path, most=_MOST_BYTES)
        if contents.get("format") != FORMAT:
            raise Failure(f"{path} is not a manifest of shards: it has no format = {FORMAT!r}")
        version = contents["format_version"]
        if type(version) is not int or version < 1:
            raise ValueError("its format_version is no number")
        if version > FORMAT_VERSION:
            raise Failure(f"{path} has format version {version}; this golfast reads up to {FORMAT_VERSION}: update it")
        recipe = from_mapping(Recipe, contents["recipe"])
        shards = tuple(Shard(**shard) for shard in contents["shards"])
        for number, shard in enumerate(shards):
            if not shard.is_possible():
                raise Failure(f"{path} is damaged: what it says of shard {number} cannot be")
        if sum(shard.count for shard in shards) != recipe.count:
            raise Failure(f"{path} is damaged: its shards do not add up to {recipe.count} trajectories")
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Failure(f"{path} is not a whole manifest of shards ({brief(error)})") from None
    return Manifest(recipe, shards)
