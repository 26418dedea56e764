"""The theme's colours for charts, read from .streamlit/config.toml.

Belongs here: which colour means what. Does not belong here: the colours themselves.
"""

from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from workbench.ui.charts.save import look_of

KINDS = ("light", "dark")


@dataclass(frozen=True)
class Palette:
    """Colours with one meaning each, as hex strings.

    Parameters
    ----------
    ours, pruned, torch : str
        The three contenders of every speed chart: our dense program, our pruned
        program, PyTorch.
    kept, removed : str
        Weights that stay and weights that go.
    accent : str
        Thresholds and the selected mark.
    sequential, diverging : tuple of str
        Ten colours each, low to high.
    text, quiet : str
        Rules and labels on a chart; words on its axes.
    paper, pale : str
        The page's background, and a shade that just stands off it.
    """

    ours: str
    pruned: str
    torch: str
    kept: str
    removed: str
    accent: str
    sequential: tuple[str, ...]
    diverging: tuple[str, ...]
    text: str
    quiet: str
    paper: str
    pale: str


def kind() -> str:
    """Return "light" or "dark", as the browser asked for."""
    found = st.context.theme.type
    return found if found in KINDS else "light"


def main_button() -> Literal["primary", "secondary"]:
    """Return the look of a page's main button: filled where its text is readable.

    Streamlit writes white on a filled button; on the dark theme's bright blue that
    has too little contrast, and a darker blue would be unreadable as text.
    """
    return "primary" if kind() == "light" else "secondary"


def palette(name: str | None = None) -> Palette:
    """Return the colours of a theme, by default of the one in use."""
    section = f"theme.{name or kind()}"
    blue, orange, teal, *_, grey = st.get_option(f"{section}.chartCategoricalColors")
    return Palette(
        ours=blue,
        pruned=orange,
        torch=grey,
        kept=blue,
        removed=st.get_option(f"{section}.borderColor"),
        accent=teal,
        sequential=tuple(st.get_option(f"{section}.chartSequentialColors")),
        diverging=tuple(st.get_option(f"{section}.chartDivergingColors")),
        text=st.get_option(f"{section}.textColor"),
        quiet=st.get_option(f"{section}.grayColor"),
        paper=st.get_option(f"{section}.backgroundColor"),
        pale=st.get_option(f"{section}.secondaryBackgroundColor"),
    )


def saved_look() -> dict[str, Any]:
    """Return the settings of saved pictures in the theme in use."""
    section = f"theme.{kind()}"
    return look_of(
        background=st.get_option(f"{section}.backgroundColor"),
        text=st.get_option(f"{section}.textColor"),
        grid=st.get_option(f"{section}.borderColor"),
    )
