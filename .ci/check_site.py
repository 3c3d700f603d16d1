"""Check the links of the built site: files and anchors; addresses elsewhere by their form.

MkDocs checks what the pages say; this checks what the pages became, the API reference and sources
too. Nothing is fetched, and no page may load anything from elsewhere.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).resolve().parent.parent / "out" / "site"
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src")}


class Page(HTMLParser):
    """What one page links to and loads, and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, bool]] = []  # the address, and whether it is loaded
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("id", "name"):
                self.anchors.add(value)
            if value and name in ("href", "src"):
                self.links.append((value, (tag, name) in LOADED))


def problem(link: str, loaded: bool, here: Path, pages: dict[Path, Page]) -> str | None:
    """Say what is wrong with a link of the page `here`."""
    parts = urlsplit(link)
    if parts.scheme in ("data", "mailto"):
        return None
    if parts.scheme or parts.netloc:
        if loaded:
            return "is loaded from elsewhere"
        good = parts.scheme in ("http", "https") and "." in (parts.hostname or "")
        return None if good else "is no address"
    target = (here.parent / unquote(parts.path)).resolve() if parts.path else here
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return "is no file of the site"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "names no anchor of its page"
    return None


def main(site: Path) -> int:
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(site.resolve().rglob("*.html"))}
    del pages[site.resolve() / "404.html"]  # its links begin at the root of a server
    wrong = [
        f"{here.relative_to(site.resolve())}: {link} {found}"
        for here, page in pages.items()
        for link, loaded in page.links
        if (found := problem(link, loaded, here, pages))
    ]
    print("\n".join(wrong), file=sys.stderr)
    links = sum(len(page.links) for page in pages.values())
    print(f"{links} links of {len(pages)} pages, {len(wrong)} wrong")
    return 1 if wrong or not links else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else SITE))
