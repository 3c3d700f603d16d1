from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from raz.errors import WeightsError
from raz.models import (
    OperatingPoint,
    RAZNet,
    load_backbone,
    load_weights,
    raznet_lite,
    save_weights,
)
from raz.models.weights import read_weights


@pytest.fixture
def saved(lite: RAZNet, tmp_path: Path) -> Path:
    return save_weights(lite, tmp_path / "lite.safetensors", dtype=torch.float32)


def test_a_round_trip_in_float32_is_exact(lite: RAZNet, saved: Path) -> None:
    other = raznet_lite()
    load_weights(other, saved)
    state = lite.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())


def test_half_precision_halves_the_file_and_rounds(
    lite: RAZNet, saved: Path, tmp_path: Path
) -> None:
    half = save_weights(lite, tmp_path / "half.safetensors")
    assert half.stat().st_size < 0.6 * saved.stat().st_size
    other = raznet_lite()
    load_weights(other, half)
    for name, value in lite.state_dict().items():
        found = other.state_dict()[name]
        expected = value.half().float() if value.ndim >= 2 else value
        assert found.dtype == value.dtype
        assert torch.equal(found, expected)


@pytest.mark.parametrize("net", ["lite", "small_vgg"])
def test_int8_is_off_by_half_a_step_of_the_row_at_most(
    net: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    model: RAZNet = copy.deepcopy(request.getfixturevalue(net))
    path = save_weights(model, tmp_path / "int8.safetensors", dtype=torch.int8)
    assert path.stat().st_size < 0.3 * 4 * sum(p.numel() for p in model.parameters())
    before = copy.deepcopy(model.state_dict())
    load_weights(model, path)
    changed = 0
    for name, value in model.state_dict().items():
        assert value.dtype == before[name].dtype
        if value.ndim < 2:
            assert torch.equal(value, before[name])
            continue
        rows = before[name].flatten(1)
        step = rows.abs().amax(1, keepdim=True) / 127
        assert bool(((value.flatten(1) - rows).abs() <= 0.5001 * step).all())
        changed += int(not torch.equal(value, before[name]))
    assert changed  # these weights are not multiples of anything


def test_int8_keeps_zeros_and_the_greatest_of_each_row(small_vgg: RAZNet, tmp_path: Path) -> None:
    model = copy.deepcopy(small_vgg)
    with torch.no_grad():
        weight = model.counting.output.weight  # type: ignore[union-attr]
        weight.zero_()  # type: ignore[operator]
        weight[0, 0] = -3.0  # type: ignore[index]
    path = save_weights(model, tmp_path / "int8.safetensors", dtype=torch.int8)
    tensors, _ = read_weights(path)
    assert tensors["counting.output.weight"].flatten().tolist()[:2] == pytest.approx([-3.0, 0.0])
    assert not [name for name in tensors if name.endswith(".scale")]


@pytest.mark.parametrize("dtype", [torch.int8, torch.float16, torch.float32])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_weight_that_is_not_finite_is_saved(
    dtype: torch.dtype, value: float, small_vgg: RAZNet, tmp_path: Path
) -> None:
    for name in ("weight", "bias"):
        model = copy.deepcopy(small_vgg)
        with torch.no_grad():
            getattr(model.counting.output, name).fill_(value)
        with pytest.raises(ValueError, match=rf"counting\.output\.{name} holds .* not finite"):
            save_weights(model, tmp_path / "a.safetensors", dtype=dtype)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", [torch.int16, torch.bool, torch.float8_e4m3fn])
def test_types_that_hold_no_weights_are_refused(
    dtype: torch.dtype, small_vgg: RAZNet, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"dtype is {dtype}; it must be one of torch.float16"):
        save_weights(small_vgg, tmp_path / "a.safetensors", dtype=dtype)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scale", [None, torch.ones(3)])
def test_int8_without_its_scales_is_refused(
    scale: torch.Tensor | None, small_vgg: RAZNet, tmp_path: Path
) -> None:
    path = save_weights(small_vgg, tmp_path / "a.safetensors", dtype=torch.int8)
    tensors = load_file(path)
    name = "counting.output.weight"
    del tensors[f"{name}.scale"]
    if scale is not None:
        tensors[f"{name}.scale"] = scale
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"counting\.output\.weight is int8"):
        load_weights(small_vgg, path)


def test_the_operating_point_and_metadata_travel(tmp_path: Path) -> None:
    model = raznet_lite()
    model.operating_point = OperatingPoint((0.3, 0.4), 1.5, 0.02)
    path = save_weights(model, tmp_path / "a.safetensors", metadata={"recipe": "none"})
    other = raznet_lite()
    metadata = load_weights(other, path)
    assert other.operating_point == model.operating_point
    assert metadata["architecture"] == "raznet_lite"
    assert metadata["recipe"] == "none"
    assert metadata["raz_version"]
    with pytest.raises(ValueError, match="architecture"):
        save_weights(model, path, metadata={"architecture": "mine"})


def test_channels_last_weights_are_saved(tmp_path: Path, lite: RAZNet) -> None:
    model = raznet_lite().to(memory_format=torch.channels_last)
    path = save_weights(model, tmp_path / "a.safetensors", dtype=torch.float32)
    other = raznet_lite()
    load_weights(other, path)
    state = model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())


def test_nothing_is_left_behind_when_a_weight_does_not_fit(tmp_path: Path) -> None:
    model = raznet_lite()
    with torch.no_grad():
        model.counting.output.weight.fill_(1e6)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"counting\.output\.weight"):
        save_weights(model, tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_data_parallel_names_and_torch_files_are_read(lite: RAZNet, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({f"module.{name}": value for name, value in lite.state_dict().items()}, path)
    other = raznet_lite()
    assert load_weights(other, path) == {}
    state = lite.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())


def test_missing_unexpected_and_misshapen_weights_are_named(saved: Path) -> None:
    tensors, metadata = read_weights(saved)
    del tensors["counting.output.bias"]
    tensors["counting.extra"] = torch.zeros(1)
    tensors["localization.output.bias"] = torch.zeros(7)
    save_file(tensors, saved, metadata=metadata)
    model = raznet_lite()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(WeightsError) as caught:
        load_weights(model, saved)
    message = str(caught.value)
    assert "missing counting.output.bias" in message
    assert "unexpected counting.extra" in message
    assert "localization.output.bias has the shape (7,), not (16,)" in message
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_weights_of_another_net_are_refused(small_vgg: RAZNet, tmp_path: Path) -> None:
    path = save_weights(small_vgg, tmp_path / "vgg.safetensors")
    with pytest.raises(WeightsError, match="weights of raznet_vgg16, not of raznet_lite"):
        load_weights(raznet_lite(), path)


def test_a_net_built_with_other_options_is_refused(lite: RAZNet, tmp_path: Path) -> None:
    changed = raznet_lite(density_scale=0.125, counting_dilations=(1,) * 5)
    path = save_weights(changed, tmp_path / "changed.safetensors")
    load_weights(raznet_lite(density_scale=0.125, counting_dilations=(1,) * 5), path)
    with pytest.raises(WeightsError, match=r'"density_scale": 0\.125.* this net has {}'):
        load_weights(raznet_lite(), path)
    plain = save_weights(lite, tmp_path / "plain.safetensors")
    with pytest.raises(WeightsError, match=r"with the options {} beyond the defaults"):
        load_weights(raznet_lite(density_scale=0.125), plain)


def test_equal_options_are_the_same_however_they_are_written(lite: RAZNet, tmp_path: Path) -> None:
    plain = save_weights(lite, tmp_path / "plain.safetensors")
    load_weights(raznet_lite(counting_dilations=[1, 2, 2, 4, 4]), plain)  # type: ignore[arg-type]
    path = save_weights(
        raznet_lite(density_scale=np.float32(1)),  # type: ignore[arg-type]
        tmp_path / "one.safetensors",
    )
    load_weights(raznet_lite(density_scale=1), path)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, f'{{"fusion_threshold": 1{"0" * 400}}}'])
def test_a_bad_operating_point_is_refused(text: str, saved: Path) -> None:
    tensors, metadata = read_weights(saved)
    save_file(tensors, saved, metadata={**metadata, "operating_point": text})
    with pytest.raises(WeightsError, match="operating point"):
        load_weights(raznet_lite(), saved)


def test_the_digest_is_checked(saved: Path) -> None:
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    load_weights(raznet_lite(), saved, sha256=digest)
    with pytest.raises(WeightsError, match="not the file that was published"):
        load_weights(raznet_lite(), saved, sha256="0" * 64)


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
def test_a_missing_or_broken_file_is_a_weights_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(WeightsError, match="no such weights file"):
        load_weights(raznet_lite(), path)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_weights(raznet_lite(), path, sha256="0" * 64)
    for content in (b"not weights at all", b"hello\nworld", b""):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=f"{name} cannot be read") as caught:
            load_weights(raznet_lite(), path)
        assert "\n" not in str(caught.value)


def test_a_torch_file_cannot_run_code_and_nobody_is_told_how_it_could(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    torch.save({"a": Path("x")}, path)
    with pytest.raises(
        WeightsError, match=r"cannot be read.* it holds more than tensors"
    ) as caught:
        load_weights(raznet_lite(), path)
    assert "weights_only" not in str(caught.value)


def test_a_file_is_known_by_its_content(lite: RAZNet, saved: Path, tmp_path: Path) -> None:
    other = saved.rename(tmp_path / "lite.bin")
    model = raznet_lite()
    load_weights(model, other)
    torch.save(lite.state_dict(), tmp_path / "torch.safetensors")
    load_weights(model, tmp_path / "torch.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        {"model": {"a": torch.zeros(1)}},
        {0: torch.zeros(1)},
        {"a": torch.zeros(2).to_sparse()},
        {"a": torch.zeros(2, dtype=torch.complex64)},
    ],
)
def test_a_checkpoint_that_is_no_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    path = tmp_path / "nested.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"state_dict|no dense tensor of real numbers"):
        load_weights(raznet_lite(), path)


def test_a_compiled_net_is_saved_under_its_own_names(small_vgg: RAZNet, tmp_path: Path) -> None:
    compiled = torch.compile(small_vgg, backend="eager")
    path = save_weights(compiled, tmp_path / "a.safetensors", dtype=torch.float32)
    torch.save(compiled.state_dict(), tmp_path / "a.pth")
    load_weights(compiled, path)
    names = small_vgg.state_dict().keys()
    assert read_weights(path)[0].keys() == names
    assert read_weights(tmp_path / "a.pth")[0].keys() == names


def test_a_backbone_takes_deeper_files_and_refuses_shallower(
    small_vgg: RAZNet, tmp_path: Path
) -> None:
    path = tmp_path / "vgg16.pth"
    state = {name: torch.ones_like(v) for name, v in small_vgg.backbone.state_dict().items()}
    torch.save({**state, "features.24.weight": torch.zeros(1)}, path)
    model = RAZNet(
        "raznet_vgg16",
        backbone=type(small_vgg.backbone)(),
        neck=small_vgg.neck,
        counting=small_vgg.counting,
        localization=small_vgg.localization,
        proposal=small_vgg.proposal,
    )
    load_backbone(model, path)
    assert all(bool((value == 1).all()) for value in model.backbone.state_dict().values())
    del state["features.21.bias"]
    torch.save(state, path)
    with pytest.raises(WeightsError, match=r"missing features\.21\.bias"):
        load_backbone(model, path)


@pytest.fixture
def torchvision_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of VGG-16's names and shapes, its digest in its name as torchvision's have it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    layers = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    state = {}
    for index, source, width in zip(layers, widths, widths[1:], strict=False):
        state[f"features.{index}.weight"] = torch.full((width, source, 1, 1), 0.5).expand(
            -1, -1, 3, 3
        )
        state[f"features.{index}.bias"] = torch.full((width,), float(index))
    state["classifier.6.bias"] = torch.zeros(1000)
    path = tmp_path / "vgg16.pth"
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path.rename(tmp_path / f"vgg16-{digest[:8]}.pth")


def test_the_published_vgg_file_loads_unchanged(
    small_vgg: RAZNet, torchvision_file: Path, tmp_path: Path
) -> None:
    for source in (torchvision_file, torchvision_file.as_uri()):
        model = copy.deepcopy(small_vgg)
        load_backbone(model, source)
        for name, value in model.backbone.state_dict().items():
            index = float(name.split(".")[1])
            assert bool((value == (0.5 if name.endswith("weight") else index)).all())
    cached = tmp_path / "home/hub/checkpoints" / torchvision_file.name
    assert cached.read_bytes() == torchvision_file.read_bytes()
    torchvision_file.unlink()  # the second time no connection is needed
    load_backbone(copy.deepcopy(small_vgg), torchvision_file.as_uri())


def test_a_download_that_is_not_what_its_name_says_is_refused(
    small_vgg: RAZNet, torchvision_file: Path
) -> None:
    other = torchvision_file.rename(torchvision_file.with_name("vgg16-00000000.pth"))
    with pytest.raises(WeightsError, match=r"vgg16-00000000.pth cannot be read.*hash"):
        load_backbone(small_vgg, other.as_uri())
    missing = torchvision_file.with_name("vgg16-397923af.pth")
    with pytest.raises(WeightsError, match=r"vgg16-397923af.pth cannot be read"):
        load_backbone(small_vgg, missing.as_uri())


def test_strict_errors_name_what_is_missing_and_strip_module(
    small_vgg: RAZNet, tmp_path: Path
) -> None:
    state = {f"module.{name}": value for name, value in small_vgg.state_dict().items()}
    del state["module.backbone.features.0.bias"]
    state["module.head.weight"] = torch.zeros(1)
    path = tmp_path / "parallel.pth"
    torch.save(state, path)
    with pytest.raises(WeightsError) as caught:
        load_weights(small_vgg, path)
    assert "missing backbone.features.0.bias" in str(caught.value)
    assert "unexpected head.weight" in str(caught.value)


def _with(saved: Path, name: str, value: torch.Tensor) -> Path:
    """The file with another tensor of a name: the path itself."""
    tensors, metadata = read_weights(saved)
    save_file({**tensors, name: value}, saved, metadata=metadata)
    return saved


NAME = "counting.output.bias"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (torch.tensor([torch.nan]), "holds 1 values that are not finite, such as nan"),
        (torch.tensor([torch.inf]), "holds 1 values that are not finite, such as inf"),
        (torch.tensor([-torch.inf]).half(), "holds 1 values that are not finite, such as -inf"),
        (torch.tensor([torch.nan]).bfloat16(), "holds 1 values that are not finite"),
        (torch.tensor([torch.nan]).double(), "holds 1 values that are not finite"),
        (torch.tensor([torch.nan]).to(torch.float8_e4m3fn), "holds 1 values that are not finite"),
        (torch.tensor([3]), "holds int64, not floats"),
        (torch.tensor([3], dtype=torch.int32), "holds int32, not floats"),
        (torch.tensor([3], dtype=torch.uint8), "holds uint8, not floats"),
        (torch.tensor([True]), "holds bool, not floats"),
    ],
)
def test_weights_are_finite_floats(value: torch.Tensor, reason: str, saved: Path) -> None:
    model = raznet_lite()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(WeightsError, match=f"{NAME} {reason}") as caught:
        load_weights(model, _with(saved, NAME, value))
    assert str(saved) in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_every_bad_weight_is_named_beside_what_is_missing(saved: Path) -> None:
    tensors, metadata = read_weights(saved)
    del tensors[NAME]
    tensors["backbone._bn0.weight"][0] = torch.nan
    save_file(tensors, saved, metadata=metadata)
    with pytest.raises(WeightsError) as caught:
        load_weights(raznet_lite(), saved)
    assert "backbone._bn0.weight holds 1 values that are not finite" in str(caught.value)
    assert f"missing {NAME}" in str(caught.value)


def test_scales_that_are_not_finite_are_refused(small_vgg: RAZNet, tmp_path: Path) -> None:
    path = save_weights(small_vgg, tmp_path / "int8.safetensors", dtype=torch.int8)
    tensors = load_file(path)
    tensors["counting.output.weight.scale"].fill_(torch.nan)
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"counting\.output\.weight holds .* not finite"):
        load_weights(copy.deepcopy(small_vgg), path)


def test_a_backbone_of_integers_is_refused(lite: RAZNet, tmp_path: Path) -> None:
    state = {name: value.long() for name, value in lite.backbone.state_dict().items()}
    torch.save(state, tmp_path / "backbone.pth")
    with pytest.raises(WeightsError, match=r"weight holds int64, not floats"):
        load_backbone(copy.deepcopy(lite), tmp_path / "backbone.pth")


def test_a_tensor_without_numbers_is_named(lite: RAZNet, tmp_path: Path) -> None:
    state = {**lite.state_dict(), NAME: torch.empty(1, device="meta")}
    torch.save(state, tmp_path / "meta.pth")
    with pytest.raises(WeightsError, match=rf"meta\.pth: {NAME} is a meta tensor"):
        load_weights(raznet_lite(), tmp_path / "meta.pth")


@given(data=st.data())
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_torch_file_whose_bits_changed_is_damaged(data: st.DataObject, tmp_path: Path) -> None:
    weight = torch.arange(500.0)
    path = tmp_path / "weights.pth"
    torch.save({"weight": weight}, path)
    content = bytearray(path.read_bytes())
    place = content.index(weight.numpy().tobytes()) + data.draw(st.integers(0, 1999))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"weights\.pth is damaged: its checksums"):
        read_weights(path)


def test_torch_files_without_checksums_are_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"weight": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    assert read_weights(path)[0]["weight"].tolist() == [1, 1, 1]
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"weight": torch.ones(3)}, path)
    finally:
        torch.serialization.set_crc32_options(True)
    assert read_weights(path)[0]["weight"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("backbone._bn0.running_var", lambda v: -v, "holds a negative variance"),
        ("backbone._bn0.num_batches_tracked", lambda v: v + 0.5, "holds float32, not integers"),
        ("backbone._bn0.num_batches_tracked", lambda v: v > 0, "holds bool, not integers"),
        ("backbone._bn0.num_batches_tracked", lambda v: v - 9, "holds a number outside 0"),
        (NAME, lambda v: v.double() + 1e300, "holds 1 values that are not finite"),
        (NAME, lambda v: v.repeat(2)[:1].to(torch.float8_e8m0fnu), "holds float8_e8m0fnu"),
    ],
)
def test_numbers_that_no_net_has_are_refused(
    name: str, change: Callable[[torch.Tensor], torch.Tensor], reason: str, saved: Path
) -> None:
    tensors, metadata = read_weights(saved)
    save_file({**tensors, name: change(tensors[name])}, saved, metadata=metadata)
    with pytest.raises(WeightsError, match=f"{name} {reason}"):
        load_weights(raznet_lite(), saved)


def test_weights_that_overflow_the_type_of_the_net_are_refused(lite: RAZNet, saved: Path) -> None:
    path = _with(saved, NAME, torch.full((1,), 1e6))
    with pytest.raises(WeightsError, match=f"{NAME} holds 1 values that are not finite"):
        load_weights(raznet_lite().half(), path)
    load_weights(raznet_lite(), path)


def header_of(path: Path) -> tuple[dict[str, object], bytes]:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def test_a_tensor_that_is_there_twice_is_refused(lite: RAZNet, saved: Path, tmp_path: Path) -> None:
    torch.save({**lite.state_dict(), f"module.{NAME}": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=f"holds {NAME} twice"):
        read_weights(tmp_path / "a.pth")
    header, data = header_of(saved)
    text = f"{json.dumps(header)[:-1]}, {json.dumps(NAME)}: {json.dumps(header[NAME])}}}".encode()
    saved.write_bytes(len(text).to_bytes(8, "little") + text + data)
    with pytest.raises(WeightsError, match="it names a tensor twice"):
        read_weights(saved)


@pytest.mark.parametrize("text", ["x" * 10**6, "a\nb", "\x1b[2J", "\u202e"])
def test_what_a_file_says_is_told_in_one_short_line(text: str, saved: Path) -> None:
    tensors, metadata = read_weights(saved)
    for changed, more in (
        ({"architecture": text}, {}),
        ({"options": text}, {}),
        ({"operating_point": json.dumps({text: 1})}, {}),
        ({"operating_point": text}, {}),
        ({}, {text: torch.ones(1)}),
    ):
        save_file({**tensors, **more}, saved, metadata={**metadata, **changed})
        with pytest.raises(WeightsError) as caught:
            load_weights(raznet_lite(), saved)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1000


def test_int8_that_repeats_itself_takes_no_memory(lite: RAZNet, tmp_path: Path) -> None:
    many = torch.ones(1, 1).char().expand(10**6, 10**6)
    torch.save({"a": many, "a.scale": torch.ones(1).expand(10**6)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="a is int8 of 1000000000000 numbers; at most"):
        read_weights(tmp_path / "a.pth")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_no_weights_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="pipe is no regular file"):
        load_weights(raznet_lite(), tmp_path / "pipe")
