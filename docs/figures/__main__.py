"""Draw the figures of the documentation from examples/scene.jpg (`make figures`).

`tests/docs/test_figures.py` draws them again and says which are out of date.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import operators
import steps

FIGURES = {**steps.FIGURES, **operators.FIGURES}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python docs/figures", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        draw().save(folder / f"{name}.jpg", quality=80, optimize=True)
        print(folder / f"{name}.jpg")


if __name__ == "__main__":
    main()
