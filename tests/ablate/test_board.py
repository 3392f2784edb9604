"""The board of a sweep under way."""

import io

import pytest
from fake_trials import sweep_rows
from rich.console import Console

from golfast.ablate import board
from golfast.ablate.plan import Plan


@pytest.mark.parametrize("width", [45, 60, 100])
def test_names_are_cut_before_numbers(monkeypatch, width):
    monkeypatch.setattr(board, "Console", lambda **how: Console(file=io.StringIO(), width=width, force_terminal=True))
    plan = Plan(sweep_rows(**{"a-variant-of-a-very-long-name-indeed": 100, "b": 2}))
    plan.next()
    out = Console(file=io.StringIO(), width=width)
    out.print(board.Board()._table(plan))
    heading, one, other = out.file.getvalue().splitlines()
    assert heading.split() == ["row", "counted", "running", "short", "failed"]
    assert one.split()[-6:] == ["0", "of", "100", "1", "-", "-"]
    assert other.split()[-6:] == ["0", "of", "2", "-", "-", "-"]
    assert max(map(len, (heading, one, other))) <= width
    assert ("a-variant-of-a-very-long-name-indeed" in one) == (width == 100)
