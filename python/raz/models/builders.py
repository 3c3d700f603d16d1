"""The two nets of the library, built by name."""

from __future__ import annotations

from raz.models.efficientnet_lite import EfficientNetLite0
from raz.models.lite_branches import (
    LiteCountingBranch,
    LiteFusion,
    LiteLocalizationBranch,
    LiteProposalBranch,
)
from raz.models.raznet import RAZNet


def raznet_lite(
    *,
    freeze_norm: bool = True,
    width: int = 128,
    counting_widths: tuple[int, ...] = (128, 128, 128, 128, 96),
    counting_dilations: tuple[int, ...] = (1, 2, 2, 4, 4),
    density_scale: float = 0.0625,
    mean_density: float = 0.03,
    localization_widths: tuple[int, ...] = (96, 96),
    fine_width: int = 64,
    skip_width: int = 32,
    localization_prior: float = 0.0067,
    proposal_widths: tuple[int, int] = (64, 32),
    attention_prior: float = 0.05,
) -> RAZNet:
    backbone = EfficientNetLite0(freeze_norm=freeze_norm)
    half, quarter = backbone.channels[:2]
    counting = LiteCountingBranch(
        width,
        widths=counting_widths,
        dilations=counting_dilations,
        density_scale=density_scale,
        mean_density=mean_density,
    )
    localization = LiteLocalizationBranch(
        (half, quarter, width),
        widths=localization_widths,
        fine_width=fine_width,
        skip_width=skip_width,
        prior=localization_prior,
    )
    proposal = LiteProposalBranch(
        localization.out_channels,
        counting.out_channels,
        widths=proposal_widths,
        prior=attention_prior,
    )
    return RAZNet(
        "raznet_lite",
        backbone=backbone,
        neck=LiteFusion(backbone.channels, width),
        counting=counting,
        localization=localization,
        proposal=proposal,
    )
