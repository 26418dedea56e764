"""Measured time of every layer of a dense network, for the page Model.

Belongs here: the job and its record. Does not belong here: compiling and timing
(``profile``).
"""

from typing import TYPE_CHECKING, Any

import workbench as wb
from workbench.workflows.profile_rows import profile_rows, with_weights
from workbench.workflows.programs import compiled

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.store.run import Run

KIND = "profile"


def inputs_of(network: "Network | PrunedNetwork") -> dict[str, Any]:
    """Return what identifies the times: the weights and this machine."""
    from workbench.measure.conditions import read_conditions

    return {
        "model": network.name,
        "digest": network.digest,
        "threads": 1,
        "machine": read_conditions(1).machine_digest,
    }


def start(network: "Network | PrunedNetwork") -> str:
    """Measure every layer in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    from workbench.jobs.registry import registry
    from workbench.measure.conditions import read_conditions

    inputs = inputs_of(network)

    def work(job: "Job") -> str:
        with compiled(network, threads=1) as program:
            rows = profile_rows(program, weights="dense")
        job.check()
        results = {"rows": rows, "line": read_conditions(1).line}
        return str(wb.Store().add_run(KIND, inputs=inputs, results=results).id)

    return registry().start(work, spec={"kind": KIND, "inputs": inputs}).id


def recorded(network: "Network | PrunedNetwork") -> "Run | None":
    """Return the newest measurement of these weights on this machine."""
    found: Run | None = wb.Store().newest(KIND, inputs_of(network))
    return found


def times_of(run: "Run") -> dict[str, float]:
    """Return layer id to milliseconds, without the moves that bear a layer's name."""
    rows = with_weights(run.results["rows"])
    return {row["layer"]: row["ms"] for row in rows if row["ms"]}


def total_of(run: "Run") -> float:
    """Return the milliseconds of all steps together, moves between layouts too."""
    return float(sum(row["ms"] for row in run.results["rows"]))
