"""What all tests share."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread():
    """Two threads of torch on small tensors are slower than one, and fight with the simulation's."""
    import torch

    torch.set_num_threads(1)
