"""What the tests of datasets share."""

import pytest

from golfast.data import layout, writer


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(layout, "BLOCK_BYTES", 10_000)  # some 40 trajectories of 20x20
    monkeypatch.setattr(writer, "_TELL_EVERY", 0.0)  # each block is counted as soon as it is there
