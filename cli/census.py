"""`golfast census`."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from .options import examples, json_option, quiet_option
from .printing import show

if TYPE_CHECKING:
    from golfast.life import Lifetimes, Tally

_CELLS = 1 << 24  # of a block of soups, which takes well under a second: a progress bar moves, and memory stays small
_USUAL = 10_000  # generations up to which that holds; if more may be looked at, blocks are smaller
_MOST = 1 << 16
_LISTED = 20  # objects


@click.command(
    epilog=examples(
        "golfast census                                       a million 20x20 soups",
        "golfast census --objects --soups 100000              and the still lifes and oscillators they leave",
        "golfast census --size 16x16 --boundary torus --soups 100000",
        "golfast census --rule highlife --density 0.3 --generations 500 --json",
    )
)
@click.option("--soups", "count", type=click.IntRange(1), default=1_000_000, show_default=True, help="How many.")
@click.option("--size", default="20x20", show_default=True, help="Board as ROWSxCOLUMNS, up to 64 columns.")
@click.option("--rule", default="B3/S23", show_default=True, help="Rule of the world.")
@click.option("--boundary", default="dead", show_default=True, help='"dead" or "torus".')
@click.option("--seed", type=int, default=0, show_default=True, help="Which soups.")
@click.option("--density", type=float, default=0.5, show_default=True, help="Chance that a soup's cell is alive.")
@click.option("--limit", type=click.IntRange(1), default=10_000, show_default=True, help="Generations to look at.")
@click.option(
    "--generations", "-g", type=click.IntRange(0), default=100, show_default=True,
    help="How far population and activity are counted.",
)  # fmt: skip
@click.option(
    "--objects",
    is_flag=True,
    help="Count what settled boards hold, by apgcode; PATHOLOGICAL is what only the border makes an object.",
)
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
    generations: int,
    objects: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """When do soups settle, and into what? How many cells live and change until then? Nothing is stored but counts."""
    from golfast.life import Lifetimes, Rule, Tally, count_objects_packed, settle_packed, soups_packed, tally_packed
    from golfast.life.apgcode import checked_rule
    from golfast.life.boards import check_size
    from golfast.life.survey import WIDEST, kernels_for
    from golfast.run.progress import Display

    from .simulate import parse_size

    height, width = check_size(*parse_size(size))
    if width > WIDEST:
        raise ValueError(f"a census takes boards up to {WIDEST} columns wide; got {width}")
    kernels_for(rule, boundary)
    if objects:
        checked_rule(rule)
    law = {"rule": rule, "boundary": boundary}
    lifetimes, found = Lifetimes(), Counter[str]()
    running, ended = Tally.nothing(height * width, generations), Tally.nothing(height * width, 1)
    block = max(1, min(_MOST, int(_CELLS * min(1.0, _USUAL / max(limit, generations))) // (height * width)))
    with Display(quiet=quiet) as display:
        phase = display.phase("census", count, unit="soup")
        for start in range(0, count, block):
            number = min(block, count - start)
            boards = soups_packed(number, height, width, seed=seed, start=start, density=density)
            when, last = settle_packed(boards, width, limit=limit, **law)
            lifetimes.add(when)
            running += tally_packed(boards, width, generations, **law)
            ended += tally_packed(last[when.settled >= 0], width, 1, **law)
            if objects:
                found += count_objects_packed(last, width, when.period, **law)
            phase.update(start + number)
        phase.done()
    result = _summary(lifetimes) | _series(running, ended)
    world: dict[str, Any] = {
        "rule": str(Rule.parse(rule)),
        "boundary": boundary,
        "height": height,
        "width": width,
        "seed": seed,
    }
    rows = [
        ("soups", f"{count:,} of {height} x {width} cells, {world['rule']}, {boundary} boundary"),
        ("settled", f"{result['settled']:,}, all but {count - result['settled']:,}, within {limit:,} generations"),
    ]
    if result["settled"]:
        shares = "  ".join(f"{share}: {value:,}" for share, value in result["settled_at"].items())
        rows.append(("at generation", shares))
    for length, number in result["periods"].items():
        rows.append((f"period {length}", f"{number:,}  ({number / count:.3%})"))
    rows += [("population", _told(result["population"])), ("activity", _told(result["activity"]))]
    if objects:
        result["objects"] = dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
        rows += _listed(result["objects"])
    show(world | result, rows, as_json=as_json)


def _summary(lifetimes: "Lifetimes") -> dict[str, Any]:
    settled = lifetimes.settled.total()
    shares = {"median": 50, "90%": 90, "99%": 99, "99.9%": 99.9, "last": 100}
    return {
        "soups": lifetimes.boards,
        "settled": settled,
        "settled_at": {name: lifetimes.percentile(share) for name, share in shares.items()} if settled else {},
        "periods": dict(sorted(lifetimes.periods.items())),
    }


def _series(running: "Tally", ended: "Tally") -> dict[str, Any]:
    """Live cells of a board, and those that change to the next generation: means, and exact sums over all boards."""
    return {
        name: {
            "mean": (total / running.boards).tolist(),
            "total": total.tolist(),
            "settled_mean": int(last[0]) / ended.boards if ended.boards else None,
            "settled_total": int(last[0]),
        }
        for name, total, last in (
            ("population", running.population, ended.population),
            ("activity", running.activity, ended.activity),
        )
    }


def _told(series: dict[str, Any]) -> str:
    """The means at generations 0, 1, 10, 100... and the last, and where boards settle."""
    means, last = series["mean"], len(series["mean"]) - 1
    ages = sorted({age for age in (0, *(10**k for k in range(13)), last) if 0 <= age <= last})
    told = [f"{age:,}: {means[age]:.4g}" for age in ages]
    if series["settled_mean"] is not None:
        told.append(f"settled: {series['settled_mean']:.4g}")
    return "  ".join(told)


def _listed(objects: dict[str, int]) -> list[tuple[str, str]]:
    total = sum(objects.values())
    rows = [("objects", f"{total:,} of {len(objects):,} kinds")]
    rows += [(code, f"{number:,}  ({number / total:.3%})") for code, number in list(objects.items())[:_LISTED]]
    if len(objects) > _LISTED:
        rows.append(("others", f"{sum(list(objects.values())[_LISTED:]):,}; --json lists them all"))
    return rows
