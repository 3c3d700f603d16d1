"""Where a report goes: what every place is told. Each overrides what it cares for."""

from __future__ import annotations

from collections.abc import Mapping


class Sink:
    """One place. What it raises costs this place alone, never the training."""

    name = "report"

    def advance(self, step: int) -> None:
        """Hear that a step is done; called often, so quick."""

    def training(self, step: int, means: Mapping[str, float]) -> None:
        """Take the means over the steps since the last call."""

    def validation(self, step: int, record: Mapping[str, float]) -> None:
        """Take the figures of a validation."""

    def close(self) -> None:
        """Write what is left and let go of files, threads and the terminal."""
