"""Files of URLs: kept by URL and content, checked, and asked for again where they may change."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from raz.errors import WeightsError
from raz.models import raznet_lite
from raz.models.downloads import downloaded_file
from raz.models.weights import downloaded_weights, load_backbone


class Site:
    """A server of a few files, which can be changed, counted and switched off."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.validates = True
        self.cuts = 0
        self.off = False


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = site.files.get(self.path)
            if site.off or content is None:
                self.send_error(503 if site.off else 404)
                return
            tag = hashlib.md5(content).hexdigest()
            if site.validates and self.headers["If-None-Match"] == tag:
                self.send_response(304)
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            if site.validates:
                self.send_header("ETag", tag)
            self.end_headers()
            site.sent.append(self.path)
            self.wfile.write(content[: len(content) - site.cuts])

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def named_by_digest(content: bytes) -> str:
    return f"/net-{hashlib.sha256(content).hexdigest()[:8]}.pth"


def test_files_of_one_name_are_told_apart_by_their_urls(site: Site) -> None:
    site.files = {"/a/model.pth": b"one", "/b/model.pth": b"two", "/a/model.pth?v=2": b"three"}
    for path, content in site.files.items():
        assert downloaded_file(site.url + path).read_bytes() == content
    for path, content in site.files.items():
        found = downloaded_file(site.url + path)
        assert found.read_bytes() == content
        assert found.name == "model.pth"


def test_a_file_that_has_not_changed_is_sent_once(site: Site) -> None:
    site.files = {"/model.pth": b"one"}
    for _ in range(3):
        assert downloaded_file(site.url + "/model.pth").read_bytes() == b"one"
    assert site.sent == ["/model.pth"]


@pytest.mark.parametrize("validates", [True, False])
def test_a_file_that_has_changed_is_noticed(
    site: Site, validates: bool, caplog: pytest.LogCaptureFixture
) -> None:
    site.validates = validates
    url = site.url + "/model.pth"
    site.files = {"/model.pth": b"one"}
    downloaded_file(url)
    with caplog.at_level(logging.WARNING, "raz"):
        downloaded_file(url)
        assert not caplog.messages
        site.files["/model.pth"] = b"another"
        assert downloaded_file(url).read_bytes() == b"another"
    assert caplog.messages == [f"{url} has changed since it was downloaded; the new file is used"]


def test_a_copy_serves_without_a_connection_and_says_so(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    url = site.url + "/model.pth"
    site.files = {"/model.pth": b"one"}
    downloaded_file(url)
    site.off = True
    with caplog.at_level(logging.WARNING, "raz"):
        assert downloaded_file(url).read_bytes() == b"one"
    assert f"{url}: HTTP Error 503: Service Unavailable; the copy of before is used" in caplog.text
    with pytest.raises(WeightsError, match=r"/other\.pth cannot be read as a weights file"):
        downloaded_file(site.url + "/other.pth")


@pytest.mark.parametrize("digest", [True, False])
def test_a_damaged_copy_is_downloaded_again(
    site: Site, digest: bool, caplog: pytest.LogCaptureFixture
) -> None:
    name = named_by_digest(b"one") if digest else "/model.pth"
    site.files = {name: b"one"}
    copy = downloaded_file(site.url + name)
    copy.write_bytes(b"onE")
    with caplog.at_level(logging.WARNING, "raz"):
        assert downloaded_file(site.url + name).read_bytes() == b"one"
    assert f"the copy {copy} is damaged" in caplog.text
    copy = downloaded_file(site.url + name)
    copy.write_bytes(b"")
    site.off = True
    with pytest.raises(
        WeightsError, match="cannot be read as a weights file: HTTP Error 503: Service Unavailable"
    ):
        downloaded_file(site.url + name)


def test_a_name_that_tells_its_digest_is_believed_and_checked(site: Site) -> None:
    name = named_by_digest(b"one")
    site.files = {f"/a{name}": b"one", f"/b{name}": b"two"}
    downloaded_file(f"{site.url}/a{name}")
    assert downloaded_file(f"{site.url}/c{name}").read_bytes() == b"one"  # the same by its name
    assert site.sent == [f"/a{name}"]
    downloaded_file(f"{site.url}/a{name}").unlink()
    with pytest.raises(WeightsError, match=r"its SHA-256 hash begins with .* its name says"):
        downloaded_file(f"{site.url}/b{name}")


def test_a_download_that_is_cut_leaves_nothing(site: Site, tmp_path: Path) -> None:
    site.files, site.cuts = {"/model.pth": b"0123456789"}, 4
    with pytest.raises(WeightsError, match=r"model\.pth cannot be read as a weights file"):
        downloaded_file(site.url + "/model.pth")
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_a_local_file_that_has_changed_is_noticed(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(b"one")
    first = downloaded_file(path.as_uri())
    assert first.read_bytes() == b"one"
    assert downloaded_file(path.as_uri()) == first
    path.write_bytes(b"two")
    assert downloaded_file(path.as_uri()).read_bytes() == b"two"
    assert not first.exists()
    other = tmp_path / "elsewhere/mine.pth"
    other.parent.mkdir()
    other.write_bytes(b"three")
    assert downloaded_file(other.as_uri()).read_bytes() == b"three"
    path.unlink()
    assert downloaded_file(path.as_uri()).read_bytes() == b"two"
    name = named_by_digest(b"one")
    named = tmp_path / name[1:]
    named.write_bytes(b"one")
    downloaded_file(named.as_uri())
    named.write_bytes(b"two")
    with pytest.raises(WeightsError, match="its SHA-256 hash begins with"):
        downloaded_file(named.as_uri())


@pytest.mark.parametrize(
    "path", ["/", "/a/..", "/..", "/" + 300 * "n" + ".pth", "/" + 80 * "%E4%BA%BA", "/%2e%2e"]
)
def test_names_that_are_no_names_of_files(site: Site, path: str, tmp_path: Path) -> None:
    site.files = {path: b"one"}
    found = downloaded_file(site.url + path)
    assert found.read_bytes() == b"one"
    assert (tmp_path / "home/hub/checkpoints/raz") in found.resolve().parents


def test_a_record_that_cannot_be_read_is_no_record(site: Site) -> None:
    site.files = {"/model.pth": b"one"}
    copy = downloaded_file(site.url + "/model.pth")
    record = copy.parent.parent / "record.json"
    for text in ("", "[]", '{"sha256": "../../secret"}', '{"url": 1}'):
        record.write_text(text)
        assert downloaded_file(site.url + "/model.pth").read_bytes() == b"one"


def test_a_backbone_is_the_one_of_its_url(site: Site, tmp_path: Path) -> None:
    model = raznet_lite()
    for folder, value in (("a", 0.25), ("b", 0.5)):
        state = {
            name: torch.full_like(weight, value)
            for name, weight in model.backbone.state_dict().items()
        }
        torch.save(state, tmp_path / "backbone.pth")
        site.files[f"/{folder}/backbone.pth"] = (tmp_path / "backbone.pth").read_bytes()
    for folder, value in (("a", 0.25), ("b", 0.5)):
        load_backbone(model, f"{site.url}/{folder}/backbone.pth")
        weights = next(model.backbone.parameters())
        assert bool((weights == value).all())


def test_what_a_url_gives_is_named_by_it(site: Site) -> None:
    site.files = {"/page.pth": b"<html>"}
    with pytest.raises(WeightsError) as caught:
        downloaded_weights(site.url + "/page.pth")
    assert str(caught.value).startswith(f"{site.url}/page.pth cannot be read as a weights file")


@pytest.mark.parametrize("digits", [8, 40, 64])
def test_a_digest_of_any_length_in_a_name_is_checked(site: Site, digits: int) -> None:
    path = f"/a-net-of-some-name-{hashlib.sha256(b'one').hexdigest()[:digits]}.safetensors"
    site.files[path] = b"two"
    with pytest.raises(WeightsError, match="its SHA-256 hash begins with"):
        downloaded_file(site.url + path)
    site.files[path] = b"one"
    assert downloaded_file(site.url + path).read_bytes() == b"one"
    assert downloaded_file(site.url + path).read_bytes() == b"one"
    assert site.sent == [path, path]


def test_a_disk_that_takes_nothing_is_named(site: Site, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    url = site.url + "/model.pth"
    site.files = {"/model.pth": bytes(5000)}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(WeightsError) as caught:
            downloaded_file(url)
        folder = tmp_path / "home" / "hub" / "checkpoints"
        assert f"{url} cannot be kept in {folder} (File too large)" in str(caught.value)
        assert "TORCH_HOME" in str(caught.value)
        assert not [path for path in folder.rglob("*") if path.is_file()]
        site.files = {"/model.pth": b"small"}
        assert downloaded_file(url).read_bytes() == b"small"
        site.files = {"/model.pth": bytes(5000)}
        assert downloaded_file(url).read_bytes() == b"small"  # the copy of before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_only_what_the_record_names_is_kept_and_old_parts_go(site: Site) -> None:
    site.files = {"/model.pth": b"one"}
    folder = downloaded_file(site.url + "/model.pth").parent.parent
    (folder / "0123456789abcdef").write_bytes(b"of a process that was killed")
    os.utime(folder / "0123456789abcdef", (0, 0))
    (folder / ("0" * 64)).mkdir()
    site.files = {"/model.pth": b"two"}
    new = downloaded_file(site.url + "/model.pth").parent
    assert {path.name for path in folder.iterdir()} == {new.name, "record.json", ".lock"}


def test_a_copy_that_another_process_replaces_is_asked_for_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pth")
    site.files = {"/a.pth": (tmp_path / "a.pth").read_bytes()}
    found = [tmp_path / "gone.pth", downloaded_file(site.url + "/a.pth")]
    monkeypatch.setattr("raz.models.weights.downloaded_file", lambda url: found.pop(0))
    assert downloaded_weights(site.url + "/a.pth")["a"].tolist() == [1]
