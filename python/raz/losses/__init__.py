"""The losses of RAZ-Net's three branches, their targets and their sum.

Losses are plain functions, one module per family. The counting and localization losses that this
library adds (marked as ours) are sums over an image, so one person weighs the same whatever the
size of the image.
"""

from raz.losses.attention import attention_bce, attention_mse
from raz.losses.bayes import bayes
from raz.losses.counting import block_mae, block_poisson, count_l1, density_mse
from raz.losses.localization import (
    consistency,
    localization_loss,
    point_bce,
    point_dice,
    point_focal,
)
from raz.losses.targets import CROSS_PIXELS, STRIDE, cell_counts, heat_map, target_maps
from raz.losses.total import raznet_losses
from raz.losses.transport import dm_ot, dm_tv
from raz.losses.weights import LossWeights
from raz.losses.zero_inflated_poisson import zero_inflated_poisson

__all__ = [
    "CROSS_PIXELS",
    "STRIDE",
    "LossWeights",
    "attention_bce",
    "attention_mse",
    "bayes",
    "block_mae",
    "block_poisson",
    "cell_counts",
    "consistency",
    "count_l1",
    "density_mse",
    "dm_ot",
    "dm_tv",
    "heat_map",
    "localization_loss",
    "point_bce",
    "point_dice",
    "point_focal",
    "raznet_losses",
    "target_maps",
    "zero_inflated_poisson",
]
