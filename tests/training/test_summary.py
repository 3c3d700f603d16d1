from __future__ import annotations

import pytest
import torch

from raz.models import get_model
from raz.training.datasets import open_parts
from raz.training.distributed import World
from raz.training.summary import opening_lines

from . import tiny
from .runs import config_of


def test_net_data_device_length_and_place_are_told(settings, monkeypatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    config = config_of(settings, steps=40)
    model = get_model(tiny.NAME, weights=None)
    world = World(0, 1, torch.device("cpu"))
    net, part_a, part_b, device, length, output = opening_lines(
        config, model, open_parts(config), world
    )
    assert net.startswith("net     raznet_tiny, 0.0 million parameters, from random numbers")
    assert part_a.startswith("data    part A: ")
    assert "1 images held out" in part_a
    assert part_b.startswith("data    part B: ")
    assert device == "device  cpu, 3 threads; batches of 2 crops of 32 pixels"
    assert length == "length  40 steps"
    assert config.output in output


@pytest.mark.parametrize("name", ["weights", "backbone"])
def test_what_a_training_starts_from_is_told(name, settings) -> None:
    config = config_of(settings, **{name: "start.safetensors"})
    model = get_model(tiny.NAME, weights=None)
    line = opening_lines(config, model, [], World(0, 1, torch.device("cpu")))[0]
    assert line.endswith("from start.safetensors")
