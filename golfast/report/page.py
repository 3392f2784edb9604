"""The report: one HTML file without scripts, that loads nothing.

It is made from the results file, and from what its maker has to say of it, and says no word about when or where it was
made, so the same results always give the same bytes.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from golfast.ablate.onset import imagined, onset
from golfast.ablate.onset import words as onset_words
from golfast.ablate.store import Store
from golfast.ablate.tables import COMPARISON, DIFFERENCE, PAPER_ORDER, Entry, all_entries, load_rows
from golfast.report import svg, words
from golfast.report.draws import draws
from golfast.report.how import how_it_was_run, what_the_words_mean
from golfast.report.html import NOTHING, Html, html, joined, packaged

LEARNED = 0.98
CURVES = 15
"""Runs of which learning curves are drawn, as many as the paper looked at."""


def page(store: Store, findings: str = "") -> str:
    """The whole report of a results file as HTML.

    findings: what was found, in plain words: paragraphs with empty lines between them, shown before the tables.
    """
    specs = store.specs()
    found = all_entries(store)
    tables = [table for table in dict.fromkeys(entry.table for entry in found) if table != "figures"]
    tables.sort(key=lambda table: table not in PAPER_ORDER)
    body = [_overview(found, tables), _findings(findings)]
    for table in tables:
        body.append(_table(specs[table]["title"], table, [entry for entry in found if entry.table == table]))
        body.append(draws(store, table, specs[table]["measure"]))
        if specs[table]["measure"] == "order":
            body.append(_curves(store, table))
        if specs[table]["measure"] == "imagination":
            body.append(_onsets(store, table))
    body += [_strips(store, name, about["title"]) for name, about in specs.items() if about["strips"]]
    body += [what_the_words_mean(), how_it_was_run(store)]
    whole = html(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        "<title>What neural networks imagine: the paper, run again</title>\n<style>\n{}</style>\n</head>\n"
        "<body>\n{}\n</body>\n</html>\n",
        packaged("style.css"),
        joined((part for part in body if part), "\n"),
    )
    return whole.text


def _overview(found: list[Entry], tables: list[str]) -> Html:
    compared = [entry for entry in found if entry.paper is not None and entry.table in PAPER_ORDER]
    lines = []
    for recipe in dict.fromkeys(entry.recipe for entry in compared):
        ours = [entry for entry in compared if entry.recipe == recipe]
        agree = sum(entry.verdict.startswith("Agrees") for entry in ours)
        differ = sum(entry.verdict.startswith("Differs") for entry in ours)
        rest = len(ours) - agree - differ
        lines.append(
            html(
                '<li><b>Recipe <a href="#method">{}</a>:</b> of {} figures that the paper states, '
                "{} agree and {} differ{}.</li>",
                recipe,
                len(ours),
                agree,
                differ,
                f", {rest} have too few runs to say" if rest else "",
            )
        )
    links = [html('<a href="#{}">{}</a>', table, table) for table in tables]
    return html(
        "<header>\n<h1>What neural networks imagine</h1>\n"
        "<p>The experiments of <i>Visualizing Neural Network Imagination</i> (arXiv 2405.06409), run again. Networks "
        "learn to predict a later state of the Game of Life from the first; their hidden states, drawn by a decoder, "
        "are measured against the true states in between, which nobody ever showed to them.</p>\n"
        "<ul>{}</ul>\n<nav>{}</nav>\n{}</header>",
        joined(lines),
        joined(links, " "),
        _legend(found),
    )


def _findings(text: str) -> Html:
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    if not paragraphs:
        return NOTHING
    told = joined((html("<p>{}</p>", paragraph) for paragraph in paragraphs), "\n")
    return html('<section id="findings" class="told">\n<h2>What was found</h2>\n{}\n</section>', told)


def _legend(found: list[Entry]) -> Html:
    own = [entry.recipe for entry in found if entry.figure != COMPARISON]
    one = (
        '<span><svg viewBox="0 0 12 12" class="{}"><circle cx="6" cy="6" r="3.4" class="run"/></svg>'
        "a run, recipe {}</span>"
    )
    return html(
        '<p class="legend">{}'
        '<span><svg viewBox="0 0 24 12"><rect y="3" width="24" height="6" class="interval"/>'
        '<line x1="12" y1="0" x2="12" y2="12" class="mean"/></svg>mean of the runs and its 95% interval</span>'
        '<span><svg viewBox="0 0 12 12"><path d="M6 0l6 6l-6 6l-6 -6z" class="paper"/></svg>the paper</span></p>\n',
        joined(html(one, recipe, recipe) for recipe in dict.fromkeys(own)),
    )


def _table(title: str, table: str, found: list[Entry]) -> Html:
    rows = [entry for entry in found if not words.is_effect(entry)]
    effects = [entry for entry in found if entry.figure == DIFFERENCE]
    recipes = [entry for entry in found if entry.figure == COMPARISON]
    parts = [html('<section id="{}">\n<h2>{}</h2>', table, title)]
    parts += [_lines(group) for group in (rows, effects) if group]
    if recipes:
        parts.append(html("<h3>The same rows under two recipes</h3>\n{}", _lines(recipes)))
    return joined([*parts, html("</section>")], "\n")


def _lines(found: list[Entry]) -> Html:
    """A table of figures on one scale; the recipes of a row stand below each other."""
    scale = _scale(found)
    digits = words.digits(found[0])
    head = html(
        "<thead><tr><th>row</th><th>recipe</th><th>runs that count</th><th>ours</th><th>95% interval</th>"
        "<th>paper</th><th>{}</th></tr></thead>",
        svg.scale_axis(scale, digits if scale[1] < 10 else 0),
    )
    lines = []
    for label in dict.fromkeys(words.name(entry) for entry in found):
        group = [entry for entry in found if words.name(entry) == label]
        for k, entry in enumerate(group):
            title = html('<th scope="rowgroup" rowspan="{}">{}</th>', len(group), label) if k == 0 else NOTHING
            few = html(' <small title="runs of the paper">({})</small>', entry.paper_runs)
            lines.append(
                html(
                    '<tr>{title}<td data-name="recipe">{recipe}</td><td data-name="runs that count">{runs}</td>'
                    '<td data-name="ours" class="ours">{ours}</td><td data-name="95% interval">{interval}</td>'
                    '<td data-name="paper">{paper}{paper_runs}</td>'
                    '<td class="drawn">{plot}<p class="verdict">{verdict}</p></td></tr>',
                    title=title,
                    recipe=entry.recipe,
                    runs=words.runs(entry),
                    ours=words.ours(entry),
                    interval=words.interval(entry),
                    paper=words.paper(entry),
                    paper_runs=NOTHING if entry.paper is None or not entry.paper_runs else few,
                    plot=svg.interval_plot(entry.values, entry.estimate, entry.paper, scale, entry.recipe),
                    verdict=entry.verdict,
                )
            )
    return html("<table>{}<tbody>\n{}\n</tbody></table>\n{}", head, joined(lines, "\n"), _details(found))


def _details(found: list[Entry]) -> Html:
    """Every single value, and the other readings of the metric."""
    lines = []
    for entry in found:
        values = ", ".join(words.number(value, max(words.digits(entry), 0)) for value in entry.values)
        readings = "; ".join(
            f"{reading}: {words.number(found.mean, 3)} ± {words.number(found.error, 3)}"
            for reading, found in entry.readings.items()
        )
        told = [html("{}", part) for part in (readings, values) if part] or [html("–")]
        between = [*(html("{}<br>", part) for part in told[:-1]), told[-1]]
        lines.append(html("<dt>{}, {}</dt><dd>{}</dd>", words.name(entry), entry.recipe, joined(between)))
    what = "Every value, in the order of seeds" if any(entry.values for entry in found) else "In all readings"
    return html("<details><summary>{}</summary><dl>{}</dl></details>", what, joined(lines))


def _scale(found: Iterable[Entry]) -> tuple[float, float]:
    numbers = [
        value for entry in found for value in (*entry.values, entry.paper, entry.estimate.low, entry.estimate.high)
    ]
    known = [value for value in numbers if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    if low >= 0 and high <= 1.6:
        return (0.0, 1.0) if high <= 1.04 else (0.0, 1.5)
    if max(-low, high) <= 1:
        return (-0.5, 0.5) if max(-low, high) <= 0.5 else (-1.0, 1.0)
    step = 10.0 ** (len(str(int(max(-low, high)))) - 1)
    return (-step * -(low // step) if low < 0 else 0.0), step * -(-high // step)


def _curves(store: Store, table: str) -> Html:
    parts = []
    for row in load_rows(store, table):
        lines: list[tuple[str, list[tuple[float, float]]]] = []
        runs = row.counted[:CURVES]
        states = 0
        for run in runs:
            records = store.curve(run.name)
            states = len(records[0].get("accuracy", ())) if records else states
            lines += [
                (f"state{k + 2}", [(record["step"], record["accuracy"][k]) for record in records])
                for k in range(states if records else 0)
            ]
        if not lines:
            continue
        legend = joined(
            html('<span class="key state{}">state {}</span>', state, state) for state in range(2, states + 2)
        )
        parts.append(
            html(
                "<figure>{}<figcaption>{} Cells that are right, over the training of {} runs ({}, recipe {}). Only the "
                "last state is trained on.</figcaption></figure>",
                svg.curves(lines, low=0.8, mark=LEARNED),
                legend,
                len(runs),
                row.definition["label"],
                row.recipe,
            )
        )
    return html('<section class="curves">{}</section>', joined(parts)) if parts else NOTHING


def _onsets(store: Store, table: str) -> Html:
    """Of each row, how much its runs imagine while they train."""
    parts = []
    for row in load_rows(store, table):
        curves = [store.curve(run.name) for run in row.counted]
        found = onset(curves)
        if found is None:
            continue
        lines = [("state2", points) for points in map(imagined, curves) if points]
        parts.append(
            html(
                "<figure>{}<figcaption>{}, recipe {}: share of pictures that are true states in between, over the "
                "training of {} runs. {}</figcaption></figure>",
                svg.curves(lines, low=0.0, mark=0.5),
                row.definition["label"],
                row.recipe,
                found.runs,
                onset_words(found),
            )
        )
    return html('<section class="curves">{}</section>', joined(parts)) if parts else NOTHING


def _strips(store: Store, spec: str, title: str) -> Html:
    from golfast.imagine.baselines import baselines, beside
    from golfast.imagine.strip import judge

    found = store.strips(spec)
    figures = []
    for recipe, label, picture in found:
        truth, drawn = picture["truth"], picture["imagined"]
        top = [
            html('<div><span class="role">state {}</span>{}</div>', k + 1, svg.board(state))
            for k, state in enumerate(truth)
        ]
        cells = _cells(truth)
        verdicts, _ = judge(cells, _cells(drawn))
        known = baselines(np.packbits(cells[None], axis=-1), cells.shape[-1], len(drawn) - 1)
        below = [
            html(
                '<div>{}<span class="role">{}; {}</span></div>',
                svg.board(state, truth[found.state]),
                found.words,
                found.earns,
            )
            for state, found in zip(drawn, verdicts, strict=True)
        ]
        figures.append(
            html(
                "<figure><figcaption>{} <small>(recipe {}, run {}, held-out sequence {})</small></figcaption>"
                '<div class="strip" style="--columns:{}"><div class="line">{}</div>'
                '<div class="line"><div class="value"><b>{:.2f}</b><span class="role">metric</span>'
                '<span class="role">{}</span></div>{}</div>'
                "</div></figure>",
                label,
                recipe,
                picture["trial"],
                picture["sequence"],
                max(len(truth), len(drawn) + 1),
                joined(top),
                picture["value"],
                beside(known),
                joined(below),
            )
        )
    if not figures:
        return NOTHING
    return html(
        '<section id="{}">\n<h2>{}</h2>\n<p>True states above, what the network imagines '
        "below: what it imagined after each timestep, and last what it was trained to predict. An imagined state earns "
        "1 for a true state in between of which 95% of the cells are right, if no other has it, and a half if another "
        "has; below it stands what it earns. Below the metric stands that of dead boards, and of the input copied. "
        "Against the state that is named, "
        '<span class="tint extra">these cells</span> should be dead and <span class="tint gone">these</span> alive. '
        "Found among our own networks: the liveliest held-out sequence that earns just so much.</p>\n{}\n</section>",
        spec,
        title,
        joined(figures),
    )


def _cells(states: list[list[str]]) -> NDArray[np.uint8]:
    return np.array([[[*map(int, row)] for row in state] for state in states], np.uint8)
