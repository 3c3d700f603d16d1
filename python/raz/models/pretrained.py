"""The sets of weights that come with the library: the one place of their digests and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from raz.models.transforms import UnitRange

FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class PublishedWeights:
    """One set of weights.

    Args:
        file: name of the file in the package's folder of weights.
        sha256: hexadecimal digest of the file, or None while it is not published: then unchecked.
        meta: what the model card tells, see :attr:`WeightsEnum.meta`.
    """

    file: str
    sha256: str | None
    meta: Mapping[str, Any] = field(default_factory=dict, hash=False)


class WeightsEnum(Enum):
    """Base of the enums that list a net's weights; ``DEFAULT`` is the best of them.

    Example:
        >>> weights = RAZNetLiteWeights.DEFAULT
        >>> weights.name, weights.meta["parameters"]
        ('SHANGHAITECH_V4', 1833267)
    """

    @property
    def path(self) -> Path:
        """File in the installed package."""
        return FOLDER / self._published.file

    @property
    def card(self) -> Path:
        """Model card beside the file, Markdown."""
        return self.path.with_suffix(".md")

    @property
    def sha256(self) -> str | None:
        """Digest that is checked when the weights are loaded."""
        return self._published.sha256

    @property
    def meta(self) -> Mapping[str, Any]:
        """What the model card tells of these weights.

        ``"architecture"``, name of the builder; ``"parameters"`` and
        ``"multiply_adds_1024x768"``; ``"trained_on"``, ``"backbone"``, ``"recipe"`` and
        ``"licence"``, text; ``"metrics"``, for each set of images and each reading its ``"mae"``,
        ``"rmse"`` and ``"bias"`` in persons.
        """
        return self._published.meta

    def transforms(self) -> UnitRange:
        """Make the transform from an image to the input of the net.

        Example:
            >>> import numpy as np
            >>> transform = RAZNetLiteWeights.DEFAULT.transforms()
            >>> transform(np.zeros((480, 640, 3), np.uint8)).shape
            torch.Size([3, 480, 640])
        """
        return UnitRange()

    @property
    def _published(self) -> PublishedWeights:
        value: PublishedWeights = self.value
        return value


class RAZNetLiteWeights(WeightsEnum):
    """Weights of ``raznet_lite``.

    Example:
        >>> RAZNetLiteWeights.DEFAULT.meta["metrics"]["ShanghaiTech B, held-out tenth"]["fusion"]
        {'mae': 9.36, 'rmse': 14.96, 'bias': -4.02}
    """

    SHANGHAITECH_V4 = PublishedWeights(
        file="raznet_lite_shanghaitech.safetensors",
        sha256="49f286df7dbff82b7aba7f5a3fe586a22151921d2e8e91b03e90facbf705f00e",
        meta={
            "architecture": "raznet_lite",
            "parameters": 1_833_267,
            "multiply_adds_1024x768": 21_233_516_544,
            "trained_on": "ShanghaiTech parts A and B, training images, and drawn scenes",
            "backbone": "EfficientNet-Lite0, ImageNet, Apache-2.0",
            "licence": "research use; the code's MIT licence does not extend to these weights",
            "metrics": {
                "ShanghaiTech A, held-out tenth": {
                    "density": {"mae": 97.23, "rmse": 169.75, "bias": 11.19},
                    "density+": {"mae": 87.89, "rmse": 191.44, "bias": -10.55},
                    "localization": {"mae": 121.20, "rmse": 238.13, "bias": 48.27},
                    "localization+": {"mae": 94.97, "rmse": 149.44, "bias": 39.90},
                    "average": {"mae": 87.34, "rmse": 157.63, "bias": 14.68},
                    "fusion": {"mae": 87.89, "rmse": 191.44, "bias": -10.55},
                },
                "ShanghaiTech B, held-out tenth": {
                    "density": {"mae": 10.67, "rmse": 16.30, "bias": -3.89},
                    "density+": {"mae": 9.36, "rmse": 14.96, "bias": -4.02},
                    "localization": {"mae": 13.88, "rmse": 20.43, "bias": 2.27},
                    "localization+": {"mae": 11.62, "rmse": 16.97, "bias": -0.23},
                    "average": {"mae": 9.92, "rmse": 14.86, "bias": -2.12},
                    "fusion": {"mae": 9.36, "rmse": 14.96, "bias": -4.02},
                },
            },
            "recipe": "raz train, five trainings of 424 minutes together on two cores, and the "
            "mean of the last three; see the model card",
        },
    )
    DEFAULT = SHANGHAITECH_V4


class RAZNetLite2Weights(WeightsEnum):
    """Weights of ``raznet_lite_2``: none are published.

    Example:
        >>> list(RAZNetLite2Weights)
        []
    """


class RAZNetVGG16Weights(WeightsEnum):
    """Weights of ``raznet_vgg16``: none are published.

    Example:
        >>> list(RAZNetVGG16Weights)
        []
    """
