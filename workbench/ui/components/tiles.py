"""The tile of one figure: label, value, and a quiet line below.

Belongs here: how a figure looks. Does not belong here: figures that are good or bad
(those colour their change with ``st.metric`` itself).
"""

import streamlit as st


def tile(label: str, value: str, *, help: str, below: str = "") -> None:
    """Draw a figure in a frame, as tall as its neighbours.

    Parameters
    ----------
    label, value : str
        What it is; the figure with its unit.
    help : str
        Formula and conditions: no figure stands without them.
    below : str
        What it is compared with, or where it holds; "" for nothing.
    """
    st.metric(
        label,
        value,
        delta=below or None,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=help,
    )
