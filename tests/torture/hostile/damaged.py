"""Image files that are cut, have changed bits, or have something else at an end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from hostile.case import BAD, EITHER, GOOD, Hostile, holding
from hostile.pristine import IMAGES, SEVERAL

_CUTS = (0.2, 0.5, 0.8, 0.95)
_FLIPS = 4


def damaged() -> Iterator[Hostile]:
    for kind, (file, make) in IMAGES.items():
        yield holding(f"{kind}: the first 12 bytes", file, _cut(make, 12))
        for share in _CUTS:
            codes = EITHER if kind in SEVERAL else BAD
            yield holding(f"{kind}: the first {share:.0%}", file, _cut(make, share), codes)
        for k in range(_FLIPS):
            yield holding(f"{kind}: changed bits {k}", file, _flipped(make, f"{kind} {k}"), EITHER)
        yield holding(f"{kind}: the middle is zeros", file, _zeroed(make), EITHER)
        # Plain PNM ends where its text does: the second head is no number.
        codes = BAD if "plain" in kind else GOOD
        yield holding(f"{kind}: twice", file, _twice(make), codes)


def _cut(make: Callable[[], bytes], where: float) -> Callable[[], bytes]:
    def cut() -> bytes:
        data = make()
        return data[: where if where > 1 else int(len(data) * where)]

    return cut


def _flipped(make: Callable[[], bytes], seed: str) -> Callable[[], bytes]:
    def flipped() -> bytes:
        data, chance = bytearray(make()), random.Random(seed)
        # Where headers are as often as anywhere.
        for most in (len(data), 64, 400):
            data[chance.randrange(min(most, len(data)))] ^= 1 << chance.randrange(8)
        return bytes(data)

    return flipped


def _zeroed(make: Callable[[], bytes]) -> Callable[[], bytes]:
    def zeroed() -> bytes:
        data = make()
        third = len(data) // 3
        return data[:third] + bytes(third) + data[2 * third :]

    return zeroed


def _twice(make: Callable[[], bytes]) -> Callable[[], bytes]:
    def twice() -> bytes:
        return 2 * make()

    return twice
