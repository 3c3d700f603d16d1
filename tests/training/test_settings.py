from __future__ import annotations

import math
import sys
import tomllib
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.training.settings import (
    flattened,
    from_mapping,
    length,
    merged,
    metadata_of,
    place,
    to_mapping,
    to_toml,
)


@dataclass(frozen=True)
class Inner:
    number: float = 1.5
    either: float | Literal["adaptive"] = 8.0
    pair: tuple[float, float] = (0.5, 2.0)


@dataclass(frozen=True)
class Outer:
    text: str = ""
    flag: bool = False
    count: int = 3
    maybe: int | None = None
    choice: Literal["a", "b"] = "a"
    inner: Inner = field(default_factory=lambda: Inner(number=20.0))
    rows: tuple[Inner, ...] = ()


inners = st.builds(
    Inner,
    number=st.floats(allow_nan=False),
    either=st.one_of(st.floats(allow_nan=False), st.just("adaptive")),
    pair=st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)),
)
outers = st.builds(
    Outer,
    text=st.text(st.characters(exclude_categories=["Cs"])),
    count=st.integers(-(2**63), 2**63 - 1),
    maybe=st.none() | st.integers(0, 9),
    choice=st.sampled_from(["a", "b"]),
    inner=inners,
    rows=st.lists(inners, max_size=3).map(tuple),
)


@given(outers)
def test_what_is_written_reads_back_equal(settings: Outer) -> None:
    text = to_toml(to_mapping(settings))
    assert from_mapping(Outer(), tomllib.loads(text)) == settings


def test_a_table_keeps_what_it_leaves_out() -> None:
    changed = from_mapping(Outer(), {"inner": {"pair": [1, 2]}})
    assert changed.inner == Inner(number=20.0, pair=(1.0, 2.0))
    assert all(isinstance(value, float) for value in changed.inner.pair)


def test_rows_start_from_the_defaults_of_their_class() -> None:
    assert from_mapping(Outer(), {"rows": [{"number": 3}]}).rows == (Inner(number=3.0),)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cuont": 1}, "cuont is not a setting; the known ones are text, flag, count"),
        ({"inner": {"nubmer": 1}}, "inner.nubmer is not a setting; the known ones are number"),
        ({"rows": [{}, {"x": 1}]}, r"rows\[1\].x is not a setting"),
        ({"count": 1.5}, "count is 1.5; it must be an integer"),
        ({"count": True}, "count is True; it must be an integer"),
        ({"flag": 1}, "flag is 1; it must be true or false"),
        ({"text": 1}, "text is 1; it must be a string"),
        ({"choice": "c"}, "choice is 'c'; it must be one of 'a', 'b'"),
        ({"maybe": "x"}, "maybe is 'x'; it must be an integer"),
        ({"inner": 3}, "inner is 3; it must be a table"),
        ({"count": 2**70}, r"count is 1180591620717411303424; it must be in \[-2\^63, 2\^63\)"),
        ({"inner": {"number": 10**999}}, r"inner.number is 10{99}\.\.\.; it must be in \["),
        ({"count": 16**9999}, "count is a number of thousands of digits; it must be in"),
        ({"choice": "c" * 999}, r"choice is 'c{99}\.\.\.; it must be one of 'a', 'b'"),
        ({"inner": {"": 1}}, r"^inner\.'' is not a setting; the known ones are number"),
        ({"x" * 999: 1}, r"^x{100}\.\.\. is not a setting; the known ones are"),
        ({"inner": {"pair": [1]}}, "inner.pair has 1 values; it must have 2"),
        ({"inner": {"either": "fixed"}}, "either is 'fixed'; it must be a number or one of"),
    ],
)
def test_what_is_refused_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_mapping(Outer(), values)


def test_merged_joins_tables_and_replaces_the_rest() -> None:
    below = {"a": {"x": 1, "y": 2}, "b": [1], "c": 3}
    assert merged(below, {"a": {"y": 5}, "b": []}) == {"a": {"x": 1, "y": 5}, "b": [], "c": 3}
    assert below["a"] == {"x": 1, "y": 2}


def test_flattened_names_what_lies_in_arrays_of_tables() -> None:
    values = {"a": {"x": 1}, "rows": [{"y": 2}, {"y": 3}], "list": [4, 5]}
    assert dict(flattened(values)) == {"a.x": 1, "rows[0].y": 2, "rows[1].y": 3, "list": [4, 5]}


@dataclass(frozen=True)
class Placed:
    here: str = place("")
    rows: tuple[Placed, ...] = ()
    inner: Inner = field(default_factory=Inner)
    seconds: int = length(3)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("here", "place"),
        ("rows[1].here", "place"),
        ("rows[0].rows[3].seconds", "length"),
        ("rows", None),
        ("inner.number", None),
        ("inner.pair", None),
        ("there", None),
        ("inner.here", None),
        ("here.there", None),
    ],
)
def test_what_a_setting_is_for_is_found_by_its_whole_name(name, role) -> None:
    assert metadata_of(Placed, name).get("role") == role


def test_what_to_install_for_writing_is_told(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tomli_w", None)
    with pytest.raises(ImportError, match=r"pip install 'tomli-w>=1,<2'"):
        to_toml({"a": 1})


def test_not_finite_numbers_are_written() -> None:
    read = tomllib.loads(to_toml({"a": math.inf, "b": -math.inf, "c": math.nan}))
    assert read["a"] == math.inf
    assert read["b"] == -math.inf
    assert math.isnan(read["c"])
