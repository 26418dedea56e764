"""Time against threads: both networks compiled anew for every number of threads.

Belongs here: the order, the job, its record. Does not belong here: compiling and
timing, drawing.
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import workbench as wb
from workbench.workflows import orders
from workbench.workflows.programs import compiled

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

KIND = "thread-sweep"
SECONDS = 2.0
_COMPILE_S = 8.0


def counts() -> tuple[int, ...]:
    """Return the numbers of threads to try: powers of two, then all cores."""
    cores = len(os.sched_getaffinity(0))
    powers = [1 << n for n in range(cores.bit_length()) if 1 << n < cores]
    return (*powers, cores)


@dataclass(frozen=True, eq=False)
class ThreadSweepOrder:
    """What to measure, by which numbers of threads."""

    kind: ClassVar[str] = KIND

    network: "Network"
    pruned: "PrunedNetwork | None"
    threads: tuple[int, ...]

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies a sweep in the store."""
        from workbench.measure.conditions import read_conditions

        return {
            "model": self.network.name,
            "digest": self.network.digest,
            "recipe": None if self.pruned is None else self.pruned.recipe.dump(),
            "threads": list(self.threads),
            "machine": read_conditions(1).machine_digest,
        }

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        return len(self.threads) * (_COMPILE_S + SECONDS)


def run_thread_sweep(job: "Job", order: ThreadSweepOrder) -> dict[str, Any]:
    """Measure every number of threads inside a job; each is a row when it is known."""
    job.set_total(len(order.threads))
    rows: list[dict[str, Any]] = []
    line = ""
    for threads in order.threads:
        found, line = _at(job, order, threads)
        rows += found
        job.advance({"threads": threads})
    results = {"rows": rows, "line": line}
    orders.keep(order, results)
    return results


def _at(
    job: "Job", order: ThreadSweepOrder, threads: int
) -> tuple[list[dict[str, Any]], str]:
    with ExitStack() as stack:
        programs = [stack.enter_context(compiled(order.network, threads=threads))]
        job.check()
        if order.pruned is not None:
            programs.append(
                stack.enter_context(compiled(order.pruned, threads=threads))
            )
        found = wb.bench(
            order.network,
            order.pruned,
            programs=programs,
            threads=threads,
            against=(),
            budget_s=SECONDS,
            on_round=lambda done, total: job.check(),
        )
    rows = [
        {
            "threads": threads,
            "name": row.name,
            "median_ms": row.spread.median_ms,
            "p10_ms": row.spread.p10_ms,
            "p90_ms": row.spread.p90_ms,
            "n": row.spread.n,
        }
        for row in found.timed
        if row.spread is not None
    ]
    return rows, found.conditions.line
