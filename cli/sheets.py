"""The sheets of a run: what `golfast features` and the demo of agents draw and measure."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golfast.run.untrusted import Each

if TYPE_CHECKING:
    from golfast.features import Activity, OptimiseConfig, Study
    from golfast.run.progress import Display

    from .subjects import Subject


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of a subject."""

    config: "OptimiseConfig"
    layers: Sequence[str] = ()
    """Addresses; none: those that the subject shows by itself, and its findings."""
    units: tuple[int, ...] = ()
    """Only these; none: all."""
    methods: bool = False
    """Also compare methods."""
    change: bool = False
    """Also draw the layers before training."""


def draw_sheets(subject: "Subject", wanted: Wanted, folder: Path, display: "Display") -> dict[str, Any]:
    """Study a subject's layers, draw into a folder, leave features.json there and return what it holds.

    ValueError for a layer that does not exist, listing those that do, for a unit, and for a method or a jolt that is
    not for its inputs.
    """
    from golfast.features import parametrise
    from golfast.features.layers import unknown_layer
    from golfast.features.study import check_units
    from golfast.run.files import write_json
    from golfast.run.hardware import hardware, versions

    there = subject.probe.layers(subject.world.examples[:2].float())
    for address in wanted.layers:
        if address not in there:
            raise ValueError(unknown_layer(address, there))
    chosen = [there[address] for address in dict.fromkeys(wanted.layers or subject.shown)]
    # What cannot be is told before the real inputs are looked at.
    parametrise(wanted.config.method, subject.world.space, examples=subject.world.examples[:2])
    if wanted.config.jolt is not None:
        wanted.config.jolt.check(subject.world.space.shape)
    for layer in chosen if wanted.units else []:
        check_units(layer, wanted.units)
    began = time.perf_counter()
    activities, seconds = _survey(subject, chosen, display)
    studied = {address: _study(subject, activity, wanted, display) for address, activity in activities.items()}
    result: dict[str, Any] = {
        "run": subject.name,
        "real": subject.real,
        "method": wanted.config.method,
        "examples": len(subject.world.examples),
        "units": sum(len(study.units) for study, _ in studied.values()),
        "seconds_survey": round(seconds, 2),
        "seconds_optimising": round(sum(spent for _, spent in studied.values()), 2),
        "layers": [
            study.figures() | {"seconds": round(spent, 2), "picture": str(_draw(subject, study, folder))}
            for study, spent in studied.values()
        ],
    }
    if subject.findings and not wanted.layers:
        result["findings"] = subject.findings(subject, folder, display)
    if wanted.methods:
        result["methods"] = {
            address: _compare(subject, activity, wanted.config, display)
            for address, activity in activities.items()
            if not activity.dead.all()
        }
    if wanted.change:
        result["change"] = [_change(subject, study, wanted, folder, display) for study, _ in studied.values()]
    result |= {"seconds": round(time.perf_counter() - began, 2), "hardware": hardware(), "versions": versions()}
    write_json(folder / "features.json", result)
    return result


def _survey(subject: "Subject", layers: list[Any], display: "Display") -> tuple[dict[str, "Activity"], float]:
    from golfast.features import survey

    phase = display.phase("real inputs", len(subject.world.examples), unit="input")
    began = time.perf_counter()
    activities = survey(subject.probe, layers, subject.world.examples, progress=phase.update)
    phase.done()
    return activities, time.perf_counter() - began


def _study(subject: "Subject", activity: "Activity", wanted: Wanted, display: "Display") -> tuple["Study", float]:
    from golfast.features import study, study_steps

    phase = display.phase(activity.layer.address, study_steps(wanted.config), unit="step")
    began = time.perf_counter()
    studied = study(
        subject.probe,
        activity,
        subject.world,
        units=wanted.units or None,
        config=wanted.config,
        progress=phase.update,
    )
    phase.done()
    return studied, time.perf_counter() - began


def _draw(subject: "Subject", studied: "Study", folder: Path) -> Path:
    from golfast.features import draw_sheet
    from golfast.run.pictures import write_png

    path = folder / f"{file_name(studied.layer.address)}.png"
    title = f"What excites the units of {studied.layer.address} ({subject.name}; real inputs: {subject.real})"
    names = subject.names.get(studied.layer.address, ())
    write_png(draw_sheet(studied, subject.world, subject.look, title=title, names=names), path)
    return path


def _compare(
    subject: "Subject", activity: "Activity", config: "OptimiseConfig", display: "Display"
) -> list[dict[str, Any]]:
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


def _change(subject: "Subject", after: "Study", wanted: Wanted, folder: Path, display: "Display") -> dict[str, Any]:
    from golfast.features import study, survey
    from golfast.features.change import change_figures, draw_change
    from golfast.run.pictures import write_png

    layer = after.layer
    display.say(f"{layer.address} before training")
    activity = survey(subject.untrained, [layer], subject.world.examples)[layer.address]
    before = study(subject.untrained, activity, subject.world, units=wanted.units or None, config=wanted.config)
    path = folder / f"change-{file_name(layer.address)}.png"
    title = f"What excites the units of {layer.address} before and after training ({subject.name})"
    names = subject.names.get(layer.address, ())
    write_png(draw_change(before, after, subject.world, subject.look, title=title, names=names), path)
    return change_figures(before, after, subject.world.space) | {"picture": str(path)}


def file_name(address: str) -> str:
    """A layer's address as the name of a file."""
    return address.replace("@", "-use").replace(":", "-output")


_METHOD = {
    "method": str, "reached_raw": float, "reached_projected": float, "reached": float, "above_raw": float,
    "above_projected": float, "above": float, "illegal": float, "agreement": float, "other": (float, None),
}  # fmt: skip
_LAYER = {
    "layer": str, "dead": [int], "reached": int, "live": int, "reached_from_noise": int, "above_every_real_input": int
}  # fmt: skip
KEPT = {"command?": str}
"""What a file of kept figures has."""
SHEETS = {
    "run": str, "examples": int, "real": str, "units": int, "seconds_survey": float, "seconds_optimising": float,
    "layers": [_LAYER], "findings?": {"closest?": Each({"unit": int, "layer": str, "correlation": float})},
    "methods?": Each([_METHOD]),
}  # fmt: skip
"""And what it has if it is of sheets."""


def sheet_rows(result: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    """What `draw_sheets` found, in words."""
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
