"""The cache stays below its limit and drops what was used least recently."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.data import Sample
from raz.data.cache import SampleCache


def sample(side: int) -> Sample:
    image = np.zeros((side, side, 3), dtype=np.uint8)
    return Sample(image, np.zeros((0, 2), dtype=np.float32), str(side))


@given(limit=st.integers(0, 800), asked=st.lists(st.integers(1, 12), max_size=60))
def test_the_limit_holds_and_the_last_used_are_kept(limit: int, asked: list[int]) -> None:
    cache = SampleCache(limit)
    recent: list[int] = []
    for side in asked:
        made: list[int] = []
        got = cache.get(side, lambda side=side, made=made: made.append(side) or sample(side))
        assert got.size == (side, side)
        assert cache.bytes <= limit
        # What a list of all that was asked, newest first, holds within the limit.
        kept: list[int] = []
        for key in recent:
            if sum(3 * k * k for k in [*kept, key]) > limit:
                break
            kept.append(key)
        if side in kept:
            assert not made
        if 3 * side * side <= limit:
            recent = [side, *(key for key in recent if key != side)]
    assert cache.bytes == sum(3 * int(s.name) ** 2 for s in cache._samples.values())


def test_a_sample_larger_than_the_limit_is_handed_out_and_not_kept() -> None:
    cache = SampleCache(100)
    cache.get("small", lambda: sample(5))
    assert cache.get("large", lambda: sample(50)).size == (50, 50)
    assert len(cache) == 1
    assert cache.bytes == 75


def test_a_pickled_cache_is_empty() -> None:
    cache = SampleCache(1000)
    cache.get(0, lambda: sample(5))
    again = pickle.loads(pickle.dumps(cache))
    assert (again.limit, again.bytes, len(again)) == (1000, 0, 0)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="limit is -1 bytes; it must be at least 0"):
        SampleCache(-1)
