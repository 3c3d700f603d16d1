"""A network whose maps are its input's colours: what is exported of it is the reading of maps."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raz.models import OperatingPoint


class MapsNetwork(nn.Module):
    """Red is the probability of a head, green the density, blue the attention."""

    architecture = "maps"
    stride = 8
    receptive_field = bytes_per_pixel = 0
    operating_point = OperatingPoint(
        (0.4,),
        2.0,
        0.01,
        density_threshold=0.5,
        density_factors=(1.1, 1.2),
        density_declines=(0.2, 0.3),
        nms_spacings=(0.5, 0.7),
        nms_radii=(6.0, 8.0),
    )
    options: ClassVar[dict[str, object]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.maps(images)

    def maps(self, images: Tensor) -> dict[str, Tensor]:
        cells = F.avg_pool2d(F.pad(images, (0, 7, 0, 7)), 8)
        heat = torch.logit(images[:, 0] * self.gain, eps=1e-4)
        return {"localization": heat, "density": cells[:, 1], "attention": cells[:, 2]}
