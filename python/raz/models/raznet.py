"""RAZNet: one trunk, three branches, three maps."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raz.density import calibrated_density, points_that_stay
from raz.network import PAD_MULTIPLE, OperatingPoint, padded_length, unwrapped, values_are_known
from raz.ops._check import readable

if TYPE_CHECKING:
    from raz.result import Result


log = logging.getLogger(__name__)


class Counting(NamedTuple):
    """Output of a counting branch.

    Args:
        density: [B, 1, H/8, W/8], persons per cell.
        features: [B, C, H/8, W/8], from which it was computed, for the proposal branch.
        empty: [B, 1, H/16, W/16], logits of the probability that a block of 2x2 cells holds nobody
            for good (the zero inflation of ``raz.losses.zero_inflated_poisson``), or None where the
            branch has no such output. The density is already multiplied by its complement.
    """

    density: Tensor
    features: Tensor
    empty: Tensor | None = None


Maps = dict[str, Tensor]
"""The maps of a batch of images [B, 3, H, W], by name.

"localization" [B, H, W], logits of the probability that a head marks a pixel; "density" [B,
ceil(H/8), ceil(W/8)], persons per cell; "attention", of the same shape, in [0, 1]. In training mode
also "empty", see :class:`Counting`, if the counting branch has it; it covers the padded batch.
"""


class People(TypedDict):
    """The people of one image at depth 1.

    Attributes:
        points: float [N, 2], (x, y) in pixels.
        scores: [N], in [0, 1].
        count: scalar, the sum of the density, at least 0.
    """

    points: Tensor
    scores: Tensor
    count: Tensor


class RAZNet(nn.Module):
    """Crowd counting and localization, with a map of where to zoom in (Liu et al., CVPR 2019).

    Main Net and RAZ Net of the paper are both this module: they share all weights, and the RAZ Net
    has no count of its own.

    Args:
        architecture: name of the builder, e.g. ``"raznet_lite"``; written into weights files.
        backbone: [B, 3, H, W] to features; carries ``mean`` and ``std``, the normalisation of RGB
            in [0, 1] that its weights expect, and ``layers_up_to(stride)``, the layers that a
            training may freeze.
        neck: features to the features that the branches read.
        counting: features to :class:`Counting`.
        localization: features to (logits [B, 1, H, W], inner features).
        proposal: inner features of localization and counting to attention [B, 1, H/8, W/8].
        bytes_per_pixel: measured peak memory of one pass on the CPU in float32 per input pixel; 0
            if it is not known.
        receptive_field: pixels beyond a border at a multiple of ``PAD_MULTIPLE`` on which the maps
            up to that border depend, in any direction; 0 if it is not known. What lies farther away
            may be cut off: ``raz.zoom`` runs large images in tiles.

    Attributes:
        operating_point: thresholds for reading the maps; set by loading weights, not part of
            ``state_dict``.
        options: of the builder, those that no weight's shape tells and that are not its defaults.
            They are written into weights files, which fit only a net with the same options.

    Example:
        >>> from raz.models import get_model
        >>> model = get_model("raznet_lite")
        >>> {name: tuple(each.shape) for name, each in model(torch.zeros(2, 3, 64, 48)).items()}
        {'density': (2, 8, 6), 'localization': (2, 64, 48), 'attention': (2, 8, 6)}
        >>> [people] = model([torch.zeros(3, 64, 48)])
        >>> people["points"].shape
        torch.Size([0, 2])
        >>> sorted(model([torch.zeros(3, 64, 48)], [{"points": torch.tensor([[20.0, 30.0]])}]))
        ['attention', 'density', 'localization']
    """

    stride = 8
    """Pixels per side of a cell of the density and attention maps."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        architecture: str,
        *,
        backbone: nn.Module,
        neck: nn.Module,
        counting: nn.Module,
        localization: nn.Module,
        proposal: nn.Module,
        bytes_per_pixel: int = 0,
        receptive_field: int = 0,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.options: dict[str, Any] = {}
        self.bytes_per_pixel = bytes_per_pixel
        self.receptive_field = receptive_field
        self.operating_point = OperatingPoint()
        self.backbone = backbone
        self.neck = neck
        self.counting = counting
        self.localization = localization
        self.proposal = proposal
        for name in ("mean", "std"):
            values = torch.tensor(getattr(backbone, name)).view(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    @overload
    def forward(self, images: Tensor, targets: None = None) -> Maps: ...

    @overload
    def forward(self, images: Sequence[Tensor], targets: None = None) -> list[People]: ...

    @overload
    def forward(
        self, images: Tensor | Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]]
    ) -> dict[str, Tensor]: ...

    def forward(
        self,
        images: Tensor | Sequence[Tensor],
        targets: Sequence[Mapping[str, Tensor]] | None = None,
    ) -> Maps | list[People] | dict[str, Tensor]:
        """Compute maps of a batch, people of a list of images, or losses if targets are given.

        Args:
            images: float RGB in [0, 1]: a batch [B, 3, H, W], or a list of [3, H, W] of any sizes.
            targets: one mapping per image with ``"points"``, float [N, 2], (x, y) in pixels.

        Returns:
            For a batch :data:`Maps`, for a list one :class:`People` per image, with targets a dict
            of scalar losses. The same as :meth:`maps`, :meth:`people` and :meth:`losses`.

        Raises:
            TypeError: images are not floating point (uint8 must be divided by 255).
            ValueError: a shape is wrong, values lie far outside of [0, 1] (seen on the CPU alone,
                outside of graphs), or there is not one target per image.
        """
        if targets is not None:
            return self.losses(images, targets)
        if isinstance(images, Tensor):
            _check_batch(images)
            return self.maps(images)
        return self.people(images)

    def maps(self, images: Tensor, *, counting_alone: bool = False) -> Maps:
        """Compute the maps of a batch [B, 3, H, W]; its shape and dtype are not checked.

        Args:
            images: float RGB in [0, 1], [B, 3, H, W].
            counting_alone: leave localization and attention out, and the time they take.
        """
        height, width = images.shape[-2:]
        # Not -(-height // stride): ONNX divides negative numbers towards zero.
        rows, columns = ((side + self.stride - 1) // self.stride for side in (height, width))
        if images.shape[0] == 0:
            maps = {"density": images.new_zeros(0, rows, columns)}
            if not counting_alone:
                maps["localization"] = images.new_zeros(0, height, width)
                maps["attention"] = images.new_zeros(0, rows, columns)
            return maps
        features = self.neck(self.backbone(self._normalized(images)))
        counting: Counting = self.counting(features)
        maps = {"density": _cut(counting.density, rows, columns)}
        if not counting_alone:
            logits, localization_features = self.localization(features)
            attention = self.proposal(localization_features, counting.features)
            maps["localization"] = _cut(logits, height, width)
            maps["attention"] = _cut(attention, rows, columns)
        if self.training and counting.empty is not None:
            maps["empty"] = _cut(counting.empty, (rows + 1) // 2, (columns + 1) // 2)
        return maps

    def people(self, images: Sequence[Tensor]) -> list[People]:
        """Find the people of each image of a list at depth 1 (no zoom).

        For the fused count and the zoom use :meth:`predict`.

        Args:
            images: float RGB in [0, 1], [3, H, W] of any sizes.

        Raises:
            TypeError, ValueError: an image is of another kind or shape.
        """
        for image in images:
            _check_image(image)
        return [self._people(image) for image in images]

    def losses(
        self, images: Tensor | Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Compute the losses of :func:`raz.losses.raznet_losses` with its default weights.

        Args:
            images: a batch [B, 3, H, W], or a list of [3, H, W] of any sizes.
            targets: one mapping per image with ``"points"``, float [N, 2], (x, y) in pixels.

        Returns:
            Scalar losses by name, averaged over the images of a list.

        Raises:
            TypeError: images are not floating point.
            ValueError: a shape is wrong, or there is not one target per image.
        """
        from raz.losses import raznet_losses

        if isinstance(images, Tensor):
            _check_batch(images)
            batches = [images]
        else:
            for image in images:
                _check_image(image)
            batches = [image[None] for image in images]
        if len(targets) != len(images) or len(batches) == 0:
            raise ValueError(f"{len(targets)} targets for {len(images)} images; one each is needed")
        shares = [targets] if isinstance(images, Tensor) else [[target] for target in targets]
        losses: list[dict[str, Tensor]] = [
            raznet_losses(self.maps(batch), share, (batch.shape[-2], batch.shape[-1]))
            for batch, share in zip(batches, shares, strict=True)
        ]
        if len(losses) == 1:
            return losses[0]
        return {name: torch.stack([loss[name] for loss in losses]).mean() for name in losses[0]}

    def predict(
        self, source: Any, depth: int | None = None, **options: Any
    ) -> Result | Iterator[Result]:
        """Count and locate people in any source of images: ``raz.predict`` with this model."""
        from raz.prediction import predict

        return predict(source, model=self, depth=depth, **options)

    def for_inference(self, dtype: torch.dtype = torch.float32) -> RAZNet:
        """Return the form that `raz.predict` runs, see :func:`raz.models.inference.for_inference`.

        The same maps up to rounding, faster, without gradients; made once for the weights as they
        are. In training mode, off the CPU or in another type than float32 it is this net itself.

        Args:
            dtype: that its layers compute in, float32 or bfloat16; images and maps are float32.
        """
        from raz.models.inference import for_inference

        return for_inference(self, dtype)

    def extra_repr(self) -> str:
        return f"architecture={self.architecture!r}, operating_point={self.operating_point}"

    def _normalized(self, images: Tensor) -> Tensor:
        """Images as the backbone takes them, with zeros up to sides of its multiple."""
        x = images - self.mean.to(images.dtype)
        return _padded(x.div_(self.std.to(images.dtype)))

    def _people(self, image: Tensor) -> People:
        from raz.ops import find_peaks

        point = self.operating_point
        maps = self.maps(image[None])
        density = maps["density"][0].float()
        points, scores, counts = find_peaks(
            torch.sigmoid(maps["localization"].detach().float()), threshold=point.peak_threshold(1)
        )
        found = int(counts[0])
        points, scores = points[0, :found], scores[0, :found]
        stay = points_that_stay(points, scores, density.detach(), point, 1, self.stride)
        count = calibrated_density(density, point, 1).sum().clamp(min=0.0)
        return {"points": points[stay], "scores": scores[stay], "count": count}


OVERSHOOT = 0.5
"""How far outside of [0, 1] values may lie (ours)."""

DARKEST = 16.5 / 255
"""Brightest value of an image below which it is nearly black (ours): that of 12-bit values that
were divided by 65535 is 16 / 255, that of 8-bit values divided twice 1 / 255."""


def as_raznet(model: nn.Module) -> RAZNet:
    """Return the net itself, without what torch wraps around it; see `raz.network.unwrapped`.

    Raises:
        TypeError: it is another kind of model.
    """
    net = unwrapped(model)
    if not isinstance(net, RAZNet):
        raise TypeError(f"model is {type(net).__name__}; it must be a raz.models.RAZNet")
    return net


def _padded(x: Tensor) -> Tensor:
    """``x`` [B, C, H, W] with zeros at the right and bottom, up to multiples of PAD_MULTIPLE.

    In a graph more zeros are added than are kept: so no size is a special case, and one exported
    program serves every size. The same goes for :func:`_cut`.
    """
    height, width = (padded_length(side) for side in x.shape[-2:])
    if torch.compiler.is_compiling():
        return F.pad(x, (0, PAD_MULTIPLE, 0, PAD_MULTIPLE))[..., :height, :width]
    if (height, width) == tuple(x.shape[-2:]):
        return x
    return F.pad(x, (0, width - x.shape[-1], 0, height - x.shape[-2]))


def _cut(x: Tensor, rows: int, columns: int) -> Tensor:
    """The first rows and columns of a map [B, 1, H, W]: [B, rows, columns]."""
    if torch.compiler.is_compiling():
        x = F.pad(x, (0, 1, 0, 1))
    return x[:, 0, :rows, :columns]


def _check_batch(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape[2:]:
        raise ValueError(
            f"images has the shape {tuple(images.shape)}; it must be [B, 3, H, W] with at least "
            "one pixel, or a list of [3, H, W]"
        )
    _check_values(images)


def _check_image(image: object) -> None:
    if not isinstance(image, Tensor):
        raise TypeError(
            f"images holds a {type(image).__name__}; it must hold float tensors [3, H, W]"
        )
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape[1:]:
        raise ValueError(
            f"images holds a tensor of the shape {tuple(image.shape)}; each must be [3, H, W] "
            "with at least one pixel"
        )
    _check_values(image)


def _check_values(images: Tensor) -> None:
    if not images.is_floating_point() or images.dtype.itemsize < 2:
        raise TypeError(
            f"images are {images.dtype}; they must be floating point RGB of 16 bits or more in "
            "[0, 1] (divide uint8 by 255)"
        )
    _check_range(images)


def _check_range(images: Tensor) -> None:
    """Refuse values that are no RGB in [0, 1], where looking at them costs next to nothing.

    That is on the CPU, outside of graphs. Interpolation may overshoot by a little, but 0..255 and
    the values of a normalised image lie far outside.
    """
    if images.numel() == 0 or not readable(images) or torch._C._get_tracing_state():
        return
    if values_are_known():
        return
    low, high = (float(value) for value in torch.aminmax(images.detach()))
    if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):  # written so that NaN fails too
        raise ValueError(
            f"images have values from {low:g} to {high:g}; they must be RGB in [0, 1], neither "
            "0..255 nor normalised (the net normalises them itself)"
        )
    if 0 < high < DARKEST:
        log.warning(
            "images are at most %.2g of 1: nearly black, as where values were divided by too much",
            high,
        )
