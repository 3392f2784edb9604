"""The report: one HTML file without scripts, that loads nothing.

It is made from the results file, and from what its maker has to say of it, and says no word about when or where it was
made, so the same results always give the same bytes.
"""

from collections.abc import Iterable
from html import escape
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from golfast.ablate.onset import imagined, onset
from golfast.ablate.onset import words as onset_words
from golfast.ablate.store import Store
from golfast.ablate.tables import COMPARISON, DIFFERENCE, PAPER_ORDER, Entry, all_entries, load_rows
from golfast.report import svg, words
from golfast.report.draws import draws
from golfast.report.how import how_it_was_run, what_the_words_mean

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
    style = (files("golfast.report") / "style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>What neural networks imagine: the paper, run again</title>\n<style>\n{style}</style>\n</head>\n"
        "<body>\n" + "\n".join(part for part in body if part) + "\n</body>\n</html>\n"
    )


def _overview(found: list[Entry], tables: list[str]) -> str:
    compared = [entry for entry in found if entry.paper is not None and entry.table in PAPER_ORDER]
    lines = []
    for recipe in dict.fromkeys(entry.recipe for entry in compared):
        ours = [entry for entry in compared if entry.recipe == recipe]
        agree = sum(entry.verdict.startswith("Agrees") for entry in ours)
        differ = sum(entry.verdict.startswith("Differs") for entry in ours)
        rest = len(ours) - agree - differ
        more = f", {rest} have too few runs to say" if rest else ""
        lines.append(
            f'<li><b>Recipe <a href="#method">{escape(recipe)}</a>:</b> of {len(ours)} figures that the paper states, '
            f"{agree} agree and {differ} differ{more}.</li>"
        )
    links = " ".join(f'<a href="#{escape(table)}">{escape(table)}</a>' for table in tables)
    return (
        "<header>\n<h1>What neural networks imagine</h1>\n"
        "<p>The experiments of <i>Visualizing Neural Network Imagination</i> (arXiv 2405.06409), run again. Networks "
        "learn to predict a later state of the Game of Life from the first; their hidden states, drawn by a decoder, "
        "are measured against the true states in between, which nobody ever showed to them.</p>\n"
        f"<ul>{''.join(lines)}</ul>\n<nav>{links}</nav>\n{_legend(found)}</header>"
    )


def _findings(text: str) -> str:
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    if not paragraphs:
        return ""
    told = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return f'<section id="findings" class="told">\n<h2>What was found</h2>\n{told}\n</section>'


def _legend(found: list[Entry]) -> str:
    own = [entry.recipe for entry in found if entry.figure != COMPARISON]
    recipes = "".join(
        f'<span><svg viewBox="0 0 12 12" class="{escape(recipe)}"><circle cx="6" cy="6" r="3.4" class="run"/></svg>'
        f"a run, recipe {escape(recipe)}</span>"
        for recipe in dict.fromkeys(own)
    )
    return (
        f'<p class="legend">{recipes}'
        '<span><svg viewBox="0 0 24 12"><rect y="3" width="24" height="6" class="interval"/>'
        '<line x1="12" y1="0" x2="12" y2="12" class="mean"/></svg>mean of the runs and its 95% interval</span>'
        '<span><svg viewBox="0 0 12 12"><path d="M6 0l6 6l-6 6l-6 -6z" class="paper"/></svg>the paper</span></p>\n'
    )


def _table(title: str, table: str, found: list[Entry]) -> str:
    rows = [entry for entry in found if not words.is_effect(entry)]
    effects = [entry for entry in found if entry.figure == DIFFERENCE]
    recipes = [entry for entry in found if entry.figure == COMPARISON]
    parts = [f'<section id="{escape(table)}">\n<h2>{escape(title)}</h2>']
    parts += [_lines(group) for group in (rows, effects) if group]
    if recipes:
        parts.append(f"<h3>The same rows under two recipes</h3>\n{_lines(recipes)}")
    return "\n".join([*parts, "</section>"])


def _lines(found: list[Entry]) -> str:
    """A table of figures on one scale; the recipes of a row stand below each other."""
    scale = _scale(found)
    digits = words.digits(found[0])
    head = (
        "<thead><tr><th>row</th><th>recipe</th><th>runs that count</th><th>ours</th><th>95% interval</th>"
        f"<th>paper</th><th>{svg.scale_axis(scale, digits if scale[1] < 10 else 0)}</th></tr></thead>"
    )
    lines = []
    for label in dict.fromkeys(words.name(entry) for entry in found):
        group = [entry for entry in found if words.name(entry) == label]
        for k, entry in enumerate(group):
            title = f'<th scope="rowgroup" rowspan="{len(group)}">{escape(label)}</th>' if k == 0 else ""
            runs = (
                ""
                if entry.paper is None or not entry.paper_runs
                else f' <small title="runs of the paper">({entry.paper_runs})</small>'
            )
            plot = svg.interval_plot(entry.values, entry.estimate, entry.paper, scale, entry.recipe)
            lines.append(
                f'<tr>{title}<td data-name="recipe">{escape(entry.recipe)}</td>'
                f'<td data-name="runs that count">{words.runs(entry)}</td>'
                f'<td data-name="ours" class="ours">{words.ours(entry)}</td>'
                f'<td data-name="95% interval">{words.interval(entry)}</td>'
                f'<td data-name="paper">{words.paper(entry)}{runs}</td>'
                f'<td class="drawn">{plot}<p class="verdict">{escape(entry.verdict)}</p></td></tr>'
            )
    return f"<table>{head}<tbody>\n{chr(10).join(lines)}\n</tbody></table>\n{_details(found)}"


def _details(found: list[Entry]) -> str:
    """Every single value, and the other readings of the metric."""
    lines = []
    for entry in found:
        values = ", ".join(words.number(value, max(words.digits(entry), 0)) for value in entry.values)
        readings = "; ".join(
            f"{reading}: {words.number(found.mean, 3)} ± {words.number(found.error, 3)}"
            for reading, found in entry.readings.items()
        )
        told = "<br>".join(part for part in (escape(readings), escape(values)) if part)
        lines.append(f"<dt>{escape(words.name(entry))}, {escape(entry.recipe)}</dt><dd>{told or '–'}</dd>")
    what = "Every value, in the order of seeds" if any(entry.values for entry in found) else "In all readings"
    return f"<details><summary>{what}</summary><dl>{''.join(lines)}</dl></details>"


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


def _curves(store: Store, table: str) -> str:
    parts = []
    for row in load_rows(store, table):
        lines: list[tuple[str, list[tuple[float, float]]]] = []
        runs = row.counted[:CURVES]
        states = 0
        for run in runs:
            records = store.curve(run.name)
            states = len(records[0]["accuracy"]) if records else states
            lines += [
                (f"state{k + 2}", [(record["step"], record["accuracy"][k]) for record in records])
                for k in range(states)
            ]
        if not lines:
            continue
        legend = "".join(f'<span class="key state{k + 2}">state {k + 2}</span>' for k in range(states))
        parts.append(
            f"<figure>{svg.curves(lines, low=0.8, mark=LEARNED)}<figcaption>{legend} Cells that are right, over the "
            f"training of {len(runs)} runs ({escape(row.definition['label'])}, recipe {escape(row.recipe)}). Only the "
            f"last state is trained on.</figcaption></figure>"
        )
    return f'<section class="curves">{"".join(parts)}</section>' if parts else ""


def _onsets(store: Store, table: str) -> str:
    """Of each row, how much its runs imagine while they train."""
    parts = []
    for row in load_rows(store, table):
        curves = [store.curve(run.name) for run in row.counted]
        found = onset(curves)
        if found is None:
            continue
        lines = [("state2", points) for points in map(imagined, curves) if points]
        parts.append(
            f"<figure>{svg.curves(lines, low=0.0, mark=0.5)}<figcaption>{escape(row.definition['label'])}, recipe "
            f"{escape(row.recipe)}: share of pictures that are true states in between, over the training of "
            f"{found.runs} runs. {escape(onset_words(found))}</figcaption></figure>"
        )
    return f'<section class="curves">{"".join(parts)}</section>' if parts else ""


def _strips(store: Store, spec: str, title: str) -> str:
    from golfast.imagine.strip import judge

    found = store.strips(spec)
    figures = []
    for recipe, label, picture in found:
        truth, imagined = picture["truth"], picture["imagined"]
        top = "".join(
            f'<div><span class="role">state {k + 1}</span>{svg.board(state)}</div>' for k, state in enumerate(truth)
        )
        verdicts, _ = judge(_cells(truth), _cells(imagined))
        below = [
            f'<div>{svg.board(state, truth[found.state])}<span class="role">{found.words}; {found.earns}</span></div>'
            for state, found in zip(imagined, verdicts, strict=True)
        ]
        gap = f'<div class="value"><b>{picture["value"]:.2f}</b><span class="role">metric</span></div>'
        figures.append(
            f"<figure><figcaption>{escape(label)} <small>(recipe {escape(recipe)}, run {escape(picture['trial'])}, "
            f"held-out sequence {picture['sequence']})</small></figcaption>"
            f'<div class="strip" style="--columns:{max(len(truth), len(imagined) + 1)}">'
            f'<div class="line">{top}</div><div class="line">{gap}{"".join(below)}</div></div></figure>'
        )
    if not figures:
        return ""
    return (
        f'<section id="{escape(spec)}">\n<h2>{escape(title)}</h2>\n<p>True states above, what the network imagines '
        "below: what it imagined after each timestep, and last what it was trained to predict. An imagined state earns "
        "1 for a true state in between of which 95% of the cells are right, if no other has it, and a half if another "
        f"has; below it stands what it earns. {_TINTS} Found among our own networks: the liveliest held-out sequence "
        f"that earns just so much.</p>\n{''.join(figures)}\n</section>"
    )


_TINTS = (
    'Against the state that is named, <span class="tint extra">these cells</span> should be dead and '
    '<span class="tint gone">these</span> alive.'
)


def _cells(states: list[list[str]]) -> NDArray[np.uint8]:
    return np.array([[[*map(int, row)] for row in state] for state in states], np.uint8)
