from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from raz.io.decoding import to_image
from raz.models import RAZNetLiteWeights, UnitRange, get_model


def rgb() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (40, 56, 3), dtype=np.uint8)


def rotated() -> Image.Image:
    image = Image.fromarray(rgb())
    image.getexif()[0x0112] = 6
    return image


@pytest.mark.parametrize(
    "image",
    [
        rgb(),
        rgb()[..., ::-1],
        rgb()[..., 0],
        np.broadcast_to(np.uint8(7), (5, 4, 3)),
        Image.fromarray(rgb()),
        Image.fromarray(rgb()[..., 0]),
        rotated(),
        torch.from_numpy(rgb()).permute(2, 0, 1),
    ],
    ids=["rgb", "bgr seen as rgb", "grey", "read-only", "pil", "pil, grey", "pil, exif", "tensor"],
)
def test_the_net_gets_what_predict_gives_it(image) -> None:
    pixels = RAZNetLiteWeights.DEFAULT.transforms()(image)
    assert pixels.dtype == torch.float32
    assert torch.equal(pixels, to_image(image).float() / 255)


def test_a_net_takes_what_comes_out() -> None:
    model = get_model("raznet_lite")
    [people] = model([RAZNetLiteWeights.DEFAULT.transforms()(rgb())])
    assert people["count"] >= 0


def test_floats_stay_as_they_are() -> None:
    image = torch.rand(3, 4, 5)
    assert torch.equal(UnitRange()(image), image)
    assert UnitRange()(image.double()).dtype == torch.float32


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        ("a.jpg", TypeError, "image is str; it must be a PIL image"),
        (Image.new("RGBA", (2, 2)), TypeError, "mode 'RGBA'; it must be 'RGB' or 'L'"),
        (Image.new("I;16", (2, 2)), TypeError, "mode 'I;16'"),
        (np.zeros((2, 2)), TypeError, "image is float64; an array must be uint8"),
        (np.zeros((3, 2, 2), np.uint8), ValueError, r"shape \(3, 2, 2\)"),
        (np.zeros((0, 2, 3), np.uint8), ValueError, "not empty"),
        (torch.zeros(2, 2, 3), ValueError, r"shape \(2, 2, 3\)"),
        (torch.zeros(3, 2, 2, dtype=torch.int64), TypeError, "image is torch.int64"),
        (torch.zeros(3, 2, 2).to(torch.float8_e5m2), TypeError, "image is torch.float8_e5m2"),
        (torch.full((3, 2, 2), 2.0), ValueError, "values from 2 to 2"),
        (torch.full((3, 2, 2), torch.nan), ValueError, "values from nan to nan"),
    ],
)
def test_what_is_no_image_is_named(image, error, words) -> None:
    with pytest.raises(error, match=words):
        UnitRange()(image)
