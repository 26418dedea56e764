"""Cells in several processes of this machine, each with a share of the curves.

One process cannot use many cores for small images: PyTorch's threads meet after every
operation. Processes with one thread each meet never.

Belongs here: shares, and gathering what comes. Does not belong here: what a process is
(``jobs/process``), what a cell is (``analysis/sensitivity``).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from workbench.analysis.sensitivity.grid import Curve
from workbench.analysis.sensitivity.rows import Base, SweepRow
from workbench.analysis.sensitivity.sweeper import Found, evaluate_dense, suffix_share
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job, JobCancelled
from workbench.jobs.process import in_process
from workbench.workflows.sweep.order import SweepOrder

_POLL_S = 0.1


class ProcessExecutor:
    """Return the executor that works in several processes of this machine.

    Parameters
    ----------
    workers : int
        Processes, each with one thread and a Sweeper of its own.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(
        self,
        order: SweepOrder,
        curves: Sequence[Curve],
        *,
        known: Mapping[str, SweepRow],
        check: Callable[[], None],
        on_base: Callable[[Base], None],
    ) -> Iterator[Found]:
        """Yield every cell that is not known, as it comes; see ``SweepExecutor``.

        Raises
        ------
        WorkbenchError
            Times are to be measured: the processes would disturb each other's.
        """
        _require_no_timing(order, self.workers)
        news: queue.Queue[Any] = queue.Queue()
        shares = shared(order, curves, self.workers)
        members = [_Member(news, order, share, known) for share in shares]
        base: Base | None = None
        try:
            for member in members:
                member.start()
            at_work = len(members)
            while at_work:
                check()
                try:
                    one = news.get(timeout=_POLL_S)
                except queue.Empty:
                    continue
                if isinstance(one, WorkbenchError):
                    raise one
                if one is None:
                    at_work -= 1
                elif not isinstance(one, Base):
                    yield one
                elif base is None:
                    base = one
                    on_base(base)
        finally:
            for member in members:
                member.job.cancel()
            for member in members:
                member.join()


def shared(
    order: SweepOrder, curves: Sequence[Curve], workers: int
) -> list[tuple[Curve, ...]]:
    """Return the curves in shares of about equal work, each in the grid's order.

    A curve costs its sparsities times the share of the network that is run again.
    """
    costs = [
        suffix_share(order.network, curve.subject) * len(curve.sparsities)
        for curve in curves
    ]
    shares: list[list[int]] = [[] for _ in range(max(1, min(workers, len(curves))))]
    for at in sorted(range(len(curves)), key=lambda one: -costs[one]):
        min(shares, key=lambda share: sum(costs[one] for one in share)).append(at)
    return [tuple(curves[at] for at in sorted(share)) for share in shares]


class _Mailbox(Job):
    """A job whose rows go to a queue."""

    def __init__(self, news: queue.Queue[Any]) -> None:
        super().__init__("worker", {})
        self._news = news

    def advance(self, row: Mapping[str, Any] | None = None, *, cells: int = 1) -> None:
        """Put the row's one value on the queue."""
        if row is not None:
            self._news.put(row["found"])


class _Member(threading.Thread):
    """One process, and the thread that listens to it."""

    def __init__(
        self,
        news: queue.Queue[Any],
        order: SweepOrder,
        share: tuple[Curve, ...],
        known: Mapping[str, SweepRow],
    ) -> None:
        super().__init__(daemon=True)
        self.job = _Mailbox(news)
        self._news = news
        self._work = in_process(_cells, order, share, dict(known))

    def run(self) -> None:
        """Do the share; what ends it is the last thing on the queue."""
        try:
            self._work(self.job)
        except WorkbenchError as error:
            self._news.put(error)
        except JobCancelled:
            return
        else:
            self._news.put(None)


def _cells(
    job: Job,
    order: SweepOrder,
    share: tuple[Curve, ...],
    known: Mapping[str, SweepRow],
) -> None:
    """Evaluate a share of the curves, in a process of its own."""
    torch.set_num_threads(1)
    sweeper = evaluate_dense(order.network, order.data, order.options, check=job.check)
    job.advance({"found": sweeper.base})
    for curve in share:
        for found in sweeper.cells(curve, known):
            job.advance({"found": found})


def _require_no_timing(order: SweepOrder, workers: int) -> None:
    if workers > 1 and order.options.latency == "measure":
        raise WorkbenchError(
            f"{workers} workers that measure times on one machine",
            "one worker while times are measured, since others would disturb it",
            "Leave --workers out, or take --latency model or none.",
        )
