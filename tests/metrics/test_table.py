from __future__ import annotations

import math

from raz.metrics import MetricTable

TABLE = MetricTable(
    {
        "all": {"mae": 1.23456, "nae": 0.5},
        "4px": {"f1": 0.624896, "ap50": math.nan, "tp": 3},
        "8px": {"f1": 1.0, "ap50": 0.5, "tp": 12},
    }
)


def test_table_in_blocks():
    lines = str(TABLE).splitlines()
    assert [line.split() for line in lines] == [
        ["mae", "nae"],
        ["all", "1.235", "0.50000"],
        [],
        ["f1", "ap50", "tp"],
        ["4px", "62.4896%", "-", "3"],
        ["8px", "100.0000%", "50.0000%", "12"],
    ]
    assert len({len(line) for line in lines[3:]}) == 1


def test_many_figures_stand_below_each_other():
    table = str(MetricTable({"sigma_l": {f"recall_level_{k}": k / 10 for k in range(9)}}))
    assert table.splitlines()[0].split() == ["sigma_l"]
    assert table.splitlines()[3].split() == ["recall_level_2", "20.0000%"]


def test_undefined_is_null_in_json():
    assert TABLE.to_json()["4px"] == {"f1": 0.624896, "ap50": None, "tp": 3}


def test_flat_names():
    assert list(TABLE.flat())[:3] == ["mae", "nae", "4px_f1"]
