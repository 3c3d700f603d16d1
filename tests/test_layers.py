"""The rooms of the package, and what each may import: lazy imports and those for types count too.

A room is a package or a module directly under ``raz``. The table lists them from the ground floor
upwards. A room imports only rooms above its own line, and only those that it names, so there are
no circles but the two below.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import raz

ROOMS = {
    # the ground floor: the contract of a network, and what needs nothing
    "errors": "",
    "files": "",
    "devices": "",
    "forking": "",
    "kept_memory": "forking",
    "arrays": "",
    "areas": "arrays",
    "neighbours": "errors",
    "intervals": "",
    "ground": "areas arrays intervals",
    "progress": "",
    "operating_point": "intervals",
    "network": "operating_point",
    # operators: native, or their references
    "reference": "",
    "_registration": "",
    "_native": "_registration forking",
    "ops": "_native _registration reference",
    # what a density map is corrected by, and what it corrects
    "density": "operating_point ops",
    # images and points in, results out
    "io": "areas density errors files forking ground intervals neighbours ops",
    "result": "areas density errors ground intervals io",
    "smoothing": "intervals result",
    # what is known of public data, and what is measured on it
    "metrics": "arrays errors io neighbours ops",
    "data": "errors files io metrics neighbours ops",
    # nets, and zooming with them: they know the contract, not each other
    "losses": "ops",
    "models": "density errors files forking losses network ops result",
    "zoom": "density devices errors intervals network operating_point ops result",
    # counting in any source of images
    "prediction": "devices errors forking io kept_memory models network result zoom",
    # counting for who asks by HTTP
    "serve": "errors io prediction result zoom",
    "demo": "errors prediction result",
    # counting on several machines
    "distributed": "errors files io prediction result zoom",
    # what is built of nets
    "export": "density errors files models network zoom",
    "evaluation": "data density errors intervals kept_memory metrics network ops result zoom",
    "training": "data devices errors evaluation files io kept_memory losses metrics models network "
    "ops progress zoom",
    # one file per subcommand
    "cli": "_native data demo devices distributed errors evaluation export files ground io metrics "
    "models network prediction progress result serve smoothing training zoom",
    # python -m raz
    "__main__": "cli",
}

ALLOWED = {
    # A result is saved and plotted by its formats, which are written for results.
    ("io", "result"): "raz.result",
    # model.predict(source) is raz.predict(source, model=model).
    ("models", "prediction"): "raz.models.raznet",
}
"""Arrows upwards, and the one module at either end that has them."""

ROOT = Path(raz.__file__).parent


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(("raz", *parts)).removesuffix(".__init__")] = path
    return found


def imported(name: str, source: str, known: Mapping[str, object]) -> Iterator[str]:
    """Modules of raz that a module imports, wherever in its text."""
    package = name if known.get(f"{name}.__init__") else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = [*(base if node.level else []), *((node.module or "").split("."))]
            targets = [".".join(filter(None, [*base, alias.name])) for alias in node.names]
        else:
            continue
        for target in targets:
            if target.split(".")[0] == "raz":
                while target not in known:  # a name of a module
                    target = target.rpartition(".")[0]
                yield target


def room(module: str) -> str:
    """The room of a module; "raz" is the package's own face."""
    return module.split(".")[1] if "." in module else module


def violations(sources: Mapping[str, str]) -> list[str]:
    """Imports that the table does not allow, in modules given by name and text."""
    known = {**modules(), **sources}
    known |= {
        f"{name}.__init__": True for name, path in modules().items() if path.stem == "__init__"
    }
    found = []
    for name, source in sources.items():
        here = room(name)
        for target in imported(name, source, known):
            there = room(target)
            if "raz" in (here, there) or here == there:
                continue  # the face imports every room; a room asks it for the version alone
            if ALLOWED.get((here, there)) in (name, target):
                continue
            if there not in ROOMS.get(here, "").split():
                found.append(f"{name} imports {target}")
    return found


def test_every_room_is_in_the_table() -> None:
    assert {room(name) for name in modules()} == {"raz", *ROOMS}


def test_the_table_has_no_circle() -> None:
    floors = list(ROOMS)
    for here, names in ROOMS.items():
        for there in names.split():
            assert floors.index(there) < floors.index(here), f"{here} is below {there}"


def test_rooms_import_what_the_table_says() -> None:
    sources = {name: path.read_text(encoding="utf-8") for name, path in modules().items()}
    assert violations(sources) == []


def test_rooms_ask_the_face_of_the_package_for_its_version_alone() -> None:
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "raz" and not node.level:
                for alias in node.names:
                    assert alias.name in {*ROOMS, "_C", "__version__"}, f"{path}: {alias.name}"


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("raz.zoom.passes", "import raz.models.raznet", "raz.models.raznet"),
        ("raz.zoom.passes", "def f():\n    from raz.models import RAZNet", "raz.models"),
        ("raz.zoom.passes", "from raz import prediction", "raz.prediction"),
        ("raz.zoom.passes", "from ..io import decoding", "raz.io.decoding"),
        ("raz.zoom", "from ..cli.main import main", "raz.cli.main"),
        ("raz.models.weights", "from raz.zoom.fusion import GRID", "raz.zoom.fusion"),
        ("raz.models.weights", "from raz.prediction import predict", "raz.prediction"),
        ("raz.ops.find_peaks", "if True:\n    import raz.errors", "raz.errors"),
        ("raz.io.decoding", "from raz.result import Result\nimport raz.zoom", "raz.zoom"),
        ("raz.elsewhere", "import raz.errors", "raz.errors"),
    ],
)
def test_what_the_table_does_not_allow_is_found(name: str, source: str, found: str) -> None:
    assert violations({name: source}) == [f"{name} imports {found}"]
