"""A receiver of reports. Each overrides the methods that it needs."""

from __future__ import annotations

from collections.abc import Mapping


class Sink:
    """A receiver. An error in it ends this receiver, never the training."""

    name = "report"

    def advance(self, step: int) -> None:
        """Receive that a step is done. This is called often, so it must be quick."""

    def training(self, step: int, means: Mapping[str, float]) -> None:
        """Receive the means over the steps since the last call."""

    def validation(self, step: int, record: Mapping[str, float]) -> None:
        """Receive the figures of a validation."""

    def close(self) -> None:
        """Write what is left; release files, threads and the terminal."""
