"""The judge of the adversarial decoder: is this a real state or a decoded one?"""

from torch import Tensor, nn

SLOPE = 0.3
"""Of the leaky ReLU below zero."""
DROPPED = 0.3
"""The share of a layer's results that is dropped in training."""


class Discriminator(nn.Module):
    """Pictures of states (B, 1, H, W) to one logit each, (B, 1): above 0 is real.

    Three 3x3 convolutions of stride 2 with 4, 8 and 16 channels, leaky ReLU 0.3 and dropout 0.3, then one linear unit,
    as in the authors' public code; the pictures' size is fixed at construction.
    """

    def __init__(self, height: int, width: int, *, channels: tuple[int, int, int] = (4, 8, 16)) -> None:
        super().__init__()
        self.channels = channels
        layers: list[nn.Module] = []
        inputs = 1
        for outputs in channels:
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE), nn.Dropout(DROPPED)]
            inputs, height, width = outputs, (height + 1) // 2, (width + 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * height * width, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Judge."""
        logits: Tensor = self.layers(pictures)
        return logits
