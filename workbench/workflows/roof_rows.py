"""Each layer's place under the roofs of this machine, as JSON rows.

Belongs here: joining a program's profile with paper costs. Does not belong here: the
model (``analysis.roofline``), measuring the machine (``measure.machine``), drawing.
"""

from typing import TYPE_CHECKING, Any

import workbench as wb
from workbench.engine.noise import noise_image

if TYPE_CHECKING:
    from workbench.analysis.cost.roofline import Machine
    from workbench.engine.program import Program
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

ROUNDS = 30


def roof_rows(
    network: "Network | PrunedNetwork",
    program: "Program",
    machine: "Machine",
    *,
    weights: str,
) -> list[dict[str, Any]]:
    """Return one row a layer of a program.

    Parameters
    ----------
    network : Network or PrunedNetwork
        What the program was compiled from.
    program : Program
        Open.
    machine : Machine
        The roofs for its threads.
    weights : str
        "dense" or "pruned".
    """
    from workbench.analysis.cost.roofline import roofline

    image = noise_image(program.input_shape)
    profile = program.profile(image, rounds=ROUNDS)
    return [
        {
            "layer": row.cost.id,
            "weights": weights,
            "intensity": row.intensity,
            "rate": row.rate_gmacs,
            "attainable": row.attainable_gmacs,
            "of_roof": row.of_roof,
            "bound": row.bound,
            "ms": row.ms,
            "n": profile.rounds,
            "kernel": row.kernel,
        }
        for row in roofline(wb.layer_costs(network), profile, machine)
        if row.executed_macs
    ]
