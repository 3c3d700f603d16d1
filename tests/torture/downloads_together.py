"""Processes that download one file at once: a copy is whole or not there, whoever is killed."""

from __future__ import annotations

import hashlib
import logging
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

from downloads_server import check_cache
from drill import Effort
from hostile_server import Server, serving, whole

from raz.errors import WeightsError
from raz.models.downloads import downloaded_file

VERSIONS = [hashlib.sha256(bytes([n])).digest() * 8000 for n in range(3)]
"""What the file is, one after the other: 256,000 bytes each."""

RIGHT, REFUSED, WRONG, GONE = 10, 11, 12, 13
"""What a process found: exit codes."""

FULL = 100_000
"""Bytes to which a file can grow on a full disk."""


def together(effort: Effort) -> None:
    logging.getLogger("raz").setLevel(logging.ERROR)
    os.environ.update(no_proxy="localhost,127.0.0.1")
    with serving() as site:
        for index in effort.goes_on():
            home = effort.folder / f"home{index}"
            os.environ["TORCH_HOME"] = str(home)
            race(effort, site, home, index)
            if index % 4 == 0:
                for name, limit in (("a full disk", full), ("a read-only disk", read_only)):
                    little(effort, site, home / name, (name, limit))
            if effort.whole and effort.outcome.cases > 4000:
                break


def race(effort: Effort, site: Server, home: Path, index: int) -> None:
    """Some processes, a file that changes, some kills; then a process alone."""
    local = effort.folder / f"net{index}.pth"
    local.write_bytes(VERSIONS[0])
    url = effort.random.choice([local.as_uri(), f"{site.url}/{index}/net.pth"])
    count, kills = effort.random.randint(2, 6), effort.random.randint(0, 3)
    pauses = [effort.random.random() * 0.03 for _ in range(3 + kills)]
    with effort.case(f"{count} processes, {kills} killed, {url.partition(':')[0]}, number {index}"):
        change(site, local, index, 0)
        children = [child(lambda: read(url)) for _ in range(count)]
        for version, pause in enumerate(pauses[:3], 1):
            time.sleep(pause)
            change(site, local, index, version % 3)
        for pid, pause in zip(children[:kills], pauses[3:], strict=False):
            time.sleep(pause)
            os.kill(pid, signal.SIGKILL)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        for code in codes:
            assert code in (RIGHT, GONE, -signal.SIGKILL), f"a process found {code}"
            effort.answered({RIGHT: "whole", GONE: "replaced meanwhile"}.get(code, "killed"))
        check_whole(home)
        change(site, local, index, 0)
        assert downloaded_file(url).read_bytes() == VERSIONS[0]
        check_whole(home)


def change(site: Server, local: Path, index: int, version: int) -> None:
    """The file is another now, in one step, behind both addresses."""
    content = VERSIONS[version]
    site.answers[f"/{index}/net.pth"] = whole(content, f'ETag: "{version}"')
    new = local.with_suffix(".new")
    new.write_bytes(content)
    new.replace(local)


def read(url: str) -> int:
    """Several downloads; the exit code says what they gave."""
    worst = RIGHT
    for _ in range(4):
        path = downloaded_file(url)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            worst = GONE
            continue
        if content not in VERSIONS:
            return WRONG
    return worst


def child(work: Callable[[], int]) -> int:
    """Do work in a process of its own; its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = work()
    except WeightsError:
        code = REFUSED
    finally:
        os._exit(code)


def check_whole(home: Path) -> None:
    """As `check_cache`, beside what killed processes have left under names of their own."""
    for path in home.rglob("*"):
        if path.is_file() and (path.name.endswith(".part") or len(path.name) == 16):
            path.unlink()  # never the name of a copy
    if (home / "hub").exists():
        check_cache(home, killed=True)


Limit = tuple[str, Callable[[Path], None]]


def full(home: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, FULL))


def read_only(home: Path) -> None:
    for path in [home, *home.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:  # who may write everywhere
        os.setuid(65534)


def little(effort: Effort, site: Server, home: Path, asked: Limit) -> None:
    """Without a copy it is an error that names the folder; with one, that one is used."""
    name, limit = asked
    site.answers["/net.pth"] = whole(VERSIONS[0], 'ETag: "0"')
    url = f"{site.url}/net.pth"
    os.environ["TORCH_HOME"] = str(home)

    def limited() -> int:
        limit(home)
        try:
            content = downloaded_file(url).read_bytes()
        except WeightsError as error:
            said = f"cannot be kept in {home}" in str(error) and "TORCH_HOME" in str(error)
            return REFUSED if said else WRONG
        return RIGHT if content == VERSIONS[0] else WRONG

    for copy in (False, True):
        with effort.case(f"{name}, {'with a copy' if copy else 'nothing kept'}"):
            home.mkdir(parents=True, exist_ok=True)
            for folder in (home, *home.parents):
                if folder.is_relative_to(effort.folder.parent):
                    folder.chmod(0o755)
            if copy:
                downloaded_file(url)
                site.answers["/net.pth"] = whole(VERSIONS[1], 'ETag: "1"')
            code = os.waitstatus_to_exitcode(os.waitpid(child(limited), 0)[1])
            for path in [home, *home.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)
            assert code == (RIGHT if copy else REFUSED), f"exit code {code}"
            parts = [path for path in home.rglob("*") if path.name.endswith(".part")]
            assert not parts, parts
            effort.answered(f"{name}: {'the copy is used' if copy else 'refused'}")
