"""Sparse convolution: one offset list an output channel, zeros never touched."""

from collections.abc import Sequence

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Prepared,
    Shapes,
    nonzero_macs,
)
from workbench.engine.candidates.conv import (
    conv_forms,
    is_framed,
    place_conv,
    sparse_arguments,
)
from workbench.engine.graph import Node
from workbench.engine.weights import count_nonzero
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

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject layers whose input has no padding in memory."""
        if is_framed(node, shapes[0]):
            return "one filter a channel: the depthwise kernel needs no padding"
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return strips for 1x1, else padded planes or rows."""
        return conv_forms(node, shapes[0])

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the kernel's variants for these offsets."""
        return self.prepare(node, binding).variants()

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        return self.prepare(node, binding).build(variant)

    def prepare(self, node: Node, binding: Binding) -> Prepared:
        """Return the layer with its non-zeros listed once for all variants."""
        place = place_conv(node, binding)
        arguments = sparse_arguments(node, binding, place)
        names = variants_conv_sparse(arguments["offsets"], place.vectors, place.src)

        def build(variant: str) -> Sequence[Step]:
            known = variant if variant in names else None
            return (conv_sparse(**arguments, variant=known),)

        return Prepared(lambda: names, build)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return non-zero multiply-adds over the usual rate, shorter rows slower."""
        per_row = count_nonzero(node) / node.params["weight"].shape[0]
        overhead: float = 1 + ROW_COST / (per_row + 1)
        return nonzero_macs(node) / MODEL_MACS_PER_MS * overhead
