"""The pictures of a run: strips of what its network imagines, and an animation of it learning."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from golfast.imagine.animation import draw_learning
from golfast.imagine.decode import imagine
from golfast.imagine.strip import draw_strips
from golfast.run.folder import RunFolder
from golfast.run.pictures import save_gif, write_png

if TYPE_CHECKING:
    from golfast.model import Network
    from golfast.run.precision import Compute

STRIPS = 3
FRAMES = 24


def draw_imagined(
    network: "Network",
    truth: NDArray[np.uint8],
    compute: "Compute",
    *,
    title: str | None = None,
    captions: list[str] | None = None,
) -> Image.Image:
    """One strip per trajectory of `truth`, (N, m, H, W) uint8 0/1: the true states above what the network imagines."""
    imagined = imagine(network, truth[:, 0], compute)
    return draw_strips(list(zip(truth, imagined, strict=True)), title=title, captions=captions)


def draw_run(
    folder: RunFolder, network: "Network", truth: NDArray[np.uint8], compute: "Compute", *, steps: int
) -> None:
    """Leave strips.png and learning.gif in a run folder.

    truth: held-out trajectories, (N, m, H, W) uint8 0/1; the liveliest few are drawn, since a settled board shows
    nothing. steps: how many the run took; the animation shows its snapshots up to there.
    """
    changes = (truth[:, 1:] != truth[:, :-1]).sum(axis=(1, 2, 3))
    liveliest = np.sort(np.argsort(-changes, kind="stable")[:STRIPS])
    captions = [f"held-out sequence {index}" for index in liveliest]
    title = f"What the network imagines between the first state and the last (run {folder.path.name})"
    write_png(
        draw_imagined(network, truth[liveliest], compute, title=title, captions=captions), folder.path / "strips.png"
    )
    states, snapshots = folder.read_snapshots(steps)
    if len(snapshots) > FRAMES:  # much happens early and little late: frames at growing distances
        chosen = np.unique(np.geomspace(1, len(snapshots), FRAMES).round().astype(int)) - 1
        snapshots = [snapshots[index] for index in chosen]
    title = "A network learns to predict the last state from the first; what lies between, nobody shows it"
    save_gif(draw_learning(states, snapshots, title=title), folder.path / "learning.gif")
