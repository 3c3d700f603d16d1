"""bench/gpu.py without a GPU: every case and peer runs, and the report says what it must."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import gpu
import pytest
import torch
from gpu_cases import FULL, cases, moved_bytes

from raz import _registration


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    path = tmp_path_factory.mktemp("gpu") / "report.json"
    arguments = sys.argv
    sys.argv = ["gpu.py", "--dry-run", "--output", str(path)]
    try:
        assert gpu.main() == 0
    finally:
        sys.argv = arguments
    return json.loads(path.read_text())


def test_every_case_runs_and_so_do_its_peers(report):
    assert len({entry["case"] for entry in report["cases"]}) == len(cases())
    for entry in report["cases"]:
        assert "error" not in entry
        assert entry["bytes"] > 0
        for name, peer in entry["peers"].items():
            # torchvision's wheels for CUDA cannot be imported beside a CPU torch.
            assert "error" not in peer or "torchvision" in name


def test_every_native_operator_is_measured_and_every_gradient():
    forward = {case.op for case in cases() if not case.gradients}
    backward = {case.op for case in cases() if case.gradients}
    operators = {op for op in _registration._fakes if "_backward" not in op}
    assert forward == operators
    assert backward == set(_registration._gradients) - {"integral_image_backward"}


def test_bytes_are_those_of_inputs_and_results():
    (case,) = (c for c in cases() if c.name == "integral_image 16x1080x1920 float32 to float64")
    maps = torch.empty(2, 3, 4)
    table = torch.empty(2, 4, 5, dtype=torch.float64)
    assert moved_bytes(case, [maps], [table]) == 2 * 3 * 4 * 4 + 2 * 4 * 5 * 8


def test_the_sizes_are_those_of_the_targets():
    assert (FULL.batch, FULL.height, FULL.width) == (16, 1080, 1920)
    assert (FULL.crops, FULL.side, FULL.points, FULL.heads) == (160, 512, 100_000, 3000)


def test_the_name_of_the_file_is_that_of_the_device():
    report = {"gpu": "NVIDIA H100 80GB HBM3", "date": "2026-01-02T03:04:05+00:00"}
    assert gpu.file_name(report) == "nvidia-h100-80gb-hbm3-2026-01-02"


def test_a_phase_that_is_none_is_refused():
    script = Path(gpu.__file__).with_suffix(".sh")
    done = subprocess.run(["bash", script, "everything"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "they are build, test, sanitize and bench" in done.stderr
