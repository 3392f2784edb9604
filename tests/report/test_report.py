"""The report: the same bytes from the same results, all of it there, and fit to be read in a real browser."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from browser import Browser, find_browser

from golfast.ablate.jobs import State, Trial
from golfast.ablate.plan import Row
from golfast.ablate.spec import load_spec, spec_names
from golfast.ablate.store import Store
from golfast.ablate.tables import COMPARISON, DIFFERENCE, all_entries
from golfast.report import draws, markdown, page
from golfast.run.config import fingerprint

sys.path.insert(0, str(Path(__file__).parents[1] / "ablate"))
import fake_trials as fake
from fake_trials import Tiny


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """All of the paper's specs under two recipes, with made-up figures, a failure and strips."""
    path = tmp_path_factory.mktemp("report") / "results.sqlite"
    rng = np.random.default_rng(1)
    with Store.writing(path) as store:
        machine = {"hardware": {"cpu": "A <fast> CPU"}, "versions": {"golfast": "0.1.0"}}
        store.begin_session(began="2026-01-01", command="golfast paper", executor="local", workers=2, machine=machine)
        for recipe, count in (("fast", 5), ("adam", 2)):
            for spec in map(load_spec, spec_names()):
                for place, variant in enumerate(spec.variants):
                    row = Row(spec, recipe, variant, "cpu")
                    store.save_row(row, place)
                    for number in range(count):
                        config = Tiny(f"{spec.name}{recipe}{variant.name}", number)
                        trial = row.trial(number) if variant.draw else Trial(fingerprint(config), config)
                        store.save_members([(row, number, trial)])
                        store.save_trial(trial, State.COUNTED, result=_result(trial, rng), seconds=30.0)
        store.save_trial(trial, State.FAILED, result=None, reason="the loss is <nan>")
        boards = (rng.random((4, 20, 20)) < 0.2).astype(int)
        words = [["".join(map(str, row)) for row in state] for state in boards.tolist()]
        found = {"trial": "abc", "sequence": 5, "value": 0.5, "truth": words, "imagined": words[:3]}
        store.save_strip("figures", "fast", "Figure 2", 0, found)
    return path


def _result(trial, rng):
    own, better = sorted(rng.random(2))
    curve = [
        {"step": step, "accuracy": [0.8, 0.85, min(1.0, 0.8 + step / 1000)], "imagined": own * step / 350}
        for step in range(0, 400, 50)
    ]
    return fake.result(trial) | {
        "metric_variants": dict.fromkeys(fake.READINGS, own),
        "adversarial": {"metric_variants": dict.fromkeys(fake.READINGS, better)},
        "greedy": {"mean": 500 * better},
        "sampled": {"mean": 500 * own},
        "curve": curve,
    }


def render(path):
    with Store.reading(path) as store:
        return page(store), markdown(store), all_entries(store)


@pytest.fixture(scope="module")
def rendered(results):
    return render(results)


def test_what_came_of_what_was_drawn_is_shown(rendered):
    html, _, _ = rendered
    specs = [spec for spec in map(load_spec, spec_names()) if spec.variants[0].draw]
    figures = {"metric": 1, "adversarial": 2}
    panels = sum(len(variant.draw) * figures[spec.measure] for spec in specs for variant in spec.variants)
    assert html.count("<h3>By what was drawn</h3>") == len(specs)
    assert html.count('class="plot columns') == 2 * panels
    seen = html[html.index('<section id="drawn">') : html.index('<section id="drawn-batches">')]
    told = re.findall(r'aria-label="by 1, 2: (\d) runs; (\d) runs" class="plot columns (fast|adam)"', seen)
    assert {sum(map(int, counts)) for *counts, recipe in told if recipe == "fast"} == {5}
    assert {sum(map(int, counts)) for *counts, recipe in told if recipe == "adam"} == {2}


@pytest.mark.parametrize(
    ("ends", "names", "places"),
    [
        ((1, 2), ["1", "2"], {1: 0, 2: 1}),
        ((3, 8), ["3", "4", "5", "6", "7", "8"], {3: 0, 8: 5}),
        ((200, 512), ["200", "240", "280", "320", "360", "400", "440", "480", "512"], {200: 0, 239: 0, 240: 1, 512: 7}),
        ((5, 5), ["5"], {5: 0}),
        ((0.5, 0.5), ["0.5"], {0.5: 0}),
        ((1e-5, 1e-3), ["1e-05", "3.2e-05", "0.0001", "0.00032", "0.001"], {1e-5: 0, 2e-4: 2, 1e-3: 3}),
        ((0.01, 0.0101), ["0.01", "0.01002", "0.01005", "0.01007", "0.0101"], {0.01: 0, 0.0101: 3}),
    ],
)
def test_values_have_columns(ends, names, places):
    found, between = draws.columns_of(*ends)
    assert found == names
    for value, place in places.items():
        assert draws.column_of(value, *ends, len(names) - between) == place


def test_the_same_results_give_the_same_bytes(results, rendered, tmp_path):
    shutil.copy(results, tmp_path / "copy.sqlite")
    assert render(tmp_path / "copy.sqlite")[:2] == rendered[:2]


def test_every_figure_is_there_in_both(rendered):
    html, text, entries = rendered
    tables = [entry for entry in entries if entry.table != "figures"]
    specs = [spec for spec in map(load_spec, spec_names()) if spec.name != "figures"]
    # Of larger boards the made-up results have no figures: those rows are there, and empty. None has probes.
    rows = {"metric": 1, "adversarial": 2, "imagination": 1, "larger": 2, "order": 3, "score": 2}
    figures = sum(len(spec.variants) * rows[spec.measure] + len(spec.effects) for spec in specs)
    metrics = rows | {"larger": 1, "order": 0, "score": 0}  # rows of which two recipes are compared
    compared = sum(len(spec.variants) * metrics[spec.measure] for spec in specs)
    assert html.count('<p class="verdict">') == len(tables) == 2 * figures + compared
    assert len(re.findall(r"^\| (?!row|---)", text, re.MULTILINE)) == len(entries)
    assert html.count("runs end with at least half of their pictures true") == 2 * 4
    for entry in tables:
        if entry.estimate.mean is None:
            continue
        mean = f"{entry.estimate.mean:{'+' if entry.figure in (DIFFERENCE, COMPARISON) else ''},.2f}"
        assert entry.table in ("order", "agents") or f'class="ours">{mean}<' in html
    assert "A &lt;fast&gt; CPU" in html
    assert "the loss is &lt;nan&gt;" in html


def test_what_was_found_is_told_before_the_tables(results, rendered):
    with Store.reading(results) as store:
        told = page(store, "Slopes\ndecide <most>.\n\n\nBatches do not.\n")
        assert page(store, " \n\n") == rendered[0]
    assert "<p>Slopes decide &lt;most&gt;.</p>\n<p>Batches do not.</p>" in told
    assert told.index("What was found") < told.index('<section id="table1">')


def test_nothing_is_loaded_and_nothing_is_run(rendered):
    html = rendered[0]
    assert not re.search(r"<script|@import|\bsrc=|url\(|<iframe|\bon\w+=", html)
    links = re.findall(r'href="([^"]*)"', html)
    assert all(link.startswith("#") or link == "data:," for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= set(re.findall(r'id="([^"]*)"', html))


MEASURE = """(() => {
  const box = e => e.getBoundingClientRect();
  const seen = e => e.checkVisibility();
  return {
    wide: document.documentElement.scrollWidth,
    beyond: [...document.querySelectorAll('body *')].filter(
      e => !e.closest('svg') && seen(e) && box(e).right > innerWidth + 1).length,
    flat: [...document.querySelectorAll('svg')].filter(e => seen(e) && (box(e).width < 8 || box(e).height < 8)).length,
    rows: [...document.querySelectorAll('section .verdict')].filter(seen).length,
    boards: [...document.querySelectorAll('svg.cells')].filter(seen).length,
    curves: document.querySelectorAll('path.curve').length,
    across: box(document.querySelector('td.drawn')).left > box(document.querySelector('td.ours')).right - 1,
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    dot: getComputedStyle(document.querySelector('.plot.fast .run')).fill,
    small: Math.min(...[...document.querySelectorAll('td, p, summary')].filter(seen).map(
      e => parseFloat(getComputedStyle(e).fontSize))),
  };
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    path = find_browser()
    if path is None:
        pytest.skip("there is no Chromium here (Debian: chromium-headless-shell)")
    opened = Browser(path, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


def luminance(colour):
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red / 255, green / 255, blue / 255)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_can_be_read(rendered, browser, tmp_path, width, dark):
    html, _, entries = rendered
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    browser.show((tmp_path / "report.html").as_uri(), width=width, dark=dark)
    told = browser.evaluate(MEASURE)
    assert told["wide"] <= width
    assert (told["beyond"], told["flat"]) == (0, 0)
    assert told["rows"] == sum(entry.table != "figures" for entry in entries)
    assert told["boards"] == 4 + 3
    # Three states of each run of the order, and one line of each run of four rows that ask when imagination appears.
    runs = 5 + 2
    assert told["curves"] == runs * 3 + runs * 4
    assert told["across"] == (width > 600)
    assert told["small"] >= 12
    paper, ink, dot = (luminance(told[name]) for name in ("paper", "ink", "dot"))
    assert (paper < ink) == dark
    light, dim = max(paper, ink), min(paper, ink)
    assert (light + 0.05) / (dim + 0.05) >= 7
    assert (max(paper, dot) + 0.05) / (min(paper, dot) + 0.05) >= 3
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    complaints = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert [event for event in browser.events if event["method"] in complaints] == []


def test_the_report_that_comes_with_the_repository_is_made_again_bit_for_bit():
    results = Path(__file__).parents[2] / "results"
    with Store.reading(results / "paper.sqlite") as store:
        findings = (results / "findings.txt").read_text(encoding="utf-8")
        assert page(store, findings) == (results / "report.html").read_text(encoding="utf-8")


def test_a_strip_says_what_each_picture_earns(rendered):
    html, *_ = rendered
    strip = html[html.index("Figure 2") : html.index("</figure>", html.index("Figure 2"))]
    # The made-up pictures are the true states 1 to 3, each a place too late.
    words = re.findall(r'<span class="role">([^<]*; [^<]*)</span>', strip)
    assert words == ["= state 1, 100%; earns 0 (the input)", "= state 2, 100%; earns 1", words[2]]
    assert words[2].endswith("; trained on")
    assert re.search(r'metric</span><span class="role">dead boards \d\.\d\d, the input copied \d\.\d\d</span>', strip)
