"""Tables in Markdown, for a README."""

import re
from html import escape

from golfast.ablate.store import Store
from golfast.ablate.tables import all_entries
from golfast.report import words


def markdown(store: Store, *, tables: tuple[str, ...] = ()) -> str:
    """The tables of a results file, all or those of these specs, ours beside the paper's."""
    specs = store.specs()
    found = [entry for entry in all_entries(store) if not tables or entry.table in tables]
    lines: list[str] = []
    for table in dict.fromkeys(entry.table for entry in found):
        ours = [entry for entry in found if entry.table == table]
        lines += [f"### {_plain(specs[table]['title'])}", ""]
        lines.append("| row | recipe | runs that count | ours | standard error | 95% interval | paper | runs |")
        lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for entry in ours:
            cells = (
                words.name(entry),
                entry.recipe,
                words.runs(entry),
                words.ours(entry),
                words.error(entry),
                words.interval(entry),
                words.paper(entry),
                "–" if entry.paper_runs is None else str(entry.paper_runs),
            )
            lines.append(f"| {' | '.join(map(_plain, cells))} |")
        lines.append("")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A text such that Markdown shows it as it is, in one line, with no tags, links or bars of its own."""
    text = re.sub(r"([\\`*_\[\]|~])", r"\\\1", " ".join(text.split()))
    return re.sub(r"[<>]|&(?=#?\w+;)", lambda found: escape(found.group()), text)
