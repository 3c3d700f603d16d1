"""Neither raz nor its tests ask another machine for anything; and the guard that says so works."""

from __future__ import annotations

import ast
import os
import pkgutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import offline
import pytest

import raz
from raz import demo

OUTSIDE = "192.0.2.1"  # reserved for documentation: nobody is there

EVERY_MODULE = """
import importlib, sys

opened = []
sys.addaudithook(
    lambda event, arguments: opened.append((event, arguments[1:]))
    if event in ("socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo")
    else None
)
lacking = []
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        lacking.append((name, str(error)))
    assert not opened, (name, opened)
assert not lacking, lacking
"""


def modules() -> list[str]:
    """The name of every module of raz that is no program; what needs torch's libraries last."""
    found = {one.name for one in pkgutil.walk_packages(raz.__path__, "raz.")}
    programs = {name for name in found if name.endswith("__main__")}
    return ["raz", *sorted(found - programs - {"raz._C"}), "raz._C"]


def test_no_module_opens_a_socket_when_it_is_imported() -> None:
    names = modules()
    assert {"raz.serve.app", "raz.demo", "raz.models.downloads"} <= set(names)
    done = subprocess.run(
        [sys.executable, "-c", EVERY_MODULE, *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


ONLINE = {
    "raz.cli.serve": "the service listens",
    "raz.models.downloads": "weights from an address",
    "raz.models.transfer": "their transfer",
    "raz.training.heartbeat": "a process tells the others of its training that it is there",
    "raz.training.lock": "the name of this machine",
}
"""Modules that import what reaches other machines, and why. PyAV opens addresses of videos."""

REACHES = {"aiohttp", "ftplib", "http", "httpx", "requests", "smtplib", "socket", "ssl"}
REACHES |= {"urllib.request", "urllib3", "uvicorn", "webbrowser", "xmlrpc"}


def test_few_modules_can_reach_other_machines() -> None:
    (folder,) = raz.__path__
    found = set()
    for path in Path(folder).rglob("*.py"):
        name = ".".join(path.relative_to(Path(folder).parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            asked = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                asked = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            if any(one in REACHES or one.partition(".")[0] in REACHES for one in asked):
                found.add(name)
    assert found == set(ONLINE)


def test_the_page_of_raz_demo_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match="raz demo needs gradio"):
        demo.build_demo(None)
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


@pytest.fixture
def refused() -> Iterator[list[str]]:
    """What the guard refuses in this test, which is the one place where that is right."""
    yield offline.OUTSIDE
    offline.OUTSIDE.clear()


def connects() -> None:
    with socket.socket() as one:
        one.settimeout(0.1)
        one.connect((OUTSIDE, 80))


def sends() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"", (OUTSIDE, 9))


def resolves() -> None:
    socket.getaddrinfo("example.com", 80)


def downloads() -> None:
    urllib.request.urlopen(f"http://{OUTSIDE}/", timeout=0.1)


@pytest.mark.parametrize("asks", [connects, sends, resolves, downloads])
def test_another_machine_is_out_of_reach(asks, refused: list[str]) -> None:
    with pytest.raises(offline.OutsideError, match="this machine only"):
        asks()
    assert len(refused) == 1


def test_of_processes_that_tests_start_too() -> None:
    code = f"import socket; socket.create_connection(({OUTSIDE!r}, 80), timeout=0.1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "OutsideError" in done.stderr


def test_the_loopback_and_sockets_of_unix_are_in_reach(tmp_path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(("localhost", listener.getsockname()[1])),
    ):
        pass
    if hasattr(socket, "AF_UNIX"):
        path = os.path.relpath(tmp_path / "s")  # such names are short
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as one:
            listener.bind(path)
            listener.listen()
            one.connect(path)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("::1%lo", True),
        ("localhost", True), (None, True), ("", True), (b"127.0.0.1", True),
        ("0.0.0.0", False), ("10.0.0.1", False), ("::", False), ("localhost.example.com", False),
    ],
)  # fmt: skip
def test_which_hosts_are_here(host: object, here: bool) -> None:
    assert offline.is_here(host) is here
