"""Images on which dense and pruned network disagree, with pictures.

Belongs here: choosing and drawing them. Does not belong here: running networks
(``services.images``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.format import count
from workbench.ui.services import data, images

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

SHOWN = 8
PICTURE_PX = 96


def disagreements(network: "Network", pruned: "PrunedNetwork") -> None:
    """Draw how often two networks disagree, and the first images of that kind."""
    st.subheader("Where dense and pruned disagree")
    try:
        found = data.current(network)
    except WorkbenchError:
        st.caption("No images of this network's dataset on this machine.")
        return
    with st.spinner("Asking both networks…"):
        rows = images.compare(network, pruned, found)
    kinds = {
        "pruning broke it": [row for row in rows if row.first_right],
        "pruning mended it": [row for row in rows if row.second_right],
        "both wrong, differently": [
            row for row in rows if not (row.first_right or row.second_right)
        ],
    }
    st.markdown(
        f"{count(len(rows))} of {count(len(found))} images ({found.name}, "
        f"{found.split}) get another answer: "
        + ", ".join(f"{name} {count(len(some))}" for name, some in kinds.items())
        + ". The pruned network is raw: nothing retrained."
    )
    kind = st.segmented_control(
        "Show", tuple(kinds), default=next(iter(kinds)), required=True, key="broken"
    )
    with st.container(horizontal=True, gap="small"):
        for row in kinds[kind][:SHOWN]:
            with st.container(width=PICTURE_PX + 26, gap="xxsmall"):
                st.image(
                    images.enlarge(found.images[row.index]),
                    width=PICTURE_PX,
                    alt=f"Image {row.index}, a {row.truth}",
                )
                st.caption(f"is {row.truth}: dense {row.first}, pruned {row.second}")
