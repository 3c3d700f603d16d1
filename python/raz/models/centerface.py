"""CenterFace's trunk: MobileNetV2 and a narrow pyramid from stride 32 back to stride 4.

MobileNetV2 is of Sandler et al., CVPR 2018; pyramid and weights are of Xu et al., "CenterFace:
Joint Face Detection and Alignment Using Face as Point", 2019, trained on the faces of WIDER FACE.
What has learnt to find faces of few pixels is nearer to heads in a crowd than a classifier of
whole images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raz.models.layers import conv_norm
from raz.models.strips import Widened, in_strips

NORM_EPSILON = 1e-3
"""Added to the variance by every normalisation."""

PYRAMID_WIDTH = 24
"""Channels of the pyramid at every stride."""


class StageSettings(NamedTuple):
    """A run of MobileNetV2's blocks: expansion ratio, channels, number, stride of the first."""

    expansion: int
    channels: int
    blocks: int
    stride: int


STAGES: tuple[StageSettings, ...] = (
    StageSettings(1, 16, 1, 1),
    StageSettings(6, 24, 2, 2),
    StageSettings(6, 32, 3, 2),
    StageSettings(6, 64, 4, 2),
    StageSettings(6, 96, 3, 1),
    StageSettings(6, 160, 3, 2),
    StageSettings(6, 320, 1, 1),
)
"""MobileNetV2 of width 1 after its stem, without its head."""


class ScaledConv(nn.Module):
    """Convolution, then a scale and a shift of every channel: [B, in, H, W] to [B, out, H', W'].

    The published weights have their normalisations folded in. So the one here has a mean of 0 and a
    deviation of 1 that stay, while scale and shift train.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd side of the kernel.
        stride: H' = ceil(H / stride).
        groups: As many as channels for a depthwise convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, kernel_size // 2, 1, groups, bias=False
        )
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_in")
        norm = nn.BatchNorm2d(out_channels, eps=NORM_EPSILON)
        assert norm.running_var is not None
        norm.running_var.fill_(1 - NORM_EPSILON)
        self.norm: nn.BatchNorm2d | nn.Identity = norm

    def forward(self, x: Tensor) -> Tensor:
        return conv_norm(x, self.conv, self.norm)


class InvertedResidual(nn.Module):
    """Widen by a 1x1 convolution, filter each channel, narrow; add the input where sizes agree.

    [B, in, H, W] to [B, out, ceil(H / stride), ceil(W / stride)].

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        expansion: Channels inside by those of the input.
        stride: Of the filter, 1 or 2.
    """

    def __init__(self, in_channels: int, out_channels: int, expansion: int, stride: int) -> None:
        super().__init__()
        width = in_channels * expansion
        self.residual = stride == 1 and in_channels == out_channels
        self.expand = ScaledConv(in_channels, width) if expansion != 1 else None
        self.depthwise = ScaledConv(width, width, 3, stride=stride, groups=width)
        self.project = ScaledConv(width, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        if self.folded and not torch.compiler.is_compiling():
            y = self.in_strips(lambda first, last: self._widened(x[:, :, first:last]), x.shape)
            return y.add_(x) if self.residual else y
        y = self._narrowed(self.depthwise(self._widened(x)))
        return x + y if self.residual else y

    @property
    def folded(self) -> bool:
        """Whether its normalisations are folded, see `raz.models.layers.fold_norms`."""
        return isinstance(self.depthwise.norm, nn.Identity)

    def in_strips(self, widened: Widened, shape: Sequence[int]) -> Tensor:
        """Filter and narrow rows of the widened input [B, C, H, W], without what is added to it."""
        batch, _, height, width = shape
        return in_strips(
            widened, (batch, height, width), self.depthwise.conv, self._narrowed, (1, 1)
        )

    def _widened(self, x: Tensor) -> Tensor:
        return x if self.expand is None else F.relu(self.expand(x), inplace=True)

    def _narrowed(self, y: Tensor) -> Tensor:
        narrowed: Tensor = self.project(F.relu(y, inplace=True))
        return narrowed


class CenterFaceTrunk(nn.Module):
    """MobileNetV2 to stride 32, and the pyramid of 24 channels back to stride 4.

    Maps an image [B, 3, H, W], H and W multiples of 32, to features at strides 2, 4, 8 and 16 with
    16, 48, 56 and 120 channels. From stride 4 on they are MobileNetV2's and behind them the
    pyramid's of that stride, which has seen what is at stride 32.

    RGB in [0, 1] goes in as it is: black is 0, as it is to the zeros around every convolution.
    """

    channels: tuple[int, ...] = (16, 24 + PYRAMID_WIDTH, 32 + PYRAMID_WIDTH, 96 + PYRAMID_WIDTH)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.stem = ScaledConv(3, 32, 3, stride=2)
        blocks: list[InvertedResidual] = []
        self._strides: list[int] = []
        channels, reached = 32, 2
        for stage in STAGES:
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                blocks.append(InvertedResidual(channels, stage.channels, stage.expansion, stride))
                channels, reached = stage.channels, reached * stride
                self._strides.append(reached)
        self.blocks = nn.ModuleList(blocks)
        sources = (STAGES[6].channels, STAGES[4].channels, STAGES[2].channels, STAGES[1].channels)
        self.lateral = nn.ModuleList(ScaledConv(source, PYRAMID_WIDTH) for source in sources)
        # A transposed convolution of 2x2 pixels and stride 2 is one of 1x1 to four times the
        # channels, and these laid side by side.
        self.up = nn.ModuleList(ScaledConv(PYRAMID_WIDTH, 4 * PYRAMID_WIDTH) for _ in range(3))
        self.fine = ScaledConv(PYRAMID_WIDTH, PYRAMID_WIDTH, 3)
        self.train(self.training)

    @property
    def reach(self) -> int:
        """Pixels to the left of or above a cell of stride 32 that it sees (to the right, fewer)."""
        return 1 + sum(
            [2, *self._strides[:-1]]
        )  # of the stem, then one cell of every block's input

    def train(self, mode: bool = True) -> CenterFaceTrunk:
        """As ``nn.Module.train``, but normalisations stay as they are: they hold no statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def layers_up_to(self, stride: int) -> list[nn.Module]:
        """The first layers: those whose outputs have at most this stride; none of the pyramid."""
        layers: list[nn.Module] = [self.stem] if stride >= 2 else []
        blocks = zip(self.blocks, self._strides, strict=True)
        return layers + [block for block, reached in blocks if reached <= stride]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found: dict[int, Tensor] = {}
        for index, (block, stride) in enumerate(zip(self.blocks, self._strides, strict=True)):
            x = block(x) if index else self._first(x)
            found[stride] = x  # the last of its stride stays
        pyramid = _relu(self.lateral[0](x))
        joined = [found[2]]
        for up, lateral, stride in zip(self.up, self.lateral[1:], (16, 8, 4), strict=True):
            pyramid = _relu(F.pixel_shuffle(up(pyramid), 2)) + _relu(lateral(found[stride]))
            if stride == 4:
                pyramid = _relu(self.fine(pyramid))
            joined.insert(1, torch.cat((found[stride], pyramid), dim=1))
        return tuple(joined)

    def _first(self, x: Tensor) -> Tensor:
        """The stem and the first block, which does not widen: folded, the stem never is whole."""
        block = self.blocks[0]
        assert isinstance(block, InvertedResidual)
        if not block.folded or torch.compiler.is_compiling():
            return block(_relu(self.stem(x)))  # type: ignore[no-any-return]
        conv = self.stem.conv

        def rows(first: int, last: int) -> Tensor:
            shown = x[:, :, max(0, 2 * first - 1) : 2 * last]
            padded = F.pad(shown, (1, 0, 0 if first else 1, 0))
            return _relu(F.conv2d(padded, conv.weight, conv.bias, 2))

        batch, _, height, width = x.shape
        return block.in_strips(rows, (batch, conv.out_channels, height // 2, width // 2))


def _relu(x: Tensor) -> Tensor:
    return F.relu(x, inplace=True)
