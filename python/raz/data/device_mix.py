"""The stream of training crops, cut on the device that trains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from raz.errors import ResourceError

from .crops import Augmentation, plan_points
from .device_transforms import apply_plans
from .mix import CropStream, Part
from .sample import Annotation, Sample

DEVICE_BYTES = 8 << 30
"""Most bytes of decoded pictures on the device, unless told otherwise (3 bytes a pixel)."""

HOST_BYTES = 8 << 30
"""Most bytes of those that no longer fit there, in page-locked memory of the host."""


@dataclass(frozen=True, eq=False)
class _Picture:
    pixels: Tensor
    annotation: Annotation
    name: str


class DeviceMix(CropStream):
    """The crops of a `CropStream` in batches, made where the pictures lie: on the device.

    Pictures are decoded once, by threads, and stay as uint8 (3 bytes a pixel): on the device up to
    ``device_bytes``, what no longer fits in page-locked memory of the host up to ``host_bytes``,
    from where a picture is copied over for every crop. Crop i has the window, the points and the
    changes of crop i of the `TrainingMix` with the same arguments. Its pixels differ by rounding
    (see `raz.data.device_transforms`), and where noise is added, by other noise, which also differs
    between kinds of devices. Once the pictures are decoded, no batch waits for the device.

    Args:
        parts, crop_size, zoom_share, seed, augmentation: see `CropStream`.
        device: where the pictures lie and the crops are made.
        device_bytes: most bytes of pictures on the device.
        host_bytes: most bytes of pictures beside it; unused where the device is the CPU.
        threads: how many pictures are decoded at a time.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        crop_size: int = 384,
        zoom_share: float = 0.3,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        *,
        device: torch.device | str = "cuda",
        device_bytes: int = DEVICE_BYTES,
        host_bytes: int = HOST_BYTES,
        threads: int = 4,
    ) -> None:
        super().__init__(parts, crop_size, zoom_share, seed, augmentation)
        if threads < 1:
            raise ValueError(f"threads is {threads}, must be at least 1")
        self.device = torch.device(device)
        self.device_bytes = device_bytes
        self.host_bytes = 0 if self.device.type == "cpu" else host_bytes
        self.threads = threads
        self.device_bytes_used = 0
        self.host_bytes_used = 0
        self._pictures: dict[tuple[int, int], _Picture] = {}

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, list[Tensor], list[str]]:
        """The crops of these numbers (0 and up).

        Returns:
            uint8 [B, 3, S, S] on the device; points of each, float32 [N, 2] on the CPU, (x, y) in
            pixels of the crop; and the names of their samples.

        Raises:
            InputError: a picture or its points cannot be read.
            ResourceError: the pictures do not fit into the stated memory.
        """
        sources = [self.source(index) for index in indices]
        self._decode(sources)
        pictures = [self._pictures[source] for source in sources]
        plans = [
            self.plan(index, picture.annotation)
            for index, picture in zip(indices, pictures, strict=True)
        ]
        images = apply_plans(
            [picture.pixels.to(self.device, non_blocking=True) for picture in pictures], plans
        )
        points = [
            torch.from_numpy(plan_points(picture.annotation, plan))
            for picture, plan in zip(pictures, plans, strict=True)
        ]
        return images, points, [picture.name for picture in pictures]

    def load(self) -> None:
        """Decode every picture that can be drawn now, rather than when it is first drawn.

        Raises:
            InputError: a picture or its points cannot be read.
            ResourceError: the pictures do not fit into the stated memory.
        """
        self._decode(
            (part, number)
            for part, (samples, weight, _) in enumerate(self.parts)
            if weight > 0
            for number in range(len(samples))
        )

    def _decode(self, sources: Iterable[tuple[int, int]]) -> None:
        missing = [source for source in dict.fromkeys(sources) if source not in self._pictures]
        if not missing:
            return
        with ThreadPoolExecutor(self.threads) as pool:
            # In pieces: what is decoded waits in memory until it is placed.
            for start in range(0, len(missing), 2 * self.threads):
                piece = missing[start : start + 2 * self.threads]
                for source, sample in zip(piece, pool.map(self._read, piece), strict=True):
                    pixels = self._place(sample)
                    self._pictures[source] = _Picture(pixels, sample.annotation, sample.name)

    def _read(self, source: tuple[int, int]) -> Sample:
        part, number = source
        return self.parts[part][0][number]

    def _place(self, sample: Sample) -> Tensor:
        """Put pixels [3, H, W] where there is room."""
        pixels = torch.tensor(sample.image).permute(2, 0, 1)
        if self.device_bytes_used + pixels.nbytes <= self.device_bytes:
            self.device_bytes_used += pixels.nbytes
            return pixels.to(self.device)
        if self.host_bytes_used + pixels.nbytes <= self.host_bytes:
            self.host_bytes_used += pixels.nbytes
            return pixels.pin_memory() if self.device.type == "cuda" else pixels
        raise ResourceError(
            f"{sample.name}: decoded pictures need more than device_bytes = {self.device_bytes} "
            f"and host_bytes = {self.host_bytes}; raise these limits, or train from a TrainingMix, "
            "which drops the pictures that it used least recently"
        )
