"""Fully connected layers: dense and sparse matrix times vector.

Both read their input as contiguous features, which is what a tight (C, H, W)
tensor is: a flatten costs nothing.
"""

from collections.abc import Sequence

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Shapes,
    activation_of,
)
from workbench.engine.graph.graph import Node
from workbench.engine.graph.weights import count_nonzero, find_nonzeros, held_shape
from workbench.engine.layout.offsets import compress_rows
from workbench.kernels import Step, linear_dense, linear_sparse

DENSE_BYTES_PER_MS = 25e6
"""A matrix times one vector streams its weights: DRAM speed."""

SPARSE_BYTES_PER_MS = 15e6
"""Scattered reads of the input hold a sparse row back."""

PAIR_BYTES = 8
"""A float32 value and an int32 column."""


class DenseLinear(Candidate):
    """Every weight multiplied."""

    name = "linear-dense"
    ops = ("linear",)

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return contiguous features."""
        return (Form("tight"),)

    def targets(self, node: Node, form: Form) -> tuple[str, ...]:
        """Return contiguous features."""
        return ("tight",)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        step = linear_dense(
            weights=node.params["weight"],
            bias=node.params["bias"],
            src=binding.inputs[0].start,
            dst=binding.output.start,
            act=activation_of(node),
        )
        return (step,)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return the time to stream every weight."""
        return node.params["weight"].size * 4 / DENSE_BYTES_PER_MS


class SparseLinear(DenseLinear):
    """Only the non-zero weights."""

    name = "linear-sparse"
    reads_structure = True

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        filters, inputs = held_shape(node)
        columns = np.arange(inputs, dtype=np.int64)
        rows = compress_rows(find_nonzeros(node), filters, columns, 1)
        step = linear_sparse(
            indptr=rows.indptr,
            columns=rows.offsets,
            values=rows.values,
            bias=node.params["bias"],
            src=binding.inputs[0].start,
            dst=binding.output.start,
            act=activation_of(node),
        )
        return (step,)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return the time to stream the non-zero weights and their columns."""
        return count_nonzero(node) * PAIR_BYTES / SPARSE_BYTES_PER_MS
