"""Every method's theoretical MACs are what sparse kernels execute, layer by layer."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.support.pruning_networks import network as topology
from workbench.analysis.cost.complexity import layer_costs
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.candidates import conv
from workbench.engine.graph.graph import Node
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.costs import ModelCosts, Option
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import METHODS, Recipe, prune, shrink

SHARE = 0.7
# Largest error over the largest output: float32 sums of a few hundred terms.
TOLERANCE = 1e-5

CANNOT = {
    *(("layer", kind) for kind in ("concat", "depthwise", "grouped")),
    *((name, "depthwise") for name in ("hetconv", "pattern", "pconv", "stripe")),
    ("hetconv", "grouped"),
    ("slimming", "concat"),
}
"""What must leave a topology as it is: no block to leave out, few kernels a filter, no
batch norm of the layer's own."""
ALONE = {"norm"}
"""A batch norm behind a concatenation runs as a step of its own: no weights."""


NEVER_FRAMED = 2.0


class SparseOnly(ModelCosts):
    """Costs that let a layer with weights run on sparse kernels alone."""

    def options(self, node: Node) -> Sequence[Option]:
        found = super().options(node)
        if "weight" not in node.params:
            return found
        return [option for option in found if option.candidate.reads_structure]


class Block(nn.Sequential):
    """Two convolutions whose result is added to their input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(super().forward(x) + x)


class Small(nn.Module):
    """Residual, strided, 1x1, grouped layers and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.block = Block(
            nn.Conv2d(16, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
        )
        self.down = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(32)
        self.point = nn.Conv2d(32, 32, 1)
        self.grouped = nn.Conv2d(32, 32, 3, padding=1, groups=4)
        self.fc = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(F.relu(self.stem(x)))
        x = F.relu(self.point(F.relu(self.norm(self.down(x)))))
        return self.fc(F.relu(self.grouped(x)).mean((2, 3)))


def small() -> Network:
    torch.manual_seed(11)
    module = Small()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.2, 1.2)
            nn.init.normal_(part.bias)
    return from_module(module, input_shape=(3, 18, 18), name="small")


def sparse_program(net: Network) -> Program:
    graph = simplify(capture(net))
    slots = find_slots(graph)
    return Program(graph, select(graph, slots, SparseOnly(graph, 1), 1))


@pytest.mark.parametrize("kind", ["small", "concat", "depthwise", "grouped"])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_executed_macs_are_theoretical_macs(
    method: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sparse kernels find the padding of depthwise layers in memory.
    monkeypatch.setattr(conv, "FRAMED_DENSITY", NEVER_FRAMED)
    net = small() if kind == "small" else topology(kind)
    pruned = prune(net, Recipe.uniform(method, 0.0 if method == "none" else SHARE))
    able = any(row.method == method and row.zeros for row in pruned.report.layers)
    assert able == (method != "none" and (method, kind) not in CANNOT)
    subject = pruned
    if METHODS[method].granularity in ("filter", "channel", "layer"):
        subject = shrink(pruned)
    program = sparse_program(subject)
    costs = layer_costs(subject)
    executed = {
        step.layer: step.executed_macs
        for step in program.steps
        if step.dense_macs and step.layer not in ALONE
    }
    assert executed == {row.id: row.macs for row in costs.layers}
    assert sum(executed.values()) == layer_costs(pruned).macs
    image = torch.rand(1, *net.input_shape, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = pruned.module(image).numpy()
    error = np.abs(program(image) - expected).max()
    assert error <= TOLERANCE * np.abs(expected).max()
