"""Every command that writes, small enough to run in a second, and how its outputs are judged."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .children import Child
from .deaths import Operations
from .wholeness import Reference, require_equal, require_part

PARTS = re.compile(r"^\..{1,40}\.[0-9a-f]{8}\.part$")
"""Names of what is being written; nothing of raz reads files of such names."""


@dataclass(frozen=True)
class Job:
    """A command.

    Attributes:
        words: of it; ``OUT`` is the folder of outputs, ``IN`` that of inputs.
        needs: modules that are imported before processes are forked.
        makes: names of its outputs in ``OUT``, or patterns of them.
        needs_extra: what must be installed for it.
    """

    words: str
    makes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    trains: bool = False
    several: bool = False
    needs_extra: str | None = None

    def arguments(self, inputs: Path, outputs: Path) -> list[str]:
        return [
            word.replace("IN", str(inputs), 1).replace("OUT", str(outputs), 1)
            if word.startswith(("IN", "OUT"))
            else word
            for word in self.words.split()
        ]


_NET = "--model raznet_tiny --weights IN/tiny.safetensors --threads 1"
_PREDICTS = (
    "raz.prediction", "raz.zoom.pipeline", "raz.zoom.memory", "raz.io.formats", "raz.io.report",
    "raz.models.inference",
)  # fmt: skip
_ONE = (
    "json", "jsonl", "csv", "counts.csv", "coco.json", "xml", "label-studio.json", "geojson", "txt",
    "npz", "density.npy", "png", "jpg", "html",
)  # fmt: skip
_MANY = (
    "json", "jsonl", "csv", "counts.csv", "coco.json", "xml", "label-studio.json", "txt", "html"
)  # fmt: skip
_FORMS = {
    "csv": "heads.csv", "coco": "heads.json", "jsonl": "heads.jsonl", "nwpu": "heads.txt",
    "cvat": "heads.xml", "label-studio": "heads.json", "txt": "points/*.txt",
    "json": "points/*.json",
}  # fmt: skip


def _jobs() -> Iterator[tuple[str, Job]]:
    for suffix in _ONE:
        out = f"heads.{suffix}"
        words = f"predict IN/photo.png {_NET} --output OUT/{out}"
        yield f"predict one .{suffix}", Job(words, (out,), _PREDICTS)
    for suffix in _MANY:
        out = f"heads.{suffix}"
        words = f"predict IN/photos {_NET} --output OUT/{out}"
        yield f"predict many .{suffix}", Job(words, (out,), _PREDICTS, several=True)
    yield "predict many --report --plot", Job(
        f"predict IN/photos {_NET} --report OUT/report.html --plot OUT/plots "
        "--output OUT/heads.csv",
        ("report.html", "plots/*.png", "heads.csv"), _PREDICTS, several=True,
    )  # fmt: skip
    yield "predict video", Job(
        f"predict IN/clip.mp4 {_NET} --save-video OUT/drawn.mp4 --output OUT/heads.counts.csv",
        ("drawn.mp4", "heads.counts.csv"),
        (*_PREDICTS, "av", "raz.io.video_writer", "raz.io.annotated"),
        several=True, needs_extra="av",
    )  # fmt: skip
    yield "predict video --plot-counts", Job(
        f"predict IN/clip.mp4 {_NET} --plot-counts OUT/counts.png --smooth 0.2 --format counts",
        ("counts.png",), (*_PREDICTS, "av", "raz.io.counts_chart", "matplotlib.figure"),
        several=True, needs_extra="matplotlib",
    )  # fmt: skip
    yield "eval --per-image", Job(
        "eval IN/set/points.csv IN/set/points.csv --protocol count --protocol nap "
        "--per-image OUT/table.csv", ("table.csv",), ("raz.metrics.protocols", "raz.io.points"),
    )  # fmt: skip
    yield "eval --data --plot", Job(
        f"eval --data IN/set {_NET} --plot OUT/counts.png", ("counts.png",),
        (*_PREDICTS, "raz.evaluation", "matplotlib.figure"), needs_extra="matplotlib",
    )  # fmt: skip
    yield (
        "bench --output",
        Job(
            f"bench IN/photo.png {_NET} --repeats 1 --output OUT/heads.json",
            ("heads.json",),
            _PREDICTS,
        ),
    )
    yield "data stats --plot", Job(
        "data stats IN/set --plot OUT/stats.png", ("stats.png",),
        ("raz.data", "matplotlib.figure"), needs_extra="matplotlib",
    )  # fmt: skip
    for form, out in _FORMS.items():
        target = out.partition("/")[0]
        words = f"data convert IN/set --to {form} --output OUT/{target}"
        yield f"data convert --to {form}", Job(words, (out,), ("raz.data.convert",))
    yield "export .pt2", Job(
        "export raznet_tiny --weights IN/tiny.safetensors --output OUT/net.pt2", ("net.pt2",),
        ("raz.export", "raz.export.torch_program", "torch.export"),
    )  # fmt: skip
    yield "train", Job(
        "train --config IN/config.toml --output OUT",
        (
            "last/state.pt", "last/weights.safetensors", "best/weights.safetensors",
            "weights.safetensors", "weights.json", "config.toml", "log.jsonl",
        ),
        ("raz.training.engine", "raz.training.publishing", "raz.training.report", "raz.data"),
        trains=True,
    )  # fmt: skip


JOBS: Mapping[str, Job] = dict(_jobs())

SETTINGS = """\
data_root = "{root}"
model = "raznet_tiny"
steps = {steps}
batch_size = 2
workers = {workers}
threads = 1
bfloat16 = false
device = "cpu"
checkpoint_minutes = 1e-9
norm = "frozen"
accept_truth = true
[crops]
size = 32
[validation]
every = 2
limit = 1
[report]
progress = false
[[data]]
name = "own"
layout = "folder"
"""


def make_inputs(folder: Path, *, workers: int = 0, steps: int = 4) -> Path:
    """Write what the commands read: photographs, a video, weights, a data set, settings."""
    import torch
    from PIL import Image

    from crowds import crowd
    from raz.models import save_weights
    from training import tiny

    Image.init()
    torch.set_num_threads(1)
    tiny.register()
    torch.manual_seed(0)
    (folder / "photos").mkdir(parents=True)
    (folder / "set").mkdir()
    rows = ["image,x,y"]
    for k in range(12):
        scene = crowd(k, (64, 96))
        image = Image.fromarray(scene.image)
        image.save(folder / "set" / f"{k}.png")
        rows += [f"{k}.png,{x},{y}" for x, y in scene.points.tolist()]
        if k < 4:
            image.save(folder / "photos" / f"{k}.png")
    image.save(folder / "photo.png")
    (folder / "set" / "points.csv").write_text("\n".join(rows) + "\n")
    save_weights(tiny.raznet_tiny(), folder / "tiny.safetensors")
    text = SETTINGS.format(root=folder / "set", workers=workers, steps=steps)
    (folder / "config.toml").write_text(text)
    try:
        from videos import write_video
    except ImportError:  # without PyAV
        return folder
    write_video(folder / "clip.mp4", frames=8)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """The files in a folder and below it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Bench:
    """Inputs that all cases share, and what each command writes when nothing disturbs it."""

    def __init__(self, folder: Path, **settings: int) -> None:
        self.folder = folder
        self.inputs = make_inputs(folder / "in", **settings)
        self._before = contents(self.inputs)
        self._references: dict[str, Reference] = {}
        self._number = 0

    def available(self) -> list[str]:
        """Names of the jobs whose extras are installed."""
        import importlib.util

        def there(name: str | None) -> bool:
            return name is None or importlib.util.find_spec(name) is not None

        return [name for name, job in JOBS.items() if there(job.needs_extra)]

    def case(self) -> Path:
        """Return a new folder; those of earlier cases go away."""
        shutil.rmtree(self.folder / str(self._number), ignore_errors=True)
        self._number += 1
        folder = self.folder / str(self._number)
        (folder / "out").mkdir(parents=True)
        return folder

    def start(self, name: str, folder: Path, **how: Any) -> Child:
        """Start a job in the folder of a case."""
        words = JOBS[name].arguments(self.inputs, folder / "out")
        return Child(words, **how)

    def reference(self, name: str) -> Reference:
        """Run a job undisturbed, once."""
        if name not in self._references:
            import importlib

            for module in JOBS[name].needs:
                importlib.import_module(module)
            folder = self.folder / "references" / name.replace("/", "-").replace(" ", "_")
            (folder / "out").mkdir(parents=True)
            operations = Operations(folder / "out")
            child = self.start(name, folder, prepare=operations.begin)
            code = child.wait()
            seconds = time.monotonic() - child.began
            if code != 0:
                raise AssertionError(f"{name} undisturbed: exit code {code}: {child.messages}")
            files = contents(folder / "out")
            self._references[name] = Reference(files, seconds, child.printed, operations.count)
        return self._references[name]

    def require_inputs(self) -> None:
        """Raise if a case changed what it reads."""
        if contents(self.inputs) != self._before:
            raise AssertionError("an input was changed")

    def require_whole(self, name: str, folder: Path, *, all_there: bool) -> None:
        """Raise if an output is not whole: no name but that of a part may hold less."""
        reference = self.reference(name)
        written = contents(folder / "out")
        for path, content in written.items():
            short = Path(path).name
            if PARTS.match(short) or short == ".lock":
                if all_there:
                    raise AssertionError(f"{path} is left")
                continue
            if ".partial." in short:
                require_part(path.replace(".partial.", "."), content, reference)
            elif path not in reference.files:
                raise AssertionError(f"{path} is no output of this command")
            elif all_there or path != "log.jsonl":
                require_equal(path, content, reference.files[path], name, all_there=all_there)
        missing = reference.files.keys() - written.keys()
        if all_there and missing:
            raise AssertionError(f"{', '.join(sorted(missing))} missing")
