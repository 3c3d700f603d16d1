from __future__ import annotations

import math

import pytest
import torch

from raz.training.distributed import World
from raz.training.validation import (
    READINGS,
    Counted,
    errors_of,
    relative_error,
    validate_together,
)

from .painted import Painted, painted


def counted(heads: int, count: float) -> Counted:
    return Counted(heads, dict.fromkeys(READINGS, count))


def test_errors_by_hand() -> None:
    errors = errors_of([counted(10, 13.0), counted(10, 6.0)])
    assert set(errors) == set(READINGS)
    assert errors["fusion"].mae == pytest.approx(3.5)
    assert errors["fusion"].rmse == pytest.approx(math.sqrt(12.5))
    assert errors["fusion"].bias == pytest.approx(-0.5)


def test_without_images_nothing_is_claimed() -> None:
    error = errors_of([])["density"]
    assert all(math.isnan(value) for value in (error.mae, error.rmse, error.bias))


def test_relative_error_by_hand() -> None:
    assert relative_error([counted(10, 14.0), counted(90, 80.0)], "average") == pytest.approx(0.15)


@pytest.mark.parametrize("size", [2, 3, 5, 9])
def test_processes_share_the_images_and_all_see_all_in_order(size, monkeypatch) -> None:
    samples = [painted(number) for number in (4, 0, 7, 2, 9, 1, 5)]
    device = torch.device("cpu")
    looked: list[int] = []

    def run(rank: int, others: list[object]) -> list[Counted]:
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
