from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raz.cli.main import main
from raz.errors import InputError
from raz.training.batches import crop_batches
from raz.training.config import SHANGHAITECH
from raz.training.datasets import (
    calibration_images,
    check_output,
    default_parts,
    empty_images,
    image_digests,
    open_parts,
    trained_images,
    warn_of_division,
)
from raz.training.distributed import World
from raz.training.engine import train

from .runs import config_of


@pytest.fixture
def own_folder(tmp_path):
    """Three images of one's own, each with a text file of points."""
    for name in ("left", "right", "square"):
        Image.fromarray(np.zeros((40, 40, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text("3 4\n")
    return tmp_path


def names_of(samples) -> list[str]:
    return [sample.name for sample in samples]


def test_a_split_part_has_every_image_once(settings) -> None:
    parts = open_parts(config_of(settings))
    a, b = parts
    assert names_of(a.train) == names_of(b.train) == ["IMG_1", "IMG_2"]
    assert names_of(a.report) == names_of(b.report) == ["IMG_10"]
    assert names_of(calibration_images(parts)) == ["IMG_5", "IMG_5", "IMG_25"]
    assert names_of(calibration_images(parts, 1)) == ["IMG_5", "IMG_5"]


def test_trained_images_are_as_many_as_those_for_calibration(settings) -> None:
    parts = open_parts(config_of(settings))
    assert names_of(trained_images(parts)) == ["IMG_1", "IMG_1", "IMG_2"]
    assert names_of(trained_images(parts, 1)) == ["IMG_1", "IMG_1"]
    data = [settings["data"][0], settings["data"][1] | {"weight": 0}, {"layout": "synthetic"}]
    parts = open_parts(config_of(settings, data=data))
    assert names_of(trained_images(parts)) == ["IMG_1"]
    assert len(trained_images([])) == 0


def test_held_out_images_are_never_trained_on(settings) -> None:
    config = config_of(settings, batch_size=16)
    import torch

    batches = crop_batches(config, open_parts(config), World(0, 1, torch.device("cpu")), 0)
    seen = {name for _ in range(3) for name in next(batches)[2]}
    assert seen == {"IMG_1", "IMG_2"}


@pytest.mark.parametrize(
    ("use", "sizes"), [("train", (5, 0, 0)), ("calibrate", (0, 5, 0)), ("report", (0, 0, 5))]
)
def test_a_part_of_one_use(use, sizes, settings) -> None:
    data = [settings["data"][0], {"name": "b", "layout": "shanghaitech_b", "use": use}]
    part = open_parts(config_of(settings, data=data))[1]
    assert (len(part.train), len(part.calibration), len(part.report)) == sizes


@pytest.mark.parametrize("folds", [2, 3])
def test_folds_report_on_each_training_image_once(folds, settings) -> None:
    whole = names_of(open_parts(config_of(settings))[0].train)
    everywhere = []
    for fold in range(1, folds + 1):
        data = [settings["data"][0] | {"folds": folds, "fold": fold}, settings["data"][1]]
        config = config_of(settings, data=data)
        part = open_parts(config)[0]
        everywhere += names_of(part.report)
        assert sorted(names_of(part.train) + names_of(part.report)) == sorted(whole)
        assert names_of(calibration_images([part])) == ["IMG_5"]
    assert sorted(everywhere) == sorted(whole)


def test_a_folder_of_shanghaitech_and_ones_own(tiny_shanghaitech, own_folder) -> None:
    assert default_parts(tiny_shanghaitech) == SHANGHAITECH
    part, drawn = default_parts(tiny_shanghaitech / "part_B")
    assert part == SHANGHAITECH[1]
    assert drawn.weight / part.weight == pytest.approx(0.07 / 0.8)
    own, synthetic = default_parts(own_folder)
    assert (own.layout, own.root, own.weight) == ("auto", "", 0.8)
    assert synthetic == SHANGHAITECH[2]
    assert default_parts("/nowhere") == SHANGHAITECH


def test_ones_own_folder_is_named_after_it(settings, own_folder) -> None:
    config = config_of(settings, data_root=str(own_folder.parent), data=[{"root": own_folder.name}])
    (part,) = open_parts(config)
    assert part.name == own_folder.name
    everything = [*part.train, *part.calibration, *part.report]
    assert sorted(names_of(everything)) == ["left", "right", "square"]


def test_nothing_to_train_on(settings) -> None:
    data = [{"layout": "shanghaitech_a", "use": "report"}]
    with pytest.raises(ValueError, match="no part with a weight above 0 and images"):
        open_parts(config_of(settings, data=data))
    with pytest.raises(ValueError, match="no part with a weight above 0"):
        open_parts(config_of(settings, data=[{"layout": "synthetic", "weight": 0}]))


def test_two_parts_of_one_name(settings) -> None:
    data = [{"layout": "synthetic"}, {"layout": "synthetic"}]
    with pytest.raises(ValueError, match="parts named synthetic, synthetic"):
        open_parts(config_of(settings, data=data))


def test_a_missing_folder_is_bad_input(settings) -> None:
    with pytest.raises(InputError, match="/nowhere: no such folder"):
        open_parts(config_of(settings, data_root="/nowhere"))


def test_images_of_nobody_where_scenes_are_drawn(settings):
    drawn = config_of(settings, data=[{"layout": "synthetic"}])
    unused = config_of(settings, data=[settings["data"][0], {"layout": "synthetic", "weight": 0}])
    for config in (config_of(settings), unused):
        assert list(empty_images(config)) == []
    images = list(empty_images(drawn, first=3))
    assert len(images) == 3
    assert all(len(sample.points) == 0 for sample in images)
    assert len({sample.image.tobytes() for sample in images}) == 3


def test_a_part_of_shanghaitech_under_another_name_is_not_both(tiny_shanghaitech, tmp_path):
    renamed = tmp_path / "crowds"
    renamed.symlink_to(tiny_shanghaitech / "part_B")
    assert default_parts(renamed)[0] == SHANGHAITECH[1]
    renamed.unlink()
    shutil.copytree(tiny_shanghaitech / "part_B", renamed)
    with pytest.raises(InputError, match="may be part A or part B of ShanghaiTech"):
        default_parts(renamed)


@pytest.mark.parametrize(("step", "kept"), [(1, 8), (2, 8), (5, 2)])
def test_frames_of_a_video_may_have_numbers_that_are_held_out(
    step, kept, settings, tmp_path, caplog
):
    for number in range(0, 10 * step, step):
        Image.new("RGB", (40, 40)).save(tmp_path / f"frame_{number}.png")
        (tmp_path / f"frame_{number}.txt").write_text("3 4\n")
    config = config_of(settings, data_root=str(tmp_path), data=[{"name": "video"}])
    (part,) = parts = open_parts(config)
    assert len(part.train) == kept
    assert not caplog.text  # as where the trained net is published
    warn_of_division(config, parts)
    warned = "video: 2 of 10 images are trained on, the others are held out" in caplog.text
    assert warned == (step == 5)


@pytest.mark.parametrize(
    ("uses", "calibrating", "measured"),
    [
        (("train",), 0, False),
        (("train", "calibrate"), 5, False),
        (("train", "report"), 0, True),
        (("split", "report"), 2, True),
        (("split", "calibrate", "report"), 7, True),
    ],
)
def test_too_few_images_to_choose_thresholds_or_measure_are_told_before_training(
    uses, calibrating, measured, settings, caplog
):
    layout = "shanghaitech_b"  # of five images two calibrate and one is measured
    data = [{"name": str(n), "layout": layout, "use": use} for n, use in enumerate(uses)]
    config = config_of(settings, data=data)
    warn_of_division(config, open_parts(config))
    warned = f"{calibrating} images are kept to choose thresholds on, too few" in caplog.text
    assert warned == (calibrating < 5)
    assert ("nothing will be measured" in caplog.text) == (not measured)


def test_a_run_in_the_folder_of_its_images_is_refused(settings, own_folder):
    config = config_of(settings, data_root=str(own_folder), data=[{"name": "own"}])
    check_output(config, open_parts(config))
    beside = replace(config, output=str(own_folder / "run"))
    check_output(beside, open_parts(beside))
    within = replace(config, output=str(own_folder / "run" / ".."))
    with pytest.raises(ValueError, match=r"output is .*from which the images of own are read"):
        check_output(within, open_parts(within))


def test_the_digest_of_images_is_that_of_their_names(settings, own_folder):
    config = config_of(
        settings, data_root=str(own_folder), data=[{"name": "a"}, {"layout": "synthetic"}]
    )
    first = image_digests(open_parts(config))
    assert first["a"][0] == 3
    assert first.keys() == {"a"}
    (own_folder / "left.png").rename(own_folder / "up.png")
    (own_folder / "left.txt").rename(own_folder / "up.txt")
    second = image_digests(open_parts(config))
    assert second["a"][0] == 3
    assert first != second


def test_a_part_that_is_held_out_whole_is_refused(settings, tmp_path):
    for number in range(0, 50, 10):
        Image.new("RGB", (40, 40)).save(tmp_path / f"frame_{number}.png")
        (tmp_path / f"frame_{number}.txt").write_text("3 4\n")
    data = [{"name": "video"}, {"layout": "synthetic"}]
    with pytest.raises(ValueError, match="the part 'video', whose 5 images are all held out"):
        open_parts(config_of(settings, data_root=str(tmp_path), data=data))
    data[0]["weight"] = 0.0
    assert len(open_parts(config_of(settings, data_root=str(tmp_path), data=data))) == 2


def test_points_that_cannot_be_right_stop_a_training(settings, tmp_path, capsys):
    data = tmp_path / "mine"
    data.mkdir()
    for number in (1, 2, 5, 10):
        Image.new("RGB", (40, 40)).save(data / f"{number}.png")
        (data / f"{number}.txt").write_text("30 4\n20 9\n" if number != 5 else ".2 .3\n.8 .5\n")
    parts = [{"name": "mine"}, {"layout": "synthetic"}]
    mine = config_of(settings, data_root=str(data), data=parts, steps=1)
    with pytest.raises(InputError) as caught:
        train(mine)
    assert str(caught.value) == (
        f"{data / '5.txt'}: the 2 points of 5.png are within one pixel of the corner, as if x and "
        "y were shares of the size; --accept-truth (accept_truth) trains on them all the same, raz "
        "data check names them all"
    )
    assert not Path(settings["output"]).exists()
    assert train(replace(mine, accept_truth=True)) is not None
    assert train(replace(mine, steps=2), extend=True) is not None  # begun, so not asked again

    options = ["--data", str(data), "--output", str(tmp_path / "other"), "--steps", "1"]
    options += ["--model", settings["model"], "--device", "cpu"]
    assert main(["train", *options]) == 3
    assert f"raz: {data / '5.txt'}: the 2 points of 5.png are" in capsys.readouterr().err
