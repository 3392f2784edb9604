"""Life, datasets and loaders as people write them with NumPy, SciPy, PyTorch and h5py."""

import os
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Cells = NDArray[np.uint8]

AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


def simulate_scipy(boards: Cells, generations: int, *, boundary: str = "dead") -> Cells:
    """Board by board through scipy.signal.convolve2d, as the paper's authors ran it: (N, generations + 1, H, W)."""
    from scipy.signal import convolve2d

    edge = "wrap" if boundary == "torus" else "fill"
    states = np.empty((len(boards), generations + 1, *boards.shape[1:]), np.uint8)
    for trajectory, board in zip(states, boards, strict=True):
        trajectory[0] = board
        for generation in range(1, generations + 1):
            neighbours = convolve2d(board, AROUND, mode="same", boundary=edge)
            board = ((neighbours == 3) | ((board == 1) & (neighbours == 2))).astype(np.uint8)
            trajectory[generation] = board
    return states


def step_numpy(cells: Cells, *, boundary: str = "dead") -> Cells:
    """The next generation of (N, H, W) boards: eight slices of the padded batch, added up as bytes."""
    height, width = cells.shape[1:]
    padded = np.pad(cells, ((0, 0), (1, 1), (1, 1)), mode="wrap" if boundary == "torus" else "constant")
    neighbours = np.zeros_like(cells)
    for row in range(3):
        for column in range(3):
            if (row, column) != (1, 1):
                neighbours += padded[:, row : row + height, column : column + width]
    return ((neighbours == 3) | ((neighbours == 2) & (cells == 1))).astype(np.uint8)


def simulate_numpy(boards: Cells, generations: int, *, boundary: str = "dead") -> Cells:
    """The whole batch at once in NumPy: (N, generations + 1, H, W)."""
    states = [boards]
    for _ in range(generations):
        states.append(step_numpy(states[-1], boundary=boundary))
    return np.stack(states, axis=1)


def simulate_conv2d(boards: Cells, generations: int, *, boundary: str = "dead") -> Cells:
    """The whole batch at once through torch's conv2d in float32: (N, generations + 1, H, W)."""
    kernel = torch.from_numpy(AROUND).float()[None, None]
    mode = "circular" if boundary == "torus" else "constant"
    cells = torch.from_numpy(boards).float().unsqueeze(1)
    states = [cells]
    for _ in range(generations):
        neighbours = functional.conv2d(functional.pad(cells, (1, 1, 1, 1), mode=mode), kernel)
        cells = ((neighbours == 3) | ((neighbours == 2) & (cells == 1))).float()
        states.append(cells)
    return torch.cat(states, dim=1).to(torch.uint8).numpy()


def simulate_jax(boards: Cells, generations: int, *, boundary: str = "dead") -> Cells:
    """The whole batch at once through jax.jit, uint8 slices added up: (N, generations + 1, H, W)."""
    return np.asarray(jax_on_one_core().jit_states(boards, generations, boundary == "torus"))


class _Jax:
    """Life in jax.numpy, compiled by XLA for each shape."""

    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        def step(cells: Any, torus: bool) -> Any:
            height, width = cells.shape[-2:]
            around = [(0, 0)] * (cells.ndim - 2) + [(1, 1), (1, 1)]
            padded = jnp.pad(cells, around, mode="wrap" if torus else "constant")
            neighbours = sum(
                padded[..., row : row + height, column : column + width]
                for row in range(3)
                for column in range(3)
                if (row, column) != (1, 1)
            )
            return ((neighbours == 3) | ((neighbours == 2) & (cells == 1))).astype(jnp.uint8)

        def last(cells: Any, generations: int, torus: bool) -> Any:
            for _ in range(generations):
                cells = step(cells, torus)
            return cells

        def states(cells: Any, generations: int, torus: bool) -> Any:
            found = [cells]
            for _ in range(generations):
                found.append(step(found[-1], torus))
            return jnp.stack(found, axis=1)

        self.jit_last = jax.jit(last, static_argnums=(1, 2))
        self.jit_states = jax.jit(states, static_argnums=(1, 2))
        self.put = jax.device_put
        jax.devices()  # starts the threads


@cache
def jax_on_one_core() -> _Jax:
    """JAX with threads for one core: it looks at the cores allowed when it starts, and only then."""
    if not hasattr(os, "sched_setaffinity"):
        return _Jax()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        return _Jax()
    finally:
        os.sched_setaffinity(0, allowed)


def simulate_cax(boards: Cells, generations: int, *, boundary: str = "torus") -> Cells:
    """CAX, the library of cellular automata in JAX, which knows only the torus: the last states, (N, H, W)."""
    assert boundary == "torus"
    last = _cax()(boards.astype(np.float32)[..., None], num_steps=generations)
    return np.asarray(last)[..., 0].astype(np.uint8)


@cache
def _cax() -> Any:
    jax_on_one_core()
    from cax.cs.life import Life
    from flax import nnx

    birth, survival = Life.birth_survival_from_string("B3/S23")
    return Life(birth=birth, survival=survival, rngs=nnx.Rngs(0))


SIMULATORS: dict[str, Callable[..., Cells]] = {
    "scipy convolve2d, board by board": simulate_scipy,
    "NumPy uint8, whole batch": simulate_numpy,
    "torch conv2d fp32, whole batch": simulate_conv2d,
    "jax.jit uint8, whole batch": simulate_jax,
}
PACKAGES = {  # of a peer's first word: its package, and the module to import
    "scipy": ("scipy", "scipy"),
    "jax": ("jax", "jax"),
    "CAX": ("cax", "cax"),
    "lifelib": ("python-lifelib", "lifelib"),
}


def missing(peer: str) -> bool:
    """Whether the package of this peer is not installed."""
    return find_spec(PACKAGES.get(peer.split()[0].split(".")[0], ("numpy", "numpy"))[1]) is None


def packages() -> dict[str, str | None]:
    """The version of each package that a peer is in, None where it is missing."""
    return {package: None if missing(peer) else version(package) for peer, (package, _) in PACKAGES.items()}


SIMULATORS = {name: run for name, run in SIMULATORS.items() if not missing(name)}


def write_dataset(path: Path, soups: Cells, ages: NDArray[np.int64], generations: int) -> None:
    """Age each soup by its own number of generations, simulate all, and write them as h5py does by default: uint8."""
    boards = soups.copy()
    for generation in range(int(ages.max())):
        young = ages > generation
        boards[young] = step_numpy(boards[young])
    with h5py.File(path, "w") as file:
        file.create_dataset("states", data=simulate_numpy(boards, generations))


class Items(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """First and last states of such a file, item by item, each (1, H, W) float32; each process opens it for itself."""

    def __init__(self, path: Path) -> None:
        with h5py.File(path, "r") as file:
            self._path, self._count = path, len(file["states"])
        self.states: Any = None

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if self.states is None:
            self.states = h5py.File(self._path, "r")["states"]
        trajectory = self.states[index]
        return torch.from_numpy(trajectory[:1]).float(), torch.from_numpy(trajectory[-1:]).float()


class ItemsInMemory(Items):
    """The same from an array (N, T, H, W) uint8."""

    def __init__(self, states: Cells) -> None:
        self.states, self._count = states, len(states)
