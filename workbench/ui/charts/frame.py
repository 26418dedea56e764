"""The one frame around every chart: title, picture, how to read it, its data.

Belongs here: what all charts share. Does not belong here: any single chart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair
import pandas as pd
import streamlit as st

from workbench.ui import theme
from workbench.ui.charts import save

Chart: TypeAlias = altair.Chart | altair.LayerChart | altair.HConcatChart


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart with everything that a reader needs.

    Parameters
    ----------
    name : str
        File stem of downloads.
    title : str
        What is shown, with its unit where the axes do not carry it.
    reading : str
        One sentence that says how to read the picture.
    alt : str
        The picture's message for those who do not see it.
    chart : altair.Chart
        The picture, or a layering of several.
    data : pandas.DataFrame
        The numbers behind it.
    conditions : str
        Machine, threads, n: where the numbers come from; empty when they are exact.
    """

    name: str
    title: str
    reading: str
    alt: str
    chart: Chart
    data: pd.DataFrame
    conditions: str = ""


def show(
    figure: Figure, *, key: str, on_select: Callable[[], None] | None = None
) -> None:
    """Draw a figure with its downloads: SVG and PNG of the picture, CSV of the data.

    Parameters
    ----------
    figure : Figure
        What to draw.
    key : str
        Stable widget key.
    on_select : callable or None
        Called before the rerun that follows a click on a mark.
    """
    with st.container(border=True):
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="left"
        ):
            st.markdown(f"**{figure.title}**", width="stretch")
            _downloads(figure, key)
        st.altair_chart(
            _dressed(figure.chart),
            key=key,
            alt=figure.alt,
            width="stretch",
            on_select=on_select or "ignore",
        )
        st.caption(figure.reading)
        if figure.conditions:
            st.caption(figure.conditions)


def _dressed(chart: Chart) -> Chart:
    """Return a chart with the theme's own grey on its axes, which Streamlit fades."""
    grey = theme.palette().quiet
    words: dict[str, Any] = {
        "labelColor": grey,
        "titleColor": grey,
        "labelFontSize": 12,
    }
    dressed: Chart = (
        # Flush labels would leave the first and the last tick.
        chart.configure_axis(**words, titleFontSize=13, labelFlush=False)
        .configure_legend(**words, titleFontSize=12)
        .properties(padding={"bottom": 4})
    )
    return dressed


def _downloads(figure: Figure, key: str) -> None:
    """Draw one button a file type; the file is made when it is asked for."""
    look = theme.saved_look()
    kinds: tuple[tuple[str, str, str, Callable[[], bytes]], ...] = (
        (
            "SVG",
            "image/svg+xml",
            "The picture for papers and slides",
            lambda: save.svg(figure.chart, title=figure.title, look=look),
        ),
        (
            "PNG",
            "image/png",
            "The picture as pixels",
            lambda: save.png(figure.chart, title=figure.title, look=look),
        ),
        ("CSV", "text/csv", "The numbers", lambda: save.csv(figure.data)),
    )
    for name, mime, what, make in kinds:
        st.download_button(
            name,
            data=make,
            file_name=f"{figure.name}.{name.lower()}",
            mime=mime,
            key=f"{key}-{name.lower()}",
            type="tertiary",
            on_click="ignore",
            help=f"{what} of “{figure.title}”.",
        )
