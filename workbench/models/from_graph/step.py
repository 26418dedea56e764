"""A node without layers of torch: a module that runs one step.

Belongs here: the module, and the table of steps. Does not belong here: what a step
computes (`elementwise`, `moves`, `rows`).
"""

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from workbench.capture.traced_axes import traced_axes
from workbench.engine.graph.graph import Node
from workbench.errors import WorkbenchError
from workbench.models.from_graph.elementwise import ELEMENTWISE
from workbench.models.from_graph.foreign import ForeignStep
from workbench.models.from_graph.layers import tensor
from workbench.models.from_graph.moves import MOVES, reshaped
from workbench.models.from_graph.rows import ROWS
from workbench.models.from_graph.values import Step

STEPS: Mapping[str, Step] = {**ELEMENTWISE, **MOVES, **ROWS}


class GraphStep(nn.Module):
    """One node of a graph; its constants are buffers, which training leaves alone.

    Parameters
    ----------
    node : Node
    before : tuple of int
        Shape of its first input, without the batch.
    trained : tuple of str
        Parameters of the node that are weights and no constants.

    Raises
    ------
    WorkbenchError
        An operation that torch has no step for.
    """

    def __init__(
        self, node: Node, before: tuple[int, ...], trained: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        if node.op not in (*STEPS, "reshape", "foreign"):
            raise WorkbenchError(
                f"operation {node.op!r} of {node.id!r}, which torch has no step for",
                "one of " + ", ".join(sorted(STEPS)),
                "Compile the file as it is: workbench.compile('net.onnx').",
            )
        # Numbers are held as buffers; what is left of the node is a few attributes.
        self._node = _Shared(node)
        self._axes = traced_axes(before, node.shape) if node.op == "reshape" else ()
        for name, numbers in node.params.items():
            if name in trained:
                self.register_parameter(name, nn.Parameter(tensor(numbers)))
            else:
                self.register_buffer(name, tensor(numbers))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the node's tensor, with the batch in front."""
        node = self._node.node
        if node.op == "reshape":
            return reshaped(inputs[0], self._axes)
        if self._node.foreign is not None:
            return self._node.foreign(inputs)
        held = {name: getattr(self, name) for name in node.params}
        return STEPS[node.op](node, inputs, held)

    def rebind(self, node: Node) -> None:
        """Take the node's function, which no file and no other process has."""
        self._node = _Shared(node)

    def __deepcopy__(self, memo: dict[int, Any]) -> "GraphStep":
        """Return a copy; of a step without numbers at a hundredth of the usual price.

        Networks have hundreds of steps, and finding channel groups copies them often.
        """
        made = GraphStep.__new__(GraphStep)
        memo[id(self)] = made
        if any((self._parameters, self._buffers, self._modules)):
            made.__dict__ = copy.deepcopy(self.__dict__, memo)
            return made
        nn.Module.__init__(made)
        made._node, made._axes, made.training = self._node, self._axes, self.training
        return made

    def extra_repr(self) -> str:
        """Return the operation."""
        return str(self._node.node.op)


class _Shared:
    """A node without its numbers, which copies of a module share."""

    def __init__(self, node: Node) -> None:
        # A function of another framework is in no file: who reads it again has it.
        self.foreign = None if node.foreign is None else ForeignStep(node)
        self.node = node.but(params=dict.fromkeys(node.params), foreign=None)

    def __deepcopy__(self, memo: object) -> "_Shared":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        one = self.node
        facts = (one.id, one.op, one.inputs, one.shape, dict(one.attrs))
        return _shared, (*facts, dict(one.params))


def _shared(*facts: Any) -> _Shared:
    return _Shared(Node(*facts))
