"""What is trained: an encoder, a core used once per timestep, a decoder; and a discriminator of real states.

The names below are loaded when they are used: a config needs no torch.
"""

from typing import TYPE_CHECKING, Any

from golfast.run.lazy import lazily

if TYPE_CHECKING:
    from golfast.model.config import ModelConfig
    from golfast.model.discriminator import Discriminator
    from golfast.model.network import Decoder, Network
    from golfast.model.probes import Probes
    from golfast.run.weights import load_weights, save_weights

__all__ = ["Decoder", "Discriminator", "ModelConfig", "Network", "Probes", "load_weights", "save_weights"]

_WHERE = {
    "Decoder": "network",
    "Discriminator": "discriminator",
    "ModelConfig": "config",
    "Network": "network",
    "Probes": "probes",
}
_load = lazily(__name__, _WHERE)


def __getattr__(name: str) -> Any:
    if name in ("load_weights", "save_weights"):
        from golfast.run import weights

        return getattr(weights, name)
    return _load(name)
