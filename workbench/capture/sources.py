"""Networks as they run without us: what a program must be equal to.

Belongs here: running a torch module or an ONNX file on images. Does not belong here:
comparing (``parting``).
"""

import copy
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.graph import Graph
from workbench.engine.graph.weights import dense_macs, is_weighted
from workbench.reading import regular

if TYPE_CHECKING:
    from torch import nn

    from workbench.capture.from_torch.torch_export import HasModule

Array = NDArray[np.float32]

EVALUATED_MACS = 100e6
"""Larger files are left to ONNX Runtime: the evaluator would take seconds."""


class Source(Protocol):
    """A network that can be run by somebody else."""

    name: str

    def output(self, x: Array) -> Array | None:
        """Return the result for a batch; None where it cannot run."""
        ...

    def exact(self, x: Array) -> NDArray[np.float64] | None:
        """Return the result in double precision; None where there is none."""
        ...

    def layers(self, x: Array) -> tuple[Graph, Mapping[str, Array]]:
        """Return the graph that was read, and the tensor of each of its nodes."""
        ...


class TorchSource:
    """A torch module, or a network that holds one; it is run in eval mode."""

    name = "torch"

    def __init__(self, obj: "HasModule | nn.Module") -> None:
        from torch import nn

        self._module = obj if isinstance(obj, nn.Module) else obj.module

    def output(self, x: Array) -> Array | None:
        """Return what torch gives; None where it refuses this batch."""
        result: Array | None = self._run(self._fresh(), x)
        return result

    def exact(self, x: Array) -> NDArray[np.float64] | None:
        """Return what torch gives in double precision."""
        wide = copy.deepcopy(self._module).eval().double()
        result: NDArray[np.float64] | None = self._run(wide, x.astype(np.float64))
        return result

    def layers(self, x: Array) -> tuple[Graph, Mapping[str, Array]]:
        """Return the captured graph and torch's tensor for each node."""
        import torch

        from workbench.capture.from_torch.torch_export import follow

        return follow(self._fresh(), torch.from_numpy(x))

    def _fresh(self) -> "nn.Module":
        """Return the module with parameters of its own around the same numbers.

        A forward pass that exchanges them exchanges nothing of the caller's, and finds
        what it found the first time in each call.
        """
        from torch import nn

        module = self._module
        own = {id(p): nn.Parameter(p.detach(), False) for p in module.parameters()}
        shared = {id(buffer): buffer for buffer in module.buffers()}
        return copy.deepcopy(module, {**own, **shared}).eval()

    @staticmethod
    def _run(module: "nn.Module", x: NDArray[Any]) -> Any:
        import torch

        try:
            with torch.no_grad():
                return module(torch.from_numpy(x.copy())).numpy()
        except (RuntimeError, ValueError, TypeError, IndexError):
            return None


class OnnxSource:
    """An ONNX file, run by ONNX Runtime, or by ONNX's own evaluator if it is small.

    Parameters
    ----------
    path : Path
    graph : Graph
        That was read from it: says how large it is.
    """

    def __init__(self, path: Path, graph: Graph) -> None:
        self._path, self._graph = path, graph
        macs = sum(dense_macs(node) for node in graph if is_weighted(node))
        self._small = macs <= EVALUATED_MACS
        self.name = "ONNX Runtime" if _has_runtime() else "ONNX's own evaluator"

    def output(self, x: Array) -> Array | None:
        """Return the file's result; None where nothing here can run it."""
        return self._run(self._model(), x, ()).get("")

    def exact(self, x: Array) -> NDArray[np.float64] | None:
        """Return None: ONNX files are float32."""
        return None

    def layers(self, x: Array) -> tuple[Graph, Mapping[str, Array]]:
        """Return the graph that was read and the file's tensor for each node."""
        from workbench.capture.from_onnx.onnx_import import follow

        graph, tensors = follow(self._model(), self._graph.input_shape)
        made = self._run(self._model(), x, tuple(tensors.values()))
        return graph, {
            node: made[name] for node, name in tensors.items() if name in made
        }

    def _model(self) -> Any:
        import onnx

        return onnx.load(regular(self._path))

    def _run(self, model: Any, x: Array, more: tuple[str, ...]) -> dict[str, Array]:
        """Return results by name; the one under '' is the model's own."""
        from onnx import helper

        own = model.graph.output[0].name
        given = {tensor.name for tensor in model.graph.initializer}
        image = next(i.name for i in model.graph.input if i.name not in given)
        names = [own, *(name for name in dict.fromkeys(more) if name != own)]
        extra = [helper.make_empty_tensor_value_info(name) for name in names[1:]]
        model.graph.output.extend(extra)
        if _has_runtime():
            found = _by_runtime(model, names, {image: x})
        elif self._small:
            found = _by_evaluator(model, names, {image: x})
        else:
            found = []
        results = dict(zip(names, found, strict=False))
        return {**results, "": results[own]} if results else {}


def _has_runtime() -> bool:
    return find_spec("onnxruntime") is not None


def _by_runtime(model: Any, names: list[str], feeds: dict[str, Array]) -> list[Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return list(session.run(names, feeds))
    # It has an exception of its own for each of its error codes.
    except Exception:  # noqa: BLE001
        return []


def _by_evaluator(model: Any, names: list[str], feeds: dict[str, Array]) -> list[Any]:
    from onnx.reference import ReferenceEvaluator

    try:
        return list(ReferenceEvaluator(model).run(names, feeds))
    # An operation that it lacks, or a batch that the file does not take.
    except Exception:  # noqa: BLE001
        return []
