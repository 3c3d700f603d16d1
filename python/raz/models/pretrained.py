"""The sets of weights that come with the library: the one place of their digests and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class PublishedWeights:
    """One set of weights.

    Args:
        file: Name of the file in the package's folder of weights.
        sha256: Hexadecimal digest of the file, or None while it is not published: then unchecked.
        meta: Parameters, multiply-adds, figures reached, licence and recipe.
    """

    file: str
    sha256: str | None
    meta: dict[str, Any] = field(default_factory=dict, hash=False)


class WeightsEnum(Enum):
    """Base of the enums that list a net's weights; ``DEFAULT`` is the best of them."""

    @property
    def path(self) -> Path:
        """Where the file lies in the installed package."""
        return FOLDER / self._published.file

    @property
    def sha256(self) -> str | None:
        """Digest that is checked when the weights are loaded."""
        return self._published.sha256

    @property
    def meta(self) -> dict[str, Any]:
        """What is known of these weights; see :class:`PublishedWeights`."""
        return self._published.meta

    @property
    def _published(self) -> PublishedWeights:
        value: PublishedWeights = self.value
        return value


class RAZNetLiteWeights(WeightsEnum):
    """Weights of ``raznet_lite``."""

    SHANGHAITECH_V4 = PublishedWeights(
        file="raznet_lite_shanghaitech.safetensors",
        sha256="bf2a7eec2176eb0dee608cad75ade5232be7b7fc73e7a695d1ecc8b965fbd48f",
        meta={
            "parameters": 1_833_267,
            "multiply_adds_1024x768": 21_233_516_544,
            "trained_on": "ShanghaiTech parts A and B, training images",
            "backbone": "EfficientNet-Lite0, ImageNet, Apache-2.0",
            "licence": "its own, not the code's: see the model card",
            "figures": {
                "ShanghaiTech A, held-out tenth": {"mae": 97.78, "rmse": 161.52},
                "ShanghaiTech B, held-out tenth": {"mae": 12.18, "rmse": 17.99},
            },
            "recipe": "raz train, 424 minutes on two cores, and a mean; see the card beside it",
        },
    )
    DEFAULT = SHANGHAITECH_V4


class RAZNetVGG16Weights(WeightsEnum):
    """Weights of ``raznet_vgg16``: none are published."""
