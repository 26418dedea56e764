"""What the engine makes of a network: executed MACs and the time of each layer.

Belongs here: compiling dense and pruned networks for a sweep. Does not belong here:
comparing engines (``measure``).

Times are those of the engine's selection: each step alone, writing the layout that it
writes. Steps that a cell does not touch have the same time in every cell, so that the
difference between two sums comes from the pruned layers alone; a whole-program time
would drown it in noise. Only the dense program is also timed in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.analysis.sensitivity_grid import Latency
from workbench.capture.compile import compile as compile_network
from workbench.engine.compile import Tune
from workbench.engine.program import Program
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

ROUNDS = 60


@dataclass(frozen=True)
class Times:
    """What one program costs.

    Parameters
    ----------
    layers : mapping of str to float
        Time of each step by layer id, ms.
    network_ms : float
        Their sum.
    executed_macs : int
        Multiply-adds of the chosen kernels for one image.
    """

    layers: Mapping[str, float]
    network_ms: float
    executed_macs: int

    def of(self, layers: Sequence[str]) -> float:
        """Return the time of some layers together; absent ones cost nothing."""
        return sum(self.layers.get(layer, 0.0) for layer in layers)


def program_of(
    network: Network | PrunedNetwork, latency: Latency, threads: int
) -> Program:
    """Return the compiled network; ``latency`` "model" uses the cost model."""
    tune: Tune = "model" if latency == "model" else "measure"
    return compile_network(network, threads=threads, tune=tune)


def times_of(program: Program) -> Times:
    """Return what a program's steps cost."""
    layers: dict[str, float] = {}
    for step in program.steps:
        layers[step.layer] = layers.get(step.layer, 0.0) + step.ms
    executed = sum(step.executed_macs for step in program.steps)
    return Times(layers, sum(layers.values()), executed)


def measured_ms(program: Program, *, rounds: int = ROUNDS) -> float:
    """Return the median time of a whole program on one image of seeded noise."""
    noise = np.random.Generator(np.random.PCG64(0))
    image = noise.standard_normal((1, *program.input_shape), dtype=np.float32)
    return program.profile(image, rounds=rounds).total_ms
