"""What a stage trains: its modules, their modes and its losses."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from raz.devices import has_fast_bfloat16
from raz.losses import raznet_losses
from raz.models.raznet import RAZNet
from raz.training.clock import StepClock
from raz.training.config import Stage, TrainingConfig

TRUNK = ("backbone", "neck")
BRANCHES = ("counting", "localization", "proposal")

_LOSS_OF = {"localization": "localization", "attention": "proposal"}
"""The branch of a loss; every other loss is the counting branch's."""

_Norm = nn.modules.batchnorm._BatchNorm


def trained_modules(stage: Stage) -> tuple[str, ...]:
    """Return the names of the net's modules that a stage trains."""
    together = stage.kind in ("joint", "zoom")
    branches = BRANCHES if together else (stage.kind,)
    trunk = stage.kind in ("counting", "joint", "zoom") if stage.trunk is None else stage.trunk
    return (*TRUNK, *branches) if trunk else branches


def prepare(model: RAZNet, stage: Stage, norm: str) -> None:
    """Set for a stage which parameters of a net need gradients, and the mode of every module.

    Modules that the stage does not train run in evaluation mode, so their statistics stay too.

    Args:
        model: changed in place.
        stage: to prepare for.
        norm: see ``TrainingConfig.chosen_norm``.
    """
    trained = trained_modules(stage)
    model.train()
    for name in (*TRUNK, *BRANCHES):
        module = getattr(model, name)
        module.requires_grad_(name in trained)
        module.train(name in trained)
    if stage.frozen_stride:
        for layer in model.backbone.layers_up_to(stage.frozen_stride):  # type: ignore[operator]
            layer.requires_grad_(False)
            layer.eval()
    if norm == "frozen":
        for module in model.modules():
            if isinstance(module, _Norm):
                module.eval()


def synchronize_norms(model: nn.Module) -> None:
    """Let normalisations in training mode take their statistics over all processes, in place."""
    for name, child in model.named_children():
        if isinstance(child, nn.BatchNorm2d):
            if child.training:
                convert = nn.SyncBatchNorm.convert_sync_batchnorm
                setattr(model, name, convert(child))  # type: ignore[no-untyped-call]
        else:
            synchronize_norms(child)


class StageLosses(nn.Module):
    """From crops to the losses of a stage in one forward, so that DDP sees all of it.

    Args:
        model: prepared for the stage.
        config: of the training.
        stage: one of the configuration's.
        clock: told when the net and when the losses are done; of a zoom stage, which runs the net
            twice, both at once.
    """

    def __init__(
        self,
        model: RAZNet,
        config: TrainingConfig,
        stage: Stage,
        clock: StepClock | None = None,
    ) -> None:
        super().__init__()
        self.clock = clock or StepClock(runs=False)
        self.model = model
        self.config = config
        self.stage = stage
        # A plain attribute: as a module, the compiled net would hold every parameter once more.
        self.maps = torch.compile(model.maps) if config.compile else model.maps

    def forward(self, images: Tensor, points: Sequence[Tensor], seed: int) -> dict[str, Tensor]:
        """Compute the weighted losses of a batch.

        Args:
            images: [B, 3, S, S], float RGB in [0, 1].
            points: [N, 2] each, (x, y) in pixels.
            seed: of the regions of a zoom stage.

        Returns:
            Scalars by the name of the loss.
        """
        targets = [{"points": p} for p in points]
        enabled = self.config.bfloat16
        if enabled == "auto":
            enabled = has_fast_bfloat16(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=enabled):
            if self.stage.kind == "zoom":
                zoomed = self._zoom(images, targets, seed)
                self.clock.lap("forward")
                return zoomed
            outputs = self.maps(images, counting_alone=self.stage.kind == "counting")
        self.clock.lap("forward")
        size = (images.shape[-2], images.shape[-1])
        losses = raznet_losses(outputs, targets, size, self.config.losses)
        self.clock.lap("losses")
        return {name: loss for name, loss in losses.items() if self._counts(name)}

    def _zoom(
        self, images: Tensor, targets: Sequence[Mapping[str, Tensor]], seed: int
    ) -> dict[str, Tensor]:
        from raz.training.zoom_stage import zoom_losses

        losses = zoom_losses(
            self.model,
            images,
            targets,
            self.config.losses,
            max_regions=self.stage.max_regions,
            seed=seed,
        )
        weights = {True: self.stage.zoom_weight, False: 1.0}
        return {name: weights[name.startswith("zoom_")] * loss for name, loss in losses.items()}

    def _counts(self, name: str) -> bool:
        return self.stage.kind in ("joint", _LOSS_OF.get(name, "counting"))


def has_idle_parameters(losses: StageLosses, device: torch.device) -> bool:
    """Whether the losses leave a trainable parameter without a gradient.

    Such is a head that no loss reads. DDP has to look for such parameters in every step.
    """
    twin = StageLosses(copy.deepcopy(losses.model), losses.config, losses.stage)
    twin.maps = twin.model.maps
    points = torch.tensor([[32.0, 32.0], [33.0, 33.0]])
    terms = twin(torch.zeros(2, 3, 64, 64, device=device), [points, points], 0)
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    return any(p.grad is None for p in twin.parameters() if p.requires_grad)
