"""The network that a recipe really gives: batch norms re-estimated where that helps.

Belongs here: which network the pages ask, show and hand out, and why. Does not belong
here: re-estimating (``training.batchnorm``), pruning (``networks``).
"""

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.services import data
from workbench.ui.services.accuracy import accuracy
from workbench.workflows import accuracies
from workbench.workflows.accuracies import Asking

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

MOST_MACS = 120_000_000
"""Dense multiply-adds an image of the largest network that is asked at once."""


@dataclass(frozen=True, eq=False)
class Settled:
    """A pruned network as it would be used.

    Parameters
    ----------
    network : PrunedNetwork
        With batch norms re-estimated, or raw.
    kept : bool
        Whether they are re-estimated.
    why : str
        Why they are not; "" where they are.
    seconds : float
        What finding out took.
    """

    network: "PrunedNetwork"
    kept: bool
    why: str
    seconds: float = 0.0


def follows(network: "Network") -> bool:
    """Return whether a network is small enough to be asked without a button."""
    return sum(layer.macs for layer in network.layers) <= MOST_MACS


def current(network: "Network", pruned: "PrunedNetwork") -> Settled:
    """Return what the page shows of a pruned network; quick, or raw with the reason."""
    if not follows(network):
        return Settled(
            pruned,
            False,
            "re-estimating its batch norms takes longer: “Apply and measure” on the "
            "page Prune does it",
        )
    try:
        train = data.load(network, "train")
    except WorkbenchError:
        return Settled(pruned, False, "there are no training images on this machine")
    return settle(pruned, train, pruned.recipe.seed)


def settle(pruned: "PrunedNetwork", train: "Dataset", seed: int) -> Settled:
    """Return the better of raw and re-estimated; the same question is asked once."""
    if follows(pruned.base):
        return _kept(pruned.digest, train.digest, seed, pruned, train)
    return _settle(pruned, train, seed)


def asking() -> Asking:
    """Return who answers a job: what a page has shown is not asked again."""
    return Asking(accuracy, settle)


@st.cache_resource(max_entries=12, show_spinner=False)
def _kept(
    digest: str,
    data_digest: str,
    seed: int,
    _pruned: "PrunedNetwork",
    _train: "Dataset",
) -> Settled:
    return _settle(_pruned, _train, seed)


def _settle(pruned: "PrunedNetwork", train: "Dataset", seed: int) -> Settled:
    began = perf_counter()
    found = accuracies.settle(pruned, train, seed)
    return Settled(found.network, found.kept, found.why, perf_counter() - began)
