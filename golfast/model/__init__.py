"""What is trained: an encoder, a core used once per timestep, a decoder; and a discriminator of real states."""

from golfast.model.config import ModelConfig
from golfast.model.discriminator import Discriminator
from golfast.model.network import Decoder, Network
from golfast.model.probes import Probes
from golfast.run.weights import load_weights, save_weights

__all__ = ["Decoder", "Discriminator", "ModelConfig", "Network", "Probes", "load_weights", "save_weights"]
