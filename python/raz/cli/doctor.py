"""``raz doctor``: report what this installation has, and what it lacks."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from raz.cli.wording import printable
from raz.errors import installs

DEFAULT_MODEL = "raznet_lite"

_DESCRIPTION = """\
Report versions, devices, the native module, which formats of images and videos can be read, which
optional parts are missing, and the weights.
"""
_EPILOG = """\
examples:
  raz doctor
  raz doctor --json > report.json

exit codes: 0 raz predict can work; 4 the default weights do not load; 1 torch does not
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "doctor",
        help="report on this installation",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Print the report; return the exit code."""
    report = {name: _attempt(examine) for name, examine in _EXAMINATIONS.items()}
    if args.json:
        sys.stdout.write(json.dumps(report, indent=2, default=str) + "\n")
    else:
        sys.stdout.write(
            "".join(f"{name:8}  {printable(_line(value))}\n" for name, value in report.items())
        )
    if "error" in report["torch"]:
        return 1
    return 4 if "error" in report["weights"].get(DEFAULT_MODEL, report["weights"]) else 0


def _attempt(examine: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what an examination finds; a failure is a finding too."""
    try:
        return examine()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}


def _line(values: dict[str, Any]) -> str:
    return "  ".join(f"{key} {_text(value)}" for key, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_line(value)})"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _raz() -> dict[str, Any]:
    import raz

    return {"version": raz.__version__, "folder": os.path.dirname(raz.__file__)}


def _python() -> dict[str, Any]:
    return {
        "version": platform.python_version(),
        "system": platform.platform(),
        "cpus": os.cpu_count(),
    }


def _torch() -> dict[str, Any]:
    import torch

    return {"version": torch.__version__, "threads": torch.get_num_threads()}


def _devices() -> dict[str, Any]:
    import torch

    from raz.devices import choose_device

    names = {
        f"cuda:{index}": torch.cuda.get_device_name(index)
        for index in range(torch.cuda.device_count())
    }
    return {"auto": choose_device().type, **names}


def _native() -> dict[str, Any]:
    from raz import _native

    if os.environ.get("RAZ_DISABLE_NATIVE", "0") not in ("", "0"):
        return {"built": "not asked", "disabled by": "RAZ_DISABLE_NATIVE"}
    importlib.import_module("raz._C")  # if it is missing, the ImportError says why
    return _native.build_info() or {}


def _images() -> dict[str, Any]:
    import PIL

    from raz.io.readable import images_read

    reads, lacks = images_read()
    found: dict[str, Any] = {"Pillow": PIL.__version__, "reads": reads}
    return found | ({"lacks": lacks} if lacks else {})


def _videos() -> dict[str, Any]:
    from raz.io.readable import videos_read

    reads, lacks = videos_read()
    return {"reads": reads} | ({"lacks": lacks} if lacks else {})


def _extras() -> dict[str, Any]:
    """The optional parts of raz: which are there, and how the others are installed."""
    there = {extra: all(map(_is_installed, names)) for extra, names in _packages().items()}
    missing = [extra for extra, found in there.items() if not found]
    found: dict[str, Any] = {"installed": [extra for extra, found in there.items() if found]}
    return found | ({"missing": missing, "by": installs(",".join(missing))} if missing else {})


def _packages() -> dict[str, list[str]]:
    """The packages of each optional part, as the installation states them."""
    from importlib.metadata import requires

    packages: dict[str, list[str]] = {}
    for requirement in requires("raz") or ():
        named = _REQUIREMENT.match(requirement)
        if named and named["package"] != "raz":  # "all" is made of the others
            packages.setdefault(named["extra"], []).append(named["package"])
    return packages


def _is_installed(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


_REQUIREMENT = re.compile(
    r"""(?P<package>[A-Za-z0-9._-]+).*;.*\bextra\s*==\s*["'](?P<extra>[^"']+)["']"""
)


def _weights() -> dict[str, Any]:
    from raz.models import list_models

    return {name: _attempt(partial(_weights_of, name)) for name in list_models()}


def _weights_of(name: str) -> dict[str, Any]:
    from raz.models import get_model, get_model_weights

    if not len(get_model_weights(name)):
        return {"published": 0}
    model = get_model(name, weights="DEFAULT")
    return {"parameters": sum(tensor.numel() for tensor in model.parameters())}


_EXAMINATIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "raz": _raz,
    "python": _python,
    "torch": _torch,
    "devices": _devices,
    "native": _native,
    "images": _images,
    "videos": _videos,
    "extras": _extras,
    "weights": _weights,
}
