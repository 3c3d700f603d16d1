"""Figures as text, rows of a table, and values for JSON."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence

from raz.metrics.tally import Figures

__all__ = ["figures_table", "flat_figures", "json_figures"]

_WIDEST = 8
"""Columns of a table; with more, rows and columns change places."""

_SHARE = re.compile(r"f1|precision|recall(_.*)?|auc|(ap|ar)\d*|map|mar")
"""Names of figures between 0 and 1."""


def figures_table(figures: Figures) -> str:
    """Aligned text: shares of one as percentages, what is undefined as "-".

    Rows with the same figures stand in one block.
    """
    blocks = itertools.groupby(figures.items(), key=lambda row: tuple(row[1]))
    return "\n\n".join(_block(dict(rows)) for _, rows in blocks)


def flat_figures(figures: Figures) -> dict[str, float]:
    """One level of names: row and name joined by an underscore, the row "all" left out."""
    return {
        name if row == "all" else f"{row}_{name}": value
        for row, values in figures.items()
        for name, value in values.items()
    }


def json_figures(figures: Figures) -> dict[str, dict[str, float | None]]:
    """The same, with None (JSON's null) for what is undefined."""
    return {
        row: {name: None if math.isnan(value) else value for name, value in values.items()}
        for row, values in figures.items()
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
