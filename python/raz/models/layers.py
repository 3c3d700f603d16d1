"""Convolution and batch normalisation, as one operation wherever the statistics are fixed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def conv_norm(x: Tensor, conv: nn.Conv2d, norm: nn.BatchNorm2d | nn.Identity) -> Tensor:
    """``norm(conv(x))``, folded into one convolution when the normalisation's statistics are fixed.

    Folding is exact up to rounding, stays differentiable in the convolution's weight and in the
    affine parameters of the normalisation, and saves two passes over the activations, which is
    most of the time of a mobile trunk on a CPU.

    Args:
        x: [B, C, H, W], any floating dtype.
        conv: A convolution without bias.
        norm: Its normalisation. In training mode it uses the batch's statistics, unfolded. After
            :func:`fold_norms` there is an identity in its place.
    """
    if _slow_in_bfloat16(x, conv):
        with torch.autocast("cpu", enabled=False):
            y = conv_norm(x.float(), conv, norm)
        return y.to(torch.get_autocast_dtype("cpu"))
    if isinstance(norm, nn.Identity):
        return _typed(conv(x))
    if norm.training or norm.running_mean is None or norm.running_var is None:
        return _typed(norm(conv(x)))
    dtype = conv.weight.dtype
    wide = torch.promote_types(dtype, torch.float32)
    scale = norm.weight.to(wide) * torch.rsqrt(norm.running_var.to(wide) + norm.eps)
    shift = (norm.bias - norm.running_mean.to(wide) * scale).to(dtype)
    weight = (conv.weight * scale[:, None, None, None]).to(dtype)
    return F.conv2d(x, weight, shift, conv.stride, conv.padding, conv.dilation, conv.groups)


def fold_norms(module: nn.Module) -> None:
    """Fold every normalisation in ``module``, in place, into the convolution before it.

    What :func:`conv_norm` does in each call is done once: fewer operations in an exported graph.
    The net can be trained no more, and its ``state_dict`` is another.

    Args:
        module: In evaluation mode, normalisations each registered right after their convolution.
            A part whose normalisation follows more than one has a method ``fold_norm()``, which
            folds its own.
    """
    for part in list(module.modules()):
        if callable(own := getattr(part, "fold_norm", None)):
            own()
            continue
        before = None
        for name, child in list(part.named_children()):
            if isinstance(child, nn.BatchNorm2d) and isinstance(before, tuple):
                setattr(part, before[0], fuse_conv_bn_eval(before[1], child))
                setattr(part, name, nn.Identity())
            before = (name, child) if isinstance(child, nn.Conv2d) else None


class ConvNormReLU(nn.Module):
    """Convolution, batch normalisation, ReLU: [B, in, H, W] to [B, out, H, W].

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd side of the kernel.
        dilation: Distance between the kernel's taps, in cells.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel_size: int = 3, dilation: int = 1
    ) -> None:
        super().__init__()
        padding = dilation * (kernel_size // 2)
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, padding=padding, dilation=dilation, bias=False
        )
        self.norm: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(out_channels)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(conv_norm(x, self.conv, self.norm), inplace=True)


def _slow_in_bfloat16(x: Tensor, conv: nn.Conv2d) -> bool:
    """Whether autocast would make a convolution slower than float32 does.

    On the CPU, the gradient of a depthwise convolution's input at strides above 1 takes twenty
    times as long in bfloat16 as in float32 (oneDNN 3, AVX512-BF16 and AMX).
    """
    return (
        x.device.type == "cpu"
        and conv.groups > 1
        and conv.stride != (1, 1)
        and x.requires_grad
        and torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def _typed(x: object) -> Tensor:
    assert isinstance(x, Tensor)
    return x
