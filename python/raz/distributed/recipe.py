"""What a worker builds its predictor from; small enough to be sent, and to be told from another."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from raz.io.rasters import AS_STORED, Reading
from raz.zoom.settings import ZoomSettings

if TYPE_CHECKING:
    from raz.prediction import Predictor

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """The arguments of a :class:`raz.Predictor`, whose model has a name.

    Attributes:
        model: a name, known in every worker: of raz, or of a package that is installed there.
        weights: a name, or a file that every worker finds at this path.
        device: "auto" is CUDA where the worker has it.
        settings: how to zoom.
        max_pixels: largest image; see :func:`raz.predict`.
        reading: what is known better than the files.

    Raises:
        TypeError: the model is no name.

    Example:
        >>> Recipe().fingerprint() == Recipe(settings=ZoomSettings(depth=1)).fingerprint()
        False
    """

    model: str = "raznet_lite"
    weights: Any = "DEFAULT"
    device: str = "auto"
    settings: ZoomSettings = ZoomSettings()
    max_pixels: int | None = None
    reading: Reading = AS_STORED

    def __post_init__(self) -> None:
        if not isinstance(self.model, str):
            raise TypeError(
                f"model is {type(self.model).__name__}; it must be a name, by which each worker "
                "builds it"
            )
        if isinstance(self.weights, os.PathLike) or os.path.isfile(str(self.weights)):
            object.__setattr__(self, "weights", os.path.abspath(self.weights))

    def build(self) -> Predictor:
        """Build the predictor.

        Raises:
            WeightsError, ValueError, TypeError: as :class:`raz.Predictor`.
        """
        from raz.prediction import Predictor

        return Predictor(
            self.model,
            self.weights,
            self.device,
            settings=self.settings,
            max_pixels=self.max_pixels,
            reading=self.reading,
        )

    def fingerprint(self) -> str:
        """Return a name for what the results depend on, weights files by their content."""
        from raz import __version__

        told = [__version__, self.model, str(self.weights), repr(asdict(self.settings))]
        told += [str(self.max_pixels), repr(self.reading)]
        digest = hashlib.sha256("\0".join(told).encode())
        if os.path.isfile(str(self.weights)):
            with open(self.weights, "rb") as file:
                digest.update(file.read())
        return digest.hexdigest()[:16]
