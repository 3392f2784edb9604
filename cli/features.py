"""`golfast features`: what the units of a run's network look for."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import FOLDER, examples, json_option, quiet_option, show

if TYPE_CHECKING:
    from golfast.features import Activity, Study

    from .subjects import Subject

RESULTS = Path("results") / "features"


@click.command(
    epilog=examples(
        "golfast features runs/demo-0                                   sheets of the encoder and the core",
        "golfast features runs/demo-0 --list                            which layers there are",
        "golfast features runs/demo-0 --layer encoder --unit 3 --unit 7",
        "golfast features runs/demo-0 --layer cores.0@3 --method maco",
        "golfast features runs/demo-0 --compare                         pixels, Fourier, MACO and real examples",
        "golfast features runs/demo-0 --change                          before and after training",
        "golfast features --show --json                                 figures of runs of this repository",
    )
)
@click.argument("run", type=FOLDER, required=False)
@click.option("--layer", "layers", multiple=True, help="A layer by its address; several if given again.")
@click.option("--unit", "units", type=int, multiple=True, help="Only this unit of the layers; several if given again.")
@click.option("--method", default="cells", show_default=True, help="cells, pixels, softmax, fourier or maco.")
@click.option("--examples", "count", type=click.IntRange(1), default=10_000, show_default=True, help="Real inputs.")
@click.option("--rounds", type=click.IntRange(0), default=24, show_default=True, help="Of search among legal inputs.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the noise that ascent starts from.")
@click.option("--compare", "with_methods", is_flag=True, help="Also compare methods on each layer.")
@click.option("--change", "with_change", is_flag=True, help="Also draw each layer before and after training.")
@click.option("--list", "only_list", is_flag=True, help="List the layers and do nothing.")
@click.option("--out", type=FOLDER, help="Folder for the pictures.  [default: RUN/features]")
@click.option("--show", "only_show", is_flag=True, help=f"Print the figures kept in {RESULTS} and do nothing.")
@json_option
@quiet_option
def features(
    run: Path | None,
    layers: tuple[str, ...],
    units: tuple[int, ...],
    method: str,
    count: int,
    rounds: int,
    seed: int,
    with_methods: bool,
    with_change: bool,
    only_list: bool,
    out: Path | None,
    only_show: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw what the units of RUN's network look for.

    For each unit of a layer: the input that excites it most, found by gradient ascent and turned into a legal one; the
    real inputs that excite it most; and how active it is on all of them. RUN is a run folder of a Life network or of an
    agent. Sheets (PNG) and features.json go to RUN/features.
    """
    if only_show:
        _show_kept(as_json)
        return
    if run is None:
        raise ValueError("give a run folder, such as runs/demo-0, or --show for the figures kept in this repository")
    from golfast.features import OptimiseConfig
    from golfast.features.layers import unknown_layer
    from golfast.run.files import write_json
    from golfast.run.hardware import hardware, versions
    from golfast.run.precision import torch_threads
    from golfast.run.progress import Display

    from .subjects import load_subject

    config = OptimiseConfig(method=method, rounds=rounds, seed=seed)
    with Display(quiet=quiet) as display, torch_threads(1):
        subject = load_subject(run, 2 if only_list else count)
        there = subject.probe.layers(subject.world.examples[:2].float())
        if only_list:
            listed = {address: list(layer.shape) for address, layer in there.items()}
            rows = [(address, " x ".join(map(str, shape))) for address, shape in listed.items()]
            show({"layers": listed}, rows, as_json=as_json)
            return
        for address in layers:
            if address not in there:
                raise ValueError(unknown_layer(address, there))
        chosen = [there[address] for address in dict.fromkeys(layers or subject.shown)]
        folder = out or run / "features"
        began = time.perf_counter()
        activities, seconds = _survey(subject, chosen, display)
        studies = {}
        timed = 0.0
        for address, activity in activities.items():
            studies[address], spent = _study(subject, activity, units, config, display)
            timed += spent
        result: dict[str, Any] = {
            "run": subject.name,
            "real": subject.real,
            "method": method,
            "examples": len(subject.world.examples),
            "units": sum(len(study.units) for study in studies.values()),
            "seconds_survey": round(seconds, 2),
            "seconds_optimising": round(timed, 2),
            "layers": [study.figures() | {"picture": str(_draw(subject, study, folder))} for study in studies.values()],
        }
        if subject.findings and not layers:
            result["findings"] = subject.findings(folder, display)
        if with_methods:
            result["methods"] = {
                address: _compare(subject, activities[address], config, display) for address in studies
            }
        if with_change:
            result["change"] = [_change(subject, study, units, config, folder, display) for study in studies.values()]
        result |= {"seconds": round(time.perf_counter() - began, 2), "hardware": hardware(), "versions": versions()}
        write_json(folder / "features.json", result)
    show(result, _rows(result, folder), as_json=as_json)


def _survey(subject: "Subject", layers: list[Any], display: Any) -> tuple[dict[str, "Activity"], float]:
    from golfast.features import survey

    phase = display.phase("real inputs", len(subject.world.examples), unit="input")
    began = time.perf_counter()
    activities = survey(subject.probe, layers, subject.world.examples, progress=phase.update)
    phase.done()
    return activities, time.perf_counter() - began


def _study(
    subject: "Subject", activity: "Activity", units: tuple[int, ...], config: Any, display: Any
) -> tuple["Study", float]:
    from golfast.features import study, study_steps

    phase = display.phase(activity.layer.address, study_steps(config), unit="step")
    began = time.perf_counter()
    studied = study(subject.probe, activity, subject.world, units=units or None, config=config, progress=phase.update)
    phase.done()
    return studied, time.perf_counter() - began


def _draw(subject: "Subject", studied: "Study", folder: Path) -> Path:
    from golfast.features import draw_sheet
    from golfast.run.pictures import write_png

    path = folder / f"{file_name(studied.layer.address)}.png"
    title = f"What excites the units of {studied.layer.address} ({subject.name}; real inputs: {subject.real})"
    write_png(draw_sheet(studied, subject.world, subject.look, title=title), path)
    return path


def _compare(subject: "Subject", activity: "Activity", config: Any, display: Any) -> list[dict[str, Any]]:
    from golfast.features import EXAMPLES, compare

    plane = subject.world.space.plane
    methods = ["pixels", "cells", *(["fourier", "maco"] if plane else []), EXAMPLES]
    phase = display.phase(f"methods {activity.layer.address}", 3 * len(methods), unit="run")
    done = iter(range(3 * len(methods)))
    rows = compare(
        subject.probe,
        activity,
        subject.world,
        methods,
        config=config,
        progress=lambda method, seed: phase.update(next(done), f"{method}, seed {seed}"),
    )
    phase.done()
    return rows


def _change(
    subject: "Subject", after: "Study", units: tuple[int, ...], config: Any, folder: Path, display: Any
) -> dict[str, Any]:
    from golfast.features import study, survey
    from golfast.features.change import change_figures, draw_change
    from golfast.run.pictures import write_png

    layer = after.layer
    display.say(f"{layer.address} before training")
    activity = survey(subject.untrained, [layer], subject.world.examples)[layer.address]
    before = study(subject.untrained, activity, subject.world, units=units or None, config=config)
    path = folder / f"change-{file_name(layer.address)}.png"
    title = f"What excites the units of {layer.address} before and after training ({subject.name})"
    write_png(draw_change(before, after, subject.world, subject.look, title=title), path)
    return change_figures(before, after) | {"picture": str(path)}


def file_name(address: str) -> str:
    """A layer's address as the name of a file."""
    return address.replace("@", "-use").replace(":", "-output")


def _rows(result: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    rows = [
        ("network", f"{result['run']}; {result['examples']:,} real inputs ({result['real']})"),
        (
            "units",
            f"{result['units']} in {result['seconds_survey']:.1f} s (real inputs) + "
            f"{result['seconds_optimising']:.1f} s (optimising, all units of a layer in one batch)",
        ),
    ]
    for layer in result["layers"]:
        dead = f"; dead: {', '.join(map(str, layer['dead']))}" if layer["dead"] else "; none dead"
        rows.append(
            (
                layer["layer"],
                f"{layer['reached']} of {layer['live']} live units reach the 99.9th percentile with a legal input "
                f"({layer['reached_from_noise']} from noise), {layer['above_every_real_input']} exceed every real one"
                + dead,
            )
        )
    for name, match in result.get("findings", {}).get("closest", {}).items():
        rows.append((name, f"unit {match['unit']} of {match['layer']}, correlation {match['correlation']:+.3f}"))
    for address, methods in result.get("methods", {}).items():
        rows.append(
            (f"methods on {address}", "reached, deviations above (raw, projected, refined); illegal; seeds agree")
        )
        rows += [(f"  {row['method']}", _method_words(row)) for row in methods]
    rows.append(("pictures", f"{folder}/*.png"))
    return rows


def _method_words(row: dict[str, Any]) -> str:
    stages = ("_raw", "_projected", "")
    reached = " ".join(f"{row['reached' + stage]:>5.0%}" for stage in stages)
    above = " ".join(f"{row['above' + stage]:+6.2f}" for stage in stages)
    return f"{reached}   {above}   {row['illegal']:.3f}   {row['agreement']:.2f} (other units {row['other'] or 0:.2f})"


def _show_kept(as_json: bool) -> None:
    from golfast.errors import Failure

    kept = {}
    for path in sorted(RESULTS.glob("*.json")):
        try:
            kept[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise Failure(f"{path} is damaged ({error})") from None
    if not kept:
        raise Failure(f"there are no figures in {RESULTS}; run this in a checkout of golfast")
    if as_json:
        click.echo(json.dumps(kept, indent=2))
        return
    for name, result in kept.items():
        click.echo(f"{RESULTS / name}.json")
        if "command" in result:
            click.echo(f"  {result['command']}")
        for key, value in _rows(result, RESULTS) if "layers" in result else result.items():
            click.echo(f"  {key:<28}  {value}")
