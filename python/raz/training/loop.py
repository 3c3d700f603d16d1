"""The training loop: crops in, weights out, resumable at any moment."""

from __future__ import annotations

import json
import logging
import math
import statistics
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from raz.data.mix import SyntheticScenes, TrainingMix
from raz.data.sample import Sample, Subset
from raz.data.shanghaitech import ShanghaiTech
from raz.data.splits import holdout
from raz.losses import raznet_losses
from raz.models import get_model, load_backbone
from raz.models.raznet import RAZNet
from raz.training.checkpoint import load_checkpoint, save_checkpoint
from raz.training.config import TrainingConfig
from raz.training.ema import ExponentialMovingAverage

_log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 120.0
LOG_STEPS = 20
_MEDIAN_OF = 100


def train(config: TrainingConfig) -> RAZNet:
    """Train a model and return it with its averaged weights, in eval mode.

    All three branches are trained at once. ``output/last.pt`` holds the whole state: calling
    again with the same configuration continues from it. ``output/log.jsonl`` gets a line every
    20 steps.

    Raises:
        InputError: a picture or its points cannot be read.
        WeightsError: the backbone's file cannot be read or does not fit.
        FloatingPointError: the loss is no longer finite; the message names step and pictures.
    """
    output = Path(config.output)
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model = get_model(config.model, weights=None)
    if config.backbone is not None:
        load_backbone(model, config.backbone)
    model.train().to(config.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    run = _Run(model, config)
    state = load_checkpoint(output / "last.pt")
    if state is not None:
        run.load_state_dict(state)
        _log.info("continuing from step %d, %.1f minutes in", run.step, run.seconds / 60)
    if run.progress < 1:
        run.fit(output)
    model.load_state_dict(run.ema.mean)
    return model.eval()


def training_mix(config: TrainingConfig) -> TrainingMix:
    """Return the stream of crops: part A, part B, rendered scenes; held-out pictures left out."""
    parts: list[tuple[Any, float, tuple[float, float]]] = []
    photographs = (
        (ShanghaiTech(config.data, "A"), config.share_a, config.scale_a),
        (ShanghaiTech(config.data, "B"), config.share_b, config.scale_b),
    )
    for pictures, share, scale in photographs:
        if share > 0:
            parts.append((Subset(pictures, holdout(pictures.names).train), share, scale))
    if config.share_synthetic > 0:
        scenes = SyntheticScenes(
            config.synthetic_scenes, config.seed, share_empty=0.15, share_texture=0.2
        )
        parts.append((scenes, config.share_synthetic, (0.75, 1.5)))
    return TrainingMix(parts, config.crop_size, config.zoom_share, config.seed)


class _Run:
    """The state of a run: everything that a checkpoint holds."""

    def __init__(self, model: RAZNet, config: TrainingConfig) -> None:
        self.model = model
        self.config = config
        self.ema = ExponentialMovingAverage(model, config.ema)
        self.optimizer = torch.optim.AdamW(parameter_groups(model, config))
        self.norms: deque[float] = deque(maxlen=_MEDIAN_OF)
        self.step = 0
        self.seconds = 0.0

    @property
    def progress(self) -> float:
        return min(1.0, self.seconds / (60 * self.config.minutes))

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "norms": list(self.norms),
            "step": self.step,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.norms.extend(state["norms"])
        self.step, self.seconds = state["step"], state["seconds"]

    def fit(self, output: Path) -> None:
        """Step until the time is used up."""
        batches = crop_batches(training_mix(self.config), self.config, self.step)
        means: dict[str, float] = {}
        saved = clock = time.monotonic()
        with (output / "log.jsonl").open("a") as log:
            while self.progress < 1:
                losses = self.train_step(*next(batches))
                now = time.monotonic()
                self.seconds, clock = self.seconds + now - clock, now
                for name, value in losses.items():
                    means[name] = means.get(name, 0.0) + value / LOG_STEPS
                if self.step % LOG_STEPS == 0:
                    line = {"step": self.step, "minutes": round(self.seconds / 60, 2), **means}
                    log.write(json.dumps(line) + "\n")
                    log.flush()
                    _log.info("%s", "  ".join(f"{k} {v:.4g}" for k, v in line.items()))
                    means = {}
                if now - saved > CHECKPOINT_SECONDS:
                    save_checkpoint(output / "last.pt", self.state_dict())
                    saved = now
        save_checkpoint(output / "last.pt", self.state_dict())

    def train_step(
        self, images: Tensor, points: list[Tensor], names: list[str]
    ) -> dict[str, float]:
        """One update; returns the values of the losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * learning_rate_factor(self.progress, self.config.warmup)
        device = self.config.torch_device
        x = images.to(device, memory_format=torch.channels_last).float().div_(255)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.config.bfloat16):
            outputs = self.model(x)
        targets = [{"points": p} for p in points]
        size = (images.shape[-2], images.shape[-1])
        losses = raznet_losses(outputs, targets, size, self.config.losses)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise FloatingPointError(f"loss {total.item()} at step {self.step} on {names}")
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = self.clip_gradients()
        self.optimizer.step()
        self.ema.update(self.model)
        self.step += 1
        return {name: float(value.detach()) for name, value in losses.items()} | {"norm": norm}

    def clip_gradients(self) -> float:
        """Clip at a multiple of the usual norm: summed losses have no natural limit."""
        limit = self.config.clip * statistics.median(self.norms) if self.norms else math.inf
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), limit))
        self.norms.append(norm)
        return norm


def parameter_groups(model: RAZNet, config: TrainingConfig) -> list[dict[str, Any]]:
    """Split parameters by learning rate (trunk or branch) and weight decay (none on vectors)."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        key = name.startswith("backbone."), parameter.ndim > 1
        groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": 0.0,
            "peak_lr": config.backbone_learning_rate if in_backbone else config.learning_rate,
            "weight_decay": config.weight_decay if decays else 0.0,
        }
        for (in_backbone, decays), parameters in groups.items()
    ]


def learning_rate_factor(progress: float, warmup: float) -> float:
    """Rise linearly for the share ``warmup`` of a run, then fall along a cosine to 1 %."""
    if progress < warmup:
        return max(progress / warmup, 0.01)
    past = (progress - warmup) / (1 - warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * past))


def crop_batches(
    mix: TrainingMix, config: TrainingConfig, first_step: int
) -> Iterator[tuple[Tensor, list[Tensor], list[str]]]:
    """Yield (uint8 images [B, 3, S, S], points of each, names) from a step on, without end."""
    start = first_step * config.batch_size
    loader: DataLoader[Any] = DataLoader(
        mix,  # type: ignore[arg-type]
        batch_size=config.batch_size,
        sampler=range(start, 2**62),
        num_workers=config.workers,
        collate_fn=_collate,
        prefetch_factor=4 if config.workers else None,
        persistent_workers=config.workers > 0,
    )
    yield from loader


def _collate(samples: list[Sample]) -> tuple[Tensor, list[Tensor], list[str]]:
    # Copies: samples may be read-only views of the cache.
    images = torch.stack([torch.tensor(s.image).permute(2, 0, 1) for s in samples])
    points = [torch.tensor(s.points) for s in samples]
    return images, points, [s.name for s in samples]
