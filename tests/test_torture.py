"""What a drill of tests/torture counts, samples and reports."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent / "torture"


@pytest.fixture(scope="module")
def drill() -> ModuleType:
    spec = importlib.util.spec_from_file_location("drill", FOLDER / "drill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["drill"] = module
    spec.loader.exec_module(module)
    return module


def test_an_exception_in_a_case_is_a_finding_and_the_drill_goes_on(drill: ModuleType) -> None:
    def run(effort: object) -> None:
        for number in range(3):
            with effort.case(f"number {number}"):
                effort.answered("tried")
                assert number != 1, "one is bad"

    outcome = drill.perform(drill.Drill("it", "", run), 10.0, 1, whole=False)
    assert outcome.cases == 3
    assert outcome.findings == ["number 1: AssertionError: one is bad\nassert 1 != 1"]
    assert outcome.answers == {"tried": 3}


def test_an_outcome_survives_its_file(drill: ModuleType, tmp_path: Path) -> None:
    outcome = drill.Outcome(cases=3, findings=["x"], notes=["y"])
    outcome.answers["exit code 3"] += 2
    outcome.write(tmp_path / "outcome.json")
    assert drill.Outcome.read(tmp_path / "outcome.json") == outcome


@pytest.mark.parametrize(("whole", "tried"), [(False, 1), (True, 5)])
def test_a_list_is_sampled_unless_the_run_is_whole(
    drill: ModuleType, whole: bool, tried: int
) -> None:
    def run(effort: object) -> None:
        for number in effort.sampled(range(5)):
            with effort.case(str(number)):
                pass

    assert drill.perform(drill.Drill("it", "", run), 0.0, 1, whole).cases == tried


@pytest.mark.parametrize(("whole", "tried"), [(False, 1), (True, 5)])
def test_a_whole_run_goes_on_until_enough_is_tried(
    drill: ModuleType, whole: bool, tried: int
) -> None:
    def run(effort: object) -> None:
        for number in effort.goes_on():
            with effort.case(str(number)):
                pass

    assert drill.perform(drill.Drill("it", "", run, enough=5), 0.0, 1, whole).cases == tried


BESIDE = """
import os, signal, time
from pathlib import Path
from drill import Drill

PLACE = Path(__file__).parent

def meets(mine, other):
    def run(effort):
        (PLACE / mine).touch()
        while not (PLACE / other).exists():
            time.sleep(0.01)
    return run

def dies(effort):
    with effort.case("the last one"):
        os.kill(os.getpid(), signal.SIGKILL)

def hangs(effort):
    (PLACE / "hanging").write_text(str(os.getpid()))
    with effort.case("for ever"):
        time.sleep(3600)

def measures(effort):
    try:
        os.kill(int((PLACE / "hanging").read_text()), 0)
    except ProcessLookupError:
        effort.note("nobody is here")

DRILLS = (
    Drill("measures", "", measures, alone=True),
    Drill("dies", "", dies),
    Drill("hangs", "", hangs),
    Drill("meets 1", "", meets("1", "2")),
    Drill("meets 2", "", meets("2", "1")),
)
"""


@pytest.mark.slow
def test_drills_run_beside_each_other_and_what_happens_to_one_is_a_finding(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.py"):
        (tmp_path / path.name).write_text(BESIDE if path.name == "drills.py" else path.read_text())
    script = (
        "import runpy, sys; folder = sys.argv.pop(1); sys.path.insert(0, folder); import isolation;"
        "isolation.PATIENCE = 10; runpy.run_path(folder, run_name='__main__')"
    )
    options = ["--seconds", "1", "--seed", "1", "--jobs", "3", "--output", tmp_path / "out.json"]
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    drills = json.loads((tmp_path / "out.json").read_text())["drills"]
    found = {name: outcome["findings"] for name, outcome in drills.items()}
    assert found["dies"] == ["the drill ended with exit code -9: ; the last case was: the last one"]
    assert found["hangs"] == ["the drill hung: not ready after 11 s; the last case was: for ever"]
    assert found["meets 1"] == found["meets 2"] == found["measures"] == []
    assert drills["measures"]["notes"] == ["nobody is here"]
    again = [f"    FOUND {name}: {text}" for name, texts in found.items() for text in texts]
    assert sorted(done.stdout.splitlines()[-3:]) == sorted(["2 found", *again])


def test_the_same_seed_gives_the_same_cases(drill: ModuleType, tmp_path: Path) -> None:
    orders = [
        list(drill.Effort("it", 60.0, seed, tmp_path, whole=True).sampled(range(20)))
        for seed in (1, 1, 2)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[2]) == list(range(20))


def test_what_a_machine_lacks_is_named(drill: ModuleType) -> None:
    lacking = drill.Drill("it", "", lambda effort: None, lacks=lambda: "clang")
    assert drill.perform(lacking, 1.0, 1, whole=False).skipped == "clang"


def test_drills_have_names_of_their_own_and_say_what_they_do() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER, "--list"], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert len({name for name, _ in rows}) == len(rows)
