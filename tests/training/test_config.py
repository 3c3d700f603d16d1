from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from raz.training.config import (
    Stage,
    TrainingConfig,
    config_toml,
    differences,
    make_config,
    read_config,
    recipe,
)
from raz.training.settings import flattened, to_mapping


def test_a_printed_configuration_reads_back_equal(settings) -> None:
    settings |= {"stages": [{"kind": "counting", "steps": 3}, {"kind": "zoom", "minutes": 0.5}]}
    del settings["steps"]
    config = make_config(settings)
    assert make_config(tomllib.loads(config_toml(config))) == config


def test_without_a_length_it_is_an_hour() -> None:
    assert make_config({}).minutes == 60
    assert TrainingConfig().all_stages == (Stage(minutes=60.0),)


def test_steps_of_all_stages() -> None:
    stages = [{"steps": 3}, {"steps": 4}]
    assert make_config({"stages": stages}).total_steps == 7
    assert make_config({"stages": [*stages, {"minutes": 1}]}).total_steps is None
    assert make_config({"steps": 5}).total_steps == 5


def test_gamma_of_the_file_leaves_the_other_losses(settings) -> None:
    assert make_config({}).losses.gamma == 20
    assert make_config({"losses": {"count_l1": 2}}).losses.gamma == 20


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "resnet"}, "model is 'resnet'; it must be one of raznet_lite"),
        ({"minutes": 0.0}, r"minutes is 0\.0; it must be positive"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        ({"steps": 1, "minutes": 1}, "steps and minutes are both given"),
        ({"steps": 1, "stages": [{"steps": 1}]}, "is given beside stages"),
        ({"stages": [{"kind": "joint"}]}, r"stages\[0\] has no length"),
        ({"data": [{"folds": 0}]}, "data.folds is 0"),
        ({"data": [{"folds": 2, "use": "report"}]}, "data.folds is 2; with use = 'report' it must"),
        ({"data": [{"folds": 2, "fold": 3}]}, "data.fold is 3; it must be in 1 to 2"),
        ({"stages": [{"steps": 1, "frozen_stride": -1}]}, "stages.frozen_stride is -1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 8, "accumulate": 3}, "batch_size is 8; it must be a multiple of accum"),
        ({"crops": {"size": 100}}, "crop_size is 100; it must be a multiple of 32"),
        ({"data": [{"scale": [2, 1]}]}, "data.scale"),
        ({"schedule": {"name": "plateau"}, "validation": {"every": 0}}, "'plateau' needs"),
    ],
)
def test_bad_settings(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(values)


def test_a_file_that_is_no_toml_is_named(tmp_path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("steps = \n")
    with pytest.raises(ValueError, match=r"c\.toml is not TOML"):
        read_config(path)


def test_places_are_no_part_of_the_recipe() -> None:
    here = make_config({"output": "a", "device": "cpu", "workers": 0, "data": [{"root": "x"}]})
    there = make_config({"output": "b", "threads": 2, "data": [{"root": "y"}]})
    assert recipe(here) == recipe(there)
    assert "output" not in recipe(here)


def test_what_may_change_when_a_run_is_continued() -> None:
    config = make_config({"data": [{}], "stages": [{"steps": 1}]})
    everything = dict(flattened(to_mapping(config))) | {"backbone": "", "weights": "", "threads": 1}
    assert everything.keys() - recipe(config) == {
        "output", "data_root", "backbone", "weights", "device", "workers", "threads",
        "checkpoint_minutes", "keep_memory", "report.tensorboard", "report.progress",
        "data[0].root", "validation.trained", "accept_truth",
    }  # fmt: skip


def test_differences_name_both_values_and_may_pass_over_lengths() -> None:
    old = recipe(make_config({"steps": 5, "stages": []}))
    new = recipe(make_config({"steps": 9, "optimizer": {"name": "adam"}}))
    assert differences(old, new) == [
        "steps was 5, is 9",
        "optimizer.name was 'adamw', is 'adam'",
    ]
    assert differences(old, new, lengths=False) == ["optimizer.name was 'adamw', is 'adam'"]


def test_settings_of_drawn_images_make_no_difference_to_photographs() -> None:
    photographs = recipe(make_config({"data": [{"layout": "shanghaitech_a"}]}))
    assert differences(photographs | {"data[0].share_empty": 0.15}, photographs) == []
    drawn = photographs | {"data[0].layout": "synthetic"}
    assert differences(drawn | {"data[0].share_empty": 0.15}, drawn) == [
        "data[0].share_empty was 0.15, is 0.45"
    ]


def test_the_document_shows_a_configuration() -> None:
    document = Path(__file__).parents[2] / "docs/training.md"
    if not document.exists():
        pytest.skip("docs are not in the source distribution")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    config = make_config(tomllib.loads(text))
    assert [part.layout for part in config.data] == ["shanghaitech_b", "synthetic"]
    assert config.total_steps == 20000
