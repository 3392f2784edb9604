"""`golfast imagine`."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import device_option, examples
from .paths import FOLDER, OUT, check_ending, pattern_source, tell_written

if TYPE_CHECKING:
    from golfast.data import Recipe
    from golfast.life.boards import Cells


@click.command(
    epilog=examples(
        "golfast imagine runs/demo-0                            four held-out sequences, to runs/demo-0/imagined.png",
        "golfast imagine runs/demo-0 --pattern glider --out glider.png",
        "golfast imagine runs/demo-0 --pattern my.rle --out mine.png",
        "golfast imagine runs/demo-0 --pattern - --out - < my.rle > mine.png",
    )
)
@click.argument("run", type=FOLDER)
@click.option("--out", type=OUT, help="PNG to write.  [default: RUN/imagined.png]")
@click.option("--count", type=click.IntRange(1, 50), default=4, show_default=True, help="Sequences to draw.")
@click.option(
    "--first", type=click.IntRange(0), default=0, show_default=True, help="The first of them in the test data."
)
@click.option("--pattern", help="Start from this pattern, a name or a file (- for stdin), in the middle of the board.")
@device_option
def imagine(run: Path, out: Path | None, count: int, first: int, pattern: str | None, device: str) -> None:
    """Draw what RUN's network imagines: true states above, decoded hidden states below."""
    from golfast.ablate import held_out_cells, load_trial
    from golfast.imagine import draw_imagined, imagine
    from golfast.imagine.baselines import told_beside
    from golfast.run.files import result_file
    from golfast.run.pictures import write_png

    check_ending(out, ".png")
    if pattern is not None and (count, first) != (4, 0):
        raise ValueError(
            "--count and --first choose test sequences, and --pattern starts from a pattern; give only one"
        )
    config, network, compute = load_trial(run, device)
    if pattern is None:
        truth = held_out_cells(config, count, start=first)
        title = f"What {run.name} imagines: held-out sequences {first} to {first + count - 1}"
    else:
        from golfast.life import simulate

        recipe = config.data
        board = _board_of(pattern, recipe)
        truth = simulate(board[None], recipe.generations, rule=recipe.rule, boundary=recipe.boundary)
        title = f"What {run.name} imagines: {pattern}"
    target = out or run / "imagined.png"
    with result_file(target) if out else nullcontext(target) as path:
        write_png(draw_imagined(network, truth, compute, title=title), path)
    tell_written(target)
    click.echo(told_beside(imagine(network, truth[:, 0], compute), truth), err=True)


def _board_of(name: str, recipe: "Recipe") -> "Cells":
    """The pattern on a board of the run's. ValueError if it is made for another rule or another board.

    A built-in pattern is given by its name for its cells, which any rule can start from.
    """
    from golfast.life import PATTERNS, Rule, find_pattern

    found = find_pattern(pattern_source(name))
    if found.rule not in (None, Rule.parse(recipe.rule)) and name.lower() not in PATTERNS:
        raise ValueError(
            f"the pattern is made for rule {found.rule}, and the run's network learned {recipe.rule}; give a pattern "
            f"of that rule, or take the rule out of the pattern to start from its cells"
        )
    grid = found.grid
    if grid is None:
        return found.place(recipe.height, recipe.width)
    if (grid.boundary, grid.height, grid.width) != (recipe.boundary, recipe.height, recipe.width):
        raise ValueError(
            f"the pattern is made for a board of its own, {grid.boundary}, {grid.height}x{grid.width}, and the run's "
            f"is {recipe.boundary}, {recipe.height}x{recipe.width}; take {grid} out of the pattern's rule to start "
            "from its cells"
        )
    return found.place(recipe.height, recipe.width, row=grid.row, column=grid.column)
