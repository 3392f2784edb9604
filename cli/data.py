"""`golfast data`: datasets."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import Group, check_resumed, examples, json_option, no_lock_option, quiet_option
from .paths import DATASET, FILE, FOLDER, NEW_DATASET, OUT
from .printing import columns, is_terminal, show, show_plan

if TYPE_CHECKING:
    from golfast.data import Trajectories

resume_option = click.option("--resume", is_flag=True, help="Go on with what a killed job left, to the same bytes.")
overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace an existing file, once the new one is whole."
)
workers_option = click.option("--workers", type=click.IntRange(1), help="Threads.  [default: the cores there are]")
profile_option = click.option(
    "--profile",
    default="train",
    show_default=True,
    help='"train" (contiguous, for random access) or "archive" (zstd: 1.6 times smaller, and more if boards settle).',
)

RECIPE_OPTIONS = {
    "rule": (str, 'Rule of the world, such as "B3/S23" or "highlife".'),
    "boundary": (str, '"dead" or "torus".'),
    "height": (int, "Rows of a board."),
    "width": (int, "Columns of a board."),
    "generations": (int, "Steps of the world per trajectory."),
    "seed": (int, "Decides every bit."),
    "split": (str, '"train", "validation" or "test"; they never share a board.'),
    "fresh": (float, "Chance that a first state is a plain soup; the others have aged."),
    "density": (float, "Chance that a cell of a soup is alive."),
    "count": (int, "Trajectories."),
    "start": (int, "Number of the first board; sets of consecutive numbers can be merged."),
}


def recipe_options(command: Any) -> Any:
    """Give a command one option for each field of a recipe."""
    for name, (kind, text) in reversed(RECIPE_OPTIONS.items()):
        command = click.option(f"--{name}", type=kind, help=text)(command)
    return command


@click.group(cls=Group)
def data() -> None:
    """Make, describe, check and rearrange datasets of trajectories (HDF5, packed bits)."""


@data.command(
    epilog=examples(
        "golfast data make train.h5                       the paper's data: 200,000 trajectories of 20x20 boards",
        "golfast data make big.h5 --count 50000000        12 GB; a killed job goes on with --resume",
        "golfast data make huge --count 4000000000 --shards 64             a folder of 64 files and their manifest",
        "golfast data make huge --count 4000000000 --shards 64 --shard 5   one of them; another machine has another",
        "golfast data make x.h5 --recipe datasets/life-20x20/recipe.toml --split test --count 10000",
        "golfast data make x.h5 --rule highlife --boundary torus --dry-run",
    )
)
@click.argument("path", type=NEW_DATASET)
@click.option("--recipe", "recipe_file", type=FILE, help="TOML file with the fields below; options win over it.")
@recipe_options
@click.option("--shards", type=click.IntRange(1), help="Make PATH a folder with so many files and a manifest.")
@click.option("--shard", type=click.IntRange(0), help="Make this one of them only, counted from 0.")
@resume_option
@overwrite_option
@no_lock_option
@workers_option
@click.option("--dry-run", is_flag=True, help="Print the resolved recipe and its size, and make nothing.")
@json_option
@quiet_option
def make(
    path: Path,
    recipe_file: Path | None,
    shards: int | None,
    shard: int | None,
    resume: bool,
    overwrite: bool,
    workers: int | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **fields: Any,
) -> None:
    """Make the dataset PATH from a recipe. The same recipe always makes the same bits."""
    from golfast.data import Recipe, make_shards
    from golfast.data import make as make_dataset
    from golfast.data.shards import shard_spans
    from golfast.run.config import from_mapping, read_toml, to_mapping, to_toml
    from golfast.run.files import result_file
    from golfast.run.progress import Display

    given = {name: value for name, value in fields.items() if value is not None}
    recipe = from_mapping(Recipe, (read_toml(recipe_file) if recipe_file else {}) | given)
    if shard is not None and shards is None:
        raise ValueError("--shard says which of --shards to make; give both")
    count = recipe.count
    if shards is not None:
        spans = shard_spans(count, shards)
        if shard is not None and shard < shards:
            count = spans[shard][1] - spans[shard][0]
    size = count * recipe.trajectory_bytes
    result = {"path": str(path), "packed_bytes": size, "shards": shards, "shard": shard, "recipe": to_mapping(recipe)}
    if dry_run:
        show_plan(result, f"{path}: {size / 1e6:,.1f} MB", to_toml(recipe), as_json=as_json)
        return
    _check_place(path, resume, shards)
    with Display(quiet=quiet) as display:
        phase = display.phase(f"make {path.name}", count, unit="trajectory")
        how: dict[str, Any] = {"resume": resume, "overwrite": overwrite, "workers": workers, "progress": phase.update}
        if shards is None:
            with result_file(path) as target:
                make_dataset(target, recipe, **how)
        else:
            make_shards(path, recipe, shards, shard=shard, **how)
        phase.done()
    show(result, [("made", f"{path}  ({count:,} trajectories, {size / 1e6:,.1f} MB)")], as_json=as_json)


@data.command(
    epilog=examples(
        "golfast data merge all.h5 one.h5 two.h5 three.h5",
        "golfast data merge all.h5 huge                   a folder of shards as one file",
    )
)
@click.argument("path", type=OUT)
@click.argument("parts", type=DATASET, nargs=-1, required=True)
@profile_option
@resume_option
@overwrite_option
@no_lock_option
@workers_option
@json_option
@quiet_option
def merge(path: Path, parts: tuple[Path, ...], **options: Any) -> None:
    """Write PARTS, which hold consecutive boards of one set, as the one file PATH.

    It has the bytes of a file made at once.
    """
    from golfast.data import Trajectories
    from golfast.data import merge as merge_datasets

    def work(target: Path, **how: Any) -> None:
        merge_datasets(parts, target, **how)

    _rearrange("merge", path, Trajectories.joined(parts), work, **options)


@data.command(
    epilog=examples("golfast data split all.h5 parts --shards 8", "golfast data merge again.h5 parts    the same bytes")
)
@click.argument("source", type=DATASET)
@click.argument("folder", type=FOLDER)
@click.option("--shards", type=click.IntRange(1), required=True, help="How many files.")
@profile_option
@resume_option
@overwrite_option
@no_lock_option
@workers_option
@json_option
@quiet_option
def split(source: Path, folder: Path, shards: int, **options: Any) -> None:
    """Write the dataset SOURCE as several files and their manifest into FOLDER."""
    from golfast.data import Trajectories
    from golfast.data import split as split_dataset

    def work(target: Path, **how: Any) -> None:
        split_dataset(source, target, shards, **how)

    _rearrange("split", folder, Trajectories(source), work, shards=shards, **options)


@data.command(
    epilog=examples(
        "golfast data convert train.h5 cold.h5 --profile archive",
        "golfast data convert cold.h5 train.h5 --profile train     the same bytes as before",
    )
)
@click.argument("source", type=DATASET)
@click.argument("path", type=OUT)
@profile_option
@resume_option
@overwrite_option
@no_lock_option
@workers_option
@json_option
@quiet_option
def convert(source: Path, path: Path, **options: Any) -> None:
    """Write the dataset SOURCE as the file PATH of another profile."""
    from golfast.data import Trajectories
    from golfast.data import convert as convert_dataset

    def work(target: Path, **how: Any) -> None:
        convert_dataset(source, target, **how)

    _rearrange("convert", path, Trajectories(source), work, **options)


@data.command(
    epilog=examples(
        "golfast data info train.h5",
        "golfast data info train.h5 --png sample.png",
        "golfast data info huge --json",
    )
)
@click.argument("path", type=DATASET)
@click.option("--png", type=OUT, help="Also draw the sample trajectory.")
@json_option
def info(path: Path, png: Path | None, as_json: bool) -> None:
    """Describe the dataset PATH: its recipe, its size, and a look at its states."""
    from golfast.data import Trajectories, describe
    from golfast.data.blocks import strip_lines
    from golfast.run.config import to_mapping

    dataset = Trajectories(path)
    recipe, files = dataset.recipe, dataset.files
    figures = describe(dataset)
    size = sum(file.path.stat().st_size for file in files)
    profiles = sorted({file.layout.profile for file in files})
    sample = figures["liveliest"]
    states = dataset.cells(slice(sample, sample + 1))[0]
    if png is not None:
        _draw(png, states, f"trajectory {sample} of {path.name}")
    result = {
        "path": str(path),
        "bytes": size,
        "files": len(files),
        "profiles": profiles,
        "digests": [file.digest for file in files],
        "recipe": to_mapping(recipe),
        **figures,
    }
    shards = "" if len(files) == 1 else f", {len(files)} shards"
    rows = [
        ("file", f"{path}  ({size / 1e6:,.1f} MB{shards}, profile {' and '.join(profiles)})"),
        ("trajectories", f"{recipe.count:,} of {recipe.states} states, {recipe.height} x {recipe.width} cells"),
        ("world", f"{recipe.rule}, {recipe.boundary} boundary"),
        (
            "first states",
            f"seed {recipe.seed}, split {recipe.split}, boards {recipe.start:,} to "
            f"{recipe.start + recipe.count - 1:,}, density {recipe.density}, fresh {recipe.fresh}",
        ),
        ("live cells", "  ".join(f"{value:.1%}" for value in figures["density"]) + "  (state by state)"),
        (
            "changing cells",
            ("  ".join(f"{value:.1%}" for value in figures["activity"]) + "  (from state to state)")
            if figures["activity"]
            else "none: there is one state",
        ),
        ("settled boards", f"{figures['settled']:.1%}  (the last two states are equal)"),
        ("figures from", f"{figures['sampled']:,} trajectories"),
        ("sample", f"trajectory {sample}, the liveliest of those looked at first"),
    ]
    wide = columns() - max(len(name) for name, _ in rows) - 2 if is_terminal(sys.stdout) else 100
    rows += [("", line) for line in strip_lines(states, columns=max(1, wide))]
    show(result, rows, as_json=as_json)


@data.command(epilog=examples("golfast data verify train.h5", "golfast data verify train.h5 --regenerate"))
@click.argument("path", type=DATASET)
@click.option("--regenerate", is_flag=True, help="Also make every block anew from the recipe, and compare.")
@workers_option
@json_option
@quiet_option
def verify(path: Path, regenerate: bool, workers: int | None, as_json: bool, quiet: bool) -> None:
    """Check every byte of PATH against its checksums. Exit code 1 names what is wrong, and where."""
    from golfast.data import verify as verify_dataset
    from golfast.data.layout import open_layout
    from golfast.data.manifest import manifest_path, read_manifest
    from golfast.run.progress import Display

    manifest = manifest_path(path)
    recipe = open_layout(path).recipe if manifest is None else read_manifest(manifest).recipe
    with Display(quiet=quiet) as display:
        phase = display.phase(f"verify {path.name}", recipe.count, unit="trajectory")
        blocks = verify_dataset(path, regenerate=regenerate, workers=workers, progress=phase.update)
        phase.done()
    against = "checksums and recipe" if regenerate else "checksums"
    show(
        {"path": str(path), "blocks": blocks, "regenerated": regenerate, "intact": True},
        [("intact", f"{path}  ({blocks} blocks against their {against})")],
        as_json=as_json,
    )


def _rearrange(
    verb: str,
    path: Path,
    dataset: "Trajectories",
    work: Callable[..., object],
    *,
    shards: int | None = None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Do it under a progress bar, and say what was written."""
    from golfast.data import Trajectories
    from golfast.run.files import result_file
    from golfast.run.progress import Display

    _check_place(path, options["resume"], shards)
    with Display(quiet=quiet) as display, result_file(path) as target:
        phase = display.phase(f"{verb} {path.name}", len(dataset), unit="trajectory")
        work(target, progress=phase.update, **options)
        phase.done()
        files = Trajectories(target).files
        size = sum(file.path.stat().st_size for file in files)
    share = size / (len(dataset) * dataset.recipe.trajectory_bytes)
    result = {"path": str(path), "bytes": size, "files": len(files), "trajectories": len(dataset)}
    words = f"{len(dataset):,} trajectories, {size / 1e6:,.1f} MB, {share:.0%} of the packed bits"
    show(result, [("written", f"{path}  ({words})")], as_json=as_json)


def _check_place(path: Path, resume: bool, shards: int | None) -> None:
    """ValueError for shards in a stream, and for --resume where nothing was begun."""
    from golfast.data.layout import partial_path
    from golfast.run.files import followed, is_stream

    target = followed(path)
    if shards is not None and is_stream(target):
        raise ValueError(f"{path} is a stream, which --shards cannot be written to; give a folder")
    if shards is None:
        begun = target.exists() or partial_path(target).exists()
    else:
        begun = target.is_dir() and any(target.glob("*-of-*.h5*"))
    check_resumed(resume, begun and not is_stream(target), path)


def _draw(path: Path, states: Any, title: str) -> None:
    from golfast.imagine.strip import draw_line
    from golfast.run.files import result_file
    from golfast.run.pictures import draw_row, fitting_cell, stack, write_png

    rows = draw_row(
        list(states),
        cell=fitting_cell(*states.shape[1:]),
        labels=[f"state {number}" for number in range(1, len(states) + 1)],
    )
    with result_file(path) as target:
        write_png(stack([draw_line(title, size=15), rows]), target)
