"""Weights that are few numbers many times: found, held as bytes, expanded for a while.

Belongs here: the pass that turns such layers into ``palette_conv2d`` and
``palette_linear`` nodes, and the way back. Does not belong here: making palettes
(`workbench.compression`) or kernels.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.graph import Node
from workbench.errors import WorkbenchError

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Params = Mapping[str, NDArray[Any]]

ENTRIES = 256
"""A code is one byte."""

SAMPLE = 4096
"""So many weights show that an ordinary layer has no palette."""

SMALLEST = 1024
USES = 8
"""Smaller weights, and numbers other than zero used less often, save nothing."""

OPS = {"conv2d": "palette_conv2d", "linear": "palette_linear"}


def palette_params(
    codebook: F32, indices: U8, bias: F32, keep: NDArray[np.bool_] | None = None
) -> Params:
    """Return the parameters of a palette node.

    Parameters
    ----------
    codebook : numpy.ndarray of float32, shape (K,)
        At most 256 numbers.
    indices : numpy.ndarray of uint8, shape of the weight
    bias : numpy.ndarray of float32, shape (O,)
    keep : numpy.ndarray of bool, shape of the weight, optional
        False where the weight is zero whatever its index says.

    Raises
    ------
    WorkbenchError
        Indices outside of the codebook.

    Examples
    --------
    >>> made = palette_params(
    ...     np.array([0.5, 2], np.float32),
    ...     np.array([[0, 1, 1]], np.uint8),
    ...     np.zeros(1, np.float32),
    ...     np.array([[True, False, True]]),
    ... )
    >>> made["keep"].tolist(), expand(made).tolist()
    ([5], [[0.5, 0.0, 2.0]])
    """
    if not 0 < codebook.size <= ENTRIES or int(indices.max(initial=0)) >= codebook.size:
        raise WorkbenchError(
            f"indices up to {indices.max(initial=0)} into {codebook.size} numbers",
            f"1 to {ENTRIES} numbers and indices within them",
            "Make both with the same palette.",
        )
    params: dict[str, NDArray[Any]] = {
        "codebook": np.ascontiguousarray(codebook, np.float32),
        "indices": np.ascontiguousarray(indices, np.uint8),
        "scale": np.ones(len(indices), np.float32),
        "bias": np.ascontiguousarray(bias, np.float32),
    }
    if keep is not None:
        params["keep"] = np.packbits(keep.reshape(-1), bitorder="little")
    return params


def kept(params: Params) -> NDArray[np.bool_]:
    """Return where the weight of a palette node is not zero."""
    used = (params["codebook"] != 0)[params["indices"]]
    if "keep" in params:
        bits = np.unpackbits(params["keep"], count=used.size, bitorder="little")
        used &= bits.view(np.bool_).reshape(used.shape)
    return np.asarray(used)


def expand(params: Params) -> F32:
    """Return the weight of a palette node as float32, its scale included."""
    weight = params["codebook"][params["indices"]]
    if "keep" in params:
        weight *= kept(params)
    wide = params["scale"].reshape(-1, *(1,) * (weight.ndim - 1))
    return np.ascontiguousarray(weight * wide, np.float32)


@lru_cache(maxsize=1)
def expanded(node: Node) -> Node:
    """Return the ordinary layer that equals a palette node; the last one is kept."""
    ordinary = {palette: plain for plain, palette in OPS.items()}[node.op]
    params = {"weight": expand(node.params), "bias": node.params["bias"]}
    return node.but(op=ordinary, params=params)


def find_palette(weight: F32) -> tuple[F32, U8, NDArray[np.bool_] | None] | None:
    """Return codebook, indices and mask of a weight of few numbers, or None.

    A mask is needed only where 256 numbers and zeros meet. A weight of nothing but
    zeros has no palette: there is nothing to look up.

    Examples
    --------
    >>> weight = np.tile(np.array([0, 1.5, -2], np.float32), 1000).reshape(10, 300)
    >>> codebook, indices, keep = find_palette(weight)
    >>> codebook.tolist(), indices[0, :4].tolist(), keep
    ([-2.0, 0.0, 1.5], [1, 2, 0, 1], None)
    """
    flat = weight.reshape(-1)
    if flat.size < SMALLEST or not np.isfinite(flat[:SAMPLE]).all():
        return None
    # An odd step meets every column of a weight whose rows are of even length.
    numbers = np.unique(flat[:: flat.size // SAMPLE | 1])
    while numbers.size <= ENTRIES + 1:
        at = np.searchsorted(numbers, flat).clip(max=numbers.size - 1)
        strange = flat[numbers[at] != flat]
        if not strange.size:
            return _coded(numbers, at.reshape(weight.shape))
        if not np.isfinite(strange).all():
            return None
        numbers = np.union1d(numbers, strange[:SAMPLE])
    return None


def _coded(
    numbers: F32, at: NDArray[np.intp]
) -> tuple[F32, U8, NDArray[np.bool_] | None] | None:
    values = int(np.count_nonzero(numbers))
    used = int(np.count_nonzero(numbers[at])) if values else 0
    if not values or used < USES * values:
        return None
    if numbers.size <= ENTRIES:
        return numbers, at.astype(np.uint8), None
    zero = int(np.searchsorted(numbers, 0))
    if zero == numbers.size or numbers[zero] != 0:
        return None
    keep = at != zero
    codes = at - (at > zero)
    return np.delete(numbers, zero), (codes * keep).astype(np.uint8), keep


def hold_palettes(
    nodes: list[Node], outputs: tuple[str, ...]
) -> tuple[list[Node], tuple[str, ...]]:
    """Hold every weight that is few numbers many times as bytes and a codebook."""
    result = []
    for node in nodes:
        found = find_palette(node.params["weight"]) if node.op in OPS else None
        if found is not None and node.attrs.get("groups", 1) == 1:
            codebook, indices, keep = found
            params = palette_params(codebook, indices, node.params["bias"], keep)
            node = node.but(op=OPS[node.op], params=params)
        result.append(node)
    return result, outputs
