"""A net of a few thousand weights with the parts of raznet_lite, for tests of what trains it.

As a program it is the command ``raz`` that knows this net too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn

from raz.models import register_model
from raz.models.layers import ConvNormReLU
from raz.models.lite_branches import (
    LiteCountingBranch,
    LiteFusion,
    LiteLocalizationBranch,
    LiteProposalBranch,
)
from raz.models.raznet import RAZNet
from raz.models.weights import load_weights

NAME = "raznet_tiny"


class Trunk(nn.Module):
    """Features at strides 2, 4, 8 and 16, each from the one before."""

    channels = (4, 6, 8, 8)
    mean = std = (0.5, 0.5, 0.5)

    def __init__(self) -> None:
        super().__init__()
        widths = (3, *self.channels)
        self.stages = nn.ModuleList(
            nn.Sequential(ConvNormReLU(a, b), nn.AvgPool2d(2)) for a, b in pairwise(widths)
        )

    def layers_up_to(self, stride: int) -> list[nn.Module]:
        return [stage for index, stage in enumerate(self.stages) if 2 ** (index + 1) <= stride]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features)


def raznet_tiny(*, weights: str | Path | None = None) -> RAZNet:
    """The net; ``weights`` is a file or None."""
    trunk = Trunk()
    counting = LiteCountingBranch(
        8, widths=(8,), dilations=(1,), density_scale=0.0625, mean_density=0.03, empty_prior=0.12
    )
    localization = LiteLocalizationBranch(
        (4, 6, 8), widths=(8,), fine_width=8, skip_width=4, prior=0.0067
    )
    model = RAZNet(
        NAME,
        backbone=trunk,
        neck=LiteFusion(trunk.channels, 8),
        counting=counting,
        localization=localization,
        proposal=LiteProposalBranch(8, 8, widths=(4, 4), prior=0.05),
    )
    if weights is not None:
        load_weights(model, weights)
    return model


def register() -> None:
    """Make the net known by its name."""
    register_model()(raznet_tiny)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``raz`` with arguments in a process of its own, where the net is known by its name."""
    from raz.cli.main import main as run

    register()
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
