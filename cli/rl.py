"""`golfast rl`: agents."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from .options import FILE, FOLDER, device_option, examples, json_option, quiet_option, show, show_plan

_episodes_option = click.option(
    "--episodes", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Games to judge by."
)
DEMO_STEPS = 3_000_000
DEMO_EXAMPLES = 4000  # inputs that its sheets set the optimised ones beside


@click.group()
def rl() -> None:
    """Train agents to play, judge them by whole games, and watch them.

    ENVIRONMENT is cartpole, brick (a brick game on 10x10 cells), atari/NAME such as atari/breakout, or gym/ID such as
    gym/Acrobot-v1. The latter two are extras: pip install 'golfast[atari]' or 'golfast[gym]'.
    """


@rl.command(
    epilog=examples(
        "golfast rl train cartpole                             seconds",
        "golfast rl train brick --seed 1 --folder runs/brick",
        "golfast rl train atari/breakout --folder runs/breakout",
        "golfast rl train --folder runs/breakout --resume      go on after a kill",
        "golfast rl train gym/Acrobot-v1 --set steps=300000 --set algorithm=ppo",
        "golfast rl train brick --dry-run                      every field with its value",
    )
)
@click.argument("environment", required=False)
@click.option("--config", "config_file", type=FILE, help="TOML file; fields left out are the environment's own.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set one field, such as steps=300000.")
@click.option("--seed", type=int, help="Decides the first weights, the games and the actions.")
@click.option("--folder", type=FOLDER, help="Run folder.  [default: runs/ and the game and the config's hash]")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--dry-run", is_flag=True, help="Print the resolved config and the run's name, and train nothing.")
@_episodes_option
@device_option
@json_option
@quiet_option
def train(
    environment: str | None,
    config_file: Path | None,
    assignments: tuple[str, ...],
    seed: int | None,
    folder: Path | None,
    resume: bool,
    dry_run: bool,
    episodes: int,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train an agent on ENVIRONMENT, judge it by whole games, and draw its learning curve and a game."""
    from golfast.rl import default_folder, load_config, run_agent
    from golfast.run.config import parse_assignment, to_mapping, to_toml
    from golfast.run.folder import RunFolder
    from golfast.run.progress import Display

    given = dict(parse_assignment(text) for text in assignments)
    if seed is not None:
        given["seed"] = seed
    if folder and resume and RunFolder(folder).config.exists() and not (environment or config_file or given):
        config = load_config(RunFolder(folder))
    else:
        config = _config(environment, config_file, given)
    run = RunFolder(folder) if folder else default_folder(config, device)
    if dry_run:
        plan = {"folder": str(run.path), "config": to_mapping(config)}
        show_plan(plan, str(run.path), to_toml(config), as_json=as_json)
        return
    with Display(quiet=quiet) as display:
        display.say(f"run folder: {run.path}")
        result = run_agent(config, run, device=device, resume=resume, episodes=episodes, display=display)
    show(result | {"folder": str(run.path)}, _result_rows(result, run.path), as_json=as_json)


@rl.command(
    epilog=examples(
        "golfast rl evaluate runs/brick",
        "golfast rl evaluate runs/brick --episodes 1000 --seed 7 --json",
    )
)
@click.argument("run", type=FOLDER)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides the games.")
@_episodes_option
@device_option
@json_option
@quiet_option
def evaluate(run: Path, seed: int, episodes: int, device: str, as_json: bool, quiet: bool) -> None:
    """Judge RUN's agent by whole games, unclipped: greedy, and with actions drawn from its policy."""
    from golfast.rl import judge, load_agent
    from golfast.run.progress import Display

    config, network, compute = load_agent(run, device)
    with Display(quiet=quiet) as display:
        found = {
            name: judge(
                network, config, compute, greedy=name == "greedy", episodes=episodes, seed=seed, display=display
            )
            for name in ("greedy", "sampled")
        }
    show(found, [(name, _score_words(scores)) for name, scores in found.items()], as_json=as_json)


@rl.command(
    epilog=examples(
        "golfast rl play runs/brick                     a game, to runs/brick/played.gif",
        "golfast rl play runs/brick --sampled --seed 3 --out mine.gif",
        "golfast rl play runs/brick --untrained         the same network before it learned",
    )
)
@click.argument("run", type=FOLDER)
@click.option("--out", type=FILE, help="GIF to write.  [default: RUN/played.gif]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides the game.")
@click.option("--sampled", is_flag=True, help="Draw actions from the policy; otherwise the likeliest is taken.")
@click.option("--untrained", is_flag=True, help="Play with the weights as they were at first.")
@device_option
@json_option
def play(run: Path, out: Path | None, seed: int, sampled: bool, untrained: bool, device: str, as_json: bool) -> None:
    """Draw a game of RUN's agent, with its values and the chances of its actions, as a GIF."""
    from golfast.rl import first_agent, load_agent, play_episode
    from golfast.rl.draw import draw_episode
    from golfast.run.pictures import save_gif

    if out is not None and out.suffix.lower() != ".gif":
        raise ValueError(f"--out {out} has an unknown ending; allowed is: .gif")
    config, network, compute = load_agent(run, device)
    if untrained:
        network = first_agent(config).to(compute.device)
    episode = play_episode(network, config.environment, compute, greedy=not sampled, seed=seed)
    target = out or run / "played.gif"
    title = f"{config.environment.name}: {run.name}{', untrained' if untrained else ''}"
    save_gif(draw_episode(episode, title=title), target, milliseconds=60)
    result = {"picture": str(target), "score": episode.score, "steps": len(episode.moments), "over": episode.over}
    ended = "" if episode.over else ", not over yet"
    show(
        result, [("picture", str(target)), ("score", f"{episode.score:g} in {len(episode.moments):,} steps{ended}")],
        as_json=as_json,
    )  # fmt: skip


@rl.command(
    epilog=examples(
        "golfast rl compare cartpole --seeds 5                         A2C, PPO, RMSprop, trunks, returns",
        "golfast rl compare brick --seeds 3 --set steps=5000000        MLP and CNN too",
        "golfast rl compare cartpole --variant plain --variant 'fast: optimiser.lr=0.004 entropy=0'",
        "golfast rl compare brick --spec mine.toml                     variants from a file",
    )
)
@click.argument("environment")
@click.option("--variant", "variants", multiple=True, metavar="'NAME: KEY=VALUE ...'", help="One line of the table.")
@click.option("--spec", type=FILE, help="TOML file of variants, in place of --variant.")
@click.option("--seeds", type=click.IntRange(1, 1000), help="Runs of each variant.  [default: the spec's, or 3]")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set one field for all variants.")
@click.option("--root", type=FOLDER, default=Path("runs"), show_default=True, help="Where the run folders go.")
@click.option("--save", type=FILE, help="Also write the rows, as JSON, here.")
@_episodes_option
@device_option
@json_option
@quiet_option
def compare(
    environment: str,
    variants: tuple[str, ...],
    spec: Path | None,
    seeds: int | None,
    assignments: tuple[str, ...],
    root: Path,
    save: Path | None,
    episodes: int,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train variants over several seeds and set their scores beside each other.

    Without --variant and --spec: what the paper asked for, A2C against PPO, Adam against RMSprop, and MLP against CNN.
    """
    from golfast.rl import STANDARD, AgentSweep, load_sweep
    from golfast.rl import compare as compare_variants
    from golfast.run.config import parse_assignment, to_mapping
    from golfast.run.files import write_json
    from golfast.run.hardware import hardware, versions
    from golfast.run.progress import Display

    config = _config(environment, None, dict(parse_assignment(text) for text in assignments))
    if variants and spec:
        raise ValueError("give --variant or --spec, not both")
    if variants:
        sweep = AgentSweep(title="variants", seeds=3, variants=dict(_variant(text) for text in variants))
    else:
        sweep = load_sweep(spec or STANDARD, config)
    seeds = seeds or sweep.seeds
    with Display(quiet=quiet) as display:
        rows = compare_variants(
            config, sweep.variants, seeds=range(seeds), root=root, device=device, episodes=episodes, display=display
        )
    result = {
        "what": f"{environment}: mean score of {episodes} whole games and its 95% interval over {seeds} seeds",
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
        write_json(save, result)
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    width = max(len(row["variant"]) for row in rows)
    click.echo(f"{'':<{width}}  {'greedy':>24}  {'sampled':>24}  {'steps/s':>9}")
    for row in rows:
        scores = [_interval_words(row[name]) for name in ("greedy", "sampled")]
        click.echo(f"{row['variant']:<{width}}  {scores[0]:>24}  {scores[1]:>24}  {row['steps_per_second']:>9,.0f}")
    click.echo(f"Mean score of {episodes} games and its 95% interval over {seeds} seeds.", err=True)


@rl.command(epilog=examples("golfast rl demo", "golfast rl demo --seed 3 --folder runs/three"))
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the agent.")
@click.option("--folder", type=FOLDER, help="Where everything goes.  [default: runs/rl-demo-SEED]")
@click.option("--again", is_flag=True, help="Run anew where a finished demo is, in place of it.")
@device_option
@json_option
@quiet_option
def demo(seed: int, folder: Path | None, again: bool, device: str, as_json: bool, quiet: bool) -> None:
    """Train an agent on the brick game for about a minute, and draw how it learned, how it plays, and what for.

    Leaves the run, its learning curve, a game, and in features/ the sheets of what each of its units looks for.
    """
    from golfast.features import OptimiseConfig
    from golfast.rl import recipe, run_agent
    from golfast.run.config import override
    from golfast.run.folder import RunFolder
    from golfast.run.precision import torch_threads
    from golfast.run.progress import Display

    from .sheets import Wanted, draw_sheets, sheet_rows
    from .subjects import load_subject

    config = override(recipe("brick"), {"seed": seed, "steps": DEMO_STEPS})
    run = RunFolder(folder or Path("runs") / f"rl-demo-{seed}")
    if again:
        run.clear()
    with Display(quiet=quiet) as display:
        if run.finished:
            display.say(f"{run.path} holds a finished demo, shown again; --again runs it anew")
        result = run_agent(config, run, device=device, resume=True, display=display)
        with torch_threads(1):
            subject = load_subject(run.path, DEMO_EXAMPLES)
            sheets = draw_sheets(subject, Wanted(config=OptimiseConfig()), run.path / "features", display)
    rows = [*_result_rows(result, run.path), *sheet_rows(sheets, run.path / "features")]
    show(result | {"features": sheets, "folder": str(run.path)}, rows, as_json=as_json)


@rl.command("show", epilog=examples("golfast rl show", "golfast rl show --json", "golfast rl show --folder results/rl"))
@click.option(
    "--folder", type=FOLDER, default=Path("results/rl"), show_default=True, help="Where the result files are."
)
@json_option
def show_results(folder: Path, as_json: bool) -> None:
    """Print the kept results of agents: each file's figures and the command that made them."""
    from golfast.errors import Failure

    files = sorted(folder.glob("*.json"))
    if not files:
        raise Failure(f"there are no results in {folder}; run this in a copy of the repository, or give --folder")
    try:
        found = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
    except json.JSONDecodeError as error:
        raise Failure(f"a result in {folder} is damaged ({error})") from None
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, result in found.items():
        click.echo(f"{name}: {result.get('what', '')}")
        for label, value in result.get("figures", {}).items():
            click.echo(f"  {label:<44}  {value:,.4g}" if isinstance(value, float) else f"  {label:<44}  {value}")
        if "command" in result:
            click.echo(f"  made by: {result['command']}")


def _config(environment: str | None, config_file: Path | None, given: dict[str, Any]) -> Any:
    """The environment's recipe, with a file's fields and single ones over it."""
    from golfast.rl import recipe
    from golfast.run.config import flatten, override, read_toml

    fields = flatten(read_toml(config_file)) if config_file else {}
    name = environment or given.get("environment.name") or fields.get("environment.name")
    if not isinstance(name, str):
        raise ValueError("say what to play: cartpole, brick, atari/NAME or gym/ID; or give --folder with --resume")
    return override(recipe(name), fields | given | {"environment.name": name})


def _figures(rows: list[dict[str, Any]]) -> dict[str, str]:
    figures = {}
    for row in rows:
        for name in ("greedy", "sampled"):
            figures[f"{row['variant']}, {name}"] = _interval_words(row[name])
        longest = max(row["seconds_training"])
        figures[f"{row['variant']}, training"] = (
            f"{row['steps']:,} steps, {row['steps_per_second']:,.0f} steps/s, at most {longest:.1f} s a seed"
        )
    return figures


def _variant(text: str) -> tuple[str, dict[str, Any]]:
    from golfast.run.config import parse_assignment

    name, _, changes = text.partition(":")
    if not name.strip():
        raise ValueError(f"--variant {text!r} is not of the form 'NAME: KEY=VALUE ...'")
    return name.strip(), dict(parse_assignment(change) for change in changes.split())


def _result_rows(result: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    return [
        ("greedy", _score_words(result["greedy"])),
        ("sampled", _score_words(result["sampled"])),
        (
            "steps",
            f"{result['steps']:,} in {result['seconds_training']:,.1f} s, {result['steps_per_second']:,} steps/s  "
            f"({result['precision']}, {result['device']})",
        ),
        ("pictures", ", ".join(str(folder / name) for name in ("learning.png", "game.gif"))),
    ]


def _score_words(scores: dict[str, Any]) -> str:
    return (
        f"{_interval_words(scores)}  ({scores['count']} whole games; least {scores['least']:g}, "
        f"most {scores['most']:g})"
    )


def _interval_words(scores: dict[str, Any]) -> str:
    if scores["low"] is None:
        return f"{scores['mean']:,.1f}"
    return f"{scores['mean']:,.1f} [{scores['low']:,.1f}, {scores['high']:,.1f}]"
