"""Count images here, then in a process that is started in one of several ways; print both as JSON.

load_worker.py WAY THREADS IMAGE...
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process that has threads

import torch  # noqa: E402

import raz  # noqa: E402

Counts = list[tuple[float, int]]

_predictor: raz.Predictor | None = None


def counts(paths: list[str]) -> Counts:
    """Count with the one Predictor of the process, inherited or made."""
    global _predictor
    if _predictor is None:
        _predictor = raz.Predictor()
    return [(result.count, len(result)) for result in map(_predictor, paths)]


def send(paths: list[str], end: Any) -> None:
    end.send(counts(paths))


class Counted(torch.utils.data.Dataset[Any]):
    """A data set whose samples are the counts of images, made where the loader works."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        return counts([self.paths[index]])[0]


def as_it_is(batch: list[Any]) -> Any:
    return batch[0]


def forked(paths: list[str]) -> Counts:
    """A child by os.fork, which knows nothing of multiprocessing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(counts(paths)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as end:
        text = end.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child failed"
    return [tuple(each) for each in json.loads(text)]


def forked_from_a_thread(paths: list[str]) -> Counts:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(forked, paths).result()


def forked_while_others_count(paths: list[str]) -> Counts:
    ended = threading.Event()

    def count() -> None:
        while not ended.is_set():
            counts(paths)

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            forked(paths[:1])
        return forked(paths)
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def in_a_process(paths: list[str], how: str) -> Counts:
    context = multiprocessing.get_context(how)
    end, other = context.Pipe(duplex=False)
    process = context.Process(target=send, args=(paths, other))
    process.start()
    other.close()
    found: Counts = end.recv()
    process.join()
    assert process.exitcode == 0
    return found


def in_a_pool(paths: list[str], how: str) -> Counts:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(how)) as pool:
        return [found for part in pool.map(counts, [[path] for path in paths]) for found in part]


def in_a_loader(paths: list[str], how: str) -> Counts:
    loader = torch.utils.data.DataLoader(
        Counted(paths), num_workers=2, multiprocessing_context=how, collate_fn=as_it_is
    )
    return list(loader)


WAYS: dict[str, Callable[..., Counts]] = {
    "os.fork": forked,
    "os.fork from a thread": forked_from_a_thread,
    "os.fork while others count": forked_while_others_count,
    "multiprocessing": in_a_process,
    "pool": in_a_pool,
    "loader": in_a_loader,
}


def main() -> None:
    way, threads, *paths = sys.argv[1:]
    torch.set_num_threads(int(threads))
    here = counts(paths)
    name, *how = [way] if way in WAYS else way.split()
    there = WAYS[name](paths, *how)
    print(json.dumps([here, there]))


if __name__ == "__main__":
    main()
