"""The losses of a training and their weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

_PARAMETERS = ("gamma", "sigma", "heat_sigma", "bayes_sigma", "bayes_background")
_CHOICES = {"density_mse_per": ("image", "cell"), "point_bce_per": ("head", "pixel")}


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of :func:`raznet_losses`, 0 for off, and their parameters.

    Each term but ``zip`` is the function of that name in :mod:`raz.losses`, where its formula, unit
    and source are given. The paper's own: ``LossWeights(density_mse=1.0, block_mae=0.0,
    count_l1=0.0, point_bce_per="pixel")``; it prints neither weights nor how its counting loss is
    normalised.

    Args:
        density_mse: squared error of the density map.
        block_mae: absolute error of the density in blocks of 8, 16 and 32 pixels.
        block_poisson: Poisson likelihood of the heads in the same blocks, whose minimum is the
            mean, not the median.
        count_l1: absolute error of the whole count.
        dm_ot: transport of the density to the heads; 0.1 in DM-Count, beside ``count_l1=1``.
        dm_tv: total variation between density and heads; 0.01 in DM-Count.
        bayes: error of the expected count of every head.
        zip: :func:`zero_inflated_poisson`, for nets that return ``"empty"`` (``raznet_lite``).
        point_bce: eq. 3, on the cross of every head.
        point_focal: focal loss on a heat map.
        point_dice: overlap with the crosses, from 0 to 1 per image.
        consistency: difference between counted peaks and counted density; moves the peaks.
        attention_mse: squared error of the attention map, as in the paper.
        attention_bce: cross-entropy of the attention map.
        gamma: weight of marked pixels in eq. 3. The paper uses 100.
        sigma: of the density target in pixels, or "adaptive" (Zhang et al., CVPR 2016).
        density_mse_per: sum over the cells of an "image", or mean over every "cell".
        point_bce_per: sum over an image in units of one "head", or mean over every "pixel", which
            is eq. 3 as printed.
        heat_sigma: of the heat map of ``point_focal``, pixels.
        bayes_sigma: of a head's surroundings in ``bayes``, pixels.
        bayes_background: distance of the background in ``bayes``, a share of the shorter side.

    Raises:
        ValueError: a weight is negative or not finite, or a parameter is out of its range.

    Example:
        >>> LossWeights(count_l1=0.0, dm_ot=0.1).terms()
        {'block_mae': 1.0, 'dm_ot': 0.1, 'point_bce': 1.0, 'attention_mse': 0.25}
        >>> LossWeights(gamma=0)
        Traceback (most recent call last):
        ValueError: gamma is 0; it must be positive
    """

    density_mse: float = 0.0
    block_mae: float = 1.0
    block_poisson: float = 0.0
    count_l1: float = 1.0
    dm_ot: float = 0.0
    dm_tv: float = 0.0
    bayes: float = 0.0
    zip: float = 0.0
    point_bce: float = 1.0
    point_focal: float = 0.0
    point_dice: float = 0.0
    consistency: float = 0.0
    attention_mse: float = 0.25
    attention_bce: float = 0.0
    gamma: float = 100.0
    sigma: float | Literal["adaptive"] = 8.0
    density_mse_per: Literal["image", "cell"] = "image"
    point_bce_per: Literal["head", "pixel"] = "head"
    heat_sigma: float = 2.0
    bayes_sigma: float = 8.0
    bayes_background: float = 1.0

    def terms(self) -> dict[str, float]:
        """Return the terms that are on, with their weights."""
        names = [field.name for field in fields(self)]
        values = {name: getattr(self, name) for name in names if _is_weight(name)}
        return {name: value for name, value in values.items() if value}

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if name in _CHOICES:
                if value not in _CHOICES[name]:
                    choices = " or ".join(repr(choice) for choice in _CHOICES[name])
                    raise ValueError(f"{name} is {value!r}; it must be {choices}")
            elif name == "sigma" and value == "adaptive":
                continue
            elif not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"{name} is {value!r}; it must be a finite number")
            elif _is_weight(name) and value < 0:
                raise ValueError(f"{name} is {value}; it must be at least 0 (0 turns it off)")
            elif not _is_weight(name) and value <= 0:
                raise ValueError(f"{name} is {value}; it must be positive")


def _is_weight(name: str) -> bool:
    return name not in _PARAMETERS and name not in _CHOICES
