"""Depthwise convolution: one small filter a channel."""

from collections.abc import Sequence

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Shapes,
    dense_macs,
)
from workbench.engine.candidates.conv import (
    depthwise_forms,
    is_depthwise,
    place_conv,
)
from workbench.engine.graph.graph import Node
from workbench.kernels import Step, depthwise

MODEL_MACS_PER_MS = 25e6
"""About 50 GF/s: bound by loads, then by memory."""


class DepthwiseConv(Candidate):
    """Planes in, planes out; stride 2 reads the image as it is, or its four phases."""

    name = "depthwise"
    ops = ("conv2d",)
    writes_split = True

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject layers that mix channels."""
        if is_depthwise(node):
            return None
        return "filters read several channels"

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return planes or rows, phases of them for stride 2; strips for 1x1."""
        return depthwise_forms(node, shapes[0])

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        place, offsets = place_conv(node, binding, paced=True)
        weight = node.params["weight"]
        step = depthwise(
            weights=weight.reshape(weight.shape[0], -1),
            offsets=np.ascontiguousarray(offsets[0].reshape(-1), np.int32),
            in_cs=binding.inputs[0].layout.channel_stride,
            bias=node.params["bias"],
            place=place,
        )
        return (step,)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return multiply-adds over the usual rate."""
        return dense_macs(node) / MODEL_MACS_PER_MS
