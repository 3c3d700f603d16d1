"""Connected components of a graph given by its edges."""

from __future__ import annotations

import torch
from torch import Tensor


def smallest_index(count: int, a: Tensor, b: Tensor) -> Tensor:
    """Label each of ``count`` nodes with the smallest node of its component.

    ``a`` and ``b`` (int64, of one length) are the ends of the edges. Every round hooks the larger
    label of an edge to the smaller one and then follows labels to their end, so long chains take
    few rounds.
    """
    label = torch.arange(count, device=a.device)
    while True:
        ends = label[a], label[b]
        low, high = torch.minimum(*ends), torch.maximum(*ends)
        if torch.equal(low, high):
            return label
        label = label.scatter_reduce(0, high, low, "amin")
        while not torch.equal(followed := label[label], label):
            label = followed
