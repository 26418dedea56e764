"""What the engine makes of a network: executed MACs and the time of each layer.

Belongs here: compiling dense and pruned networks for a sweep. Does not belong here:
comparing engines (``measure``).

The dense program is tuned once; a cell's program differs from it in the pruned layers
only (``engine.variation``). Both run whole, in turns, and each step counts with its
steadiest time, so that other work on the machine hits both alike. What the cell gains
is the difference over the steps that differ: an equal step on equal weights has equal
work, and its time says only where its memory came to lie. It is told on the scale of
the dense network's selection (each step alone), the same in every process of this
machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.sensitivity.grid import Latency
from workbench.capture.compile import compile as compile_network
from workbench.capture.from_torch.exported import CaptureError
from workbench.capture.from_torch.torch_export import Recapture
from workbench.engine.compile import Tune, compile_graph
from workbench.engine.graph.graph import Graph
from workbench.engine.noise import noise_image
from workbench.engine.program import Program
from workbench.engine.report import StepReport, layer_of
from workbench.engine.tuning.turns import in_turns
from workbench.engine.variation import Variations, tune_variations
from workbench.kernels import info
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

ROUNDS = 60
TURNS, TURN_ROUNDS = 6, 5
"""Turns of the two programs, and runs of each in a turn."""


@dataclass(frozen=True)
class Times:
    """What one program costs.

    Parameters
    ----------
    layers : mapping of str to float
        Time of each step by layer id, ms.
    network_ms : float
        Of all steps.
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
        layer = layer_of(step.layer)
        layers[layer] = layers.get(layer, 0.0) + step.ms
    executed = sum(step.executed_macs for step in program.steps)
    return Times(layers, sum(layers.values()), executed)


def measured_ms(program: Program, *, rounds: int = ROUNDS) -> float:
    """Return the median time of a whole program on one image of seeded noise."""
    image = noise_image(program.input_shape)
    return program.profile(image, rounds=rounds).total_ms


@dataclass(frozen=True)
class Timer:
    """What tells the times of a network's prunings; ``timer_of`` makes one.

    Parameters
    ----------
    capture : Recapture
        Of the dense network.
    latency : "model" or "measure"
        The engine's cost model, or this machine.
    threads : int
        Of the programs.
    base : Times
        Of the dense network.
    variations : Variations or None
        The tuned dense network; None takes the cost model.
    measured_ms : float or None
        Time of the dense program as a whole.
    """

    capture: Recapture
    latency: Latency
    threads: int
    base: Times
    variations: Variations | None = None
    measured_ms: float | None = None

    def times(self, pruned: PrunedNetwork) -> Times:
        """Return what a pruning costs."""
        try:
            graph = self.capture(pruned.module)
        except CaptureError:
            # Another architecture: nothing of the dense program fits.
            return times_of(program_of(pruned, self.latency, self.threads))
        if self.variations is None:
            return _modelled(graph, self.threads)
        program = self.variations.program(graph)
        base = self.variations.base
        dense, ours = _step_ms((base, program))
        program.close()
        layers: dict[str, float] = {}
        for step, ms in zip(program.steps, ours, strict=True):
            layer = layer_of(step.layer)
            layers[layer] = layers.get(layer, 0.0) + float(ms)
        changed = _apart(program, base, ours)
        gained = _apart(base, program, dense) - changed
        return Times(
            layers,
            # Noise may say more than all is gained; what was timed is left.
            max(self.base.network_ms - gained, changed),
            sum(step.executed_macs for step in program.steps),
        )


def timer_of(network: Network, latency: Latency, threads: int) -> Timer:
    """Capture and tune a dense network; return what tells times of its prunings.

    Parameters
    ----------
    network : Network
        The dense network.
    latency : "model" or "measure"
        The engine's cost model, or this machine.
    threads : int
        Of the programs.

    Raises
    ------
    WorkbenchError
        A network the engine cannot compile.
    """
    capture = Recapture(network)
    graph = capture(network.module)
    if latency != "measure" or not info().native:
        return Timer(capture, latency, threads, _modelled(graph, threads))
    tuned = tune_variations(graph, threads=threads)
    base, whole = times_of(tuned.base), measured_ms(tuned.base)
    return Timer(capture, latency, threads, base, tuned, whole)


def _modelled(graph: Graph, threads: int) -> Times:
    return times_of(compile_graph(graph, threads=threads, tune="model"))


def _step_ms(programs: Sequence[Program]) -> list[NDArray[np.float64]]:
    """Return the ms of each step of each program: the least of the turns' medians."""
    image = noise_image(programs[0].input_shape)

    def medians(program: Program) -> NDArray[np.float64]:
        return program.profile(image, rounds=TURN_ROUNDS).ms

    runs = {at: partial(medians, program) for at, program in enumerate(programs)}
    turns = list(in_turns(runs, lambda done: done < TURNS))
    return [np.minimum.reduce([seen[at] for seen in turns]) for at in runs]


def _apart(program: Program, other: Program, ms: NDArray[np.float64]) -> float:
    """Return the time of the steps of a program that the other does not have."""
    theirs = {_identity(step) for step in other.steps}
    steps = zip(program.steps, ms, strict=True)
    return sum(float(t) for step, t in steps if _identity(step) not in theirs)


def _identity(step: StepReport) -> tuple[object, ...]:
    return (
        step.layer,
        step.op,
        step.kernel,
        step.source,
        step.target,
        step.theoretical_macs,
        step.executed_macs,
    )
