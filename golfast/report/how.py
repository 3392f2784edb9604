"""The report's last part: what its words mean, and how, on what and with which versions it was run."""

import json
from collections import Counter
from typing import Any

from golfast.ablate.jobs import State
from golfast.ablate.spec import words
from golfast.ablate.stats import RESAMPLES
from golfast.ablate.store import Store
from golfast.report.html import NOTHING, Html, html, joined


def what_the_words_mean() -> Html:
    """How the figures are reckoned."""
    return html(
        '<section id="method">\n'
        "<h2>What the words mean</h2>\n"
        "<p>A network encodes the first state, applies a core of convolutions once per <i>model timestep</i>, and "
        "decodes what comes out into the state after so many generations, the <i>game timesteps</i>. With "
        "<i>autoencoder</i> the decoder is also trained to draw the first state from the encoder's; with <i>RNN</i> "
        "all timesteps use one core, without each has its own. The <i>adversarial decoder</i> is a second one, "
        "trained on the finished network to draw what passes for a state of the Game of Life. <i>Probes</i> are "
        "decoders that are shown the states in between, so their metric says how much of these could be read at "
        "all. <i>Slope</i> is what the leaky ReLU multiplies negative numbers by.</p>\n"
        "<p>Recipes: <i>fast</i> trains with Muon, an optimiser that makes each update of a matrix orthogonal, a "
        "slope of 0.01 and batches of 24; <i>adam</i> has the optimiser (Adam) and the slope (0.3) of the paper's "
        "authors, with batches of 24; <i>authors</i> has their batches and learning rates, too.</p>\n"
        "<h2>What is counted, and how</h2>\n"
        "<p>A run counts if its network came to the accuracy that its config asks for (99% of the cells of the last "
        "state of validation sequences); the others are named and left out, as in the paper. A row takes its seeds "
        "in order until enough runs count, so no figure depends on which run ended first. Each run's metric is the "
        "mean of equation 1 over 10,000 held-out sequences, in three readings: <i>matched</i> (each imagined state "
        "earns once; shown), <i>equation</i> (the double sum to the letter) and <i>dataset</i> (as the authors' "
        "programs have it); <i>matthews</i> is a smooth metric, in which an imagined state earns its Matthews "
        "correlation with the true state that it is assigned to. Tables 1 and 2 are means of the better of the "
        "network's own decoder and the adversarial one.</p>\n"
        "<p>Intervals are 95% percentile-bootstrap intervals of the mean ({:,} resamples). A metric agrees "
        "with the paper's if the paper's mean is one that as many runs like ours would have had in 95 of 100 cases, "
        "to the two digits that the paper has; both means are uncertain, that all of some runs are alike does not "
        "say that all runs are (it is as if one more had been seen, of which nothing is known), and of fewer than "
        "five runs nothing is said. An order of learning agrees if the lead is beyond chance: how many steps it is "
        "depends on the recipe. Two recipes are not alike in a row if the interval of the difference of their means "
        "leaves out 0, or if the largest gap between the distributions of their values is one that fewer than 5 in "
        "100 ways of dealing these runs to the two would have (Kolmogorov and Smirnov's test, by shuffling: values "
        "repeat).</p>\n"
        "</section>",
        RESAMPLES,
    )


def how_it_was_run(store: Store) -> Html:
    """Sweeps, machines, versions, and what failed."""
    trials = store.trials()
    states = Counter(trial.state for trial in trials)
    engines = Counter(str(trial.config["engine"]) for trial in trials if "engine" in trial.config)
    by = ", ".join(f"{count:,} by {name}" for name, count in engines.most_common())
    hours = sum(trial.seconds for trial in trials) / 3600
    parts = [
        html('<section id="how">\n<h2>How it was run</h2>'),
        html(
            "<p>{:,} runs in all: {:,} count, {:,} fell short of their accuracy, {:,} failed. Together they took "
            "{:,.2f} hours of one worker{}.</p>",
            len(trials),
            states[State.COUNTED],
            states[State.UNCOUNTED],
            states[State.FAILED],
            hours,
            f"; engines: {by}" if by else "",
        ),
        _machines(store.sessions()),
        _commands(store.sessions()),
        _configs(store),
    ]
    failed = [trial for trial in trials if trial.state is State.FAILED]
    if failed:
        lines = [html("<li><code>{}</code>: {}</li>", run.name, run.reason or "no reason") for run in failed]
        parts.append(_folded("What failed", html("<ul>{}</ul>", joined(lines))))
    return joined([*parts, html("</section>")], "\n")


def _machines(sessions: list[dict[str, Any]]) -> Html:
    kinds = Counter(json.dumps(session["machine"], sort_keys=True) for session in sessions)
    lines = []
    for text in kinds:
        machine = json.loads(text)
        hardware = ", ".join(f"{key} {value}" for key, value in machine["hardware"].items())
        versions = ", ".join(f"{key} {value}" for key, value in machine["versions"].items())
        lines.append(html("<li>{}; {}</li>", hardware, versions))
    return html("<ul>{}</ul>", joined(lines))


def _commands(sessions: list[dict[str, Any]]) -> Html:
    line = (
        '<tr><td data-name="began">{began}</td><td data-name="command"><code>{command}</code></td>'
        '<td data-name="executor">{executor}, {workers} workers</td><td data-name="runs">{trials:,}</td>'
        '<td data-name="minutes">{minutes:,.1f}</td></tr>'
    )
    shown = ("began", "command", "executor", "workers", "trials")
    lines = [html(line, **{key: one[key] for key in shown}, minutes=one["seconds"] / 60) for one in sessions]
    return _folded(
        "Commands",
        html(
            "<table><thead><tr><th>began (UTC)</th><th>command</th><th>executor</th><th>runs</th><th>minutes</th></tr>"
            "</thead><tbody>{}</tbody></table>",
            joined(lines),
        ),
    )


def _configs(store: Store) -> Html:
    """What each row changes, and the whole config of its first run."""
    lines = []
    for spec in store.specs():
        for recipe, definition, names in store.rows(spec):
            first = next(iter(store.trials(names[:1])), None)
            asked = words(definition["changes"], definition.get("draw", {}))
            config = NOTHING if first is None else html("<pre>{}</pre>", json.dumps(first.config, indent=1))
            title = f"{spec} / {recipe} / {definition['name']}"
            lines.append(_folded(f"{title}: {asked}", config))
    return _folded("Configs", joined(lines))


def _folded(summary: str, inside: Html) -> Html:
    return html("<details><summary>{}</summary>{}</details>", summary, inside)
