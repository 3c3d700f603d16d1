from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.training.config import Stage, TrainingConfig
from raz.training.length import done_share, length_text

STEPS = Stage(steps=300)
MINUTES = Stage(minutes=100)

stages = st.lists(st.sampled_from([STEPS, MINUTES, Stage(steps=7), Stage(minutes=0.5)]), min_size=1)


@given(stages)
def test_the_share_grows_from_0_to_1_without_a_jump(chosen) -> None:
    config = TrainingConfig(stages=tuple(chosen))
    shares = [done_share(config, index, p) for index in range(len(chosen)) for p in (0, 0.5, 1)]
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert shares == sorted(shares)
    for end, begin in zip(shares[2::3], shares[3::3], strict=False):
        assert end == pytest.approx(begin)


def test_stages_weigh_as_much_as_they_are_long() -> None:
    config = TrainingConfig(stages=(Stage(minutes=30), Stage(minutes=10)))
    assert done_share(config, 1, 0) == 0.75
    assert done_share(TrainingConfig(stages=(STEPS, MINUTES)), 1, 0) == 0.5


def test_lengths_in_words() -> None:
    assert length_text(TrainingConfig(minutes=100)) == "1 h 40 min"
    config = TrainingConfig(stages=(Stage(kind="counting", steps=300), Stage(minutes=10)))
    assert length_text(config) == "2 stages: counting 300 steps, then joint 10 min"
