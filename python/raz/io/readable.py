"""Which formats of images and videos this installation reads, and what the others need."""

from __future__ import annotations

import importlib.util

from raz.errors import installs

__all__ = ["images_read", "videos_read"]

_IMAGES = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "GIF": "GIF",
    "BMP": "BMP",
    "TGA": "TGA",
    "PPM": "PNM",
    "TIFF": "TIFF",
    "JPEG2000": "JPEG 2000",
    "WEBP": "WebP",
    "AVIF": "AVIF",
}
"""By Pillow's names; those that need a library of it are missing where it was built without."""

_FEATURES = {"JPEG": "jpg", "PNG": "zlib", "JPEG2000": "jpg_2000", "WEBP": "webp", "AVIF": "avif"}

_NEWER_PILLOW = 'pip install --upgrade "pillow>=11.3"'


def images_read() -> tuple[list[str], dict[str, str]]:
    """Return the formats of images that can be read, and how to install what the others need.

    Example:
        >>> reads, lacks = images_read()
        >>> "PNG" in reads, "PNG" in lacks
        (True, False)
    """
    from PIL import features

    supported = set(features.get_supported())
    lacks = {
        name: _NEWER_PILLOW
        for kind, name in _IMAGES.items()
        if kind in _FEATURES and _FEATURES[kind] not in supported
    }
    reads = [name for name in _IMAGES.values() if name not in lacks]
    if _is_there("rasterio"):
        reads.append("TIFF in windows")
        if "JPEG 2000" in lacks:
            del lacks["JPEG 2000"]
            reads.append("JPEG 2000")
    else:
        lacks["TIFF in windows"] = installs("tiles")
    if _is_there("pillow_heif"):
        reads.append("HEIC")
    else:
        lacks["HEIC"] = installs("heif")
    return reads, lacks


def videos_read() -> tuple[list[str], dict[str, str]]:
    """Return the containers of videos that can be read, by suffix, and what is to be installed.

    Example:
        >>> reads, lacks = videos_read()
        >>> bool(reads) != bool(lacks)
        True
    """
    from .video import VIDEO_SUFFIXES

    if not _is_there("av"):
        return [], {"videos": installs("video")}
    return sorted(suffix.removeprefix(".") for suffix in VIDEO_SUFFIXES), {}


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
