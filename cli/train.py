"""`golfast train`."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from .options import check_resumed, device_option, examples, json_option, no_lock_option, quiet_option
from .paths import DATASET, FILE, FOLDER
from .printing import next_steps, show, show_plan


@click.command(
    epilog=examples(
        "golfast train                                      three timesteps on the paper's data",
        "golfast train --seed 7 --set model.timesteps=4 --set data.generations=4",
        "golfast train --recipe adam --adversarial --probes",
        "golfast train --config my.toml --data train.h5 --folder runs/mine",
        "golfast train --folder runs/mine --resume          go on after a kill",
        "golfast train --from runs/mine --probes            its network as it is, and probes on top",
        "golfast train --dry-run                            every field with its default",
    )
)
@click.option(
    "--recipe",
    default="fast",
    show_default=True,
    help='What to train by: "fast", "adam" (the authors\' optimiser, small batches) or "authors" (all as theirs).',
)
@click.option("--config", "config_file", type=FILE, help="TOML file; fields left out are as the recipe has them.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set one field, such as batch=32.")
@click.option("--adversarial", is_flag=True, help="Then train an adversarial decoder, too (section 2.3).")
@click.option("--probes", is_flag=True, help="Then train probes, too: what is in the hidden states at all.")
@click.option("--seed", type=int, help="Decides the first weights and the order of the data.")
@click.option("--data", "data_file", type=DATASET, help="Dataset to train on; its recipe becomes the config's.")
@click.option("--folder", type=FOLDER, help="Run folder.  [default: runs/ and the config's hash]")
@click.option("--from", "source", type=FOLDER, help="A finished run whose network is taken as it is.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option("--tensorboard", is_flag=True, help="Write curves for TensorBoard into the run folder.")
@click.option("--dry-run", is_flag=True, help="Print the resolved config and the run's name, and train nothing.")
@no_lock_option
@device_option
@json_option
@quiet_option
def train(
    recipe: str,
    config_file: Path | None,
    assignments: tuple[str, ...],
    adversarial: bool,
    probes: bool,
    seed: int | None,
    data_file: Path | None,
    folder: Path | None,
    source: Path | None,
    resume: bool,
    tensorboard: bool,
    dry_run: bool,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a network, evaluate it on 10,000 held-out sequences, and draw what it imagines.

    Fields are taken from the options, else from the config file, else from the recipe, else they have their defaults.
    """
    from golfast.ablate import default_folder
    from golfast.run.config import difference, override, parse_assignment, read_toml, to_mapping, to_toml
    from golfast.run.folder import RunFolder
    from golfast.train import configure

    given = dict(parse_assignment(text) for text in assignments)
    if seed is not None:
        given["seed"] = seed
    given |= {f"{name}.on": True for name, on in (("adversarial", adversarial), ("probes", probes)) if on}
    file = read_toml(config_file) if config_file else {}
    dataset = None
    if data_file:
        from golfast.data import Trajectories

        dataset = Trajectories(data_file)
    changes = given
    if dataset:
        theirs = to_mapping(dataset.recipe)
        asked = {f"data.{key}": value for key, value in file.get("data", {}).items()} | given
        known = {key: asked[f"data.{key}"] for key in theirs if f"data.{key}" in asked}
        wrong = difference(override(dataset.recipe, known), dataset.recipe)
        if wrong:
            raise ValueError(f"{data_file} has other data than was asked for: {'; '.join(wrong)}; leave that out")
        changes = given | {f"data.{key}": value for key, value in theirs.items()}
    asked_for_nothing = not (config_file or given or data_file) and recipe == "fast"
    if resume and folder is not None and RunFolder(folder).config.exists() and asked_for_nothing:
        from golfast.ablate import load_config

        config = load_config(RunFolder(folder))
    elif source:
        if recipe != "fast" or config_file or seed is not None:
            raise ValueError("--from takes the other run's config; --recipe, --config and --seed make no sense with it")
        from golfast.ablate import load_config
        from golfast.ablate.reuse import check_reuse

        before = load_config(RunFolder(source))
        config = override(before, changes)
        if config == before:
            raise ValueError(f"{source} has all that is asked for; ask for more, such as --adversarial or --probes")
        check_reuse(RunFolder(source), before, config)
    else:
        config = configure(recipe, file=file, changes=changes)
    run = RunFolder(folder) if folder else default_folder(config, device)
    if dry_run:
        plan = {"folder": str(run.path), "config": to_mapping(config)}
        show_plan(plan, str(run.path), to_toml(config), as_json=as_json)
        return
    check_resumed(resume, run.begun, run.path)
    from golfast.ablate import run_trial
    from golfast.run.progress import Display
    from golfast.run.watch import tensorboard as open_tensorboard
    from golfast.run.watch import watch_nothing

    curves = open_tensorboard(run.path / "tensorboard") if tensorboard else nullcontext(watch_nothing)
    with Display(quiet=quiet) as display, curves as watch:
        display.say(f"run folder: {run.path}")
        of = RunFolder(source) if source else None
        result = run_trial(config, run, dataset, source=of, device=device, resume=resume, display=display, watch=watch)
    show(result, result_rows(result, run.path), as_json=as_json)
    if result["agreement"] is not None:
        next_steps(
            f"open {run.path / 'strips.png'} and {run.path / 'learning.gif'}, then try",
            f"golfast evaluate {run.path}",
            f"golfast imagine {run.path} --pattern glider",
            f"golfast features {run.path}",
            quiet=quiet or as_json,
        )


def result_rows(result: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    """A run's result in words."""
    diverged = result["agreement"] is None
    about = f"{result['sequences']:,} held-out sequences; 1 = every imagined state is true"
    rows = [("metric", "none: the weights are of no use" if diverged else metric_words(result["metric"], about))]
    known = result.get("baselines")  # older runs lack them
    rows += baseline_rows({"matched": result["metric"]}, known)
    for name, words in (("adversarial", "adversarial decoder"), ("probes", "probes")):
        if stage := result.get(name):
            trained = stage["outcome"] == "trained"
            about = f"{stage['steps']:,} steps in {stage['seconds']:.0f} s" if stage["steps"] else "computed"
            rows.append((f"  by {words}", metric_words(stage["metric"], about) if trained else stage["outcome"]))
            rows += not_standing_out({"matched": stage["metric"]}, known)
    if larger := result.get("larger"):
        about = f"{larger['sequences']:,} sequences on boards of {larger['height']}x{larger['width']}"
        rows.append(("  on larger boards", metric_words(larger["metric"], about)))
    rows += [
        ("Matthews correlation", "undefined" if result["matthews"] is None else f"{result['matthews']:.3f}"),
        ("last state", f"{result['accuracy']:.2%} of cells right"),
        ("outcome", result["outcome"]),
        (
            "steps",
            f"{result['steps']:,} in {result['seconds_training']:.0f} s  ({result['precision']}, {result['device']})",
        ),
        (
            "98% right from step",
            ", ".join("never" if step is None else f"{step:,}" for step in result["steps_to_98"])
            + "  (state 2 to the last)",
        ),
    ]
    return rows if diverged else [*rows, ("pictures", f"{folder / 'strips.png'}, {folder / 'learning.gif'}")]


def baseline_rows(metric: dict[str, float | None], known: object) -> list[tuple[str, str]]:
    """The baselines of a metric, in each reading that it has, and whether it stands out from them."""
    from golfast.imagine.baselines import WORDS, recorded

    values = {reading: recorded(known, reading) for reading in metric}
    rows = [("baselines", ", ".join(metric))] if len(metric) > 1 and all(values.values()) else []
    for name, words in WORDS.items():
        if all(name in found for found in values.values()):
            rows.append((f"  of {words}", "  ".join(f"{found[name]:.3f}" for found in values.values())))
    return rows + not_standing_out(metric, known)


def not_standing_out(metric: dict[str, float | None], known: object) -> list[tuple[str, str]]:
    """A row that says so, if the first reading of a metric does not stand out from its baselines."""
    from golfast.imagine.baselines import recorded, stands_out

    reading, value = next(iter(metric.items()))
    beside = recorded(known, reading).values()
    if value is None or not beside or stands_out(value, beside):
        return []
    return [("", "this does not stand out: pictures that take no learning earn as much, or nearly")]


def metric_words(metric: float | None, about: str) -> str:
    """The metric in words."""
    if metric is None:
        return "undefined: it needs at least 2 model and 2 game timesteps"
    return f"{metric:.3f}  ({about})"
