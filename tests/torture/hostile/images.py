"""Every hostile image."""

from __future__ import annotations

from functools import cache

from hostile.bombs import bombs
from hostile.case import Hostile
from hostile.claims import claims
from hostile.damaged import damaged
from hostile.metadata import metadata
from hostile.other_content import other_content


@cache
def images() -> tuple[Hostile, ...]:
    """All of them; their names are unique."""
    found = (*damaged(), *claims(), *bombs(), *metadata(), *other_content())
    assert len({each.name for each in found}) == len(found)
    return found
