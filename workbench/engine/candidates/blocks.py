"""Convolution in n x 1 blocks: neighbouring filters that keep the same inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Prepared,
    Shapes,
)
from workbench.engine.candidates.conv import conv_forms, is_depthwise, place_conv
from workbench.engine.graph.graph import Node
from workbench.engine.graph.weights import count_nonzero
from workbench.engine.layout.offsets import F32, I32, I64
from workbench.kernels import Step, conv_blocks, variants_conv_blocks
from workbench.kernels.steps.blocks import HEIGHTS

MIN_FILL = 0.9
"""At least this part of the values in kept blocks must not be zero."""

MAX_DENSITY = 0.95
"""Above it nothing is pruned that blocks could skip."""

MIN_HEIGHT = min(HEIGHTS)

MODEL_MACS_PER_MS = 45e6
"""About 90 GF/s: a load serves as many multiply-adds as a block has rows."""

ROW_COST = 8.0
"""Start, end and store of a row cost as much as this many non-zeros."""


class BlockConv(Candidate):
    """Blocks found in the zeros themselves: the tallest height that they fill."""

    name = "blocks"
    ops = ("conv2d",)
    reads_structure = True
    writes_split = True

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject weights whose zeros do not come in blocks of filters."""
        if is_depthwise(node):
            return "one filter a channel: there are no loads to share"
        if count_nonzero(node) > MAX_DENSITY * node.params["weight"].size:
            return "the weight is dense"
        if _height_of(node) == 1:
            return "the zeros do not come in blocks of 2, 4, 8 or 16 filters"
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return strips for 1x1, else padded planes or rows."""
        return conv_forms(node, shapes[0])

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the tiles of output channels and vectors worth timing."""
        return self.prepare(node, binding).variants()

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        return self.prepare(node, binding).build(variant)

    def prepare(self, node: Node, binding: Binding) -> Prepared:
        """Return the layer with its blocks cut once for all variants."""
        place, offsets = place_conv(node, binding)
        blocks = _node_blocks(node, offsets)
        known = variants_conv_blocks(blocks.offsets, blocks.values.shape[1])

        def build(variant: str) -> Sequence[Step]:
            step = conv_blocks(
                indptr=blocks.indptr,
                offsets=blocks.offsets,
                values=blocks.values,
                bias=node.params["bias"],
                place=place,
                variant=variant if variant in known else None,
            )
            return (step,)

        return Prepared(lambda: known, build)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return the multiply-adds of the blocks over the usual rate."""
        weight = node.params["weight"]
        height = _height_of(node)
        values = node.remember(
            "block values",
            lambda: height * int(np.count_nonzero(_kept(weight, height))),
        )
        overhead = 1 + ROW_COST / (values / weight.shape[0] + 1)
        macs = values * prod(node.shape[1:])
        return float(macs / MODEL_MACS_PER_MS * overhead)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Kept blocks of each group of filters: input offsets and n values each."""

    indptr: I32
    offsets: I32
    values: F32


def block_height(weight: F32, groups: int) -> int:
    """Return the tallest n whose blocks of n filters the non-zeros fill; 1 if none.

    Parameters
    ----------
    weight : numpy.ndarray, shape (O, C / groups, KH, KW)
    groups : int
        Groups of the convolution: a block lies within one.

    Examples
    --------
    >>> weight = np.array([1, 0, 2, 0, 0, 3, 0, 4], np.float32).reshape(4, 2, 1, 1)
    >>> block_height(weight, 1)
    2
    """
    filters = weight.shape[0] // groups
    nonzeros = int(np.count_nonzero(weight))
    for height in reversed(HEIGHTS):
        whole = filters % height == 0 or (groups == 1 and height < filters)
        if not whole or nonzeros == 0:
            continue
        each = _kept(weight, height).sum(axis=1) * height
        each[-1] -= each[-1] // height * (-len(weight) % height)
        stored = int(each.sum())
        if nonzeros >= MIN_FILL * stored:
            return height
    return 1


def _kept(weight: F32, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which blocks hold a non-zero, shape (ceil(O / n), taps of a filter)."""
    rows = (weight != 0).reshape(weight.shape[0], -1)
    starts = np.arange(0, len(rows), height)
    return np.asarray(np.logical_or.reduceat(rows, starts, axis=0))


def blocks_of(weight: F32, offsets: I64, groups: int) -> Blocks:
    """Return the blocks of a weight, of the height that its zeros have, at least 2.

    Parameters
    ----------
    weight : numpy.ndarray, shape (O, C / groups, KH, KW)
    offsets : numpy.ndarray of int64, shape (C, KH, KW)
        From `tap_offsets`.
    groups : int
        Groups of the convolution.
    """
    height = max(MIN_HEIGHT, block_height(weight, groups))
    kept = _kept(weight, height)
    padded = np.zeros((len(kept) * height, kept.shape[1]), np.float32)
    padded[: len(weight)] = weight.reshape(len(weight), -1)
    columns = padded.reshape(len(kept), height, -1).transpose(0, 2, 1)
    group = np.arange(len(kept)) * height // (len(weight) // groups)
    places = offsets.reshape(groups, -1)[group]
    return Blocks(
        np.concatenate(([0], np.cumsum(kept.sum(axis=1)))).astype(np.int32),
        places[kept].astype(np.int32),
        np.ascontiguousarray(columns[kept]),
    )


def _height_of(node: Node) -> int:
    return node.remember(
        "block height",
        lambda: block_height(node.params["weight"], node.attrs.get("groups", 1)),
    )


def _node_blocks(node: Node, offsets: I64) -> Blocks:
    return blocks_of(node.params["weight"], offsets, node.attrs.get("groups", 1))
