"""The tile of one figure: label, value, its change, and a quiet line below.

Belongs here: how a figure looks. Does not belong here: figures.
"""

import streamlit as st


def tile(
    label: str, value: str, *, help: str, below: str = "", change: str = ""
) -> None:
    """Draw a figure in a frame, as tall as its neighbours.

    Parameters
    ----------
    label, value : str
        What it is; the figure with its unit.
    help : str
        Formula and conditions: no figure stands without them.
    below : str
        What it is compared with, or where it holds; "" for nothing.
    change : str
        Signed difference, more is better; "" for nothing.
    """
    with st.container(border=True, height="stretch", gap="xxsmall"):
        # A typographic minus would be read as an increase.
        plain = change.replace("\u2212", "-")
        still = not any(digit in plain for digit in "123456789")
        st.metric(
            label,
            value,
            delta=plain or None,
            delta_color="off" if still else "normal",
            help=help,
        )
        # A metric's own line below it is cut where the page is narrow; this one wraps.
        if below:
            st.caption(below)
