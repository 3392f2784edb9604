"""The shape of a network."""

from dataclasses import dataclass, field

PADDINGS = ("zeros", "circular")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Encoder, core and decoder, all 3x3 convolutions of equal width (arXiv 2405.06409, figure 1)."""

    timesteps: int = 3
    """How often the core is used; the paper's model timesteps."""
    channels: int = 20
    encoder_layers: int = 1
    core_layers: int = 3
    decoder_layers: int = 1
    shared_core: bool = True
    """One core for all timesteps (the paper's RNN), or one for each."""
    residual: bool = True
    """The core adds its result to its input."""
    slope: float = 0.01
    """Slope of the leaky ReLU below zero. The authors' was 0.3; with 0.01 networks learn faster and imagine better."""
    padding: str = field(default="zeros", metadata={"later": True})
    """What convolutions read beyond the border: "zeros", as the authors', or on a torus its other side, "circular"."""

    @property
    def weights(self) -> int:
        """How many numbers a network of this shape learns."""
        layer, first, last = 9 * self.channels**2 + self.channels, 10 * self.channels, 9 * self.channels + 1
        cores = 1 if self.shared_core else self.timesteps
        between = self.encoder_layers - 1 + cores * self.core_layers + self.decoder_layers - 1
        return first + between * layer + last

    def __post_init__(self) -> None:
        limits = {
            "timesteps": 64,
            "channels": 1024,
            "encoder_layers": 64,
            "core_layers": 64,
            "decoder_layers": 64,
        }
        for name, most in limits.items():
            if not 1 <= (value := getattr(self, name)) <= most:
                raise ValueError(f"model.{name} is {value}; it must be from 1 to {most}")
        if not 0 <= self.slope < 1:
            raise ValueError(f"model.slope is {self.slope}; it must be at least 0 and below 1")
        if self.padding not in PADDINGS:
            raise ValueError(f"model.padding is {self.padding!r}; allowed are: {', '.join(PADDINGS)}")
