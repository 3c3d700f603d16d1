"""One input given to a reader: what comes of it, and whether that is what is promised."""

from __future__ import annotations

import gc
import mmap
import os
import re
import resource
import shutil
import signal
import traceback
import warnings
from base64 import b64encode
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .reader import Reader

SECONDS = 2.0
"""Of the processor, that an input may take; after that the process is ended by SIGPROF."""

LONGEST = 2000
"""Characters of a message; more is no line that anybody reads."""

_ROOM = 1 << 20
_FINDINGS = 10


class Trial:
    """Gives inputs to a reader, and keeps what was found.

    Args:
        reader: what is tried.
        folder: where it may write.
        trace: a file that outlives the process: how many inputs there were, and the last one.
    """

    def __init__(self, reader: Reader, folder: Path, trace: Path) -> None:
        self.reader, self._folder = reader, folder
        self.answers: Counter[str] = Counter()
        self.findings: dict[str, bytes] = {}
        self._kinds: set[str] = set()
        with trace.open("w+b") as file:
            file.truncate(_ROOM)
            self._trace = mmap.mmap(file.fileno(), _ROOM)
        self._most = 0
        self.forget_memory()

    def forget_memory(self) -> None:
        """Take the memory of this moment for the usual one."""
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        self._most = _peak() + self.reader.memory * 1024

    def warm(self) -> None:
        """Read the seeds, which must be read: a first time for what is loaded, a second in time."""
        for seed in (seed for _ in range(2) for seed in self.reader.seeds()):
            try:
                self.reader.read(seed, self._folder)
            except Exception as error:
                self._found(f"a seed is refused, {_told(error)}", seed)
            self._clear()
        for data in self.reader.refused:
            try:
                self.reader.read(data, self._folder)
            except self.reader.promised:
                pass
            else:
                self._found("what must be refused is read", data)
            self._clear()
        self.forget_memory()

    def give(self, data: bytes) -> None:
        """Try one input."""
        self._write(data)
        before = _state()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            self.reader.read(data, self._folder)
        except self.reader.promised as error:
            self.answers["refused"] += 1
            message = str(error)
            del error  # with it goes what it holds
            if wrong := self._wrong_words(message, data):
                self._found(f"{wrong}: {message[:300]!r}", data, kind=wrong + _blurred(message))
        except BaseException as error:
            self._found(_told(error), data, kind=_blurred(_told(error)))
        else:
            self.answers["read"] += 1
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        self._clear()
        self._check_state(before, data)
        if _peak() > self._most and self._takes_much(data):
            self._found(f"took more than {self.reader.memory} MiB", data)

    def _takes_much(self, data: bytes) -> bool:
        """Whether one input takes that memory, and not what the fuzzer has collected since."""
        self.forget_memory()
        with suppress(Exception):
            self.reader.read(data, self._folder)
        self._clear()
        much = _peak() > self._most
        self.forget_memory()
        return much

    def _check_state(self, before: dict[str, Any], data: bytes) -> None:
        if not _changes(before):
            return
        gc.collect()  # an error in a circle holds files open a little longer
        if changed := _changes(before):
            self._found(f"changed {changed}", data, kind=f"changed {sorted(changed)}")

    def _wrong_words(self, message: str, data: bytes) -> str:
        if not message.strip():
            return "an empty message"
        if len(message) > LONGEST:
            return f"a message of {len(message) // 1000} thousand characters"
        breaks = re.search(rb"\n|\r|\\[nr]|\\u00|&#|%0", data)
        if re.search("[\n\r]", message) and not breaks:
            return "a message of several lines"
        named = self.reader.named.replace("FOLDER", str(self._folder))
        return "" if message.startswith(named) else "a message that does not name the place"

    def _found(self, what: str, data: bytes, *, kind: str = "") -> None:
        known = kind or what
        if known not in self._kinds and len(self.findings) < _FINDINGS:
            self._kinds.add(known)
            self.findings[what] = data

    def _write(self, data: bytes) -> None:
        count = int.from_bytes(self._trace[:8], "little") + 1
        kept = data[: _ROOM - 16]
        self._trace[:16] = count.to_bytes(8, "little") + len(kept).to_bytes(8, "little")
        self._trace[16 : 16 + len(kept)] = kept

    def _clear(self) -> None:
        for path in self._folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def last_input(trace: Path) -> tuple[int, bytes]:
    """How many inputs there were, and the last one."""
    kept = trace.read_bytes() if trace.exists() else bytes(16)
    count, size = (int.from_bytes(kept[at : at + 8], "little") for at in (0, 8))
    return count, kept[16 : 16 + size]


def described(what: str, data: bytes) -> str:
    """A finding that can be repeated."""
    return f"{what}; the input, base64: {b64encode(data).decode()}"


def _peak() -> int:
    """KiB that the process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _state() -> dict[str, Any]:
    """What a reader must leave as it was."""
    from PIL import Image

    return {
        "open files": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "folder": os.getcwd(),
        "floating-point errors": np.geterr(),
        "filters of warnings": len(warnings.filters),
        "Pillow's limit": Image.MAX_IMAGE_PIXELS,
    }


def _changes(before: dict[str, Any]) -> dict[str, Any]:
    """What is not as it was; fewer files and threads are what an earlier input let go of."""
    after = _state()
    fewer = [key for key, most in _USUAL.items() if after[key] <= max(before[key], most)]
    return {k: (before[k], v) for k, v in after.items() if k not in fewer and before[k] != v}


_USUAL = {"open files": 0, "threads": 64}
"""What need not be counted: pools of threads."""


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        f"{Path(each.filename).name}:{each.lineno}" for each in frames if "raz" in each.filename
    ]
    return f"{type(error).__name__}: {str(error)[:300]} (at {' '.join(ours[-3:])})"


def _blurred(text: str) -> str:
    """The same for errors of one kind."""
    place = text.rpartition("(at ")[2] if "(at " in text else re.sub(r"[\W\d]+", " ", text)[:60]
    return text.partition(":")[0] + place
