"""Starting trials and finding recorded ones.

Belongs here: what the page Prune asks. Does not belong here: the trial itself
(``trial``), its picture (``components.trial_results``).
"""

from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.ui.services import data
from workbench.ui.services.trial import KIND, TrialOrder, run_trial

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.recipe.recipe import Recipe
    from workbench.store.run import Run

# Multiply-adds a second of one core in PyTorch's dense convolutions, a low guess.
_MACS_PER_S = 8e9
_FIXED_S = 8.0
# Choosing kernels of both programs; measured, all in all: ResNet-50 (54 layers, 4.1 G)
# 77 s, MobileNetV1 (28 layers, 0.57 G) 30 s.
_LAYER_S, _SMALL, _TUNED_MACS_PER_S = 0.7, 8, 1.4e8


def order_of(network: "Network", recipe: "Recipe") -> TrialOrder:
    """Return the trial of a recipe with the shell's data and the page's threads."""
    images = train = None
    try:
        images = data.current(network)
        train = data.load(network, "train")
    except WorkbenchError:
        images = train = None
    return TrialOrder(
        network=network,
        recipe=recipe,
        data=images,
        train=train,
        threads=int(st.session_state.get("threads", 1)),
    )


def start(order: TrialOrder) -> str:
    """Start a trial in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    from workbench.jobs.registry import registry

    name = "no images" if order.data is None else order.data.name
    split = "" if order.data is None else f", {order.data.split} images"
    job = registry().start(
        lambda job: run_trial(job, order),
        spec={
            "kind": KIND,
            "inputs": order.inputs,
            "data": name + split,
        },
    )
    return job.id


def recorded(order: TrialOrder) -> "Run | None":
    """Return the newest finished trial of the same question, if there is one."""
    found: Run | None = wb.Store().newest(KIND, order.inputs)
    return found


def estimate(order: TrialOrder) -> str:
    """Return how long a trial will take, roughly, in words."""
    images = 0 if order.data is None else len(order.data)
    macs = sum(layer.macs for layer in order.network.layers)
    layers = max(len(order.network.layers) - _SMALL, 0)
    seconds = _FIXED_S + layers * _LAYER_S + macs / _TUNED_MACS_PER_S
    seconds += macs * (3 * images + 2000 * bool(images)) / _MACS_PER_S
    rounded = round(seconds, -1) if seconds > 20 else round(seconds)
    return f"About {rounded:.0f} s on a quiet core."
