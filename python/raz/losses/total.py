"""The weighted sum of losses that a RAZ-Net is trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from raz.losses.attention import attention_bce, attention_mse
from raz.losses.bayes import bayes
from raz.losses.counting import block_mae, count_l1, density_mse
from raz.losses.localization import consistency, point_bce, point_dice, point_focal
from raz.losses.targets import inside, target_maps
from raz.losses.transport import dm_ot, dm_tv
from raz.losses.weights import LossWeights

Terms = dict[str, Callable[[], Tensor]]

_MAP_OF = {
    "density_mse": "density",
    "block_mae": "density",
    "count_l1": "density",
    "dm_tv": "dots",
    "point_bce": "localization",
    "point_focal": "heat",
    "point_dice": "localization",
    "attention_mse": "attention",
    "attention_bce": "attention",
}
"""The target that a term needs; terms that are not listed need none."""


def raznet_losses(
    outputs: Mapping[str, Tensor],
    targets: Sequence[Mapping[str, Tensor]],
    size: tuple[int, int],
    weights: LossWeights | None = None,
) -> dict[str, Tensor]:
    """Losses of the three branches, already weighted: their sum is what is trained on.

    Only the targets of terms that are on are computed. Everything is float32, whatever the dtype
    of the outputs.

    Args:
        outputs: ``"localization"`` logits [B, H, W], ``"density"`` and ``"attention"`` [B, h, w].
        targets: one mapping per image with ``"points"``, [N, 2] in pixels.
        size: (H, W) of the images.
        weights: None for the defaults.

    Returns:
        ``"density"``, ``"localization"``, ``"attention"``: scalars, 0 for a branch that is off.

    Raises:
        ValueError: there is no target, or the points of one are not [N, 2].
    """
    weights = weights or LossWeights()
    on = weights.terms()
    logits, density, attention = (outputs[k] for k in ("localization", "density", "attention"))
    points = [target["points"] for target in targets]
    maps = target_maps(
        points,
        size,
        weights.sigma,
        density.device,
        names={_MAP_OF[term] for term in on if term in _MAP_OF},
        heat_sigma=weights.heat_sigma,
    )
    heads = [p[inside(p, size)] for p in points] if on.keys() & {"dm_ot", "bayes"} else []
    branches: dict[str, Terms] = {
        "density": {
            "density_mse": lambda: density_mse(
                density, maps["density"], per=weights.density_mse_per
            ),
            "block_mae": lambda: block_mae(density, maps["density"]),
            "count_l1": lambda: count_l1(density, maps["density"]),
            "dm_ot": lambda: dm_ot(density, heads),
            "dm_tv": lambda: dm_tv(density, maps["dots"]),
            "bayes": lambda: bayes(
                density, heads, sigma=weights.bayes_sigma, background=weights.bayes_background
            ),
        },
        "localization": {
            "point_bce": lambda: point_bce(
                logits, maps["localization"], gamma=weights.gamma, per=weights.point_bce_per
            ),
            "point_focal": lambda: point_focal(logits, maps["heat"]),
            "point_dice": lambda: point_dice(logits, maps["localization"]),
            "consistency": lambda: consistency(logits, density),
        },
        "attention": {
            "attention_mse": lambda: attention_mse(attention, maps["attention"]),
            "attention_bce": lambda: attention_bce(attention, maps["attention"]),
        },
    }
    nothing = density.new_zeros(()).float()
    return {
        branch: sum((on[term] * terms[term]() for term in terms if term in on), nothing)
        for branch, terms in branches.items()
    }
