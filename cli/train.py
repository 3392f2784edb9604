"""`golfast train`."""

from pathlib import Path

import click

from .options import FILE, FOLDER, device_option, examples, json_option, quiet_option, show, show_plan


@click.command(
    epilog=examples(
        "golfast train                                      three timesteps on the paper's data",
        "golfast train --seed 7 --set model.timesteps=4 --set data.generations=4",
        "golfast train --config my.toml --data train.h5 --folder runs/mine",
        "golfast train --folder runs/mine --resume          go on after a kill",
        "golfast train --dry-run                            every field with its default",
    )
)
@click.option("--config", "config_file", type=FILE, help="TOML file; fields left out keep their defaults.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set one field, such as batch=32.")
@click.option("--seed", type=int, help="Decides the first weights and the order of the data.")
@click.option("--data", "data_file", type=FILE, help="Dataset to train on; its recipe becomes the config's.")
@click.option("--folder", type=FOLDER, help="Run folder.  [default: runs/ and the config's hash]")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--dry-run", is_flag=True, help="Print the resolved config and the run's name, and train nothing.")
@device_option
@json_option
@quiet_option
def train(
    config_file: Path | None,
    assignments: tuple[str, ...],
    seed: int | None,
    data_file: Path | None,
    folder: Path | None,
    resume: bool,
    dry_run: bool,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a network, evaluate it on 10,000 held-out sequences, and draw what it imagines."""
    from golfast.ablate import default_folder, load_config, run_trial
    from golfast.data import Trajectories
    from golfast.run.config import difference, from_mapping, override, parse_assignment, read_toml, to_mapping, to_toml
    from golfast.run.folder import RunFolder
    from golfast.run.progress import Display
    from golfast.train import TrainConfig

    given = dict(parse_assignment(text) for text in assignments)
    if seed is not None:
        given["seed"] = seed
    resumes_as_it_was = resume and folder is not None and not (config_file or given or data_file)
    if resumes_as_it_was and folder is not None and RunFolder(folder).config.exists():
        config = load_config(RunFolder(folder))
    else:
        config = from_mapping(TrainConfig, read_toml(config_file) if config_file else {})
    config = override(config, given)
    dataset = Trajectories(data_file) if data_file else None
    if dataset:
        asked = {key.removeprefix("data.") for key in given if key.startswith("data.")}
        asked |= set(read_toml(config_file).get("data", {})) if config_file else set()
        wrong = [text for text in difference(config.data, dataset.recipe) if text.split()[0] in asked]
        if wrong:
            raise ValueError(f"{data_file} has other data than was asked for: {'; '.join(wrong)}; leave that out")
        config = override(config, {f"data.{key}": value for key, value in to_mapping(dataset.recipe).items()})
    run = RunFolder(folder) if folder else default_folder(config, device)
    if dry_run:
        plan = {"folder": str(run.path), "config": to_mapping(config)}
        show_plan(plan, str(run.path), to_toml(config), as_json=as_json)
        return
    with Display(quiet=quiet) as display:
        display.say(f"run folder: {run.path}")
        result = run_trial(config, run, dataset, device=device, resume=resume, display=display)
    show(result, result_rows(result, run.path), as_json=as_json)


def result_rows(result: dict[str, object], folder: Path) -> list[tuple[str, str]]:
    """A run's result in words."""
    metric, matthews = result["metric"], result["matthews"]
    learned = result["steps_to_98"]
    assert isinstance(learned, list)
    defined = isinstance(metric, float) and isinstance(matthews, float)
    return [
        (
            "metric",
            f"{metric:.3f}  ({result['sequences']:,} held-out sequences; 1 = every imagined state is true)"
            if defined
            else "undefined: it needs at least 2 model and 2 game timesteps",
        ),
        ("Matthews correlation", f"{matthews:.3f}" if defined else "undefined"),
        ("last state", f"{result['accuracy']:.2%} of cells right"),
        (
            "steps",
            f"{result['steps']:,} in {result['seconds_training']:.0f} s  ({result['precision']}, {result['device']})",
        ),
        (
            "98% right from step",
            ", ".join("never" if step is None else f"{step:,}" for step in learned) + "  (timestep by timestep)",
        ),
        ("pictures", f"{folder / 'strips.png'}, {folder / 'learning.gif'}"),
    ]
