"""`golfast features`: what the units of a run's network look for."""

import dataclasses
import json
import shlex
import sys
from pathlib import Path

import click

from .options import examples, json_option, quiet_option, refuse_beside
from .paths import FOLDER, OUT
from .printing import show
from .sheets import KEPT, SHEETS, Wanted, draw_sheets, sheet_rows

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
@click.option(
    "--jitter",
    type=click.IntRange(0),
    help="Pixels that ascent shifts images by, at most; it scales and turns them a little, too; 0: none of these.  "
    "[default: 2 for large images, else 0]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the noise that ascent starts from.")
@click.option("--compare", "with_methods", is_flag=True, help="Also compare methods on each layer.")
@click.option("--change", "with_change", is_flag=True, help="Also draw each layer before and after training.")
@click.option("--list", "only_list", is_flag=True, help="List the layers and do nothing.")
@click.option("--out", type=FOLDER, help="Folder for the pictures.  [default: RUN/features]")
@click.option("--save", type=OUT, help="Also write the figures, with this command, here.")
@click.option("--show", "only_show", is_flag=True, help=f"Print the figures kept in {RESULTS} and do nothing.")
@json_option
@quiet_option
@click.pass_context
def features(
    context: click.Context,
    run: Path | None,
    layers: tuple[str, ...],
    units: tuple[int, ...],
    method: str,
    count: int,
    rounds: int,
    jitter: int | None,
    seed: int,
    with_methods: bool,
    with_change: bool,
    only_list: bool,
    out: Path | None,
    save: Path | None,
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
        refuse_beside("--show", context, {"as_json", "quiet"})
        _show_kept(as_json)
        return
    if run is None:
        raise ValueError("give a run folder, such as runs/demo-0, or --show for the figures kept in this repository")
    if only_list:
        refuse_beside("--list", context, {"run", "as_json", "quiet"})
    from golfast.features import Jolt, OptimiseConfig
    from golfast.features.transform import MODERATE
    from golfast.run.files import result_file, write_json
    from golfast.run.folder import RunFolder
    from golfast.run.precision import torch_threads
    from golfast.run.progress import Display

    from .subjects import load_subject

    jolt = None
    if jitter is not None:
        jolt = dataclasses.replace(MODERATE, jitter=jitter) if jitter else Jolt()
    config = OptimiseConfig(method=method, rounds=rounds, jolt=jolt, seed=seed)
    if out is None and not only_list:
        RunFolder(run).check_parts()
    with Display(quiet=quiet) as display, torch_threads(1):
        subject = load_subject(run, 2 if only_list else count)
        if only_list:
            there = subject.probe.layers(subject.world.examples[:2].float())
            listed = {address: list(layer.shape) for address, layer in there.items()}
            rows = [(address, " x ".join(map(str, shape))) for address, shape in listed.items()]
            show({"layers": listed}, rows, as_json=as_json)
            return
        wanted = Wanted(config=config, layers=layers, units=units, methods=with_methods, change=with_change)
        folder = out or run / "features"
        result = draw_sheets(subject, wanted, folder, display)
    if save:
        with result_file(save) as path:
            write_json(path, {"command": shlex.join(["golfast", *sys.argv[1:]]), **result})
    show(result, sheet_rows(result, folder), as_json=as_json)


def _show_kept(as_json: bool) -> None:
    from golfast.errors import Failure, printable
    from golfast.run.untrusted import read_json

    kept = {path.stem: read_json(path, KEPT) for path in sorted(RESULTS.glob("*.json"))}
    for name, result in kept.items():
        if "layers" in result:
            read_json(RESULTS / f"{name}.json", SHEETS)
    if not kept:
        raise Failure(f"there are no figures in {RESULTS}; run this in a checkout of golfast")
    if as_json:
        click.echo(json.dumps(kept, indent=2))
        return
    for name, result in kept.items():
        click.echo(f"{RESULTS / name}.json")
        if "command" in result:
            click.echo(f"  {printable(result['command'])}")
        for key, value in sheet_rows(result, RESULTS) if "layers" in result else result.items():
            click.echo(f"  {printable(key):<28}  {printable(str(value))}")
