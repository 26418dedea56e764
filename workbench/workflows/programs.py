"""One compilation for everything that a page wants to know of a program.

Belongs here: compiled programs that are profiled and then take part in a measurement.
Does not belong here: compiling, timing (``measure``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import workbench as wb

if TYPE_CHECKING:
    from workbench.engine.program import Program
    from workbench.measure.measurement import Measurement
    from workbench.measure.peers.protocol import FunctionRunner, Setup
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

    Net = Network | PrunedNetwork

DENSE, PRUNED = "dense", "pruned"


@contextmanager
def compiled(network: "Net", *, threads: int) -> "Iterator[Program]":
    """Give a program, closed at the end of the block."""
    program: Program = wb.compile(network, threads=threads)
    try:
        yield program
    finally:
        program.close()


def measured(
    network: "Network",
    pruned: "PrunedNetwork | None",
    programs: "Mapping[str, Program]",
    *,
    against: Sequence[str] = ("torch",),
    budget_s: float,
    on_round: Callable[[int, int], None],
) -> "Measurement":
    """Return what ``wb.bench`` returns, with programs that are already compiled.

    Parameters
    ----------
    network, pruned : Network, PrunedNetwork or None
        As in ``wb.bench``.
    programs : mapping
        The open program of "dense" and, where there is one, of "pruned".
    against : sequence of str
        Other engines.
    budget_s : float
        Seconds spent on rounds.
    on_round : callable (done, total)
        May raise to stop.
    """
    from workbench.measure.bench import ROUNDS, contenders_of
    from workbench.measure.interleave import Settings, measure_contenders
    from workbench.measure.peers.protocol import FunctionRunner

    found = contenders_of(network, pruned, against=against)
    ready = {
        one.name: FunctionRunner(programs[one.subject.weights])
        for one in found
        if one.engine == "workbench" and one.subject.weights in programs
    }
    mine = [
        replace(one, prepare=partial(_given, ready[one.name]))
        if one.name in ready
        else one
        for one in found
    ]
    return measure_contenders(
        mine,
        threads=programs[DENSE].threads,
        rounds=ROUNDS,
        settings=Settings(budget_s=budget_s, on_round=on_round),
    )


def _given(runner: "FunctionRunner", setup: "Setup") -> "FunctionRunner":
    """Return a runner that needs no preparation."""
    return runner
