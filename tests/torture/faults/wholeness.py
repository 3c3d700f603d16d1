"""Whether a file is the whole of what a command writes, or of its first results."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any


@dataclass
class Reference:
    """What a job writes when nothing disturbs it, and how long it takes."""

    files: dict[str, bytes]
    seconds: float
    printed: str
    operations: int


_MEASURED = re.compile(
    rb'"(seconds|total|minutes|speed)[^"]*": ?[-+.0-9e]+|\d+\.\d+|"[-0-9T:Z+]{19,}"'
)


def masked(content: bytes) -> bytes:
    """The text without the figures that differ from run to run, such as times."""
    return _MEASURED.sub(b"#", content)


def require_equal(
    path: str, content: bytes, expected: bytes, name: str, *, all_there: bool
) -> None:
    """Raise if a file is not what the undisturbed command writes, but for times."""
    if path.endswith((".npz", ".pt2", ".pt")):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.testzip() is not None:
                raise AssertionError(f"{path} is damaged")
        if path.endswith(".pt") and all_there:
            _require_states_equal(content, expected, path)
        return
    if path.endswith(".safetensors"):
        from safetensors.torch import load

        ours, theirs = load(content), load(expected)
        if all_there and not all((ours[key] == theirs[key]).all() for key in theirs):
            raise AssertionError(f"{path} holds other weights")
        return
    if path.endswith(".mp4"):
        if frames_of(content) != frames_of(expected):
            raise AssertionError(f"{path} has {frames_of(content)} frames")
        return
    if path.endswith((".png", ".jpg")):
        from PIL import Image

        ours, theirs = (Image.open(io.BytesIO(data)).convert("RGB") for data in (content, expected))
        if ours.size != theirs.size and path != "curve.png":  # whose axes depend on times
            raise AssertionError(f"{path} has another size")
        return
    ours, theirs = masked(content), masked(expected)
    if path.endswith("log.jsonl"):
        ours, theirs = (json.dumps(validations(data)).encode() for data in (content, expected))
    if path.endswith("weights.json") and json.loads(content).keys() == json.loads(expected).keys():
        return
    if re.sub(rb"[\w/.-]*/out\b", b"", ours) != re.sub(rb"[\w/.-]*/out\b", b"", theirs):
        raise AssertionError(f"{path} of {name} is not what an undisturbed run writes")


def validations(log: bytes) -> list[Any]:
    """The validations in a log of a training, without times."""
    lines = [json.loads(line) for line in log.splitlines()]
    return [[line["step"], line["validation"]] for line in lines if "validation" in line]


def _require_states_equal(content: bytes, expected: bytes, path: str) -> None:
    import torch

    from training.runs import assert_bit_equal

    ours, theirs = (torch.load(io.BytesIO(data), weights_only=True) for data in (content, expected))
    for state in (ours, theirs):
        del state["seconds"]
        for group in state["optimizer"]["param_groups"]:
            del group["lr"]  # set before each step; a run that goes on where none is left sets none
    try:
        assert_bit_equal(ours, theirs)
    except AssertionError as error:
        raise AssertionError(f"{path} is another state: {error}") from None


def frames_of(video: bytes) -> int:
    """The number of frames that can be decoded."""
    import av

    with av.open(io.BytesIO(video)) as container:
        return sum(1 for _ in container.decode(video=0))


def require_part(path: str, content: bytes, reference: Reference) -> None:
    """Raise if a file of the first results is not a whole file of its format."""
    whole = reference.files[path]
    if path.endswith(".mp4"):
        if not 0 < frames_of(content) <= frames_of(whole):
            raise AssertionError(f"the part of {path} has {frames_of(content)} frames")
    elif path.endswith(".json"):
        ours, theirs = json.loads(content), json.loads(whole)
        if type(ours) is not type(theirs) or len(ours) > len(theirs):
            raise AssertionError(f"the part of {path} is of another kind")
    elif path.endswith(".xml"):
        from xml.etree import ElementTree

        ElementTree.fromstring(content)
    elif path.endswith(".html"):
        if not content.rstrip().endswith(b"</html>"):
            raise AssertionError(f"the part of {path} breaks off")
    elif path.endswith((".png", ".svg", ".pdf")):
        if not content:
            raise AssertionError(f"the part of {path} is empty")
    else:
        lines = masked(content).splitlines(keepends=True)
        if lines != masked(whole).splitlines(keepends=True)[: len(lines)]:
            raise AssertionError(f"the part of {path} is not how the whole begins")
