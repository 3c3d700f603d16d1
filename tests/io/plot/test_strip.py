from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from raz.io.plot.canvas import font_of
from raz.io.plot.marks import mark
from raz.io.plot.strip import Entry, _wrapped, headline, legend, plain, with_strip

words = st.lists(st.text("abcdefg", min_size=1, max_size=8), min_size=1, max_size=30)


@given(words, st.integers(20, 300))
def test_wrapped_text_holds_all_words_and_fits(parts, width):
    font = font_of(10)
    lines = list(_wrapped(" ".join(parts), width, font))
    assert " ".join(lines).split(" ") == parts
    for line in lines:
        assert font.getlength(line) <= width or " " not in line


@pytest.mark.parametrize("size", [(30, 20), (200, 50), (900, 600)])
def test_the_image_above_a_strip_is_unchanged(size):
    canvas = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8))
    entries = [Entry(lambda line: mark(0.28 * line, (255, 0, 0), "dot"), f"entry {n}")
               for n in range(7)]  # fmt: skip
    whole = with_strip(canvas, [headline("12 people"), plain("a " * 200), legend(entries)])
    assert whole.width == max(200, size[0])
    np.testing.assert_array_equal(np.asarray(whole)[: size[1], : size[0]], np.asarray(canvas))
    strip = np.asarray(whole)[size[1] :]
    assert (strip[:3] == 255).all()
    assert (strip < 60).any()
    red = (strip[..., 0] > 200) & (strip[..., 1] < 80)
    assert red.any()  # the legend's symbols
