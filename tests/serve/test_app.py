from __future__ import annotations

import json
import math
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

import raz
from images import scene
from raz.cli.main import main
from raz.errors import ResourceError
from raz.io.formats.raz_json import json_text
from raz.result import Region, SkippedRegion
from raz.serve.answers import ResultForm
from raz.serve.app import create_app
from raz.serve.limits import Limits
from serve.serving import HeldPredictor, make, running


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "photo.png"
    Image.fromarray(scene(48, 64)).save(path)
    return path


@pytest.fixture(scope="module")
def client():
    predictor = raz.Predictor(max_pixels=10_000)
    with running(create_app(predictor, Limits(bytes=50_000))) as client:
        yield client


@pytest.fixture
def held():
    predictor = HeldPredictor()
    yield predictor
    predictor.go.set()


def printed(capsys, monkeypatch, photo, *options):
    monkeypatch.chdir(photo.parent)
    assert main(["predict", "--json", "--quiet", *options, photo.name]) == 0
    return capsys.readouterr().out


def without_seconds(text):
    """How long a region took is another time each time."""
    return re.sub(r'"seconds": [0-9.e-]+', '"seconds": 0', text)


@pytest.mark.parametrize("options", [[], ["--depth", "1"], ["--quality", "fast"]])
def test_the_answer_is_what_raz_predict_prints(client, photo, capsys, monkeypatch, options):
    query = dict(zip([name.lstrip("-") for name in options[::2]], options[1::2], strict=True))
    expected = printed(capsys, monkeypatch, photo, *options)
    raw = client.post("/predict", params=query | {"name": photo.name}, content=photo.read_bytes())
    with photo.open("rb") as file:
        form = client.post("/predict", params=query, files={"image": file})
    for answer in (raw, form):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert without_seconds(answer.text) == without_seconds(expected)
    assert isinstance(raw.json()["count"], float)


def test_an_image_without_a_name_has_no_path(client, photo):
    assert client.post("/predict", content=photo.read_bytes()).json()["path"] is None


def test_points_can_be_left_out(client, photo):
    content = photo.read_bytes()
    whole = client.post("/predict", content=content, params={"depth": 1}).json()
    short = client.post("/predict", content=content, params={"depth": 1, "points": False}).json()
    assert whole.keys() - short.keys() == {"points"}
    assert short["count"] == whole["count"]


def test_no_file_is_opened_by_its_name(client, photo):
    answer = client.post("/predict", files={"image": (str(photo), b"no image")})
    assert answer.status_code == 422
    assert "not an image" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"depth": 0}, "depth is 0; it must be at least 1"),
        ({"depth": 9}, "depth: Input should be less than or equal to 8"),
        ({"seed": 2**63}, "seed: Input should be less"),
        ({"max_seconds": "nan"}, "max_seconds: Input should be a finite number"),
        ({"min_score": 2}, "min_score is 2.0; it must be at most 1"),
        ({"quality": "good"}, "quality: Input should be 'fast', 'balanced' or 'best'"),
        ({"tile": 64}, "tile: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_parameter(client, photo, query, said):
    answer = client.post("/predict", params=query, content=photo.read_bytes())
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ({"content": b""}, 422, "the image: holds no bytes"),
        ({"files": {"image": ("a.jpg", b"")}}, 422, "a.jpg: holds no bytes"),
        ({"content": b"no image"}, 422, "not an image file"),
        ({"content": b"x" * 50_001}, 413, "larger than 50,000 bytes"),
        ({"content": iter([b"x" * 30_000] * 2)}, 413, "larger than 50,000 bytes"),
        ({"data": {"image": "text"}, "files": {}}, 422, "not an image file"),
        ({"files": {"image": (None, b"a field")}}, 422, "the form holds no file"),
        ({"files": [("a", b"1"), ("b", b"2")]}, 400, "Too many files"),
        (
            {"content": b"--", "headers": {"content-type": "multipart/form-data"}},
            400,
            "boundary",
        ),
        (
            {
                "content": b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--X--\r\n',
                "headers": {"content-type": "multipart/form-data; boundary=X; charset=undefined"},
            },
            400,
            "the form is no text in its charset",
        ),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(client, request_, status, said):
    answer = client.post("/predict", **request_)
    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert said in answer.json()["detail"]


def test_an_image_of_too_many_pixels(client, tmp_path):
    Image.new("L", (101, 100)).save(tmp_path / "large.png")
    answer = client.post("/predict", content=(tmp_path / "large.png").read_bytes())
    assert answer.status_code == 413
    assert "101 x 100 pixels are over the limit of 10,000" in answer.json()["detail"]


def test_a_client_gets_the_answer_though_it_still_sends(client):
    def slowly():
        for _ in range(200):
            yield b"x" * 1000

    assert client.post("/predict", content=slowly()).status_code == 413


@pytest.mark.parametrize("place", ["predict", "label-studio/predict"])
def test_a_client_that_hangs_up_while_it_sends_is_no_error_of_the_service(held, place, caplog):
    head = f"POST /{place} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    with running(create_app(held)) as client:
        address = (client.base_url.host, client.base_url.port)
        with socket.create_connection(address) as connection:
            connection.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
        while f'/{place.rpartition("/")[2]}"' not in (text := client.get("/metrics").text):
            pass
    assert f'raz_requests_total{{route="/{place}",status="499"}} 1.0' in text
    assert not caplog.records


def test_who_finds_no_place_is_told_when_to_retry(held):
    held.go.clear()
    with (
        running(create_app(held, Limits(waiting=1))) as client,
        ThreadPoolExecutor(2) as clients,
    ):
        accepted = [clients.submit(client.post, "/predict", content=b"1") for _ in range(2)]
        assert held.began.acquire(timeout=30)
        while client.get("/health").json()["waiting"] < 1:
            pass
        refused = client.post("/predict", content=b"2")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        held.go.set()
        assert [each.result().status_code for each in accepted] == [200, 200]
        assert client.post("/predict", content=b"3").status_code == 200
    assert held.most == 1


def test_what_takes_too_long_is_given_up_and_its_thread_is_not(held):
    held.go.clear()
    with running(create_app(held, Limits(seconds=0.2))) as client:
        assert client.post("/predict", content=b"1").status_code == 504
        waited = client.post("/predict", content=b"2")
        assert waited.status_code == 503
        assert "retry-after" in waited.headers
        held.go.set()
        assert held.began.acquire(timeout=30)
        while client.get("/health").json()["counting"]:
            pass
        assert client.post("/predict", content=b"3").status_code == 200
    assert len(held.order) == 2


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ResourceError("image: memory ran out"), 503, "image: memory ran out"),
        (RuntimeError("a secret"), 500, "an error inside the service; its log tells which"),
    ],
)
def test_errors_of_counting(held, error, status, said):
    held.error = error
    with running(create_app(held)) as client:
        answer = client.post("/predict", content=b"1")
    assert answer.status_code == status
    assert answer.json() == {"detail": said}


def test_the_token(held):
    with running(create_app(held, token="sesame")) as client:
        wrong = client.post("/predict", content=b"1")
        assert wrong.status_code == 401
        assert wrong.headers["www-authenticate"] == "Bearer"
        bad = {"authorization": "Bearer sesam\u00e9".encode()}
        for refused in (
            client.get("/metrics"),
            client.post("/label-studio/predict", json={"tasks": []}),
            client.post("/predict", content=b"1", auth=("any", "other")),
            client.post("/predict", content=b"1", headers=bad),
        ):
            assert refused.status_code == 401
        assert not held.order
        assert client.get("/health").status_code == 200
        good = {"authorization": "Bearer sesame"}
        bearer = client.post("/predict", content=b"1", headers=good)
        basic = client.post("/predict", content=b"1", auth=("any", "sesame"))
        assert (bearer.status_code, basic.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 200) for host in ("localhost", "LocalHost:80", "127.0.0.1:8000", "127.9.9.9")),
        *((host, 200) for host in ("[::1]", "[::1]:8000")),
        *((host, 421) for host in ("example.org", "example.org:8000", "evil_one.example", "")),
        *((host, 421) for host in ("192.168.1.1", "[::2]", "[", "::1", "localhost.example.org")),
    ],
)
def test_without_a_token_only_this_machine_is_answered(held, host, status):
    with running(create_app(held, loopback_only=True)) as client:
        headers = {"host": host}
        predicted = client.post("/predict", content=b"1", headers=headers)
        measured = client.get("/metrics", headers=headers)
        task = client.post("/label-studio/predict", json={"tasks": []}, headers=headers)
        assert [predicted.status_code, measured.status_code, task.status_code] == [status] * 3
        assert len(held.order) == (status == 200)
        assert client.get("/health", headers=headers).status_code == 200
        if status == 421:
            assert f"Host is {host!r}; it must be localhost" in predicted.json()["detail"]


def test_a_token_is_enough_for_every_host(held):
    with running(create_app(held, token="sesame", loopback_only=True)) as client:
        headers = {"host": "example.org", "authorization": "Bearer sesame"}
        assert client.post("/predict", content=b"1", headers=headers).status_code == 200


def test_metrics(held):
    with running(create_app(held, Limits(parallel=2, waiting=3))) as client:
        client.post("/predict", content=b"1")
        client.post("/predict?depth=0", content=b"1")
        client.get("/nowhere")
        client.get("/label-studio/health")
        text = client.get("/metrics").text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["raz_requests_total", "/predict", "200"] == 1
    assert found["raz_requests_total", "/predict", "422"] == 1
    assert found["raz_requests_total", "other", "404"] == 1
    assert found["raz_requests_total", "/label-studio/health", "200"] == 1
    assert found["raz_images_total",] == 1
    assert found["raz_pixels_total",] == 240
    assert found["raz_places",] == 5
    assert found["raz_request_seconds_count", "/predict"] == 2


def test_health(client):
    assert client.get("/health").json() == {
        "status": "ok",
        "model": "raznet_lite",
        "device": "cpu",
        "raz_version": raz.__version__,
        "counting": 0,
        "waiting": 0,
    }


def test_predict_is_the_first_route_that_takes_a_body(held):
    paths = create_app(held).openapi()["paths"]
    assert next(path for path, methods in paths.items() if "post" in methods) == "/predict"


def test_the_page_of_the_routes_asks_no_other_host(client):
    page = client.get("/docs").text
    assert "//" not in re.sub(r"<!--.*?-->|window\.location\.origin", "", page)
    for place in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert client.get(place).status_code == 200


REGION = Region(
    box=(1.0, 2.0, 9.0, 10.0),
    score=0.5,
    depth=2,
    scale=2.0,
    points_before=3,
    points_after=4,
    count_before=3.25,
    count_after=4.5,
    crowded=1.5,
)
SKIPPED = SkippedRegion(box=(9.0, 2.0, 12.0, 10.0), score=0.25, depth=2, reason="max_seconds")


@pytest.mark.parametrize(
    "result", [make(), make(()), make((math.nan, 1.0), count=math.nan, path="a.jpg", time=0.5)]
)
def test_the_description_holds_every_field_of_the_answer(result):
    inner = replace(REGION, children=(REGION,))
    text = json_text(replace(result, regions=(inner,), skipped=(SKIPPED,), warnings=("dark",)))
    form = ResultForm.model_validate_json(text)
    assert json.loads(form.model_dump_json()) == json.loads(text)
