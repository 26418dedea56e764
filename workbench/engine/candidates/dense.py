"""Dense convolution: direct for windows, a matrix product for 1x1."""

from collections.abc import Sequence

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Prepared,
    Shapes,
    dense_macs,
)
from workbench.engine.candidates.conv import (
    conv_forms,
    is_depthwise,
    place_conv,
)
from workbench.engine.graph.graph import Node
from workbench.kernels import Step, conv_dense, variants_conv_dense

MODEL_MACS_PER_MS = 45e6
"""About 90 GF/s, what register-tiled dense kernels hold on AVX-512."""


class DenseConv(Candidate):
    """Every weight multiplied, zero or not: the baseline and the stems."""

    name = "dense"
    ops = ("conv2d",)
    writes_split = True

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject depthwise layers, which have a kernel of their own."""
        if is_depthwise(node):
            return "one filter a channel: the depthwise kernel runs it"
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return strips for 1x1, else padded planes or rows."""
        return conv_forms(node, shapes[0])

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the kernel's register tiles for these shapes."""
        place, _ = place_conv(node, binding)
        return variants_conv_dense(_grouped(node), place.vectors)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        return self.prepare(node, binding).build(variant)

    def prepare(self, node: Node, binding: Binding) -> Prepared:
        """Return the layer with its geometry found once for all variants."""
        place, offsets = place_conv(node, binding)
        weights = _grouped(node)
        # Groups read consecutive channels.
        grouped = offsets.reshape(len(weights), -1).astype(np.int32)
        names = variants_conv_dense(weights, place.vectors)

        def build(variant: str) -> Sequence[Step]:
            step = conv_dense(
                weights=weights,
                offsets=grouped,
                bias=node.params["bias"],
                place=place,
                variant=variant if variant in names else None,
            )
            return (step,)

        return Prepared(lambda: names, build)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return dense multiply-adds over the usual rate."""
        return dense_macs(node) / MODEL_MACS_PER_MS


def _grouped(node: Node) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return the weight as (groups, filters of a group, taps)."""
    weight, groups = node.params["weight"], node.attrs.get("groups", 1)
    return weight.reshape(groups, weight.shape[0] // groups, -1)
