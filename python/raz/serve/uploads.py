"""The image of a request: its body, or the file of a multipart form."""

from __future__ import annotations

import io

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile

_MOST_FIELDS = 8
_MOST_FIELD_BYTES = 4096


class UploadedImage(io.BytesIO):
    """The bytes of an image file, and the name that it has for the client.

    Args:
        data: the bytes.
        name: goes into the result as its path; no file of that name is opened.

    Example:
        >>> UploadedImage(b"GIF89a", "photo.gif").name
        'photo.gif'
    """

    def __init__(self, data: bytes, name: str | None) -> None:
        super().__init__(data)
        self.name = name


async def read_upload(request: Request, name: str | None = None) -> UploadedImage:
    """Read the image of a request.

    Args:
        request: whose body is the image, or a form with the image as its only file.
        name: of the image; by default the file name in the form.

    Raises:
        HTTPException: 400 the form is broken, 422 there is no image in it; also those of
            :class:`raz.serve.bodies.BoundedBodies`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return _image(await request.body(), name)
    try:
        async with request.form(
            max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES
        ) as form:
            files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
            if not files:
                raise HTTPException(422, "the form holds no file; send the image as one")
            return _image(await files[0].read(), name or files[0].filename or None)
    except UnicodeError as error:  # there are charsets that decode nothing
        raise HTTPException(400, f"the form is no text in its charset: {error}") from None


def _image(data: bytes, name: str | None) -> UploadedImage:
    if not data:
        raise HTTPException(422, f"{name or 'the image'}: holds no bytes")
    return UploadedImage(data, name)
