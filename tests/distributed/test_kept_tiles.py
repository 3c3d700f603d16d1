"""Maps of finished calls in a folder: the same maps in the same order, each computed once."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.distributed.kept_tiles import KeptTiles
from raz.errors import InputError
from raz.zoom.inference import ForwardCall, Maps


class Network:
    """Takes some calls before it gives the maps of the first, and counts them."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self.seen: list[float] = []

    def __call__(self, calls: Iterator[ForwardCall]) -> Iterator[Maps]:
        waiting: deque[Maps] = deque()
        for call in calls:
            if len(waiting) >= self.ahead:
                yield waiting.popleft()
            self.seen.append(float(call.images[0, 0, 0, 0]))
            waiting.append(maps_of(call))
        yield from waiting


def maps_of(call: ForwardCall) -> Maps:
    return {"density": call.images.sum(1) * call.scale, "attention": call.images[:, 0] + 1}


def calls_of(numbers: list[int]) -> Iterator[ForwardCall]:
    return (ForwardCall(torch.full((2, 3, 4, 5), float(number)), 2.0) for number in numbers)


def same(found: list[Maps], numbers: list[int]) -> bool:
    wanted = list(map(maps_of, calls_of(numbers)))
    return len(found) == len(wanted) and all(
        mine.keys() == other.keys() and all(torch.equal(mine[name], other[name]) for name in mine)
        for mine, other in zip(found, wanted, strict=True)
    )


@given(
    numbers=st.lists(st.integers(0, 9), unique=True),
    first=st.integers(0, 9),
    later=st.permutations(range(10)),
    ahead=st.integers(1, 4),
)
def test_what_was_finished_is_not_computed_again(
    numbers: list[int], first: int, later: list[int], ahead: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        begun = KeptTiles(Network(ahead), Path(folder), "net")(calls_of(numbers))
        assert same(list(islice(begun, first)), numbers[:first])
        begun.close()
        network = Network(ahead)
        found = list(KeptTiles(network, Path(folder), "net")(calls_of(later)))
        assert same(found, later)
        finished = set(numbers[:first])
        assert network.seen == [each for each in later if each not in finished]


def test_other_pixels_scales_and_networks_are_others(tmp_path: Path) -> None:
    [call] = calls_of([1])
    list(KeptTiles(Network(1), tmp_path, "net")(iter([call])))
    turned = ForwardCall(call.images.permute(0, 1, 3, 2), call.scale)
    for name, other in [("net", turned), ("net", call._replace(scale=1.0)), ("other", call)]:
        network = Network(1)
        [maps] = KeptTiles(network, tmp_path, name)(iter([other]))
        assert len(network.seen) == 1
        assert torch.equal(maps["density"], maps_of(other)["density"])


def test_a_tile_that_another_process_writes_meanwhile_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(KeptTiles(Network(1), tmp_path, "net")(calls_of([1])))
    [file] = tmp_path.iterdir()
    content = file.read_bytes()
    file.unlink()
    exists = Path.exists

    def looked(path: Path) -> bool:
        there = exists(path)
        if path == file and not there:
            file.write_bytes(content)  # just after
        return there

    monkeypatch.setattr(Path, "exists", looked)
    for _ in range(2):
        assert same(list(KeptTiles(Network(2), tmp_path, "net")(calls_of([0, 1, 2]))), [0, 1, 2])


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    kept = KeptTiles(Network(1), tmp_path, "net")
    list(kept(calls_of([1])))
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match=f"{file.name} is damaged; without it"):
        list(kept(calls_of([1])))
