"""What ``raz serve`` refuses before it listens, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from images import scene
from raz.cli.main import main

LOAD = Path(__file__).parents[2] / "bench" / "serve_load.py"


@pytest.mark.parametrize(
    ("options", "token", "code", "said"),
    [
        (["--host", "0.0.0.0"], None, 2, "--host: 0.0.0.0 is reached from other machines"),
        (["--host", "::"], None, 2, "a token is needed (--token-file, or RAZ_TOKEN"),
        ([], " ", 2, "RAZ_TOKEN is no token; it must be characters of ASCII"),
        (["--token-file", "missing"], None, 3, "missing: No such file or directory"),
        (["--token-file", "blank"], None, 3, "blank: holds no token"),
        (["--images", "missing"], None, 2, "--images: missing is no folder"),
        (["--port", "65536"], None, 2, "--port: 65536 is above 65535"),
        (["--timeout", "0"], None, 2, "--timeout: 0 is not a finite number above 0"),
        (["--model", "unknown", "--port", "0"], None, 2, "unknown model unknown"),
        (["--host", "nowhere.invalid"], "token", 1, "nowhere.invalid:8000: "),
    ],
)
def test_wrong_use(tmp_path, monkeypatch, capsys, options, token, code, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blank").write_text(" \n")
    monkeypatch.delenv("RAZ_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("RAZ_TOKEN", token)
    assert main(["serve", *options]) == code
    assert said in capsys.readouterr().err


def test_the_help_lists_the_exit_code_of_a_missing_token(capsys):
    assert main(["serve", "--help"]) == 0
    assert "3 --token-file holds no token" in capsys.readouterr().out


def test_a_port_that_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert capsys.readouterr().err == f"raz: 127.0.0.1:{port}: Address already in use\n"


def test_the_extra_is_named_where_it_is_missing(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("raz.serve")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["serve"]) == 1
    assert 'raz serve needs fastapi: pip install ".[serve]"' in capsys.readouterr().err


@contextmanager
def started(*options):
    """The command in a process of its own, once it listens: the process, and the address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "raz", "serve", "--port", "0", *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        for line in process.stderr:
            if found := re.search(r"listening on (http://\S+)", line):
                yield process, found[1]
                break
        else:
            pytest.fail("it does not listen")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_what_has_begun_finish(tmp_path, number):
    Image.fromarray(scene(700, 900)).save(tmp_path / "photo.png")
    content = (tmp_path / "photo.png").read_bytes()
    answers = []
    with started() as (process, address):
        clients = [
            threading.Thread(
                target=lambda: answers.append(
                    httpx.post(f"{address}/predict", content=content, timeout=60)
                )
            )
            for _ in range(4)
        ]
        for client in clients:
            client.start()
        with httpx.Client(base_url=address) as client:
            assert client.get("/metrics", headers={"host": "example.org"}).status_code == 421
            while True:
                state = client.get("/health").json()
                if state["counting"] + state["waiting"] + len(answers) == 4:
                    break
        process.send_signal(number)
        for client in clients:
            client.join()
        assert process.wait(30) == 130
        printed, said = process.communicate()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert printed == ""
    assert said.endswith("ended by a signal; requests that had begun have been answered\n")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/health")


@pytest.mark.slow
def test_a_client_that_does_not_read_its_answers_does_not_keep_the_service():
    with started("--timeout", "1") as (process, address):
        place = re.search(r'src="([^"]+bundle[^"]+)"', httpx.get(f"{address}/docs").text)[1]
        host, port = address.removeprefix("http://").split(":")
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect((host, int(port)))
            client.sendall(f"GET {place} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 20)
            assert client.recv(1)
            time.sleep(2)  # until the system keeps no more of the answers
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 130


@pytest.mark.slow
def test_a_second_signal_does_not_wait_for_the_count(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png", compress_level=1)
    content = (tmp_path / "photo.png").read_bytes()
    ends = []

    def ask(address):
        try:
            ends.append(httpx.post(f"{address}/predict", content=content, timeout=60))
        except httpx.TransportError as error:
            ends.append(error)

    with started("--quality", "best", "--threads", "1") as (process, address):
        client = threading.Thread(target=ask, args=(address,))
        client.start()
        while httpx.get(f"{address}/health").json()["counting"] == 0:
            pass
        process.send_signal(signal.SIGTERM)
        with suppress(httpx.TransportError):  # then the first one has come
            while True:
                httpx.get(f"{address}/health")
        process.send_signal(signal.SIGTERM)
        client.join()
        assert process.wait(30) == 130
        _, said = process.communicate()
    assert isinstance(ends[0], httpx.TransportError)
    assert said.endswith("raz: interrupted\n")
    assert "Traceback" not in said


def test_a_host_without_an_address_is_named(monkeypatch, capsys):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("RAZ_TOKEN", "secret")
    monkeypatch.setattr(socket, "create_server", unknown)
    assert main(["serve", "--host", "nowhere.invalid"]) == 1
    assert capsys.readouterr().err == "raz: nowhere.invalid:8000: Name or service not known\n"


@pytest.mark.slow
def test_under_load_no_request_is_lost():
    done = subprocess.run(
        [
            sys.executable,
            LOAD,
            *["--seconds", "8", "--clients", "6", "--quality", "fast"],
            *["--", "--waiting", "3", "--threads", "1"],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    assert figures["answered"] > 0
    assert figures["refused"] > 0
    assert figures["answered_after_the_signal"] > 0
