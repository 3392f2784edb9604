"""One training of an agent, from config to result: train, judge, draw."""

import dataclasses
from pathlib import Path
from typing import Any

from golfast.errors import Failure
from golfast.rl.config import AgentConfig
from golfast.rl.draw import draw_curve, draw_episode
from golfast.rl.evaluate import EPISODES, LONGEST, evaluate, summary
from golfast.rl.games import make_environment
from golfast.rl.loop import Outcome, Record, train
from golfast.rl.network import ActorCritic, seeded_agent
from golfast.rl.play import play_episode
from golfast.run.config import fingerprint, from_mapping
from golfast.run.folder import RunFolder
from golfast.run.hardware import hardware, versions
from golfast.run.pictures import save_gif, write_png
from golfast.run.precision import Compute, choose_compute
from golfast.run.progress import Display
from golfast.run.shapes import AGENT
from golfast.run.weights import load_weights

CURVE, GAME = "learning.png", "game.gif"


def run_agent(
    config: AgentConfig,
    folder: RunFolder,
    *,
    device: str = "auto",
    resume: bool = False,
    again: bool = False,
    episodes: int = EPISODES,
    pictures: bool = True,
    display: Display | None = None,
) -> dict[str, Any]:
    """Train, evaluate on `episodes` whole games, greedy and sampled, draw; returns what result.json holds.

    A folder whose run is finished is not run again: its result is returned, and if it was judged by another number of
    games the display says so. With `again` the run in the folder, whatever it is, is removed once no other job is at
    work in it. Raises ValueError if the folder has a run and neither `resume` nor `again` is set; otherwise as `train`
    does.
    """
    display = display or Display(quiet=True)
    compute = choose_compute(device, config.precision).unscaled
    config = as_run(config, device)
    if not again and (done := folder.earlier_result(resume=resume, same=lambda: load_config(folder) == config)):
        done = folder.read_result(AGENT) or done
        if (judged := done["greedy"]["count"]) != episodes:
            display.say(
                f"{folder.path} is finished and was judged by {judged} games, shown here; "
                f"`golfast rl evaluate {folder.path} --episodes {episodes}` judges it by {episodes}"
            )
        return done
    with folder.locked():
        if again:
            folder.clear()
        phase = display.phase(f"train {config.algorithm} on {config.environment.name}", config.steps, unit="step")

        def watch(record: Record) -> None:
            phase.update(min(record["step"], config.steps), record_words(record))

        outcome = train(config, folder, compute=compute, resume=resume, watch=watch)
        phase.done(f"{outcome.steps / outcome.seconds:,.0f} steps/s")
        scores = {
            name: judge(outcome.network, config, compute, greedy=name == "greedy", episodes=episodes, display=display)
            for name in ("greedy", "sampled")
        }
        result = _result(config, outcome, scores, compute)
        if pictures:
            display.say("drawing")
            if why := draw_run(folder, config, outcome.network, compute):
                display.say(f"no game was drawn: {why}")
        folder.finish(result)
    return result


def judge(
    network: ActorCritic,
    config: AgentConfig,
    compute: Compute,
    *,
    greedy: bool,
    episodes: int = EPISODES,
    seed: int = 0,
    display: Display | None = None,
) -> dict[str, Any]:
    """A summary of the scores of whole games, and the scores themselves; `seed` decides the games.

    If any were not over in LONGEST steps, they count as they stood, and "unfinished" is how many.
    """
    display = display or Display(quiet=True)
    phase = display.phase(f"play {'greedily' if greedy else 'by the policy'}", episodes, unit="game")
    over = 0

    def progress(done: int) -> None:
        nonlocal over
        over = done
        phase.update(done)

    scores = evaluate(
        network, config.environment, compute, greedy=greedy, episodes=episodes, seed=seed, progress=progress
    )
    found = summary(scores) | {"scores": scores}
    phase.done(f"mean {found['mean']:.1f}")
    if over < episodes:
        found["unfinished"] = episodes - over
        display.say(f"{episodes - over} of these games were not over in {LONGEST:,} steps and count as they stood")
    return found


def draw_run(folder: RunFolder, config: AgentConfig, network: ActorCritic, compute: Compute) -> str | None:
    """Leave game.gif and, if a game ended while it trained, learning.png in a run folder.

    Of a Gymnasium environment that cannot be drawn there is no game.gif; what is returned says why.
    """
    name = config.environment.name
    title = f"{config.algorithm.upper()} on {name}, seed {config.seed}"
    log = folder.read_log()
    if any(record["return"] is not None for record in log):
        write_png(draw_curve(log, title=title), folder.path / CURVE)
    try:
        episode = play_episode(network, config.environment, compute, steps=300)
    except ValueError as error:
        return str(error)
    save_gif(draw_episode(episode, title=f"{name}: an agent of {config.algorithm.upper()}"), folder.path / GAME,
             milliseconds=60)  # fmt: skip
    return None


def load_agent(path: Path | str, device: str = "auto") -> tuple[AgentConfig, ActorCritic, Compute]:
    """A trained agent from its run folder: the config and weights.safetensors are all that is needed.

    Raises Failure, FileNotFoundError or ValueError, each in one sentence, if the folder is not a run or is damaged.
    """
    folder = RunFolder(Path(path))
    if not folder.config.exists():
        raise Failure(f"{path} is not a run folder: it has no config.toml")
    if not folder.weights.exists():
        raise Failure(f"{path} has no weights yet: its training has not ended; go on with `golfast rl train --resume`")
    config = load_config(folder)
    compute = choose_compute(device, "auto" if config.precision == "bf16" else config.precision)
    network = first_agent(config)
    load_weights(network, folder.weights)
    return config, network.to(compute.device), compute


def first_agent(config: AgentConfig) -> ActorCritic:
    """The agent as it is before it has learned anything, on the CPU."""
    from golfast.rl.randomness import derived

    games = make_environment(dataclasses.replace(config.environment, count=1))
    try:
        return seeded_agent(games.shape, games.actions, config.policy, top=games.top, seed=derived(config.seed, 0))
    finally:
        games.close()


def load_config(folder: RunFolder) -> AgentConfig:
    """The config of a run folder. Failure if it is damaged, or not one of an agent."""
    mapping = folder.read_config()
    if "environment" not in mapping:
        raise Failure(f"{folder.path} holds a run of another kind, not of an agent")
    try:
        config = from_mapping(AgentConfig, mapping)
    except ValueError as error:
        raise Failure(f"{folder.path} has no config of a run: {error}") from None
    folder.check_named(fingerprint(config))
    return config


def default_folder(config: AgentConfig, device: str = "auto", root: Path = Path("runs")) -> RunFolder:
    """The folder named by the game and the hash of a config as it will run on this device."""
    name = config.environment.name.replace("/", "-").lower()
    return RunFolder(root / f"{name}-{fingerprint(as_run(config, device))}")


def as_run(config: AgentConfig, device: str = "auto") -> AgentConfig:
    """The config as it will run on this device: what "auto" stands for is part of what a run is."""
    return dataclasses.replace(config, precision=choose_compute(device, config.precision).unscaled.precision)


def record_words(record: Record) -> str:
    """A line of metrics in words."""
    score = "no game over yet" if record["return"] is None else f"return {record['return']:.1f}"
    rate = record["step"] / record["seconds"] if record["seconds"] else 0
    return f"{score}  entropy {record['entropy']:.3f}  {rate:,.0f} steps/s"


def _result(
    config: AgentConfig, outcome: Outcome, scores: dict[str, dict[str, Any]], compute: Compute
) -> dict[str, Any]:
    return {
        "run": fingerprint(config),
        "environment": config.environment.name,
        "algorithm": config.algorithm,
        "seed": config.seed,
        **scores,
        "training_return": outcome.returned,
        "steps": outcome.steps,
        "seconds_training": round(outcome.seconds, 2),
        "steps_per_second": round(outcome.steps / outcome.seconds),
        "precision": compute.precision,
        "device": compute.device.type,
        "hardware": hardware(),
        "versions": versions(),
    }
