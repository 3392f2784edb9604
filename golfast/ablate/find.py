"""Strips as in the paper's figures: sequences of our own networks that earn a given value. Found, not drawn."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.ablate.jobs import State
from golfast.ablate.plan import Row
from golfast.ablate.spec import Strip
from golfast.ablate.trial import held_out_recipe, load_trial
from golfast.data import generate
from golfast.errors import Failure
from golfast.imagine import EVALUATED, imagine_packed, interpretability_packed


def find_strip(strip: Strip, row: Row, states: dict[str, State], folder: Path, device: str) -> dict[str, Any] | None:
    """The first of a row's networks with a held-out sequence of the strip's value, and its liveliest such sequence.

    Networks that count are looked at in the order of their seeds, on the sequences that they are measured on.
    Liveliest: most cells change from state to state. Returns "trial", "sequence" (its number), "value", "truth" and
    "imagined" (states of rows of "0" and "1"; imagined are those of timesteps 1..T), or None if there is none.
    """
    for trial in row.trials:
        if states.get(trial.name) is not State.COUNTED:
            continue
        try:
            config, network, compute = load_trial(folder / "trials" / trial.name, device)
        except (Failure, FileNotFoundError):
            continue  # it was trained on another machine, or its folder was cleared away
        width = config.data.width
        truth = generate(held_out_recipe(config, EVALUATED))
        first = np.unpackbits(truth[:, 0], axis=-1, count=width)
        drawn = imagine_packed(network, lambda start, stop, cells=first: cells[start:stop], len(truth), compute)  # type: ignore[misc]
        values = np.asarray(interpretability_packed(drawn[:, :-1], truth, width))
        changes = np.bitwise_count(truth[:, 1:] ^ truth[:, :-1]).sum(axis=(1, 2, 3), dtype=np.int64)
        changes[~np.isclose(values, strip.value)] = -1
        best = int(changes.argmax())
        if changes[best] > 0:
            return {
                "trial": trial.name,
                "sequence": best,
                "value": float(values[best]),
                "truth": _words(truth[best], width),
                "imagined": _words(drawn[best], width),
            }
    return None


def _words(packed: NDArray[np.uint8], width: int) -> list[list[str]]:
    cells = np.unpackbits(packed, axis=-1, count=width)
    return [["".join(map(str, row)) for row in state.tolist()] for state in cells]
