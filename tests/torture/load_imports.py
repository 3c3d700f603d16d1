"""Import raz in every odd way, each in an interpreter of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import load_patience
from drill import Drill, Effort

import raz

PACKAGE = Path(raz.__file__).parent
SMALL = "np.full((64, 64, 3), 90, np.uint8)"
COUNTED = f"import numpy as np, raz; require(raz.predict({SMALL}, depth=1).image_size == (64, 64))"

REQUIRE = """
def require(good, what="wrong"):
    if not good:
        raise AssertionError(what)
"""
"""An assertion that -OO leaves."""


OPTIONAL = """
import importlib, pkgutil, sys
from importlib.machinery import PathFinder
lacking = set({lacking!r})

class Others(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in lacking else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Others
import numpy, raz, torch
names = [each.name for each in pkgutil.walk_packages(raz.__path__, "raz.")]
for name in names:
    if name.endswith("__main__"):
        continue
    try:
        importlib.import_module(name)
    except ImportError as error:
        named = (getattr(error, "name", None) or "").partition(".")[0]
        require(named in lacking or "pip install" in str(error), (name, error))
require(raz.predict(numpy.full((64, 64, 3), 90, numpy.uint8), depth=1).image_size == (64, 64))
"""
"""Every module without what it might like, then a count."""

CODES = {
    "reload": "import importlib, raz; raz.predict; again = importlib.reload(raz); "
    "require(again is raz and raz.Predictor is again.Predictor); " + COUNTED,
    "reload of the native parts": f"""
        {COUNTED}
        import importlib
        from raz import _native, _registration, ops
        importlib.reload(_registration), importlib.reload(_native), importlib.reload(ops)
        {COUNTED}
        import torch
        values = torch.ones(3, 4, requires_grad=True)
        ops.integral_image(values).sum().backward()
        require(values.grad is not None)""",
    "taken out of sys.modules": f"""
        import sys
        for _ in range(4):
            {COUNTED}
            for name in [name for name in sys.modules if name.split(".")[0] == "raz"]:
                del sys.modules[name]""",
    "taken out of sys.modules, but for the native module": f"""
        import sys
        for _ in range(4):
            {COUNTED}
            for name in [name for name in sys.modules if name.split(".")[0] == "raz"]:
                if name != "raz._C":
                    del sys.modules[name]""",
    "threads at once": f"""
        import sys, threading
        sys.setswitchinterval(1e-5)
        begin, errors = threading.Barrier(8), []
        def work(number):
            begin.wait()
            try:
                if number % 2:
                    import raz
                    raz.ops, raz.models, raz.zoom, raz.io, raz.data, raz.metrics
                {COUNTED}
            except BaseException as error:
                errors.append(repr(error))
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        require(not errors, errors)""",
    "operators in threads at once": """
        import sys, threading, torch
        sys.setswitchinterval(1e-5)
        begin, errors = threading.Barrier(8), []
        def work(number):
            begin.wait()
            try:
                from raz import ops
                table = ops.integral_image(torch.ones(4, 4))
                require(table[-1, -1] == 16)
            except BaseException as error:
                errors.append(repr(error))
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        require(not errors, errors)""",
    "an import that broke off": f"""
        import builtins, sys
        usual, left = builtins.__import__, 12
        def broken(name, *rest, **options):
            global left
            if name.startswith("raz"):
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
            return usual(name, *rest, **options)
        builtins.__import__ = broken
        try:
            {COUNTED}
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("it did not break off")
        builtins.__import__ = usual
        {COUNTED}""",
    "without any optional package": OPTIONAL.format(
        lacking=["scipy", "gradio", "onnx", "onnxscript", "h5py", "torchmetrics", "rich", "av",
                 "tensorboard", "rasterio", "pillow_heif", "matplotlib", "onnxruntime", "fastapi",
                 "fastapi_offline", "prometheus_client", "multipart", "uvicorn", "openvino",
                 "supervision", "shtab", "ray", "pyarrow"]
    ),
    "without native module": f"""
        import os, warnings
        os.environ["RAZ_DISABLE_NATIVE"] = "1"
        warnings.simplefilter("ignore", RuntimeWarning)
        {COUNTED}""",
}  # fmt: skip
"""What is run, by its name."""

OPTIONS: dict[str, list[str]] = {
    "plainly": [],
    "with -OO": ["-OO"],
    "with warnings as errors": ["-W", "error"],
    "with -B and -X dev": ["-B", "-X", "dev"],
}

SURROUNDINGS: dict[str, dict[str, str]] = {
    "here": {},
    "in the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "without a home": {"HOME": "/nowhere", "XDG_CACHE_HOME": "/nowhere", "TORCH_HOME": "/nowhere"},
}


def run(effort: Effort) -> None:
    special = [("nothing may be written", option) for option in ("plainly", "with -OO")]
    special += [("standard streams are closed", "plainly")]
    cases = [
        *((code, option, around) for code in CODES for option in OPTIONS for around in ("here",)),
        *((code, "plainly", around) for code in ("reload",) for around in SURROUNDINGS),
        *((code, option, "here") for code, option in special),
    ]
    for code, option, around in effort.sampled(cases):
        if code == "without native module" and option == "with warnings as errors":
            continue  # its one warning is promised
        with effort.case(f"{code}, {option}, {around}"):
            {
                "nothing may be written": unwritable,
                "standard streams are closed": closed,
            }.get(code, fresh)(effort, code, OPTIONS[option], SURROUNDINGS[around])
            effort.answered("imported")


def fresh(
    effort: Effort, code: str, options: list[str], around: dict[str, str], **settings: object
) -> None:
    """Run code in an interpreter of its own."""
    text = REQUIRE + textwrap.dedent(CODES.get(code, COUNTED))
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)} | around
    load_patience.run([sys.executable, *options, "-c", text], env=environment, **settings)


def unwritable(effort: Effort, code: str, options: list[str], around: dict[str, str]) -> None:
    """A copy of raz that belongs to nobody, used by a user without rights and without a home."""
    place = effort.folder / "unwritable"
    if not place.exists():
        shutil.copytree(PACKAGE, place / "raz", ignore=shutil.ignore_patterns("__pycache__"))
        for path in [place, *place.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        for folder in (effort.folder, *effort.folder.parents):
            if not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o111)  # so that others reach it
    root = os.geteuid() == 0
    others = {"user": 65534, "group": 65534, "extra_groups": []} if root else {}
    try:
        subprocess.run([sys.executable, "-c", ""], check=True, **others)
    except (OSError, subprocess.SubprocessError):
        effort.note("nothing may be written: not tried, other users do not reach the interpreter")
        return
    around = around | {"PYTHONPATH": str(place), "HOME": "/nowhere", "TMPDIR": "/nowhere"}
    fresh(effort, code, options, around, cwd="/", **others)
    assert not [*place.rglob("__pycache__")]


def closed(effort: Effort, code: str, options: list[str], around: dict[str, str]) -> None:
    """Without standard input, output and error."""

    def close() -> None:
        for number in (0, 1, 2):
            os.close(number)

    fresh(effort, code, options, around, preexec_fn=close)


DRILLS = (
    Drill(
        "load.imports",
        "raz imported again, in threads, half, read-only, without optional packages",
        run,
        share=0.5,
        enough=40,
        lacks=lambda: None if os.name == "posix" else "POSIX",
    ),
)
