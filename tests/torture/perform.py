"""Run one drill in this process; the outcome goes to FOLDER.

perform.py NAME SECONDS SEED FOLDER [--whole]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1]))  # what tests share

from drill import OUTCOME, perform
from drills import DRILLS


def main() -> None:
    name, seconds, seed, folder, *whole = sys.argv[1:]
    tempfile.tempdir = folder
    (drill,) = (drill for drill in DRILLS if drill.name == name)
    outcome = perform(drill, float(seconds), int(seed), bool(whole))
    outcome.write(Path(folder) / OUTCOME)


if __name__ == "__main__":
    main()
