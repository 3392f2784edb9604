"""`golfast demo`: the main job, end to end."""

from pathlib import Path

import click

from .options import FOLDER, device_option, examples, json_option, quiet_option, show

PAPER_METRIC = 0.99  # table 1, 3 timesteps with autoencoder and shared core, mean of 42 runs


@click.command(
    epilog=examples("golfast demo", "golfast demo --seed 3 --folder runs/three", "golfast demo --json --quiet")
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the network; the data stays the same.")
@click.option("--folder", type=FOLDER, help="Where everything goes.  [default: runs/demo-SEED]")
@click.option("--again", is_flag=True, help="Run anew where a finished demo is, in place of it.")
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
    from golfast.data import Trajectories, make
    from golfast.run.folder import RunFolder
    from golfast.run.progress import Display
    from golfast.train import TrainConfig

    from .train import result_rows

    config = TrainConfig(seed=seed)
    run = RunFolder(folder or Path("runs") / f"demo-{seed}")
    dataset_path = run.path.parent / "demo-train.h5"
    if again:
        run.clear()
    with Display(quiet=quiet) as display:
        if run.result.exists():
            display.say(f"{run.path} holds a finished demo, shown again below; --again runs it anew")
        if not (dataset_path.exists() and Trajectories(dataset_path).recipe == config.data):
            phase = display.phase("make data", config.data.count, unit="trajectory")
            make(dataset_path, config.data, overwrite=True, progress=phase.update)
            phase.done()
        result = run_trial(config, run, Trajectories(dataset_path), device=device, resume=True, display=display)
    rows = result_rows(result, run.path)
    rows.insert(1, ("the paper's", f"{PAPER_METRIC:.2f}   (mean of 42 runs, arXiv 2405.06409, table 1)"))
    show(result | {"paper_metric": PAPER_METRIC, "folder": str(run.path)}, rows, as_json=as_json)
