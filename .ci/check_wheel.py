"""Check what `make wheel` built: contents, size, and that it works without compiler and sources.

`make wheel-check` runs this. The wheel is installed into a fresh virtual environment in a temporary
folder, with the torch of constraints.txt. Its commands run there, with a PATH that holds the
environment's programs and no other.
"""

from __future__ import annotations

import argparse
import email
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 20_000_000
BUILD_TOOLS = ["g++", "c++", "gcc", "cc", "clang++", "clang", "cl", "cmake", "ninja", "nvcc"]
BUILD_PACKAGES = {"build", "cmake", "ninja", "pybind11", "scikit-build-core"}
# What the sdist holds at its top: the files of the build, and no tests, data sets or documents.
SDIST_ENTRIES = {
    "CMakeLists.txt",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "cmake",
    "csrc",
    "pyproject.toml",
    "python",
    "raz_ext",
}
# Suffixes of files under python/raz that must all be in the wheel.
PACKAGED = {".css", ".html", ".jpg", ".js", ".py", ".pyi", ".safetensors", ".typed"}
WHEEL_FILES = re.compile(
    r"raz/(?:[a-z_0-9]+/)*[a-z_0-9]+\.py|raz/_C\.[-a-z_0-9]+\.(?:so|pyd)|raz/py\.typed"
    r"|raz/(?:_C|metrics/__init__)\.pyi|raz/cli/crowd\.jpg"
    r"|raz/models/weights/[a-z_0-9]+\.(?:md|safetensors)"
    r"|raz/io/report/(?:template\.html|report\.css|scripts/[a-z]+\.js)"
    r"|raz-[0-9.]+\.dist-info/(?:METADATA|WHEEL|RECORD|entry_points\.txt|licenses/LICENSE)"
)


def only(folder: Path, pattern: str) -> Path:
    """Return the one file of a pattern."""
    found = sorted(folder.glob(pattern))
    assert len(found) == 1, (
        f"{folder} holds {[path.name for path in found]}; expected one {pattern}"
    )
    return found[0]


def check_wheel(wheel: Path) -> None:
    """Check the files, the size, the metadata and the module of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        strange = sorted(name for name in names if not WHEEL_FILES.fullmatch(name))
        assert not strange, f"{wheel.name} holds {strange}"
        sources = {
            path.relative_to(ROOT / "python").as_posix()
            for path in (ROOT / "python" / "raz").rglob("*")
            if path.is_file() and path.suffix in PACKAGED
        }
        assert sources <= names, f"{wheel.name} lacks {sorted(sources - names)}"
        for suffix in (".dist-info/licenses/LICENSE", "/py.typed", "/_C.pyi", ".safetensors"):
            assert any(name.endswith(suffix) for name in names), f"{wheel.name} lacks {suffix}"
        [info] = {name.split("/")[0] for name in names} - {"raz"}
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
        needed = {
            re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower()
            for requirement in metadata.get_all("Requires-Dist", [])
        }
        assert not needed & BUILD_PACKAGES, f"{wheel.name} needs {needed & BUILD_PACKAGES}"
        modules = [name for name in names if name.startswith("raz/_C.") and name[-4:] != ".pyi"]
        assert len(modules) == 1, f"{wheel.name} holds the modules {modules}"
        code = archive.read(modules[0])
        for place in (str(ROOT), "site-packages", "build-via-sdist"):
            assert place.encode() not in code, f"{modules[0]} names {place}, where it was built"
        largest = sorted(entries, key=lambda entry: -entry.compress_size)[:4]
        print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, {len(entries)} files")
        for entry in largest:
            print(f"  {entry.compress_size:>10,}  {entry.file_size:>10,}  {entry.filename}")
    assert wheel.stat().st_size <= MOST_BYTES, f"{wheel.name} is larger than {MOST_BYTES:,} bytes"


def check_sdist(sdist: Path) -> None:
    """Check the entries and the size of an sdist; `make wheel` builds the wheel from it."""
    with tarfile.open(sdist) as archive:
        names = [PurePosixPath(member.name) for member in archive.getmembers()]
    entries = {name.parts[1] for name in names if len(name.parts) > 1}
    assert entries == SDIST_ENTRIES, f"{sdist.name} differs in {sorted(entries ^ SDIST_ENTRIES)}"
    built = [str(name) for name in names if name.suffix in {".so", ".pyd", ".pyc", ".o"}]
    assert not built, f"{sdist.name} holds {built}"
    assert sdist.stat().st_size <= MOST_BYTES, f"{sdist.name} is larger than {MOST_BYTES:,} bytes"
    print(f"{sdist.name}: {sdist.stat().st_size:,} bytes, {len(names)} files")


def check_installed(wheel: Path, folder: Path) -> None:
    """Install the wheel into an empty environment in a folder, and count people with it."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [programs / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    install = [*pip, "install", "--no-compile", "-c", ROOT / "constraints.txt", wheel]
    subprocess.run(install, cwd=folder, check=True)

    found = {tool: shutil.which(tool, path=str(programs)) for tool in BUILD_TOOLS}
    assert not any(found.values()), f"{programs} holds {found}"
    freeze = subprocess.run([*pip, "freeze"], stdout=subprocess.PIPE, text=True, check=True)
    packages = {line.split("==")[0].lower() for line in freeze.stdout.splitlines()}
    assert not packages & BUILD_PACKAGES, f"the wheel brings {packages & BUILD_PACKAGES}"
    check_commands(programs, folder)


def check_commands(programs: Path, folder: Path) -> None:
    """Run an installation's commands on the example scene, in a folder without the sources."""
    shutil.copy(ROOT / "examples" / "scene.jpg", folder)
    # The warning that the native module is missing would be an error.
    environment = {"OMP_NUM_THREADS": "2", "PYTHONWARNINGS": "error::RuntimeWarning"}
    if sys.platform == "win32":  # where nothing starts without some of its variables
        environment |= os.environ
    environment |= {"PATH": str(programs), "HOME": str(folder)}

    def report_of(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [str(programs / "raz"), *arguments, "--json"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    report = report_of("doctor")
    native, place = report["native"], Path(report["raz"]["folder"])
    assert not place.is_relative_to(ROOT / "python"), f"raz was imported from {place}"
    assert native.get("version") == report["raz"]["version"], f"the native module: {native}"
    assert report["weights"]["raznet_lite"]["parameters"] > 0, report["weights"]

    count = report_of("predict", "scene.jpg")["count"]
    heads = len(json.loads((ROOT / "examples" / "scene.json").read_text())["points"])
    assert abs(count - heads) <= heads / 2, f"{count} persons of {heads}"
    print(f"raz predict: {count:.1f} persons of {heads}, kernels {native['instruction_set']}")


def main() -> None:
    """Check the wheel and the sdist of a folder, or what is installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--installed",
        action="store_true",
        help="only run the commands of the environment that this interpreter belongs to",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if arguments.installed:
            check_commands(Path(sysconfig.get_path("scripts")), Path(place))
            return
        folder = arguments.folder.resolve()
        wheel = only(folder, "raz-*.whl")
        check_sdist(only(folder, "raz-*.tar.gz"))
        check_wheel(wheel)
        check_installed(wheel, Path(place))


if __name__ == "__main__":
    main()
