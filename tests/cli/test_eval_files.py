from __future__ import annotations

import argparse
import csv
import json

import pytest
from PIL import Image

from raz.cli import eval
from raz.cli.main import main


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gt.txt").write_text("1 2 10 10 2 5 1 40 40 3 6 2\n2 0\n")
    (tmp_path / "pred.txt").write_text("1 2 13 10 80 80\n2 0\n")
    return tmp_path


def test_table_names_the_protocol(files, capsys):
    assert main(["eval", "pred.txt", "gt.txt", "--protocol", "nwpu"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("protocol nwpu, 2 images: within each head's sigma_l, sigma_s; maximum")
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()[1:] if line}
    assert lines["sigma_l"] == ["sigma_s"]
    assert lines["f1"] == ["50.0000%", "0.0000%"]
    assert lines["recall_level_0"] == ["-", "-"]
    assert err == ""


def test_json_has_every_figure_of_every_protocol(files, capsys):
    options = ["--protocol", "qnrf", "--protocol", "fixed", "--protocol", "qnrf", "--json"]
    assert main(["eval", "pred.txt", "gt.txt", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["pred"], document["gt"], document["images"]) == ("pred.txt", "gt.txt", 2)
    assert list(document["protocols"]) == ["qnrf", "fixed"]
    assert len(document["protocols"]["qnrf"]["figures"]) == 101
    assert document["protocols"]["fixed"]["figures"]["4px"]["tp"] == 1
    assert "maximum matching" in document["protocols"]["fixed"]["rule"]


def test_undefined_is_null(files, capsys):
    (files / "none.txt").write_text("1 0\n2 0\n")
    assert main(["eval", "none.txt", "none.txt", "--protocol", "mle", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["protocols"]["mle"]["figures"]
    assert figures == {"all": {"mle": None, "images_with_heads": 0}}


def test_table_an_image(files, capsys):
    options = ["--protocol", "fixed", "--protocol", "count", "--per-image", "images.csv", "-q"]
    assert main(["eval", "pred.txt", "gt.txt", *options]) == 0
    rows = list(csv.DictReader((files / "images.csv").read_text().splitlines()))
    assert [row["image"] for row in rows] == ["1", "2"]
    assert (rows[0]["heads"], rows[0]["predictions"], rows[0]["fixed_4px_tp"]) == ("2", "2", "1")
    assert rows[1]["fixed_4px_recall"] == ""
    assert rows[0]["count_mae"] == "0.0"
    assert not [name for name in rows[0] if name.endswith("images")]


def test_no_cell_of_the_table_is_a_formula(files):
    (files / "p.csv").write_text("image,x,y\n./=1+1.jpg,3,4\n")
    options = ["--protocol", "fixed", "--per-image", "images.csv", "-q"]
    assert main(["eval", "p.csv", "p.csv", *options]) == 0
    [row] = csv.DictReader((files / "images.csv").read_text().splitlines())
    assert row["image"] == "./=1+1"


def test_plot(files, capsys):
    assert main(["eval", "pred.txt", "gt.txt", "--protocol", "nwpu", "--plot", "curve.png"]) == 0
    with Image.open(files / "curve.png") as image:
        assert image.size == (960, 640)


def test_sizes_and_labels_give_the_other_figures(files, capsys):
    (files / "sizes.csv").write_text("image,width,height\n1,100,100\n2,10,10\n")
    (files / "val.txt").write_text("1 0 1\n2 2 0\n")
    options = ["--protocol", "count", "--sizes", "sizes.csv", "--labels", "val.txt", "--json"]
    assert main(["eval", "pred.txt", "gt.txt", *options]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)["protocols"]["count"]["figures"]
    # (80, 80) and (40, 40) lie in different quarters, x = 13 and 10 in different eighths.
    assert figures["game"] == {"0": 0, "1": 1, "2": 1, "3": 2, "images": 2}
    assert figures["level1"]["mae"] == figures["luminances"]["mae"] == 0
    assert err == ""


def test_row_numbers(files, capsys):
    (files / "names.csv").write_text("image,x,y\nIMG_2.jpg,,\nIMG_10.jpg,13,10\n")
    options = ["--protocol", "fixed", "--json"]
    assert main(["eval", "pred.txt", "names.csv", *options]) == 3
    capsys.readouterr()
    assert main(["eval", "pred.txt", "names.csv", "--row-numbers", "pred", *options]) == 0
    assert json.loads(capsys.readouterr().out)["protocols"]["fixed"]["figures"]["4px"]["tp"] == 1
    assert main(["eval", "names.csv", "pred.txt", "--row-numbers", "gt", *options]) == 0
    assert json.loads(capsys.readouterr().out)["protocols"]["fixed"]["figures"]["4px"]["tp"] == 1


def test_missing_and_extra_images(files, capsys):
    (files / "other.txt").write_text("1 0\n3 1 5 5\n")
    command = ["eval", "other.txt", "gt.txt", "--protocol", "fixed"]
    assert main(command) == 3
    assert capsys.readouterr().err == "raz: other.txt:2: image 3 is not in gt.txt\n"
    assert main([*command, "--ignore-extra"]) == 3
    assert capsys.readouterr().err == "raz: other.txt: image 2 is missing, of those in gt.txt:2\n"
    assert main([*command, "--ignore-extra", "--missing-as-empty", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["images"] == 2
    assert document["protocols"]["fixed"]["figures"]["4px"]["fp"] == 0


def test_what_is_odd_is_said(files, capsys):
    (files / "odd.txt").write_text("1 2 -1 -1 5 -3\n2 0\n")
    assert main(["eval", "odd.txt", "gt.txt", "--protocol", "coco", "--protocol", "count"]) == 0
    negative, unscored, unsized = capsys.readouterr().err.splitlines()
    assert negative.startswith("raz: odd.txt:1: 2 points have a negative coordinate")
    assert unscored.startswith("raz: odd.txt: has no scores; predictions rank in the order")
    assert unsized.startswith("raz: GAME(1) to GAME(3) need the sizes")  # fmt: skip


def test_bad_file_is_3(files, capsys):
    (files / "bad.txt").write_text("1 1 5 nan\n")
    assert main(["eval", "bad.txt", "gt.txt", "--protocol", "nwpu"]) == 3
    out, err = capsys.readouterr()
    assert (out, err) == ("", "raz: bad.txt:1: field 4 is 'nan'; it must be a whole number\n")


def test_validate(files, capsys):
    assert main(["eval", "--validate", "pred.txt", "--images", "gt.txt"]) == 0
    assert capsys.readouterr().out == "pred.txt: valid: 2 images, 2 points\n"
    assert main(["eval", "--validate", "gt.txt", "--images", "3"]) == 3
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "gt.txt:1: says 2 points, but 10 numbers follow, not 4 (x y)",
        "gt.txt: holds 2 images, not 3",
    ]
    assert err == "raz: gt.txt: not valid: 2 problems\n"


def test_validate_as_json_with_sizes(files, capsys):
    (files / "sizes.csv").write_text("image,width,height\n1,80,79\n")
    command = ["eval", "--validate", "pred.txt", "--images", "2", "--sizes", "sizes.csv", "--json"]
    assert main(command) == 3
    assert json.loads(capsys.readouterr().out) == {
        "path": "pred.txt",
        "images": 2,
        "points": 2,
        "valid": False,
        "problems": [{"line": 1, "message": "point 2 (80 80) is outside 80 x 79"}],
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "one of these is needed: PRED GT, --validate, --data"),
        (["pred.txt"], "PRED GT needs both files and --protocol"),
        (["pred.txt", "gt.txt"], "PRED GT needs both files and --protocol"),
        (["pred.txt", "gt.txt", "--protocol", "best"], "invalid choice: 'best'"),
        (["pred.txt", "gt.txt", "--protocol", "mle", "--plot", "a.svg"], "must end in .png"),
        (["pred.txt", "gt.txt", "--protocol", "mle", "--depth", "3"], "--depth does not go with"),
        (["pred.txt", "gt.txt", "--protocol", "mle", "--data", "d"], "--data does not go with"),
        (["--validate", "pred.txt", "--protocol", "mle"], "--protocol does not go with --validate"),
        (["--data", "d", "--sizes", "s.csv"], "--sizes does not go with --data"),
        (["--data", "d", "--images", "3"], "--images does not go with --data"),
    ],
)
def test_wrong_use_is_2(arguments, words, files, capsys):
    assert main(["eval", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_no_output_takes_the_place_of_a_file_that_is_read(files, capsys):
    truth = (files / "gt.txt").read_text()
    arguments = ["pred.txt", "gt.txt", "--protocol", "fixed", "--per-image", "./gt.txt"]
    assert main(["eval", *arguments]) == 2
    assert "--per-image: gt.txt is read, and would be overwritten" in capsys.readouterr().err
    assert (files / "gt.txt").read_text() == truth


def test_a_table_beside_files_of_single_images_is_replaced(files, capsys):
    for folder in ("pred", "gt"):
        (files / folder).mkdir()
        (files / folder / "a.txt").write_text("3 4\n")
    arguments = ["eval", "pred", "gt", "--protocol", "fixed", "-q", "--per-image"]
    for _ in range(2):
        assert main([*arguments, "pred/table.csv"]) == 0
    assert main([*arguments, "gt/a.txt"]) == 2
    assert "--per-image: gt/a.txt is read, and would be overwritten" in capsys.readouterr().err
    assert (files / "gt" / "a.txt").read_text() == "3 4\n"


def test_every_option_belongs_to_a_use():
    subparsers = argparse.ArgumentParser().add_subparsers()
    eval.add_parser(subparsers)
    options = {action.dest for action in subparsers.choices["eval"]._actions} - {"help", "json"}
    assert options == set().union(*eval._OPTIONS.values())


STATED = {"path": "1", "points": [[13, 10], [80, 80]], "count": 2.5}
UNSTATED = {"path": "2", "points": [[1, 1]]}


@pytest.mark.parametrize(
    ("objects", "words", "mae"),
    [
        ([STATED, UNSTATED | {"count": 0.5}], "the counts that it states;", 0.5),
        (
            [STATED | {"count": 3}, UNSTATED],
            "the counts that it states of 1 images, and the numbers of points of the other 1;",
            1.0,
        ),
        (
            [{k: v for k, v in STATED.items() if k != "count"}, UNSTATED],
            "the numbers of its points, for it states no counts;",
            0.5,
        ),
    ],
)
def test_count_says_which_count_it_read(files, capsys, objects, words, mae):
    (files / "pred.jsonl").write_text("".join(json.dumps(each) + "\n" for each in objects))
    command = ["eval", "pred.jsonl", "gt.txt", "--protocol", "count"]
    said = f"counts of pred.jsonl: {words} true counts are numbers of points"
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert said in out.splitlines()
    assert (f"raz: {said}" in err.splitlines()) == ("the other" in words)
    assert main([*command, "--json"]) == 0
    count = json.loads(capsys.readouterr().out)["protocols"]["count"]
    assert f"counts of {count['read_from']}" == said
    assert count["figures"]["all"]["mae"] == mae


def test_categories_of_coco_are_chosen_in_both_files(files, capsys):
    categories = [{"id": 1, "name": "walker"}, {"id": 18, "name": "dog"}]
    boxes = [
        {"image_id": 5, "category_id": category, "bbox": [x, 10, 4, 20]}
        for category, x in ((1, 10), (18, 50), (18, 70))
    ]
    truth = {"images": [{"id": 5}], "categories": categories, "annotations": boxes}
    (files / "gt.json").write_text(json.dumps(truth))
    (files / "pred.json").write_text(json.dumps(boxes[:2]))
    command = ["eval", "pred.json", "gt.json", "--protocol", "fixed", "--json"]
    assert main(command) == 3
    assert "gt.json: has the labels 'walker', 'dog'" in capsys.readouterr().err
    assert main([*command, "--category", "dog"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)["protocols"]["fixed"]["figures"]["4px"]
    assert (figures["tp"], figures["fp"], figures["fn"]) == (1, 0, 1)
    assert "gt.json: 1 annotations of other categories left out (1 'walker')" in err


def test_boxes_are_read_at_the_stated_place(files, capsys):
    box = [{"image_id": 5, "category_id": 1, "bbox": [10, 10, 4, 20]}]
    truth = {"images": [{"id": 5, "file_name": "a"}], "annotations": box}
    (files / "gt.json").write_text(json.dumps(truth))
    for anchor, y in (("center", 20), ("top", 10)):
        (files / "pred.csv").write_text(f"image,x,y\na,12,{y}\n")
        command = ["eval", "pred.csv", "gt.json", "--protocol", "mle", "--json"]
        assert main([*command, "--anchor", anchor]) == 0
        assert json.loads(capsys.readouterr().out)["protocols"]["mle"]["figures"]["all"]["mle"] == 0


FOLDERS = {"gate/7.jpg": [[13, 10]], "stage/7.jpg": [[1, 1], [50, 50]], "stage/8.jpg": []}


def as_json(root):
    return json.dumps([{"path": f"{root}{k}", "points": v} for k, v in FOLDERS.items()])


def as_csv(root):
    rows = [f"{root}{k},{x},{y}" for k, v in FOLDERS.items() for x, y in v or [("", "")]]
    return "\n".join(["image,x,y", *rows]) + "\n"


def as_coco(root):
    images = [{"id": number, "file_name": f"{root}{k}"} for number, k in enumerate(FOLDERS)]
    heads = [
        {"image_id": number, "keypoints": [*point, 2]}
        for number, points in enumerate(FOLDERS.values())
        for point in points
    ]
    return json.dumps({"images": images, "annotations": heads})


def as_cvat(root):
    images = "".join(
        f'<image id="{number}" name="{root}{k}">'
        + "".join(f'<points label="head" points="{x},{y}"/>' for x, y in points)
        + "</image>"
        for number, (k, points) in enumerate(FOLDERS.items())
    )
    return f"<annotations>{images}</annotations>"


WRITERS = [as_json, as_csv, as_coco, as_cvat]


@pytest.mark.parametrize("truth", WRITERS)
@pytest.mark.parametrize("pred", WRITERS)
def test_folders_with_files_of_one_name_pair_by_relative_path(files, capsys, pred, truth):
    (files / "pred.any").write_text(pred("/home/me/photos/"))
    (files / "gt.any").write_text(truth(""))
    command = ["eval", "pred.any", "gt.any", "--protocol", "fixed", "--per-image", "images.csv"]
    assert main([*command, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["protocols"]["fixed"]["figures"]["4px"]
    assert (figures["tp"], figures["fp"], figures["fn"]) == (3, 0, 0)
    rows = list(csv.DictReader((files / "images.csv").read_text().splitlines()))
    assert {row["image"]: row["heads"] for row in rows} == {"gate/7": "1", "stage/7": "2", "8": "0"}


def test_one_folder_of_two_is_found_by_its_name(files, capsys):
    (files / "pred.csv").write_text("image,x,y\nphotos/stage/7.jpg,1,1\nphotos/stage/8.jpg,,\n")
    (files / "gt.json").write_text(as_json(""))
    command = ["eval", "pred.csv", "gt.json", "--protocol", "fixed", "--json"]
    assert main(command) == 3
    assert "pred.csv: image gate/7 is missing" in capsys.readouterr().err
    assert main([*command, "--missing-as-empty"]) == 0
    figures = json.loads(capsys.readouterr().out)["protocols"]["fixed"]["figures"]["4px"]
    assert (figures["tp"], figures["fp"], figures["fn"]) == (1, 0, 2)
    (files / "pred.csv").write_text("image,x,y\n7.jpg,1,1\n8.jpg,,\n")
    assert main(command) == 3
    assert "image 7 may be gate/7 or stage/7 of gt.json" in capsys.readouterr().err


def coco_truth(*categories):
    names = {1: "person", 2: "walker", 18: "dog"}
    boxes = [
        {"image_id": 5, "category_id": category, "bbox": [10 * number, 10, 4, 20]}
        for number, category in enumerate(categories)
    ]
    listed = [{"id": id, "name": names[id]} for id in dict.fromkeys(categories)]
    return {"images": [{"id": 5, "file_name": "a"}], "categories": listed, "annotations": boxes}


@pytest.mark.parametrize(
    "pred",
    [
        pytest.param(lambda: as_labelled("head"), id="labels of their own"),
        pytest.param(lambda: coco_truth(1, 1), id="the same number for another category"),
        pytest.param(lambda: coco_truth(2, 2, 18)["annotations"], id="results by ids"),
        pytest.param(lambda: coco_truth(1, 1)["annotations"], id="results with another id"),
    ],
)
def test_predictions_need_not_have_the_categories_of_the_truth(files, capsys, pred):
    (files / "gt.json").write_text(json.dumps(coco_truth(2, 2, 18)))
    content = pred()
    (files / "pred.any").write_text(content if isinstance(content, str) else json.dumps(content))
    command = ["eval", "pred.any", "gt.json", "--protocol", "fixed", "--json"]
    assert main([*command, "--category", "walker"]) == 0
    figures = json.loads(capsys.readouterr().out)["protocols"]["fixed"]["figures"]["4px"]
    assert (figures["tp"], figures["fp"], figures["fn"]) == (2, 0, 0)


def as_labelled(label):
    points = "".join(f'<points label="{label}" points="{x},20"/>' for x in (2, 12))
    return f'<annotations><image id="0" name="a.jpg">{points}</image></annotations>'


def test_results_by_ids_are_those_of_the_category_that_the_truth_counts(files, capsys):
    (files / "gt.json").write_text(json.dumps(coco_truth(1, 18, 1)))
    (files / "pred.json").write_text(json.dumps(coco_truth(1, 18, 1)["annotations"]))
    assert main(["eval", "pred.json", "gt.json", "--protocol", "fixed", "--json"]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)["protocols"]["fixed"]["figures"]["4px"]
    assert (figures["tp"], figures["fp"], figures["fn"]) == (2, 0, 0)
    assert "pred.json: 1 annotations of other categories left out (1 '18')" in err


def write_folder(folder, suffix):
    for name, points in FOLDERS.items():
        file = (folder / name).with_suffix(suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{x} {y}\n" for x, y in points)
        file.write_text(text if suffix == ".txt" else json.dumps({"points": points}))


@pytest.mark.parametrize("pred", [".txt", ".json"])
@pytest.mark.parametrize("gt", [".txt", ".json", "one file"])
def test_two_folders_of_files_pair_by_relative_path(files, capsys, pred, gt):
    write_folder(files / "pred", pred)
    (files / "pred/README.txt").write_text("how these were marked\n")
    (files / "pred/.hidden.txt").write_text("1 1\n")
    if gt == "one file":
        (files / "gt").write_text(as_csv("somewhere/"))
    else:
        write_folder(files / "gt", gt)
    command = ["eval", "pred", "gt", "--protocol", "fixed", "--protocol", "count", "--json"]
    assert main(command) == 0
    protocols = json.loads(capsys.readouterr().out)["protocols"]
    figures = protocols["fixed"]["figures"]["4px"]
    assert (figures["tp"], figures["fp"], figures["fn"]) == (3, 0, 0)
    assert protocols["count"]["figures"]["all"]["images"] == 3
    (files / "pred/gate/7").with_suffix(pred).unlink()
    assert main(command) == 3
    assert "pred: image gate/7 is missing" in capsys.readouterr().err


def test_what_is_wrong_in_a_folder_is_named(files, capsys):
    (files / "pred").mkdir()
    command = ["eval", "pred", "gt.txt", "--protocol", "fixed"]
    assert main(command) == 3
    assert "pred: holds no points: looked for a .txt or .json" in capsys.readouterr().err
    (files / "pred/1.txt").write_text("1 1\n1 x\n")
    assert main(command) == 3
    assert "pred/1.txt:2: 'x' is no finite number" in capsys.readouterr().err
    (files / "pred/1.txt").write_text("1 1\n")
    (files / "pred/1.json").write_text('{"points": []}')
    assert main(command) == 3
    assert "pred/1.txt: is of the same image as pred/1.json; keep one" in capsys.readouterr().err


def test_sizes_of_images_in_folders_go_by_relative_path(files, capsys):
    (files / "pred.csv").write_text(as_csv("/home/me/photos/"))
    (files / "gt.json").write_text(as_json(""))
    for number, name in enumerate(FOLDERS, start=1):
        (files / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40 * number, 60)).save(files / "photos" / name)
    rows = [f"x/{name},{40 * number},60" for number, name in enumerate(FOLDERS, start=1)]
    (files / "sizes.csv").write_text("\n".join(["image,width,height", *rows]) + "\n")
    command = ["eval", "pred.csv", "gt.json", "--protocol", "count", "--json", "--sizes"]
    for source in ("photos", "sizes.csv"):
        assert main([*command, source]) == 0
        game = json.loads(capsys.readouterr().out)["protocols"]["count"]["figures"]["game"]
        assert (game["3"], game["images"]) == (0, 3)
