from __future__ import annotations

import pytest
import torch

from raz.devices import choose_device, has_fast_bfloat16


@pytest.mark.parametrize(("available", "kind"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_cuda_where_there_is_one(available, kind, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert choose_device().type == kind


def test_choosing_cuda_takes_no_memory_there(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "empty", None)
    assert choose_device("cuda:1") == torch.device("cuda", 1)


def test_what_is_named_is_taken() -> None:
    assert choose_device("cpu") == choose_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("toaster", "device is 'toaster'"),
        ("cuda:99", "CUDA devices are"),
        ("meta", "device is 'meta', which holds no numbers"),
        ("hpu", "device is 'hpu', which cannot be used"),
    ],
)
def test_what_is_not_there_is_refused(device, words) -> None:
    with pytest.raises(ValueError, match=words):
        choose_device(device)


@pytest.mark.parametrize(("capability", "fast"), [("AVX512", True), ("AVX2", False)])
def test_a_cpu_that_emulates_bfloat16_is_not_fast_in_it(capability, fast, monkeypatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert has_fast_bfloat16(torch.device("cpu")) is fast
