"""A raz._C that was built under sanitizers, for processes of Python that know nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from native_builds import Build, lacks, runtime

KINDS = ("address", "thread")
FLAGS = {
    "address": "-g -fsanitize=address,undefined -fno-sanitize-recover=all",
    "thread": "-g -fsanitize=thread",
}
LIBRARIES = {"address": "asan", "thread": "tsan"}
LIMITED = ":allocator_may_return_null=1:max_allocation_size_mb=1000"
"""Too much memory is refused, as it is without a sanitizer, instead of ending the process."""


def environment(kind: str, seconds: float | None, options: str = "") -> dict[str, str]:
    """Variables under which `import raz` gives the sources with that raz._C, built if need be.

    `options` go to the sanitizer. Raises NotReady if the build takes longer than `seconds`.
    """
    site = Build("g++", kind, FLAGS[kind]).site(seconds)
    # The sanitizer asks for the C++ runtime when it starts, before Python has loaded it.
    libraries = (runtime(LIBRARIES[kind]), runtime("stdc++"))
    suppressions = Path(__file__).with_name("tsan_suppressions.txt")
    return {
        "PYTHONPATH": str(site),
        "LD_PRELOAD": ":".join(map(str, libraries)),
        "OMP_NUM_THREADS": "1",
        # The thread sanitizer does not see the barriers of libgomp, torch's pool: what the caller
        # does after them looks like a race. Threads in a kernel are tried by the fuzz targets.
        **({"OMP_THREAD_LIMIT": "1"} if kind == "thread" else {}),
        # Python and torch keep what they allocate until the end, and are not built for this: their
        # own leaks would hide ours.
        "ASAN_OPTIONS": f"detect_leaks=0:abort_on_error=1{options}",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": f"halt_on_error=1:suppressions={suppressions}{options}",
    }


def report(text: str) -> str:
    """What tells what was wrong: the first report of a sanitizer or a test, else the end."""
    begin = re.search(r"FAILED|what\(\)|runtime error|ERROR: |WARNING: ThreadSanitizer", text)
    return text[begin.start() : begin.start() + 3000] if begin else text[-3000:]


def lacks_sanitizers(kinds: Iterable[str] = KINDS) -> str | None:
    """Name what is missing to build it and to start it."""
    libraries = [*(LIBRARIES[kind] for kind in kinds), "stdc++"]
    missing = [f"lib{name}" for name in libraries if runtime(name) is None]
    return lacks("g++") or (f"{' and '.join(missing)} of g++" if missing else None)
