"""`golfast rl compare` and `golfast rl show`: several agents beside each other, and the results that were kept."""

import dataclasses
import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .ablate import RESULTS, run_sweep, tell_failed
from .options import device_option, examples, json_option, no_lock_option, quiet_option
from .paths import FOLDER, IN_PLACE, OUT, SPEC, STDOUT, is_taken

if TYPE_CHECKING:
    from golfast.ablate.plan import Row
    from golfast.ablate.spec import Spec
    from golfast.ablate.store import Store

_KEPT = {"what?": str, "figures?": {}, "command?": str}

episodes_option = click.option(
    "--episodes", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Games to judge by."
)


@click.command(
    epilog=examples(
        "golfast rl compare cartpole --seeds 5                         A2C, PPO, RMSprop, trunks, returns",
        "golfast rl compare brick --seeds 3 --set steps=5000000        MLP and CNN too",
        "golfast rl compare cartpole --variant plain --variant 'fast: optimiser.lr=0.004 entropy=0'",
        "golfast rl compare brick --spec mine.toml                     variants from a file",
    )
)
@click.argument("environment")
@click.option("--variant", "variants", multiple=True, metavar="'NAME: KEY=VALUE ...'", help="One line of the table.")
@click.option("--spec", type=SPEC, help="TOML file of variants, in place of --variant.")
@click.option("--seeds", type=click.IntRange(1, 1000), help="Runs of each variant.  [default: the spec's, or 3]")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set one field for all variants.")
@click.option("--results", type=IN_PLACE, default=RESULTS, show_default=True, help="The results file.")
@click.option("--folder", type=FOLDER, default=Path("runs"), show_default=True, help="Where trials work.")
@click.option("--workers", type=click.IntRange(1), help="Trials at a time.  [default: the cores there are]")
@click.option("--save", type=OUT, help="Also write the rows, as JSON, here.")
@episodes_option
@no_lock_option
@device_option
@json_option
@quiet_option
def compare(
    environment: str,
    variants: tuple[str, ...],
    spec: Path | None,
    seeds: int | None,
    assignments: tuple[str, ...],
    save: Path | None,
    episodes: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Train variants over several seeds and set their scores beside each other.

    Without --variant and --spec: what the paper asked for, A2C against PPO, Adam against RMSprop, and MLP against CNN.
    It is the sweep that `golfast ablate agents --recipe ENVIRONMENT` runs: what the results file has is not run again.
    """
    from golfast.ablate.agents import Agents
    from golfast.ablate.store import Store
    from golfast.rl import first_agent
    from golfast.run.config import override, to_mapping
    from golfast.run.files import result_file, write_json
    from golfast.run.hardware import hardware, versions

    if variants and spec:
        raise ValueError("give --variant or --spec, not both")
    changes = parse_changes(assignments)
    config = override(Agents().config(environment, 0), changes)
    sweep = _sweep(environment, variants, spec, changes).limited(counted=seeds, most=seeds)
    for variant in sweep.variants:
        if variant.suits(environment):  # what it cannot play is told before anything is run
            first_agent(variant.config(Agents(), environment, 0))
    _check_judged(sweep, environment, options["device"], options["results"], episodes)
    trained = run_sweep(
        [sweep], kind=Agents(episodes), recipes=(environment,), executor="local", show=False, as_json=False, **options
    )
    with Store.reading(options["results"]) as store:
        rows = [_beside(row, store) for row in trained]
    count = max(len(row["seeds"]) for row in rows)
    result = {
        "what": f"{environment}: mean score of {episodes} whole games and its 95% interval over {count} seeds",
        "command": shlex.join(["golfast", *sys.argv[1:]]),
        "title": sweep.title,
        "figures": _figures(rows),
        "environment": environment,
        "episodes": episodes,
        "config": to_mapping(config),
        "rows": rows,
        "hardware": hardware(),
        "versions": versions(),
    }
    if save:
        with result_file(save) as path:
            write_json(path, result)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        _show(rows)
        click.echo(f"Mean score of {episodes} games and its 95% interval over {count} seeds.", err=True)
    tell_failed(trained, options["results"])


def _show(rows: list[dict[str, Any]]) -> None:
    width, aside = max(len(row["variant"]) for row in rows), is_taken(STDOUT)
    click.echo(f"{'':<{width}}  {'greedy':>24}  {'sampled':>24}  {'steps/s':>9}", err=aside)
    for row in rows:
        scores = [interval_words(row[name]) for name in ("greedy", "sampled")]
        click.echo(
            f"{row['variant']:<{width}}  {scores[0]:>24}  {scores[1]:>24}  {row['steps_per_second']:>9,.0f}", err=aside
        )


@click.command(
    "show", epilog=examples("golfast rl show", "golfast rl show --json", "golfast rl show --folder results/rl")
)
@click.option(
    "--folder", type=FOLDER, default=Path("results/rl"), show_default=True, help="Where the result files are."
)
@json_option
def show_results(folder: Path, as_json: bool) -> None:
    """Print the kept results of agents: each file's figures and the command that made them."""
    from golfast.errors import Failure, printable
    from golfast.run.untrusted import read_json

    files = sorted(folder.glob("*.json"))
    if not files:
        raise Failure(f"there are no results in {folder}; run this in a copy of the repository, or give --folder")
    found = {file.stem: read_json(file, _KEPT) for file in files}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, result in found.items():
        click.echo(f"{name}: {printable(result.get('what', ''))}")
        for label, value in result.get("figures", {}).items():
            words = f"{value:,.4g}" if isinstance(value, float) else printable(str(value))
            click.echo(f"  {printable(label):<44}  {words}")
        if "command" in result:
            click.echo(f"  made by: {printable(result['command'])}")


def agent_config(environment: str | None, config_file: Path | None, given: dict[str, Any]) -> Any:
    """The environment's recipe, with a file's fields and single ones over it."""
    from golfast.rl import recipe
    from golfast.run.config import flatten, override, read_toml

    fields = flatten(read_toml(config_file)) if config_file else {}
    name = environment or given.get("environment.name") or fields.get("environment.name")
    if not isinstance(name, str):
        raise ValueError("say what to play: cartpole, brick, atari/NAME or gym/ID; or give --folder with --resume")
    return override(recipe(name), fields | given | {"environment.name": name})


def parse_changes(texts: Iterable[str]) -> dict[str, Any]:
    """Fields and their values, from texts of the form KEY=VALUE."""
    from golfast.run.config import parse_assignment

    changes: dict[str, Any] = {}
    for text in texts:
        try:
            key, changes[key] = parse_assignment(text)
        except ValueError:
            raise ValueError(f"{text!r} is not of the form KEY=VALUE, such as steps=300000") from None
    return changes


def interval_words(scores: dict[str, Any]) -> str:
    """A mean and its 95% interval."""
    if scores["low"] is None:
        return f"{scores['mean']:,.1f}"
    return f"{scores['mean']:,.1f} [{scores['low']:,.1f}, {scores['high']:,.1f}]"


def _figures(rows: list[dict[str, Any]]) -> dict[str, str]:
    figures = {}
    for row in rows:
        for name in ("greedy", "sampled"):
            figures[f"{row['variant']}, {name}"] = interval_words(row[name])
        longest = max(row["seconds_training"])
        figures[f"{row['variant']}, training"] = (
            f"{row['steps']:,} steps, {row['steps_per_second']:,.0f} steps/s, at most {longest:.1f} s a seed"
        )
    return figures


def _sweep(environment: str, variants: tuple[str, ...], path: Path | None, changes: dict[str, Any]) -> "Spec":
    """The sweep that was asked for, with changes that all of its variants share."""
    from golfast.ablate.spec import load_spec, parse_spec

    if variants:
        named_changes = [_variant(text) for text in variants]
        for name, times in Counter(name for name, _ in named_changes).items():
            if times > 1:
                raise ValueError(f"--variant {name!r} is given {times} times; each needs a name of its own")
        # What suits a game of a family, such as constructors' arguments, need not suit cartpole and brick.
        own_game = {"recipes": [environment]} if "/" in environment else {}
        tables = {name: {"set": own, **own_game} for name, own in named_changes}
        named = f"variants {' '.join(tables)}"
        spec = parse_spec(named, {"title": "Variants", "kind": "agents", "counted": 3, "seed": 0, "variants": tables})
    else:
        spec = load_spec(path or "agents")
    if spec.kind != "agents":
        raise ValueError(f"{path} is a sweep of {spec.kind}; run it with `golfast ablate {path}`")
    if not changes:
        return spec
    # Its own name, for in the results file it is another sweep.
    named = f"{spec.name} {' '.join(f'{key}={value}' for key, value in changes.items())}"
    shared = tuple(dataclasses.replace(one, changes=changes | dict(one.changes)) for one in spec.variants)
    return dataclasses.replace(spec, name=named, variants=shared)


def _check_judged(sweep: "Spec", environment: str, device: str, results: Path, episodes: int) -> None:
    """ValueError if the results file has some of a sweep's trials, judged by another number of games."""
    from golfast.ablate.plan import Row
    from golfast.ablate.store import Store

    if not results.exists():
        return
    rows = [Row(sweep, environment, variant, device) for variant in sweep.variants if variant.suits(environment)]
    names = [row.trial(place).name for row in rows for place in range(row.variant.counted)]
    with Store.reading(results) as store:
        judged = {run.result.get("greedy", {}).get("count") for run in store.trials(names) if run.result}
    if other := judged - {episodes, None}:
        raise ValueError(
            f"{results} has runs of this comparison that were judged by {min(other)} games, not {episodes}; "
            f"give --episodes {min(other)}, or another --results file to judge them again"
        )


def _beside(row: "Row", store: "Store") -> dict[str, Any]:
    from golfast.errors import Failure
    from golfast.rl import beside
    from golfast.run.shapes import AGENT
    from golfast.run.untrusted import check_shape

    runs = store.trials(trial.name for trial in row.trials)
    results = [run.result for run in runs if run.result]
    if not results:
        raise Failure(f"every run of {row.variant.label!r} failed: {runs[0].reason}")
    try:
        check_shape(results, [AGENT])
    except ValueError as error:
        raise Failure(f"{store.path} is damaged: a result of an agent: {error}") from None
    return beside(row.variant.label, row.variant.changes, results)


def _variant(text: str) -> tuple[str, dict[str, Any]]:
    name, _, changes = text.partition(":")
    if not name.strip():
        raise ValueError(f"--variant {text!r} is not of the form 'NAME: KEY=VALUE ...'")
    return name.strip(), parse_changes(changes.split())
