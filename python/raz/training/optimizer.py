"""The optimizer: groups of parameters, Adam and AdamW, clipping of gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from raz.training.config import Optimizer
from raz.training.resumed import StateError

_MEDIAN_OF = 100


def parameter_groups(model: nn.Module, settings: Optimizer) -> list[dict[str, Any]]:
    """Group trainable parameters by learning rate (backbone or not) and decay (none on vectors)."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = name.startswith("backbone."), parameter.ndim > 1
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": 0.0,
            "peak_lr": settings.backbone_learning_rate if in_backbone else settings.learning_rate,
            "weight_decay": settings.weight_decay if decays else 0.0,
        }
        for (in_backbone, decays), parameters in groups.items()
    ]


def make_optimizer(model: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """Return Adam or AdamW over the trainable parameters of a model. Its learning rates are 0."""
    groups = parameter_groups(model, settings)
    fused = groups[0]["params"][0].device.type in ("cpu", "cuda")
    if settings.name == "adam":
        return torch.optim.Adam(groups, fused=fused)
    return torch.optim.AdamW(groups, fused=fused)


class GradientClipping:
    """Clip gradients at a multiple of their usual norm, since summed losses have no natural limit.

    The usual norm is the lower median of the last 100 norms. The first gradient passes unchanged.
    Nothing is copied from the device, so a GPU is not waited for.

    Args:
        multiple: of the usual norm.
        device: on which the gradients are.
    """

    def __init__(self, multiple: float, device: torch.device) -> None:
        self.multiple = multiple
        self.norms = torch.full((_MEDIAN_OF,), torch.nan, device=device)
        self.count = 0

    def clip(self, parameters: Iterable[nn.Parameter]) -> Tensor:
        """Scale gradients that are too long, in place; return their norm before that."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients).float()
        limit = torch.nan_to_num(self.multiple * self.norms.nanmedian(), nan=torch.inf)
        torch._foreach_mul_(gradients, (limit / norm.clamp(min=1e-12)).clamp(max=1.0))
        self.norms[self.count % _MEDIAN_OF] = norm
        self.count += 1
        return norm

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"norms": self.norms, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint's state.

        Raises:
            StateError: it holds what are no norms.
        """
        norms = state["norms"]
        if norms.shape != self.norms.shape or bool((norms < 0).any()):
            raise StateError(f"clipping: norms are not {len(self.norms)} numbers, at least 0")
        self.norms.copy_(norms)
        self.count = state["count"]
