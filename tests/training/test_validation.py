from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from raz.data.sample import Sample
from raz.training.distributed import World
from raz.training.validation import (
    READINGS,
    Counted,
    errors_of,
    relative_error,
    validate,
    validate_together,
)

from .painted import Painted


def counted(heads: int, count: float) -> Counted:
    return Counted(heads, dict.fromkeys(READINGS, count))


def test_errors_by_hand() -> None:
    errors = errors_of([counted(10, 13.0), counted(10, 6.0)])
    assert set(errors) == set(READINGS)
    assert errors["fusion"].mae == pytest.approx(3.5)
    assert errors["fusion"].rmse == pytest.approx(math.sqrt(12.5))
    assert errors["fusion"].bias == pytest.approx(-0.5)


def test_without_pictures_nothing_is_claimed() -> None:
    error = errors_of([])["density"]
    assert all(math.isnan(value) for value in (error.mae, error.rmse, error.bias))


def test_relative_error_by_hand() -> None:
    assert relative_error([counted(10, 14.0), counted(90, 80.0)], "average") == pytest.approx(0.15)


def painted(number: int) -> Sample:
    rng = np.random.default_rng(number)
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    points = rng.permutation(49)[:number]
    points = np.stack([points % 7 * 8 + 8, points // 7 * 8 + 8], axis=1)
    image[points[:, 1], points[:, 0]] = 240
    return Sample(image, points.astype(np.float32) + 0.5, f"picture {number}")


def test_a_model_that_sees_every_head_has_no_error_of_points() -> None:
    errors = validate(Painted(), [painted(3), painted(9)], depth=1)
    assert errors["localization"].mae == errors["localization+"].mae == 0
    assert errors["density"].bias == -6


@pytest.mark.parametrize("size", [2, 3, 5, 9])
def test_processes_share_the_pictures_and_all_see_all_in_order(size, monkeypatch) -> None:
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
