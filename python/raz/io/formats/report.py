"""The HTML report, as a format; `raz.io.report` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raz.io.formats.format import Collection, Format

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["FORMAT"]


def _text(result: Result) -> str:
    from raz.io.report import report_text

    return report_text(result)


def _collection() -> Collection[Result]:
    from raz.io.report import report_collection

    return report_collection()


FORMAT = Format(name="report", suffixes=(".html",), text=_text, collection=_collection)
