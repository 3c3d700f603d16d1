from __future__ import annotations

import pytest
import torch

from painted import Painted, painted
from raz.evaluation import CountEstimate
from raz.training.distributed import World
from raz.training.validation import validate_together


@pytest.mark.parametrize("size", [2, 3, 5, 9])
def test_processes_share_the_images_and_all_see_all_in_order(size, monkeypatch) -> None:
    samples = [painted(number) for number in (4, 0, 7, 2, 9, 1, 5)]
    device = torch.device("cpu")
    looked: list[int] = []

    def run(rank: int, others: list[object]) -> list[CountEstimate]:
        world = World(rank, size, device)
        monkeypatch.setattr(World, "gather", lambda self, value: [*others, value])
        return validate_together(
            Painted(), samples, world, depth=1, after_each=lambda: looked.append(rank)
        )

    alone = validate_together(
        Painted(), samples, World(0, 1, device), depth=1, after_each=lambda: None
    )
    assert [each.heads for each in alone] == [4, 0, 7, 2, 9, 1, 5]
    parts = [{i: alone[i] for i in range(rank, len(samples), size)} for rank in range(size - 1)]
    assert run(size - 1, parts) == alone
    assert len(looked) == len(range(size - 1, len(samples), size))
