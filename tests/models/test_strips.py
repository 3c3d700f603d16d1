from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from raz.models import strips
from raz.models.strips import in_strips


def block(kernel: int, stride: int) -> tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]:
    """Convolutions that widen, filter and narrow, in float64: no rounding hides an error."""
    torch.manual_seed(0)
    return (
        nn.Conv2d(2, 6, 1).double(),
        nn.Conv2d(6, 6, kernel, stride, groups=6).double(),
        nn.Conv2d(6, 3, 1).double(),
    )


@given(
    batch=st.integers(1, 2),
    height=st.integers(1, 24),
    width=st.integers(1, 9),
    kernel=st.sampled_from([3, 5]),
    stride=st.sampled_from([1, 2]),
    uneven=st.booleans(),
    rows=st.integers(1, 30),
    layout=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_strips_equal_the_whole(batch, height, width, kernel, stride, uneven, rows, layout) -> None:
    """Of any height and number: every border, every offset, every remainder."""
    widening, filtering, narrowing = block(kernel, stride)
    total = kernel - stride if uneven else 2 * (kernel // 2)
    padding = (total // 2, total - total // 2)
    if min(height, width) + total < kernel:
        return
    x = torch.rand(batch, 2, height, width, dtype=torch.float64).contiguous(memory_format=layout)
    expected = narrowing(filtering(F.pad(F.relu(widening(x)), (*padding, *padding))))
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "STRIP_BYTES", rows * batch * 6 * width * 8)
        found = in_strips(
            lambda first, last: F.relu(widening(x[:, :, first:last])),
            (batch, height, width),
            filtering,
            narrowing,
            padding,
        )
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)


def test_no_strip_holds_more_than_it_may() -> None:
    """The widened activations of a strip, and the rows that its neighbours need, too."""
    widening, filtering, narrowing = block(3, 1)
    heights = []

    def widened(first: int, last: int) -> torch.Tensor:
        heights.append(last - first)
        return widening(x[:, :, first:last])

    x = torch.rand(1, 2, 40, 16, dtype=torch.float64)
    row = 6 * 16 * 8
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "STRIP_BYTES", 8 * row)
        in_strips(widened, (1, 40, 16), filtering, narrowing, (1, 1))
    assert len(heights) == 5
    assert max(heights) == 8 + 2
