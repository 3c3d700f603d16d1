"""What is there after an import, and what is not: torch, which takes longer than all the rest."""

from __future__ import annotations

import subprocess
import sys

import pytest

import published
import raz
from raz.cli.completion import SHELLS
from raz.cli.main import COMMANDS

HEAVY = {"torch", "numpy", "PIL", "scipy", "raz._C", "raz.ops"}
HEAVY |= {"fastapi", "uvicorn", "pydantic", "prometheus_client", "raz.serve"}
HEAVY |= {"gradio", "raz.demo"}


def modules_after(*commands, cwd=None):
    """The modules that a process has imported once it ran commands of ``raz``, each ending well."""
    code = (
        "import sys\n"
        "from raz.cli.main import main\n"
        f"for command in {commands!r}:\n"
        "    assert main(command) == 0, command\n"
        "print(*sys.modules, sep='\\n')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True
    )
    return set(run.stdout.splitlines())


@pytest.mark.parametrize("name", raz.__all__)
def test_every_promised_name_is_there(name):
    assert getattr(raz, name) is not None
    assert name in dir(raz)


def test_predict_stays_a_function():
    import raz.prediction

    assert callable(raz.predict)
    assert raz.predict is raz.prediction.predict


def test_unknown_name():
    with pytest.raises(AttributeError, match="'raz' has no attribute 'nothing'"):
        _ = raz.nothing


def test_import_does_nothing():
    code = f"import sys, raz\nheavy = {HEAVY!r} & set(sys.modules)\nassert not heavy, heavy"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_help_imports_nothing_heavy():
    names = [command.__name__.rpartition(".")[2] for command in COMMANDS]
    helps = [[name, "--help"] for name in names]
    helps += [["data", name, "--help"] for name in ("check", "convert", "stats")]
    imported = modules_after(["--help"], ["--version"], *helps)
    assert "raz.cli.main" in imported
    assert not HEAVY & imported


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_imports_nothing_heavy(shell):
    pytest.importorskip("shtab")
    assert not HEAVY & modules_after(["--print-completion", shell])


def test_commands_on_data_sets_do_without_torch(tmp_path):
    published.jhu(tmp_path / "set")
    outputs = {"csv": "o.csv", "coco": "o.json", "cvat": "o.xml", "json": "o"}
    imported = modules_after(
        ["data", "check", "set"],
        ["data", "check", "set", "--json"],
        ["data", "stats", "set"],
        *(
            ["data", "convert", "set", "--split", "val", "--to", form, "--output", name]
            for form, name in outputs.items()
        ),
        cwd=tmp_path,
    )
    assert "raz.data.check" in imported
    assert not {"torch", "raz._C", "raz.ops"} & imported


@pytest.mark.parametrize("name", raz.data.__all__)
def test_every_name_of_data_is_there(name):
    assert getattr(raz.data, name) is not None
    assert name in dir(raz.data)


def test_unknown_name_of_data():
    with pytest.raises(AttributeError, match=r"'raz\.data' has no attribute 'nothing'"):
        _ = raz.data.nothing


AGAIN = """
import sys, warnings
warnings.simplefilter("error")
import torch

def used():
    from raz import ops, reference
    assert ops.integral_image.__module__.startswith("raz.")
    values = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_()
    table = ops.integral_image(values)
    table.sum().backward()
    shape = torch.compile(ops.integral_image, backend="eager")(values.detach()).shape
    return table.sum().item(), values.grad.sum().item(), shape, id(ops)

first = used()
for name in [name for name in sys.modules if name.split(".")[0] == "raz"]:
    del sys.modules[name]
again = used()
assert first[:3] == again[:3], (first, again)
assert first[3] != again[3]
"""


@pytest.mark.slow
def test_raz_may_be_imported_again_after_it_was_taken_out_of_the_modules():
    """Torch has the operators of the first import, and keeps them."""
    done = subprocess.run(
        [sys.executable, "-c", AGAIN], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
