"""Nothing that is shown can become markup, and nothing that is markup is made elsewhere."""

import ast
import json
import sqlite3
import sys
from pathlib import Path

import pytest

import golfast.report
from golfast.report.html import Html, html, joined

sys.path.insert(0, str(Path(__file__).parents[1] / "ablate"))
import small_results

EVIL = "<x-evil a=\"b\" c='d'>&amp;|`[a](b)*"
FOLDER = Path(golfast.report.__file__).parent


def test_what_is_put_into_a_template_is_escaped_unless_it_is_html():
    assert html("<b>{}</b>", "<i>'\"&").text == "<b>&lt;i&gt;&#x27;&quot;&amp;</b>"
    assert html("<b>{}</b>", html("<i>{}</i>", 3)).text == "<b><i>3</i></b>"
    assert html("{:.2f} {:>4} {a}", 1 / 3, "<", a="<").text == "0.33    &lt; &lt;"
    assert joined([html("<br>"), "<br>"], "<").text == "<br>&lt;&lt;br&gt;"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_markup_is_made_in_one_place_of_constants(path):
    """A template is written out where it is used, or is a name of what is; it is never put together."""
    tree = ast.parse(path.read_text())
    constants = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "html":
                template = node.args[0]
                constant = isinstance(template, ast.Constant) or getattr(template, "id", None) in constants
                assert constant, f"{path.name}:{node.lineno}"
            assert node.func.id != "Html" or path.name == "html.py", f"{path.name}:{node.lineno}"
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            assert "<" not in text, f"{path.name}:{node.lineno}"
    assert not issubclass(Html, str)


def poisoned(value):
    """A value with a text in every place that takes any."""
    kept = ("name", "measure", "outcome", "of", "over", "variant", "truth", "imagined")
    if isinstance(value, dict):
        return {key: inner if key in kept else poisoned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(member) for member in value]
    return EVIL if isinstance(value, str) else value


def test_no_text_of_a_results_file_becomes_markup(tmp_path):
    path = tmp_path / "results.sqlite"
    small_results.make(path)
    places = [
        ("trials", "worker"), ("trials", "finished"), ("trials", "reason"), ("sessions", "began"),
        ("sessions", "command"), ("sessions", "executor"), ("strips", "label"), ("rows", "recipe"),
        ("members", "recipe"), ("strips", "recipe"),
    ]  # fmt: skip
    with sqlite3.connect(path) as db:
        for table, column in places:
            more = "'fast'" if column == "recipe" else column
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = {more}", (EVIL,))
        for table, column in (("specs", "definition"), ("rows", "definition"), ("sessions", "machine"),
                              ("strips", "picture"), ("trials", "config"), ("trials", "result")):  # fmt: skip
            for row, text in db.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} NOT NULL").fetchall():
                told = json.dumps(poisoned(json.loads(text)))
                db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (told, row))
    with small_results.Store.reading(path) as store:
        page, tables = small_results.page(store, EVIL), small_results.markdown(store)
    assert page.count("&lt;x-evil a=&quot;b&quot; c=&#x27;d&#x27;&gt;&amp;amp;") > 50
    assert tables.count("&lt;x-evil") > 10
    for text in (page, tables):
        assert "<x-evil" not in text
    assert "\\|\\`\\[a\\](b)\\*" in tables
