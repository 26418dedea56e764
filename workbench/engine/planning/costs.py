"""What every option costs: the candidates of a node and copies between forms.

Belongs here: the list of options of a node and the untuned cost model. Does
not belong here: measuring (`tune`) and choosing (`select`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, prod
from typing import Protocol

from workbench.engine.candidates import TABLE, Candidate, Form
from workbench.engine.graph.graph import Graph, GraphError, Node
from workbench.engine.planning.plan import Rejection

COPY_FLOATS_PER_MS = 1.5e6
"""Elements a layout copy moves in a millisecond: one read, one write, cold."""

COPY_OVERHEAD_MS = 0.002
"""A copy is a step of its own; ties are better broken without one."""

STRIPS_COPY_FACTOR = 1.5
"""Copies into and out of strips break rows into sixteens."""

SPLIT_FORMS = (Form("planes", 2), Form("rows", 2))
"""What a reader of stride 2 wants."""

SPLIT_STORE = 1.2
"""Writing phases costs two masked stores a vector."""

FOREIGN_STORE = 1.04
"""Writing another layout than the one read costs extra masked stores."""


@dataclass(frozen=True)
class Option:
    """One way to run a node: candidate, input form, variant and its time.

    Parameters
    ----------
    candidate : Candidate
    form : Form
        Of the first input.
    variant : str
    ms : float
        With the output in the most natural layout.
    measured : bool
    targets : tuple of Form
        Forms the output may have.
    by_target : tuple of (Form, float)
        Times for some of them, measured or scaled from measured ones.
    """

    candidate: Candidate
    form: Form
    variant: str
    ms: float
    measured: bool = False
    targets: tuple[Form, ...] = ()
    by_target: tuple[tuple[Form, float], ...] = ()

    def cost(self, target: Form) -> float:
        """Return the time when the output is stored as ``target``."""
        if target not in self.targets:
            return inf
        known = dict(self.by_target)
        if target in known:
            return known[target]
        if target.split > 1:
            return self.ms * SPLIT_STORE
        return self.ms if target.kind == self.form.kind else self.ms * FOREIGN_STORE


def writable_forms(candidate: Candidate, node: Node, form: Form) -> tuple[Form, ...]:
    """Return the forms a candidate can write when it reads ``form``."""
    plain = tuple(Form(kind) for kind in candidate.targets(node, form))
    stride = tuple(node.attrs.get("stride", (1, 1)))
    if not candidate.writes_split or stride != (form.split, form.split):
        return plain
    return (*plain, *SPLIT_FORMS)


class Costs(Protocol):
    """Where options and their times come from: a model or measurements."""

    def options(self, node: Node) -> Sequence[Option]:
        """Return the options of a node."""
        ...

    def rejected(self, node: Node) -> Sequence[Rejection]:
        """Return the candidates that may not run a node, with reasons."""
        ...

    def copy_ms(self, shape: tuple[int, ...], source: Form, target: Form) -> float:
        """Return the time to copy a tensor from one form into another."""
        ...


class ModelCosts:
    """Costs by arithmetic alone: an untuned start that never runs a kernel.

    Parameters
    ----------
    graph : Graph
        Simplified.
    threads : int
        Work is taken to split evenly.
    """

    def __init__(self, graph: Graph, threads: int) -> None:
        self._shapes = {node.id: node.shape for node in graph}
        self._threads = threads
        self._rejected: dict[str, tuple[Rejection, ...]] = {}

    def options(self, node: Node) -> Sequence[Option]:
        """Return the options of a node with modelled times."""
        shapes = [self._shapes[name] for name in node.inputs]
        found = [
            Option(
                candidate,
                form,
                "",
                candidate.model_ms(node, shapes, form) / self._threads,
                targets=writable_forms(candidate, node, form),
            )
            for candidate in TABLE
            if node.op in candidate.ops and candidate.reject(node, shapes) is None
            for form in candidate.forms(node, shapes)
        ]
        if not found:
            raise GraphError(
                f"no kernel for node {node.id!r} ({node.op})",
                "at least one eligible candidate",
                "Run this network in torch, or replace the layer.",
            )
        return found

    def rejected(self, node: Node) -> Sequence[Rejection]:
        """Return the candidates that may not run a node, with reasons."""
        if node.id not in self._rejected:
            shapes = [self._shapes[name] for name in node.inputs]
            reasons = [
                (candidate.name, candidate.reject(node, shapes))
                for candidate in TABLE
                if node.op in candidate.ops
            ]
            self._rejected[node.id] = tuple(
                Rejection(name, reason) for name, reason in reasons if reason
            )
        return self._rejected[node.id]

    def copy_ms(self, shape: tuple[int, ...], source: Form, target: Form) -> float:
        """Return the modelled time of a layout copy; nothing leaves a split."""
        if source == target:
            return 0.0
        if source.split > 1:
            return inf
        factor = STRIPS_COPY_FACTOR if "strips" in (source.kind, target.kind) else 1.0
        moved = prod(shape) * factor / COPY_FLOATS_PER_MS / self._threads
        return moved + COPY_OVERHEAD_MS
