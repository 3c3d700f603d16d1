"""The weighted sum of losses that a RAZ-Net is trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from raz.losses.attention import attention_bce, attention_mse
from raz.losses.bayes import bayes
from raz.losses.counting import block_mae, block_poisson, count_l1, density_mse
from raz.losses.localization import consistency, point_bce, point_dice, point_focal
from raz.losses.targets import inside, target_maps
from raz.losses.transport import dm_ot, dm_tv
from raz.losses.weights import LossWeights
from raz.losses.zero_inflated_poisson import zero_inflated_poisson

Terms = dict[str, Callable[[], Tensor]]

_MAP_OF = {
    "density_mse": "density",
    "block_mae": "density",
    "block_poisson": "dots",
    "count_l1": "density",
    "dm_tv": "dots",
    "zip": "dots",
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
    """Compute the weighted losses of the branches; training minimises their sum.

    Only the targets of terms that are on are computed. Everything is float32, whatever the dtype
    of the outputs.

    Args:
        outputs: ``"localization"`` logits [B, H, W], ``"density"`` and ``"attention"`` [B, h, w];
            for ``zip`` also ``"empty"`` [B, ceil(h/2), ceil(w/2)], which some nets return in
            training mode. Localization and attention may be absent.
        targets: one mapping per image with ``"points"``, [N, 2] in pixels.
        size: (H, W) of the images.
        weights: None for the defaults.

    Returns:
        ``"density"``, ``"localization"``, ``"attention"``: scalars, 0 for a branch that is off;
        those of absent outputs are absent too.

    Raises:
        ValueError: there is no target, the points of one are not [N, 2], or ``zip`` is on for a
            net without ``"empty"``.

    Example:
        >>> import torch
        >>> outputs = {"density": torch.full((1, 4, 4), 0.25)}
        >>> raznet_losses(outputs, [{"points": torch.tensor([[16.0, 16.0]])}], (32, 32))
        {'density': tensor(8.2500)}
    """
    weights = weights or LossWeights()
    on = weights.terms()
    if "zip" in on and "empty" not in outputs:
        raise ValueError("zip is on; outputs must hold 'empty', which this net does not return")
    density = outputs["density"]
    points = [target["points"] for target in targets]
    heads = [p[inside(p, size)] for p in points] if on.keys() & {"dm_ot", "bayes"} else []
    branches: dict[str, Terms] = {
        "density": {
            "density_mse": lambda: density_mse(
                density, maps["density"], per=weights.density_mse_per
            ),
            "block_mae": lambda: block_mae(density, maps["density"]),
            "block_poisson": lambda: block_poisson(density, maps["dots"]),
            "count_l1": lambda: count_l1(density, maps["density"]),
            "dm_ot": lambda: dm_ot(density, heads),
            "dm_tv": lambda: dm_tv(density, maps["dots"]),
            "bayes": lambda: bayes(
                density, heads, sigma=weights.bayes_sigma, background=weights.bayes_background
            ),
            "zip": lambda: zero_inflated_poisson(density, outputs["empty"], maps["dots"]),
        },
        "localization": {
            "point_bce": lambda: point_bce(
                outputs["localization"],
                maps["localization"],
                gamma=weights.gamma,
                per=weights.point_bce_per,
            ),
            "point_focal": lambda: point_focal(outputs["localization"], maps["heat"]),
            "point_dice": lambda: point_dice(outputs["localization"], maps["localization"]),
            "consistency": lambda: consistency(outputs["localization"], density),
        },
        "attention": {
            "attention_mse": lambda: attention_mse(outputs["attention"], maps["attention"]),
            "attention_bce": lambda: attention_bce(outputs["attention"], maps["attention"]),
        },
    }
    branches = {branch: terms for branch, terms in branches.items() if branch in outputs}
    wanted = {term for terms in branches.values() for term in terms if term in on}
    maps = target_maps(
        points,
        size,
        weights.sigma,
        density.device,
        names={_MAP_OF[term] for term in wanted if term in _MAP_OF},
        heat_sigma=weights.heat_sigma,
    )
    nothing = density.new_zeros(()).float()
    return {
        branch: sum((on[term] * terms[term]() for term in terms if term in wanted), nothing)
        for branch, terms in branches.items()
    }
