"""Which layers run together in bands of rows: proposals, timed as whole programs.

Belongs here: finding runs of layers whose activations leave the L2 cache, and keeping
bands where they make the program faster. Does not belong here: how bands run (`bands`).
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.graph.weights import count_nonzero, is_weighted
from workbench.engine.lowering.sliding_buffers import SLIDING
from workbench.engine.planning.layout_choices import slot_forms
from workbench.engine.planning.plan import Band, ExecutionPlan
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import Slots
from workbench.engine.tuning.duel import faster
from workbench.engine.tuning.tuned import Tuned

DIVISIBLE = ("dense", "sparse", "generated", "depthwise", "pool")
"""Candidates whose steps can be done in parts."""

LARGE_BYTES = (512 * 1024, 256 * 1024)
"""A run ends with the last layer whose input and output together exceed this."""

BAND_BYTES = (384 * 1024, 192 * 1024)
"""Input and output of a band's largest layer, a thread: what is left of its L2 cache
beside weights."""

STAGES = ((3 << 19, 640 * 1024), (3 << 19, 384 * 1024), (3 << 18, 384 * 1024))
"""The same two for chains that end where images shrink: large images, shallow chains
that need few rows at a time, and whose weights stay in L2 beside them."""

STAGE_WEIGHTS = 512 * 1024
BYTES_PER_WEIGHT = 8
"""Non-zero weights with their places, read once for every band of a stage."""

SHORTEST = 2
"""Layers worth a chain."""


def band(tuned: Tuned) -> Tuned:
    """Return the network with a faster plan in which early layers run in bands, if any.

    Parameters
    ----------
    tuned : Tuned
        With the plan of `select`.
    """
    whole = tuned.program()
    best, holder = tuned.plan, whole
    tried: set[tuple[Band, ...]] = set()
    deep = [(large, size) for large in LARGE_BYTES for size in BAND_BYTES]
    for staged, proposals in ((True, STAGES), (False, deep)):
        for sizes in proposals:
            if tuned.costs.over:
                break
            other = propose(tuned, sizes, staged=staged)
            if other is None or other.bands in tried:
                continue
            tried.add(other.bands)
            challenger = tuned.program(other)
            if faster([challenger, holder]):
                best, holder = other, challenger
    keep = holder is whole or faster([holder, whole])
    return tuned.with_plan(best) if keep else tuned


def propose(
    tuned: Tuned, sizes: tuple[int, int], *, staged: bool = False
) -> ExecutionPlan | None:
    """Return a plan with every run of large layers in bands, None if there is none.

    Parameters
    ----------
    tuned : Tuned
        As for `band`.
    sizes : tuple of int
        Out of `LARGE_BYTES` and `BAND_BYTES`, or one of `STAGES`.
    staged : bool
        End chains where images shrink.
    """
    graph, plan = tuned.graph, tuned.plan
    large, size = sizes
    bands = tuple(
        found
        for run in (_stages(graph, plan) if staged else _runs(graph, plan))
        if (found := _band(graph, run, large, size * plan.threads)) is not None
    )
    if not bands:
        return None
    allowed = slot_forms(graph, tuned.slots)
    inner = _inside(graph, tuned.slots, bands)
    kept = {s: tuple(f for f in allowed[s] if f.kind in SLIDING) for s in inner}
    forms = {**allowed, **{slot: some for slot, some in kept.items() if some}}
    other = select(graph, tuned.slots, tuned.costs, plan.threads, forms)
    return replace(other, bands=bands)


def _runs(graph: Graph, plan: ExecutionPlan) -> list[list[Node]]:
    """Return consecutive nodes that can all be done in parts."""
    runs: list[list[Node]] = [[]]
    for node in graph:
        choice = plan.choices.get(node.id)
        if node.op == INPUT or (choice and choice.candidate in DIVISIBLE):
            runs[-1].append(node)
        else:
            runs.append([])
    return [run for run in runs if run]


def _stages(graph: Graph, plan: ExecutionPlan) -> list[list[Node]]:
    """Return the runs, each cut behind every node that makes the image smaller.

    A single layer is no stage: a stem that makes the image smaller joins what follows.
    """
    stages: list[list[Node]] = []
    for run in _runs(graph, plan):
        stages.append([])
        for node in run:
            stages[-1].append(node)
            layers = sum(bool(n.inputs) for n in stages[-1])
            if layers >= SHORTEST and _shrinks(graph, node):
                stages.append([])
    return [stage for stage in stages if stage and _weights(stage) <= STAGE_WEIGHTS]


def _shrinks(graph: Graph, node: Node) -> bool:
    return any(graph.node(n).shape[1:] != node.shape[1:] for n in node.inputs[:1])


def _weights(stage: Sequence[Node]) -> int:
    return sum(BYTES_PER_WEIGHT * count_nonzero(n) for n in stage if is_weighted(n))


def _band(graph: Graph, run: Sequence[Node], large: int, size: int) -> Band | None:
    """Return the chain of a run: from the first to the last large layer."""
    weights = [_moved_bytes(graph, node) for node in run]
    wide = [i for i, moved in enumerate(weights) if moved > large]
    if not wide or wide[-1] - wide[0] + 1 < SHORTEST:
        return None
    first, last = run[wide[0]], run[wide[-1]]
    if wide[0] == 1 and run[0].op == INPUT:
        first = run[0]
    height = first.shape[1]
    least = height // min(node.shape[1] for node in run[wide[0] : wide[-1] + 1])
    rows = max(least, height * size // max(weights) // least * least)
    return Band(first.id, last.id, rows) if rows < height else None


def _moved_bytes(graph: Graph, node: Node) -> int:
    read = sum(prod(graph.node(name).shape) for name in node.inputs[:1])
    return 4 * (read + prod(node.shape)) if node.inputs else 0


def inside_bands(graph: Graph, slots: Slots, plan: ExecutionPlan) -> set[str]:
    """Return the slots of a plan that only live inside of a band."""
    return _inside(graph, slots, plan.bands)


def _inside(graph: Graph, slots: Slots, bands: Sequence[Band]) -> set[str]:
    return {slots.parts[name].slot for b in bands for name in _inner(graph, b)}


def _inner(graph: Graph, chain: Band) -> list[str]:
    """Return the nodes of a chain whose output only lives inside of it."""
    names = [node.id for node in graph]
    inside = names[names.index(chain.first) : names.index(chain.last) + 1]
    inner = []
    for name in inside[:-1]:
        readers = [node for node in graph if name in node.inputs]
        first = all(r.inputs[0] == name and r.id in inside for r in readers)
        if first and len(graph.node(name).inputs) <= 1:
            inner.append(name)
    return inner
