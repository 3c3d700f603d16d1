"""Images as text: JPEG in an address of the scheme ``data:``."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["as_jpeg"]


def as_jpeg(image: Image, *, quality: int) -> str:
    """Encode an image anew; nothing of its file's metadata is kept.

    Args:
        image: RGB.
        quality: of JPEG, 1 to 95.

    Example:
        >>> from PIL import Image
        >>> as_jpeg(Image.new("RGB", (4, 3)), quality=75)[:27]
        'data:image/jpeg;base64,/9j/'
    """
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
