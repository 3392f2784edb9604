"""`golfast demo`: the main job, end to end."""

from pathlib import Path
from typing import Any

import click

from .options import device_option, examples, json_option, no_lock_option, quiet_option
from .paths import FOLDER
from .printing import next_steps, show

PAPER_METRIC = 0.99  # table 1, 3 timesteps with autoencoder and shared core, mean of 42 runs


@click.command(
    epilog=examples("golfast demo", "golfast demo --seed 3 --folder runs/three", "golfast demo --json --quiet")
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the network; the data stays the same.")
@click.option("--folder", type=FOLDER, help="Where everything goes.  [default: runs/demo-SEED]")
@click.option("--again", is_flag=True, help="Run anew where a finished demo is, in place of it.")
@no_lock_option
@device_option
@json_option
@quiet_option
def demo(seed: int, folder: Path | None, again: bool, device: str, as_json: bool, quiet: bool) -> None:
    """See what a network imagines.

    Makes 200,000 trajectories of Conway's Game of Life, trains a network to predict the fourth state from the first
    until 99% of its cells are right, decodes its hidden states on 10,000 held-out sequences, and measures how many of
    them are the true states in between: states that nobody ever showed to the network.
    """
    from golfast.ablate import run_trial
    from golfast.run.folder import RunFolder
    from golfast.run.progress import Display
    from golfast.train import TrainConfig

    from .train import result_rows

    config = TrainConfig(seed=seed)
    run = RunFolder(folder or Path("runs") / f"demo-{seed}")
    with Display(quiet=quiet) as display:
        if run.finished and not again:
            display.say(f"{run.path} holds a finished demo, shown again; --again runs it anew")
            dataset = None
        else:
            dataset = _dataset(run.path.parent, config.data, display)
        result = run_trial(config, run, dataset, device=device, resume=True, again=again, display=display)
    rows = result_rows(result, run.path)
    rows.insert(1, ("the paper's", f"{PAPER_METRIC:.2f}   (mean of 42 runs, arXiv 2405.06409, table 1)"))
    show(result | {"paper_metric": PAPER_METRIC, "folder": str(run.path)}, rows, as_json=as_json)
    next_steps(
        f"open {run.path / 'learning.gif'} and {run.path / 'strips.png'}, then try",
        f"golfast imagine {run.path} --pattern pulsar",
        f"golfast features {run.path}",
        "golfast train --set model.timesteps=4 --set data.generations=4",
        quiet=quiet or as_json,
    )


def _dataset(folder: Path, recipe: Any, display: Any) -> Any:
    """The demo's data, named by its recipe and shared by demos of all seeds; made if it is not there, or damaged."""
    from golfast.data import Trajectories, make
    from golfast.errors import Failure
    from golfast.run.config import fingerprint

    path = folder / f"demo-{fingerprint(recipe)}.h5"
    try:
        return Trajectories(path)
    except FileNotFoundError:
        pass
    except Failure as damage:
        display.say(f"{damage}; making it again")
    phase = display.phase("make data", recipe.count, unit="trajectory")
    make(path, recipe, overwrite=True, progress=phase.update)
    phase.done()
    return Trajectories(path)
