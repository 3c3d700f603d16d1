"""What Label Studio asks of a machine-learning backend: health, setup, predictions of tasks.

Label Studio sends tasks with the address of their image, not the image. Nothing is fetched: an
image is looked up in the folders that the service was given, or is in the address itself (a
``data:`` address). ``/data/upload/1/0a1b2c3d-a.jpg`` is ``upload/1/0a1b2c3d-a.jpg`` in a folder, or
``media/upload/...`` if that is Label Studio's own data folder, and
``/data/local-files/?d=photos/a.jpg`` is ``photos/a.jpg``. Any other
address is taken for a path in a folder.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.parsers import expat

from fastapi import APIRouter, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raz.errors import InputError, ResourceError
from raz.io.formats.label_studio import Tags, prediction
from raz.io.formats.shapes import HeadRule, folded
from raz.result import Result
from raz.serve.answers import Problem
from raz.serve.uploads import UploadedImage
from raz.serve.waiting import WaitingLine

_DEFAULT_KEY = "image"
_DATA_ADDRESS = re.compile(r"data:image/[\w.+-]+;base64,(?P<content>.*)", re.DOTALL)
_MOST_TASKS = 1000
_MOST_CONFIGURATION = 1 << 20

_MOST_VALUES = 1_000_000
"""Of a request; no other is answered while they are read, for about a second."""


class _Request(BaseModel):
    """What Label Studio sends has more than is used here; a boolean is no number."""

    model_config = ConfigDict(extra="ignore", strict=True)


class SetupRequest(_Request):
    """A project that connects to the service."""

    project: str | int | None = None
    schema_: str | None = Field(None, alias="schema", description="labelling configuration")


class Task(_Request):
    """An image to label; `data` has its address."""

    id: int | None = None
    data: dict[str, Any]


class PredictRequest(_Request):
    """Tasks of one project."""

    tasks: list[Task] = Field(max_length=_MOST_TASKS)
    project: str | int | None = None
    label_config: str | None = Field(None, max_length=_MOST_CONFIGURATION)


def _schema() -> dict[str, Any]:
    schema = PredictRequest.model_json_schema()
    schema["properties"]["tasks"]["items"] = schema.pop("$defs")["Task"]
    return schema


_PREDICT_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _schema()}}}
}


class Up(BaseModel):
    """The backend works."""

    status: str
    model_class: str


class Version(BaseModel):
    """Which model predicts."""

    model_config = ConfigDict(protected_namespaces=())

    model_version: str


class Predictions(BaseModel):
    """One prediction per task, in the order of the tasks."""

    results: list[dict[str, Any]]


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 408, 413, 421, 422, 503, 504)
}


def label_studio_routes(
    model: str, count: Callable[[Any], Result], line: WaitingLine, folders: Sequence[Path]
) -> APIRouter:
    """Return the routes of a machine-learning backend.

    Args:
        model: its name, which Label Studio shows as the version of predictions.
        count: counts in an image; called in a thread of ``line``.
        line: where requests wait.
        folders: where the tasks' images are.
    """
    router = APIRouter(prefix="/label-studio", tags=["Label Studio"])  # for metrics, too

    @router.get("/", include_in_schema=False)
    @router.get("/health", summary="Whether the backend works")
    async def health() -> Up:
        return Up(status="UP", model_class=model)

    @router.post("/setup", responses=_PROBLEMS, summary="Connect a project")
    async def setup(project: SetupRequest) -> Version:
        tags_of(project.schema_)
        return Version(model_version=model)

    @router.post(
        "/predict",
        responses=_PROBLEMS,
        openapi_extra=_PREDICT_BODY,
        summary="Predict the heads of tasks",
    )
    async def predict(request: Request) -> Predictions:
        found = []
        with line.place() as deadline:
            asked = _read(await request.body())
            tags, key = tags_of(asked.label_config)
            for task in asked.tasks:
                with _errors_of(task):
                    address = _address(task, key)
                    image = find_image(address, folders)
                    result = await line.run(
                        partial(_count, count, image, address),
                        deadline,
                        is_gone=request.is_disconnected,
                    )
                found.append(prediction(result, tags))
        return Predictions(results=found)

    return router


def _read(body: bytes) -> PredictRequest:
    """Read a request; FastAPI would do so before the request has a place and its token is seen."""
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:  # none of them is in base64
        raise HTTPException(
            413, f"the body has more than {_MOST_VALUES:,} values, the limit of this service"
        )
    try:
        return PredictRequest.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def tags_of(configuration: str | None) -> tuple[Tags, str]:
    """Return the names in a labelling configuration, and the key of an image in a task's data.

    Without a configuration they are those that raz writes. Of several labels, "head" is taken, else
    "person", else the only one.

    Raises:
        InputError: it is no XML, or has no key points for an image.

    Example:
        >>> tags_of('<View><Image name="i" value="$photo"/><KeyPointLabels name="k" toName="i">'
        ...         '<Label value="Head"/></KeyPointLabels></View>')
        (Tags(control='k', image='i', label='Head'), 'photo')
    """
    if not configuration:
        return Tags(), _DEFAULT_KEY
    where = "the labelling configuration"
    read = _Configuration()
    try:
        read.parser.Parse(configuration, True)
    except (expat.ExpatError, ValueError) as error:  # ValueError: a character that is no text
        raise InputError(f"{where} is not XML: {error}") from None
    for control, image, labels in read.controls:
        if image in read.images:
            heads = HeadRule().chosen(labels, where)
            label = next((label for label in labels if folded(label) in heads), Tags().label)
            return Tags(control, image, label), read.images[image]
    raise InputError(f"{where} has no <KeyPointLabels> for an <Image>")


class _Configuration:
    """Names of the images and of the key points in a labelling configuration."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {}
        self.controls: list[tuple[str, str, list[str]]] = []
        self._inside = False
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def _doctype(self, *_: object) -> None:
        raise InputError("the labelling configuration has a document type declaration")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "Image":
            value = attributes.get("value", "")
            self.images[attributes.get("name", "")] = value.removeprefix("$") or _DEFAULT_KEY
        elif tag == "KeyPointLabels":
            name, image = attributes.get("name", ""), attributes.get("toName", "")
            self.controls.append((name, image, []))
            self._inside = True
        elif tag == "Label" and self._inside:
            self.controls[-1][2].append(attributes.get("value", ""))

    def _end(self, tag: str) -> None:
        if tag == "KeyPointLabels":
            self._inside = False


@contextmanager
def _errors_of(task: Task) -> Iterator[None]:
    """Say of errors in the block which task they are of."""
    try:
        yield
    except (InputError, ResourceError) as error:
        where = "a task" if task.id is None else f"task {task.id}"
        raise type(error)(f"{where}: {error}") from None


def _address(task: Task, key: str) -> str:
    address = task.data.get(key)
    if not isinstance(address, str):
        raise InputError(f"data.{key} is {address!r:.100}; it must be an address")
    return address


def _count(count: Callable[[Any], Result], image: Path | UploadedImage, address: str) -> Result:
    """Count in an image; where a file of the service is, is not told to clients."""
    try:
        return count(image)
    except (InputError, ResourceError) as error:
        if not isinstance(image, Path):
            raise
        raise type(error)(str(error).replace(str(image), f"{address:.200}")) from None


def find_image(address: str, folders: Sequence[Path]) -> Path | UploadedImage:
    """Return the file that the address of a task's image stands for, or the image in it.

    Args:
        address: as in a task's data.
        folders: no file outside of them is returned, wherever links lead.

    Raises:
        InputError: there is no such file in the folders, or the address is broken.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "a.jpg").touch()
        ...     find_image("/data/local-files/?d=a.jpg", [Path(folder)]).name
        'a.jpg'
    """
    if inside := _DATA_ADDRESS.fullmatch(address):
        try:
            data = base64.b64decode(inside["content"], validate=True)
            return UploadedImage(data, "the image in its address")
        except (binascii.Error, ValueError):
            raise InputError("the image's data: address is not base64") from None
    name = _path_in_folder(address)
    for folder in folders:
        for candidate in (folder / name, folder / "media" / name):
            # A name that is none; before Python 3.13 links in a circle are a RuntimeError.
            with suppress(OSError, ValueError, RuntimeError):
                file = candidate.resolve(strict=True)
                if file.is_file() and file.is_relative_to(folder.resolve()):
                    return file
    raise InputError(
        f"{address:.200}: no such image in the {len(folders)} folders of --images; images are "
        "not fetched"
    )


def _path_in_folder(address: str) -> str:
    try:
        parts = urlsplit(address)
        served = parse_qs(parts.query).get("d", [""])[0]
    except ValueError:
        return address
    path = unquote(parts.path)
    if path.endswith("/data/local-files/"):
        path = served
    elif "/data/upload/" in path:
        path = path[path.index("/data/upload/") + len("/data/") :]
    return path.lstrip("/")
