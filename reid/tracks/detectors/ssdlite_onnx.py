"""SSDLite computed by ONNX Runtime, which needs about half of PyTorch's time in float32 on a CPU."""

import threading

import torch
from torch import Tensor, nn

from reid.exporting.graphs import Interface
from reid.exporting.onnx_file import onnx_bytes
from reid.inference.network.onnx_network import OnnxFile

OPSET = 18
"""Version of ONNX's operators."""


class OnnxSSDLite:
    """The boxes and scores of an SSDLite, by ONNX Runtime on the CPU.

    The network pads its maps by the size of the images: each size has an ONNX graph, made when it is first asked for.
    Each thread has a session, with as many threads as PyTorch has there.
    """

    def __init__(self, network: nn.Module) -> None:
        """network -- an SSDLite in float32 on the CPU."""
        self._network = network
        self._graphs: dict[tuple[int, ...], bytes] = {}
        self._exporting = threading.Lock()
        self._own = threading.local()

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (N, A, 4) in pixels and scores (N, A) of images (N, 3, H, W) in -1..1, as `SSDLite.forward`.

        Raises UserError as `OnnxFile`.
        """
        shape = tuple(images.shape)
        sessions: dict[tuple[int, ...], OnnxFile] = self._own.__dict__.setdefault("sessions", {})
        if shape not in sessions:
            sessions[shape] = OnnxFile(self._graph(shape), torch.get_num_threads())
        boxes, scores = sessions[shape](images)
        return boxes, scores

    def _graph(self, shape: tuple[int, ...]) -> bytes:
        """The ONNX file for images of a shape."""
        with self._exporting:
            if shape not in self._graphs:
                images = torch.zeros(shape)
                with torch.inference_mode():
                    boxes, scores = self._network(images)
                outputs = {"boxes": tuple(boxes.shape), "scores": tuple(scores.shape)}
                program = torch.export.export(self._network, (images,))
                self._graphs[shape] = onnx_bytes(program, Interface({"images": shape}, outputs), OPSET, {})
            return self._graphs[shape]
