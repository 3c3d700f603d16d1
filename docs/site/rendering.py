"""Formulas and diagrams become MathML and SVG here, so that a reader's browser needs no script."""

from __future__ import annotations

import html as entities
import re

import mermaidx
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

FORMULA = re.compile(r'<(span|div) class="arithmatex">(.*?)</\1>', re.DOTALL)
DIAGRAM = re.compile(r'<pre class="mermaid"><code>(.*?)</code></pre>', re.DOTALL)
VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace what Markdown left of formulas and diagrams."""
    html = FORMULA.sub(_formula, html)
    numbers = iter(range(len(html)))
    return DIAGRAM.sub(lambda match: _diagram(match[1], next(numbers)), html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Name the dialog of the search for screen readers; the theme leaves it without a name."""
    return output.replace(
        'data-md-component="search" role="dialog"',
        'data-md-component="search" role="dialog" aria-label="Search"',
    )


def _formula(match: re.Match[str]) -> str:
    text = entities.unescape(match[2]).strip()
    text = text.removeprefix("\\(").removesuffix("\\)").removeprefix("\\[").removesuffix("\\]")
    block = match[1] == "div"
    formula = convert(text.strip(), display="block" if block else "inline")
    return f'<div class="formula" tabindex="0">{formula}</div>' if block else formula


def _diagram(source: str, number: int) -> str:
    drawing = mermaidx.render(entities.unescape(source)).svg()
    # One page may have several: their styles and arrowheads refer to these names.
    drawing = drawing.replace("my-svg", f"diagram-{number}")
    width = VIEW_BOX.search(drawing)
    style = f"--diagram-width: {float(width[1]):.0f}px" if width else ""
    return f'<div class="diagram" tabindex="0" style="{style}">{drawing}</div>'
