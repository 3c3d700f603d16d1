from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from raz.export import ReadNetwork, export_onnx, export_torch
from raz.export.reading import OUTPUTS
from raz.models import OperatingPoint, raznet_vgg16

from .maps import MapsNetwork


def test_a_saved_program_serves_every_size_and_tells_what_it_is(tmp_path: Path) -> None:
    network = MapsNetwork()
    path = export_torch(network, tmp_path / "net.pt2")  # type: ignore[arg-type]
    files = {"raz.json": ""}
    program = torch.export.load(path, extra_files=files).module()
    torch.manual_seed(0)
    for shape in ((1, 3, 9, 30), (3, 3, 64, 41)):
        images = torch.rand(shape)
        found, expected = program(images), ReadNetwork(network)(images)  # type: ignore[arg-type]
        assert len(found) == len(OUTPUTS)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    meta = json.loads(files["raz.json"])
    assert OperatingPoint.from_json(meta["operating_point"]) == network.operating_point
    assert (meta["architecture"], meta["stride"]) == ("maps", "8")
    assert list(tmp_path.iterdir()) == [path]


def test_what_torch_raises_while_it_traces_is_not_logged_as_well(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Interrupted(MapsNetwork):
        """Fails as torch's fake tensors do where a signal comes while they call one another."""

        def maps(self, batch: torch.Tensor) -> NoReturn:
            logging.getLogger("torch._subclasses.fake_tensor").error("raised TypeError")
            raise TypeError("interrupted")

    level = logging.getLogger("torch._subclasses.fake_tensor").level
    with pytest.raises(TypeError, match="interrupted"):
        export_torch(Interrupted(), tmp_path / "net.pt2")  # type: ignore[arg-type]
    assert "raised TypeError" not in caplog.messages
    assert logging.getLogger("torch._subclasses.fake_tensor").level == level
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_program_of_a_real_net_needs_no_raz(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = raznet_vgg16(
        counting_widths=(8, 4),
        localization_width=8,
        localization_widths=(8, 4, 4),
        deconvolution_width=2,
        proposal_widths=(4, 4),
    )
    model.operating_point = OperatingPoint((0.003,), 0.5, 0.01)
    path = export_torch(model, tmp_path / "net.pt2")
    images = torch.rand(1, 3, 64, 50)
    torch.save(images, tmp_path / "images.pt")
    code = (
        "import sys, torch; sys.modules['raz'] = None\n"
        f"program = torch.export.load({str(path)!r}).module()\n"
        f"found = program(torch.load({str(tmp_path / 'images.pt')!r}))\n"
        f"torch.save(found, {str(tmp_path / 'found.pt')!r})"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
    found = torch.load(tmp_path / "found.pt")
    assert len(found[0]) > 5
    for value, expected in zip(found, ReadNetwork(model)(images), strict=True):
        torch.testing.assert_close(value, expected)


@pytest.mark.slow
@pytest.mark.parametrize("export", [export_onnx, export_torch])
def test_a_full_disk_is_an_error_that_names_the_file(export, tmp_path: Path) -> None:
    """Torch ends the process where a file that it writes to refuses."""
    pytest.importorskip("onnxscript")
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.pt2"
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limit[1]))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            export(MapsNetwork(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert raised.value.filename == str(path)
    assert not list(tmp_path.iterdir())
