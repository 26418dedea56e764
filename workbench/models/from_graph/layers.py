"""Nodes with weights as torch's own layers, and back.

Belongs here: which layer a node is, what is done before and after it, and what its
weights are for the graph. Does not belong here: steps without weights.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workbench.engine.graph.graph import Node

Array = NDArray[Any]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class LayerKind:
    """How a node with weights becomes a layer of torch.

    Parameters
    ----------
    make : callable (Node, arrays) -> nn.Module
        The layer without weights.
    before, after : callable (Node, Tensor) -> Tensor
        What the layer reads, of the node's first input, and the node's tensor, of what
        the layer makes.
    """

    make: Callable[[Node, Arrays], nn.Module]
    before: Callable[[Node, Tensor], Tensor]
    after: Callable[[Node, Tensor], Tensor]


def array(tensor: Tensor) -> Array:
    """Return a tensor's numbers as float32, C-contiguous."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)


def tensor(numbers: Array) -> Tensor:
    """Return a tensor on the same memory, or on a copy if that is read-only."""
    wide = np.ascontiguousarray(numbers, np.float32)
    return torch.from_numpy(wide if wide.flags.writeable else wide.copy())


def _plain(node: Node, x: Tensor) -> Tensor:
    return x


def _pads(node: Node) -> tuple[int, ...] | None:
    """Return a padding that is the same on both sides, or None."""
    pads = node.attrs.get("padding", ())
    half = len(pads) // 2
    return tuple(pads[:half]) if pads[:half] == pads[half:] else None


def _padded(node: Node, x: Tensor) -> Tensor:
    if _pads(node) is not None:
        return x
    pads = node.attrs["padding"]
    half = len(pads) // 2
    ends = zip(reversed(pads[:half]), reversed(pads[half:]), strict=True)
    return functional.pad(x, [n for pair in ends for n in pair])


def _convolution(kind: Any, axes: int) -> Callable[[Node, Arrays], nn.Module]:
    def make(node: Node, arrays: Arrays) -> nn.Module:
        outputs, inputs, *kernel = arrays["weight"].shape
        groups = int(node.attrs.get("groups", 1))
        made: nn.Module = kind(
            inputs * groups,
            outputs,
            tuple(kernel),
            stride=tuple(node.attrs.get("stride", (1,) * axes)),
            padding=_pads(node) or (0,) * axes,
            dilation=tuple(node.attrs.get("dilation", (1,) * axes)),
            groups=groups,
            bias="bias" in arrays,
            device="meta",
        )
        return made

    return make


def _transposed(node: Node, arrays: Arrays) -> nn.Module:
    inputs, per, *kernel = arrays["weight"].shape
    groups = int(node.attrs.get("groups", 1))
    return nn.ConvTranspose2d(
        inputs,
        per * groups,
        (kernel[0], kernel[1]),
        stride=tuple(node.attrs.get("stride", (1, 1))),
        dilation=tuple(node.attrs.get("dilation", (1, 1))),
        output_padding=tuple(node.attrs.get("output_padding", (0, 0))),
        groups=groups,
        bias="bias" in arrays,
        device="meta",
    )


def _cropped(node: Node, x: Tensor) -> Tensor:
    """Return a transposed convolution without its padding."""
    top, left, bottom, right = node.attrs.get("padding", (0, 0, 0, 0))
    if not any((top, left, bottom, right)):
        return x
    return functional.pad(x, [-left, -right, -top, -bottom])


def _linear(node: Node, arrays: Arrays) -> nn.Module:
    outputs, inputs = arrays["weight"].shape
    return nn.Linear(inputs, outputs, bias="bias" in arrays, device="meta")


def _flat(node: Node, x: Tensor) -> Tensor:
    return x if x.ndim == 2 else x.flatten(1)


def _ranked(node: Node, x: Tensor) -> Tensor:
    return x[:, :, None, None] if node.attrs.get("rank", 1) == 3 else x


def _group_norm(node: Node, arrays: Arrays) -> nn.Module:
    channels = node.shape[0]
    groups, eps = int(node.attrs.get("groups", 1)), float(node.attrs["eps"])
    return nn.GroupNorm(groups, channels, eps, affine="weight" in arrays, device="meta")


def _batch_norm(eps: float) -> Callable[[Node, Arrays], nn.Module]:
    kinds = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 4: nn.BatchNorm3d}

    def make(node: Node, arrays: Arrays) -> nn.Module:
        kind = kinds.get(len(node.shape), nn.BatchNorm2d)
        return kind(node.shape[0], eps, device="meta")

    return make


LAYERS: Mapping[str, LayerKind] = {
    "conv2d": LayerKind(_convolution(nn.Conv2d, 2), _padded, _plain),
    "conv3d": LayerKind(_convolution(nn.Conv3d, 3), _padded, _plain),
    "conv_transpose2d": LayerKind(_transposed, _plain, _cropped),
    "linear": LayerKind(_linear, _flat, _ranked),
    "tokens_linear": LayerKind(_linear, _plain, _plain),
    "groupnorm": LayerKind(_group_norm, _plain, _plain),
}
"""By operation; for batch norms with known statistics see `batch_norm`."""

TORCH_NAMES: Mapping[str, str] = {"scale": "weight", "shift": "bias"}
"""What torch's norms call the numbers that the graph calls otherwise."""


def batch_norm(eps: float) -> LayerKind:
    """Return the kind of a batch norm whose statistics are known."""
    return LayerKind(_batch_norm(eps), _plain, _plain)


def layer(kind: LayerKind, node: Node, arrays: Arrays) -> nn.Module:
    """Return a layer that holds these numbers, by torch's names.

    Parameters
    ----------
    kind : LayerKind
    node : Node
    arrays : mapping of str to numpy.ndarray
        Without a bias where the file has none.
    """
    part = kind.make(node, arrays)
    for name in list(dict(part.named_parameters())):
        numbers = tensor(arrays[name])
        setattr(part, name, nn.Parameter(numbers))
    for name, buffer in list(part.named_buffers()):
        known = tensor(arrays[name]) if name in arrays else torch.zeros(buffer.shape)
        setattr(part, name, known.to(buffer.dtype))
    return part.eval()


_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def graph_params(node: Node, part: nn.Module) -> dict[str, Array] | None:
    """Return a layer's numbers under the graph's names; None if it is another layer."""
    if isinstance(part, _NORMS):
        return _scale_and_shift(part)
    wanted = type(LAYERS[node.op].make(node, {k: v for k, v in node.params.items()}))
    if type(part) is not wanted:
        return None
    own = {name: array(value) for name, value in part.named_parameters(recurse=False)}
    found = {}
    for name, old in node.params.items():
        mine = TORCH_NAMES.get(name, name)
        missing = np.zeros(len(old), np.float32)
        found[name] = own.get(mine, missing)
    return found


def _scale_and_shift(part: nn.modules.batchnorm._BatchNorm) -> dict[str, Array] | None:
    if part.running_mean is None or part.running_var is None:
        return None
    gamma, beta, mean, var = (
        np.asarray(array(one), np.float64)
        for one in (part.weight, part.bias, part.running_mean, part.running_var)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = gamma / np.sqrt(var + part.eps)
    made = {"scale": scale, "shift": beta - mean * scale}
    return {k: np.ascontiguousarray(v, np.float32) for k, v in made.items()}
