"""The browser of the tests: it shows pages, and tells what went wrong in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser import axe_findings, console_errors, requests

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.slow


def page(folder: Path, body: str) -> str:
    file = folder / "page.html"
    file.write_text(f'<!doctype html><html lang="en"><title>a page</title><main>{body}</main>')
    return file.as_uri()


def test_a_good_page_has_no_errors_requests_or_findings(browser: Chrome, tmp_path: Path) -> None:
    address = page(tmp_path, "<h1>a heading</h1>")
    browser.get(address)
    assert browser.title == "a page"
    assert console_errors(browser) == []
    assert requests(browser) == [address]
    assert axe_findings(browser) == []


def test_what_is_wrong_with_a_page_is_found(browser: Chrome, tmp_path: Path) -> None:
    browser.get(page(tmp_path, "<img src='missing.png'><script>console.error('wrong')</script>"))
    assert any("wrong" in error for error in console_errors(browser))
    assert [Path(address).name for address in requests(browser)] == ["page.html", "missing.png"]
    assert [finding["rule"] for finding in axe_findings(browser)] == ["image-alt"]


def test_a_test_starts_without_what_another_one_left(browser: Chrome) -> None:
    assert browser.current_url == "about:blank"
    assert console_errors(browser) == []
    assert requests(browser) == []
