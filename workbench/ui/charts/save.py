"""A chart as a file: SVG and PNG for papers and slides, CSV for its numbers.

Belongs here: turning a figure into bytes. Does not belong here: the page around it
(``frame``), any single chart.
"""

from typing import Any

import altair
import pandas as pd

WIDTH_PX = 860
PNG_SCALE = 2.0


def svg(chart: altair.TopLevelMixin, *, title: str, look: dict[str, Any]) -> bytes:
    """Return a chart as SVG with its title, coloured as on the screen.

    Parameters
    ----------
    chart : altair.Chart or altair.LayerChart
        The picture, as on the page.
    title : str
        Written above it.
    look : dict
        As from ``look_of``.
    """
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(_spec(chart, title, look))
    return text.encode()


def png(chart: altair.TopLevelMixin, *, title: str, look: dict[str, Any]) -> bytes:
    """Return a chart as PNG at twice the screen's resolution; see ``svg``."""
    import vl_convert

    spec = _spec(chart, title, look)
    return bytes(vl_convert.vegalite_to_png(spec, scale=PNG_SCALE))


def csv(data: pd.DataFrame) -> bytes:
    """Return the numbers behind a chart as CSV with a header line."""
    return bytes(data.to_csv(index=False).encode())


def look_of(*, background: str, text: str, grid: str) -> dict[str, Any]:
    """Return Vega-Lite settings that give a saved picture the theme's colours."""
    return {
        "background": background,
        "font": "sans-serif",
        "axis": {
            "labelColor": text,
            "titleColor": text,
            "gridColor": grid,
            "domainColor": grid,
            "tickColor": grid,
            "titleFontWeight": "normal",
            "labelFlush": False,
        },
        "legend": {"labelColor": text, "titleColor": text},
        "title": {"color": text, "anchor": "start", "fontSize": 15, "offset": 12},
        "view": {"stroke": None},
    }


def _spec(
    chart: altair.TopLevelMixin, title: str, look: dict[str, Any]
) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict()
    if "hconcat" not in spec and "vconcat" not in spec:
        spec["width"] = WIDTH_PX
    return {**spec, "title": title, "config": look}
