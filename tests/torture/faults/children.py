"""``raz`` in processes that can be killed: forked where it is imported, or started anew."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

TINY = Path(__file__).parents[2] / "training" / "tiny.py"
"""The command with a net of a few thousand weights."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Child:
    """A command in a session of its own, whose standard streams are pipes.

    No limit of files is one of pipes. They take a mebibyte, more than any command here writes.

    Args:
        words: of the command, without ``raz``.
        prepare: called in the process before the command.
        stdout: a handle in place of the pipe.
        anew: whether a new interpreter runs it, as for a user; ``prepare`` is not called then.
    """

    def __init__(
        self,
        words: Sequence[str],
        prepare: Callable[[], None] = lambda: None,
        *,
        stdout: int | None = None,
        anew: bool = False,
    ) -> None:
        self._pipes = [_Pipe(), _Pipe()]
        handles = [pipe.writer for pipe in self._pipes]
        if stdout is not None:
            handles[0] = stdout
        self.began = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        if anew:
            self._process = _started(words, handles)
            self.pid = self._process.pid
            self._keep_readers()
            return
        context = multiprocessing.get_context("fork")
        ready, tell = os.pipe()
        self._fork = context.Process(target=_run, args=(list(words), handles, prepare, tell))
        self._fork.start()
        self._keep_readers()
        os.close(tell)
        os.read(ready, 1)  # its signals are handled from now on, or it has ended
        os.close(ready)
        assert self._fork.pid is not None
        self.pid = self._fork.pid

    def _keep_readers(self) -> None:
        for pipe in self._pipes:
            os.close(pipe.writer)

    def wait(self, seconds: float = 200.0) -> int:
        """Return the exit code; whoever does not end is killed, and a finding."""
        try:
            if self._process is not None:
                return self._process.wait(seconds)
            self._fork.join(seconds)
            if self._fork.exitcode is None:
                raise TimeoutError(f"has not ended after {seconds:.0f} s; {self.messages[-600:]}")
            return self._fork.exitcode
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"has not ended after {seconds:.0f} s; {self.messages[-600:]}"
            ) from None
        finally:
            if self.exit_code is None:
                self.kill()

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._fork.exitcode if self._process is None else self._process.poll()

    def send(self, number: signal.Signals, *, to_all: bool = False) -> None:
        """Send a signal to the process, or as a terminal does to all of its session."""
        with suppress(ProcessLookupError):
            (os.killpg if to_all else os.kill)(self.pid, number)

    def kill(self) -> None:
        """End it and what it started."""
        self.send(signal.SIGKILL, to_all=True)
        if self._process is None:
            self._fork.join()
        else:
            self._process.wait()

    def require_no_orphans(self, seconds: float = 10.0) -> None:
        """Raise if what it started outlives it; workers look for it every five seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                os.killpg(self.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)
        os.killpg(self.pid, signal.SIGKILL)
        raise AssertionError(f"a process that it started is still there {seconds:.0f} s later")

    @property
    def messages(self) -> str:
        """What it wrote to standard error until now."""
        return self._pipes[1].text()

    @property
    def printed(self) -> str:
        """What it wrote to standard output until now."""
        return self._pipes[0].text()


class _Pipe:
    """Keeps what is written to it."""

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 1 << 20)
        self._read = b""

    def text(self) -> str:
        with suppress(BlockingIOError):
            while block := os.read(self._reader, 1 << 20):
                self._read += block
        return self._read.decode(errors="replace")

    def __del__(self) -> None:
        os.close(self._reader)


def _started(words: Sequence[str], handles: Sequence[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(TINY), *words],
        stdin=subprocess.DEVNULL,
        stdout=handles[0],
        stderr=handles[1],
        start_new_session=True,
        preexec_fn=_usual_signals,
    )


def _usual_signals() -> None:
    """A shell ignores some signals of what it starts in the background."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _run(
    words: Sequence[str], handles: Sequence[int], prepare: Callable[[], None], tell: int
) -> None:
    """What the forked process does: the same as ``raz.cli.start``, with the tiny net."""
    os.setsid()
    _usual_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for standard, handle in enumerate(handles, 1):
        os.dup2(handle, standard)
        os.close(handle)
    # Those of the parent may be lost in a test runner; these are as in a new process.
    sys.stdout, sys.stderr = (
        os.fdopen(handle, "w", 1 if handle == 2 else -1, encoding="utf-8", closefd=False)
        for handle in (1, 2)
    )
    from raz.cli.main import main
    from raz.training.interruption import terminates_as_interrupt

    try:
        with terminates_as_interrupt():
            os.write(tell, b"!")
            os.close(tell)
            prepare()
            code = main(words)
    except KeyboardInterrupt:
        sys.stderr.write("raz: interrupted\n")
        code = 130
    for number in SIGNALS:  # what follows is the end of this harness, not of raz
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)
