"""Reports of a training: messages or a bar, a JSONL log, TensorBoard events and a curve."""

from raz.training.report.curve import draw_curve
from raz.training.report.report import INTERVAL, Report, open_report

__all__ = ["INTERVAL", "Report", "draw_curve", "open_report"]
