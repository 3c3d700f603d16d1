"""The three branches of raznet_lite. The roles are the paper's, every width here is ours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raz.models.layers import ConvNormReLU
from raz.models.raznet import Counting


class LiteFusion(nn.Module):
    """Trunk features gathered at stride 8.

    Takes features at strides 2, 4, 8, 16 and returns those of stride 2 and 4 unchanged with one map
    at stride 8, [B, width, H / 8, W / 8], of the stride-4 (averaged), stride-8 and stride-16
    (enlarged) maps: fine detail for the smallest heads, context for the dense parts.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.mix = ConvNormReLU(sum(channels[1:]), width, kernel_size=1)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        half, quarter, eighth, sixteenth = features
        fine = torch.cat((F.avg_pool2d(quarter, 2), eighth), dim=1)
        if isinstance(self.mix.norm, nn.Identity):
            # A 1x1 convolution and an enlargement may change places: a quarter of the cells.
            conv, width = self.mix.conv, fine.shape[1]
            mixed = F.conv2d(fine, conv.weight[:, :width], conv.bias)
            mixed += enlarged(F.conv2d(sixteenth, conv.weight[:, width:]))
            return half, quarter, F.relu(mixed, inplace=True)
        return half, quarter, self.mix(torch.cat((fine, enlarged(sixteenth)), dim=1))


class LiteCountingBranch(nn.Module):
    """Dilated convolutions at stride 8, then a density that cannot be negative.

    Density = softplus(z) * ``density_scale`` * (1 - p) persons per cell of 8x8 pixels, with p the
    probability that a block of 2x2 cells is empty for good: what a zero-inflated Poisson process
    expects. z is of order 1 where a crowd stands, so that gradients are not lost in tiny numbers;
    the scale is applied here and nowhere else. At the start every cell holds ``mean_density``
    persons.

    Args:
        in_channels: Channels of the stride-8 features.
        widths: Channels of each 3x3 convolution.
        dilations: Dilation of each.
        density_scale: Persons per cell for softplus(z) = 1.
        mean_density: Persons per cell at initialisation.
        empty_prior: p at initialisation.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        widths: Sequence[int],
        dilations: Sequence[int],
        density_scale: float,
        mean_density: float,
        empty_prior: float,
    ) -> None:
        super().__init__()
        self.density_scale = density_scale
        self.layers = chain(in_channels, widths, dilations)
        self.out_channels = widths[-1]
        self.output, self.empty = density_outputs(
            widths[-1], density_scale, mean_density=mean_density, empty_prior=empty_prior
        )

    def forward(self, features: Sequence[Tensor]) -> Counting:
        """Density, the features it was made of, and the logits of emptiness."""
        inner = self.layers(features[-1])
        dtype = self.output.weight.dtype  # autocast must not round what a count is the sum of
        z, empty = self.output(inner).to(dtype), self.empty(inner).to(dtype)
        return Counting(density_of(z, empty, self.density_scale), inner, empty)


class LiteLocalizationBranch(nn.Module):
    """Stride-8 context joined by finer features at stride 4, then unfolded to full resolution.

    The paper's three deconvolutions become one bilinear enlargement and a depth-to-space step: each
    cell of stride 4 predicts its own 4x4 pixels.

    Args:
        channels: Channels of the features at strides 2, 4 and 8.
        widths: Channels of the convolutions at stride 8, all of dilation 2.
        fine_width: Channels at stride 4.
        skip_width: Channels to which the finer trunk features are narrowed.
        prior: Probability of a marked pixel at initialisation.
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        widths: Sequence[int],
        fine_width: int,
        skip_width: int,
        prior: float,
    ) -> None:
        super().__init__()
        half, quarter, eighth = channels
        self.context = chain(eighth, widths, (2,) * len(widths))
        self.narrow = ConvNormReLU(widths[-1], fine_width, kernel_size=1)
        self.skip = ConvNormReLU(4 * half + quarter, skip_width, kernel_size=1)
        self.refine = nn.Sequential(
            ConvNormReLU(fine_width + skip_width, fine_width), ConvNormReLU(fine_width, fine_width)
        )
        self.out_channels = fine_width
        self.output = nn.Conv2d(fine_width, 16, 1)
        nn.init.normal_(self.output.weight, std=0.01)
        nn.init.constant_(_bias(self.output), math.log(prior / (1.0 - prior)))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits [B, 1, H, W], and the stride-4 features they were made of."""
        half, quarter, eighth = features
        coarse = self.narrow(self.context(eighth))
        # No names for what is joined: here the net needs most memory.
        inner = self.refine(
            torch.cat(
                (
                    F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False),
                    gathered(half, quarter, self.skip),
                ),
                dim=1,
            )
        )
        return F.pixel_shuffle(self.output(inner), 4), inner


class LiteProposalBranch(nn.Module):
    """Three convolutions at stride 8 on both other branches' features, then a sigmoid.

    Args:
        localization_channels: Channels of the localization features, at stride 4.
        counting_channels: Channels of the counting features, at stride 8.
        widths: Channels of the first two convolutions.
        prior: Attention at initialisation.
    """

    def __init__(
        self,
        localization_channels: int,
        counting_channels: int,
        *,
        widths: tuple[int, int],
        prior: float,
    ) -> None:
        super().__init__()
        self.layers = chain(localization_channels + counting_channels, widths, (1, 1))
        self.output = nn.Conv2d(widths[-1], 1, 3, padding=1)
        nn.init.normal_(self.output.weight, std=0.01)
        nn.init.constant_(_bias(self.output), math.log(prior / (1.0 - prior)))

    def forward(self, localization: Tensor, counting: Tensor) -> Tensor:
        """Attention [B, 1, h, w] at stride 8, in [0, 1]."""
        joined = torch.cat((F.avg_pool2d(localization, 2), counting), dim=1)
        z = self.output(self.layers(joined)).to(self.output.weight.dtype)  # 1 has no gradient
        return torch.sigmoid(z)


def gathered(half: Tensor, quarter: Tensor, skip: ConvNormReLU) -> Tensor:
    """Features at stride 4, of those at stride 2, four to a cell, and those at stride 4.

    With its normalisation folded, the 1x1 convolution of what is laid side by side is the sum of
    two, one of them over 2x2 cells of stride 2, and nothing is laid anywhere.

    Args:
        half: [B, C, H / 2, W / 2].
        quarter: [B, D, H / 4, W / 4].
        skip: A 1x1 convolution of 4 C + D channels.
    """
    if not isinstance(skip.norm, nn.Identity):
        whole: Tensor = skip(torch.cat((F.pixel_unshuffle(half, 2), quarter), dim=1))
        return whole
    width = 4 * half.shape[1]
    finer, coarser = skip.conv.weight[:, :width], skip.conv.weight[:, width:]
    kernel = finer.reshape(-1, half.shape[1], 2, 2)
    joined = F.conv2d(half, kernel, skip.conv.bias, stride=2)
    joined += F.conv2d(quarter, coarser)
    return F.relu(joined, inplace=True)


def enlarged(x: Tensor) -> Tensor:
    """Each cell of ``x`` as 2x2 cells."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def density_outputs(
    width: int, density_scale: float, *, mean_density: float, empty_prior: float
) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The last layers of a density: z of every cell, and the logit of p of every 2x2 of them."""
    rate = mean_density / (1 - empty_prior)
    output, empty = nn.Conv2d(width, 1, 1), nn.Conv2d(width, 1, 2, stride=2)
    for layer, bias in (
        (output, math.log(math.expm1(rate / density_scale))),
        (empty, math.log(empty_prior / (1 - empty_prior))),
    ):
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.constant_(_bias(layer), bias)
    return output, empty


def density_of(z: Tensor, empty: Tensor, density_scale: float) -> Tensor:
    """softplus(z) * ``density_scale`` * (1 - p), persons per cell, of what these layers put out."""
    occupied = F.interpolate(torch.sigmoid(-empty), scale_factor=2.0, mode="nearest")
    return F.softplus(z) * density_scale * occupied


def chain(in_channels: int, widths: Sequence[int], dilations: Sequence[int]) -> nn.Sequential:
    """3x3 convolutions, each with its normalisation and ReLU.

    Raises:
        ValueError: there is not one dilation for each width.
    """
    if len(widths) != len(dilations):
        raise ValueError(f"{len(widths)} widths and {len(dilations)} dilations; they must pair up")
    sources = (in_channels, *widths[:-1])
    return nn.Sequential(
        *(
            ConvNormReLU(source, width, dilation=dilation)
            for source, width, dilation in zip(sources, widths, dilations, strict=True)
        )
    )


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
