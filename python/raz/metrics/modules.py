"""The protocols as torchmetrics metrics: thin over the functions, exact under DDP.

Their states are tallies. What adds up is a sum state, in int64 or float64; protocols ranked by
score keep one row a prediction, and equal scores of different images then follow the order in
which the images were given, process after process. ``compute()`` returns the figures of the
function of the same protocol, flattened: row and name joined by an underscore ("sigma_l_f1"),
without the row where that is "all" ("mae"). The work is done on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

try:
    from torchmetrics import Metric
except ImportError as error:
    raise ImportError(
        "the metric classes of raz.metrics need torchmetrics: pip install raz[metrics] "
        "(the functions of raz.metrics work without it)"
    ) from error

from raz.metrics import coco, counting, fixed_radius, grid, mle, nap, nwpu, qnrf
from raz.metrics.arguments import images
from raz.metrics.table import flat_figures
from raz.metrics.tally import PER_PREDICTION, Figures, Tally, blank

__all__ = [
    "GAME",
    "MLE",
    "COCOPoints",
    "COCOPointsMacro",
    "CrowdCount",
    "FixedRadiusLocalization",
    "JHUCategories",
    "NWPUCategories",
    "NWPULocalization",
    "NormalizedAP",
    "QNRFLocalization",
]

Images = Sequence[Mapping[str, Any]]
"""One mapping an image, like those that RAZ-Net gives for a list of images."""


class TallyMetric(Metric):
    """A metric whose states are a tally.

    Args:
        tally: what one image, or a batch of counts, contributes.
        figures: the figures of a joined tally.
        kwargs: torchmetrics' own.
    """

    is_differentiable = False
    full_state_update = False

    def __init__(
        self, tally: Callable[..., Tally], figures: Callable[[Tally], Figures], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._tally, self._figures = tally, figures
        self._blank = blank(tally())
        for name, value in self._blank.items():
            if name in PER_PREDICTION:
                self.add_state(name, default=[], dist_reduce_fx="cat")
            else:
                self.add_state(name, default=torch.as_tensor(value), dist_reduce_fx="sum")

    def compute(self) -> dict[str, Tensor]:
        """The figures, as float64 scalars; NaN where undefined."""
        figures = self._figures({name: self._joined(name) for name in self._blank})
        return {name: self._scalar(value) for name, value in flat_figures(figures).items()}

    def _add(self, *arguments: Any) -> None:
        arrays = (_array(argument) for argument in arguments)
        for name, value in self._tally(*arrays).items():
            state, change = getattr(self, name), torch.as_tensor(value, device=self.device)
            if name in PER_PREDICTION:
                state.append(change)
            else:
                setattr(self, name, state + change)

    def _joined(self, name: str) -> npt.NDArray[Any]:
        state = getattr(self, name)
        if isinstance(state, Tensor):  # a sum, or parts that torchmetrics has joined
            return state.cpu().numpy()
        return np.concatenate([self._blank[name], *(part.cpu().numpy() for part in state)])

    def _scalar(self, value: float | Sequence[float]) -> Tensor:
        return torch.tensor(value, dtype=torch.float64, device=self.device)


class PointMetric(TallyMetric):
    """A metric that compares located heads, image by image."""

    of_preds: tuple[str, ...] = ("points",)
    of_target: tuple[str, ...] = ("points",)

    def update(self, preds: Images, target: Images) -> None:
        """Adds images, in the same order in both lists.

        Args:
            preds: of each image a mapping with the entries that :attr:`of_preds` names.
            target: of each image a mapping with the entries that :attr:`of_target` names.

        Raises:
            ValueError: lists of different lengths, an entry is missing or has a wrong shape.
        """
        for index, (pred, truth) in enumerate(images(preds=preds, target=target)):
            self._add(
                *(_entry(pred, key, f"preds[{index}]") for key in self.of_preds),
                *(_entry(truth, key, f"target[{index}]") for key in self.of_target),
            )


class NWPULocalization(PointMetric):
    """Protocol "nwpu"; figures as :func:`raz.metrics.nwpu_localization`.

    Each target holds "points" [M, 2], "sigmas" [M, 2] (sigma_s, sigma_l) and "levels" [M].
    """

    higher_is_better = True
    of_target = ("points", "sigmas", "levels")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(nwpu.nwpu_tally, nwpu.nwpu_figures, **kwargs)


class FixedRadiusLocalization(PointMetric):
    """Protocol "fixed"; figures as :func:`raz.metrics.fixed_radius_localization`."""

    higher_is_better = True

    def __init__(self, radii: Sequence[float] = fixed_radius.RADII, **kwargs: Any) -> None:
        tally = partial(fixed_radius.fixed_radius_tally, radii=tuple(radii))
        figures = partial(fixed_radius.fixed_radius_figures, radii=tuple(radii))
        super().__init__(tally, figures, **kwargs)


class QNRFLocalization(PointMetric):
    """Protocol "qnrf"; figures as :func:`raz.metrics.qnrf_localization`.

    ``compute()`` gives the means (mean_f1, mean_precision, mean_recall, mean_auc) as scalars, and
    "f1", "precision" and "recall" as tensors with one entry a radius.
    """

    higher_is_better = True

    def __init__(self, radii: Sequence[float] = qnrf.RADII, **kwargs: Any) -> None:
        tally = partial(qnrf.qnrf_tally, radii=tuple(radii))
        figures = partial(qnrf.qnrf_figures, radii=tuple(radii))
        super().__init__(tally, figures, **kwargs)

    def compute(self) -> dict[str, Tensor]:
        """The means, and the curves over the radii."""
        figures = self._figures({name: self._joined(name) for name in self._blank})
        means = {f"mean_{name}": self._scalar(value) for name, value in figures.pop("mean").items()}
        rows = list(figures.values())
        return means | {
            name: self._scalar([row[name] for row in rows])
            for name in ("f1", "precision", "recall")
        }


class COCOPoints(PointMetric):
    """Protocol "coco"; figures as :func:`raz.metrics.coco_points`.

    Each prediction holds "points" [N, 2] and "scores" [N].
    """

    higher_is_better = True
    of_preds = ("points", "scores")

    def __init__(self, sigmas: Sequence[float] = coco.SIGMAS, **kwargs: Any) -> None:
        tally = partial(coco.coco_tally, sigmas=tuple(sigmas))
        figures = partial(coco.coco_figures, sigmas=tuple(sigmas))
        super().__init__(tally, figures, **kwargs)


class COCOPointsMacro(PointMetric):
    """Protocol "coco-macro"; figures as :func:`raz.metrics.coco_points_macro`."""

    higher_is_better = True

    def __init__(self, sigmas: Sequence[float] = coco.SIGMAS, **kwargs: Any) -> None:
        tally = partial(coco.coco_macro_tally, sigmas=tuple(sigmas))
        figures = partial(coco.coco_macro_figures, sigmas=tuple(sigmas))
        super().__init__(tally, figures, **kwargs)


class NormalizedAP(PointMetric):
    """Protocol "nap"; figures as :func:`raz.metrics.normalized_ap`.

    Each prediction holds "points" [N, 2] and "scores" [N].
    """

    higher_is_better = True
    of_preds = ("points", "scores")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(nap.normalized_ap_tally, nap.normalized_ap_figures, **kwargs)


class MLE(PointMetric):
    """Protocol "mle"; figures as :func:`raz.metrics.mean_localization_error`."""

    higher_is_better = False

    def __init__(self, limit: float = mle.LIMIT, **kwargs: Any) -> None:
        super().__init__(partial(mle.mle_tally, limit=limit), mle.mle_figures, **kwargs)


class GAME(PointMetric):
    """Grid average mean absolute error; figures as :func:`raz.metrics.game`.

    Each target holds "points" [M, 2] and "size" (H, W) in pixels; each prediction "points", or
    with ``density_stride`` "density" [h, w] in persons.
    """

    higher_is_better = False
    of_target = ("points", "size")

    def __init__(self, density_stride: float | None = None, **kwargs: Any) -> None:
        super().__init__(grid.game_tally, grid.game_figures, **kwargs)
        self._tally = partial(grid.game_tally, density_stride=density_stride)
        self.of_preds = ("points",) if density_stride is None else ("density",)


class CrowdCount(TallyMetric):
    """Counting errors; figures as :func:`raz.metrics.crowd_count`."""

    higher_is_better = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(counting.crowd_count_tally, counting.crowd_count_figures, **kwargs)

    def update(self, preds: Any, target: Any) -> None:
        """Adds images: predicted and true counts, [B] each, in persons."""
        self._add(preds, target)


class JHUCategories(TallyMetric):
    """Counting errors by category; figures as :func:`raz.metrics.jhu_categories`."""

    higher_is_better = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(counting.jhu_tally, counting.jhu_figures, **kwargs)

    def update(self, preds: Any, target: Any, weather: Any = None) -> None:
        """Adds images: predicted and true counts, [B] each, and weather labels [B]."""
        self._add(preds, target, weather)


class NWPUCategories(TallyMetric):
    """Counting errors by category; figures as :func:`raz.metrics.nwpu_categories`."""

    higher_is_better = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(counting.nwpu_category_tally, counting.nwpu_category_figures, **kwargs)

    def update(self, preds: Any, target: Any, levels: Any, luminances: Any) -> None:
        """Adds images: predicted and true counts and the benchmark's labels, [B] each."""
        self._add(preds, target, levels, luminances)


def _entry(image: Mapping[str, Any], key: str, name: str) -> Any:
    if key not in image:
        raise ValueError(f"{name} has no entry {key!r}, but {', '.join(map(repr, image))}")
    return image[key]


def _array(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    value = value.detach().cpu()
    return (value.double() if value.is_floating_point() else value).numpy()
