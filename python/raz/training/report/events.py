"""Events for TensorBoard: ``training/<name>`` and ``validation/<name>`` by step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from raz.errors import installs
from raz.training.report.sink import Sink


class Events(Sink):
    """Write event files. TensorBoard hides earlier events of steps past ``resume_step``.

    Raises:
        ImportError: TensorBoard is not installed.
    """

    name = "TensorBoard's events"

    def __init__(self, folder: Path, resume_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(
                f"tensorboard is not installed; event files need it: {installs('tensorboard')}"
            ) from error
        self._writer = SummaryWriter(str(folder), purge_step=resume_step + 1)

    def training(self, step: int, means: Mapping[str, float]) -> None:
        self._add("training", step, means)

    def validation(self, step: int, record: Mapping[str, float]) -> None:
        self._add("validation", step, record)

    def close(self) -> None:
        self._writer.close()

    def _add(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(f"{kind}/{name}", value, step)
        self._writer.flush()  # an interruption loses nothing, and an error shows here
