"""Splits are disjoint, complete and by number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.data.splits import holdout, image_number


@given(st.lists(st.integers(0, 10_000), unique=True))
def test_every_image_is_in_exactly_one_split(numbers: list[int]) -> None:
    split = holdout(f"IMG_{k}" for k in numbers)
    assert sorted(split.train + split.calibration + split.validation) == list(range(len(numbers)))


@given(st.lists(st.integers(0, 10_000), unique=True))
def test_membership_depends_on_the_number_alone(numbers: list[int]) -> None:
    split = holdout(f"IMG_{k}" for k in numbers)
    assert [numbers[i] for i in split.validation] == [k for k in numbers if k % 10 == 0]
    assert [numbers[i] for i in split.calibration] == [k for k in numbers if k % 20 == 5]


def test_sizes_for_part_a_and_b() -> None:
    for images, sizes in ((300, (255, 15, 30)), (400, (340, 20, 40))):
        split = holdout(f"IMG_{k}" for k in range(1, images + 1))
        assert tuple(map(len, split)) == sizes


def test_number_is_the_last_run_of_digits() -> None:
    assert image_number("part2_IMG_012") == 12


def test_a_name_without_number_has_none() -> None:
    with pytest.raises(ValueError, match="name is 'crowd'; it must hold a number"):
        image_number("crowd")


@given(st.lists(st.text("abcdefg", min_size=1), unique=True), st.text("abcdefg", min_size=1))
def test_names_without_numbers_keep_their_place_whatever_else_there_is(
    names: list[str], name: str
) -> None:
    alone = [len(part) for part in holdout([name])]
    assert sum(alone) == 1
    among = holdout([name, *names])
    assert [int(0 in part) for part in among] == alone


def test_a_name_that_is_not_text_has_a_place() -> None:
    assert sum(map(len, holdout(["caf\udce9"]))) == 1
