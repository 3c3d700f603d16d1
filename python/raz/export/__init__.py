"""Networks as files for other runtimes: torch.export programs and ONNX graphs, and their use."""

from raz.export.onnx_graph import export_onnx
from raz.export.reading import ReadNetwork
from raz.export.runtimes import RuntimeNetwork, load
from raz.export.torch_program import export_torch

__all__ = ["ReadNetwork", "RuntimeNetwork", "export_onnx", "export_torch", "load"]
