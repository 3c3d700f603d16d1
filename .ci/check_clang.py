"""Compile the kernels and the module with clang for each system, warnings as errors.

`make clang` runs this. The compiler is the clang of the package ziglang, which has the headers of
macOS and of MinGW. Nothing is linked or run. What MSVC accepts is not known: it gets the kernels
that are compiled here without extensions of GCC and clang (RAZ_PLAIN_CPP); `make plain` tests them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["-std=c++20", "-O0", "-fno-sanitize=all", "-Wall", "-Wextra", "-Werror"]
FLAGS += ["-Wno-unused-command-line-argument"]  # zig's own
INCLUDES = ["-Icsrc", "-Icsrc/include"]
MODULE = [
    "-DRAZ_WITH_CUDA=0",
    *(
        f'-D{name}=""'
        for name in (
            "RAZ_VERSION",
            "RAZ_COMPILER",
            "RAZ_TORCH_TARGET",
            "RAZ_CUDA_COMPILER",
            "RAZ_CUDA_ARCHITECTURES",
        )
    ),
]
# target -> the flags of its kernels and of its module; None compiles no such files. torch's macros
# are not pedantic, and MinGW refuses the headers of this machine's Python.
TARGETS: dict[str, tuple[list[str] | None, list[str] | None]] = {
    "x86_64-linux-gnu": (["-Wpedantic"], []),
    "aarch64-macos": (["-Wpedantic"], []),
    "x86_64-windows-gnu": (["-Wpedantic", "-DRAZ_PLAIN_CPP"], None),
}
# In what MSVC sees. It has __builtin_bit_cast too; INFINITY and NAN are macros of each compiler.
GNU = re.compile(r"__attribute__|\[\[gnu::|__builtin_(?!bit_cast|inff?\b|nanf?\b)|#pragma GCC")


def package(name: str) -> Path:
    """Return the folder of an installed package."""
    found = find_spec(name)
    assert found is not None, f"{name} is not installed"
    assert found.origin is not None, f"{name} is no package"
    return Path(found.origin).parent


def clang(source: Path, flags: list[str], output: str) -> subprocess.CompletedProcess[str]:
    """Run clang on one file."""
    command = [sys.executable, "-m", "ziglang", "c++", "-mcpu=baseline", *FLAGS, *flags]
    return subprocess.run(
        [*command, str(source), "-o", output], cwd=ROOT, capture_output=True, text=True, check=False
    )


def module_flags() -> list[str]:
    """Return what raz_ext is compiled with: the headers of torch, Python and pybind11."""
    folders = [package("torch") / "include", package("pybind11") / "include"]
    folders.append(Path(sysconfig.get_path("include")))
    target = re.search(r"TORCH_TARGET_VERSION=\w+", (ROOT / "cmake" / "torch.cmake").read_text())
    assert target is not None
    return [
        *MODULE,
        f"-D{target[0]}",
        *(flag for path in folders for flag in ("-isystem", str(path))),
    ]


def flags_for(source: Path, target: str) -> list[str] | None:
    """Return the flags of a file for a target, or None if it is not compiled for it."""
    of_kernels, of_module = TARGETS[target]
    return of_module if source.parts[0] == "raz_ext" else of_kernels


def compile_file(source: Path, target: str, folder: Path) -> str:
    """Return what clang says about a file, or nothing if it accepts it."""
    flags = [*INCLUDES, "-target", target, *(flags_for(source, target) or [])]
    if source.parts[0] == "raz_ext":
        flags += module_flags()
    done = clang(source, [*flags, "-c"], str(folder / f"{target}-{source.stem}.o"))
    return f"FAILED {source} for {target}\n{done.stderr}" if done.returncode else ""


def gnu_lines(source: Path, folder: Path) -> str:
    """Return the lines of our own in a file that use an extension all the same."""
    output = folder / f"{source.stem}.ii"
    done = clang(source, [*INCLUDES, "-DRAZ_PLAIN_CPP", "-E"], str(output))
    if done.returncode:
        return f"FAILED {source}\n{done.stderr}"
    found, ours = [], False
    for line in output.read_text().splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            ours = marker[1].startswith("csrc/") or str(ROOT) in marker[1]
        elif ours and GNU.search(line):
            found.append(f"FAILED {source} needs an extension of GCC: {line.strip()}")
    return "\n".join(found)


def main() -> int:
    """Compile every file for every target; return how many fail."""
    kernels = sorted(path.relative_to(ROOT) for path in (ROOT / "csrc" / "cpu").glob("*.cpp"))
    module = sorted(
        path.relative_to(ROOT)
        for path in (ROOT / "raz_ext").glob("*.cpp")
        if not path.name.startswith("cuda")
    )
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(place)
        jobs = [
            pool.submit(compile_file, source, target, folder)
            for target in TARGETS
            for source in (*kernels, *module)
            if flags_for(source, target) is not None
        ]
        jobs += [pool.submit(gnu_lines, source, folder) for source in kernels]
        failures = [said for job in jobs if (said := job.result())]
    print("\n".join(failures) or f"clang: {len(jobs)} compilations, for {', '.join(TARGETS)}")
    return len(failures)


if __name__ == "__main__":
    sys.exit(main())
