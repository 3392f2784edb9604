"""Tables in Markdown, for a README."""

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
        lines += [f"### {specs[table]['title']}", ""]
        lines.append("| row | recipe | runs that count | ours | standard error | 95% interval | paper | runs |")
        lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for entry in ours:
            cells = (
                words.name(entry).replace("|", "\\|"),
                entry.recipe,
                words.runs(entry),
                words.ours(entry),
                words.error(entry),
                words.interval(entry),
                words.paper(entry),
                "–" if entry.paper_runs is None else str(entry.paper_runs),
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)
