from __future__ import annotations

from types import SimpleNamespace

import pytest

from raz.intervals import Spread
from raz.io.count_text import count_text, people


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.2, "0 people"), (0.9, "1 person"), (1.5, "2 people"), (1862.4, "1862 people")],
)
def test_people_are_rounded(number, text):
    assert people(number) == text


def test_without_residuals_there_is_no_interval():
    assert count_text(SimpleNamespace(count=12.4, spread=Spread())) == "12 people"


def test_the_interval_is_rounded_outwards():
    result = SimpleNamespace(
        count=12.4, spread=SimpleNamespace(highest_level=0.95), interval=lambda level: (9.9, 14.1)
    )
    assert count_text(result) == "12 people, 9 to 15 with 90 % probability"
