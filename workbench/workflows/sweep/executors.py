"""Where the cells of a sweep are evaluated: the protocol, and this thread.

Belongs here: what every executor gives and the simplest one. Does not belong here:
other processes (``process_executor``) and other machines (``ray_executor``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from workbench.analysis.sensitivity.grid import Curve
from workbench.analysis.sensitivity.rows import Base, SweepRow
from workbench.analysis.sensitivity.sweeper import Found, evaluate_dense
from workbench.workflows.sweep.order import SweepOrder

Check = Callable[[], None]


class SweepExecutor(Protocol):
    """Something that evaluates curves; the same cells give the same rows anywhere."""

    def run(
        self,
        order: SweepOrder,
        curves: Sequence[Curve],
        *,
        known: Mapping[str, SweepRow],
        check: Check,
        on_base: Callable[[Base], None],
    ) -> Iterator[Found]:
        """Yield every cell that is not known, as it comes.

        Parameters
        ----------
        order : SweepOrder
            Network, data and options.
        curves : sequence of Curve
            What to evaluate.
        known : mapping of str to SweepRow
            Cells to leave out, by key.
        check : callable
            Called often; raises to stop.
        on_base : callable
            Gets the dense network's numbers, before the first cell.
        """
        ...


class LocalExecutor:
    """Return the executor that works in the thread that calls it."""

    def run(
        self,
        order: SweepOrder,
        curves: Sequence[Curve],
        *,
        known: Mapping[str, SweepRow],
        check: Check,
        on_base: Callable[[Base], None],
    ) -> Iterator[Found]:
        """Yield every cell that is not known, as it comes; see ``SweepExecutor``."""
        sweeper = evaluate_dense(order.network, order.data, order.options, check=check)
        on_base(sweeper.base)
        for curve in curves:
            yield from sweeper.cells(curve, known)
