"""Trials of the page Prune.

Belongs here: the page's order, and how long it takes in words. Does not belong here:
the trial and its record (``workflows.trial``), its picture (``components.recipe``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.services import data
from workbench.ui.services.settled import asking
from workbench.workflows import orders
from workbench.workflows.trial import TrialOrder, run_trial

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.recipe.recipe import Recipe


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
    name = "no images" if order.data is None else order.data.name
    split = "" if order.data is None else f", {order.data.split} images"
    return orders.start(
        order, lambda job, order: run_trial(job, order, asking()), data=name + split
    )


def estimate(order: TrialOrder) -> str:
    """Return how long a trial will take, roughly, in words."""
    seconds = order.estimate_s
    rounded = round(seconds, -1) if seconds > 20 else round(seconds)
    return f"About {rounded:.0f} s on a quiet core."
