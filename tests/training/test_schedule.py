from __future__ import annotations

import pytest

from raz.training.config import Schedule
from raz.training.schedule import Plateau, learning_rate_factor


def test_cosine_rises_then_falls_to_its_floor() -> None:
    schedule = Schedule(warmup=0.05, floor=0.02)
    factors = [learning_rate_factor(schedule, p / 100) for p in range(101)]
    assert factors[5] == pytest.approx(1.0)
    assert factors[-1] == pytest.approx(0.02)
    assert factors[:6] == sorted(factors[:6])
    assert factors[5:] == sorted(factors[5:], reverse=True)


@pytest.mark.parametrize("name", ["constant", "plateau"])
def test_others_rise_and_stay(name) -> None:
    schedule = Schedule(name=name, warmup=0.5)
    assert learning_rate_factor(schedule, 0.25) == 0.5
    assert {learning_rate_factor(schedule, p) for p in (0.5, 0.7, 1.0)} == {1.0}


def test_constant_decays_at_the_end_of_the_last_stage() -> None:
    schedule = Schedule(name="constant", warmup=0.1, decay=0.2, floor=0.01)
    assert learning_rate_factor(schedule, 0.8) == 1.0
    assert learning_rate_factor(schedule, 0.85) == pytest.approx(0.5)  # 1 - sqrt(1 / 4)
    assert learning_rate_factor(schedule, 1.0) == 0.01
    assert learning_rate_factor(schedule, 1.0, last=False) == 1.0


def test_a_decay_beyond_the_warmup_is_refused() -> None:
    with pytest.raises(ValueError, match=r"schedule\.decay is 0\.95; it must be in \[0, 0\.9\]"):
        Schedule(name="constant", warmup=0.1, decay=0.95)


def test_without_warmup_it_starts_at_once() -> None:
    assert learning_rate_factor(Schedule(warmup=0.0), 0.0) == 1.0


def test_plateau_halves_where_validation_stalls() -> None:
    plateau = Plateau(Schedule(name="plateau", patience=2, floor=0.2))
    factors = []
    for error in (5, 4, 4, 6, 5, 3, 3, 3, 3, 9, 9, 9, 9, 9, 9):
        plateau.take(error)
        factors.append(plateau.factor)
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2]


def test_plateau_resumes() -> None:
    schedule = Schedule(name="plateau", patience=1)
    whole, first = Plateau(schedule), Plateau(schedule)
    for error in (3, 4):
        whole.take(error)
        first.take(error)
    resumed = Plateau(schedule)
    resumed.load_state_dict(first.state_dict())
    for error in (5, 2, 3, 3):
        whole.take(error)
        resumed.take(error)
        assert resumed.state_dict() == whole.state_dict()
