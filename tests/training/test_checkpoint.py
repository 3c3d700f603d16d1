from __future__ import annotations

import pytest
import torch

from raz.training.checkpoint import load_checkpoint, save_checkpoint


def test_round_trip(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"step": 3, "weight": torch.ones(2)})
    state = load_checkpoint(path)
    assert state is not None
    assert state["step"] == 3
    assert torch.equal(state["weight"], torch.ones(2))
    assert list(tmp_path.iterdir()) == [path]


def test_no_file(tmp_path):
    assert load_checkpoint(tmp_path / "last.pt") is None


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"step": 1})

    class Unwritable:
        def __reduce__(self):
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        save_checkpoint(path, {"step": 2, "bad": Unwritable()})
    assert load_checkpoint(path) == {"step": 1}
