"""The page of a report without its results: the template with the style and the scripts in it.

A Content-Security-Policy in the page lets this one style and this one script run, by their hashes,
and images of the scheme ``data:`` be shown. Everything else is refused, the network above all.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["Page", "page"]

_SCRIPTS = (
    "numbers",
    "polygon",
    "density",
    "interval",
    "ground",
    "colours",
    "viewport",
    "dots",
    "canvas",
    "drawing",
    "heads",
    "area",
    "trace",
    "zones",
    "view",
    "chart",
    "table",
    "report",
)
"""Files of ``scripts/``, in the order in which they are joined."""

_RESULTS = "<!-- results -->"


class Page(NamedTuple):
    """What stands before and after the results.

    Example:
        >>> page().head[:15]
        '<!doctype html>'
    """

    head: str
    tail: str


@cache
def page() -> Page:
    """Read and join the files of the page.

    Example:
        >>> "default-src 'none'" in page().head, "://" in page().head
        (True, False)
    """
    folder = files("raz.io.report")
    style = folder.joinpath("report.css").read_text(encoding="utf-8")
    script = "\n".join(
        folder.joinpath("scripts", f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS
    )
    policy = "; ".join(
        [
            "default-src 'none'",
            "img-src data:",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    text = folder.joinpath("template.html").read_text(encoding="utf-8")
    for mark, content in (("policy", policy), ("style", style), ("script", script)):
        text = text.replace(f"{{{{ {mark} }}}}", content)
    head, _, tail = text.partition(_RESULTS)
    return Page(head, tail)


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
