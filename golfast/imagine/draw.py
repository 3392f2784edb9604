"""The pictures of a run: strips of what its network imagines, and an animation of it learning."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from golfast.imagine.animation import draw_learning
from golfast.imagine.decode import imagine, imagine_packed
from golfast.imagine.metric import agreement, interpretability, matthews
from golfast.imagine.strip import draw_strips
from golfast.run.folder import RunFolder
from golfast.run.pictures import save_gif, write_png

if TYPE_CHECKING:
    from golfast.model import Network
    from golfast.run.precision import Compute

LIVELY = 2  # strips of boards on which much happens
AMONG = 16  # they are the liveliest of the first so many: of thousands, the liveliest would be like no other
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

    truth: held-out trajectories, (N, m, H, W) uint8 0/1. Drawn are a few of the liveliest, since a settled board shows
    nothing, and the one of all N that the network imagines worst, since successes alone would tell half of it.
    steps: how many the run took; the animation shows its snapshots up to there.
    """
    changes = (truth[:AMONG, 1:] != truth[:AMONG, :-1]).sum(axis=(1, 2, 3))
    packed = imagine_packed(network, lambda start, stop: truth[start:stop, 0], len(truth), compute)
    imagined = np.unpackbits(packed, axis=-1, count=truth.shape[3])
    worst, words = _worst(imagined, truth)
    liveliest = [index for index in np.argsort(-changes, kind="stable").tolist() if index != worst][:LIVELY]
    shown = [*sorted(liveliest), worst]
    captions = [f"held-out sequence {index}, one of the liveliest" for index in shown[:-1]]
    captions.append(f"held-out sequence {worst}, {words}")
    title = f"What the network imagines between the first state and the last (run {folder.path.name})"
    strips = [(truth[index], imagined[index]) for index in shown]
    write_png(draw_strips(strips, title=title, captions=captions), folder.path / "strips.png")
    states, snapshots = folder.read_snapshots(steps)
    if len(snapshots) > FRAMES:  # much happens early and little late: frames at growing distances
        chosen = np.unique(np.geomspace(1, len(snapshots), FRAMES).round().astype(int)) - 1
        snapshots = [snapshots[index] for index in chosen]
    title = "A network learns to predict the last state from the first; what lies between, nobody shows it"
    save_gif(draw_learning(states, snapshots, title=title), folder.path / "learning.gif")


def _worst(imagined: NDArray[np.uint8], truth: NDArray[np.uint8]) -> tuple[int, str]:
    """The sequence that is imagined worst, and in words how badly; imagined: (N, T, H, W), truth: (N, m, H, W)."""
    if imagined.shape[1] > 1 and truth.shape[1] > 2:
        what, values = "metric", interpretability(imagined[:, :-1], truth)
        finer = matthews(imagined[:, :-1], truth)
    else:
        what, values = "share of right cells", agreement(imagined[:, -1:], truth[:, -1:])[:, 0, 0]
        finer = values
    worst = int(np.lexsort((finer, values))[0])
    if values[worst] == values.max():  # none fails: what is worst is told by degrees
        what, values = "correlation" if finer is not values else what, finer
    return worst, f"the worst of {len(truth):,} by its {what}: {values[worst]:.2f}, and {values.mean():.2f} on average"
