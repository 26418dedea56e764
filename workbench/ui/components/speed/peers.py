"""Which engines can take part, and how to get those that cannot.

Belongs here: the choice. Does not belong here: the adapters (``measure.peers``).
"""

import streamlit as st

from workbench.workflows.bench import usual_peers


def choose_peers() -> tuple[str, ...]:
    """Draw the engines to measure against; return the chosen ones."""
    from workbench.measure.peers import peers

    found = {
        name: peer.available() for name, peer in peers().items() if name != "workbench"
    }
    ready = [name for name, missing in found.items() if missing is None]
    chosen = st.pills(
        "Against",
        ready,
        selection_mode="multi",
        default=list(usual_peers()),
        key="against",
        bind="query-params",
        width="content",
        help="Every engine runs the same weights on the same image, in turn.",
    )
    absent = [f"{name}: {missing}" for name, missing in found.items() if missing]
    if absent:
        with st.popover("Other engines", icon=":material/extension:"):
            st.markdown("\n".join(f"- {line}" for line in absent))
    return tuple(chosen)
