"""`golfast results`: what sweeps left."""

from pathlib import Path
from typing import Any

import click

from golfast.errors import printable

from .options import examples, no_lock_option
from .paths import FILE, OUT

_WIDEST = 300  # characters of a cell on a terminal


@click.command(
    epilog=examples(
        "golfast results                                       all trials, as a table",
        "golfast results --where rows=table1/fast/3-3 --where state=counted",
        "golfast results --where 'metric<0.5' --columns trial,seed,metric,accuracy --format json",
        "golfast results --format csv > results.csv",
        "golfast results --format parquet --out results.parquet",
    )
)
@click.argument("file", type=FILE, default=Path("runs") / "results.sqlite")
@click.option("--where", "wheres", multiple=True, metavar="CONDITION", help="Such as 'metric>=0.9'; all must hold.")
@click.option("--columns", help="Names with commas between them; all if left out, or a few for a table.")
@click.option(
    "--format", "kind", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--out", type=OUT, help="Write to this file instead of stdout.")
@no_lock_option
def results(
    file: Path, wheres: tuple[str, ...], columns: str | None, kind: str, as_json: bool, out: Path | None
) -> None:
    """Query the results file FILE: a line for every trial, a column for every figure and every config key.

    A sweep that is writing to the file is not disturbed.
    """
    import io
    import json

    from golfast.ablate.query import NOTED, SHOWN, project, records, select, write_csv, write_parquet
    from golfast.ablate.store import Store
    from golfast.run.files import result_file, write_text

    if as_json and kind not in ("table", "json"):
        raise ValueError(f"--json and --format {kind} ask for two formats; leave one of them out")
    kind = "json" if as_json else kind
    if kind == "parquet" and out is None:
        raise ValueError("Parquet is not for a terminal; give --out FILE, or --out - for a pipe")
    with Store.reading(file) as store:
        found = records(store)
    names = [name.strip() for name in columns.split(",")] if columns else None
    if kind == "table" and names is None:
        names = [name for name in SHOWN if not found or name in found[0]]
    chosen = select(found, wheres)
    chosen = project(chosen, names) if names else chosen
    heading = names or list(found[0] if found else NOTED)
    if kind == "parquet":
        assert out is not None
        with result_file(out) as path:
            write_parquet(chosen, heading, path)
        return
    text = io.StringIO()
    if kind == "csv":
        write_csv(chosen, heading, text)
    elif kind == "json":
        text.write(json.dumps(chosen, indent=2) + "\n")
    else:
        text.write(_table(chosen))
    if out:
        with result_file(out) as path:
            write_text(path, text.getvalue())
    else:
        click.echo(text.getvalue(), nl=False)


def _table(found: list[dict[str, Any]]) -> str:
    if not found:
        return "no trials\n"
    lines = [list(map(_word, found[0])), *([_word(value) for value in record.values()] for record in found)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "".join(
        "  ".join(f"{word:<{width}}" for word, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def _word(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_word(member) for member in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else printable(str(value), most=_WIDEST)
