"""``raz demo`` in a process of its own, used by a browser; `make test-tools` has what it needs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import raz
from browser import console_errors, requests
from raz.cli.main import main

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SCENE = Path(__file__).parents[2] / "examples" / "scene.jpg"

AUDITED = """
import sys

def heard(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host not in ("127.0.0.1", "localhost", "::1", b"127.0.0.1", None):
        print("ASKED", host, file=sys.stderr, flush=True)

sys.addaudithook(heard)
from raz.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_the_extra_is_named_where_it_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["demo"]) == 1
    assert 'raz demo needs gradio: pip install ".[demo]"' in capsys.readouterr().err


@pytest.fixture
def demo(unused_port):
    """The command, once its page is there: the process, and the page's address."""
    pytest.importorskip("gradio")
    process = subprocess.Popen(
        [sys.executable, "-c", AUDITED, "demo", "--port", str(unused_port)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
    )
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"the page is at (http://127\.0\.0\.1:\d+/)", line):
                yield process, found[1], said
                break
        else:
            pytest.fail("".join(said))
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def unused_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.slow
def test_an_image_that_is_dropped_is_counted(demo, browser: Chrome):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    process, address, said = demo

    def summary_has(words):
        wait = WebDriverWait(browser, 60)
        wait.until(lambda _: words in browser.find_element(By.ID, "summary").text)

    browser.get(address)
    wait = WebDriverWait(browser, 60)
    file = wait.until(lambda _: browser.find_element(By.CSS_SELECTOR, "input[type=file]"))
    file.send_keys(str(SCENE))
    result = raz.predict(SCENE)
    low, high = result.interval(0.9)
    summary_has(f"{result.count:.0f} people")
    summary_has(f"with a probability of 90% between {low:.0f} and {high:.0f}")
    summary_has(f"{len(result)} heads located with a score of 0.00 or more")
    if folder := os.environ.get("RAZ_SCREENSHOTS"):
        browser.save_screenshot(str(Path(folder, "demo.png")))
    sizes = "return [...document.images].map(image => [image.naturalWidth, image.naturalHeight])"
    wait.until(lambda _: browser.execute_script(sizes).count([1024, 768]) == 3)

    slider = browser.find_element(By.CSS_SELECTOR, "input[type=range]")
    ActionChains(browser).move_to_element_with_offset(
        slider, slider.size["width"] // 2 - 1, 0
    ).click().perform()
    summary_has("0 heads located with a score of 1.00 or more")

    browser.find_element(By.CSS_SELECTOR, "button[aria-label*=emove]").click()
    wait.until(lambda _: browser.find_element(By.ID, "summary").text == "")
    asked = requests(browser)
    assert asked
    assert all(one.startswith(address) for one in asked)
    # Gradio's own frontend says this of its players of video.
    assert [one for one in console_errors(browser) if "Method not implemented" not in one] == []

    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130
    printed, rest = process.communicate()
    assert printed == ""
    assert not [line for line in [*said, *rest.splitlines()] if line.startswith("ASKED")]
