"""Generated sparse convolution: machine code written for the layer's own zeros."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Prepared,
    Shapes,
    activation_of,
    nonzero_macs,
)
from workbench.engine.candidates.conv import (
    conv_forms,
    is_depthwise,
    place_conv,
    sparse_arguments,
)
from workbench.engine.graph.graph import Node
from workbench.engine.graph.weights import count_nonzero
from workbench.engine.layout.aligned_vectors import on_one_grid
from workbench.kernels import Step, conv_sparse, info
from workbench.kernels.steps.generated import (
    available,
    conv_generated,
    fits,
    has_curve,
    variants_generated,
)
from workbench.kernels.steps.sparse import sparse_spec
from workbench.kernels.variants.code_shapes import REACH

MODEL_MACS_PER_MS = {"avx2": 30e6, "avx512": 50e6}
"""About 60 and 100 GF/s while multiply-adds are the limit."""

MODEL_BYTES_PER_MS = 20e6
"""Code and weights arrive from L3 at about this rate, once for all pixels."""

BYTES_PER_NONZERO = 14
MOST_CODE_BYTES = 24 << 20
"""More than this would push everything else out of the caches."""

ROWS_SHARING = {"avx2": 6, "avx512": 29}
LOAD_COST = 1.4
FMA_COST = 0.5
"""Cycles of the load ports for an input vector and for a multiply-add."""


class GeneratedConv(Candidate):
    """Any mask as straight-line code: each input vector loaded once for many rows."""

    name = "generated"
    ops = ("conv2d",)
    reads_structure = True
    writes_split = True

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject where code may not be generated, or would be too large."""
        ready = available()
        if not ready.available:
            return ready.reason
        if is_depthwise(node):
            return "one filter a channel: there are no loads to share"
        act = activation_of(node)
        if not has_curve(act):
            return f"there is no generated code for {act.kind}"
        code = count_nonzero(node) * BYTES_PER_NONZERO
        if code > MOST_CODE_BYTES:
            return f"its code would need {code / 2**20:.0f} MiB"
        if max(prod(shapes[0]), prod(node.shape)) >= REACH:
            return "tensors of 2^30 bytes and more: code addresses them with 32 bits"
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return strips for 1x1, else padded planes or rows."""
        return conv_forms(node, shapes[0])

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the tunings worth timing for these non-zeros."""
        return self.prepare(node, binding).variants()

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer.

        A plan made elsewhere may meet a machine that runs no generated code, or has
        other registers: the data-driven kernel, or the default tuning, takes over.
        """
        return self.prepare(node, binding).build(variant)

    def prepare(self, node: Node, binding: Binding) -> Prepared:
        """Return the layer with its non-zeros listed once for all variants."""
        place, offsets = place_conv(node, binding)
        table = on_one_grid(place.vectors, place.src)
        arguments = sparse_arguments(node, replace(place, vectors=table), offsets)
        if not available().available:
            return Prepared(lambda: ("",), lambda variant: (conv_sparse(**arguments),))
        spec = sparse_spec(**arguments)
        if not variants_generated(spec):
            return Prepared(lambda: ("",), lambda variant: (conv_sparse(**arguments),))

        def build(variant: str) -> Sequence[Step]:
            known = variant if fits(variant, spec) else None
            return (conv_generated(**arguments, variant=known),)

        return Prepared(lambda: variants_generated(spec), build)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return the time of multiply-adds and loads, and of bringing in the code."""
        nonzeros = count_nonzero(node)
        density = nonzeros / node.params["weight"].size
        isa = "avx512" if info().isa == "avx512" else "avx2"
        rows, rate = ROWS_SHARING[isa], MODEL_MACS_PER_MS[isa]
        loads = (1 - (1 - density) ** rows) / max(density * rows, 1e-9)
        slower = max(1.0, FMA_COST + LOAD_COST * loads)
        code = nonzeros * BYTES_PER_NONZERO / MODEL_BYTES_PER_MS
        return nonzero_macs(node) / rate * slower + code
