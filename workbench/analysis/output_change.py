"""How far a pruned network's outputs are from the dense network's, without labels.

Belongs here: loss of quality for networks that do not classify, and for images that
nobody labelled. Does not belong here: accuracy (``accuracy``), and change along a sweep
(``sensitivity.change``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.capture.from_torch.ends import call, results_of
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.given import require_network

Images = Dataset | np.ndarray | Tensor | Mapping[str, Any]


@dataclass(frozen=True)
class OutputChange:
    """How far outputs moved.

    Parameters
    ----------
    relative_l2 : float
        |pruned - dense| / |dense| over all outputs and images; 0 is no change.
    outputs : mapping of str to float
        The same for each output by itself.
    n : int
        Number of images.
    """

    relative_l2: float
    outputs: Mapping[str, float]
    n: int


def output_change(
    net: Any, images: Images, *, dense: Any = None, batch_size: int = 32
) -> OutputChange:
    """Return how far a network's outputs are from the dense network's.

    Parameters
    ----------
    net : PrunedNetwork, or another network
        Not changed.
    images : Dataset, or array (N, C, H, W)
        Labels are not looked at. Of several inputs a mapping from their names.
    dense : Network, optional
        What to compare with; what a PrunedNetwork was made of, if not given.
    batch_size : int
        Images a forward pass.

    Raises
    ------
    WorkbenchError
        No images, nothing to compare with, or outputs of other names or shapes.

    Examples
    --------
    >>> import workbench as wb
    >>> module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    >>> net = wb.from_module(module, input_shape=(3, 8, 8))
    >>> pruned = wb.prune(net, wb.Recipe.uniform("magnitude", 0.5, match="0"))
    >>> change = output_change(pruned, np.ones((2, 3, 8, 8), np.float32))
    >>> 0 < change.relative_l2 < 1, change.n
    (True, 2)
    """
    require_network(net)
    base = dense if dense is not None else getattr(net, "base", None)
    if base is None:
        raise WorkbenchError(
            f"'{net.name}' by itself",
            "the network that it is compared with",
            "Pass dense=, the network before pruning.",
        )
    require_network(base)
    moved: dict[str, float] = {}
    norm: dict[str, float] = {}
    count = 0
    for batch in _batches(images, batch_size):
        before, after = _outputs(base, batch), _outputs(net, batch)
        if {k: v.shape for k, v in before.items()} != {
            k: v.shape for k, v in after.items()
        }:
            raise WorkbenchError(
                f"outputs {_shapes(after)}",
                f"{_shapes(before)}, as '{base.name}' gives",
                "Compare a network with the one that it was made of.",
            )
        for name, one in before.items():
            square = float((after[name].double() - one.double()).square().sum())
            moved[name] = moved.get(name, 0.0) + square
            norm[name] = norm.get(name, 0.0) + float(one.double().square().sum())
        count += len(next(iter(before.values())))
    if not count:
        raise WorkbenchError("no images", "one image at least", "Choose others.")
    return OutputChange(
        _ratio(sum(moved.values()), sum(norm.values())),
        {name: _ratio(moved[name], norm[name]) for name in moved},
        count,
    )


def _batches(images: Images, size: int) -> Iterator[Any]:
    """Yield what forward takes: a tensor, or tensors by name."""
    if isinstance(images, Dataset):
        for start in range(0, len(images), size):
            yield images.tensor(slice(start, start + size))
        return
    named = images if isinstance(images, Mapping) else {"": images}
    tensors = {
        name: torch.as_tensor(np.asarray(one, np.float32))
        for name, one in named.items()
    }
    for start in range(0, min(map(len, tensors.values()), default=0), size):
        batch = {name: one[start : start + size] for name, one in tensors.items()}
        yield batch if isinstance(images, Mapping) else batch[""]


def _outputs(net: Any, batch: Any) -> Mapping[str, Tensor]:
    with torch.inference_mode():
        return results_of(call(net.module, batch)).tensors


def _shapes(outputs: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{name!r} {tuple(one.shape)}" for name, one in outputs.items())


def _ratio(moved: float, norm: float) -> float:
    return math.sqrt(moved / norm) if norm else (0.0 if moved == 0 else math.inf)
