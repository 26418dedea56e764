"""Sparse convolution: one offset list an output channel, zeros never touched."""

from collections.abc import Sequence
from math import prod

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
from workbench.engine.graph.graph import Node
from workbench.engine.graph.weights import count_nonzero, held_shape
from workbench.kernels import Step, conv_sparse, variants_conv_sparse

MODEL_MACS_PER_MS = 30e6
"""About 60 GF/s on non-zeros, what the data-driven kernels hold everywhere."""

LEAST_ZEROS = 0.1
"""Of the weights. Without any zero these kernels took 1.3 to 2.8 times the time of the
dense one in every layer of ResNet-50 and MobileNetV1."""

USELESS = 1.5
"""Modelled times of layers with fewer zeros count this much, so that tuning leaves them
out: they cost a dense ResNet-50 a third of its time for trials."""

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
        place, offsets = place_conv(node, binding)
        arguments = sparse_arguments(node, place, offsets)
        names = variants_conv_sparse(arguments["offsets"], place.vectors, place.src)

        def build(variant: str) -> Sequence[Step]:
            known = variant if variant in names else None
            return (conv_sparse(**arguments, variant=known),)

        return Prepared(lambda: names, build)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return non-zero multiply-adds over the usual rate, shorter rows slower."""
        shape, nonzeros = held_shape(node), count_nonzero(node)
        overhead: float = 1 + ROW_COST / (nonzeros / shape[0] + 1)
        ms = nonzero_macs(node) / MODEL_MACS_PER_MS * overhead
        return ms if nonzeros <= (1 - LEAST_ZEROS) * prod(shape) else USELESS * ms
