"""What a training run is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from raz.losses import LossWeights
from raz.models import list_models


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run. All are ours: the paper prints a learning rate and little more.

    Args:
        data: folder of ShanghaiTech, with part_A and part_B.
        output: folder for checkpoints, the log and the weights.
        model: name of the architecture.
        backbone: safetensors file of the ImageNet trunk, or None for random initialisation.
        minutes: length of the run; the learning rate follows a cosine over this time.
        batch_size: crops per step.
        crop_size: side of a crop in pixels, a multiple of 32.
        zoom_share: share of crops enlarged by exactly 2, which is what depth 2 sees.
        scale_a: range of window side / crop side for part A: above 1 shrinks people.
        scale_b: the same for part B.
        share_a: weight of part A in the mix of crops.
        share_b: weight of part B.
        share_synthetic: weight of rendered scenes; a third of them hold nobody.
        synthetic_scenes: how many different scenes are rendered.
        learning_rate: of the branches.
        backbone_learning_rate: of the ImageNet trunk.
        weight_decay: of convolution weights; none on biases and normalisation.
        warmup: share of the run in which the learning rate rises to its value.
        ema: decay of the running mean of weights, which is what is kept in the end.
        clip: gradients are clipped at this multiple of the running median of their norm.
        bfloat16: run the net in bfloat16 (losses stay in float32).
        device: "auto" is CUDA where it is available, else the CPU.
        workers: processes that make crops; 0 makes them in the training process.
        seed: of initialisation and crops.
        losses: weights of the loss terms. Gamma is 20 here: the paper's 100 buys recall with
            probabilities that say little.

    Raises:
        ValueError: there is no such model, or a number is out of its range.
    """

    data: str
    output: str
    model: str = "raznet_lite"
    backbone: str | None = None
    minutes: float = 60.0
    batch_size: int = 8
    crop_size: int = 384
    zoom_share: float = 0.25
    scale_a: tuple[float, float] = (0.75, 2.0)
    scale_b: tuple[float, float] = (0.75, 2.5)
    share_a: float = 0.45
    share_b: float = 0.35
    share_synthetic: float = 0.2
    synthetic_scenes: int = 120
    learning_rate: float = 1e-3
    backbone_learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    warmup: float = 0.03
    ema: float = 0.999
    clip: float = 3.0
    bfloat16: bool = True
    device: str = "auto"
    workers: int = 1
    seed: int = 0
    losses: LossWeights = field(default_factory=lambda: LossWeights(gamma=20.0))

    @property
    def torch_device(self) -> torch.device:
        """Where the net runs."""
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return torch.device(self.device)

    def __post_init__(self) -> None:
        if self.model not in list_models():
            known = ", ".join(list_models())
            raise ValueError(f"model is {self.model!r}; it must be one of {known}")
        if self.minutes <= 0:
            raise ValueError(f"minutes is {self.minutes}; it must be positive")
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}; it must be at least 1")
        if self.crop_size < 32 or self.crop_size % 32:
            raise ValueError(f"crop_size is {self.crop_size}; it must be a multiple of 32")
