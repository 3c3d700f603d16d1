"""The stream of training crops, cut on the device that trains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from raz.errors import ResourceError

from .crop_plan import Augmentation, plan_points
from .device_transforms import apply_plans
from .mix import CropStream, Part
from .sample import Annotation, Sample

DEVICE_BYTES = 8 << 30
"""Most bytes of decoded images on the device, unless told otherwise (3 bytes a pixel)."""

HOST_BYTES = 8 << 30
"""Most bytes of those that no longer fit there, in page-locked memory of the host."""


@dataclass(frozen=True, eq=False)
class _Decoded:
    pixels: Tensor
    annotation: Annotation
    name: str


class DeviceMix(CropStream):
    """The crops of a `CropStream` in batches, made where the images lie: on the device.

    Images are decoded once, by threads, and stay as uint8 (3 bytes a pixel): on the device up to
    ``device_bytes``, what no longer fits in page-locked memory of the host up to ``host_bytes``,
    from where an image is copied over for every crop. Crop i has the window, the points and the
    changes of crop i of the `TrainingMix` with the same arguments. Its pixels differ by rounding
    (see `raz.data.device_transforms`), and where noise is added, by other noise, which also differs
    between kinds of devices. Once the images are decoded, no batch waits for the device.

    Args:
        parts, crop_size, zoom_share, seed, augmentation: see `CropStream`.
        device: where the images lie and the crops are made.
        device_bytes: most bytes of images on the device.
        host_bytes: most bytes of images beside it; unused where the device is the CPU.
        threads: how many images are decoded at a time.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> from raz.data import DeviceMix, SyntheticScenes
        >>> parts = [(SyntheticScenes(4, size=(64, 64)), 1.0, (0.75, 1.0))]
        >>> images, points, names = DeviceMix(parts, crop_size=32, device="cpu").batch([0, 1])
        >>> images.shape, len(points)
        (torch.Size([2, 3, 32, 32]), 2)
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
            raise ValueError(f"threads is {threads}; it must be at least 1")
        self.device = torch.device(device)
        self.device_bytes = device_bytes
        self.host_bytes = 0 if self.device.type == "cpu" else host_bytes
        self.threads = threads
        self.device_bytes_used = 0
        self.host_bytes_used = 0
        self._decoded: dict[tuple[int, int], _Decoded] = {}

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, list[Tensor], list[str]]:
        """The crops of these numbers (0 and up).

        Returns:
            uint8 [B, 3, S, S] on the device; points of each, float32 [N, 2] on the CPU, (x, y) in
            pixels of the crop; and the names of their samples.

        Raises:
            InputError: an image or its points cannot be read.
            ResourceError: the images do not fit into the stated memory.
        """
        sources = [self.source(index) for index in indices]
        self._decode(sources)
        decoded = [self._decoded[source] for source in sources]
        plans = [
            self.plan(index, entry.annotation)
            for index, entry in zip(indices, decoded, strict=True)
        ]
        images = apply_plans(
            [entry.pixels.to(self.device, non_blocking=True) for entry in decoded], plans
        )
        points = [
            torch.from_numpy(plan_points(entry.annotation, plan))
            for entry, plan in zip(decoded, plans, strict=True)
        ]
        return images, points, [entry.name for entry in decoded]

    def load(self) -> None:
        """Decode every image that can be drawn now, rather than when it is first drawn.

        Raises:
            InputError: an image or its points cannot be read.
            ResourceError: the images do not fit into the stated memory.
        """
        self._decode(
            (part, number)
            for part, (samples, weight, _) in enumerate(self.parts)
            if weight > 0
            for number in range(len(samples))
        )

    def _decode(self, sources: Iterable[tuple[int, int]]) -> None:
        missing = [source for source in dict.fromkeys(sources) if source not in self._decoded]
        if not missing:
            return
        with ThreadPoolExecutor(self.threads) as pool:
            # In pieces: what is decoded waits in memory until it is placed.
            for start in range(0, len(missing), 2 * self.threads):
                piece = missing[start : start + 2 * self.threads]
                for source, sample in zip(piece, pool.map(self._read, piece), strict=True):
                    pixels = self._place(sample)
                    self._decoded[source] = _Decoded(pixels, sample.annotation, sample.name)

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
            f"{sample.name}: decoded images need more than device_bytes = {self.device_bytes} "
            f"and host_bytes = {self.host_bytes}; raise these limits, or train from a TrainingMix, "
            "which drops the images that it used least recently"
        )
