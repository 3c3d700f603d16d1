"""The API reference: one page per public package, made from its docstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

# The anchors of names that a module has, too.
ANCHOR = re.compile(r'<a href="" id="([\w.]+)"></a>')
# :func:`raz.ops.point_nms`, as Markdown leaves it.
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):<code>(~?)([\w.]+)(?:\(\))?</code>")


# The packages whose names are promised; each has a page in the navigation of mkdocs.yml.
PACKAGES = (
    "raz",
    "raz.data",
    "raz.evaluation",
    "raz.export",
    "raz.io.formats",
    "raz.io.plot",
    "raz.io.points",
    "raz.io.report",
    "raz.losses",
    "raz.metrics",
    "raz.models",
    "raz.ops",
    "raz.reference",
    "raz.training",
    "raz.zoom",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add `api/<package>.md` for each package."""
    sources = Path(config.config_file_path).parent / "python"
    for package in PACKAGES:
        text = _page(package, sources.joinpath(*package.split(".")))
        files.append(File.generated(config, f"api/{package}.md", content=text))
    return files


def _promised(folder: Path) -> list[str]:
    """Return the names of a package's `__all__`, without importing it."""
    stub = folder / "__init__.pyi"
    source = stub if stub.is_file() else folder / "__init__.py"
    for node in ast.parse(source.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise ValueError(f"{source} has no __all__; a package of the API reference needs one")


def _page(package: str, folder: Path) -> str:
    """Return the package's docstring, then each of its names."""
    inner = {part.parent.name for part in folder.glob("*/__init__.py")}
    text = f"---\ntitle: {package}\n---\n\n::: {package}\n    options: {{members: false}}\n"
    for name in _promised(folder):
        if name.startswith("__") or (name in inner and package == "raz"):
            continue
        if (folder / f"{name}.py").is_file():  # its module, too, has the name raz.ops.point_nms
            text += f"\n[](){{#{package}.{name}}}\n\n::: {package}.{name}.{name}\n"
        else:
            text += f"\n::: {package}.{name}\n"
        text += "    options: {heading_level: 2, show_root_full_path: false}\n"
    if package == "raz":
        lines = "\n".join(f"- [`{name}`]({name}.md)" for name in PACKAGES[1:])
        text += f"\n## Packages\n\n{lines}\n"
    return text


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link the names that docstrings refer to."""
    if not page.file.src_uri.startswith("api/"):
        return html

    def linked(match: re.Match[str]) -> str:
        shown = match[2].rsplit(".", 1)[-1] if match[1] else match[2]
        inner = f"<code>{shown}</code>"
        if not match[2].startswith("raz."):
            return inner
        return f'<autoref optional identifier="{match[2]}">{inner}</autoref>'

    return ANCHOR.sub(r'<span id="\1"></span>', ROLE.sub(linked, html))
