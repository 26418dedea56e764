"""What to do when a network's images are not on this machine.

Belongs here: the notice, the path field, the download. Does not belong here: finding
or fetching (``workbench.data``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.models.offered import given_networks
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.ui.format import size
from workbench.ui.notices import show_error
from workbench.ui.services import catalog, data

if TYPE_CHECKING:
    from workbench.models.network import Network

_JOB = "download"


def data_help(error: WorkbenchError, network: "Network") -> None:
    """Show why there are no images, and the ways to get them.

    Parameters
    ----------
    error : WorkbenchError
        What the search for the images said.
    network : Network
        Whose images are missing.
    """
    if network.dataset is None and network.name not in given_networks():
        said = "has weights from a seed and no dataset: it is here for speed work"
        if network.name in st.session_state.get(catalog.UPLOADS, {}):
            said = (
                "came without a dataset: say what it was trained on when you load it. "
                "Without labels"
            )
        st.info(
            f"{network.name} {said}, accuracy means nothing.", icon=":material/info:"
        )
        return
    show_error(error)
    st.text_input(
        "Folder or file with the images",
        key=data.ROOT,
        persist_state="session",
        placeholder="/path/to/cifar10",
        help="Parquet, the python or binary archive of CIFAR-10, a folder of images a "
        "class, or .npz. WORKBENCH_DATA in the environment does the same.",
    )
    if network.dataset == "cifar10":
        _download()


def _download() -> None:
    from workbench.data.download import CIFAR10

    running = find(_JOB)
    st.button(
        f"Download CIFAR-10 ({size(CIFAR10.size_bytes)})",
        icon=":material/cloud_download:",
        on_click=_start,
        disabled=running is not None and not running.finished,
        help=f"From {CIFAR10.url}; its checksum is verified. Nothing else leaves or "
        "enters this machine.",
    )
    if running is not None:
        job_panel(running, ["Downloading"], lambda view: None)


def _start() -> None:
    """Fetch the archive in the background; the page finds it by itself then."""
    from workbench.data.download import CIFAR10, download
    from workbench.jobs.registry import registry

    with caught():
        job = registry().start(
            lambda job: str(download(progress=job.on_round)),
            spec={"kind": "download", "url": CIFAR10.url},
            total=CIFAR10.size_bytes,
        )
        remember(_JOB, job.id)
