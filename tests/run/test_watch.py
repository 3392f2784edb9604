"""Curves for TensorBoard: where it is missing that is said, and what is handed to it is what was recorded."""

import sys
import types

import pytest

from golfast.errors import Failure
from golfast.run.watch import tensorboard


def test_without_the_package_it_is_told_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(Failure, match=r"install it with: pip install 'golfast\[tensorboard\]'"), tensorboard(tmp_path):
        pass


def test_every_number_becomes_a_curve(tmp_path, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder):
            assert folder == str(tmp_path)

        def add_scalar(self, tag, value, step):
            written.append((tag, value, step))

        def close(self):
            written.append("closed")

    monkeypatch.setitem(sys.modules, "tensorboard.summary", types.SimpleNamespace(Writer=Writer))
    with tensorboard(tmp_path) as watch:
        watch("train", {"step": 50, "loss": None, "accuracy": [0.5, 0.75], "seconds": 1.5})
    assert written == [
        ("train/accuracy/state 2", 0.5, 50),
        ("train/accuracy/state 3", 0.75, 50),
        ("train/seconds", 1.5, 50),
        "closed",
    ]
