"""Bulk prediction on a cluster: the rows of one process, once each, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import raz
from raz.cli.main import main
from raz.distributed import predict
from raz.errors import InputError

from .processes import until, workers_of_this_process

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

SETTINGS = raz.ZoomSettings(depth=1)


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows by the names of their images, each of which must be there once."""
    import pyarrow.parquet as pq

    rows = [
        row for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()
    ]
    found = {os.path.basename(row["path"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def crop(scene: Image.Image, number: int) -> Image.Image:
    """A small part of the scene, another one for each number below 100."""
    left, top = 16 * (number % 10), 384 + 16 * (number // 10)
    return scene.crop((left, top, left + 112, top + 96))


def photos(folder: Path, scene: Image.Image, number: int) -> Path:
    folder.mkdir()
    for index in range(number):
        crop(scene, index).save(folder / f"{index}.png")
    return folder


@pytest.mark.usefixtures("ray_cluster", "one_thread")
def test_rows_are_those_of_one_process_and_the_same_call_adds_what_is_new(
    tmp_path: Path, scene: Image.Image
) -> None:
    folder, output = photos(tmp_path / "photos", scene, 6), tmp_path / "results"
    (folder / "bad.jpg").write_bytes(b"no image")

    def again(**options: Any) -> Any:
        return predict(folder, output, cluster="auto", workers=2, settings=SETTINGS, **options)

    summary = again(images_per_file=2)
    assert (summary.output, summary.images, summary.failed) == (str(output), 7, 1)
    rows, predictor = rows_of(output), raz.Predictor(settings=SETTINGS)
    for index in range(6):
        row, result = rows[f"{index}.png"], predictor(folder / f"{index}.png")
        assert row["count"] == result.count
        np.testing.assert_array_equal(np.float32(row["scores"]), result.scores.numpy())
        points = np.float32(row["points"]).reshape(-1, 2)
        np.testing.assert_array_equal(points, result.points.numpy())
    assert rows["bad.jpg"]["error"].startswith(f"{folder / 'bad.jpg'}: ")
    files = set(output.iterdir())
    assert again().images == 7
    assert set(output.iterdir()) == files
    crop(scene, 6).save(folder / "new.png")
    assert again().images == 8
    [added] = set(output.iterdir()) - files
    assert rows_of(output).keys() - rows.keys() == {"new.png"}
    assert added.suffix == ".parquet"
    added.unlink()
    assert again().images == 8  # what was in a file that is gone is computed again
    assert "new.png" in rows_of(output)
    with pytest.raises(InputError, match="holds files already"):
        predict(folder, output, cluster="auto", workers=2)
    with pytest.raises(InputError, match="must lie outside"):
        again(checkpoint=output / "done")
    with pytest.raises(ValueError, match="connected to a cluster already"):
        predict(folder, tmp_path / "other", settings=SETTINGS, cluster="local")


@pytest.mark.usefixtures("ray_cluster")
def test_the_command_line_counts_a_folder(
    tmp_path: Path, scene: Image.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = photos(tmp_path / "photos", scene, 2), tmp_path / "results"
    (folder / "bad.jpg").write_bytes(b"no image")
    command = ["predict", str(folder), "--cluster", "auto", "--workers", "1", "--depth", "1"]
    assert main([*command, "--output", str(output)]) == 6
    assert capsys.readouterr().out == f"{output}  3 images, 1 of them could not be read\n"
    assert rows_of(output).keys() == {"0.png", "1.png", "bad.jpg"}


@pytest.mark.usefixtures("ray_cluster")
def test_a_dataset_of_names_is_counted(tmp_path: Path, scene: Image.Image) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import ray.data

    folder = photos(tmp_path / "photos", scene, 3)
    names = [str(path) for path in sorted(folder.iterdir())]
    pq.write_table(pa.table({"camera": [1, 2, 3], "path": names}), tmp_path / "catalogue.parquet")
    images = ray.data.read_parquet(str(tmp_path / "catalogue.parquet"))
    output = tmp_path / "results"
    summary = predict(images, output, cluster="auto", workers=1, settings=SETTINGS)
    assert (summary.images, summary.failed) == (3, 0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
@pytest.mark.usefixtures("ray_cluster")
def test_of_a_worker_that_is_killed_nothing_is_lost_and_nothing_is_twice(
    tmp_path: Path, scene: Image.Image
) -> None:
    folder, output = photos(tmp_path / "photos", scene, 60), tmp_path / "results"
    killed: list[int] = []

    def kill() -> None:
        until(lambda: list(output.glob("*.parquet")))
        [worker, *_] = until(lambda: workers_of_this_process("ImageCounter"))
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)

    killer = threading.Thread(target=kill)
    killer.start()
    summary = predict(
        folder, output, cluster="auto", workers=2, settings=SETTINGS, images_per_file=3
    )
    killer.join()
    assert killed
    assert (summary.images, summary.failed) == (60, 0)
    assert len(rows_of(output)) == 60


CALL = """
import sys, raz, raz.distributed
if __name__ == "__main__":
    raz.distributed.predict(
        sys.argv[1], sys.argv[2], workers=2, settings=raz.ZoomSettings(depth=1), images_per_file=3
    )
"""


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Callable[[Path, Path], subprocess.Popen[bytes]]]:
    """Starts a call in a process of its own, with a cluster of its own."""
    script = tmp_path / "call.py"
    script.write_text(CALL)
    started: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, output: Path) -> subprocess.Popen[bytes]:
        paths = [path for path in sys.path if path and Path(path).name != "sandbox"]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, script, folder, output]
        started.append(subprocess.Popen(command, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("ray_cluster")
def test_after_the_call_was_killed_the_same_call_computes_the_rest(
    tmp_path: Path,
    scene: Image.Image,
    call: Callable[[Path, Path], subprocess.Popen[bytes]],
) -> None:
    import pyarrow.parquet as pq

    folder, output = photos(tmp_path / "photos", scene, 60), tmp_path / "results"
    process = call(folder, output)
    done = tmp_path / "results.checkpoint"

    def noted() -> list[Path]:
        return [file for file in done.glob("*/*.parquet") if ".pending." not in file.name]

    until(noted)
    process.kill()
    process.wait()
    before = set(output.glob("*.parquet"))
    finished = {name for file in noted() for name in pq.read_table(file)["path"].to_pylist()}
    assert 0 < len(finished) < 60
    summary = predict(
        folder, output, cluster="auto", workers=2, settings=SETTINGS, images_per_file=3
    )
    assert (summary.images, summary.failed) == (60, 0)
    assert len(rows_of(output)) == 60
    new = [file for file in output.glob("*.parquet") if file not in before]
    computed = {name for file in new for name in pq.read_table(file)["path"].to_pylist()}
    assert not computed & finished


@pytest.mark.usefixtures("ray_cluster")
def test_a_bucket_is_read_and_written(
    tmp_path: Path, scene: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, False)
    server.start()
    host, port = server.get_host_and_port()
    options = f"?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    try:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id="me",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket="photos")
        for index in range(3):
            file = tmp_path / f"{index}.png"
            crop(scene, index).save(file)
            client.upload_file(str(file), "photos", f"2026/{file.name}")
        client.put_object(Bucket="photos", Key="2026/bad.jpg", Body=b"no image")
        client.put_object(Bucket="photos", Key="2026/notes.txt", Body=b"not of an image")
        source = f"s3://me:secret@photos/2026{options}"
        output = f"s3://me:secret@photos/results{options}"
        for _ in range(2):  # the second call finds that all is done
            summary = predict(source, output, cluster="auto", workers=1, settings=SETTINGS)
            assert (summary.output, summary.images, summary.failed) == ("s3://photos/results", 4, 1)
        for entry in client.list_objects_v2(Bucket="photos", Prefix="results/")["Contents"]:
            if entry["Key"].endswith(".parquet"):  # not the marks of folders
                file = tmp_path / os.path.basename(entry["Key"])
                client.download_file("photos", entry["Key"], str(file))
        rows = rows_of(tmp_path)
        assert {row["path"] for row in rows.values()} == {
            f"s3://photos/2026/{name}" for name in ("0.png", "1.png", "2.png", "bad.jpg")
        }
        predictor = raz.Predictor(settings=SETTINGS)
        assert rows["2.png"]["count"] == pytest.approx(predictor(tmp_path / "2.png").count)
    finally:
        server.stop()
