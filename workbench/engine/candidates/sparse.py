"""Sparse convolution: one offset list an output channel, zeros never touched."""

from collections.abc import Sequence

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Shapes,
    activation_of,
    nonzero_macs,
)
from workbench.engine.candidates.conv import conv_forms, place_conv
from workbench.engine.graph import Node
from workbench.engine.pack import compress_rows
from workbench.kernels import Step, conv_sparse, variants_conv_sparse

MODEL_MACS_PER_MS = 30e6
"""About 60 GF/s on non-zeros, what the data-driven kernels hold everywhere."""


ROW_COST = 12.0
"""Start, end and store of a row cost as much as this many non-zeros."""


class SparseConv(Candidate):
    """Every pruning structure as (value, offset) pairs."""

    name = "sparse"
    ops = ("conv2d",)
    writes_split = True
    reads_structure = True

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return strips for 1x1, else padded planes or rows."""
        return conv_forms(node, shapes[0])

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the kernel's variants for these offsets."""
        place = place_conv(node, binding)
        groups = node.attrs.get("groups", 1)
        rows = compress_rows(node.params["weight"], place.offsets, groups)
        return variants_conv_sparse(rows.offsets, place.vectors, place.src)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        place = place_conv(node, binding)
        groups = node.attrs.get("groups", 1)
        rows = compress_rows(node.params["weight"], place.offsets, groups)
        step = conv_sparse(
            indptr=rows.indptr,
            offsets=rows.offsets,
            values=rows.values,
            bias=node.params["bias"],
            vectors=place.vectors,
            src=place.src,
            dst=place.dst,
            out_cs=place.out_cs,
            act=activation_of(node),
            residual=place.residual,
            variant=variant or None,
            arena_floats=binding.arena_floats,
        )
        return (step,)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return non-zero multiply-adds over the usual rate, shorter rows slower."""
        weight = node.params["weight"]
        rows = weight.shape[0]
        per_row = int(np.count_nonzero(weight)) / rows
        overhead: float = 1 + ROW_COST / (per_row + 1)
        return nonzero_macs(node) / MODEL_MACS_PER_MS * overhead
