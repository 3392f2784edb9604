"""`golfast report`."""

from pathlib import Path

import click

from .options import FILE, examples


@click.command(
    epilog=examples(
        "golfast report",
        "golfast report results/paper.sqlite --findings results/findings.txt",
        "golfast report --markdown tables.md",
    )
)
@click.argument("file", type=FILE, default=Path("runs") / "results.sqlite")
@click.option("--out", type=FILE, help="The HTML file.  [default: beside FILE, as report.html]")
@click.option("--markdown", "markdown_file", type=FILE, help="Write the tables as Markdown to this file, too.")
@click.option(
    "--findings",
    "findings_file",
    type=FILE,
    help="A text to put before the tables: paragraphs with empty lines between them.",
)
def report(file: Path, out: Path | None, markdown_file: Path | None, findings_file: Path | None) -> None:
    """Make one HTML file of the results file FILE: tables beside the paper's, intervals, curves, strips.

    It needs no network and no server, and the same results always give the same bytes.
    """
    from golfast.ablate.store import Store
    from golfast.report import markdown, page
    from golfast.run.files import write_text

    findings = _text(findings_file) if findings_file else ""
    out = out or file.with_name("report.html")
    with Store.reading(file) as store:
        write_text(out, page(store, findings))
        if markdown_file:
            write_text(markdown_file, markdown(store))
    click.echo(out)


def _text(path: Path) -> str:
    from golfast.run.untrusted import TEXT_BYTES, read_text

    return read_text(path, TEXT_BYTES)
