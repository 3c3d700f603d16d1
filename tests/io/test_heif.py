from __future__ import annotations

import builtins
import io

import numpy as np
import pytest
from PIL import Image

from images import scene
from raz.errors import InputError
from raz.io.decoding import read_image, read_image_size
from raz.prediction import predict

WORDS = r'HEIC and HEIF images need pillow-heif \(pip install "\.\[heif\]"\)'


def photo(height: int = 48, width: int = 64) -> np.ndarray:
    return scene(height, width) // 2 + 32


@pytest.fixture
def heif():
    return pytest.importorskip("pillow_heif")


def save(heif, path, pixels, **options):
    heif.from_pillow(Image.fromarray(pixels)).save(path, quality=100, chroma=444, **options)
    return path


@pytest.fixture
def _unregistered(monkeypatch):
    """Pillow as it is before the plugin is registered."""
    Image.init()
    monkeypatch.setattr(Image, "OPEN", {k: v for k, v in Image.OPEN.items() if k != "HEIF"})
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])


@pytest.mark.usefixtures("_unregistered")
@pytest.mark.parametrize("name", ["photo.heic", "photo.jpg"])
def test_heic_is_read_with_its_extra(name, heif, tmp_path):
    path = save(heif, tmp_path / name, photo())
    np.testing.assert_allclose(read_image(path).astype(int), photo(), atol=6)
    assert read_image_size(path) == (64, 48)
    with pytest.raises(InputError, match="over the limit"):
        read_image(path, max_pixels=100)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_upright(orientation, heif, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(photo()).save(file, "PNG", exif=exif)
    (tmp_path / "photo.png").write_bytes(file.getvalue())
    path = save(heif, tmp_path / "photo.heic", photo(), exif=exif.tobytes())
    expected = read_image(tmp_path / "photo.png")
    found = read_image(path)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.astype(int), expected, atol=6)
    assert read_image_size(path) == expected.shape[1::-1]


@pytest.mark.usefixtures("_unregistered")
def test_without_its_extra_the_message_names_it(monkeypatch, tmp_path):
    found = builtins.__import__

    def missing(name, *args, **options):
        if name.startswith("pillow_heif"):
            raise ImportError(name)
        return found(name, *args, **options)

    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    monkeypatch.setattr(builtins, "__import__", missing)
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100)
    for read in (read_image, read_image_size, predict):
        with pytest.raises(InputError, match=WORDS):
            read(path)


def test_avif_without_support_names_the_pillow_that_has_it(monkeypatch, tmp_path):
    Image.init()
    monkeypatch.setattr(Image, "OPEN", {k: v for k, v in Image.OPEN.items() if k != "AVIF"})
    path = tmp_path / "photo.avif"
    path.write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf" + b"\0" * 100)
    with pytest.raises(InputError, match=r'AVIF images need a newer Pillow .*"pillow>=11\.3"'):
        read_image(path)
