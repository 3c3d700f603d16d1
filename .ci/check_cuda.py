"""Compile each CUDA kernel file for one architecture and fail if a register spills.

`make cuda` runs this. Warnings are errors. ptxas reports the registers of each kernel. The build
itself compiles for all architectures.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["-std=c++20", "-Icsrc/include", "-Icsrc", "--fmad=false", "-Werror", "all-warnings"]
SPILL = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")


def compile_file(source: Path, architecture: int, folder: Path) -> tuple[str, bool]:
    """Return one line about the file's kernels, and whether it passes."""
    target = f"arch=compute_{architecture},code=sm_{architecture}"
    command = ["nvcc", *FLAGS, "-gencode", target, "-Xptxas", "-v"]
    command += ["-c", str(source), "-o", str(folder / "kernels.o")]
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    text = done.stdout + done.stderr
    if done.returncode != 0:
        return f"{source}: nvcc failed\n{text}", False
    spilled = sum(int(stores) + int(loads) for stores, loads in SPILL.findall(text))
    registers = [int(count) for count in REGISTERS.findall(text)]
    line = f"{source}: {len(registers)} kernels, {max(registers, default=0)} registers at most"
    return f"{line}, {spilled} bytes spilled, {seconds:.0f} s", spilled == 0


def main() -> int:
    """Compile the named files, or all; return how many fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--architecture", type=int, default=90)
    arguments = parser.parse_args()
    kernels = sorted(path.relative_to(ROOT) for path in (ROOT / "csrc" / "cuda").glob("*.cu"))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for source in arguments.files or kernels:
            line, passes = compile_file(source, arguments.architecture, Path(folder))
            failed += not passes
            print(line if passes else f"FAILED {line}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
