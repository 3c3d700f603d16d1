"""Points in another unit or frame are told by their signatures, and right ones are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import published
from raz.data import AnnotatedFolder, open_data_set
from raz.data.check import check
from raz.data.truth import (
    require_sense,
    rising_distances,
    wrong_frame,
    wrong_number,
    y_seems_upwards,
)
from raz.errors import InputError

SHARES = "within one pixel of the corner, as if x and y were shares of the size"
PERCENTS = "within 100 pixels of the corner, as if x and y were percents of the size"
EXCHANGED = "outside in part, but inside with x and y exchanged"
UPWARDS = "above the image, as if y were counted upwards"
OUTSIDE = "all outside the image"
MOSTLY = "mostly outside the image"

HEIGHT, WIDTH = 480, 640


def crowd(seed: int, number: int = 40) -> np.ndarray:
    """float32 [number, 2], all over the image."""
    return np.random.default_rng(seed).uniform(0, (WIDTH, HEIGHT), (number, 2)).astype(np.float32)


DAMAGES = {
    SHARES: lambda points: points / (WIDTH, HEIGHT),
    PERCENTS: lambda points: points * 100 / (WIDTH, HEIGHT),
    EXCHANGED: lambda points: points[:, ::-1],
    UPWARDS: lambda points: points * (1, -1),
    OUTSIDE: lambda points: np.add(points, (WIDTH + 2, 0)),
    MOSTLY: lambda points: points * 2.2,
}


@pytest.mark.parametrize("signature", DAMAGES)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), number=st.integers(60, 120))
def test_each_damage_has_its_signature(signature: str, seed: int, number: int) -> None:
    points = crowd(seed, number)
    assert wrong_frame(points, (HEIGHT, WIDTH)) is None
    assert wrong_frame(DAMAGES[signature](points), (HEIGHT, WIDTH)) == signature


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    number=st.integers(0, 50),
    size=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
)
def test_points_inside_are_right(seed: int, number: int, size: tuple[int, int]) -> None:
    points = np.random.default_rng(seed).uniform(0, size[::-1], (number, 2))
    if min(size) > 100:  # else a corner is the image
        assert wrong_frame(points, size) is None


@pytest.mark.parametrize(
    ("points", "size"),
    [
        ([], (HEIGHT, WIDTH)),
        ([[0.5, 0.5]], (HEIGHT, WIDTH)),  # one head may stand there
        ([[0.5, 0.5], [0.5, 0.5]], (HEIGHT, WIDTH)),
        ([[0.5, 0.5], [0.9, 0.1]], (8, 8)),
        ([[31.5, -2], [3, 0.25]], (20, 30)),  # some published points lie a little outside
        ([[WIDTH + 0.5, 3]], (HEIGHT, WIDTH)),
        ([[100, -2]], (480, 640)),  # heads that the edge cuts off
        ([[100, 484]], (480, 640)),
        ([[100, 481], [200, 482], [50, 50]], (480, 640)),
        ([[100, -1], [130, -2], [200, -2], [30, 100]], (480, 640)),
        ([[5 * k, 90 - k] for k in range(20)], (HEIGHT, WIDTH)),  # a group in the corner
        ([[3, HEIGHT + 1], *([k, k] for k in range(30))], (HEIGHT, WIDTH)),
    ],
)
def test_what_is_odd_but_may_be_right(points: list[list[float]], size: tuple[int, int]) -> None:
    assert wrong_frame(np.array(points, dtype=float).reshape(-1, 2), size) is None


def receding(seed: int, number: int = 60) -> np.ndarray:
    """Heads on a plane seen from above the ground: those further down are further apart."""
    random = np.random.default_rng(seed)
    depth = np.sqrt(random.uniform(1, 100, number))
    return np.column_stack([random.uniform(-1, 1, number) / depth * WIDTH + 320, HEIGHT / depth])


def test_heads_at_one_place_say_nothing_of_how_an_image_recedes() -> None:
    points = receding(1)
    again = np.concatenate([points, points[:9], points[:9]])
    assert rising_distances(again) == pytest.approx(rising_distances(points))
    assert rising_distances(np.ones((100_000, 2))) == 0.0


def test_upwards_is_told_by_the_images_of_a_set() -> None:
    downwards = [rising_distances(receding(seed)) for seed in range(12)]
    upwards = [rising_distances(receding(seed) * (1, -1) + (0, HEIGHT)) for seed in range(12)]
    assert np.median(downwards) > 0.3
    assert not y_seems_upwards(downwards)
    assert y_seems_upwards(upwards)
    assert not y_seems_upwards(upwards[:2])
    assert not y_seems_upwards([None, *upwards[:2], None])
    from_above = [rising_distances(crowd(seed)) for seed in range(12)]
    assert not y_seems_upwards(from_above)
    assert rising_distances(np.ones((40, 2))) == 0.0
    assert rising_distances(np.ones((19, 2))) is None


def write_folder(folder: Path, images: list[np.ndarray], size: tuple[int, int]) -> None:
    from PIL import Image

    for number, points in enumerate(images):
        pixels = np.full((*size, 3), 10 * number, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines = "".join(f"{x:.6f} {y:.6f}\n" for x, y in points)
        (folder / f"{number}.txt").write_text(lines)


@pytest.mark.parametrize("signature", DAMAGES)
def test_check_notes_each_signature(tmp_path: Path, signature: str) -> None:
    write_folder(tmp_path, [crowd(0), DAMAGES[signature](crowd(1))], (HEIGHT, WIDTH))
    report = check({"train": open_data_set(tmp_path)}, threads=1)["train"]
    said = f"{tmp_path / '1.txt'}: the 40 points of 1.png are {signature}"
    assert said in [note.message for note in report.notes]
    assert (report.wrong, report.bad, report.good) == (1, [], 2)


def test_check_notes_a_set_whose_y_is_upwards(tmp_path: Path) -> None:
    images = [receding(seed) * (1, -1) + (0, HEIGHT) for seed in range(4)]
    write_folder(tmp_path, images, (HEIGHT, WIDTH))
    [note] = [
        note.message
        for note in check({"train": open_data_set(tmp_path)}, threads=1)["train"].notes
        if "upwards" in note.message
    ]
    assert note.startswith("train: in most images heads stand closer together further down")


# "number beside points that disagree"

STATED = {
    "shanghaitech_a": "part_A/train_data/ground-truth/GT_IMG_1.mat",
    "ucf_qnrf": "Train/img_0001_ann.mat",
    "ucf_cc_50": "11_ann.mat",
    "nwpu": "mats/0001.mat",
    "jhu": "train/gt/0001.txt",
    "folder": "a.json",
}


def state(root: Path, layout: str, number: int) -> None:
    """Write a set of the layout whose first image states a number of heads; it has two."""
    points = published.heads(1)
    path = root / STATED[layout]
    if layout == "folder":
        published.write_image(root / "a.jpg", 9)
        path.write_text(json.dumps({"points": points.tolist(), "number": number}))
        return
    if layout == "nwpu":
        published.nwpu(root, jsons=False, mats=True)
    else:
        published.LAYOUTS[layout](root)
    if layout == "jhu":
        (root / "train/image_labels.txt").write_text(f"0001,{number},street,0,0\n")
    elif layout == "shanghaitech_a":
        cell = np.empty((1, 1), dtype=object)
        cell[0, 0] = {"location": points, "number": number}
        published.write_mat(path, {"image_info": cell})
    else:
        published.write_mat(path, {"annPoints": points, "number": number})


@pytest.mark.parametrize("layout", STATED)
def test_a_number_that_disagrees_is_noted_in_every_layout(tmp_path: Path, layout: str) -> None:
    pytest.importorskip("scipy.io")
    for number in (2, 3):
        state(tmp_path, layout, number)
        samples = open_data_set(tmp_path)
        index = [str(path) for path in map(samples.truth_path, range(len(samples)))].index(
            str(tmp_path / STATED[layout])
        )
        assert samples.stated_count(index) == number
        report = check({"train": samples}, threads=1)["train"]
        name = samples.image_path(index).name
        said = (
            f"{tmp_path / STATED[layout]}: points of {name}: 2, but the number of heads is "
            "stated as 3"
        )
        notes = [note.message for note in report.notes]
        assert (said in notes, report.wrong) == (number == 3, int(number == 3))
        if number == 2:
            require_sense(samples)
        else:
            with pytest.raises(InputError, match="stated as 3"):
                require_sense(samples)


def test_the_count_of_a_prediction_states_nothing(tmp_path: Path) -> None:
    published.write_image(tmp_path / "a.jpg", 9)
    for entry, stated in [
        ({"points": [[1, 1, 0.5]], "count": 3}, None),
        ({"points": [[1, 1]], "count": 1.5}, None),
        ({"points": [[1, 1]], "count": 3}, 3),
        ({"points": [[1, 1]], "human_num": 4}, 4),
        ({"points": [[1, 1]]}, None),
    ]:
        (tmp_path / "a.json").write_text(json.dumps(entry))
        assert AnnotatedFolder(tmp_path).stated_count(0) == stated
    assert wrong_number(np.zeros((3, 2)), None) is None


def test_require_sense_names_the_first_and_counts_the_others(tmp_path: Path) -> None:
    images = [crowd(0), DAMAGES[SHARES](crowd(1)), DAMAGES[OUTSIDE](crowd(2)), crowd(3)]
    write_folder(tmp_path, images, (HEIGHT, WIDTH))
    with pytest.raises(InputError) as caught:
        require_sense(open_data_set(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path / '1.txt'}: the 40 points of 1.png are {SHARES} "
        "(1 other images have such points)"
    )
    (tmp_path / "1.txt").write_text("broken")  # reading it will say so
    with pytest.raises(InputError, match=r"2\.txt: .* all outside"):
        require_sense(open_data_set(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shanghaitech/part_A", "shanghaitech/part_B"])
def test_published_points_have_sense(raz_data: Path, name: str) -> None:
    samples = open_data_set(raz_data / name)
    require_sense(samples)
    rising = [rising_distances(samples.points(index)) for index in range(len(samples))]
    assert not y_seems_upwards(rising)
    assert y_seems_upwards(None if each is None else -each for each in rising)
