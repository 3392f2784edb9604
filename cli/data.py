"""`golfast data`: datasets."""

from pathlib import Path
from typing import Any

import click

from .options import FILE, examples, json_option, quiet_option, show

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
}


def recipe_options(command: Any) -> Any:
    """Give a command one option for each field of a recipe."""
    for name, (kind, text) in reversed(RECIPE_OPTIONS.items()):
        command = click.option(f"--{name}", type=kind, help=text)(command)
    return command


@click.group()
def data() -> None:
    """Make, describe and check datasets of trajectories (HDF5, packed bits)."""


@data.command(
    epilog=examples(
        "golfast data make train.h5                       the paper's data: 200,000 trajectories of 20x20 boards",
        "golfast data make big.h5 --count 50000000        12 GB; a killed job goes on with --resume",
        "golfast data make x.h5 --recipe datasets/life-20x20/recipe.toml --split test --count 10000",
        "golfast data make x.h5 --rule highlife --boundary torus --dry-run",
    )
)
@click.argument("path", type=FILE)
@click.option("--recipe", "recipe_file", type=FILE, help="TOML file with the fields below; options win over it.")
@recipe_options
@click.option("--resume", is_flag=True, help="Go on with what a killed job left, to the same bytes.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file, once the new one is whole.")
@click.option("--dry-run", is_flag=True, help="Print the resolved recipe and its size, and make nothing.")
@json_option
@quiet_option
def make(
    path: Path,
    recipe_file: Path | None,
    resume: bool,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **fields: Any,
) -> None:
    """Make the dataset PATH from a recipe. The same recipe always makes the same bits."""
    from golfast.data import Recipe
    from golfast.data import make as make_dataset
    from golfast.run.config import from_mapping, read_toml, to_mapping, to_toml
    from golfast.run.progress import Display

    given = {name: value for name, value in fields.items() if value is not None}
    recipe = from_mapping(Recipe, (read_toml(recipe_file) if recipe_file else {}) | given)
    size = recipe.count * recipe.trajectory_bytes
    result = {"path": str(path), "bytes": size, "recipe": to_mapping(recipe)}
    if dry_run:
        show(result, [("# " + f"{path}: {size / 1e6:,.1f} MB", ""), ("", to_toml(recipe))], as_json=as_json)
        return
    with Display(quiet=quiet) as display:
        phase = display.phase(f"make {path.name}", recipe.count, unit="trajectory")
        make_dataset(path, recipe, resume=resume, overwrite=overwrite, progress=phase.update)
        phase.done()
    show(result, [("made", f"{path}  ({recipe.count:,} trajectories, {size / 1e6:,.1f} MB)")], as_json=as_json)


@data.command(epilog=examples("golfast data info train.h5", "golfast data info train.h5 --json"))
@click.argument("path", type=FILE)
@json_option
def info(path: Path, as_json: bool) -> None:
    """Describe the dataset PATH: its recipe, its size, and a look at its states."""
    from golfast.data import Trajectories, describe
    from golfast.run.config import to_mapping

    dataset = Trajectories(path)
    recipe = dataset.recipe
    figures = describe(dataset)
    result = {"path": str(path), "bytes": path.stat().st_size, "recipe": to_mapping(recipe), **figures}
    rows = [
        ("file", f"{path}  ({path.stat().st_size / 1e6:,.1f} MB)"),
        ("trajectories", f"{recipe.count:,} of {recipe.states} states, {recipe.height} x {recipe.width} cells"),
        ("world", f"{recipe.rule}, {recipe.boundary} boundary"),
        ("first states", f"seed {recipe.seed}, split {recipe.split}, density {recipe.density}, fresh {recipe.fresh}"),
        ("live cells", "  ".join(f"{value:.1%}" for value in figures["density"]) + "  (state by state)"),
        ("changing cells", "  ".join(f"{value:.1%}" for value in figures["activity"]) + "  (from state to state)"),
        ("settled boards", f"{figures['settled']:.1%}  (the last two states are equal)"),
    ]
    show(result, rows, as_json=as_json)


@data.command(epilog=examples("golfast data verify train.h5", "golfast data verify train.h5 --regenerate"))
@click.argument("path", type=FILE)
@click.option("--regenerate", is_flag=True, help="Also make every block anew from the recipe, and compare.")
@json_option
@quiet_option
def verify(path: Path, regenerate: bool, as_json: bool, quiet: bool) -> None:
    """Check every block of PATH against its checksum. Exit code 1 names the first block that is wrong."""
    from golfast.data import Trajectories
    from golfast.data import verify as verify_dataset
    from golfast.run.progress import Display

    with Display(quiet=quiet) as display:
        phase = display.phase(f"verify {path.name}", len(Trajectories(path)), unit="trajectory")
        blocks = verify_dataset(path, regenerate=regenerate, progress=phase.update)
        phase.done()
    against = "checksums and recipe" if regenerate else "checksums"
    show(
        {"path": str(path), "blocks": blocks, "regenerated": regenerate, "intact": True},
        [("intact", f"{path}  ({blocks} blocks against their {against})")],
        as_json=as_json,
    )
