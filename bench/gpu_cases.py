"""The cases that bench/gpu.py measures, at the sizes of a crowded batch of 1080p images.

A case makes its inputs on any device, so `bench/gpu.py --dry-run` runs all of them on the CPU with
small sizes. The bytes that must move: each needed input read once, each result written once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from raz import ops, reference

Call = Callable[..., "Tensor | tuple[Tensor, ...]"]


@dataclass(frozen=True)
class Sizes:
    """The sizes that the cases are made of."""

    batch: int = 16
    height: int = 1080
    width: int = 1920
    crops: int = 160
    side: int = 512  # of a crop in the image, pixels; enlarged twice
    points: int = 100_000
    heads: int = 3000  # an image
    boxes: int = 1200  # an image


FULL = Sizes()
SMALL = Sizes(batch=2, height=40, width=56, crops=4, side=8, points=50, heads=20, boxes=12)


@dataclass(frozen=True)
class Case:
    """One operator at one size.

    make: inputs from a random generator, on its device.
    gradients: positions of inputs; where there are some, backward to these is measured.
    needed: bytes that must be read, of the inputs; by default all of them. For backward, the
        gradient of the result comes on top.
    peers: other ways to do the same work; with gradients, their backward is measured.
    """

    op: str
    size: str
    make: Callable[[torch.Generator], tuple[Tensor, ...]]
    call: Call
    peers: Mapping[str, Call] = field(default_factory=dict)
    gradients: tuple[int, ...] = ()
    needed: Callable[[Sequence[Tensor]], int] | None = None

    @property
    def name(self) -> str:
        return f"{self.op}{' backward' if self.gradients else ''} {self.size}"


def nbytes(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def moved_bytes(case: Case, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    """Return the bytes that must move; where a case has gradients, these are its results."""
    read = nbytes(inputs) if case.needed is None else case.needed(inputs)
    if case.gradients:
        result = case.call(*inputs)
        read += nbytes([result] if isinstance(result, Tensor) else result)
    return read + nbytes(outputs)


def uniform(generator: torch.Generator, *size: int, low: float = 0, high: float = 1) -> Tensor:
    values = torch.rand(size, generator=generator, device=generator.device)
    return values * (high - low) + low


def cases(sizes: Sizes = FULL) -> list[Case]:
    """Return the table."""
    return [
        *integral_image_cases(sizes),
        *find_peaks_cases(sizes),
        *crop_and_resize_cases(sizes),
        *anchor_cases(sizes),
        *point_cases(sizes),
        *density_cases(sizes),
    ]


def integral_image_cases(sizes: Sizes) -> list[Case]:
    def maps(generator: torch.Generator) -> tuple[Tensor, ...]:
        return (uniform(generator, sizes.batch, sizes.height, sizes.width),)

    def case(dtype: torch.dtype, gradients: tuple[int, ...] = ()) -> Case:
        def by_cumsum(x: Tensor) -> Tensor:
            table = x.cumsum(-1, dtype=dtype).cumsum(-2)
            return functional.pad(table, (1, 0, 1, 0))

        return Case(
            "integral_image",
            f"{sizes.batch}x{sizes.height}x{sizes.width} float32 to {dtype_name(dtype)}",
            maps,
            lambda x: ops.integral_image(x, dtype=dtype),
            {"torch cumsum": by_cumsum},
            gradients,
            (lambda inputs: 0) if gradients else None,
        )

    dtypes = (torch.float32, torch.float64)
    return [case(dtype, gradients) for gradients in ((), (0,)) for dtype in dtypes]


def find_peaks_cases(sizes: Sizes) -> list[Case]:
    most = 4 * sizes.heads

    def maps(generator: torch.Generator) -> tuple[Tensor, ...]:
        return (uniform(generator, sizes.batch, sizes.height, sizes.width),)

    def by_pooling(x: Tensor) -> Tensor:
        smooth = functional.avg_pool2d(x[:, None], 3, 1, 1, count_include_pad=False)
        peaks = (smooth == functional.max_pool2d(smooth, 3, 1, 1)) & (smooth >= 0.7)
        return peaks[:, 0].nonzero()

    size = f"{sizes.batch}x{sizes.height}x{sizes.width}"
    peers: dict[str, Call] = {"torch pooling and nonzero": by_pooling}
    return [
        Case("find_peaks", size, maps, lambda x: ops.find_peaks(x, threshold=0.7), peers),
        Case(
            "find_peaks",
            f"{size} max_points={most}",
            maps,
            lambda x: ops.find_peaks(x, threshold=0.7, max_points=most),
            peers,
        ),
    ]


def crop_and_resize_cases(sizes: Sizes) -> list[Case]:
    crop = (2 * sizes.side, 2 * sizes.side)
    area = sizes.crops * 3 * sizes.side**2

    def make(generator: torch.Generator, dtype: torch.dtype) -> tuple[Tensor, ...]:
        shape = (sizes.batch, 3, sizes.height, sizes.width)
        images = uniform(generator, *shape, high=255 if dtype == torch.uint8 else 1).to(dtype)
        room = torch.tensor(
            [sizes.width - sizes.side, sizes.height - sizes.side], device=generator.device
        )
        corner = uniform(generator, sizes.crops, 2) * room
        boxes = torch.cat([corner, corner + sizes.side], dim=1)
        batch = torch.arange(sizes.crops, device=generator.device) % sizes.batch
        return images, boxes, batch

    def call(images: Tensor, boxes: Tensor, batch: Tensor) -> Tensor:
        return ops.crop_and_resize(images, boxes, batch, crop)

    def by_interpolate(images: Tensor, boxes: Tensor, batch: Tensor) -> Tensor:
        """Crop at whole pixels, one after the other; the positions cost a synchronisation."""
        crops = []
        for (x, y, _, _), b in zip(boxes.long().tolist(), batch.tolist(), strict=True):
            part = images[b : b + 1, :, y : y + sizes.side, x : x + sizes.side]
            part = part / 255 if part.dtype == torch.uint8 else part
            crops.append(functional.interpolate(part, crop, mode="bilinear"))
        return torch.cat(crops)

    def by_roi_align(images: Tensor, boxes: Tensor, batch: Tensor) -> Tensor:
        from torchvision.ops import roi_align

        images = images / 255 if images.dtype == torch.uint8 else images
        rois = torch.cat([batch[:, None].to(boxes.dtype), boxes], dim=1)
        return roi_align(images, rois, crop, sampling_ratio=1, aligned=True)

    def case(dtype: torch.dtype, gradients: tuple[int, ...] = ()) -> Case:
        def needed(inputs: Sequence[Tensor]) -> int:
            """Count what lies in boxes, which may overlap; backward to images reads none of it."""
            images, *others = inputs
            of_images = min(area, images.numel()) * images.element_size()
            return nbytes(others) + (of_images if gradients != (0,) else 0)

        peers: dict[str, Call] = {"torch interpolate": by_interpolate}
        if gradients != (1,):  # neither has a gradient of boxes
            peers["torchvision roi_align"] = by_roi_align
        else:
            peers = {}
        to = {(): "", (0,): " to images", (1,): " to boxes"}[gradients]
        return Case(
            "crop_and_resize",
            f"{sizes.crops}x{sizes.side}->{crop[0]} {dtype_name(dtype)}{to}",
            lambda generator: make(generator, dtype),
            call,
            peers,
            gradients,
            needed,
        )

    return [case(torch.uint8), case(torch.float32), case(torch.float32, (0,)),
            case(torch.float32, (1,)), case(torch.uint8, (1,))]  # fmt: skip


def anchor_cases(sizes: Sizes) -> list[Case]:
    def attention(generator: torch.Generator) -> tuple[Tensor, ...]:
        return (uniform(generator, 1, sizes.height, sizes.width),)

    def table_and_boxes(generator: torch.Generator) -> tuple[Tensor, ...]:
        maps = uniform(generator, sizes.batch, sizes.height, sizes.width)
        corners = uniform(generator, sizes.batch, sizes.boxes, 2, 2)
        size = torch.tensor([sizes.width, sizes.height], device=generator.device)
        boxes = torch.cat([corners.amin(2), corners.amax(2)], 2) * size.repeat(2)
        return ops.integral_image(maps), boxes

    def score(module):
        return lambda table, boxes: module.score_anchors(table, boxes)

    def entries(inputs: Sequence[Tensor]) -> int:
        """Count sixteen entries of the table for every box, and the box."""
        table, boxes = inputs
        return nbytes([boxes]) + boxes.shape[:2].numel() * 16 * table.element_size()

    def of_boxes(inputs: Sequence[Tensor]) -> int:
        return nbytes(inputs[1:])

    size = f"{sizes.batch}x{sizes.height}x{sizes.width} {sizes.boxes} boxes"
    arguments = (table_and_boxes, score(ops), {"raz.reference": score(reference)})
    return [
        Case(
            "propose_regions",
            f"1x{sizes.height}x{sizes.width}",
            attention,
            lambda x: ops.propose_regions(x),
            {"raz.reference": lambda x: reference.propose_regions(x)},
        ),
        Case("score_anchors", size, *arguments, needed=entries),
        Case("score_anchors", f"{size} to the table", *arguments, (0,), of_boxes),
        Case("score_anchors", f"{size} to boxes", *arguments, (1,), entries),
    ]


def point_cases(sizes: Sizes) -> list[Case]:
    radius = 8.0

    def make(generator: torch.Generator) -> tuple[Tensor, ...]:
        side = 10 * sizes.points**0.5  # a point in 10 x 10 pixels
        return uniform(generator, sizes.points, 2) * side, uniform(generator, sizes.points)

    def make_with_radii(generator: torch.Generator) -> tuple[Tensor, ...]:
        return *make(generator), uniform(generator, sizes.points, high=radius)

    def with_radii(points: Tensor, scores: Tensor, radii: Tensor) -> Tensor:
        return ops.point_nms_mask(points, scores, radius, radii=radii)

    def by_box_nms(points: Tensor, scores: Tensor) -> Tensor:
        """Suppress in squares instead of discs: the same work, not the same result."""
        from torchvision.ops import nms

        return nms(torch.cat([points - radius, points + radius], 1), scores, 1 / 7)

    size = f"{sizes.points} points"
    peers = {"torchvision nms": by_box_nms}
    return [
        Case("point_nms", size, make, lambda p, s: ops.point_nms(p, s, radius), peers),
        Case("point_nms_mask", size, make, lambda p, s: ops.point_nms_mask(p, s, radius), peers),
        Case("point_nms_mask", f"{size} with radii", make_with_radii, with_radii),
    ]


def density_cases(sizes: Sizes) -> list[Case]:
    image = (sizes.height, sizes.width)

    def make(generator: torch.Generator) -> tuple[Tensor, ...]:
        count = sizes.batch * sizes.heads
        size = torch.tensor([sizes.width, sizes.height], device=generator.device)
        batch = torch.arange(count, device=generator.device) // sizes.heads
        return uniform(generator, count, 2) * size, batch

    def density(module, sigma):
        return lambda points, batch: module.density_map(
            points, image, sigma=sigma, batch=batch, batch_size=sizes.batch
        )

    def congestion(module):
        return lambda points, batch: module.congestion(points, batch=batch, batch_size=sizes.batch)

    def attention(module):
        return lambda points, batch: module.attention_map(
            points, image, batch=batch, batch_size=sizes.batch
        )

    def marks(module):
        return lambda points, batch: module.point_map(
            points, image, batch=batch, batch_size=sizes.batch
        )

    size = f"{sizes.batch}x{sizes.heads} heads {sizes.height}x{sizes.width}"
    table = [
        Case(
            "density_map",
            f"{size} sigma={sigma}",
            make,
            density(ops, sigma),
            {"raz.reference": density(reference, sigma)},
            gradients,
        )
        for gradients in ((), (0,))
        for sigma in ("adaptive", 15.0)
    ]
    calls = {"congestion": congestion, "attention_map": attention, "point_map": marks}
    for op, call in calls.items():
        table.append(Case(op, size, make, call(ops), {"raz.reference": call(reference)}))
    return table


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
