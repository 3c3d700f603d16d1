"""A worker of bulk prediction: takes names of images, gives their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from raz.errors import InputError, ResourceError
from raz.io.decoding import MAX_PIXELS
from raz.io.prefetch import MAX_WAITING_BYTES, read_ahead

from .recipe import Recipe
from .rows import ID_COLUMN, error_row, name_of_text, result_row, table_of
from .storage import Storage, is_bucket

if TYPE_CHECKING:
    import pyarrow

    from raz.io.images import OpenedImage

__all__ = ["ImageCounter"]


class ImageCounter:
    """Counts images by their names. Ray keeps one in each worker, which keeps its model.

    A background thread opens the next image while one is counted.

    Args:
        recipe: of the predictor.
        storage: opens the images.
        threads: of torch, in this process.

    Example:
        >>> import pyarrow as pa
        >>> counter = ImageCounter(Recipe(), Storage(), threads=1)  # doctest: +SKIP
        >>> counter(pa.table({"path": ["/missing.jpg"]}))["error"].to_pylist()  # doctest: +SKIP
        ['/missing.jpg: no such file']
    """

    def __init__(self, recipe: Recipe, storage: Storage, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._predictor = recipe.build()
        self._storage = storage

    def __call__(self, names: pyarrow.Table) -> pyarrow.Table:
        """Return a row for each name of a table; a bad image is a row with its error.

        Raises:
            OSError: a bucket cannot be reached.
        """
        opening = read_ahead(names[ID_COLUMN].to_pylist(), self._open, self._size)
        return table_of([self._row(name, opened) for name, opened in opening])

    def _row(self, name: str, opened: Callable[[], OpenedImage]) -> dict[str, object]:
        try:
            return result_row(name, self._predictor.count(opened()))
        except (InputError, ResourceError) as error:
            return error_row(name, error)

    def _open(self, text: str) -> OpenedImage:
        limit = self._predictor.reader.max_pixels or MAX_PIXELS
        image = self._storage.image(name_of_text(text), max_pixels=limit)
        return self._predictor.reader.open(image)

    def _size(self, text: str) -> int:
        """Bytes that an image takes while it is opened; of one in a bucket a guess."""
        name = name_of_text(text)
        if is_bucket(name):
            return MAX_WAITING_BYTES // 2
        try:
            return self._predictor.reader.examine(name).opening_bytes
        except (InputError, ResourceError):
            return 0  # opening it will say so
