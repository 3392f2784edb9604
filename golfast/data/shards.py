"""Making a set in several files, on one machine or on many."""

from collections.abc import Callable
from pathlib import Path

from golfast.data.layout import check_complete, check_digest, open_layout, partial_path
from golfast.data.manifest import MANIFEST, Manifest, Shard, write_manifest
from golfast.data.recipe import Recipe
from golfast.data.writer import Progress, check_space, counted_from, make
from golfast.life.boards import whole_number
from golfast.run.config import difference

Write = Callable[[Path, int, int, Progress], object]
"""write(path, start, stop, progress): make the shard of these trajectories."""


def shard_name(index: int, shards: int) -> str:
    """The file name of a shard."""
    return f"{index:05d}-of-{shards:05d}.h5"


def shard_spans(count: int, shards: int) -> list[tuple[int, int]]:
    """Trajectories start..stop of each shard, as equal as can be. ValueError if there are not so many."""
    shards = whole_number("shards", shards)
    if not 1 <= shards <= min(count, 100_000):
        raise ValueError(f"{count} trajectories cannot be {shards} shards; give from 1 to {min(count, 100_000)}")
    return [(index * count // shards, (index + 1) * count // shards) for index in range(shards)]


def make_shards(
    folder: Path | str,
    recipe: Recipe,
    shards: int,
    *,
    shard: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done: None,
) -> Path:
    """Make the set of a recipe as files in `folder`, and the manifest once all of them are there.

    shard: make this one only, 0 to shards - 1. Machines that share a folder can have one each, and the last to end
    writes the manifest; without a shared folder, gather the files in one and call this with `resume`.
    `overwrite` replaces shard by shard, and the set has no manifest meanwhile. Otherwise as `make`, of each shard.

    Returns the folder. Raises as `make` does, and ValueError for numbers of shards that cannot be, or if the folder
    has files of another number of shards.
    """

    def write(path: Path, start: int, stop: int, progress: Progress) -> None:
        part = recipe.part(start, stop)
        make(path, part, resume=resume, overwrite=overwrite, workers=workers, progress=progress)

    folder, recipe = Path(folder), Recipe.check(recipe)
    if shard is None:
        present = sum(path.stat().st_blocks * 512 for path in folder.glob("*-of-*.h5*")) if folder.exists() else 0
        check_space(folder, recipe.count * recipe.trajectory_bytes, present)
    return write_shards(
        folder, recipe, shards, write, shard=shard, resume=resume, overwrite=overwrite, progress=progress
    )


def write_shards(
    folder: Path,
    recipe: Recipe,
    shards: int,
    write: Write,
    *,
    shard: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = lambda done: None,
) -> Path:
    """Have `write` make each shard, or the one asked for; then, if all are there, write the manifest."""
    spans = shard_spans(recipe.count, shards)
    if shard is not None and not 0 <= whole_number("shard", shard) < shards:
        raise ValueError(f"shard {shard} of {shards} cannot be; they are counted from 0 to {shards - 1}")
    _check_folder(folder, shards, resume=resume or shard is not None, overwrite=overwrite)
    if overwrite:
        (folder / MANIFEST).unlink(missing_ok=True)
    done = 0
    for index in range(shards) if shard is None else [shard]:
        write(folder / shard_name(index, shards), *spans[index], counted_from(progress, done))
        done += spans[index][1] - spans[index][0]
    paths = [folder / shard_name(index, shards) for index in range(shards)]
    if all(path.exists() for path in paths):
        entries = [_entry(path, recipe.part(*span)) for path, span in zip(paths, spans, strict=True)]
        write_manifest(folder, Manifest(recipe, tuple(entries)))
    return folder


def _entry(path: Path, recipe: Recipe) -> Shard:
    layout = open_layout(path)
    check_complete(path, layout)
    if layout.recipe != recipe:
        what = "; ".join(difference(recipe, layout.recipe))
        raise ValueError(f"{path} is of another recipe: {what}; take it away, or give --overwrite")
    return Shard(path.name, recipe.count, check_digest(path, layout))


def _check_folder(folder: Path, shards: int, *, resume: bool, overwrite: bool) -> None:
    """ValueError if what is in the folder must be left alone."""
    if not folder.exists():
        return
    names = {shard_name(index, shards) for index in range(shards)}
    names |= {partial_path(Path(name)).name for name in names}
    present = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    foreign = [name for name in present if name not in names and name != MANIFEST]
    if foreign:
        raise ValueError(f"{folder} has {foreign[0]} in it, which is not one of {shards} shards; give an empty folder")
    if present and not (resume or overwrite):
        raise ValueError(f"{folder} has {present[0]} in it; --resume goes on, --overwrite starts again")
