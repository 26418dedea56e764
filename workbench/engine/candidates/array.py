"""Operations on arrays of any rank: by NumPy, and by whoever a foreign one is from.

Belongs here: what reads and writes contiguous arrays whatever the machine is. Does not
belong here: arithmetic (`workbench.kernels.arrays`).
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from workbench.engine.candidates.base import Binding, Candidate, Form, Shapes
from workbench.engine.graph.array_ops import ARRAYS, operands
from workbench.engine.graph.graph import Node
from workbench.kernels import Step
from workbench.kernels.arrays import COMPUTE
from workbench.kernels.steps.array import Stretch, array_step

MODEL_FLOATS_PER_MS = 1e6
"""Elements that NumPy handles in a millisecond."""

MODEL_MACS_PER_MS = 1e7

MODEL_CALL_MS = 0.005

OWN = ("reshape", "foreign")
"""Array operations that have candidates of their own."""


class ArrayOperation(Candidate):
    """NumPy on contiguous arrays."""

    name = "numpy"
    ops = tuple(op for op in ARRAYS if op not in OWN)

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Return why it may not run this node, or None."""
        if node.op == "gather":
            places, size = node.params["places"], shapes[0][node.attrs["axis"]]
            whole = np.array_equal(places, np.rint(places))
            if not whole or places.min() < -size or places.max() >= size:
                return f"places outside of an axis of {size}"
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return contiguous arrays."""
        return (Form("tight"),)

    def targets(self, node: Node, form: Form) -> tuple[str, ...]:
        """Return contiguous arrays."""
        return ("tight",)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the node."""
        compute, attrs, params = COMPUTE[node.op], node.attrs, dict(node.params)
        name = str(attrs.get("kind", "")) if node.op in ("unary", "binary") else ""
        return (
            self._step(
                node,
                binding,
                f"numpy_{name or node.op}",
                lambda inputs: compute(inputs, attrs, params),
            ),
        )

    def _step(self, node: Node, binding: Binding, kernel: str, function: Any) -> Step:
        inputs = [
            Stretch(operand.start + operand.layout.origin, shape)
            for operand, shape in zip(binding.inputs, binding.shapes, strict=True)
        ]
        output = Stretch(
            binding.output.start + binding.output.layout.origin, node.shape
        )
        read = sum(array.nbytes for array in node.params.values())
        return array_step(
            kernel, function, inputs=inputs, output=output, bytes_read=read
        )

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return elements over the usual rate."""
        floats = prod(node.shape) + sum(prod(shape) for shape in shapes)
        ms = MODEL_CALL_MS + floats / MODEL_FLOATS_PER_MS
        if node.op == "matmul":
            depth = operands(shapes, node.params)[0][-1]
            ms += prod(node.shape) * depth / MODEL_MACS_PER_MS
        return ms


class ForeignOperation(ArrayOperation):
    """What only the framework that a network came from can compute."""

    name = "foreign"
    ops = ("foreign",)

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Return why it may not run this node, or None."""
        return None

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the node."""
        assert node.foreign is not None
        return (self._step(node, binding, str(node.attrs["name"]), node.foreign),)
