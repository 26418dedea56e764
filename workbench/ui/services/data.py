"""Images of the shell's choice, loaded once a server and shared read-only.

Belongs here: finding and caching datasets. Does not belong here: file formats.
"""

from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.models.offered import given_networks, read_order
from workbench.ui.services import catalog

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.export.format import Exportable

ROOT = "data_root"


@st.cache_resource(max_entries=6, show_spinner=False)
def _load(
    name: str,
    split: str,
    root: str | None,
    takes: tuple[object, ...],
    _network: "Exportable",
) -> "Dataset":
    found: Dataset = wb.dataset_for(_network, split=split, root=root)
    return found


def load(network: "Exportable", split: str) -> "Dataset":
    """Return a split of the dataset that belongs to a network.

    Raises
    ------
    WorkbenchError
        The dataset is not on this machine; the page then says how to get it.
    """
    root = st.session_state.get(ROOT) or None
    if root is None and network.dataset is None and network.name in given_networks():
        root = read_order().data
    takes = (network.name, network.input_shape, network.classes)
    return _load(network.dataset or "", split, root, takes, network)


def current(network: "Exportable") -> "Dataset":
    """Return the images that the shell's "Data" names."""
    choice = catalog.DATA[st.session_state["data"]]
    found = load(network, choice.split)
    return found if choice.limit is None else found.take(choice.limit)
