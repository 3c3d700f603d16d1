from __future__ import annotations

import math
import re
import tomllib
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
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
from raz.training.settings import Range, flattened, to_mapping


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
        ({"data": [{"layout": "coco"}]}, "data.layout is 'coco'; it must be one of auto, shanghai"),
        (
            {"data": [{"layout": "synthetic", "share_empty": 0.9}]},
            r"data\.share_empty is 0\.9; it must be 0\.45, what data\.share_texture leaves",
        ),
        ({"schedule": {"name": "plateau"}, "validation": {"every": 0}}, "'plateau' needs"),
    ],
)
def test_bad_settings(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(values)


def numbers(settings: type, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The path to every setting that may be a number or numbers, and whether it is a pair."""
    hints = typing.get_type_hints(settings)
    for each in fields(settings):
        hint, here = hints[each.name], (*path, each.name)
        arguments = typing.get_args(hint)
        if is_dataclass(hint):
            yield from numbers(hint, here)
        elif arguments and is_dataclass(arguments[0]):
            yield from numbers(arguments[0], here)
        elif {int, float} & {hint, *arguments}:
            yield here, typing.get_origin(hint) is tuple


NUMBERS = dict(numbers(TrainingConfig))


def nested(path: tuple[str, ...], value: object) -> dict[str, object]:
    """The settings of a file in which one has a value; tables in arrays are the first ones."""
    for name in reversed(path):
        value = {name: value}
        if name in ("data", "stages"):
            value = {name: [value[name]]}
    assert isinstance(value, dict)
    return value


def test_every_number_is_looked_at() -> None:
    assert len(NUMBERS) > 60
    assert {("augmentation", "flip"), ("losses", "gamma"), ("data", "scale")} <= NUMBERS.keys()
    ranges = {each.name for each in fields(TrainingConfig) if each.metadata.get("range")}
    assert {"steps", "batch_size", "seed"} <= ranges


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, -0.5, 1e300, 10**30])
@pytest.mark.parametrize("path", NUMBERS, ids=".".join)
def test_a_number_out_of_its_range_is_named(path: tuple[str, ...], value: float) -> None:
    """Whether it is a number that the setting takes or not, no other error is raised."""
    given = (value, value) if NUMBERS[path] else value
    settings = nested(path, given)
    if path[0] == "stages" and path[1] not in ("steps", "minutes"):
        settings["stages"][0]["steps"] = 1  # type: ignore[index]
    refusal = ""
    try:
        config = make_config(settings)
    except ValueError as error:
        refusal = str(error)
    if refusal:
        name = {"size": r"crop_size|crops\.size"}.get(path[-1], rf"\b{path[-1]}\b")
        assert re.search(rf"({name}).* is .*; it must be |must be a multiple of {name}", refusal)
        assert path[0] in refusal or path[0] == "crops"
    else:
        assert value in (math.inf, 1e300, 10**30)  # below 0 and NaN is none of them
        assert value != math.inf or path in (("optimizer", "clip"), ("checkpoint_minutes",))
        assert config != make_config({"steps": 1})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"optimizer": {"learning_rate": -1}},
            r"optimizer\.learning_rate is -1\.0; it must be pos",
        ),
        (
            {"optimizer": {"learning_rate": 0}},
            r"optimizer\.learning_rate is 0\.0; it must be positi",
        ),
        ({"augmentation": {"flip": 5}}, r"augmentation\.flip is 5\.0; it must be in \[0, 1\]"),
        ({"losses": {"gamma": 0}}, r"losses\.gamma is 0\.0; it must be positive"),
        ({"stages": [{"steps": 1}, {"steps": 0}]}, r"stages\.steps is 0; it must be at least 1"),
        ({"augmentation": {"jpeg_quality": [90, 30]}}, r"augmentation\.jpeg_quality is \(90, 30\)"),
        ({"data": [{"scale": [1, math.inf]}]}, r"data\.scale is \(1\.0, inf\)"),
        ({"schedule": {"floor": 2}}, r"schedule\.floor is 2\.0; it must be in \[0, 1\]"),
        ({"threads": 10**6}, r"threads is 1000000; it must be in \[1, 1024\]"),
        ({"ema": 1}, r"ema is 1\.0; it must be in \[0, 1\)"),
    ],
)
def test_what_is_told_of_a_number(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(values)


def test_a_setting_of_another_type_is_named_where_no_file_was_read() -> None:
    for value in (True, "8", [8]):
        with pytest.raises(TypeError, match=r"batch_size is .*; it must be a number"):
            TrainingConfig(batch_size=value)  # type: ignore[arg-type]


def test_ranges_say_what_they_hold() -> None:
    texts = {
        "at least 0": Range(),
        "positive": Range(above=True),
        "above 3": Range(3, above=True),
        "in [0, 1]": Range(0, 1),
        "in (0, 1)": Range(0, 1, above=True, below=True),
    }
    for text, range_ in texts.items():
        assert str(range_) == text
        assert math.nan not in range_
        assert math.inf not in range_
        assert (range_.least in range_) != range_.above


@pytest.mark.parametrize("value", ["", "9" * 5000])
def test_a_file_that_is_no_toml_is_named(tmp_path, value) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"steps = {value}\n")
    with pytest.raises(ValueError, match=r"c\.toml is not TOML"):
        read_config(path)


def test_a_file_nested_too_deep_is_named(tmp_path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("a = " + "[" * 10_000)
    with pytest.raises(ValueError, match=r"a\.toml is not TOML that can be read: it is nested too"):
        read_config(path)


def test_places_are_no_part_of_the_recipe() -> None:
    here = make_config({"output": "a", "device": "cpu", "workers": 0, "data": [{"root": "x"}]})
    there = make_config({"output": "b", "threads": 2, "data": [{"root": "y"}]})
    assert recipe(here) == recipe(there)
    assert "output" not in recipe(here)


def test_norms_follow_the_batch_only_where_a_net_is_trained_from_nothing() -> None:
    assert TrainingConfig().chosen_norm == "batch"
    assert TrainingConfig(backbone="b").chosen_norm == "batch"
    assert TrainingConfig(weights="DEFAULT").chosen_norm == "frozen"
    assert TrainingConfig(weights="DEFAULT", norm="batch").chosen_norm == "batch"


def test_a_recipe_says_which_norm_a_run_had() -> None:
    """A recipe of raz before "auto" has the norm that was the default then."""
    before = recipe(TrainingConfig(norm="batch"))
    assert differences(before, recipe(TrainingConfig())) == []
    assert differences(before, recipe(TrainingConfig(weights="DEFAULT", norm="batch"))) == []
    found = differences(before, recipe(TrainingConfig(weights="DEFAULT")))
    assert found == ["norm was 'batch', is 'frozen'"]


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
