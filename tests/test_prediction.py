from __future__ import annotations

import inspect
import logging
import re
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import torch
from PIL import Image

import raz
from images import bomb, empty, missing, scene, text
from raz.errors import InputError, ResourceError, WeightsError
from raz.io.decoding import decode
from raz.io.prefetch import read_ahead
from raz.io.video import video_frames
from raz.network import OperatingPoint
from raz.prediction import Predictor, predict
from raz.result import Region, Result
from raz.zoom import ZoomOptions, ZoomSettings
from videos import seen, write_video


class Net(torch.nn.Module):
    """Stands for a model; what counting does with it is replaced below."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = torch.nn.Linear(1, 1)
        self.head = torch.nn.Linear(1, 1)
        self.architecture, self.stride, self.operating_point = "net", 8, OperatingPoint()
        self.receptive_field = self.bytes_per_pixel = 0


class Counting:
    """In place of raz.zoom.count_and_locate: remembers its calls, counts the mean brightness."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, torch.Tensor, dict]] = []
        self.error: Exception | None = None

    def __call__(self, model, image, settings, *, path=None) -> Result:
        if self.error:
            raise self.error
        training = isinstance(model, Net) and any(part.training for part in model.modules())
        call = {"path": path, "settings": settings, "training": training}
        self.calls.append((model, image, call))
        mean = float(image.float().mean())
        return Result(
            points=torch.empty(0, 2),
            scores=torch.empty(0),
            density=torch.zeros(1, 1),
            count=mean,
            count_density=mean,
            count_points=0,
            image_size=(image.shape[2], image.shape[1]),
            path=path,
            speed={"main": 1.0, "total": 2.0},
        )


@pytest.fixture
def counting(monkeypatch):
    fake = Counting()
    monkeypatch.setattr("raz.zoom.count_and_locate", fake)
    return fake


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("img10.png", "img2.PNG", "img1.jpg", ".hidden.png", "b/inner.png"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 6), (40, 40, 40)).save(path)
    (folder / "notes.txt").write_text("no image")
    return folder


def names(results) -> list[str]:
    return [result.path.rpartition("/")[2] for result in results]


def test_file_gives_a_result(photos, counting):
    path = photos / "img1.jpg"
    limits = {"depth": 3, "max_regions": 4, "max_zoom_pixels": 5, "max_seconds": 0.5}
    result = predict(path, model=Net(), **limits, seed=9)
    assert isinstance(result, Result)
    assert result.path == str(path)
    assert result.image is None
    assert result.image_size == (8, 6)
    assert set(result.speed) == {"decode", "main", "total"}
    assert result.speed["total"] == result.speed["decode"] + 2
    _, image, call = counting.calls[0]
    assert image.dtype == torch.uint8
    settings = ZoomSettings(**limits, tile=2048, overlap="exact", seed=9)
    assert call == {"path": str(path), "settings": settings, "training": False}


def test_scales_are_logged_and_doubts_warned_of_by_the_name_of_the_image(
    photos, monkeypatch, caplog
):
    def region(scale: float, *children: Region) -> Region:
        return Region(
            box=(0, 0, 4, 4), score=0.5, depth=2, scale=scale, points_before=0, points_after=0,
            count_before=0.0, count_after=0.0, children=children,
        )  # fmt: skip

    def found(model, image, settings, *, path=None):
        return replace(Counting()(model, image, settings, path=path), **seen)

    monkeypatch.setattr("raz.zoom.count_and_locate", found)
    seen = {
        "scale": 0.25,
        "regions": (region(0.5, region(1.0, region(2.0)), region(1.0)), region(0.5)),
        "warnings": ("this is doubtful", "that, too"),
    }
    path = str(photos / "img1.jpg")
    with caplog.at_level(logging.INFO, "raz"):
        assert predict(path, model=Net()).warnings == seen["warnings"]
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert logged == [
        (
            "INFO",
            f"{path}: whole at 0.25x, 2 regions at 0.5x, 2 regions at 1x, 1 region at 2x",
        ),
        ("WARNING", f"{path}: this is doubtful"),
        ("WARNING", f"{path}: that, too"),
    ]
    caplog.clear()
    seen = {"warnings": ("doubt",)}
    with caplog.at_level(logging.INFO, "raz"):
        predict(scene(), model=Net())
    assert caplog.messages == ["image: whole at 1x", "image: doubt"]


@pytest.mark.parametrize(
    "source", [scene(), Image.fromarray(scene()), torch.from_numpy(scene()).permute(2, 0, 1)]
)
def test_image_in_memory_gives_a_result_that_can_be_drawn(source, counting):
    result = predict(source, model=Net())
    assert result.path is None
    assert result.count == pytest.approx(scene().mean())
    np.testing.assert_array_equal(np.asarray(result.plot(caption=False)), scene())


@pytest.mark.parametrize("kind", ["array", "grey array", "tensor"])
def test_a_buffer_that_is_used_again_leaves_the_image_that_is_drawn_alone(kind, counting):
    buffer = scene() if kind != "grey array" else scene()[..., 0].copy()
    source = torch.from_numpy(buffer).permute(2, 0, 1) if kind == "tensor" else buffer
    result = predict(source, model=Net())
    drawn = np.asarray(result.plot(caption=False))
    buffer[:] = 0
    np.testing.assert_array_equal(np.asarray(result.plot(caption=False)), drawn)
    assert drawn.any()


def test_folder_in_natural_order_without_hidden_and_inner_files(photos, counting):
    assert names(predict(photos, model=Net())) == ["img1.jpg", "img2.PNG", "img10.png"]


def test_pattern_in_natural_order(photos, counting):
    assert names(predict(f"{photos}/img*", model=Net())) == ["img1.jpg", "img2.PNG", "img10.png"]
    assert names(predict(f"{photos}/**/*.png", model=Net())) == ["inner.png", "img10.png"]


def test_file_whose_name_looks_like_a_pattern(tmp_path, counting):
    path = tmp_path / "photo[1].png"
    Image.fromarray(scene()).save(path)
    assert predict(path, model=Net()).path == str(path)


def test_iterable_keeps_its_order_and_opens_folders(photos, counting):
    source = [photos / "img10.png", scene(), str(photos)]
    paths = [result.path for result in predict(source, model=Net())]
    assert paths[1] is None
    assert [path.rpartition("/")[2] for path in paths if path] == [
        "img10.png", "img1.jpg", "img2.PNG", "img10.png",
    ]  # fmt: skip


@pytest.mark.parametrize("source", ["folder", "list"])
def test_files_at_hand_are_decoded_ahead_and_closing_ends_that(
    source, photos, counting, monkeypatch
):
    decoded = []

    def read(image, **limits):
        decoded.append((Path(image).name, threading.current_thread()))
        return decode(image, **limits)

    monkeypatch.setattr("raz.io.images.decode", read)
    order = ["img1.jpg", "img2.PNG", "img10.png"]
    images = photos if source == "folder" else [photos / name for name in order]
    results = predict(images, model=Net())
    assert decoded == []
    assert names(results) == order
    assert [name for name, _ in decoded] == order
    assert threading.current_thread() not in [thread for _, thread in decoded]
    results = predict(images, model=Net())
    next(results)
    results.close()
    assert not any(thread.is_alive() for _, thread in decoded)


def test_pixels_are_released_before_the_next_are_waited_for(photos, counting, monkeypatch):
    released = []

    def one_by_one(items, read, size_of):
        for item in items:
            image = read(item)
            pixels = weakref.ref(image.source)
            yield item, partial(lambda read: read, image)
            del image
            counting.calls.clear()
            released.append(pixels() is None)

    monkeypatch.setattr("raz.io.images.read_ahead", one_by_one)
    assert len(list(predict(photos, model=Net()))) == 3
    assert released == [True] * 3


def test_large_images_are_decoded_ahead_one_at_a_time(tmp_path, counting, monkeypatch):
    monkeypatch.setattr("raz.io.images.read_ahead", partial(read_ahead, max_bytes=3 * 8 * 6))
    asked = []
    for index in range(4):
        Image.new("RGB", (8, 6 + index)).save(tmp_path / f"{index}.png")
    monkeypatch.setattr(
        "raz.io.images.decode", lambda image, **_: asked.append(image) or decode(image)
    )
    results = predict(tmp_path, model=Net())
    for number, _ in enumerate(results, start=1):
        assert len(asked) <= number + 1


def test_stream_is_lazy(photos, counting):
    taken = []

    def source():
        for name in ("img1.jpg", "img2.PNG"):
            taken.append(name)
            yield photos / name

    results = predict(source(), model=Net())
    assert taken == []
    next(results)
    assert taken == ["img1.jpg"]
    assert len(counting.calls) == 1


def test_empty_iterable_gives_nothing(counting):
    assert list(predict([], model=Net())) == []


def test_bad_image_ends_a_stream(photos, counting, tmp_path):
    results = predict([photos / "img1.jpg", missing(tmp_path)], model=Net())
    next(results)
    with pytest.raises(InputError, match=r"missing\.jpg: no such file"):
        next(results)


def test_bad_images_skipped_are_logged(photos, counting, tmp_path, caplog):
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    source = [empty(tmp_path), nothing, tmp_path / "*.none", photos / "img1.jpg", bomb(tmp_path)]
    assert names(predict(source, model=Net(), on_error="skip")) == ["img1.jpg"]
    logged = [record.getMessage() for record in caplog.records]
    assert len(logged) == 4
    for line, word in zip(
        logged, ["empty", "no image file", "no file matches", "over"], strict=True
    ):
        assert word in line


def test_bad_images_are_reported_in_order(photos, counting, tmp_path):
    reported = []
    source = [text(tmp_path), np.zeros((2, 2, 3), np.uint8), photos / "img1.jpg", tmp_path / "*.no"]
    results = predict(source, model=Net(), on_error=lambda *report: reported.append(report))
    assert len(list(results)) == 2
    assert [name for name, _ in reported] == [str(source[0]), str(source[3])]
    assert all(isinstance(error, InputError) for _, error in reported)


NO_IMAGES = {
    "shape": (np.zeros((8, 8, 4), np.uint8), ValueError, r"array has shape \[8, 8, 4\]"),
    "dtype": (np.zeros((2, 2, 3)), TypeError, "array is float64"),
    "kind": (17, TypeError, "source is int"),
}


@pytest.mark.parametrize("source", [list, iter])
@pytest.mark.parametrize(("bad", "error", "words"), NO_IMAGES.values(), ids=NO_IMAGES)
def test_what_is_no_image_among_many_is_a_bad_image(source, bad, error, words, counting, caplog):
    images = [scene(), bad, scene()]
    assert len(list(predict(source(images), model=Net(), on_error="skip"))) == 2
    assert re.match(f"image 1: {words}", caplog.records[0].getMessage())
    reported = []
    results = predict(source(images), model=Net(), on_error=lambda *report: reported.append(report))
    assert len(list(results)) == 2
    ((name, reason),) = reported
    assert name == "image 1"
    assert isinstance(reason, InputError)
    assert re.match(f"image 1: {words}", str(reason))
    results = predict(source(images), model=Net())
    next(results)
    with pytest.raises(error, match=f"^{words}"):
        next(results)


@pytest.mark.parametrize("error", [TypeError("a wrong call"), ValueError("a wrong call")])
def test_an_error_of_counting_is_not_taken_for_a_bad_image(error, counting):
    counting.error = error
    with pytest.raises(type(error), match="a wrong call"):
        list(predict([scene()], model=Net(), on_error="skip"))


@pytest.mark.parametrize("kind", ["folder", "pattern"])
def test_source_without_images_raises_at_once(kind, tmp_path, counting):
    source = tmp_path if kind == "folder" else tmp_path / "*.jpg"
    with pytest.raises(InputError, match=r"no image file|no file matches"):
        predict(source, model=Net())


def test_a_video_gives_a_result_a_frame(tmp_path, counting):
    path = write_video(tmp_path / "clip.mp4")
    results = list(predict(path, model=Net(), every=0.5))
    assert names(results) == [f"clip.mp4#t={time}" for time in ("0.000", "0.500", "1.000", "1.500")]
    assert [result.time for result in results] == [0, 0.5, 1, 1.5]
    assert all(result.georeference is None for result in results)
    assert all(result.speed["decode"] > 0 for result in results)
    assert [seen(result.plot(caption=False)) for result in results] == [0, 5, 10, 15]


def test_videos_among_images_keep_their_place(tmp_path, photos, counting, caplog):
    clip = write_video(tmp_path / "clip.mp4", frames=2)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    sources = [photos / "img1.jpg", tmp_path / "broken.mp4", clip, photos / "img2.PNG"]
    found = names(predict(sources, model=Net(), on_error="skip"))
    assert found == ["img1.jpg", "clip.mp4#t=0.000", "clip.mp4#t=0.100", "img2.PNG"]
    assert "broken.mp4: Invalid data" in caplog.text
    results = predict(sources, model=Net())
    next(results)
    with pytest.raises(InputError, match=r"broken\.mp4: Invalid data"):
        next(results)


def test_a_frame_over_the_limit_is_named(tmp_path, counting):
    path = write_video(tmp_path / "clip.mp4", frames=1)
    with pytest.raises(InputError, match=r"clip\.mp4: 64 x 48 pixels are over the limit"):
        next(predict(path, model=Net(), max_pixels=3000))


def test_a_frame_is_decoded_when_its_turn_comes(tmp_path, counting, monkeypatch):
    decoded = []
    taken = video_frames(write_video(tmp_path / "clip.mp4"))
    monkeypatch.setattr(
        "raz.io.images.video_frames", lambda *_, **__: (decoded.append(f) or f for f in taken)
    )
    results = predict([tmp_path / "clip.mp4", scene()], model=Net())
    next(results)
    assert len(decoded) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"every": 0}, ValueError, "every is 0; it must be a finite number"),
        ({"depth": 0}, ValueError, "depth is 0; it must be at least 1"),
        ({"depth": 1.5}, TypeError, "depth is 1.5; it must be an integer"),
        ({"depth": True}, TypeError, "depth is True"),
        ({"max_regions": -1}, ValueError, "max_regions is -1"),
        ({"max_pixels": 0}, ValueError, "max_pixels is 0"),
        ({"max_zoom_pixels": -1}, ValueError, "max_zoom_pixels is -1"),
        ({"max_zoom_pixels": 1.5}, TypeError, "max_zoom_pixels is 1.5; it must be an integer"),
        ({"max_seconds": -1}, ValueError, "max_seconds is -1"),
        ({"max_seconds": "1"}, TypeError, "max_seconds is '1'; it must be a number"),
        ({"max_seconds": 10**400}, ValueError, r"max_seconds is further than 1\.8e\+308 from 0"),
        ({"min_score": -(10**400)}, ValueError, r"min_score is further than 1\.8e\+308 from 0"),
        ({"seed": 1.5}, TypeError, "seed is 1.5; it must be an integer"),
        ({"on_error": "ignore"}, ValueError, "'raise', 'skip' or a function"),
        ({"device": "tpu7"}, ValueError, "device is 'tpu7'"),
        ({"device": "cuda:99"}, ValueError, "device is 'cuda:99', but"),
        ({"weights": "mine.safetensors"}, ValueError, "weights is only for a model's name"),
        ({"model": 3}, TypeError, "model is int"),
        ({"source": 3}, TypeError, "source is int"),
        ({"source": {"path": "photo.jpg"}}, TypeError, "source is dict"),
        ({"source": b"photo.jpg"}, InputError, "bytes: not an image file"),
    ],
)
def test_wrong_arguments(arguments, error, words, counting):
    with pytest.raises(error, match=words):
        predict(**{"source": scene(), "model": Net(), **arguments})


def test_settings_are_one_table():
    """Adding a setting is a change in raz/zoom/settings.py alone."""
    named = {each.name: each.default for each in fields(ZoomSettings)}
    assert list(ZoomOptions.__annotations__) == list(named)
    assert get_type_hints(ZoomOptions) == get_type_hints(ZoomSettings)
    parameters = inspect.signature(raz.predict).parameters
    written = ["source", "model", "weights", "device", "max_pixels", "every", "zones", "on_error"]
    assert list(parameters) == [*written, "bits", "bands", *named]
    assert {name: parameters[name].default for name in named} == named
    assert {parameters[name].kind for name in named} == {inspect.Parameter.KEYWORD_ONLY}
    for name in named:
        assert f"\n            {name}: " in raz.predict.__doc__


def test_a_setting_that_does_not_exist_is_named_with_those_that_do(counting):
    words = r"no argument 'dept'; the settings are depth, quality, regions, .*, seed"
    with pytest.raises(TypeError, match=words):
        predict(scene(), model=Net(), dept=1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 0},
        {"tile": 33},
        {"overlap": "some"},
        {"max_pixels": 0},
        {"every": -1},
        {"on_error": "ignore"},
        {"dept": 1},
        {"source": 3},
        {"source": "*.none"},
    ],
)
def test_arguments_are_checked_before_weights_are_loaded(arguments, monkeypatch):
    monkeypatch.setattr("raz.models.get_model", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises((ValueError, TypeError, InputError)):
        predict(**{"source": scene(), **arguments})


def test_a_predictor_is_built_once_and_called_for_each_image(photos, counting, monkeypatch):
    built = []
    monkeypatch.setattr("raz.models.get_model", lambda *asked, **_: built.append(asked) or Net())
    settings = ZoomSettings(depth=3, seed=4)
    predictor = Predictor("raznet_vgg16", device="cpu", settings=settings)
    for source in photos / "img1.jpg", scene():
        result = predictor(source)
        assert (result.image is None) == (result.path is not None)
        assert result.speed["total"] == result.speed["decode"] + 2
    assert names(predictor.stream(photos)) == ["img1.jpg", "img2.PNG", "img10.png"]
    assert len(list(predictor.stream(scene()))) == 1
    assert built == [("raznet_vgg16",)]
    assert {id(model) for model, _, _ in counting.calls} == {id(predictor.model)}
    assert {call["settings"] for _, _, call in counting.calls} == {settings}
    assert predictor.device == torch.device("cpu")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"settings": {"depth": 1}}, TypeError, "settings is dict; it must be raz.ZoomSettings"),
        ({"max_pixels": 0}, ValueError, "max_pixels is 0; it must be at least 1"),
        ({"device": "tpu7"}, ValueError, "device is 'tpu7'"),
        ({"model": 3}, TypeError, "model is int; it must be a name or a model"),
        (
            {"model": torch.nn.Identity()},
            TypeError,
            "model is Identity without architecture, stride, operating_point, receptive_field, "
            "bytes_per_pixel; it must have the attributes of raz.network.Network",
        ),
    ],
)
def test_a_predictor_checks_its_arguments_before_it_loads(arguments, error, words, monkeypatch):
    monkeypatch.setattr("raz.models.get_model", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(error, match=words):
        Predictor(**arguments)


def test_a_frame_can_be_predicted_by_itself(tmp_path, counting):
    frame = list(video_frames(write_video(tmp_path / "clip.mp4"), every=1))[1]
    result = Predictor(Net())(frame)
    assert (result.path, result.time) == (frame.name, 1.0)
    assert seen(result.plot(caption=False)) == 10


def test_a_stream_checks_its_arguments_at_once(tmp_path, counting):
    predictor = Predictor(Net())
    for arguments, error in (
        ({"every": 0}, ValueError),
        ({"on_error": "ignore"}, ValueError),
        ({"source": tmp_path / "*.none"}, InputError),
        ({"source": 3}, TypeError),
    ):
        with pytest.raises(error):
            predictor.stream(**{"source": [], **arguments})


def test_threads_share_a_predictor():
    predictor = Predictor(settings=ZoomSettings(depth=1))
    images = [np.random.default_rng(n).integers(0, 256, (64, 96, 3), np.uint8) for n in range(8)]
    expected = [predictor(image) for image in images]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(predictor, images * 3))
    for index, result in enumerate(found):
        alone = expected[index % len(images)]
        assert (result.count, result.count_points) == (alone.count, alone.count_points)
        assert torch.equal(result.points, alone.points)
        assert torch.equal(result.density, alone.density)
        assert result.plot(caption=False).size == (96, 64)
    assert not any(part.training for part in predictor.model.modules())


def test_max_pixels_holds(photos, counting):
    with pytest.raises(InputError, match="over the limit of 47"):
        predict(photos / "img1.jpg", model=Net(), max_pixels=47)


def test_named_model_is_built_once_with_its_weights(photos, counting, monkeypatch):
    asked = []

    def get_model(name, weights):
        asked.append((name, weights))
        return Net()

    monkeypatch.setattr("raz.models.get_model", get_model)
    list(predict(photos, model="raznet_vgg16", weights="mine.safetensors", device="cpu"))
    assert asked == [("raznet_vgg16", "mine.safetensors")]
    assert len({id(model) for model, _, _ in counting.calls}) == 1


def test_weights_error_comes_at_once(photos, counting, monkeypatch):
    def get_model(name, weights):
        raise WeightsError("no weights")

    monkeypatch.setattr("raz.models.get_model", get_model)
    with pytest.raises(WeightsError):
        predict(photos)


def test_threads_share_one_model_and_the_last_gives_its_modes_back(counting, monkeypatch):
    model = Net()
    model.frozen.eval()
    entered, may_go = {}, {}
    modes = {}

    def wait_and_count(model, image, settings, **options):
        name = threading.current_thread().name
        entered[name].set()
        assert may_go[name].wait(30)
        modes[name] = [part.training for part in model.modules()]
        return counting(model, image, settings, **options)

    monkeypatch.setattr("raz.zoom.count_and_locate", wait_and_count)
    threads = []
    for name in ("first", "second"):
        entered[name], may_go[name] = threading.Event(), threading.Event()
        threads.append(
            threading.Thread(target=predict, args=(scene(),), kwargs={"model": model}, name=name)
        )
        threads[-1].start()
        assert entered[name].wait(30)
    for name, thread in zip(may_go, threads, strict=True):
        may_go[name].set()
        thread.join(30)
    assert modes == {"first": [False] * 3, "second": [False] * 3}
    assert [part.training for part in model.modules()] == [True, False, True]


def test_model_gets_its_modes_back(counting):
    model = Net().train()
    model.frozen.eval()
    predict(scene(), model=model)
    assert counting.calls[0][2]["training"] is False
    assert [model.training, model.frozen.training, model.head.training] == [True, False, True]
    counting.error = InputError("bad")
    with pytest.raises(InputError):
        predict(scene(), model=model)
    assert [model.training, model.frozen.training, model.head.training] == [True, False, True]


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ...")],
)
def test_memory_that_ran_out_is_named(error, photos, counting):
    counting.error = error
    with pytest.raises(ResourceError, match=r"img1\.jpg: memory ran out"):
        predict(photos / "img1.jpg", model=Net())


def test_other_errors_of_a_model_are_not_hidden(counting):
    counting.error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1"):
        predict(scene(), model=Net())


def test_importing_predict_imports_no_torch():
    code = "import sys, raz.prediction; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_zones_are_counted_in_every_image():
    corner = [(0, 0), (32, 0), (32, 32), (0, 32)]
    image = np.zeros((48, 64, 3), np.uint8)
    result = predict(image, zones={"corner": corner})
    assert list(result.zone_counts()) == ["corner"]
    with pytest.raises(InputError, match="image: has 64 x 48 pixels; the zones are of images of 4"):
        predict(image, zones={"floor": np.ones((3, 4), bool)})
    with pytest.raises(TypeError, match="zones is int"):
        predict(image, zones=3)


def test_a_predictor_with_other_settings_counts_in_the_same_zones():
    predictor = Predictor(zones={"corner": [(0, 0), (32, 0), (32, 24), (0, 24)]})
    result = predictor.with_settings(ZoomSettings(depth=1))(np.zeros((48, 64, 3), np.uint8))
    assert list(result.zone_counts()) == ["corner"]


def test_maps_that_are_no_numbers_are_no_count_of_nobody() -> None:
    model = raz.get_model("raznet_lite", weights=None)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1e20)
    with pytest.raises(WeightsError, match="maps of raznet_lite hold NaN or infinity"):
        predict(np.full((64, 64, 3), 100, np.uint8), model=model)
