"""One convolution compiled once for each kernel of the engine that can run it.

Belongs here: programs with the choice made beforehand, for comparisons. Does not
belong here: how the engine chooses (``workbench.engine``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.analysis.algorithms.im2col import F32, Window
from workbench.engine.candidates import Form
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.costs import Costs, ModelCosts, Option
from workbench.engine.planning.plan import Rejection
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.engine.tuning.measured_costs import Budget, measure_costs
from workbench.kernels import info

LAYER = "conv"
DENSE_KERNELS = ("dense", "winograd-f2", "winograd-f4", "winograd-f6")
"""The kernels for weights without zeros."""

BUDGET_S = 1.0
"""For timing the variants of all kernels of the layer."""


@dataclass(frozen=True, eq=False)
class SingleLayer:
    """A program of one convolution.

    Parameters
    ----------
    candidate : str
        The kernel that runs it.
    form : str
        Layout that it reads.
    program : Program
        Copies in and out included.
    executed_macs : int
    kernel_ms : float
        Of the kernel alone, as the engine timed it (or modelled it).
    """

    candidate: str
    form: str
    program: Program
    executed_macs: int
    kernel_ms: float


class _Only:
    """Costs with a single kernel, and perhaps a single layout, left for the layer."""

    def __init__(self, costs: Costs, candidate: str, kind: str | None) -> None:
        self._costs, self._candidate, self._kind = costs, candidate, kind

    def options(self, node: Node) -> Sequence[Option]:
        """Return the options of a node."""
        found = self._costs.options(node)
        return [o for o in found if node.op != "conv2d" or self._allowed(o)]

    def _allowed(self, option: Option) -> bool:
        return option.candidate.name == self._candidate and self._kind in (
            None,
            option.form.kind,
        )

    def rejected(self, node: Node) -> Sequence[Rejection]:
        """Return the candidates that may not run a node, with reasons."""
        return self._costs.rejected(node)

    def copy_ms(self, shape: tuple[int, ...], source: Form, target: Form) -> float:
        """Return the time to copy a tensor from one form into another."""
        return self._costs.copy_ms(shape, source, target)


def single_layer(
    weight: F32,
    image: tuple[int, int],
    window: Window,
    *,
    candidates: Sequence[str] = DENSE_KERNELS,
    each_form: bool = False,
) -> tuple[SingleLayer, ...]:
    """Return a program for each kernel that may run the convolution.

    Parameters
    ----------
    weight : numpy.ndarray of float32, shape (O, C / groups, KH, KW)
    image : (int, int)
        Height and width of the input.
    window : Window
    candidates : sequence of str
        Names in the engine's table of candidates.
    each_form : bool
        One program for each layout that a kernel reads, not only its fastest.
    """
    graph = simplify(_graph(weight, image, window))
    slots = find_slots(graph)
    costs: Costs = (
        measure_costs(graph, slots, threads=1, tuning=Budget(BUDGET_S, None))
        if info().native
        else ModelCosts(graph, 1)
    )
    node = next(node for node in graph if node.op == "conv2d")
    options = [o for o in costs.options(node) if o.candidate.name in candidates]
    wanted = dict.fromkeys(
        (o.candidate.name, o.form.kind if each_form else None) for o in options
    )
    found = []
    for name, kind in wanted:
        plan = select(graph, slots, _Only(costs, name, kind), 1)
        program = Program(graph, plan)
        step = next(s for s in program.steps if s.candidate == name)
        found.append(
            SingleLayer(name, step.source, program, step.executed_macs, step.ms)
        )
    return tuple(found)


def _graph(weight: F32, image: tuple[int, int], window: Window) -> Graph:
    channels = weight.shape[1] * window.groups
    oh, ow = window.output(image, (weight.shape[2], weight.shape[3]))
    head = Node(INPUT, INPUT, (), (channels, *image))
    conv = Node(
        LAYER,
        "conv2d",
        (INPUT,),
        (weight.shape[0], oh, ow),
        {
            "stride": window.stride,
            "padding": (*window.padding, *window.padding),
            "dilation": window.dilation,
            "groups": window.groups,
        },
        {
            "weight": np.ascontiguousarray(weight, dtype=np.float32),
            "bias": np.zeros(weight.shape[0], np.float32),
        },
    )
    return Graph("single layer", (head, conv), LAYER)
