"""One row per image: what a folder of Parquet holds."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from raz.io.formats.values import encodable

if TYPE_CHECKING:
    import pyarrow

    from raz.result import Result

__all__ = ["ID_COLUMN", "error_row", "name_of_text", "result_row", "table_of", "text_of_name"]

ID_COLUMN = "path"
"""The column by which Ray knows what is done."""

LEVEL = 0.9
"""Of the interval in ``count_low`` and ``count_high``, as in raz's JSON."""

_NO_TEXT = re.compile("[\udc80-\udcff]|\ufffd(?=[0-9A-F]{2})")
"""What stands for a byte of a file name that is no text, and what would be taken for its text."""

_BYTE = re.compile(rb"\xef\xbf\xbd([0-9A-F]{2})")
"""That text, in UTF-8: U+FFFD and the byte."""


def schema() -> pyarrow.Schema:
    """Return the columns.

    ``path`` string, of `text_of_name`; ``width`` and ``height`` int32, pixels; ``count``,
    ``count_low`` and ``count_high`` float64, persons, the latter two null where the weights do not
    tell; ``points`` list of [x, y], float32, pixels; ``scores`` list of float32; ``error`` string,
    null for an image that was counted. Of a row with an error all other columns but the path are
    null.

    Example:
        >>> schema().names[:4]
        ['path', 'width', 'height', 'count']
    """
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(ID_COLUMN, pa.string(), nullable=False),
            pa.field("width", pa.int32()),
            pa.field("height", pa.int32()),
            pa.field("count", pa.float64()),
            pa.field("count_low", pa.float64()),
            pa.field("count_high", pa.float64()),
            pa.field("points", pa.list_(pa.list_(pa.float32()))),
            pa.field("scores", pa.list_(pa.float32())),
            pa.field("error", pa.string()),
        ]
    )


def text_of_name(name: str) -> str:
    """Return a name as the column of paths holds it, from which `name_of_text` has it back.

    Bytes that are not UTF-8, which a file's name may have and Parquet may not, are U+FFFD and two
    hexadecimal digits each.

    Example:
        >>> text_of_name("a\\udcff.jpg") == "a\\ufffdFF.jpg"
        True
    """

    def escaped(found: re.Match[str]) -> str:
        return "".join(f"\ufffd{byte:02X}" for byte in found[0].encode(errors="surrogateescape"))

    return encodable(_NO_TEXT.sub(escaped, name))


def name_of_text(text: str) -> str:
    """Return the name that a text in the column of paths stands for.

    Example:
        >>> name_of_text("a\\ufffdFF.jpg") == "a\\udcff.jpg"
        True
    """
    name = _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())
    return name.decode(errors="surrogateescape")


def result_row(name: str, result: Result) -> dict[str, Any]:
    """Return the row of an image that was counted; its name is as text.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[3.5, 4.5]]), scores=torch.tensor([0.75]),
        ...     density=torch.ones(1, 1), count=1.0, count_density=1.0, count_points=1,
        ...     image_size=(8, 6),
        ... )
        >>> row = result_row("/photos/a.jpg", result)
        >>> row["width"], row["points"], row["count_low"]
        (8, [[3.5, 4.5]], None)
    """
    low = high = None
    with suppress(ValueError):  # the weights do not tell
        low, high = result.interval(LEVEL)
    width, height = result.image_size
    return {
        ID_COLUMN: name,
        "width": width,
        "height": height,
        "count": result.count,
        "count_low": low,
        "count_high": high,
        "points": result.points.cpu().tolist(),
        "scores": result.scores.cpu().tolist(),
        "error": None,
    }


def error_row(name: str, error: Exception) -> dict[str, Any]:
    """Return the row of an image that could not be counted; its name is as text.

    Example:
        >>> error_row("/a.jpg", ValueError("/a.jpg: no such file"))
        {'path': '/a.jpg', 'error': '/a.jpg: no such file'}
    """
    text = text_of_name(" ".join(str(error).split()))
    return {ID_COLUMN: name, "error": text if name in text else f"{name}: {text}"}


def table_of(rows: list[dict[str, Any]]) -> pyarrow.Table:
    """Return rows as a table of the columns of `schema`; what a row lacks is null.

    Example:
        >>> table_of([{"path": "/a.jpg", "error": "/a.jpg: is empty"}])["count"].to_pylist()
        [None]
    """
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=schema())
