"""Pages of the site that are files beside docs/: README, CONTRIBUTING, sources that pages link to.

The pages in docs/ are written for a reader of the repository, where `../csrc/cpu/point_nms.cpp` is
a link to a file. Here every such file becomes a page of its own, and the links follow.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

log = get_plugin_logger("repository")

# Files of the repository that have a page of a name of its own.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "examples/notebooks/quick_start.ipynb": "notebooks/quick_start.md",
    "examples/notebooks/step_by_step.ipynb": "notebooks/step_by_step.md",
    "python/raz/models/weights/raznet_lite_shanghaitech.md": "model_card.md",
}
LANGUAGES = {
    ".cpp": "cpp",
    ".cu": "cuda",
    ".h": "cpp",
    ".inc": "cpp",
    ".md": "markdown",
    ".py": "python",
    ".sh": "bash",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=[)#\s])")


class Repository:
    """Which file of the repository each page of the site shows."""

    def __init__(self, root: Path, files: Files) -> None:
        self.root = root
        self.page_of = {f"docs/{file.src_uri}": file.src_uri for file in files}
        self.file_of = {page: file for file, page in self.page_of.items()}

    def add(self, file: str, page: str) -> None:
        self.page_of[file] = page
        self.file_of[page] = file

    def target(self, link: str, page: str) -> str:
        """Return the path in the repository that a link of a page means."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.file_of[page]), link))


_repository: Repository


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for every file beside docs/ that a page links to."""
    global _repository
    _repository = Repository(Path(config.config_file_path).parent, files)
    waiting = [file.src_uri for file in files if file.src_uri.endswith(".md")]
    for path, page in PAGES.items():
        waiting += _add(path, page, files, config)
    while waiting:
        page = waiting.pop()
        for link in _links(_markdown(_repository.root / _repository.file_of[page])):
            path = _repository.target(link, page)
            if path not in _repository.page_of and (_repository.root / path).is_file():
                waiting += _add(path, _page_name(path), files, config)
    return files


def _page_name(path: str) -> str:
    return f"files/{path}.md" if Path(path).suffix in LANGUAGES else f"files/{path}"


def _add(path: str, page: str, files: Files, config: MkDocsConfig) -> list[str]:
    """Add one file; returns its page if its own links are to be followed."""
    _repository.add(path, page)
    if not page.endswith(".md"):
        files.append(File.generated(config, page, abs_src_path=str(_repository.root / path)))
        return []
    own = path in PAGES
    source = _repository.root / path
    content = _markdown(source) if own else _listing(path, source.read_text("utf-8"))
    inclusion = InclusionLevel.INCLUDED if own else InclusionLevel.NOT_IN_NAV
    files.append(File.generated(config, page, content=content, inclusion=inclusion))
    return [page] if own else []


def _markdown(source: Path) -> str:
    """Return the text of a page; of a notebook its cells."""
    text = source.read_text("utf-8")
    if source.suffix != ".ipynb":
        return text
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    parts = [f"```python\n{part}\n```" if kind == "code" else part for kind, part in cells]
    return (
        "\n\n".join(parts)
        + f"\n\nThe notebook is `{source.parent.name}/{source.name}` in `examples`.\n"
    )


def _listing(path: str, text: str) -> str:
    """Return a page that shows a source file; the search leaves it out."""
    language = LANGUAGES[Path(path).suffix]
    name = posixpath.basename(path)
    return (
        f"---\ntitle: {name}\nsearch:\n  exclude: true\nhide:\n  - toc\n---\n\n# {name}\n\n"
        f'`{path}`\n\n~~~~~~~~{language} linenums="1"\n{text.rstrip()}\n~~~~~~~~\n'
    )


def _links(markdown: str) -> list[str]:
    return LINK.findall(FENCE.sub("", markdown))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository into links to their pages."""
    here = page.file.src_uri
    if here == "index.md":
        page.meta["hide"] = ["navigation"]
    if here not in _repository.file_of or here.startswith("files/"):
        return markdown

    def turned(match: re.Match[str]) -> str:
        path = _repository.target(match[1], here)
        if path not in _repository.page_of:
            log.warning(f"{_repository.file_of[here]} links to {match[1]}, which is no file")
            return match[1]
        return os.path.relpath(_repository.page_of[path], posixpath.dirname(here) or ".")

    parts = []
    end = 0
    for fence in FENCE.finditer(markdown):
        parts += [LINK.sub(turned, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, LINK.sub(turned, markdown[end:])])
