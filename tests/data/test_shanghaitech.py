"""The reader understands both releases, changes nothing, and names the file that is bad."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raz.data import ShanghaiTech, congestion
from raz.data.shanghaitech import read_points
from raz.errors import InputError

scipy_io = pytest.importorskip("scipy.io")

RELEASES = [("part_A", "ground-truth"), ("part_A_final", "ground_truth")]


def write_truth(path: Path, points: np.ndarray) -> None:
    cell = np.empty((1, 1), dtype=object)
    cell[0, 0] = {"location": points, "number": len(points)}
    scipy_io.savemat(path, {"image_info": cell})


def write_part(root: Path, part: str = "part_A", truth: str = "ground-truth") -> Path:
    """Three images whose heads lie at (k, 0.25) and outside the image."""
    folder = root / part / "train_data"
    (folder / "images").mkdir(parents=True)
    (folder / truth).mkdir()
    for k in (1, 2, 10):
        image = np.full((20, 30, 3), 10 * k, dtype=np.uint8)
        Image.fromarray(image).save(folder / "images" / f"IMG_{k}.jpg")
        write_truth(folder / truth / f"GT_IMG_{k}.mat", np.array([[k, 0.25], [31.5, -2.0]]))
    return root / part


@pytest.mark.parametrize(("part", "truth"), RELEASES)
@pytest.mark.parametrize("inside", [False, True])
def test_both_releases_and_both_roots(tmp_path: Path, part: str, truth: str, inside: bool) -> None:
    folder = write_part(tmp_path, part, truth)
    samples = ShanghaiTech(folder if inside else tmp_path)
    assert samples.names == ("IMG_1", "IMG_2", "IMG_10")
    assert [samples.number(i) for i in range(len(samples))] == [1, 2, 10]
    assert samples[2].name == "IMG_10"
    assert samples[2].image.shape == (20, 30, 3)
    assert abs(int(samples[2].image.mean()) - 100) <= 1


def test_points_are_as_published(tmp_path: Path) -> None:
    write_part(tmp_path)
    points = ShanghaiTech(tmp_path)[1].points
    assert points.dtype == np.float32
    assert points.tolist() == [[2.0, 0.25], [31.5, -2.0]]


def test_slices_and_negative_indices(tmp_path: Path) -> None:
    write_part(tmp_path)
    samples = ShanghaiTech(tmp_path)
    assert [sample.name for sample in samples[1:]] == ["IMG_2", "IMG_10"]
    assert samples[-1].name == "IMG_10"
    with pytest.raises(IndexError, match="index 3 is out of range for 3 samples"):
        samples[3]


def test_grey_images_become_rgb(tmp_path: Path) -> None:
    folder = write_part(tmp_path)
    shade = np.tile(np.arange(0, 240, 8, dtype=np.uint8), (20, 1))
    Image.fromarray(shade).save(folder / "train_data/images/IMG_1.jpg", quality=100)
    image = ShanghaiTech(tmp_path)[0].image
    assert image.shape == (20, 30, 3)
    assert (image == image[:, :, :1]).all()
    assert np.abs(image[:, :, 0].astype(int) - shade).max() <= 2


def test_orientation_tag_is_not_applied(tmp_path: Path) -> None:
    folder = write_part(tmp_path)
    tag = Image.Exif()
    tag[0x112] = 6
    image = Image.fromarray(np.zeros((20, 30, 3), dtype=np.uint8))
    image.save(folder / "train_data/images/IMG_1.jpg", exif=tag)
    assert ShanghaiTech(tmp_path)[0].size == (20, 30)


@pytest.mark.parametrize("shape", [(0, 0), (0, 2)])
def test_images_without_heads(tmp_path: Path, shape: tuple[int, int]) -> None:
    write_truth(tmp_path / "GT_IMG_1.mat", np.zeros(shape))
    assert read_points(tmp_path / "GT_IMG_1.mat").shape == (0, 2)


def test_bad_truth_is_named(tmp_path: Path) -> None:
    text, other, three, nan = (tmp_path / f"{n}.mat" for n in ("text", "other", "three", "nan"))
    text.write_text("not MATLAB at all")
    scipy_io.savemat(other, {"annPoints": np.zeros((1, 2))})
    write_truth(three, np.zeros((4, 3)))
    write_truth(nan, np.array([[1.0, np.nan]]))
    for path in (text, other, three, nan, tmp_path / "missing.mat"):
        with pytest.raises(InputError, match=path.name):
            read_points(path)


def test_truncated_truth_is_named(tmp_path: Path) -> None:
    folder = write_part(tmp_path)
    path = folder / "train_data/ground-truth/GT_IMG_2.mat"
    path.write_bytes(path.read_bytes()[:200])
    samples = ShanghaiTech(tmp_path)
    assert len(samples[0].points) == 2
    with pytest.raises(InputError, match=r"GT_IMG_2\.mat"):
        samples[1]


def test_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder part_A nor part_A_final"):
        ShanghaiTech(tmp_path)
    write_part(tmp_path)
    with pytest.raises(InputError, match="test_data"):
        ShanghaiTech(tmp_path, split="test")


def test_bad_arguments(tmp_path: Path) -> None:
    folder = write_part(tmp_path)
    with pytest.raises(ValueError, match="which is part A; part is 'B'"):
        ShanghaiTech(folder, part="B")
    with pytest.raises(ValueError, match="part is 'C'"):
        ShanghaiTech(tmp_path, part="C")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="split is 'val'"):
        ShanghaiTech(tmp_path, split="val")  # type: ignore[arg-type]


def test_without_scipy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[data\]"'):
        read_points(tmp_path / "GT_IMG_1.mat")


@pytest.mark.parametrize(
    ("part", "images", "heads", "crowded_images", "crowded_share"),
    [("A", 300, 162_413, 233, 0.41), ("B", 400, 49_151, 205, 0.21)],
)
def test_published_train_data(
    raz_data: Path,
    part: str,
    images: int,
    heads: int,
    crowded_images: int,
    crowded_share: float,
) -> None:
    samples = ShanghaiTech(raz_data / "shanghaitech", part)  # type: ignore[arg-type]
    assert [samples.number(i) for i in range(len(samples))] == list(range(1, images + 1))
    points = [samples.points(i) for i in range(len(samples))]
    crowded = [int((congestion(p) < 12).sum()) for p in points]
    assert sum(map(len, points)) == heads
    assert sum(map(bool, crowded)) == crowded_images
    assert round(sum(crowded) / heads, 2) == crowded_share


def test_published_images_read(raz_data: Path) -> None:
    for part in ("A", "B"):
        sample = ShanghaiTech(raz_data / "shanghaitech", part)[0]  # type: ignore[arg-type]
        height, width = sample.size
        assert (sample.points >= 0).all()
        assert (sample.points < (width, height)).all()


def test_a_part_is_known_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(write_part(tmp_path))
    assert ShanghaiTech.splits_in(tmp_path / "link", "A") == ("train",)
    assert ShanghaiTech.splits_in(tmp_path / "link", "B") == ()


def test_what_has_no_number_is_no_image(tmp_path: Path) -> None:
    part = write_part(tmp_path)
    images = part / "train_data/images"
    (images / "IMG_copy.jpg").write_bytes((images / "IMG_1.jpg").read_bytes())
    assert ShanghaiTech(part).names == ("IMG_1", "IMG_2", "IMG_10")
