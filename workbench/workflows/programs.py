"""One compilation for everything that a page wants to know of a program.

Belongs here: compiled programs that are profiled and then take part in a measurement.
Does not belong here: compiling, timing (``measure``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import workbench as wb

if TYPE_CHECKING:
    from workbench.engine.program import Program
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
