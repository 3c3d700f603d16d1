"""EfficientNet-Lite0 (Tan & Le, ICML 2019; Lite variant by the same authors) up to stride 16."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raz.models.layers import conv_norm
from raz.models.strips import Widened, in_strips

NORM_EPSILON = 1e-3
"""Added to the variance by every normalisation of the published net (not PyTorch's 1e-5)."""

NORM_MOMENTUM = 0.01
"""Weight of a new batch in the running statistics, where they are not frozen."""


class BlockSettings(NamedTuple):
    """One inverted residual block: channels, expansion ratio, kernel side and stride."""

    in_channels: int
    out_channels: int
    expansion: int
    kernel_size: int
    stride: int


BLOCKS: tuple[BlockSettings, ...] = (
    BlockSettings(32, 16, 1, 3, 1),
    BlockSettings(16, 24, 6, 3, 2),
    BlockSettings(24, 24, 6, 3, 1),
    BlockSettings(24, 40, 6, 5, 2),
    BlockSettings(40, 40, 6, 5, 1),
    BlockSettings(40, 80, 6, 3, 2),
    BlockSettings(80, 80, 6, 3, 1),
    BlockSettings(80, 80, 6, 3, 1),
    BlockSettings(80, 112, 6, 5, 1),
    BlockSettings(112, 112, 6, 5, 1),
    BlockSettings(112, 112, 6, 5, 1),
)
"""Blocks 0 to 10. Five more at stride 32 are left out: a crowd's small heads do not need them."""


class InvertedResidual(nn.Module):
    """Widen by a 1x1 convolution, filter each channel, narrow; add the input where sizes agree.

    [B, in, H, W] to [B, out, ceil(H / stride), ceil(W / stride)]. Parameter names are those of the
    published weights.
    """

    def __init__(self, settings: BlockSettings) -> None:
        super().__init__()
        width = settings.in_channels * settings.expansion
        self.residual = settings.stride == 1 and settings.in_channels == settings.out_channels
        self._expand_conv: nn.Conv2d | None = None
        self._bn0: nn.BatchNorm2d | nn.Identity | None = None
        if settings.expansion != 1:
            self._expand_conv = _convolution(settings.in_channels, width, 1, 1)
            self._bn0 = _norm(width)
        self._depthwise_conv = _convolution(
            width, width, settings.kernel_size, settings.stride, groups=width
        )
        self._bn1: nn.BatchNorm2d | nn.Identity = _norm(width)
        self._project_conv = _convolution(width, settings.out_channels, 1, 1)
        self._bn2 = _norm(settings.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        if self.folded and not torch.compiler.is_compiling():
            y = self.in_strips(lambda first, last: self._widened(x[:, :, first:last]), x.shape)
            return y.add_(x) if self.residual else y
        y = pad_as_tensorflow(self._widened(x), self._depthwise_conv)
        y = self._narrowed(conv_norm(y, self._depthwise_conv, self._bn1))
        return x + y if self.residual else y

    @property
    def folded(self) -> bool:
        """Whether its normalisations are folded, see `raz.models.layers.fold_norms`."""
        return isinstance(self._bn1, nn.Identity)

    def in_strips(self, widened: Widened, shape: Sequence[int]) -> Tensor:
        """Filter and narrow rows of the widened input [B, C, H, W], without what is added to it."""
        batch, _, height, width = shape
        conv = self._depthwise_conv
        return in_strips(widened, (batch, height, width), conv, self._narrowed, _padding(conv))

    def _widened(self, x: Tensor) -> Tensor:
        if self._expand_conv is None or self._bn0 is None:
            return x
        return F.relu6(conv_norm(x, self._expand_conv, self._bn0), inplace=True)

    def _narrowed(self, y: Tensor) -> Tensor:
        return conv_norm(F.relu6(y, inplace=True), self._project_conv, self._bn2)


class EfficientNetLite0(nn.Module):
    """Stem and blocks 0 to 10 of EfficientNet-Lite0.

    Maps an image [B, 3, H, W], H and W multiples of 16, to features at strides 2, 4, 8 and 16 with
    16, 24, 40 and 112 channels.

    The net expects RGB scaled to about [-1, 1]: from a colour in [0, 1], subtract :attr:`mean` and
    divide by :attr:`std`, which is (v - 127) / 128 on the scale of 0 to 255.

    Args:
        freeze_norm: Keep the normalisations at their stored statistics in training mode too, while
            their scale and shift still train. Small batches of crops are poor statistics.
    """

    channels: tuple[int, ...] = (16, 24, 40, 112)
    mean: tuple[float, float, float] = (127 / 255,) * 3
    std: tuple[float, float, float] = (128 / 255,) * 3

    @property
    def reach(self) -> int:
        """Pixels to the right or below a cell of stride 16 that it sees (to the left, fewer)."""
        reach, stride = 1, 2  # of the stem
        for block in BLOCKS:
            reach += stride * (block.kernel_size // 2)
            stride *= block.stride
        return reach

    def __init__(self, *, freeze_norm: bool = True) -> None:
        super().__init__()
        self.freeze_norm = freeze_norm
        self._conv_stem = _convolution(3, 32, 3, 2)
        self._bn0 = _norm(32)
        self._blocks = nn.ModuleList(InvertedResidual(settings) for settings in BLOCKS)
        self.train(self.training)

    def train(self, mode: bool = True) -> EfficientNetLite0:
        """As ``nn.Module.train``, but frozen normalisations stay in evaluation mode."""
        super().train(mode)
        if self.freeze_norm:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def layers_up_to(self, stride: int) -> list[nn.Module]:
        """The first layers: those whose outputs have at most this stride."""
        layers: list[nn.Module] = [self._conv_stem, self._bn0] if stride >= 2 else []
        reached = 2
        for settings, block in zip(BLOCKS, self._blocks, strict=True):
            reached *= settings.stride
            if reached <= stride:
                layers.append(block)
        return layers

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        first, *others = self._blocks
        assert isinstance(first, InvertedResidual)
        if first.folded and not torch.compiler.is_compiling():
            x = first.in_strips(lambda top, bottom: self._stem_rows(x, top, bottom), _halved(x))
        else:
            x = first(self._stem(pad_as_tensorflow(x, self._conv_stem)))
        features = [x]
        for index, block in enumerate(others, start=1):
            x = block(x)
            if index in _LAST_OF_STRIDE:
                features.append(x)
        return tuple(features)

    def _stem(self, x: Tensor) -> Tensor:
        return F.relu6(conv_norm(x, self._conv_stem, self._bn0), inplace=True)

    def _stem_rows(self, x: Tensor, first: int, last: int) -> Tensor:
        """Rows of the stem's output, so that it never is whole: the first block does not widen."""
        below = 1 if 2 * last == x.shape[-2] else 0
        return self._stem(F.pad(x[:, :, 2 * first : 2 * last + 1], (0, 1, 0, below)))


def _halved(x: Tensor) -> tuple[int, ...]:
    """Shape of the stem's output for an input of even sides."""
    return (x.shape[0], 32, x.shape[2] // 2, x.shape[3] // 2)


_LAST_OF_STRIDE = (0, 2, 4, 10)


def pad_as_tensorflow(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Zeros around ``x`` that a convolution of stride 2 needs where TensorFlow would pad it "same".

    At even sizes TensorFlow puts the odd zero at the right and bottom; PyTorch's own padding would
    shift the features by a pixel per stage. Convolutions of stride 1 pad themselves: ``x`` is
    returned. The amount does not depend on the size, so that the net can be exported for any size.

    Args:
        x: [B, C, H, W], H and W even.
        conv: A convolution of stride 1 or 2 with an odd square kernel.
    """
    if conv.stride[0] == 1:
        return x
    before, after = _padding(conv)
    return F.pad(x, (before, after, before, after))


def _padding(conv: nn.Conv2d) -> tuple[int, int]:
    """Zeros before and after each axis that TensorFlow's "same" gives a convolution, even sizes."""
    total = conv.kernel_size[0] - conv.stride[0]
    return total // 2, total - total // 2


def _convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int, *, groups: int = 1
) -> nn.Conv2d:
    padding = kernel_size // 2 if stride == 1 else 0
    conv = nn.Conv2d(
        in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False
    )
    # Fan-in keeps the scale of a depthwise output, where frozen statistics cannot correct it.
    nn.init.kaiming_normal_(conv.weight, mode="fan_in")
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)
