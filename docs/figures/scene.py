"""The scene of the figures, what is in it, and what raz sees in it: computed once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

import raz

EXAMPLES = Path(__file__).parents[2] / "examples"
CROP = (96, 376, 336, 536)
"""Where the figures of single heads look: x1, y1, x2, y2."""


@dataclass(frozen=True)
class Scene:
    """The drawn crowd of examples/, its true heads, and the net's maps of the first pass."""

    image: Image.Image
    heads: npt.NDArray[np.float32]  # [N, 2], (x, y) in pixels
    probability: torch.Tensor  # [H, W], of the localization map
    density: torch.Tensor  # [H / 8, W / 8], persons per cell, not corrected
    attention: torch.Tensor  # [H / 8, W / 8]
    first: raz.Result  # depth 1
    zoomed: raz.Result  # depth 2

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, as the operators take them."""
        return self.image.height, self.image.width

    @property
    def points(self) -> torch.Tensor:
        return torch.from_numpy(self.heads)


@cache
def scene() -> Scene:
    """Read the scene and run the net on it."""
    image = Image.open(EXAMPLES / "scene.jpg").convert("RGB")
    heads = json.loads((EXAMPLES / "scene.json").read_text("utf-8"))["points"]
    model = raz.get_model("raznet_lite")
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        maps = model.maps(pixels)
    return Scene(
        image=image,
        heads=np.array(heads, dtype=np.float32),
        probability=maps["localization"][0].sigmoid(),
        density=maps["density"][0],
        attention=maps["attention"][0],
        first=model.predict(image, depth=1),
        zoomed=model.predict(image, depth=2),
    )
