"""The measured time of every layer of a network in its program.

Belongs here: the order, the job, its record. Does not belong here: compiling and timing
(``Program.profile``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.workflows import orders
from workbench.workflows.profile_rows import profile_rows, with_weights
from workbench.workflows.programs import DENSE, compiled

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.store.run import Run

KIND = "profile"


@dataclass(frozen=True, eq=False)
class ProfileOrder:
    """Whose layers, on how many threads."""

    kind: ClassVar[str] = KIND

    network: "Network | PrunedNetwork"
    threads: int = 1

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the times: the weights and this machine."""
        from workbench.measure.conditions import read_conditions

        return {
            "model": self.network.name,
            "digest": self.network.digest,
            "threads": self.threads,
            "machine": read_conditions(self.threads).machine_digest,
        }

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        return 8.0


def run_profile(job: "Job", order: ProfileOrder) -> dict[str, Any]:
    """Time every layer inside a job; return the rows, as recorded."""
    from workbench.measure.conditions import read_conditions

    with compiled(order.network, threads=order.threads) as program:
        rows = profile_rows(program, weights=DENSE)
    job.check()
    results = {"rows": rows, "line": read_conditions(order.threads).line}
    orders.keep(order, results)
    return results


def times_of(run: "Run") -> dict[str, float]:
    """Return layer id to milliseconds, without the moves that bear a layer's name."""
    rows = with_weights(run.results["rows"])
    return {row["layer"]: row["ms"] for row in rows if row["ms"]}


def total_of(run: "Run") -> float:
    """Return the milliseconds of all steps together, moves between layouts too."""
    return float(sum(row["ms"] for row in run.results["rows"]))
