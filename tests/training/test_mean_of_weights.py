from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

import raz
from raz.models import save_weights

from . import tiny

SCRIPT = Path(__file__).parents[2] / "recipes" / "mean_of_weights.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("mean_of_weights", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_parameter_and_statistic_is_the_mean(script, tmp_path, monkeypatch):
    nets, files = [], []
    for seed in range(3):
        torch.manual_seed(seed)
        net = raz.get_model(tiny.NAME, weights=None)
        for name, value in net.named_buffers():
            if name.endswith("running_mean"):
                value.normal_()
        files.append(str(tmp_path / f"{seed}.safetensors"))
        save_weights(net, files[-1], dtype=torch.float32)
        nets.append(net.state_dict())
    out = tmp_path / "mean.safetensors"
    monkeypatch.setattr(
        "sys.argv", [str(SCRIPT), *files, "--model", tiny.NAME, "--output", str(out)]
    )
    script.main()
    mean = raz.get_model(tiny.NAME, weights=out).state_dict()
    for name, value in mean.items():
        values = torch.stack([net[name].double() for net in nets])
        assert torch.allclose(value.double(), values.mean(0), rtol=1e-6, atol=1e-7), name
    assert any(not torch.equal(mean[name], nets[0][name]) for name in mean)
