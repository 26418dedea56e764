"""Measuring for the page Speed: the job, and finding a recorded one.

Belongs here: what the page asks. Does not belong here: the measurement and its record
(``workflows.bench``), pictures (``components.bench_results``).
"""

from typing import TYPE_CHECKING

import workbench as wb
from workbench.workflows.bench import KIND, STEPS, BenchOrder, run_bench

if TYPE_CHECKING:
    from workbench.store.run import Run

__all__ = ["STEPS", "BenchOrder", "recorded", "run_bench", "start", "usual_peers"]


def usual_peers() -> tuple[str, ...]:
    """Return the engines that are measured unless somebody chooses others."""
    from workbench.measure.peers import peers

    found = peers()
    return tuple(
        name for name in ("torch", "onnxruntime") if found[name].available() is None
    )


def start(order: BenchOrder) -> str:
    """Start a measurement in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    from workbench.jobs.registry import registry

    job = registry().start(lambda job: run_bench(job, order), spec=order.inputs)
    return job.id


def recorded(order: BenchOrder) -> "Run | None":
    """Return the newest finished measurement of the same question, from any face."""
    found: Run | None = wb.Store().newest(KIND, order.inputs)
    return found
