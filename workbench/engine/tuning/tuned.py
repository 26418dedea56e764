"""A network, the times of its candidates and the plan that was found so far.

Belongs here: the value that the steps of tuning hand on. Does not belong here: any step
(`try_bands`, `try_kernels`, `try_layouts`, `try_threads`).
"""

from dataclasses import dataclass, replace

from workbench.engine.graph.graph import Graph
from workbench.engine.lowering.lower import lower
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.planning.slots import Slots
from workbench.engine.tuning.duel import TimedProgram
from workbench.engine.tuning.measured_costs import MeasuredCosts


@dataclass(frozen=True, eq=False)
class Tuned:
    """What tuning knows of a network.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots
        Of the graph.
    costs : MeasuredCosts
        Of the graph; their budget bounds every step.
    plan : ExecutionPlan
        The best one so far.
    """

    graph: Graph
    slots: Slots
    costs: MeasuredCosts
    plan: ExecutionPlan

    def with_plan(self, plan: ExecutionPlan) -> "Tuned":
        """Return the same network with another plan."""
        return replace(self, plan=plan)

    def program(self, plan: ExecutionPlan | None = None) -> TimedProgram:
        """Return the lowered program of a plan, of the best one if none is given."""
        plan = plan or self.plan
        return TimedProgram(lower(self.graph, self.slots, plan), plan.threads)
