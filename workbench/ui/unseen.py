"""Inputs that are on the page without being seen, so that the address keeps them.

Belongs here: the container and the one style rule of the app. Does not belong here:
the inputs.

Streamlit's browser side drops from the address what no input on the page is bound to,
as soon as the page changes; "back" then leads to an address without it. An input that
was drawn and taken away again, or waits in a closed pop-over, is no input on the page.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

_NAME = "unseen-"


@contextmanager
def unseen(name: str) -> Iterator[None]:
    """Put what the block draws on the page without showing it.

    Parameters
    ----------
    name : str
        One a page.
    """
    with st.container(key=_NAME + name):
        yield


def style() -> None:
    """Hide what ``unseen`` holds, from readers of the screen too, and its gap."""
    held = f"[class*='st-key-{_NAME}']"
    around = f"[data-testid='stLayoutWrapper']:has(> {held})"
    st.html(f"<style>{held}, {around} {{ display: none; }}</style>")
