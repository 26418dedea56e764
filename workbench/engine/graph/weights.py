"""What a layer with weights is, in whatever form its weights are held.

Belongs here: kernel sizes, counts of weights and multiply-adds of every operation that
has weights. Does not belong here: shapes of tensors (`ops`) or packing (`pack`).
"""

from math import prod

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.graph import Node
from workbench.engine.graph.palette import kept
from workbench.engine.stored.filed import FiledParams


def kernel_size(node: Node) -> tuple[int, int]:
    """Return (KH, KW) of a convolution; 3x3 for one in the Winograd domain."""
    if node.op == "winograd_conv2d":
        return (3, 3)
    shape = held_shape(node)
    return shape[2], shape[3]


def held_shape(node: Node) -> tuple[int, ...]:
    """Return the shape of the weight without reading it."""
    name = "indices" if "indices" in node.params else "weight"
    if isinstance(node.params, FiledParams):
        return node.params.sections[name].shape
    return node.params[name].shape


def held(node: Node) -> NDArray[np.float32]:
    """Return the array that has the shape of the weight: itself, or palette indices."""
    return node.params["indices" if "indices" in node.params else "weight"]


def is_weighted(node: Node) -> bool:
    """Say whether a node has weights that multiply its input."""
    return "weight" in node.params or "indices" in node.params


def dense_macs(node: Node) -> int:
    """Return the multiply-adds of a layer without any zero skipped.

    A layer in the Winograd domain counts as the 3x3 convolution that it replaces.
    """
    shape = held_shape(node)
    if node.op == "winograd_conv2d":
        shape = (*shape[:2], 3, 3)
    return int(prod(shape) * prod(node.shape[1:]))


def nonzero_macs(node: Node) -> int:
    """Return the multiply-adds of a layer with every zero weight skipped.

    A layer in the Winograd domain multiplies each of its weights once a tile.
    """
    nonzeros = count_nonzero(node)
    if node.op == "winograd_conv2d":
        m = node.attrs["m"]
        return int(nonzeros * prod(-(-size // m) for size in node.shape[1:]))
    return int(nonzeros * prod(node.shape[1:]))


def count_nonzero(node: Node) -> int:
    """Return how many weights are not zero."""
    return node.remember("nonzeros", lambda: int(np.count_nonzero(nonzero_mask(node))))


def find_nonzeros(node: Node) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the places of non-zero weights in the flat weight, ascending, and these.

    Weights that a file holds in few bytes are not expanded for it.
    """
    if isinstance(node.params, FiledParams):
        section = node.params.sections["weight"]
        if section.encoding == "bitmask":
            return section.nonzeros()
    flat = node.params["weight"].reshape(-1)
    where = np.flatnonzero(flat != 0)
    return where, flat[where]


def nonzero_mask(node: Node) -> NDArray[np.bool_]:
    """Return where the weight is not zero, in the shape of the weight."""
    if "indices" in node.params:
        return kept(node.params)
    return np.asarray(node.params["weight"] != 0)
