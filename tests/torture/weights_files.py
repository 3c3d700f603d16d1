"""Weights files that are damaged or lie: each is refused by name, and the net stays as it was."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import torch
from drill import Effort
from PIL import Image
from safetensors.torch import save
from torch import Tensor

from raz.cli.main import main
from raz.errors import WeightsError
from raz.models.weights import load_weights
from training.tiny import NAME, raznet_tiny, register

LONGEST = 2000
"""Characters of a message: whatever a file holds, an error is one short line."""

Lie = tuple[str, Callable[[], bytes]]
"""What is wrong with a file, and its content."""

register()
STATE: dict[str, Tensor] = raznet_tiny().state_dict()
METADATA = {"architecture": NAME, "operating_point": "{}"}
PLAIN = save(STATE, metadata=METADATA)
LENGTH = int.from_bytes(PLAIN[:8], "little")
HEADER: dict[str, Any] = json.loads(PLAIN[8 : 8 + LENGTH])
DATA = PLAIN[8 + LENGTH :]


def torch_file(content: object, *, legacy: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def framed(header: bytes, data: bytes = DATA) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def with_header(change: Callable[[dict[str, Any]], object]) -> bytes:
    header = json.loads(json.dumps(HEADER))
    change(header)
    return framed(json.dumps(header).encode())


def with_tensors(change: Callable[[dict[str, Tensor]], object]) -> bytes:
    tensors = {name: value.clone() for name, value in STATE.items()}
    change(tensors)
    return save(tensors, metadata=METADATA)


def with_metadata(**values: object) -> bytes:
    return with_header(lambda header: header["__metadata__"].update(values))


def lies_of_headers() -> Iterator[Lie]:
    for length in (0, 1, 7, LENGTH - 1, LENGTH + 1, len(PLAIN), 2**27, 2**63 - 1, 2**64 - 1):
        yield f"header of {length} bytes", lambda n=length: struct.pack("<Q", n) + PLAIN[8:]
    fields: dict[str, tuple[object, ...]] = {
        "dtype": ("F4", "F6_E2M3", "F8_E8M0", "I8", "I64", "F64", "C64", "BOOL", "", "x", 5, None),
        "shape": ([], [-1], [2**63], [2**64], [0], [1.5], ["1"], None, "8", [2**32, 2**32], [[1]]),
        "data_offsets": ([0, 0], [4, 0], [-4, 4], [0, 2**64], [0], [0, 4, 8], None, [0, 10**9]),
    }
    for name in STATE:
        for field, values in fields.items():
            yield (
                f"{name} without {field}",
                lambda n=name, f=field: with_header(lambda header: header[n].pop(f)),
            )
            for value in values:
                if value == HEADER[name][field] or (field, value) == ("shape", [1]):
                    continue
                yield (
                    f"{name}: {field} is {value}",
                    lambda n=name, f=field, v=value: with_header(
                        lambda header: header[n].__setitem__(f, v)
                    ),
                )
        yield f"{name} twice", lambda n=name: framed(twice(n))


def twice(name: str) -> bytes:
    """A header that names a tensor twice, the second time in the place of another."""
    entry = f"{json.dumps(name)}: {json.dumps(HEADER[name])}"
    return (json.dumps(HEADER)[:-1] + f", {entry}}}").encode()


def lies_of_tensors() -> Iterator[Lie]:
    for name, value in STATE.items():
        changes: dict[str, Callable[[dict[str, Tensor], str], object]] = {
            "missing": lambda t, n: t.pop(n),
            "renamed": lambda t, n: t.__setitem__(f"{n}x", t.pop(n)),
            "twice by a prefix": lambda t, n: t.__setitem__(f"module.{n}", t[n].clone()),
            "longer": lambda t, n: t.__setitem__(n, torch.ones(*t[n].shape, 2)),
            "of another type": lambda t, n: t.__setitem__(
                n, t[n].float() if t[n].dtype == torch.int64 else t[n].to(torch.int16)
            ),
            "int8 without scale": lambda t, n: t.__setitem__(n, torch.ones(3, 3).char()),
        }
        if value.is_floating_point():
            for number in (torch.nan, torch.inf, -torch.inf):
                changes[f"{number}"] = lambda t, n, v=number: t[n].flatten()[-1:].fill_(v)
            changes["1e300"] = lambda t, n: t.__setitem__(n, torch.full_like(t[n], 1e300).double())
            changes["1e300"] = lambda t, n: t.__setitem__(n, t[n].double() + 1e300)
        else:
            changes["negative"] = lambda t, n: t[n].fill_(-1)
        if name.endswith("running_var"):
            changes["negative"] = lambda t, n: t[n].fill_(-1)
        for what, change in changes.items():
            yield f"{name} {what}", lambda n=name, c=change: with_tensors(lambda t: c(t, n))


def lies_of_metadata() -> Iterator[Lie]:
    for value in ("raznet_lite", "", "a" * 10**6, "a\nb", "\x1b[2J", "\u202e", 5, None, [], {}):
        yield f"architecture {str(value)[:20]!r}", lambda v=value: with_metadata(architecture=v)
    for value in ('{"width": 8}', "[", "x" * 10**6, 7):
        yield f"options {str(value)[:20]!r}", lambda v=value: with_metadata(options=v)
    numbers = ("NaN", "Infinity", "-1", "1e999", '"1"', "true", "[1]", "{}", f"1{'0' * 400}")
    fields = ("region_threshold", "residual_growth", "density_threshold")
    texts = [f'{{"{field}": {number}}}' for field in fields for number in numbers]
    texts.remove('{"residual_growth": -1}')
    for name in ("peak_thresholds", "density_factors", "density_declines", "nms_spacings"):
        texts += [f'{{"{name}": {value}}}' for value in ("[]", "{}", "5", "null", '"0.5"')]
        texts += [f'{{"{name}": [{number}]}}' for number in numbers]
        texts += [f'{{"{name}": [{",".join(["0.5"] * 10**5)}]}}', f'{{"{name}": [1e308]}}']
    texts += ['{"residuals": [0.1]}', '{"residuals": [2, 1], "cell_residuals": [1, 2]}']
    texts += ["", "null", "5", '"x"', "[]", "[" * 10**5, '{"a":' * 10**5, '{"a": 1}', "x" * 10**6]
    texts += ['{"%s": 1}' % ("y" * 10**6), '{"fusion_threshold": -1}', '{"residual_growth": 1e308}']
    for text in texts:
        yield f"operating point {text[:60]}", lambda t=text: with_metadata(operating_point=t)


def lies_of_torch_files() -> Iterator[Lie]:
    one = next(iter(STATE))
    for legacy in (False, True):
        how = "legacy " if legacy else ""
        contents: dict[str, object] = {
            "nested": {"model": STATE},
            "a list": list(STATE.values()),
            "a tensor": torch.ones(3),
            "nothing": None,
            "keys that are numbers": dict(enumerate(STATE.values())),
            "text": {**STATE, one: "x"},
            "sparse": {**STATE, one: torch.eye(3).to_sparse()},
            "complex": {**STATE, one: torch.ones(3, dtype=torch.complex64)},
            "meta": {**STATE, one: torch.ones(3, device="meta")},
            "nan": {**STATE, one: torch.full_like(STATE[one], torch.nan)},
            "repeated numbers": {**STATE, one: torch.ones(1).expand(10**6, 10**6)},
            "repeated int8": {**STATE, one: torch.ones(1, 1).char().expand(10**6, 10**6),
                              f"{one}.scale": torch.ones(1).expand(10**6)},
        }  # fmt: skip
        for what, content in contents.items():
            yield how + what, lambda c=content, old=legacy: torch_file(c, legacy=old)
    yield from tricks_of_archives()


def entries_of(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def archive_of(entries: list[tuple[str | zipfile.ZipInfo, bytes]], **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def tricks_of_archives() -> Iterator[Lie]:
    whole = torch_file(STATE)
    entries = list(entries_of(whole).items())
    (pickled,) = (name for name, _ in entries if name.endswith("data.pkl"))
    folder = pickled.split("/")[0]
    link = zipfile.ZipInfo(f"{folder}/../../link")
    link.external_attr = 0o120777 << 16
    more: dict[str, tuple[str | zipfile.ZipInfo, bytes]] = {
        "the same name twice": (pickled, b"\x80\x02}q\x00."),
        "a name in other case": (pickled.upper(), b"\x80\x02}q\x00."),
        "a path that leads out": (f"{folder}/../../x", b""),
        "an absolute path": ("/x", b""),
        "a link that leads out": (link, b"/etc/passwd"),
        "two pickles": ("other/data.pkl", b"\x80\x02}q\x00."),
    }
    for what, entry in more.items():
        yield what, lambda e=entry: archive_of([*entries, e])
    yield "a zip bomb", lambda: archive_of([*entries, (f"{folder}/data/bomb", bytes(2 * 10**8))],
                                           compression=zipfile.ZIP_DEFLATED)  # fmt: skip
    yield "no pickle", lambda: archive_of([e for e in entries if e[0] != pickled])
    for name, content in entries:
        if name.startswith(f"{folder}/data/"):
            cut = [(n, c[:-1] if n == name else c) for n, c in entries]
            yield f"{name} is cut", lambda c=cut: archive_of(list(c))
            yield f"{name} is missing", lambda n=name: archive_of([e for e in entries if e[0] != n])
        del content


LIES = [
    *lies_of_headers(),
    *lies_of_tensors(),
    *lies_of_metadata(),
    *lies_of_torch_files(),
    *((f"{content[:9]!r}", lambda c=content: c) for content in (
        b"", b"\0", b"PK", b"PK\3\4", b"\x80\2", b"\x80\2.", b"\x80\4N.", b"no weights\nat all",
        bytes(1000), b"\x89PNG\r\n\x1a\n", b"<html>", b"\x93NUMPY", b"\x89HDF\r\n\x1a\n", b"{}",
    )),
]  # fmt: skip
"""Every one is refused."""


class Judge:
    """A net, and what may become of it."""

    def __init__(self, effort: Effort) -> None:
        self.effort = effort
        self.path = effort.folder / "weights.bin"
        self.model = raznet_tiny()
        self.image = effort.folder / "image.png"
        Image.new("RGB", (64, 48), "grey").save(self.image)
        self.calls = 0

    def refused(self, content: bytes) -> None:
        """The file is an error of one line, exit code 4 (asked of each tenth), no change."""
        assert not self.loads(content), "it was loaded"
        self.calls += 1
        if self.calls % 10 == 1:
            arguments = [str(self.image), "--model", NAME, "--weights", str(self.path), "-q"]
            code = main(["predict", *arguments])
            assert code == 4, f"exit code {code}"
            self.effort.answered("exit code 4")

    def loads(self, content: bytes) -> bool:
        """Whether the file is taken; what it must leave behind either way."""
        self.path.write_bytes(content)
        before = {name: value.clone() for name, value in self.model.state_dict().items()}
        point = self.model.operating_point
        try:
            load_weights(self.model, self.path)
        except WeightsError as error:
            text = str(error)
            assert text.startswith(str(self.path)), text[:200]
            assert text.isprintable(), ascii(text[:200])
            assert len(text) < LONGEST, len(text)
            assert "weights_only" not in text, text
            assert self.model.operating_point is point
            after = self.model.state_dict()
            assert all(torch.equal(value, before[name]) for name, value in after.items())
            self.effort.answered("refused")
            return False
        after = self.model.state_dict()
        assert all(bool(value.isfinite().all()) for value in after.values())
        self.effort.answered("loaded, finite")
        return True


def files(effort: Effort) -> None:
    judge = Judge(effort)
    for content in (PLAIN, torch_file(STATE), torch_file(STATE, legacy=True)):
        with effort.case("a good file"):
            assert judge.loads(content)
    for what, content in effort.sampled(LIES):
        with effort.case(what):
            judge.refused(content())
        if not effort.whole and effort.left < effort.seconds / 2:
            break
    damages(effort, judge)


def damages(effort: Effort, judge: Judge) -> None:
    """Bytes that flip, cuts, additions, until the time is over."""
    bases = {
        "safetensors": PLAIN,
        "torch": torch_file(STATE),
        "legacy": torch_file(STATE, legacy=True),
    }
    for index in effort.goes_on():
        name = effort.random.choice(list(bases))
        content = bytearray(bases[name])
        how = effort.random.choice(["bytes", "bytes", "cut", "start"])
        if how == "cut":
            del content[effort.random.randrange(len(content)) :]
        else:  # the start holds what is read first
            end = min(len(content), 20_000) if how == "start" else len(content)
            for _ in range(effort.random.choice([1, 1, 2, 8])):
                content[effort.random.randrange(end)] ^= effort.random.randrange(1, 256)
        with effort.case(f"number {index} of {how} in a {name} file"):
            taken = judge.loads(bytes(content))
            assert not (taken and how == "cut"), "a cut file was loaded"
            if taken and name == "torch":  # it has checksums
                now = judge.model.state_dict()
                assert all(torch.equal(value, now[each]) for each, value in STATE.items())
            judge.model.load_state_dict(STATE)
