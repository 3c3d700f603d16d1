"""A Ray cluster for the tests of this folder, and photographs for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

SCENE = Path(__file__).parents[2] / "examples" / "scene.jpg"


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """This process is connected to a cluster: ``cluster="auto"`` has room for two workers.

    Tests that use it are marked ``slow``. They are skipped if Ray is not installed; if the
    environment variable RAZ_EXPECT_RAY is 1, they fail then.
    """
    try:
        import ray
    except ImportError:
        if os.environ.get("RAZ_EXPECT_RAY") == "1":
            pytest.fail("Ray is not installed, and RAZ_EXPECT_RAY is 1")
        pytest.skip("Ray is not installed")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        address="local",
        num_cpus=4,
        include_dashboard=False,
        _node_ip_address="127.0.0.2",  # the loopback, which Ray does not replace
        log_to_driver=False,
        logging_level="error",
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def scene() -> Image.Image:
    """The drawn crowd of ``examples``."""
    return Image.open(SCENE).convert("RGB")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes with one thread, as each worker does: the same sums in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
