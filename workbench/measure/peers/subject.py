"""The network that engines are to run, and the files they read it from.

Belongs here: one network's weights in every form that engines ask for. Does not belong
here: how an engine turns them into its own (one file each beside this one).
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.capture.from_torch.ends import results_of
from workbench.capture.from_torch.torch_export import shapes_of
from workbench.errors import WorkbenchError
from workbench.measure.onnx_batch import write_with_free_batch
from workbench.measure.onnx_model import to_onnx
from workbench.writing import replaced

Array = NDArray[np.float32]


def joined(made: Any) -> Array:
    """Return what a network returns as one float32 array.

    Several outputs become one row of floats for each image, in their order; a list of
    one is that one.
    """
    if isinstance(made, np.ndarray):
        return np.asarray(made, np.float32)
    if isinstance(made, list | tuple) and all(isinstance(o, np.ndarray) for o in made):
        found = [np.asarray(one, np.float32) for one in made]
    elif isinstance(made, Mapping) and all(
        isinstance(one, np.ndarray) for one in made.values()
    ):
        found = [np.asarray(one, np.float32) for one in made.values()]
    elif isinstance(made, torch.Tensor | Mapping | list | tuple):
        tensors = results_of(made).tensors.values()
        found = [one.detach().float().numpy() for one in tensors]
    else:
        found = [np.asarray(made, np.float32)]
    if len(found) == 1:
        return found[0]
    return np.concatenate([one.reshape(len(one), -1) for one in found], axis=1)


class Weights(Protocol):
    """What identifies the network that a measurement is about."""

    @property
    def name(self) -> str:
        """Name of the network."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""

    @property
    def digest(self) -> str:
        """Sha256 hex over the weights."""


class TorchWeights(Weights, Protocol):
    """What Network and PrunedNetwork have in common: one module, one input shape."""

    @property
    def module(self) -> torch.nn.Module:
        """Module in eval mode, masks applied."""


class Subject:
    """Return the network that engines are to run: same weights for all of them.

    Parameters
    ----------
    owner : Network or PrunedNetwork
        The weights. `owner.module` is the definition of the right output.
    weights : str
        "dense" or "pruned": how rows name these weights.
    keep : Path or None
        Folder where converted files stay for the next time; None removes them with the
        subject.
    """

    judge = "torch"

    def __init__(
        self, owner: TorchWeights, *, weights: str, keep: Path | None = None
    ) -> None:
        self.owner: Weights = owner
        self.weights = weights
        self._keep = keep
        self._module: torch.nn.Module | None = owner.module

    @property
    def module(self) -> torch.nn.Module:
        """The torch module, in eval mode, masks applied.

        Raises
        ------
        WorkbenchError
            When the network came as an ONNX file.
        """
        if self._module is None:
            raise WorkbenchError(
                found=f"{self.owner.name}, an ONNX file",
                expected="a torch module, which this engine starts from",
                next_step="Leave the engine out, or name a network.",
            )
        return self._module

    @property
    def has_module(self) -> bool:
        """Whether there is a torch module."""
        return self._module is not None

    @property
    def source(self) -> Any:
        """What the bundled engine compiles."""
        return self.owner

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(C, H, W) of one image."""
        return tuple(self.owner.input_shape)

    @cached_property
    def _temporary(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="workbench-")

    @cached_property
    def _folder(self) -> Path:
        if self._keep is None:
            return Path(self._temporary.name)
        identity = repr((self.owner.name, self.owner.digest, self.input_shape))
        return self._keep / hashlib.sha256(identity.encode()).hexdigest()[:24]

    @property
    def onnx_path(self) -> Path:
        """One ONNX file for all the engines that read ONNX, made when first asked."""
        return self.converted("model.onnx", self._write_onnx)

    def converted(self, name: str, write: Callable[[Path], None]) -> Path:
        """Return a file with this network in an engine's own format.

        Parameters
        ----------
        name : str
            Of the file; says everything that its content depends on besides the
            weights.
        write : callable (Path) -> None
            Makes it, when it is not there yet.
        """
        path = self._folder / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced(path) as part:
                write(part)
        return path

    def reference(self, x: Array) -> Array:
        """Return torch's output on the (masked) module: what all must equal."""
        with torch.inference_mode():
            return joined(self.module(torch.from_numpy(x)))

    def _write_onnx(self, path: Path) -> None:
        path.write_bytes(
            to_onnx(self.module, shapes_of(self.owner)).SerializeToString()
        )


@dataclass(frozen=True)
class OnnxNetwork:
    """Return what identifies a network that came as an ONNX file.

    Parameters
    ----------
    name : str
        Stem of the file.
    path : Path
        Of the file.
    digest : str
        Sha256 hex over its bytes.
    input_shape : (C, H, W)
        Of one image.
    sparsity : float
        Zeros over all weights of convolutions and linear layers, 0..1.
    """

    name: str
    path: Path
    digest: str
    input_shape: tuple[int, int, int]
    sparsity: float

    @classmethod
    def read(
        cls, path: Path, *, input_shape: tuple[int, int, int] | None = None
    ) -> "OnnxNetwork":
        """Return the facts of an ONNX file.

        Parameters
        ----------
        path : Path
        input_shape : (C, H, W) or None
            Where the file leaves height or width free.

        Raises
        ------
        WorkbenchError
            When the engine does not read the file.
        """
        graph = import_onnx(path, input_shape=input_shape)
        found = [node.params["weight"] for node in graph if "weight" in node.params]
        total = sum(weight.size for weight in found)
        zeros = total - sum(int(np.count_nonzero(weight)) for weight in found)
        channels, height, width = graph.input_shape
        return cls(
            path.stem,
            path,
            hashlib.sha256(path.read_bytes()).hexdigest(),
            (channels, height, width),
            zeros / total if total else 0.0,
        )


class OnnxSubject(Subject):
    """Return a network that came as an ONNX file; there is no torch module.

    ONNX Runtime defines the right output, or the ONNX project's own evaluator where it
    is not installed.
    """

    judge = "ONNX Runtime"

    def __init__(
        self, owner: OnnxNetwork, *, weights: str, keep: Path | None = None
    ) -> None:
        self.owner, self.weights = owner, weights
        self._keep, self._module = keep, None
        self._path = owner.path

    @property
    def source(self) -> Path:
        """What the bundled engine compiles."""
        return self._path

    def reference(self, x: Array) -> Array:
        """Return the output that all must equal.

        Raises
        ------
        WorkbenchError
            The file takes no single image.
        """
        try:
            found = [self._evaluate(image[None]) for image in x]
        # ONNX Runtime has an exception of its own for each of its error codes.
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise WorkbenchError(
                found=f"{self._path.name}, which does not run on one image ({reason})",
                expected="a network that takes a batch of one",
                next_step="Export it with a free batch, or with a batch of one.",
            ) from error
        return np.concatenate(found)

    def _write_onnx(self, path: Path) -> None:
        if not write_with_free_batch(self._path, path):
            shutil.copy(self._path, path)

    @cached_property
    def _evaluate(self) -> Callable[[Array], Array]:
        evaluator, name = _evaluator(str(self.onnx_path))
        return lambda image: joined(evaluator.run(None, {name: image}))


def _evaluator(path: str) -> tuple[Any, str]:
    """Return what runs an ONNX file by definition, and the name of its input."""
    try:
        from onnxruntime import InferenceSession
    except ModuleNotFoundError:
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(path)
        return evaluator, evaluator.input_names[0]
    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    return session, session.get_inputs()[0].name
