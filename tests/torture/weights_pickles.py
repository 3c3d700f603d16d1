"""Files that would run code or fill memory: none does, wherever raz reads a file."""

from __future__ import annotations

import hashlib
import os
import pickle
import resource
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from drill import Effort
from weights_files import STATE, archive_of, entries_of, torch_file

from raz.cli.main import main
from raz.errors import InputError, WeightsError
from raz.models.weights import load_backbone, load_weights
from raz.training.checkpoint import load_state
from training.tiny import NAME, raznet_tiny

ROOM = 1 << 30
"""Bytes by which the process may grow: the files themselves are of a megabyte."""

FEWEST = 40
"""Cases that are tried however little time there is."""

CALLS: dict[str, tuple[str, str]] = {
    "os.system": ("system", "touch {0}"),
    "posix.system": ("system", "touch {0}"),
    "subprocess.check_output": ("argv", "touch {0}"),
    "subprocess.Popen": ("argv", "touch {0}"),
    "builtins.eval": ("text", "open({0!r}, 'w').close()"),
    "builtins.exec": ("text", "open({0!r}, 'w').close()"),
    "builtins.open": ("open", "{0}"),
    "io.open": ("open", "{0}"),
    "_io.FileIO": ("open", "{0}"),
    "os.mkdir": ("text", "{0}"),
    "os.popen": ("text", "touch {0}"),
    "commands.getoutput": ("text", "touch {0}"),
    "runpy.run_path": ("text", "{1}"),
    "importlib.import_module": ("text", "antigravity"),
    "builtins.__import__": ("text", "antigravity"),
    "torch.hub.load": ("text", "{1}"),
    "torch.load": ("text", "{1}"),
    "torch.jit.load": ("text", "{1}"),
    "torch.storage._load_from_bytes": ("bytes", "{0}"),
    "pickle.loads": ("bytes", "{0}"),
    "_pickle.loads": ("bytes", "{0}"),
    "numpy.load": ("text", "{1}"),
    "shutil.rmtree": ("text", "{0}"),
    "pathlib.Path": ("text", "{0}"),
    "pty.spawn": ("text", "touch {0}"),
    "timeit.timeit": ("text", "open({0!r}, 'w').close()"),
    "code.interact": ("text", "x"),
    "webbrowser.open": ("text", "file://{0}"),
    "torch._utils._rebuild_tensor_v2.__globals__": ("text", "x"),
    "torch.nn.modules.module.Module": ("text", "x"),
    "functools.partial": ("text", "x"),
    "builtins.getattr": ("text", "x"),
    "types.FunctionType": ("text", "x"),
    "raz.models.weights.load_weights": ("text", "{1}"),
}
"""What a pickle calls, and with what: {0} is a file that must not appear, {1} one with code."""

FILLERS: dict[str, tuple[str, object]] = {
    "bytearray": ("builtins.bytearray", 10**10),
    "a storage": ("torch.FloatStorage", 4 * 10**9),
    "an old tensor": ("torch.FloatTensor", 4 * 10**9),
    "bytes": ("builtins.bytes", 10**10),
    "a range as a list": ("builtins.list", 10**10),
}
"""What asks for memory by a number."""


def text_of(value: object) -> bytes:
    """A value as operations of protocol 2, without its beginning and end."""
    return pickle.dumps(value, 2)[2:-1]


def arguments_of(kind: str, text: str) -> bytes:
    values: tuple[object, ...] = {
        "argv": (text.split(),),
        "open": (text, "w"),
        "bytes": (pickle.dumps({"a": 1}),),
    }.get(kind, (text,))
    return text_of(values)


def spellings(name: str, arguments: bytes) -> Iterator[tuple[str, bytes]]:
    """The same call in operations of several protocols, without a beginning and an end."""
    module, _, attribute = name.rpartition(".")
    named = f"c{module}\n{attribute}\n".encode()
    short = [f"\x8c{chr(len(part))}".encode("latin-1") + part.encode()
             for part in (module, attribute)]  # fmt: skip
    stacked = b"".join(short) + b"\x93"
    yield "GLOBAL REDUCE", named + arguments + b"R"
    yield "STACK_GLOBAL REDUCE", stacked + arguments + b"R"
    yield "NEWOBJ", named + arguments + b"\x81"
    yield "INST", b"(" + b"X\1\0\0\0x" + f"i{module}\n{attribute}\n".encode()
    yield "OBJ", b"(" + named + b"X\1\0\0\0xo"
    yield "BUILD", b"ccollections\nOrderedDict\n)R" + named + arguments + b"Rb"
    yield "a memo", named + b"q\7" + b"0h\7" + arguments + b"R"


def places(call: bytes) -> Iterator[tuple[str, bytes]]:
    """Whole pickles in which a call stands in several places."""
    key = text_of("a")
    yield "alone", b"\x80\x02" + call + b"."
    yield "as a value", b"\x80\x02}" + key + call + b"s."
    yield "as a key", b"\x80\x02}" + call + key + b"s."
    yield "dropped", b"\x80\x02" + call + b"0}."
    yield "as a stored number", b"\x80\x02}" + key + call + b"Qs."
    yield (
        "in a tensor",
        b"\x80\x02}" + key + b"ctorch._utils\n_rebuild_tensor_v2\n(" + call + b"tRs.",
    )


ENTRIES = entries_of(torch_file(STATE))
(PICKLE,) = (name for name in ENTRIES if name.endswith("data.pkl"))
ARCHIVE = archive_of([*ENTRIES.items()])
MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
SYSTEM = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)
KEYS, EMPTY = pickle.dumps([], 2), pickle.dumps({}, 2)


def archive(pickled: bytes, name: str = PICKLE) -> bytes:
    return archive_of([*(ENTRIES | {name: pickled}).items()])


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "a pickle": lambda pickled: pickled,
    "a pickle of protocol 4": lambda pickled: b"\x80\4" + pickled[2:],
    "a pickle of protocol 5": lambda pickled: b"\x80\5" + pickled[2:],
    "an archive": archive,
    "a sealed archive": lambda pickled: sealed(archive(pickled)),
    "an old file": lambda pickled: MAGIC + SYSTEM + pickled + KEYS,
    "an old file, in its system": lambda pickled: MAGIC + pickled + EMPTY + KEYS,
    "an old file, in its keys": lambda pickled: MAGIC + SYSTEM + EMPTY + pickled,
    "an array of objects": lambda pickled: numpy_array(pickled),
    "something before an archive": lambda pickled: pickled + ARCHIVE,
    "a script": lambda pickled: archive(pickled, f"{PICKLE[:-8]}constants.pkl"),
}
"""Files that hold a pickle."""


def sealed(content: bytes) -> bytes:
    return content + b"\nraz sha256 " + hashlib.sha256(content).hexdigest().encode()


def numpy_array(pickled: bytes) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pickled


def readers() -> dict[str, tuple[str, Callable[[Path], object]]]:
    """Everything of raz that reads a file, and how the file is called there."""
    import raz
    from raz.data.matlab import read_matlab
    from raz.export import load
    from raz.io.decoding import read_image
    from raz.io.points import read_points

    model = raznet_tiny()
    return {
        "weights": ("a.pth", lambda path: load_weights(model, path)),
        "weights by suffix": ("a.safetensors", lambda path: load_weights(model, path)),
        "the command line": ("a.pt", command),
        "a model": ("a.pt2", lambda path: raz.get_model("raznet_lite", weights=path)),
        "a backbone": ("a.pth", lambda path: load_backbone(model, path)),
        "a backbone of a URL": ("a.pth", lambda path: load_backbone(model, path.as_uri())),
        "a checkpoint": ("state.pt", load_state),
        "ONNX Runtime": ("a.onnx", lambda path: load(path, "onnxruntime")),
        "OpenVINO": ("a.onnx", lambda path: load(path, "openvino")),
        "MATLAB": ("a.mat", read_matlab),
        "HDF5": ("a.h5", read_matlab),
        "points": ("a.json", read_points),
        "an image": ("a.png", read_image),
        "an array": ("a.npy", read_image),
    }


def command(path: Path) -> None:
    code = main(["predict", "x.png", "--model", NAME, "--weights", str(path), "-q"])
    assert code in (3, 4), f"exit code {code}"
    raise WeightsError


def pickles(effort: Effort) -> None:
    os.environ["TORCH_HOME"] = str(effort.folder / "home")
    side = effort.folder / "ran"
    script = effort.folder / "script.py"
    script.write_text(f"open({str(side)!r}, 'w').close()")
    bombs: list[tuple[str, bytes]] = [
        (f"{name} by {how}, {where}", pickled)
        for name, (kind, text) in CALLS.items()
        for how, call in spellings(name, arguments_of(kind, text.format(side, script)))
        for where, pickled in places(call)
    ]
    fillers = [
        (f"{what} by {how}", b"\x80\x02}" + text_of("a") + call + b"s.")
        for what, (name, size) in FILLERS.items()
        for how, call in spellings(name, text_of((size,)))
    ]
    most = _peak() + ROOM
    reading = readers()
    cases = fillers + bombs
    effort.random.shuffle(cases)
    for index, (what, pickled) in enumerate(cases):
        if index >= FEWEST and not effort.whole and effort.left <= 0:
            break  # not before: what they need has to be imported first
        form = effort.random.choice(list(FORMS))
        name, (called, read) = effort.random.choice(list(reading.items()))
        path = effort.folder / called
        with effort.case(f"{what}, in {form}, read as {name}"):
            path.write_bytes(FORMS[form](pickled))
            try:
                read(path)
            except (WeightsError, InputError, ImportError, ValueError) as error:
                text = str(error)
                effort.answered("refused")
            else:
                text = ""
                effort.answered("nothing of it was read")
            assert "weights_only" not in text, text
            assert not side.exists(), "it ran"
            assert _peak() < most, f"{_peak()} bytes of memory"
        with suppress(FileNotFoundError):
            side.unlink()
    effort.note(f"peak of memory {_peak() / 2**20:.0f} MiB")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
