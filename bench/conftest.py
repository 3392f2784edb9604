"""How pytest collects and runs the suites: files and functions called bench_*, on one thread unless one says more."""

from collections.abc import Iterator

import pytest
import torch

from golfast.run.precision import torch_threads


def pytest_configure(config: pytest.Config) -> None:
    """Let `pytest bench/` find the suites under any configuration."""
    config.addinivalue_line("python_files", "bench_*.py")
    config.addinivalue_line("python_functions", "bench_*")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Our kernels and torch on one thread, as one job of many would be; the same seed for all."""
    monkeypatch.setenv("GOLFAST_THREADS", "1")
    torch.manual_seed(0)
    with torch_threads(1):
        yield
