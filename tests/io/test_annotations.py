from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from raz.errors import InputError
from raz.io.annotations import distinct_keys, image_place, keyed_apart, same_places
from raz.io.points import (
    ImagePoints,
    PointFile,
    image_key,
    image_stem,
    read_labels,
    read_sizes,
)


def file(*keys):
    images = {key: ImagePoints(points=np.zeros((0, 2)), line=3) for key in keys}
    return PointFile(path="p.txt", kind="nwpu", images=images)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a/b/IMG_1.jpg", "IMG_1"),
        ("a\\b\\0001.JPEG", "0001"),
        ("3110", "3110"),
        ("scene.v2", "scene.v2"),
        ("scene.v2.png", "scene.v2"),
        (".jpg", ".jpg"),
        ("a/cafe\u0301.png", "caf\u00e9"),
        (" 7.jpg ", "7"),
        ("a/clip.mp4#t=12.480", "clip-00012.480"),
        ("clip-00012.480.png", "clip-00012.480"),
    ],
)
def test_image_key(name, key):
    assert image_key(name) == key


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a/clip.mp4#t=12.480", "clip-00012.480"),
        ("clip.MOV#t=0.000", "clip-00000.000"),
        ("x#t=1.000.mp4#t=2.000", "x#t=1.000-00002.000"),
        ("photo.jpg#t=1.000", "photo.jpg#t=1.000"),
        ("clip.mp4#t=1", "clip.mp4#t=1"),
        ("a/photo.tar.jpg", "photo.tar"),
        ("a/scene.v2", "scene.v2"),
    ],
)
def test_stems_of_names(name, stem):
    assert image_stem(name) == stem


def test_row_numbers_follow_the_string_order_of_file_names():
    names = ["IMG_2", "IMG_100", "IMG_1", "IMG_10"]
    renamed = file("1", "2", "3", "4").by_row_number(names)
    assert list(renamed.images) == ["IMG_1", "IMG_10", "IMG_100", "IMG_2"]
    with pytest.raises(InputError, match=r"p.txt:3: id 5 is no row number from 1 to 4"):
        file("5").by_row_number(names)


def test_no_two_images_become_one():
    with pytest.raises(InputError, match=r"p.txt:3: image b is there twice"):
        file("a", "b").renamed({"a": "b"})


def test_sizes_and_labels():
    changed = file("a").with_sizes({"a": (5, 4), "b": (1, 1)}).with_labels({"a": {"weather": 1}})
    assert changed.images["a"].size == (5, 4)
    assert changed.images["a"].labels == {"weather": 1}
    with pytest.raises(InputError, match=rf"image {'b' * 197}\.\.\. has no size"):
        file("b" * 10_000).with_sizes({})
    with pytest.raises(InputError, match=r"image b has no size \(1 of 2 images have none\)"):
        file("a", "b").with_sizes({"a": (5, 4)})
    with pytest.raises(InputError, match="image a has no label"):
        file("a").with_labels({})


def test_sizes_of_images(tmp_path):
    Image.new("RGB", (7, 5)).save(tmp_path / "IMG_1.png")
    turned = Image.new("RGB", (7, 5))
    turned.getexif()[0x0112] = 6
    turned.save(tmp_path / "IMG_2.jpg", exif=turned.getexif())
    (tmp_path / "notes.md").write_text("no image")
    assert read_sizes(tmp_path) == {"IMG_1": (7, 5), "IMG_2": (5, 7)}
    (tmp_path / "IMG_1.jpg").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"IMG_1"):
        read_sizes(tmp_path)


def test_sizes_from_a_table(tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text("image,width,height\nd/a.jpg,7,5\nb,1,2\n")
    assert read_sizes(path) == {"a": (7, 5), "b": (1, 2)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,w,h\na,1,2\n", ":1: the header must name image, width, height"),
        ("image,width,height\na,1\n", ":2: must be an image, its width and its height"),
        ("image,width,height\na,1,2.5\n", ":2: must be an image"),
        ("image,width,height\na,1,0\n", ":2: the size is 1 x 0"),
        ("image,width,height\na,1,1\nb,1,1\na,1,1\n", ":4: image a is there twice"),
    ],
)
def test_bad_sizes_are_named(text, words, tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_sizes(path)
    assert str(caught.value).startswith(f"{path}{words}")


def test_folder_without_images(tmp_path):
    with pytest.raises(InputError, match="holds no images"):
        read_sizes(tmp_path)


def test_labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("0001.jpg,300,stadium,2,0\n0002,0,street,0,1\n")
    assert read_labels(path) == {"0001": {"weather": 2}, "0002": {"weather": 0}}
    path.write_text("3110 2 1\n\n3111 0 4\n")
    assert read_labels(path) == {
        "3110": {"luminance": 2, "level": 1},
        "3111": {"luminance": 0, "level": 4},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2\n", ":1: is neither name,count,scene,weather,distractor nor id luminance level"),
        ("1 0 0\n1 0 0\n", ":2: image 1 is there twice"),
        ("1 3 0\n", ":1: luminance is '3'; it must be 0 to 2"),
        ("1 0 -1\n", ":1: level is '-1'; it must be 0 to 4"),
        ("1,5,x,4,0\n", ":1: weather is '4'; it must be 0 to 3"),
    ],
)
def test_bad_labels_are_named(text, words, tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_labels(path)
    assert str(caught.value).startswith(f"{path}{words}")


def folders_file(path: str, *names: str) -> PointFile:
    images = {image_place(name): ImagePoints(name=name, points=np.zeros((0, 2))) for name in names}
    return PointFile(path=path, kind="csv", images=keyed_apart(images))


@given(
    places=st.lists(
        st.lists(st.sampled_from("abc"), max_size=3).map(lambda parts: "/".join([*parts, "7"])),
        unique=True,
    )
)
def test_keys_of_places_are_distinct_and_end_them(places):
    keys = distinct_keys(places)
    assert len({*keys.values()}) == len(places)
    assert all(f"/{place}".endswith(f"/{key}") for place, key in keys.items())
    if len(places) < 2:
        assert {*keys.values()} <= {"7"}


@given(
    places=st.lists(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map("/".join), unique=True
    ),
    root=st.sampled_from(["", "x/", "/data/photos/", "C:\\photos\\"]),
)
def test_names_below_two_roots_pair_by_their_relative_paths(places, root):
    here = folders_file("here", *(f"{root}{place}/7.jpg" for place in places))
    there = folders_file("there", *(f"{place}/7.png" for place in places))
    same = {key: key for key in here.images} | same_places(here, there)
    assert len({*same.values()}) == len(places)
    for key, other in same.items():
        assert here.images[key].name == f"{root}{there.images[other].name[:-3]}jpg"


def test_what_two_places_have_in_common_decides():
    here = folders_file("here", "p/7.jpg", "p/stage/7.jpg", "p/8.jpg")
    there = folders_file("there", "7.jpg", "stage/7.jpg", "q/8.jpg")
    assert (list(here.images), list(there.images)) == (
        ["p/7", "stage/7", "8"],
        ["7", "stage/7", "8"],
    )
    assert same_places(here, there) == {"p/7": "7"}  # stage/7 has its key already
    assert same_places(folders_file("here", "x/7", "y/7"), folders_file("there", "z/7")) == {}


def test_what_may_be_two_images_is_an_error():
    several = folders_file("there.csv", "gate/7.jpg", "stage/7.jpg")
    one = folders_file("here.csv", "7.jpg")
    with pytest.raises(InputError, match=r"here\.csv: image 7 may be gate/7 or stage/7 of there"):
        same_places(one, several)
    with pytest.raises(InputError, match="images gate/7 and stage/7 may both be 7 of here"):
        same_places(several, one)


def test_many_folders_with_one_name_each_are_paired():
    """Of so many, looking at every pair would take minutes."""
    places = [f"scene_{number}/1.jpg" for number in range(5_000)]
    here = folders_file("here", *(f"photos/{place}" for place in places))
    there = folders_file("there", *places, "1.jpg")
    assert same_places(here, there) == {}  # they have their keys already
    assert len(here.images) == 5_000
