"""Time against threads: both networks compiled anew for every number of threads.

Belongs here: the job and its record. Does not belong here: compiling and timing,
drawing.
"""

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from workbench.ui.services.break_even import start_job
from workbench.workflows.programs import DENSE, PRUNED, compiled, measured

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

KIND = "thread-sweep"
SECONDS = 2.0


def counts() -> tuple[int, ...]:
    """Return the numbers of threads to try: powers of two, then all cores."""
    cores = len(os.sched_getaffinity(0))
    powers = [1 << n for n in range(cores.bit_length()) if 1 << n < cores]
    return (*powers, cores)


def inputs(network: "Network", pruned: "PrunedNetwork | None") -> dict[str, Any]:
    """Return what identifies a sweep in the store."""
    from workbench.measure.conditions import read_conditions

    return {
        "model": network.name,
        "digest": network.digest,
        "recipe": None if pruned is None else pruned.recipe.dump(),
        "threads": list(counts()),
        "machine": read_conditions(1).machine_digest,
    }


def start(network: "Network", pruned: "PrunedNetwork | None") -> str:
    """Measure every number of threads in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """

    def work(job: "Job") -> dict[str, Any]:
        job.set_total(len(counts()))
        rows: list[dict[str, Any]] = []
        line = ""
        for threads in counts():
            found, line = _at(job, network, pruned, threads)
            rows += found
            job.advance({"threads": threads})
        return {"rows": rows, "line": line}

    return start_job(KIND, inputs(network, pruned), work)


def _at(
    job: "Job", network: "Network", pruned: "PrunedNetwork | None", threads: int
) -> tuple[list[dict[str, Any]], str]:
    with ExitStack() as stack:
        programs = {DENSE: stack.enter_context(compiled(network, threads=threads))}
        job.check()
        if pruned is not None:
            program = stack.enter_context(compiled(pruned, threads=threads))
            programs[PRUNED] = program
        found = measured(
            network,
            pruned,
            programs,
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
