"""The built site (`make docs`): its links, and what a browser and axe-core say of its pages."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser import axe_findings, console_errors, requests

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ROOT = Path(__file__).parents[2]
CHECK = ROOT / ".ci/check_site.py"
SITE = ROOT / "out/site"
if not CHECK.is_file():
    pytest.skip("scripts of CI are not in the source distribution", allow_module_level=True)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Serve the built site; without one skip, or fail if RAZ_EXPECT_SITE is 1."""
    if not (SITE / "index.html").is_file():
        if os.environ.get("RAZ_EXPECT_SITE") == "1":
            pytest.fail("the site is not built (make docs), and RAZ_EXPECT_SITE is 1")
        pytest.skip("the site is not built (make docs)")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECK), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("<a href='other.html#there'>", None),
        ("<a href='#here'>", None),
        ("<a href='https://example.org/a'>", None),
        ("<a href='other.html#nowhere'>", "names no anchor"),
        ("<a href='missing.html'>", "is no file"),
        ("<a href='https:/example'>", "is no address"),
        ("<script src='https://example.org/a.js'></script>", "is loaded from elsewhere"),
    ],
)
def test_links_are_checked(tmp_path: Path, link: str, wrong: str | None) -> None:
    (tmp_path / "404.html").write_text("")
    (tmp_path / "other.html").write_text("<p id='there'>")
    (tmp_path / "index.html").write_text(f"<h1 id='here'></h1>{link}")
    done = checked(tmp_path)
    assert done.returncode == (0 if wrong is None else 1)
    assert (wrong or "") in done.stderr


PAGES = ["index.html", "operators/density_map.html", "api/raz.ops.html", "api/raz.html"]


def open_as_new(browser: Chrome, site: str, name: str, scheme: str) -> None:
    """Open a page as one who was never on the site and prefers dark or light colours."""
    browser.get("about:blank")  # the page before would write down the scheme as the reader's choice
    browser.execute_cdp_cmd(
        "Storage.clearDataForOrigin", {"origin": site, "storageTypes": "local_storage"}
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get(site + name)
    from selenium.webdriver.support.ui import WebDriverWait

    colours = {"light": "default", "dark": "slate"}[scheme]
    WebDriverWait(browser, 20).until(
        lambda page: page.find_elements("css selector", f"body[data-md-color-scheme={colours}]")
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_accessible_and_asks_nobody(
    browser: Chrome, site: str, name: str, scheme: str
) -> None:
    open_as_new(browser, site, name, scheme)
    assert axe_findings(browser) == []
    assert console_errors(browser) == []
    assert [address for address in requests(browser) if not address.startswith(site)] == []


@pytest.mark.slow
def test_no_page_is_wider_than_a_phone(browser: Chrome, site: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    for name in ("index.html", "architecture.html", "performance.html", "api/raz.html"):
        browser.get(site + name)
        wide = browser.execute_script(
            "const page = document.documentElement; return page.scrollWidth - page.clientWidth;"
        )
        assert wide == 0, name
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
