"""Results of every awkward kind: no heads, scores that are not numbers, names full of marks."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from hypothesis import settings
from hypothesis import strategies as st

from raz.io.formats import save_all
from raz.result import Result

few = settings(max_examples=25, deadline=None)
"""Each example writes a file."""

MARKS = "a,b\"c'd<e>&f\u00e4\u6f22\U0001f600;%{}[]#\\g h\ti\nj\rk"
"""Every kind of mark that some format has a meaning for."""


def make(points=((3.5, 4.5), (10.25, 0.5)), *, size=(20, 12), path="folder/IMG_7.jpg", **changes):
    located = torch.tensor(points, dtype=torch.float32).reshape(-1, 2)
    values = {
        "points": located,
        "scores": torch.linspace(0.6, 0.9, len(located)),
        "density": torch.zeros(math.ceil(size[1] / 8), math.ceil(size[0] / 8)),
        "count": 2.25,
        "count_density": 2.5,
        "count_points": len(located),
        "image_size": size,
        "model": "fake",
        "path": path,
    }
    return Result(**{**values, **changes})


MARKED = make(path=f"folder/{MARKS}")


def names(without: str = "") -> st.SearchStrategy[str]:
    """File names of any text, with marks more often than by chance."""
    text = st.characters(exclude_categories=["Cs"], exclude_characters="\0/" + without)
    marks = st.sampled_from([mark for mark in MARKS if mark not in without])
    return st.text(text | marks, min_size=1).filter(lambda name: name not in (".", ".."))


@st.composite
def results(draw, name=None, scores=None) -> Result:
    """Any result; ``scores`` may be NaN by default."""
    size = draw(st.tuples(st.integers(1, 60_000), st.integers(1, 60_000)))
    sides = [st.floats(0, side, width=32) for side in size]
    points = draw(st.lists(st.tuples(*sides), max_size=6))
    score = st.floats(0, 1, width=32) | st.just(math.nan) if scores is None else scores
    drawn = draw(st.lists(score, min_size=len(points), max_size=len(points)))
    return make(
        points,
        size=size,
        path="folder/" + draw(names() if name is None else name),
        scores=torch.tensor(drawn, dtype=torch.float32),
        density=torch.zeros(1, 1),
    )


def together(several: list[Result], format: str, folder: Path) -> Path:
    """The file of several results."""
    return save_all(iter(several), folder / "several", format=format)


def same(result: Result, points, scores) -> bool:
    """Whether points and scores (None for NaN) were read back to the last bit of float32."""
    scores = [math.nan if score is None else score for score in scores]
    return torch.equal(
        torch.tensor(points, dtype=torch.float32).reshape(-1, 2), result.points
    ) and torch.allclose(
        torch.tensor(scores, dtype=torch.float32), result.scores, rtol=0, atol=0, equal_nan=True
    )
