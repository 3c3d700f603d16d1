"""The running mean of the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """Keep ``mean = decay * mean + (1 - decay) * weights`` of all float parameters and buffers.

    The decay rises to its value: after n updates it is at most (1 + n) / (10 + n), so the random
    beginning is forgotten. Integer buffers are copied.

    Args:
        model: whose weights are the first mean.
        decay: in [0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; it must be in [0, 1)")
        self.decay = decay
        self.updates = 0
        self.mean = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Add the model's present weights to the mean."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        means, values = [], []
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                means.append(self.mean[name])
                values.append(value)
            else:
                self.mean[name].copy_(value)
        torch._foreach_lerp_(means, values, 1 - decay)

    def state_dict(self) -> dict[str, object]:
        """Return the state for a checkpoint."""
        return {"updates": self.updates, "mean": self.mean}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Continue from a checkpoint's state."""
        updates, mean = state["updates"], state["mean"]
        assert isinstance(updates, int)
        assert isinstance(mean, dict)
        self.updates = updates
        for name, value in mean.items():
            assert isinstance(value, Tensor)
            self.mean[name].copy_(value)
