"""What a plan of the page Sensitivity is checked on.

Belongs here: images of this machine as an order. Does not belong here: the proof and
its record (``workflows.plan.prove``), drawing.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.ui.services import data

if TYPE_CHECKING:
    from workbench.analysis.planner.planner import Budget
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.workflows.plan.prove import ProofOrder
    from workbench.workflows.sweep.order import SweepOrder


def order_of(
    sweep: "Sweep",
    budget: "Budget",
    order: "SweepOrder",
    *,
    settle: bool,
    tune_epochs: int,
) -> "ProofOrder":
    """Return the proof of a plan: on the sweep's images, and training images.

    Raises
    ------
    WorkbenchError
        Training images are asked for and there are none on this machine.
    """
    from workbench.workflows.plan.prove import ProofOrder
    from workbench.workflows.plan.round import Proof

    train = data.load(order.network, "train") if settle or tune_epochs else None
    options = replace(order.options, images=sweep.base.n or order.options.images)
    proof = Proof(
        order.network, order.data, options, settle=train, tune_epochs=tune_epochs
    )
    return ProofOrder(sweep, budget, proof)
