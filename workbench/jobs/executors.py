"""Where the cells of a sweep are evaluated: the protocol, and this thread.

Belongs here: what every executor gives and the simplest one. Does not belong here:
other processes (``crew``) and other machines (``ray_executor``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from workbench.analysis.sensitivity.grid import Curve
from workbench.analysis.sensitivity.rows import Base, SweepRow
from workbench.analysis.sensitivity.sweeper import Found, Sweeper
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.jobs.sweep import SweepOrder

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
        """Yield every cell that is not known, as it comes; see ``Executor``."""
        sweeper = Sweeper(order.network, order.data, order.options, check=check)
        on_base(sweeper.base)
        for curve in curves:
            yield from sweeper.cells(curve, known)


def executor_named(
    name: str, *, address: str | None = None, workers: int | None = None
) -> SweepExecutor:
    """Return the executor of that name.

    Parameters
    ----------
    name : str
        "local" or "ray".
    address : str or None
        Of the Ray cluster.
    workers : int or None
        Processes; None takes one here, and every processor of a Ray cluster.

    Raises
    ------
    WorkbenchError
        There is none, or an address was given to one that has none.
    """
    if name == "local" and address is None:
        if workers is None or workers == 1:
            return LocalExecutor()
        from workbench.jobs.process_executor import ProcessExecutor

        return ProcessExecutor(workers)
    if name == "ray":
        from workbench.jobs.ray_executor import RayExecutor

        return RayExecutor(address=address, workers=workers)
    raise WorkbenchError(
        f"--executor {name}" + (f" --address {address}" if address else ""),
        "local, or ray with --address HOST:PORT",
        "Choose one of them.",
    )
