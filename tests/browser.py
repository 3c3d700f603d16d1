"""A real headless Chromium for tests of pages, and what to ask it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

__all__ = ["axe_findings", "console_errors", "open_chromium", "requests"]

AXE = Path(__file__).parents[1] / "out" / "axe-core" / "package" / "axe.min.js"
"""Where `make axe` puts axe-core."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # /dev/shm is small in containers
    "--force-color-profile=srgb",
    "--window-size=1280,900",
    "about:blank",  # not the browser's own start page, which loads much
]


def missing(what: str) -> None:
    """Skip the test, or fail it where the environment variable RAZ_EXPECT_BROWSER is 1."""
    if os.environ.get("RAZ_EXPECT_BROWSER") == "1":
        pytest.fail(f"{what}, and RAZ_EXPECT_BROWSER is 1")
    pytest.skip(what)


@contextmanager
def open_chromium(folder: Path) -> Iterator[Chrome]:
    """Start Chromium with a fresh profile in a folder; it ends with the block.

    Its console and its network are logged, for :func:`console_errors` and :func:`requests`.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        missing("Chromium and its driver are not installed (Debian: chromium chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(program)
    for flag in (*_FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With the driver's place given, selenium looks for none and downloads none.
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


def console_errors(browser: Chrome) -> list[str]:
    """Return warnings and errors of the console since the last call."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] != "INFO"]


def requests(browser: Chrome) -> list[str]:
    """Return the addresses that pages asked for since the last call, the pages' own among them.

    What is in the page itself (``data:``, ``blob:``) is left out.
    """
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    addresses = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return [address for address in addresses if not address.startswith(("data:", "blob:"))]


def axe_findings(browser: Chrome) -> list[dict[str, Any]]:
    """Return axe-core's serious and critical findings about the page: rule, impact, elements."""
    if not AXE.is_file():
        missing("axe-core is not there (make axe)")
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document, {resultTypes: ['violations']}).then(done, error => done(String(error)));"
    )
    assert isinstance(found, dict), found
    assert found["passes"], "axe-core has tested nothing"
    return [
        {
            "rule": violation["id"],
            "impact": violation["impact"],
            "elements": [node["html"] for node in violation["nodes"]],
        }
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
