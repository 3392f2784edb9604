"""`golfast report`."""

from pathlib import Path

import click

from .options import examples, no_lock_option
from .paths import FILE, OUT, STDIN, is_taken, tell_written


@click.command(
    epilog=examples(
        "golfast report",
        "golfast report results/paper.sqlite --findings results/findings.txt",
        "golfast report --markdown tables.md",
    )
)
@click.argument("file", type=FILE, default=Path("runs") / "results.sqlite")
@click.option("--out", type=OUT, help="The HTML file.  [default: beside FILE, as report.html]")
@click.option("--markdown", "markdown_file", type=OUT, help="Write the tables as Markdown to this file, too.")
@click.option(
    "--findings",
    "findings_file",
    type=FILE,
    help="A text to put before the tables: paragraphs with empty lines between them.",
)
@no_lock_option
def report(file: Path, out: Path | None, markdown_file: Path | None, findings_file: Path | None) -> None:
    """Make one HTML file of the results file FILE: tables beside the paper's, intervals, curves, strips.

    It needs no network and no server, and the same results always give the same bytes.
    """
    from golfast.ablate.store import Store
    from golfast.report import markdown, page
    from golfast.run.files import result_file, write_text

    findings = _text(findings_file) if findings_file else ""
    if out is None and is_taken(STDIN) and file.name == "standard-input":
        raise ValueError("a report of standard input has no file to lie beside; give --out FILE, or --out -")
    out = out or file.with_name("report.html")
    with Store.reading(file) as store:
        with result_file(out) as path:
            write_text(path, page(store, findings))
        if markdown_file:
            with result_file(markdown_file) as path:
                write_text(path, markdown(store))
    tell_written(out)


def _text(path: Path) -> str:
    from golfast.run.untrusted import TEXT_BYTES, read_text

    return read_text(path, TEXT_BYTES)
