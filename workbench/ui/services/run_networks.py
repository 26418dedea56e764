"""The network behind a run, out of those that the page can choose.

Belongs here: pruning again by a recorded recipe. Does not belong here: the store, the
numbers that runs recorded (``workflows.run_layers``).
"""

from typing import TYPE_CHECKING

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.ui.services import catalog, networks, settled

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.store.run import Run


def network_of(run: "Run") -> "Network | PrunedNetwork":
    """Return the network that a run measured, pruned and settled again by its recipe.

    Raises
    ------
    WorkbenchError
        The model is not here any more, or its weights are others.
    """
    name = str(run.inputs.get("model"))
    if name not in catalog.model_names():
        raise WorkbenchError(
            f"run {run.id} of the network '{name}'",
            "a network that can be chosen under Model",
            "Runs of other networks are compared by their numbers only.",
        )
    network = networks.named(name)
    if run.inputs.get("digest") not in (None, network.digest):
        raise WorkbenchError(
            f"run {run.id} with weights {str(run.inputs['digest'])[:12]}",
            f"the weights of '{name}' that are here, {network.digest[:12]}",
            "Compare runs of the same weights.",
        )
    text = run.inputs.get("recipe")
    if not text:
        return network
    pruned = networks.pruned(network, wb.Recipe.loads(text, source=f"run {run.id}"))
    return settled.current(network, pruned).network
