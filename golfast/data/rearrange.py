"""Merging, splitting and converting datasets: the same trajectories in other files."""

from collections.abc import Iterable
from pathlib import Path

from golfast.data.archive import write_archive
from golfast.data.layout import PROFILES
from golfast.data.reader import Trajectories
from golfast.data.shards import write_shards
from golfast.data.writer import Progress, write_train
from golfast.life.simulate import check_choice

WRITERS = dict(zip(PROFILES, (write_train, write_archive), strict=True))


def check_profile(profile: str) -> str:
    """`profile`, if there is one of that name; otherwise a ValueError that lists them."""
    return check_choice("profile", profile, PROFILES)


def merge(
    sources: Iterable[Path | str],
    path: Path | str,
    *,
    profile: str = "train",
    resume: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done: None,
) -> Path:
    """Write consecutive parts of one set, files or folders of shards in any order, as the one file that they make.

    Its bytes are those of a file made of the whole recipe at once. profile: "train" or "archive". What is read is
    checked. `resume`, `overwrite` and `workers` are as in `make`; a job killed while it wrote an archive starts again.

    Memory does not grow with the set. What is written takes what `make` or `write_archive` says. An archive that is
    read takes 4 + 2 * `workers` blocks of at most 4 MiB more: four that it keeps, and on each thread one that is
    decoded, with its bytes. What the system's allocator keeps of freed blocks comes on top; `split` of an archive by 2
    workers has taken 57 MB above its base without that, and from 63 to 137 MB with it.

    Returns the path. Raises ValueError if the parts are not consecutive, or are of several sets; Failure if one is
    damaged; otherwise as `make` and `Trajectories`.
    """
    dataset = Trajectories.joined(sources)
    write = WRITERS[check_profile(profile)]
    return write(
        Path(path),
        dataset.recipe,
        dataset.read,
        resume=resume,
        overwrite=overwrite,
        workers=workers,
        progress=progress,
    )


def convert(
    source: Path | str,
    path: Path | str,
    *,
    profile: str,
    resume: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done: None,
) -> Path:
    """Write a dataset as a file of another profile. There and back gives the same bytes. Otherwise as `merge`."""
    return merge(
        [source], path, profile=profile, resume=resume, overwrite=overwrite, workers=workers, progress=progress
    )


def split(
    source: Path | str,
    folder: Path | str,
    shards: int,
    *,
    profile: str = "train",
    resume: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done: None,
) -> Path:
    """Write a dataset as so many files, nearly equal, with a manifest, into `folder`. Memory, too, as in `merge`."""
    dataset = Trajectories(source)
    write_part = WRITERS[check_profile(profile)]

    def write(path: Path, start: int, stop: int, progress: Progress) -> None:
        write_part(
            path,
            dataset.recipe.part(start, stop),
            lambda low, high, out: dataset.read(start + low, start + high, out),
            resume=resume,
            overwrite=overwrite,
            workers=workers,
            progress=progress,
        )

    return write_shards(
        Path(folder), dataset.recipe, shards, write, resume=resume, overwrite=overwrite, progress=progress
    )
