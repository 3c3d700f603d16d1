"""What a training run tells: messages or a bar, a JSONL log, TensorBoard events, a curve."""

from raz.training.report.curve import draw_curve
from raz.training.report.report import INTERVAL, Report, open_report

__all__ = ["INTERVAL", "Report", "draw_curve", "open_report"]
