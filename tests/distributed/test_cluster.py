"""How many workers a cluster has room for."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from raz.distributed.cluster import SPARE_CPUS, Workers, import_ray
from raz.errors import ResourceError


@pytest.mark.parametrize(
    ("workers", "cpus", "gpus", "number"),
    [
        (Workers(), 64, 0, 64 - SPARE_CPUS),
        (Workers(cpus=4), 64, 0, (64 - SPARE_CPUS) // 4),
        (Workers(cpus=0.5), 4, 0, 2 * (4 - SPARE_CPUS)),
        (Workers(gpus=1), 64, 8, 8),
        (Workers(gpus=0.25), 64, 2, 8),
        (Workers(5), 1, 0, 5),
    ],
)
def test_room_is_left_for_rays_own_tasks(
    workers: Workers, cpus: float, gpus: float, number: int
) -> None:
    assert workers.on(cpus, gpus) == number


@pytest.mark.parametrize(("cpus", "gpus"), [(SPARE_CPUS, 8), (64, 0)])
def test_a_cluster_without_room_is_refused(cpus: float, gpus: float) -> None:
    with pytest.raises(ResourceError, match=f"the cluster has {cpus} CPUs and {gpus} GPUs"):
        Workers(gpus=1).on(cpus, gpus)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"number": 0}, "workers is 0; it must be at least 1"),
        ({"cpus": 0.0}, "cpus is 0.0; it must be above 0"),
        ({"cpus": float("nan")}, "cpus is nan; it must be above 0"),
        ({"gpus": -1.0}, "gpus is -1.0; it must be at least 0"),
    ],
)
def test_arguments_are_named(argument: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Workers(**argument)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'needs Ray: pip install "\.\[ray\]"'):
        import_ray()
