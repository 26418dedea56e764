"""Accuracy of networks on the shell's images, each pair computed once.

Belongs here: caching by digest. Does not belong here: evaluating (``analysis``).
"""

from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb

if TYPE_CHECKING:
    from workbench.analysis.accuracy import Accuracy
    from workbench.data.dataset import Dataset
    from workbench.export.format import Exportable


@st.cache_data(max_entries=64, show_spinner=False)
def _evaluate(
    digest: str,
    data_digest: str,
    _network: "Exportable",
    _data: "Dataset",
) -> "Accuracy":
    found: Accuracy = wb.evaluate(_network, _data)
    return found


def accuracy(network: "Exportable", data: "Dataset") -> "Accuracy":
    """Return the accuracy of a network on images."""
    return _evaluate(network.digest, data.digest, network, data)
