"""Networks as files for other runtimes: torch.export programs and ONNX graphs."""

from raz.export.onnx_graph import export_onnx
from raz.export.reading import ReadNetwork
from raz.export.torch_program import export_torch

__all__ = ["ReadNetwork", "export_onnx", "export_torch"]
