"""What to do when a network's images are not on this machine.

Belongs here: the notice, the path field, the download button. Does not belong here:
finding or fetching (``workbench.data``).
"""

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.notices import show_error
from workbench.ui.services import data


def data_help(error: WorkbenchError) -> None:
    """Show why there are no images, and the ways to get them."""
    show_error(error)
    st.text_input(
        "Folder or file with the images",
        key=data.ROOT,
        persist_state="session",
        placeholder="/path/to/cifar10",
        help="Parquet, the python or binary archive of CIFAR-10, a folder of images a "
        "class, or .npz. WORKBENCH_DATA in the environment does the same.",
    )
