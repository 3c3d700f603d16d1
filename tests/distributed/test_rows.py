"""Rows of results: what is in a file of Parquet, read back by others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import Result
from raz.distributed.rows import (
    error_row,
    name_of_text,
    result_row,
    schema,
    table_of,
    text_of_name,
)
from raz.errors import InputError

pytest.importorskip("pyarrow")


def result(points: list[list[float]]) -> Result:
    return Result(
        points=torch.tensor(points).reshape(-1, 2),
        scores=torch.linspace(0.1, 0.9, len(points)),
        density=torch.ones(1, 1),
        count=len(points) + 0.1,
        count_density=1.0,
        count_points=len(points),
        image_size=(64, 48),
    )


POINTS = [[3.1, 4.2], [12.7, 6.05]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, as workers write them: one with an error alone, whose other columns are null."""
    import pyarrow.parquet as pq

    bad = table_of([error_row("/bad.jpg", InputError("/bad.jpg: is empty"))])
    good = [result_row("/two.jpg", result(POINTS)), result_row("/none.jpg", result([]))]
    pq.write_table(bad, tmp_path / "0.parquet")
    pq.write_table(table_of(good), tmp_path / "1.parquet")
    return tmp_path


def test_rows_are_exact(folder: Path) -> None:
    import pyarrow.dataset as ds

    table = ds.dataset(folder).to_table()
    assert table.schema.equals(schema())
    rows = {row["path"]: row for row in table.to_pylist()}
    two = rows["/two.jpg"]
    assert two["count"] == 2.1
    assert torch.equal(torch.tensor(two["points"]), torch.tensor(POINTS))
    assert torch.equal(torch.tensor(two["scores"]), result(POINTS).scores)
    assert (two["width"], two["height"], two["count_low"], two["error"]) == (64, 48, None, None)
    assert rows["/none.jpg"]["points"] == []
    assert rows["/bad.jpg"]["error"] == "/bad.jpg: is empty"
    assert rows["/bad.jpg"]["count"] is None


def test_an_error_names_the_file() -> None:
    row = error_row("/a.jpg", ValueError("three\nlines\nlong"))
    assert row["error"] == "/a.jpg: three lines long"


@given(st.binary(max_size=20) | st.sampled_from(["\ufffdFF", "\ufffd\ufffdFF"]).map(str.encode))
def test_every_file_name_has_a_text_that_has_it_back(name: bytes) -> None:
    decoded = name.decode(errors="surrogateescape")
    text = text_of_name(decoded)
    text.encode()
    assert name_of_text(text) == decoded


def test_an_error_that_names_a_file_whose_name_is_no_text_is_a_row() -> None:
    name = "/a\udcff.jpg"
    row = error_row(text_of_name(name), InputError(f"{name}: is empty"))
    assert table_of([row])["error"].to_pylist() == ["/a\ufffdFF.jpg: is empty"]


def test_pandas_reads_rows(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(folder).set_index("path")
    assert frame["count"].sum() == pytest.approx(2.1 + 0.1)
    assert [list(point) for point in frame.loc["/two.jpg", "points"]] == [
        pytest.approx(point) for point in POINTS
    ]
    assert frame["error"].notna().sum() == 1


def test_duckdb_reads_rows(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    files = f"{folder}/*.parquet"
    heads = duckdb.sql(
        f"SELECT path, point[1] AS x, point[2] AS y "
        f"FROM (SELECT path, unnest(points) AS point FROM '{files}') ORDER BY x"
    ).fetchall()
    assert heads == [("/two.jpg", pytest.approx(x), pytest.approx(y)) for x, y in POINTS]
    failed = duckdb.sql(f"SELECT path FROM '{files}' WHERE error IS NOT NULL").fetchall()
    assert failed == [("/bad.jpg",)]


def test_geopandas_reads_heads(folder: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    import pandas

    rows = pandas.read_parquet(folder, columns=["path", "points"])
    heads = rows.explode("points").dropna(subset="points")
    places = geopandas.points_from_xy(heads["points"].str[0], heads["points"].str[1])
    frame = geopandas.GeoDataFrame(heads[["path"]], geometry=places)
    assert frame.total_bounds.tolist() == pytest.approx([3.1, 4.2, 12.7, 6.05])
