"""One convolution by every algorithm, recorded by its shape.

Belongs here: the order and its record. Does not belong here: the algorithms and their
timing (``analysis.algorithms``).
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import workbench as wb
from workbench.workflows import orders

if TYPE_CHECKING:
    from workbench.analysis.algorithms.comparison import ConvShape
    from workbench.jobs.job import Job

KIND = "algorithms"
SECONDS = 3.0


@dataclass(frozen=True)
class AlgorithmsOrder:
    """Which convolution."""

    kind: ClassVar[str] = KIND

    shape: "ConvShape"

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the comparison in the store."""
        return asdict(self.shape)

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        return 2 * SECONDS


def run_algorithms(job: "Job", order: AlgorithmsOrder) -> dict[str, Any]:
    """Run the convolution by every algorithm inside a job; return the rows."""
    from workbench.measure.conditions import read_conditions

    rows = wb.measure_algorithms(order.shape, seconds=SECONDS)
    job.check()
    results = {"rows": [asdict(row) for row in rows], "line": read_conditions(1).line}
    orders.keep(order, results)
    return results
