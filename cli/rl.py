"""`golfast rl`: agents."""

import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import Group, check_resumed, device_option, examples, json_option, no_lock_option, quiet_option
from .paths import FILE, FOLDER, OUT, check_ending
from .printing import next_steps, show, show_plan
from .rl_compare import agent_config, compare, episodes_option, interval_words, parse_changes, show_results

if TYPE_CHECKING:
    from golfast.run.folder import RunFolder

CURVE_POINTS = 200  # of a learning curve that is kept
CURVE = ("step", "return", "entropy", "seconds")  # of its records
DEMO_STEPS = 3_000_000
DEMO_EXAMPLES = 4000  # inputs that its sheets set the optimised ones beside


class Agents(Group):
    """A group whose commands, out of memory, name what takes it: an agent has no batch and no channels to lower."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        from golfast.errors import Failure

        try:
            return super().invoke(ctx)
        except (MemoryError, RuntimeError) as error:
            kinds = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
            if not kinds and "can't allocate memory" not in str(error):
                raise
            raise Failure("not enough memory; lower environment.count, rollout, policy.width or --episodes") from error


@click.group(cls=Agents)
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
        "golfast rl train gym/FrozenLake-v1 --set environment.kwargs.map_name=8x8",
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
@episodes_option
@no_lock_option
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
    from golfast.rl import check_environment, default_folder, first_agent, load_config, run_agent
    from golfast.run.config import difference, override, to_mapping, to_toml
    from golfast.run.folder import RunFolder
    from golfast.run.progress import Display

    given = parse_changes(assignments)
    if seed is not None:
        given["seed"] = seed
    if folder and resume and not dry_run:
        check_resumed(resume, RunFolder(folder).begun, folder)
    if folder and resume and RunFolder(folder).begun and not (environment or config_file):
        config = load_config(RunFolder(folder))
        if changed := difference(config, override(config, given)):
            raise ValueError(f"{folder} holds a run of other fields: {', '.join(changed)}; give another --folder")
    else:
        config = agent_config(environment, config_file, given)
    run = RunFolder(folder) if folder else default_folder(config, device)
    if dry_run:
        check_environment(config.environment)
        plan = {"folder": str(run.path), "config": to_mapping(config)}
        show_plan(plan, str(run.path), to_toml(config), as_json=as_json)
        return
    check_resumed(resume, run.begun, run.path)
    if not run.finished:
        first_agent(config)  # what cannot be played, or not by this network, is told before anything else
    with Display(quiet=quiet) as display:
        display.say(f"run folder: {run.path}")
        result = run_agent(config, run, device=device, resume=resume, episodes=episodes, display=display)
    show(result | {"folder": str(run.path)}, _result_rows(result, run.path), as_json=as_json)


@rl.command(
    epilog=examples(
        "golfast rl evaluate runs/brick",
        "golfast rl evaluate runs/brick --episodes 1000 --seed 7 --json",
        "golfast rl evaluate runs/brick --save brick.json      scores, curve and config in one file",
    )
)
@click.argument("run", type=FOLDER)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides the games.")
@click.option("--save", type=OUT, help="Also write the scores, the learning curve and the config, as JSON, here.")
@episodes_option
@device_option
@json_option
@quiet_option
def evaluate(run: Path, seed: int, save: Path | None, episodes: int, device: str, as_json: bool, quiet: bool) -> None:
    """Judge RUN's agent by whole games, unclipped: greedy, and with actions drawn from its policy.

    A game that is not over after 108,000 steps counts as it stands.
    """
    from golfast.rl import judge, load_agent
    from golfast.run.config import to_mapping
    from golfast.run.files import result_file, write_json
    from golfast.run.folder import RunFolder
    from golfast.run.hardware import hardware, versions
    from golfast.run.progress import Display

    config, network, compute = load_agent(run, device)
    log = _curve(RunFolder(run)) if save else []
    with Display(quiet=quiet) as display:
        if save and not log:
            display.say(f"{RunFolder(run).metrics} is missing or damaged; {save} will have no learning curve")
        found = {
            name: judge(
                network, config, compute, greedy=name == "greedy", episodes=episodes, seed=seed, display=display
            )
            for name in ("greedy", "sampled")
        }
    words = {name: _score_words(scores) for name, scores in found.items()}
    if save:
        kept = log[:: max(1, len(log) // CURVE_POINTS)] + log[-1:]
        trained = {"steps": log[-1]["step"], "seconds of training": log[-1]["seconds"]} if log else {}
        kept_result = {
            "what": f"{config.environment.name}: score of an agent in {episodes} whole games, and how it learned",
            "command": shlex.join(["golfast", *sys.argv[1:]]),
            "figures": words | trained,
            "curve": {name: [record[name] for record in kept] for name in CURVE},
            "config": to_mapping(config),
            **found,
            "hardware": hardware(),
            "versions": versions(),
        }
        with result_file(save) as path:
            write_json(path, kept_result)
    show(found, list(words.items()), as_json=as_json)


@rl.command(
    epilog=examples(
        "golfast rl play runs/brick                     a game, to runs/brick/played.gif",
        "golfast rl play runs/brick --sampled --seed 3 --out mine.gif",
        "golfast rl play runs/brick --untrained         the same network before it learned",
    )
)
@click.argument("run", type=FOLDER)
@click.option("--out", type=OUT, help="GIF to write.  [default: RUN/played.gif]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides the game.")
@click.option("--sampled", is_flag=True, help="Draw actions from the policy; otherwise the likeliest is taken.")
@click.option("--untrained", is_flag=True, help="Play with the weights as they were at first.")
@click.option("--fps", type=float, default=1000 / 60, help="Steps a second.  [default: 16.7]")
@device_option
@json_option
def play(
    run: Path,
    out: Path | None,
    seed: int,
    sampled: bool,
    untrained: bool,
    fps: float,
    device: str,
    as_json: bool,
) -> None:
    """Draw a game of RUN's agent, with its values and the chances of its actions, as a GIF."""
    from golfast.rl import first_agent, load_agent, play_episode
    from golfast.rl.draw import draw_episode
    from golfast.run.files import result_file
    from golfast.run.pictures import frame_time, save_gif

    check_ending(out, ".gif")
    milliseconds = frame_time(fps)
    config, network, compute = load_agent(run, device)
    if untrained:
        network = first_agent(config).to(compute.device)
    episode = play_episode(network, config.environment, compute, greedy=not sampled, seed=seed)
    target = out or run / "played.gif"
    title = f"{config.environment.name}: {run.name}{', untrained' if untrained else ''}"
    with result_file(target) if out else nullcontext(target) as path:
        save_gif(draw_episode(episode, title=title), path, milliseconds=milliseconds)
    result = {"picture": str(target), "score": episode.score, "steps": len(episode.moments), "over": episode.over}
    ended = "" if episode.over else ", not over yet"
    show(
        result, [("picture", str(target)), ("score", f"{episode.score:g} in {len(episode.moments):,} steps{ended}")],
        as_json=as_json,
    )  # fmt: skip


@rl.command(epilog=examples("golfast rl demo", "golfast rl demo --seed 3 --folder runs/three"))
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the agent.")
@click.option("--folder", type=FOLDER, help="Where everything goes.  [default: runs/rl-demo-SEED]")
@click.option("--again", is_flag=True, help="Run anew where a finished demo is, in place of it.")
@no_lock_option
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
    run.check_parts()
    with Display(quiet=quiet) as display:
        if run.finished and not again:
            display.say(f"{run.path} holds a finished demo, shown again; --again runs it anew")
        result = run_agent(config, run, device=device, resume=True, again=again, display=display)
        with torch_threads(1):
            subject = load_subject(run.path, DEMO_EXAMPLES)
            sheets = draw_sheets(subject, Wanted(config=OptimiseConfig()), run.path / "features", display)
    rows = [*_result_rows(result, run.path), *sheet_rows(sheets, run.path / "features")]
    show(result | {"features": sheets, "folder": str(run.path)}, rows, as_json=as_json)
    next_steps(
        f"open {run.path / 'game.gif'} and the sheets in {run.path / 'features'}, then try",
        f"golfast rl play {run.path} --untrained --out untrained.gif",
        "golfast rl train cartpole",
        quiet=quiet or as_json,
    )


def _curve(run: "RunFolder") -> list[dict[str, Any]]:
    """The records of a run's learning curve; none if its log is damaged, without which an agent can be judged."""
    from golfast.errors import Failure

    try:
        return [record for record in run.read_log() if all(name in record for name in CURVE)]
    except Failure:
        return []


def _result_rows(result: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    return [
        ("greedy", _score_words(result["greedy"])),
        ("sampled", _score_words(result["sampled"])),
        (
            "steps",
            f"{result['steps']:,} in {result['seconds_training']:,.1f} s, {result['steps_per_second']:,} steps/s  "
            f"({result['precision']}, {result['device']})",
        ),
        (
            "pictures",  # a game without a picture of its own leaves none
            ", ".join(str(folder / name) for name in ("learning.png", "game.gif") if (folder / name).exists()),
        ),
    ]


def _score_words(scores: dict[str, Any]) -> str:
    different = f" of {scores['different']} different scores" if "different" in scores else ""  # older runs lack it
    games = f"{scores['count']} whole games{different}"
    return f"{interval_words(scores)}  ({games}; least {scores['least']:g}, most {scores['most']:g})"


rl.add_command(compare)
rl.add_command(show_results)
