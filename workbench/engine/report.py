"""What a program does, step by step, in words and numbers for people.

Belongs here: the values behind ``prog.steps`` and ``prog.profile``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.graph import Graph
from workbench.engine.graph.weights import dense_macs, is_weighted, nonzero_macs
from workbench.engine.lowering.lower import Lowered
from workbench.engine.lowering.schedule import Task
from workbench.engine.planning.plan import ExecutionPlan, Rejection

NS_PER_MS = 1e6

CALL = "@"
"""Before the number of a layer's further calls: "head", "head@1", "head@2"."""


def layer_of(name: str) -> str:
    """Return the layer that a step belongs to, whichever of its calls it is.

    Examples
    --------
    >>> layer_of("head.conv@2")
    'head.conv'
    """
    return name.partition(CALL)[0]


@dataclass(frozen=True)
class StepReport:
    """One entry of a program.

    Parameters
    ----------
    layer : str
        Node id; the layer id for layers with weights.
    op : str
        Operation, or load, copy, store.
    kernel : str
        Symbol of the kernel that runs.
    candidate : str
        The candidate that built it; empty for moves.
    why : str
        What decided.
    source, target : str
        Layouts read and written.
    dense_macs, theoretical_macs, executed_macs : int
        Of the dense layer, of its non-zero weights, of the kernel.
    ms : float
        Time of the selection (measured or modelled alone); 0 for moves.
    measured : bool
        Whether ``ms`` was measured.
    rejected : tuple of Rejection
        Every other candidate with its time or the reason why it may not run.
    """

    layer: str
    op: str
    kernel: str
    candidate: str
    why: str
    source: str
    target: str
    dense_macs: int
    theoretical_macs: int
    executed_macs: int
    ms: float
    measured: bool
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True, eq=False)
class Profile:
    """Times of every entry of a program, measured inside the whole run.

    Parameters
    ----------
    steps : tuple of StepReport
    ms : numpy.ndarray of float64, shape (steps,)
        Median over the rounds.
    total_ms : float
        Median of the sum.
    p10_ms, p90_ms : numpy.ndarray of float64, shape (steps,)
        Spread over the rounds.
    rounds : int
        Runs that these are over.
    """

    steps: tuple[StepReport, ...]
    ms: NDArray[np.float64]
    total_ms: float
    p10_ms: NDArray[np.float64]
    p90_ms: NDArray[np.float64]
    rounds: int

    def gflops(self) -> NDArray[np.float64]:
        """Return 2 x executed MACs / time of each entry, in GF/s; 0 for moves."""
        macs = np.array([step.executed_macs for step in self.steps], np.float64)
        return 2 * macs / np.maximum(self.ms, 1e-9) / NS_PER_MS


def report_of(
    graph: Graph, plan: ExecutionPlan, lowered: Lowered
) -> tuple[StepReport, ...]:
    """Return one report for every task."""
    return tuple(
        _report(task, plan, [step.kernel for step in group], sum(s.macs for s in group))
        for task, group in zip(lowered.tasks, lowered.groups, strict=True)
    )


def profile_of(
    reports: tuple[StepReport, ...], times: NDArray[np.int64], lowered: Lowered
) -> Profile:
    """Return times per task from nanoseconds per kernel step and round."""
    low, ms, high = np.percentile(lowered.by_task(times), (10, 50, 90), axis=0)
    return Profile(
        reports,
        ms / NS_PER_MS,
        float(np.median(times.sum(axis=1)) / NS_PER_MS),
        low / NS_PER_MS,
        high / NS_PER_MS,
        len(times),
    )


def _report(
    task: Task, plan: ExecutionPlan, kernels: list[str], macs: int
) -> StepReport:
    node = task.node
    source = str(task.inputs[0].layout) if task.inputs else "NCHW"
    target = str(task.output.layout) if task.output is not None else "NCHW"
    kernel = " + ".join(dict.fromkeys(kernels))
    if task.kind != "node":
        reasons = {
            "load": "the caller's image enters the arena",
            "copy": "a reader wants another layout",
            "store": "the result leaves the arena",
        }
        return StepReport(
            layer=node.id,
            op=task.kind,
            kernel=kernel,
            candidate="",
            why=reasons[task.kind],
            source=source,
            target=target,
            dense_macs=0,
            theoretical_macs=0,
            executed_macs=0,
            ms=0.0,
            measured=False,
            rejected=(),
        )
    choice = plan.choices[node.id]
    weighted = is_weighted(node)
    others = len(choice.rejected)
    how = "measured fastest" if choice.measured else "least by the cost model"
    return StepReport(
        layer=node.id,
        op=node.op,
        kernel=kernel,
        candidate=choice.candidate,
        why=f"{how} of {others + 1}" if others else "the only candidate",
        source=source,
        target=target,
        dense_macs=dense_macs(node) if weighted else 0,
        theoretical_macs=nonzero_macs(node) if weighted else 0,
        executed_macs=macs if weighted else 0,
        ms=choice.ms,
        measured=choice.measured,
        rejected=choice.rejected,
    )


def weights_bytes(graph: Graph) -> int:
    """Return the bytes of all parameters as they are held: dense, or as a palette."""
    return sum(array.nbytes for node in graph for array in node.params.values())
