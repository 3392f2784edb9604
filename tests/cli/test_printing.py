"""What commands print on terminals."""

import sys

from golfast_cli import printing


def test_sentences_break_between_words_on_a_terminal(monkeypatch, capsys):
    text = "one sentence of several words, and /a/path/that/is/longer/than/the/line/is"
    monkeypatch.setattr(printing, "columns", lambda: 30)
    printing.echo(text, indent="  ")
    assert capsys.readouterr().out == f"  {text}\n"  # no terminal: one line, for other programs
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    printing.echo(text, indent="  ")
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(line.strip() for line in lines) == text
    assert [len(line) <= 30 for line in lines] == [True, True, False]
    assert all(line.startswith("    ") for line in lines[1:])
