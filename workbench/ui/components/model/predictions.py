"""Predictions on a few images: the picture, the answer, how sure, right or wrong.

Belongs here: drawing. Does not belong here: running the network (``services``).
"""

from collections.abc import Sequence

import streamlit as st

from workbench.ui.format import percent
from workbench.ui.services.images import Prediction

PICTURE_PX = 104


def predictions(found: Sequence[Prediction]) -> None:
    """Draw one card an image, as many in a row as fit."""
    with st.container(horizontal=True, gap="small"):
        for one in found:
            with st.container(width=PICTURE_PX + 18, gap="xxsmall"):
                st.image(
                    one.picture,
                    width=PICTURE_PX,
                    alt=f"Image {one.index}, a {one.truth}",
                )
                mark = "check" if one.right else "close"
                colour = "green" if one.right else "red"
                st.markdown(
                    f":{colour}[:material/{mark}:] **{one.answer}** "
                    f"{percent(one.probability, 0)}"
                )
                if not one.right:
                    st.caption(f"is: {one.truth}")
