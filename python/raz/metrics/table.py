"""The figures of a measurement: a table of named rows, and its texts."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence

__all__ = ["MetricTable"]

_WIDEST = 8
"""Columns of a table; with more, rows and columns change places."""

_SHARE = re.compile(r"f1|precision|recall(_.*)?|auc|(ap|ar)\d*|map|mar")
"""Names of figures between 0 and 1, which are printed as percentages."""


class MetricTable(dict[str, dict[str, float]]):
    """Figures by row and name, a dictionary of dictionaries; NaN where a figure is undefined.

    As a string it is an aligned table.

    Example:
        >>> from raz.metrics import MetricTable
        >>> table = MetricTable({"4px": {"f1": 0.5, "tp": 3}, "8px": {"f1": 1.0, "tp": 12}})
        >>> table["4px"]["f1"]
        0.5
        >>> print(table)
                    f1  tp
        4px   50.0000%   3
        8px  100.0000%  12
        >>> table.flat()
        {'4px_f1': 0.5, '4px_tp': 3, '8px_f1': 1.0, '8px_tp': 12}
    """

    def __str__(self) -> str:
        """Return aligned text: shares of one as percentages, undefined figures as "-".

        Neighbouring rows with the same figures share one block.
        """
        blocks = itertools.groupby(self.items(), key=lambda row: tuple(row[1]))
        return "\n\n".join(_block(dict(rows)) for _, rows in blocks)

    def flat(self) -> dict[str, float]:
        """Return one level of names: row and name joined by "_", without a row "all"."""
        return {
            name if row == "all" else f"{row}_{name}": value
            for row, values in self.items()
            for name, value in values.items()
        }

    def to_json(self) -> dict[str, dict[str, float | None]]:
        """Return the same for JSON: None (null) where a figure is undefined."""
        return {
            row: {name: None if math.isnan(value) else value for name, value in values.items()}
            for row, values in self.items()
        }


def _block(rows: Mapping[str, Mapping[str, float]]) -> str:
    names = list(next(iter(rows.values())))
    cells = [[_text(name, row[name]) for name in names] for row in rows.values()]
    if len(names) > _WIDEST:
        return _aligned(list(rows), names, [list(column) for column in zip(*cells, strict=True)])
    return _aligned(names, list(rows), cells)


def _aligned(head: Sequence[str], side: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    table = [["", *head], *([name, *row] for name, row in zip(side, cells, strict=True))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}"
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in table
    )


def _text(name: str, value: float) -> str:
    if math.isnan(value):
        return "-"
    if isinstance(value, int):
        return str(value)
    if _SHARE.fullmatch(name):
        return f"{100 * value:.4f}%"
    return f"{value:.5f}" if name == "nae" else f"{value:.3f}"
