from __future__ import annotations

import base64
import json

import pytest

import raz
from raz.errors import InputError, InputTooLargeError, ResourceError
from raz.io.formats.label_studio import Tags, label_studio_text
from raz.serve.app import create_app
from raz.serve.label_studio import find_image, tags_of
from raz.serve.waiting import WaitingLine
from serve.serving import HeldPredictor, make, running

CONFIGURATION = """<View>
  <Image name="photo" value="$picture"/>
  <KeyPointLabels name="dots" toName="photo">
    <Label value="Car"/><Label value="Person"/>
  </KeyPointLabels>
</View>"""


class ByName(HeldPredictor):
    """Gives a result with the name of the file that it was given."""

    def __call__(self, image):
        self.order.append(getattr(image, "name", None))
        return make(path=str(image))


@pytest.fixture
def folder(tmp_path):
    for name in ("upload/7/0a1b2c3d-a b.jpg", "media/upload/8/x.jpg", "deep/c.jpg"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).touch()
    (tmp_path / "secret.jpg").touch()
    (tmp_path / "data" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/data/upload/7/0a1b2c3d-a%20b.jpg", "upload/7/0a1b2c3d-a b.jpg"),
        ("http://localhost:8080/data/upload/8/x.jpg", "media/upload/8/x.jpg"),
        ("/data/local-files/?d=deep/c.jpg", "deep/c.jpg"),
        ("deep/c.jpg", "deep/c.jpg"),
    ],
)
def test_addresses_of_files(folder, address, found):
    assert find_image(address, [folder / "deep", folder]) == (folder / found).resolve()


@pytest.mark.parametrize(
    "address",
    [
        *("../secret.jpg", "/data/local-files/?d=../secret.jpg", "link.jpg", "deep", "", "a\0b"),
        *("%2e%2e/secret.jpg", "http://[", "https://example.org/a.jpg", "file:///etc/passwd"),
        "a" * 5000,
    ],
)
def test_no_file_outside_of_the_folders_is_found(folder, address):
    with pytest.raises(InputError, match="no such image in the 1 folders"):
        find_image(address, [folder])


def test_a_link_that_leads_to_itself_is_no_image(folder):
    (folder / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(InputError, match="no such image in the 1 folders"):
        find_image("loop.jpg", [folder])


def test_an_image_in_its_address():
    address = "data:image/png;base64," + base64.b64encode(b"image").decode()
    assert find_image(address, []).getvalue() == b"image"
    with pytest.raises(InputError, match="not base64"):
        find_image("data:image/png;base64,?", [])


def test_names_of_the_labelling_configuration():
    assert tags_of(CONFIGURATION) == (Tags("dots", "photo", "Person"), "picture")
    assert tags_of(None) == (Tags(), "image")


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ("<View>", "is not XML"),
        ("<View><Image name='i' value='$image'/></View>", "has no <KeyPointLabels>"),
        ("<!DOCTYPE a><View/>", "document type declaration"),
        (CONFIGURATION.replace("Person", "Dog"), "rename that of heads to head"),
    ],
)
def test_wrong_configurations(configuration, said):
    with pytest.raises(InputError, match=said):
        tags_of(configuration)


def test_what_label_studio_asks(folder):
    tasks = [
        {"id": 3, "data": {"picture": "deep/c.jpg"}, "meta": {}, "annotations": []},
        {"data": {"picture": "/data/upload/7/0a1b2c3d-a%20b.jpg"}},
    ]
    asked = {"tasks": tasks, "project": "1.1700000000", "label_config": CONFIGURATION}
    asked |= {"params": {"login": None, "password": None, "context": None}, "model_version": None}
    with running(create_app(ByName(), folders=[folder])) as client:
        for place in ("/label-studio/health", "/label-studio/"):
            assert client.get(place).json() == {"status": "UP", "model_class": "held"}
        setup = {"project": "1.17", "schema": CONFIGURATION, "hostname": "x", "access_token": "y"}
        setup |= {"extra_params": None}
        answer = client.post("/label-studio/setup", json=setup)
        assert answer.json() == {"model_version": "held"}
        answer = client.post("/label-studio/predict", json=asked)
    assert answer.status_code == 200
    found = answer.json()["results"]
    assert len(found) == len(tasks)
    assert [prediction["model_version"] for prediction in found] == ["held", "held"]
    [entry] = found[0]["result"]
    assert (entry["from_name"], entry["to_name"]) == ("dots", "photo")
    assert entry["value"]["keypointlabels"] == ["Person"]


def test_predictions_are_those_that_raz_writes(folder):
    asked = {"tasks": [{"data": {"image": "deep/c.jpg"}}]}
    with running(create_app(ByName(), folders=[folder])) as client:
        found = client.post("/label-studio/predict", json=asked).json()["results"]
    assert found == json.loads(label_studio_text(make()))[0]["predictions"]


def test_all_tasks_of_a_request_share_its_time(folder, monkeypatch):
    deadlines = []

    async def run(line, work, deadline, **_):
        deadlines.append(deadline)
        return work()

    monkeypatch.setattr(WaitingLine, "run", run)
    task = {"data": {"image": "deep/c.jpg"}}
    with running(create_app(ByName(), folders=[folder])) as client:
        answer = client.post("/label-studio/predict", json={"tasks": [task] * 3})
    assert answer.status_code == 200
    assert len(deadlines) == 3
    assert len(set(deadlines)) == 1


@pytest.mark.parametrize(("error", "status"), [(InputTooLargeError, 413), (ResourceError, 503)])
def test_an_error_names_the_task_and_its_address_and_no_path_of_the_service(folder, error, status):
    class Failing(HeldPredictor):
        def __call__(self, image):
            raise error(f"{image}: is bad")

    task = {"id": 3, "data": {"image": "/data/local-files/?d=deep/c.jpg"}}
    with running(create_app(Failing(), folders=[folder])) as client:
        answer = client.post("/label-studio/predict", json={"tasks": [task]})
    assert answer.status_code == status
    assert answer.json() == {"detail": "task 3: /data/local-files/?d=deep/c.jpg: is bad"}


def test_an_error_of_an_image_in_its_address():
    predictor = raz.Predictor(settings=raz.ZoomSettings(depth=1))
    for content, said in (("", "holds no bytes"), ("eA==", "not an image file")):
        task = {"data": {"image": f"data:image/png;base64,{content}"}}
        with running(create_app(predictor)) as client:
            answer = client.post("/label-studio/predict", json={"tasks": [task]})
        assert answer.status_code == 422
        assert f"a task: the image in its address: {said}" in answer.json()["detail"]


def test_a_request_of_too_many_values_is_refused_before_it_is_read():
    body = b'{"tasks": [{"data": {"image": "a", "x": [' + b"[]," * 500_000 + b"[]]}}]}"
    with running(create_app(ByName())) as client:
        answer = client.post("/label-studio/predict", content=body)
    assert answer.status_code == 413
    assert "more than 1,000,000 values" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "Invalid JSON"),
        (b"{}", "tasks: Field required"),
        (b'{"tasks": [{"id": 3, "data": {}}]}', "task 3: data.image is None"),
        (b'{"tasks": [{"data": {"image": "x.jpg"}}]}', "a task: x.jpg: no such image"),
        (b'{"tasks": [], "label_config": "<"}', "is not XML"),
        (b'{"tasks": [], "label_config": "%s"}' % (b"<" * 1_048_577), "at most 1048576"),
        (b'{"tasks": [], "project": true}', "project"),
        (b'{"tasks": [{"id": true, "data": {}}]}', "tasks.0.id"),
    ],
)
def test_wrong_requests(body, said):
    with running(create_app(ByName())) as client:
        answer = client.post("/label-studio/predict", content=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
