"""Networks as they run without us: what a program must be equal to.

Belongs here: running a torch module or an ONNX file on images. Does not belong here:
comparing (``parting``).
"""

import copy
from collections.abc import Iterator, Mapping
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

    from workbench.capture.from_torch.ends import Given
    from workbench.capture.from_torch.torch_export import HasModule

Array = NDArray[np.float32]
Arrays = tuple[Array, ...]
"""One for each input, or for each output."""

EVALUATED_MACS = 100e6
"""Larger files are left to ONNX Runtime: the evaluator would take seconds."""


class Source(Protocol):
    """A network that can be run by somebody else."""

    name: str

    def suited(self, x: Arrays) -> Arrays:
        """Return noise as numbers that the network's inputs can be."""
        ...

    def outputs(self, x: Arrays) -> Arrays | None:
        """Return the results for a batch; None where it cannot run."""
        ...

    def exact(self, x: Arrays) -> tuple[NDArray[np.float64], ...] | None:
        """Return the results in double precision; None where there are none."""
        ...

    def layers(self, x: Arrays) -> tuple[Graph, Mapping[str, Array]]:
        """Return the graph that was read, and the tensor of each of its nodes."""
        ...


class TorchSource:
    """A torch module, or a network that holds one; it is run in eval mode.

    Parameters
    ----------
    obj : Network, PrunedNetwork or nn.Module
    names : tuple of str
        Of the inputs, if they have names that forward knows.
    """

    name = "torch"

    def __init__(
        self, obj: "HasModule | nn.Module", names: tuple[str, ...] = ()
    ) -> None:
        from torch import nn

        from workbench.capture.from_torch.suitable import plain

        self._module = plain(obj if isinstance(obj, nn.Module) else obj.module)
        self._names = names

    def suited(self, x: Arrays) -> Arrays:
        """Return the noise as it is."""
        return x

    def outputs(self, x: Arrays) -> Arrays | None:
        """Return what torch gives; None where it refuses this batch."""
        result: Arrays | None = self._run(self._fresh(), x)
        return result

    def exact(self, x: Arrays) -> tuple[NDArray[np.float64], ...] | None:
        """Return what torch gives in double precision."""
        wide = copy.deepcopy(self._module).eval().double()
        inputs = tuple(one.astype(np.float64) for one in x)
        result: tuple[NDArray[np.float64], ...] | None = self._run(wide, inputs)
        return result

    def layers(self, x: Arrays) -> tuple[Graph, Mapping[str, Array]]:
        """Return the captured graph and torch's tensor for each node."""
        from workbench.capture.from_torch.torch_export import follow

        return follow(self._fresh(), self._given(x))

    def _given(self, x: tuple[NDArray[Any], ...]) -> "Given":
        import torch

        tensors = [torch.from_numpy(one.copy()) for one in x]
        if len(tensors) > 1 and self._names:
            return dict(zip(self._names, tensors, strict=True))
        return tensors if len(tensors) > 1 else tensors[0]

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

    def _run(self, module: "nn.Module", x: tuple[NDArray[Any], ...]) -> Any:
        import torch

        from workbench.capture.from_torch.ends import arguments, results_of

        args, kwargs = arguments(module, self._given(x))
        try:
            with torch.no_grad():
                made = results_of(module(*args, **kwargs)).tensors.values()
                return tuple(one.numpy() for one in made)
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

    def suited(self, x: Arrays) -> Arrays:
        """Return whole numbers up to 127 for inputs that are such."""
        types = _types(_free(self._model()))
        return tuple(
            one if kind.kind == "f" else np.floor(np.abs(one) * BRIGHT) % 128
            for one, kind in zip(x, types, strict=True)
        )

    def outputs(self, x: Arrays) -> Arrays | None:
        """Return the file's results; None where nothing here can run it."""
        model = self._model()
        made = self._run(model, x, ())
        return tuple(made[one.name] for one in model.graph.output) if made else None

    def exact(self, x: Arrays) -> tuple[NDArray[np.float64], ...] | None:
        """Return the results in float32 of a file of 16-bit numbers, else None."""
        from workbench.capture.from_onnx.widen import widened

        wide = widened(self._model())
        made = self._run(wide, x, ()) if wide is not None else {}
        if wide is None or not made:
            return None
        return tuple(made[one.name].astype(np.float64) for one in wide.graph.output)

    def layers(self, x: Arrays) -> tuple[Graph, Mapping[str, Array]]:
        """Return the graph that was read and the file's tensor for each node."""
        from workbench.capture.from_onnx.onnx_import import follow

        graph, tensors = follow(self._model(), self._graph.input_shapes)
        made = self._run(self._model(), x, tuple(tensors.values()))
        return graph, {
            node: made[name] for node, name in tensors.items() if name in made
        }

    def _model(self) -> Any:
        import onnx

        return onnx.load(regular(self._path))

    def _run(self, model: Any, x: Arrays, more: tuple[str, ...]) -> dict[str, Array]:
        """Return results by name: the model's own, and more of its tensors."""
        from onnx import helper

        own = [one.name for one in model.graph.output]
        free = _free(model)
        names = list(dict.fromkeys((*own, *more)))
        extra = [name for name in names if name not in own]
        model.graph.output.extend(map(helper.make_empty_tensor_value_info, extra))
        types = _types(free)
        parts = []
        for images in _batches(x, _fixed_batch(model, free[0])):
            feeds = {
                one.name: array.astype(kind)
                for one, array, kind in zip(free, images, types, strict=True)
            }
            if _has_runtime():
                found = _by_runtime(model, names, feeds)
            elif self._small:
                found = _by_evaluator(model, names, feeds)
            else:
                found = []
            parts.append(dict(zip(names, found, strict=False)))
        return _joined(parts, len(x[0]))


BRIGHT = 40
"""Noise of this spread fills the range of a byte."""


def _free(model: Any) -> list[Any]:
    """Return a model's inputs that are no weights."""
    given = {tensor.name for tensor in model.graph.initializer}
    given |= {one.values.name for one in model.graph.sparse_initializer}
    return [one for one in model.graph.input if one.name not in given]


def _types(inputs: list[Any]) -> list[np.dtype[Any]]:
    from onnx import helper

    kinds = [one.type.tensor_type.elem_type or 1 for one in inputs]
    return [helper.tensor_dtype_to_np_dtype(kind) for kind in kinds]


BY_RANGE = ("DynamicQuantizeLinear",)
"""Operations over a whole batch that a program has over each image."""


def _fixed_batch(model: Any, one: Any) -> int:
    """Return the images that a file takes at once; 0 for any number."""
    if any(node.op_type in BY_RANGE for node in model.graph.node):
        return 1
    dims = one.type.tensor_type.shape.dim
    return max(int(dims[0].dim_value), 0) if dims else 0


def _batches(x: Arrays, size: int) -> Iterator[Arrays]:
    """Yield parts of as many images as a file takes, the last image repeated."""
    count = len(x[0])
    if size in (0, count):
        yield x
        return
    for start in range(0, count, size):
        places = np.minimum(np.arange(start, start + size), count - 1)
        yield tuple(one[places] for one in x)


def _joined(parts: list[dict[str, Array]], count: int) -> dict[str, Array]:
    if len(parts) == 1 and all(
        len(one) <= count for one in parts[0].values() if one.ndim
    ):
        return parts[0]
    if not all(parts):
        return {}
    return {
        name: np.concatenate([np.atleast_1d(part[name]) for part in parts])[:count]
        for name in parts[0]
    }


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
