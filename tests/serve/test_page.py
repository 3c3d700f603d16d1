"""The page of the service's routes, in a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser import console_errors, requests
from raz.serve.app import create_app
from serve.serving import HeldPredictor, running

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.mark.slow
def test_the_page_shows_the_routes_and_asks_no_other_host(browser: Chrome):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with running(create_app(HeldPredictor())) as client:
        browser.get(str(client.base_url.join("/docs")))
        wait = WebDriverWait(browser, 30)
        wait.until(lambda _: "/label-studio/predict" in browser.page_source)
        shown = browser.find_element(By.TAG_NAME, "body").text
        assert "POST\n/predict\nCount and locate the people in an image" in shown
        assert "/health" in shown
        if folder := os.environ.get("RAZ_SCREENSHOTS"):
            browser.save_screenshot(str(Path(folder, "serve.png")))
        asked = requests(browser)
        assert asked
        assert all(one.startswith(str(client.base_url)) for one in asked)
        assert console_errors(browser) == []
