"""Each operator's page ends its section "Speed" with the rows that performance.md has of it."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

SECTION = "\n## Where it is\n"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Add the table of the operator, folded."""
    if not page.file.src_uri.startswith("operators/"):
        return markdown
    operator = Path(page.file.src_uri).stem
    figures = (Path(config.docs_dir) / "performance.md").read_text("utf-8")
    table = re.search(rf"^#### {operator}\n\n((?:\|.*\n)+)", figures, re.MULTILINE)
    if table is None or SECTION not in markdown:
        return markdown
    rows = "".join(f"    {row}\n" for row in table[1].splitlines())
    note = f'\n??? note "The figures, as they stand in Performance"\n\n{rows}'
    return markdown.replace(SECTION, note + SECTION, 1)
