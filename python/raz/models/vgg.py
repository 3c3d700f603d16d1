"""VGG-16 (Simonyan & Zisserman, ICLR 2015) up to conv4_3: the paper's backbone."""

from __future__ import annotations

from torch import Tensor, nn

LAYERS: tuple[int | None, ...] = (64, 64, None, 128, 128, None, 256, 256, 256, None, 512, 512, 512)
"""Channels of each 3x3 convolution; None is a 2x2 maximum pooling (Liu et al., CVPR 2019)."""


class VGG16Trunk(nn.Module):
    """Ten convolutions and three poolings: image [B, 3, H, W] to (features [B, 512, H/8, W/8],).

    Parameters are named ``features.0`` to ``features.21`` as in torchvision, whose files load
    unchanged. The net expects RGB in [0, 1], less :attr:`mean` and divided by :attr:`std`.
    """

    channels: tuple[int, ...] = (512,)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @property
    def reach(self) -> int:
        """Pixels beyond a cell of stride 8 that it sees, in any direction."""
        reach, stride = 0, 1
        for width in LAYERS:
            if width is None:
                stride *= 2
            else:
                reach += stride
        return reach

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in LAYERS:
            if width is None:
                layers.append(nn.MaxPool2d(2))
                continue
            conv = nn.Conv2d(channels, width, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight, mode="fan_in", nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            layers += [conv, nn.ReLU(inplace=True)]
            channels = width
        self.features = nn.Sequential(*layers)

    def layers_up_to(self, stride: int) -> list[nn.Module]:
        """The first layers: those whose outputs have at most this stride."""
        layers: list[nn.Module] = []
        reached = 1
        for layer in self.features:
            reached *= 2 if isinstance(layer, nn.MaxPool2d) else 1
            if reached <= stride:
                layers.append(layer)
        return layers

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.features(x),)
