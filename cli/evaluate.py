"""`golfast evaluate`."""

from pathlib import Path
from typing import Any

import click

from .options import device_option, examples, json_option, quiet_option
from .paths import DATASET, FILE, FOLDER
from .printing import show
from .train import baseline_rows, not_standing_out


@click.command(
    epilog=examples(
        "golfast evaluate runs/demo-0",
        "golfast evaluate runs/demo-0 --data test.h5 --json",
        "golfast evaluate runs/demo-0 --threshold 0.99 --sequences 1000",
        "golfast evaluate runs/demo-0 --config my.toml     sequences, threshold and data, where options do not say",
    )
)
@click.argument("run", type=FOLDER)
@click.option("--config", "config_file", type=FILE, help="TOML file with sequences, threshold or data.")
@click.option("--data", "data_file", type=DATASET, help="Evaluate on this dataset instead of the run's own test data.")
@click.option("--sequences", type=int, help="How many to evaluate on.  [default: 10,000]")
@click.option("--threshold", type=float, help="Share of cells that makes a match.  [default: 0.95]")
@device_option
@json_option
@quiet_option
def evaluate(
    run: Path,
    config_file: Path | None,
    data_file: Path | None,
    sequences: int | None,
    threshold: float | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure how many hidden states of RUN's network are true intermediate states.

    The figures: the metric of equation 1 in its three readings ("matched", golfast's default; "equation"; "dataset"), a
    Matthews correlation as a smooth second figure, and how well each imagined state agrees with each true one. If the
    run has an adversarial decoder or probes, the same of what they draw. Beside the metric stands what it is without
    any learning: of dead boards, of the input copied, and of the same network before its training.
    """
    from golfast.ablate import evaluate_trial, load_stages, load_trial
    from golfast.data import Trajectories
    from golfast.imagine import EvaluateConfig
    from golfast.run.config import from_mapping, override, read_toml
    from golfast.run.progress import Display

    given = {"sequences": sequences, "threshold": threshold, "data": str(data_file) if data_file else None}
    how = from_mapping(EvaluateConfig, read_toml(config_file)) if config_file else EvaluateConfig()
    how = override(how, {name: value for name, value in given.items() if value is not None})
    config, network, compute = load_trial(run, device)
    stages = load_stages(run, config, compute)
    dataset = Trajectories(Path(how.data)) if how.data else None
    with Display(quiet=quiet) as display:
        figures = evaluate_trial(
            config,
            network,
            compute,
            stages=stages,
            sequences=how.sequences,
            dataset=dataset,
            threshold=how.threshold,
            untrained=True,
            display=display,
        )
    rows = figure_rows(figures)
    for name, words in (("adversarial", "adversarial decoder"), ("probes", "probes")):
        if name in figures:
            drawn = figures[name]
            rows += [("", ""), (words, ""), *figure_rows(drawn)]
            rows += not_standing_out(drawn["metric"], figures["baselines"])
    rows.append(("sequences", f"{figures['sequences']:,}"))
    show(figures, rows, as_json=as_json)


def figure_rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures of one way to draw hidden states, in words."""
    rows = [
        (f"metric, {name}", "undefined" if value is None else f"{value:.4f}")
        for name, value in figures["metric"].items()
    ]
    rows += baseline_rows(figures["metric"], figures.get("baselines"))
    rows.append(("Matthews correlation", "undefined" if figures["matthews"] is None else f"{figures['matthews']:.4f}"))
    if "accuracy" in figures:
        rows.append(("last state right", f"{figures['accuracy']:.3%} of cells"))
    states = len(figures["agreement"][0])
    rows.append(("agreement with true state", "".join(f"{state + 2:>8}" for state in range(states))))
    for timestep, row in enumerate(figures["agreement"], 1):
        rows.append((f"  timestep {timestep}", "".join(f"{value:>8.2%}" for value in row)))
    return rows
