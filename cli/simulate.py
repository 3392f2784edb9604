"""`golfast simulate`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from .options import examples, json_option
from .paths import OUT, pattern_source, tell_written
from .printing import show

if TYPE_CHECKING:
    from golfast.life import Rule
    from golfast.life.boards import Cells
    from golfast.life.patterns import Grid

_TOGETHER = 1 << 26  # cells of a trajectory in memory at a time
_GIF_PIXELS = 1 << 28  # of all its frames, which are drawn before any is written
_PNG_STATES = 12
_FPS, _MOST_FPS, _SECONDS = 5, 25, 10  # a short GIF is slow enough to follow, a long one lasts about so long
_FORMATS = (".png", ".gif", ".rle", ".cells", ".lif", ".life", ".mc")
_STREAMED = ".rle"  # what - and other streams get, unless --format says otherwise


@click.command(
    epilog=examples(
        "golfast simulate                                     a soup's population, generation by generation",
        "golfast simulate gosper-gun --size 50x60 --generations 120 --out gun.gif",
        "golfast simulate glider --out glider.gif --fps 2     a slow one",
        "golfast simulate r-pentomino --size 400x400 --generations 1103 --out last.rle",
        "golfast simulate my.rle --rule highlife --boundary torus --out states.png --generations 8",
        "golfast simulate --size 64x64 --seed 7 --density 0.3 --json",
        "golfast simulate glider -g 4 --out - | golfast simulate - --out - --format png > next.png",
    )
)
@click.argument("pattern", required=False)
@click.option("--generations", "-g", type=int, default=100, show_default=True)
@click.option("--size", default=None, help="Board as ROWSxCOLUMNS.  [default: 64x64, or what the pattern needs]")
@click.option("--rule", help="Rule of the world.  [default: the pattern's, or B3/S23]")
@click.option("--boundary", default="dead", show_default=True, help='"dead" or "torus".')
@click.option("--seed", type=int, default=0, show_default=True, help="Which soup, if no PATTERN is given.")
@click.option("--density", type=float, default=0.5, show_default=True, help="Chance that a soup's cell is alive.")
@click.option(
    "--out",
    type=OUT,
    help="Write to .gif (all states), .png (up to 12 of them), .rle, .cells, .lif, .life or .mc (the last); - is "
    "stdout.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([ending[1:] for ending in _FORMATS]),
    help="What --out gets.  [default: as its ending says, or rle for - and other streams]",
)
@click.option("--cell", type=click.IntRange(1, 64), help="Pixels of a cell.  [default: fits the board]")
@click.option("--fps", type=float, help="Generations a second of a .gif.  [default: 5; up to 25 where it is long]")
@json_option
def simulate(
    pattern: str | None,
    generations: int,
    size: str | None,
    rule: str | None,
    boundary: str,
    seed: int,
    density: float,
    out: Path | None,
    form: str | None,
    cell: int | None,
    fps: float | None,
    as_json: bool,
) -> None:
    """Run PATTERN, a built-in name, an apgcode or a file (.rle, .cells, .lif, .life, .mc, .mcl), or else a soup.

    `-` for PATTERN is a pattern file on standard input. A rule in the file that names its board, such as B3/S23:T30,20,
    decides size and boundary.
    """
    from golfast.life import Rule, find_pattern, soups

    ending = _ending(out, form)
    if fps is not None and ending != ".gif":
        raise ValueError("--fps is the speed of a GIF; give --out with a name that ends in .gif, or leave it out")
    found = None if pattern is None else find_pattern(pattern_source(pattern))
    law = Rule.parse(rule) if rule is not None else (found.rule if found and found.rule else Rule.parse("B3/S23"))
    grid = found.grid if found and rule is None else None
    if found and grid:
        _refuse_soup_words()
        _refuse_other_board(size, boundary, f"{found.rule or 'B3/S23'}{grid}", grid)
        height, width, boundary = grid.height, grid.width, grid.boundary
        board = found.place(height, width, row=grid.row, column=grid.column)
    elif found:
        _refuse_soup_words()
        height, width = parse_size(size) if size is not None else tuple(side + 20 for side in found.cells.shape)
        board = found.place(height, width)
    else:
        height, width = parse_size("64x64" if size is None else size)
        board = soups(1, height, width, seed=seed, density=density)[0]
    milliseconds = _frame_time(generations, fps)
    wanted, world = _wanted(ending, generations, board.shape, cell), {"rule": law, "boundary": boundary}
    population: list[int] = []
    if out is None or as_json or len(wanted) == generations + 1:
        kept, population = _follow(board, generations, wanted, **world)
    else:
        kept = _leap(board, wanted, **world)
    if out is not None:
        name = found.name if found and pattern == "-" else pattern or f"soup {seed}"
        _write(out, ending, kept, wanted, law, cell, milliseconds, name=name, grid=grid)
    result: dict[str, Any] = {
        "rule": str(law),
        "boundary": boundary,
        "height": height,
        "width": width,
        "population": population,
    }
    if as_json:
        show(result, [], as_json=True)
    elif out is not None:
        tell_written(out)
    else:
        click.echo("generation\tpopulation")
        for generation, cells in enumerate(population):
            click.echo(f"{generation}\t{cells}")


def _refuse_soup_words() -> None:
    """Raise ValueError if a soup was described beside a pattern, rather than forget what was asked."""
    context = click.get_current_context()
    for name in ("seed", "density"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise ValueError(f"--{name} describes a soup, and a pattern was given; leave one of them out")


def _refuse_other_board(size: str | None, boundary: str, rule: str, grid: "Grid") -> None:
    """Raise ValueError if the options ask for another board than the pattern's rule names."""
    chosen = click.get_current_context().get_parameter_source("boundary") is click.core.ParameterSource.COMMANDLINE
    if (size is not None and parse_size(size) != (grid.height, grid.width)) or (chosen and boundary != grid.boundary):
        raise ValueError(
            f"the pattern's rule {rule} names its board, {grid.boundary}, {grid.height}x{grid.width}; leave --size and "
            f"--boundary out, or give another board with --rule {rule.partition(':')[0]}"
        )


def parse_size(text: str) -> tuple[int, int]:
    """Read "64x48" as rows and columns."""
    rows, cross, columns = text.lower().partition("x")
    if not cross or not rows.isdecimal() or not columns.isdecimal():
        raise ValueError(f"--size {text!r} is not of the form ROWSxCOLUMNS, such as 64x64")
    return int(rows), int(columns)


def _ending(out: Path | None, form: str | None) -> str:
    """What is to be written, as the ending of a file of it; empty if nothing is. ValueError if that is not clear."""
    from golfast.run.files import followed, is_stream

    if out is None:
        if form is not None:
            raise ValueError("--format says what --out gets; give --out FILE, or --out - for standard output")
        return ""
    ending = out.suffix.lower()
    if form is not None:
        if ending in _FORMATS and ending != f".{form}":
            raise ValueError(f"--out {out} and --format {form} ask for two formats; leave one of them out")
        return f".{form}"
    if ending not in _FORMATS:
        if not is_stream(followed(out)):
            raise ValueError(f"--out {out} has an unknown ending; allowed are: {', '.join(_FORMATS)}")
        return _STREAMED
    return ending


def _wanted(ending: str, generations: int, shape: tuple[int, int], cell: int | None) -> NDArray[np.int64]:
    """Generations whose states are to be written. ValueError if they are more than a GIF may have."""
    from golfast.life.simulate import check_generations

    generations = check_generations(generations)
    if ending == ".gif":
        side = _pixels(shape, cell)
        if (frames := generations + 1) * shape[0] * shape[1] * side**2 > _GIF_PIXELS:
            most = max(1, _GIF_PIXELS // (shape[0] * shape[1] * side**2))
            raise ValueError(
                f"a GIF of {frames:,} states of {shape[0]}x{shape[1]} cells, {side} pixels each, is too long; give at "
                f"most {most - 1:,} --generations, or a smaller --cell"
            )
        return np.arange(frames)
    if ending == ".png":
        return np.unique(np.linspace(0, generations, min(_PNG_STATES, generations + 1)).astype(np.int64))
    return np.array([generations] if ending else [], np.int64)


def _pixels(shape: tuple[int, ...], cell: int | None) -> int:
    return cell or max(1, min(12, 480 // max(shape)))


def _frame_time(generations: int, fps: float | None) -> int:
    """How long a generation is shown, in milliseconds. ValueError for a speed that no GIF has."""
    from golfast.run.pictures import frame_time

    return frame_time(min(_MOST_FPS, max(_FPS, generations / _SECONDS)) if fps is None else fps)


def _leap(board: "Cells", wanted: NDArray[np.int64], **world: Any) -> "Cells":
    """The states of some generations, in order, (K, H, W); nothing between them is looked at."""
    from golfast.life import simulate as run

    kept, now = np.empty((len(wanted), *board.shape), np.uint8), 0
    for k, generation in enumerate(wanted.tolist()):
        kept[k] = board = run(board, generation - now, keep="last", **world)
        now = generation
    return kept


def _follow(
    board: "Cells", generations: int, wanted: NDArray[np.int64], **world: Any
) -> tuple["Cells", list[int]]:  # fmt: skip
    """The same, and the population of every generation; only a piece of the trajectory is in memory at a time."""
    from golfast.life import simulate as run

    kept, population = np.empty((len(wanted), *board.shape), np.uint8), [int(board.sum(dtype=np.int64))]
    kept[wanted == 0] = board
    piece = max(1, _TOGETHER // max(board.size, 1))
    for now in range(0, generations, piece):
        states = run(board, min(piece, generations - now), **world)
        here = (wanted > now) & (wanted < now + len(states))
        kept[here] = states[wanted[here] - now]
        population += states[1:].sum(axis=(1, 2), dtype=np.int64).tolist()
        board = states[-1]
    return kept, population


def _write(
    out: Path,
    ending: str,
    states: "Cells",
    wanted: NDArray[np.int64],
    law: "Rule",
    cell: int | None,
    milliseconds: int,
    *,
    name: str,
    grid: "Grid | None",
) -> None:
    from golfast.imagine.animation import animate_boards
    from golfast.life import format_life105, format_life106, format_macrocell, format_plaintext, format_rle
    from golfast.life.patterns import Pattern
    from golfast.run.files import result_file, write_text
    from golfast.run.pictures import draw_row, save_gif, write_png

    whole = grid and replace(grid, row=0, column=0)
    last = Pattern(cells=states[-1], name=f"{name}, generation {wanted[-1]}", rule=law, grid=whole)
    pixels = _pixels(states.shape[1:], cell)
    with result_file(out) as path:
        if ending == ".gif":
            save_gif(animate_boards(states, cell=pixels), path, milliseconds=milliseconds)
            return
        if ending == ".png":
            write_png(draw_row(states, cell=pixels, labels=[f"generation {k}" for k in wanted]), path)
            return
        written = {
            ".rle": format_rle,
            ".cells": format_plaintext,
            ".lif": format_life105,
            ".life": format_life106,
            ".mc": format_macrocell,
        }
        write_text(path, written[ending](last))
