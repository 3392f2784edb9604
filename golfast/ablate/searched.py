"""Hyperparameters as the authors searched them: drawn anew for each seed, from the ranges of their public code."""

from typing import Any

import numpy as np

_WHOLE = {
    "model.channels": (2, 40),
    "model.encoder_layers": (1, 3),
    "model.core_layers": (3, 8),
    "model.decoder_layers": (1, 3),
    "batch": (200, 512),
}
_RATE = (1e-5, 1e-3)


def searched(seed: int) -> dict[str, Any]:
    """Config keys and values of a seed: whole numbers evenly drawn, both ends included, the learning rate evenly in its
    logarithm. The same everywhere and always (Philox 4x64 under the seed).
    """
    raw = np.random.Philox(key=np.array([seed, len(_WHOLE)], np.uint64)).random_raw(len(_WHOLE) + 1)
    *shares, last = (int(word) / 2**64 for word in raw)
    whole = zip(_WHOLE.items(), shares, strict=True)
    drawn: dict[str, Any] = {key: low + int(share * (high - low + 1)) for (key, (low, high)), share in whole}
    low, high = _RATE
    drawn["optimiser.adam_lr"] = float(f"{low * (high / low) ** last:.3g}")
    return drawn
