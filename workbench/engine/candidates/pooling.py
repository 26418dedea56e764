"""Pooling: windows, adaptive windows and whole planes."""

from collections.abc import Sequence
from math import prod

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Shapes,
)
from workbench.engine.graph.graph import Node
from workbench.kernels import Step, global_avg, pool

MODEL_PIXELS_PER_MS = 4e6
"""Outputs times window area that pooling handles in a millisecond."""

STRIPS_PENALTY = 4.0
"""Rows of strips are not contiguous, so windows walk them pixel by pixel."""


class WindowPool(Candidate):
    """Max, average and adaptive average pooling."""

    name = "pool"
    ops: tuple[str, ...] = ("max_pool", "avg_pool", "adaptive_avg_pool")

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return layouts with contiguous rows; windows need no zeros."""
        return (Form("planes"), Form("rows"), Form("tight"))

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        source, target = binding.inputs[0].geometry, binding.output.geometry
        if node.op == "adaptive_avg_pool":
            step = pool(kind="adaptive_avg", geometry_in=source, geometry_out=target)
            return (step,)
        attrs = node.attrs
        step = pool(
            kind="max" if node.op == "max_pool" else "avg",
            geometry_in=source,
            geometry_out=target,
            kernel=tuple(attrs["kernel"]),
            stride=tuple(attrs.get("stride", (1, 1))),
            padding=tuple(attrs.get("padding", (0, 0, 0, 0))),
            count_include_pad=bool(attrs.get("count_include_pad", True)),
        )
        return (step,)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return window elements over the usual rate."""
        kernel: tuple[int, int] = node.attrs.get("kernel", (3, 3))
        area = kernel[0] * kernel[1]
        penalty = STRIPS_PENALTY if form.kind == "strips" else 1.0
        return prod(node.shape) * area / MODEL_PIXELS_PER_MS * penalty


class GlobalPool(WindowPool):
    """The mean of each plane, written as contiguous features."""

    name = "global-avg"
    ops = ("global_avg_pool",)

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return what convolutions before it write best."""
        return (Form("planes"), Form("strips"), Form("tight"))

    def targets(self, node: Node, form: Form) -> tuple[str, ...]:
        """Return contiguous features."""
        return ("tight",)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        source = binding.inputs[0].geometry
        return (global_avg(geometry_in=source, dst=binding.output.start),)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return input pixels over the usual rate."""
        return prod(shapes[0]) / MODEL_PIXELS_PER_MS
