"""Names, links, devices and files that change: what a path may be, through the command line."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drill import Drill, Effort
from hostile.command import Command, judge, snapshot
from hostile.pristine import by_pillow, pnm
from hostile.ways import FAST, good_images

_SMALL = ("--max-pixels", "100000")


@dataclass(frozen=True)
class Trick:
    """A path: what makes it in a folder and gives the arguments, and what happens beside.

    `changes` says that the files of the folder are to change, by `beside`.
    """

    name: str
    make: Callable[[Path], list[str]]
    codes: tuple[int, ...]
    beside: Callable[[Path], object] | None = None
    changes: bool = False
    longest: int = 0  # characters of names that no argument has


def run(effort: Effort) -> None:
    """Each trick once."""
    command = Command(effort.folder)
    for trick in effort.sampled(tricks()):
        folder = effort.folder / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with effort.case(trick.name):
            arguments = trick.make(folder)
            before = None if trick.changes else snapshot(folder)
            beside = partial(trick.beside, folder) if trick.beside else None
            answer = command.run(arguments, beside=beside)
            judge(answer, trick.codes, longest=trick.longest)
            assert before is None or snapshot(folder) == before, "an input has changed"
            effort.answered(f"exit code {answer.code}")
    effort.note(command.bounds())


def tricks() -> tuple[Trick, ...]:
    found = (*_names(), *_links(), *_devices(), *_changing(), *_lists())
    assert len({each.name for each in found}) == len(found)
    return found


_NAMES = (
    *("a\nb.png", "a\rb.png", "a\tb.png", "\x1b[2Ja.png", "a\u202egnp.png", "a\x7f.png", " .png"),
    *("-a.png", "--help.png", "=1+1.png", "@a.png", "[a].png", "*.png", "a?.png", "%s%n.png"),
    *("{0}.png", "$(id).png", "`id`.png", "'\"a.png", "a\\b.png", "C:\\a.png", "http:a.png"),
    *("CON.png", "a;b.png", "a,b.png", "&lt;a>.png", "<script>.png", "\ufeffa.png", "\u0301.png"),
    *("\U0001f600.png", "a" * 251 + ".png", ".hidden.png", "..png", "a..png", "raz: a.png"),
    *(
        os.fsdecode(b"\xff\xfe.png"),
        os.fsdecode(b"\xc3\x28.png"),
        "\u2028.png",
        "a.PNG",
        "a.jpg.png",
    ),
)


def _names() -> Iterator[Trick]:
    def one(name: str, content: bytes, more: tuple[str, ...], folder: Path) -> list[str]:
        (folder / name).write_bytes(content)
        return ["predict", str(folder / name), *FAST, *more]

    def among(name: str, content: bytes, form: str, folder: Path) -> list[str]:
        good_images(folder / "set")
        (folder / "set" / name).write_bytes(content)
        return ["predict", str(folder / "set"), *FAST, "--format", form]

    def checked(name: str, content: bytes, folder: Path) -> list[str]:
        good_images(folder / "set")
        (folder / "set" / name).write_bytes(content)
        (folder / "set" / name).with_suffix(".txt").write_text("1 2\n")
        return ["data", "check", str(folder / "set")]

    good = by_pillow("PNG")
    forms = ("jsonl", "csv", "counts", "coco", "cvat", "label-studio")
    for number, name in enumerate(_NAMES):
        yield Trick(f"an image named {name!a}", partial(one, name, good, ()), (0,))
        yield Trick(f"no image, named {name!a}", partial(one, name, b"no image", ()), (3,))
        yield Trick(f"as JSON, named {name!a}", partial(one, name, good, ("--json",)), (0,))
        form = forms[number % len(forms)]
        # A format may have no way to say a name; that is known before any work.
        yield Trick(f"{form} of {name!a}", partial(among, name, good, form), (0, 2, 3))
        yield Trick(
            f"{form} of no image {name!a}", partial(among, name, b"no image", form), (0, 2, 3, 6)
        )
        yield Trick(f"points of {name!a}", partial(checked, name, good), (0, 3, 6))
    for what, name in (
        ("NUL", "a\0b.png"),
        ("5,000 characters", "a" * 5000),
        ("300 characters", "a" * 300),
        ("2,000 folders", "a/" * 2000 + "a.png"),
        ("nothing", ""),
        ("a blank", " "),
        ("a dot", "."),
        ("two dots", "../../../../../../../nowhere.png"),
        ("a slash behind", "a.png/"),
        ("many slashes", "////nowhere//a.png"),
        ("a drive", "Z:\\a.png"),
        ("an address", "https://127.0.0.1:9/a.png"),
        ("ftp", "ftp://127.0.0.1:9/a.png"),
        ("a file's address", "file:///dev/zero"),
        ("data", "data:image/png;base64,AAAA"),
        ("GDAL's network", "/vsicurl/http://127.0.0.1:9/a.tif"),
        ("GDAL's archive", "/vsizip//etc/passwd"),
        ("GDAL's memory", "/vsimem/a.tif"),
        ("GDAL's text", "<VRTDataset></VRTDataset>"),
        ("FFmpeg's list", "concat:/etc/passwd|/etc/group"),
        ("FFmpeg's pipe", "pipe:0"),
        ("a pattern", "nowhere/**/*.png"),
        ("a broken pattern", "nowhere/[a.png"),
        ("a pattern of everything", "*" * 200),
    ):
        for way in (
            ("predict", *FAST),
            ("predict", "--dry-run"),
            ("data", "check"),
            ("data", "stats"),
        ):
            words = list(way)
            place = 2 if way[0] == "data" else 1
            trick = partial(_literal, [*words[:place], name, *words[place:]])
            yield Trick(f"{' '.join(way[:2])}: a name of {what}", trick, (2, 3))


def _literal(arguments: list[str], folder: Path) -> list[str]:
    return arguments


def _links() -> Iterator[Trick]:
    def to(target: str, folder: Path) -> list[str]:
        (folder / "real.png").write_bytes(by_pillow("PNG"))
        (folder / "a.png").symlink_to(target.format(folder=folder))
        return ["predict", str(folder / "a.png"), *_SMALL, *FAST]

    for target, codes in (
        *(("real.png", (0,)), ("./././real.png", (0,)), ("a.png", (3,)), ("gone.png", (3,))),
        *(("{folder}/a.png/a.png", (3,)), ("/etc/passwd", (3,)), ("/dev/zero", (3,))),
        *(("/dev/null", (3,)), (".", (3, 0)), ("/proc/self/mem", (3,)), ("real.png/", (3,))),
    ):
        yield Trick(f"a link to {target}", partial(to, target), codes)

    def chain(length: int, folder: Path) -> list[str]:
        (folder / "0.png").write_bytes(by_pillow("PNG"))
        for k in range(length):
            (folder / f"{k + 1}.png").symlink_to(f"{k}.png")
        return ["predict", str(folder / f"{length}.png"), *FAST]

    yield Trick("a chain of 30 links", partial(chain, 30), (0,))
    yield Trick("a chain of 60 links", partial(chain, 60), (3,))

    def circle(arguments: tuple[str, ...], folder: Path) -> list[str]:
        good_images(folder / "set")
        (folder / "set" / "set").symlink_to(folder / "set")
        (folder / "set" / "images").symlink_to("images")
        (folder / "set" / "loop.png").symlink_to("loop.png")
        return [each.format(set=folder / "set", output=folder / "output") for each in arguments]

    for arguments, codes in (
        (("predict", "{set}", *FAST), (0,)),
        (("predict", "{set}/**/*.png", *FAST), (0, 3)),
        (("data", "check", "{set}"), (0, 3, 6)),
        (("eval", "--data", "{set}", *FAST), (0, 3)),
        (("eval", "{set}", "{set}", "--protocol", "count"), (0, 3)),
    ):
        yield Trick(
            f"folders in a circle: {' '.join(arguments[:2])}", partial(circle, arguments), codes
        )

    def folders(folder: Path) -> list[str]:
        good_images(folder / "set")
        for name in ("x.jpg", "y.png", "z.txt", "before.json"):
            (folder / "set" / name).mkdir()
        return ["predict", str(folder / "set"), *FAST]

    yield Trick("folders named as images", folders, (0,))

    def folder_alone(folder: Path) -> list[str]:
        (folder / "x.jpg").mkdir()
        return ["predict", str(folder / "x.jpg"), *FAST]

    yield Trick("a folder named as an image, empty", folder_alone, (3,))


def _devices() -> Iterator[Trick]:
    for device in ("zero", "null", "full", "urandom", "tty", "fd/0", "nowhere"):
        for way in (("predict", *_SMALL, *FAST), ("predict", *_SMALL, "--dry-run")):
            words = [way[0], f"/dev/{device}", *way[1:]]
            yield Trick(f"/dev/{device}: {way[-1]}", partial(_literal, words), (3,))
        for words in (
            ["eval", f"/dev/{device}", f"/dev/{device}", "--protocol", "count"],
            ["predict", "--files-from", f"/dev/{device}"],
            ["data", "check", f"/dev/{device}"],
            ["train", "--config", f"/dev/{device}", "--print-config"],
        ):
            if not (device in ("zero", "full", "urandom") and words[0] in ("predict", "train")):
                codes = (0, 1, 2, 3) if words[0] == "train" else (3,)
                yield Trick(
                    f"/dev/{device}: {' '.join(words[:2])}", partial(_literal, words), codes
                )
    for path in (
        "/proc/self/mem",
        "/proc/self/environ",
        "/proc/self/maps",
        "/proc/self/fd",
        "/sys/kernel/notes",
    ):
        yield Trick(path, partial(_literal, ["predict", path, *_SMALL, *FAST]), (3,))
        yield Trick(
            f"{path} as points",
            partial(_literal, ["eval", path, path, "--protocol", "count"]),
            (3,),
        )

    def listening(folder: Path) -> list[str]:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(folder / "a.png"))
        return ["predict", str(folder / "a.png"), *FAST]

    yield Trick("a socket", listening, (3,))

    def fifo(command: tuple[str, ...], folder: Path) -> list[str]:
        os.mkfifo(folder / "a.png")
        return [each.format(folder / "a.png") for each in command]

    def writes(data: bytes, folder: Path) -> None:
        with open(folder / "a.png", "wb", buffering=0) as file:
            file.write(data)

    def writes_on(folder: Path) -> None:
        with open(folder / "a.png", "wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))

    good = by_pillow("PNG")
    predict = ("predict", "{}", *_SMALL, *FAST)
    yield Trick("a pipe with an image", partial(fifo, predict), (0,), partial(writes, good))
    yield Trick(
        "a pipe with half an image", partial(fifo, predict), (3,), partial(writes, good[:999])
    )
    yield Trick("a pipe with nothing", partial(fifo, predict), (3,), partial(writes, b""))
    yield Trick("a pipe without end", partial(fifo, predict), (3,), writes_on)

    def unreadable(kind: str, folder: Path) -> list[str]:
        good_images(folder / "set")
        (folder / "set" / "before.png").chmod(0)
        if kind == "folder":
            (folder / "set").chmod(0)
        return ["predict", str(folder / "set"), *FAST]

    mine = os.geteuid() == 0  # the superuser reads everything
    yield Trick(
        "an image that may not be read", partial(unreadable, "file"), (0,) if mine else (6,)
    )
    yield Trick(
        "a folder that may not be read", partial(unreadable, "folder"), (0,) if mine else (3,)
    )


def _changing() -> Iterator[Trick]:
    """Files that others write, cut or remove while they are read."""

    def large(name: str, content: Callable[[], bytes], folder: Path) -> list[str]:
        (folder / name).write_bytes(content())
        return ["predict", str(folder / name), *FAST]

    def cuts(name: str, content: Callable[[], bytes], folder: Path) -> None:
        data = content()
        while True:
            os.truncate(folder / name, 100)
            (folder / name).write_bytes(data)

    def removes(name: str, content: Callable[[], bytes], folder: Path) -> None:
        data = content()
        while True:
            (folder / name).unlink()
            (folder / name).mkdir()
            (folder / name).rmdir()
            (folder / name).write_bytes(data)

    for name, content in (
        ("a.png", partial(by_pillow, "PNG")),
        ("a.bmp", partial(by_pillow, "BMP", "P")),
        ("a.pgm", partial(pnm, "P5")),
        ("a.tif", partial(by_pillow, "TIFF", "L")),
        ("a.jpg", partial(by_pillow, "JPEG")),
    ):
        for what, beside in (("cut", cuts), ("removed", removes)):
            for k in range(3):
                yield Trick(
                    f"{name} that is {what} and written while it is read, {k}",
                    partial(large, name, content),
                    (0, 3),
                    partial(beside, name, content),
                    changes=True,
                )


def _lists() -> Iterator[Trick]:
    def listed(content: bytes, folder: Path) -> list[str]:
        (folder / "real.png").write_bytes(by_pillow("PNG"))
        (folder / "list").write_bytes(content.replace(b"{}", os.fsencode(folder)))
        return ["predict", "--files-from", str(folder / "list"), *FAST]

    for what, content, codes in (
        ("nothing", b"", (3,)),
        ("empty lines", b"\n" * 5000, (3,)),
        ("an image", b"{}/real.png\n", (0,)),
        ("an image without a line end", b"{}/real.png", (0,)),
        ("an image 20 times", b"{}/real.png\n" * 20, (0,)),
        ("itself", b"{}/list\n", (3,)),
        ("an image and itself", b"{}/real.png\n{}/list\n", (6,)),
        ("bytes that are no text", b"\xff\xfe\xfd\n", (3,)),
        ("NUL", b"{}/real.png\0", (0,)),
        ("NUL alone", b"\0\0\0", (3,)),
        ("options", b"--help\n--output=a\n", (3,)),
        ("a dash", b"-\n", (3,)),
        ("1,000 that are gone", b"{}/gone.png\n" * 1000, (3,)),
        ("a line of 1 MB", b"a" * 10**6, (3,)),
        ("UTF-16", "{}/real.png\n".encode("utf-16"), (3,)),
        ("an image", by_pillow("PNG"), (3,)),
    ):
        name = f"a list of {what}, {len(content)} bytes"
        yield Trick(name, partial(listed, content), codes, longest=32_767)


DRILLS = (Drill("files.paths", "names, links, devices, pipes, files that change", run, enough=300),)
