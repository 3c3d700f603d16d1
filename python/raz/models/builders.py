"""The nets of the library."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torch import nn

from raz.errors import WeightsError
from raz.models.centerface import CenterFaceTrunk
from raz.models.efficientnet_lite import EfficientNetLite0
from raz.models.light_branches import (
    LightCountingBranch,
    LightFusion,
    LightLocalizationBranch,
    LightProposalBranch,
)
from raz.models.lite_branches import (
    LiteCountingBranch,
    LiteFusion,
    LiteLocalizationBranch,
    LiteProposalBranch,
)
from raz.models.pretrained import (
    RAZNetLite2Weights,
    RAZNetLiteWeights,
    RAZNetVGG16Weights,
    WeightsEnum,
)
from raz.models.raznet import RAZNet
from raz.models.registry import Weights, register_model
from raz.models.vgg import VGG16Trunk
from raz.models.vgg_branches import (
    VGGCountingBranch,
    VGGLocalizationBranch,
    VGGProposalBranch,
)
from raz.models.weights import load_weights

COUNTING_DILATIONS = (1, 2, 2, 4, 4)
LIGHT_COUNTING_DILATIONS = (1, 2, 2)
DENSITY_SCALE = 0.0625
"""Defaults of options that no weight's shape tells: weights fit only a net built with the same."""


@register_model(weights=RAZNetLiteWeights)
def raznet_lite(
    *,
    weights: Weights = None,
    freeze_norm: bool = True,
    width: int = 128,
    counting_widths: tuple[int, ...] = (128, 128, 128, 128, 96),
    counting_dilations: tuple[int, ...] = COUNTING_DILATIONS,
    density_scale: float = DENSITY_SCALE,
    mean_density: float = 0.03,
    empty_prior: float = 0.12,
    localization_widths: tuple[int, ...] = (96, 96),
    fine_width: int = 64,
    skip_width: int = 32,
    localization_prior: float = 0.0067,
    proposal_widths: tuple[int, int] = (64, 32),
    attention_prior: float = 0.05,
) -> RAZNet:
    """RAZ-Net for phones and CPUs: EfficientNet-Lite0 to stride 16 and narrow dilated branches.

    1,833,267 parameters; 21.2 G multiply-adds for 1024x768, all branches counted. The method is the
    paper's; this net and every width and number here are ours.

    Args:
        weights: ``"DEFAULT"``, a member of :class:`RAZNetLiteWeights` or its name, the path of a
            file, or None for random weights.
        freeze_norm: Keep the trunk's normalisation statistics in training mode too.
        width: Channels of the fused features at stride 8.
        counting_widths: Channels of the counting branch's convolutions.
        counting_dilations: Dilation of each.
        density_scale: Persons per cell where the density's softplus is 1.
        mean_density: Persons per cell at initialisation.
        empty_prior: Probability at initialisation that a block of 2x2 cells is empty for good.
        localization_widths: Channels of the localization branch's convolutions at stride 8.
        fine_width: Its channels at stride 4.
        skip_width: Channels to which it narrows the trunk's finer features.
        localization_prior: Probability of a marked pixel at initialisation (a logit of about -5).
        proposal_widths: Channels of the proposal branch's first two convolutions.
        attention_prior: Attention at initialisation.

    Raises:
        WeightsError: the weights are missing or do not fit.

    Example:
        >>> raznet_lite(width=64).architecture
        'raznet_lite'
        >>> raznet_lite(weights="DEFAULT").operating_point.peak_thresholds
        (0.34, 0.36)
    """
    backbone = EfficientNetLite0(freeze_norm=freeze_norm)
    half, quarter = backbone.channels[:2]
    counting = LiteCountingBranch(
        width,
        widths=counting_widths,
        dilations=counting_dilations,
        density_scale=density_scale,
        mean_density=mean_density,
        empty_prior=empty_prior,
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
    # Cells at stride 8 of the longest path: the localization branch's enlargement and fine layers
    # are two, the proposal branch is three. They see cells of stride 16, two at a time.
    cells = max(sum(counting_dilations), 2 * len(localization_widths) + 2) + 3
    model = RAZNet(
        "raznet_lite",
        bytes_per_pixel=300,
        receptive_field=backbone.reach + 16 * ((cells + 1) // 2),
        backbone=backbone,
        neck=LiteFusion(backbone.channels, width),
        counting=counting,
        localization=localization,
        proposal=proposal,
    )
    model.options = _changed(
        counting_dilations=(tuple(map(int, counting_dilations)), COUNTING_DILATIONS),
        density_scale=(float(density_scale), DENSITY_SCALE),
    )
    return _with_weights(model, weights, RAZNetLiteWeights)


@register_model(weights=RAZNetLite2Weights)
def raznet_lite_2(
    *,
    weights: Weights = None,
    width: int = 64,
    counting_widths: tuple[int, ...] = (96, 96, 96),
    counting_dilations: tuple[int, ...] = LIGHT_COUNTING_DILATIONS,
    fine_width: int = 64,
    density_scale: float = DENSITY_SCALE,
    mean_density: float = 0.03,
    empty_prior: float = 0.12,
    localization_width: int = 32,
    localization_layers: int = 2,
    localization_prior: float = 0.0067,
    proposal_width: int = 24,
    attention_prior: float = 0.05,
) -> RAZNet:
    """The second raznet_lite: a trunk that knows faces, and narrow branches.

    2,204,155 parameters; 7.5 G multiply-adds for 1024x768, all branches counted. The method is the
    paper's; this net and every width and number here are ours.

    Args:
        weights: The path of a file, a member of :class:`RAZNetLite2Weights` or its name, or None
            for random weights. No trained weights are published; ``raz.models.load_backbone`` takes
            those of the trunk.
        width: Channels of the mixed features at stride 8.
        counting_widths: Channels of the counting branch's convolutions at stride 16.
        counting_dilations: Dilation of each.
        fine_width: Channels of its convolution at stride 8.
        density_scale: Persons per cell where the density's softplus is 1.
        mean_density: Persons per cell at initialisation.
        empty_prior: Probability at initialisation that a block of 2x2 cells is empty for good.
        localization_width: Channels of the localization branch.
        localization_layers: Its 3x3 convolutions at stride 4.
        localization_prior: Probability of a marked pixel at initialisation (a logit of about -5).
        proposal_width: Channels of the proposal branch.
        attention_prior: Attention at initialisation.

    Raises:
        WeightsError: the weights are missing or do not fit.

    Example:
        >>> raznet_lite_2(counting_widths=(32, 32, 32)).architecture
        'raznet_lite_2'
    """
    backbone = CenterFaceTrunk()
    half, quarter, _, sixteenth = backbone.channels
    counting = LightCountingBranch(
        width,
        sixteenth,
        widths=counting_widths,
        dilations=counting_dilations,
        fine_width=fine_width,
        density_scale=density_scale,
        mean_density=mean_density,
        empty_prior=empty_prior,
    )
    localization = LightLocalizationBranch(
        (half, quarter, width),
        width=localization_width,
        layers=localization_layers,
        prior=localization_prior,
    )
    proposal = LightProposalBranch(
        localization.out_channels,
        counting.out_channels,
        width=proposal_width,
        prior=attention_prior,
    )
    # The proposal branch's two convolutions at stride 8 lead on to the counting branch's one there
    # and the dilated ones at stride 16, or to the localization branch's at stride 4, the
    # enlargement and one at stride 8. What is seen of stride 16 has seen whole cells of stride 32.
    eighths = (2 * 2 + localization_layers + 1) // 2 + 2
    cells = max(2 + sum(counting_dilations), (eighths + 1) // 2)
    model = RAZNet(
        "raznet_lite_2",
        bytes_per_pixel=220,
        receptive_field=backbone.reach + 32 * ((cells + 1) // 2),
        backbone=backbone,
        neck=LightFusion(backbone.channels, width),
        counting=counting,
        localization=localization,
        proposal=proposal,
    )
    model.options = _changed(
        counting_dilations=(tuple(map(int, counting_dilations)), LIGHT_COUNTING_DILATIONS),
        density_scale=(float(density_scale), DENSITY_SCALE),
    )
    return _with_weights(model, weights, RAZNetLite2Weights)


@register_model(weights=RAZNetVGG16Weights)
def raznet_vgg16(
    *,
    weights: Weights = None,
    counting_widths: tuple[int, ...] = (512, 512, 512, 256, 128, 64),
    density_scale: float = DENSITY_SCALE,
    mean_density: float = 0.03,
    localization_width: int = 512,
    localization_widths: tuple[int, int, int] = (256, 128, 64),
    localization_prior: float = 0.0067,
    deconvolution_width: int = 16,
    proposal_widths: tuple[int, int] = (16, 16),
    attention_prior: float = 0.05,
) -> RAZNet:
    """RAZ-Net as published (Liu et al., CVPR 2019), layer by layer.

    27,146,691 parameters; 590 G multiply-adds for 1024x768, all branches counted.

    Args:
        weights: The path of a file, a member of :class:`RAZNetVGG16Weights` or its name, or None
            for random weights. No trained weights are published; ``raz.models.load_backbone`` takes
            ImageNet weights of VGG-16.
        counting_widths: Channels of the counting branch: CSRNet's, which the paper uses.
        density_scale: Constant factor of the density, in persons per cell (ours).
        mean_density: Persons per cell at initialisation (ours).
        localization_width: Channels of the localization branch at stride 8: RAZ_loc's.
        localization_widths: Its channels at strides 4, 2 and 1: RAZ_loc's.
        localization_prior: Probability of a marked pixel at initialisation (ours).
        deconvolution_width: Channels of the counting features enlarged to full resolution (ours).
        proposal_widths: Channels of the proposal branch's first two convolutions (ours).
        attention_prior: Attention at initialisation (ours).

    Raises:
        WeightsError: the weights are missing or do not fit.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     model = raznet_vgg16()
        >>> model.stride, model.receptive_field
        (8, 146)
    """
    backbone = VGG16Trunk()
    channels = backbone.channels[-1]
    counting = VGGCountingBranch(
        channels, widths=counting_widths, density_scale=density_scale, mean_density=mean_density
    )
    localization = VGGLocalizationBranch(
        channels, width=localization_width, widths=localization_widths, prior=localization_prior
    )
    proposal = VGGProposalBranch(
        localization.out_channels,
        counting.out_channels,
        deconvolution_width=deconvolution_width,
        widths=proposal_widths,
        prior=attention_prior,
    )
    # The same: three convolutions of dilation 2, and the deconvolutions with theirs are three more
    # cells; the proposal branch's own deconvolution is one.
    cells = max(2 * len(counting_widths), 2 * 3 + 3) + 1
    model = RAZNet(
        "raznet_vgg16",
        bytes_per_pixel=1200,
        receptive_field=backbone.reach + 8 * cells,
        backbone=backbone,
        neck=nn.Identity(),
        counting=counting,
        localization=localization,
        proposal=proposal,
    )
    model.options = _changed(density_scale=(float(density_scale), DENSITY_SCALE))
    return _with_weights(model, weights, RAZNetVGG16Weights)


def _changed(**options: tuple[Any, Any]) -> dict[str, Any]:
    """Keep the options, each given as (value, default), whose value is not the default."""
    return {name: value for name, (value, default) in options.items() if value != default}


def _with_weights(model: RAZNet, weights: Weights, published: type[WeightsEnum]) -> RAZNet:
    if weights is None:
        return model
    if isinstance(weights, str) and weights in published.__members__:
        weights = published[weights]
    if isinstance(weights, WeightsEnum):
        if not isinstance(weights, published):
            raise WeightsError(f"{weights} are not weights of {model.architecture}")
        load_weights(model, weights.path, sha256=weights.sha256)
        return model
    if not isinstance(weights, (str, os.PathLike)):
        raise TypeError(
            f"weights is a {type(weights).__name__}; it must be a path, a published name or None"
        )
    if not Path(weights).is_file():
        names = ", ".join(published.__members__) or "none are published"
        raise WeightsError(
            f"{model.architecture} has no weights {str(weights)!r}: it is neither a file nor a "
            f"published name ({names}); give the path of a weights file, or weights=None for an "
            "untrained net"
        )
    load_weights(model, weights)
    return model
