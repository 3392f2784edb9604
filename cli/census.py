"""`golfast census`."""

from typing import Any

import click
import numpy as np

from .options import examples, json_option, quiet_option, show

_BLOCK = 1 << 16  # soups at once: a progress bar moves, and memory stays small


@click.command(
    epilog=examples(
        "golfast census                                       a million 20x20 soups",
        "golfast census --size 16x16 --boundary torus --soups 100000",
        "golfast census --rule highlife --density 0.3 --json",
    )
)
@click.option("--soups", "count", type=click.IntRange(1), default=1_000_000, show_default=True, help="How many.")
@click.option("--size", default="20x20", show_default=True, help="Board as ROWSxCOLUMNS, up to 64 columns.")
@click.option("--rule", default="B3/S23", show_default=True, help="Rule of the world.")
@click.option("--boundary", default="dead", show_default=True, help='"dead" or "torus".')
@click.option("--seed", type=int, default=0, show_default=True, help="Which soups.")
@click.option("--density", type=float, default=0.5, show_default=True, help="Chance that a soup's cell is alive.")
@click.option("--limit", type=click.IntRange(1), default=10_000, show_default=True, help="Generations to look at.")
@json_option
@quiet_option
def census(
    count: int,
    size: str,
    rule: str,
    boundary: str,
    seed: int,
    density: float,
    limit: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """When do soups settle, and into what period? Nothing is stored but the counts."""
    from golfast.life import Rule, soups_packed
    from golfast.life.survey import WIDEST, kernels_for, settle_packed
    from golfast.run.progress import Display

    from .simulate import parse_size

    height, width = parse_size(size)
    if width > WIDEST:
        raise ValueError(f"a census takes boards up to {WIDEST} columns wide; got {width}")
    kernels = kernels_for(rule, boundary)
    settled, period = [], []
    with Display(quiet=quiet) as display:
        phase = display.phase("census", count, unit="soup")
        for start in range(0, count, _BLOCK):
            number = min(_BLOCK, count - start)
            boards = soups_packed(number, height, width, seed=seed, start=start, density=density)
            found = settle_packed(boards, width, limit=limit, kernels=kernels)
            settled.append(found.settled)
            period.append(found.period)
            phase.update(start + number)
        phase.done()
    result = _summary(np.concatenate(settled), np.concatenate(period))
    world = {"rule": str(Rule.parse(rule)), "boundary": boundary, "height": height, "width": width, "seed": seed}
    rows = [
        ("soups", f"{count:,} of {height} x {width} cells, {world['rule']}, {boundary} boundary"),
        ("settled", f"{result['settled']:,}, all but {count - result['settled']:,}, within {limit:,} generations"),
    ]
    if result["settled"]:
        when = "  ".join(f"{share}: {value:,}" for share, value in result["settled_at"].items())
        rows.append(("at generation", when))
    for length, number in result["periods"].items():
        rows.append((f"period {length}", f"{number:,}  ({number / count:.3%})"))
    show(world | result, rows, as_json=as_json)


def _summary(settled: Any, period: Any) -> dict[str, Any]:
    known = settled[settled >= 0]
    lengths, numbers = np.unique(period[period > 0], return_counts=True)
    shares = {"median": 50, "90%": 90, "99%": 99, "99.9%": 99.9, "last": 100}
    return {
        "soups": len(settled),
        "settled": len(known),
        "settled_at": {name: int(np.percentile(known, share)) for name, share in shares.items()} if len(known) else {},
        "periods": {int(length): int(number) for length, number in zip(lengths, numbers, strict=True)},
    }
