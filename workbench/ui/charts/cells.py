"""Small matrices drawn cell by cell, side by side: what the lessons move.

Belongs here: one picture of several grids with numbers and roles. Does not belong
here: what the numbers mean (``lessons``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme

PLAIN, KEPT, REMOVED, ACTIVE, FAINT = range(5)
ROLES: Mapping[int, str] = MappingProxyType(
    {PLAIN: "plain", KEPT: "kept", REMOVED: "zero", ACTIVE: "in use", FAINT: "partly"}
)
GAP = 1.6
SIDE_PX = 34
WIDTH_PX = 1120
HEAD_PX = 34


@dataclass(frozen=True, eq=False)
class Grid:
    """One matrix of a picture.

    Parameters
    ----------
    title : str
        Written above it.
    values : numpy.ndarray
        (rows, columns); shown on hover and, with ``digits``, in the cells.
    roles : numpy.ndarray
        int of the same shape, one of the roles of this module.
    digits : int or None
        Digits after the point; None writes nothing into the cells.
    """

    title: str
    values: np.ndarray
    roles: np.ndarray
    digits: int | None = 0


def cells(grids: Sequence[Grid], *, side_px: int = SIDE_PX) -> alt.LayerChart:
    """Return the grids from left to right, all cells of one size.

    Parameters
    ----------
    grids : sequence of Grid
        Drawn in this order.
    side_px : int
        Side of a cell at the full width of a page.
    """
    frame = cell_frame(grids)
    titles = _titles(grids, HEAD_PX / side_px / 2)
    colours = theme.palette()
    rows = max(grid.values.shape[0] for grid in grids)
    width = sum(grid.values.shape[1] for grid in grids) + GAP * (len(grids) - 1)
    fill = {
        PLAIN: colours.pale,
        KEPT: colours.kept,
        REMOVED: colours.removed,
        ACTIVE: colours.pruned,
        FAINT: colours.sequential[3],
    }
    ink = {role: colours.text for role in fill} | dict.fromkeys(
        (KEPT, ACTIVE), colours.paper
    )
    x = alt.Scale(domain=[-0.2, max(width, WIDTH_PX / side_px)], nice=False)
    head = HEAD_PX / side_px
    y = alt.Scale(domain=[rows + 0.2, -head], nice=False)
    base = alt.Chart(frame)
    boxes = base.mark_rect(stroke=colours.paper, strokeWidth=2).encode(
        x=alt.X("left:Q", axis=None, scale=x),
        x2="right",
        y=alt.Y("top:Q", axis=None, scale=y),
        y2="bottom",
        color=_by_role(fill),
        tooltip=["grid", "row", "column", "value", "role"],
    )
    words = base.mark_text(fontSize=min(13, int(side_px * 0.4))).encode(
        x=alt.X("x:Q", scale=x),
        y=alt.Y("y:Q", scale=y),
        text="text:N",
        color=_by_role(ink),
    )
    heads = (
        alt.Chart(titles)
        .mark_text(align="left", fontSize=13, fontWeight=600, color=colours.text)
        .encode(x=alt.X("x:Q", scale=x), y=alt.Y("y:Q", scale=y), text="text:N")
    )
    height = int((rows + 0.2) * side_px) + HEAD_PX
    chart: alt.LayerChart = (
        (boxes + words + heads)
        .resolve_scale(color="independent")
        .properties(height=height)
    )
    return chart


def cell_frame(grids: Sequence[Grid]) -> pd.DataFrame:
    """Return one row a cell: its grid, place, value and role."""
    rows: list[dict[str, Any]] = []
    start = 0.0
    for grid in grids:
        for (row, column), value in np.ndenumerate(grid.values):
            role = int(grid.roles[row, column])
            blank = grid.digits is None or not np.isfinite(value)
            rows.append(
                {
                    "grid": grid.title,
                    "row": row,
                    "column": column,
                    "value": float(value),
                    "role": ROLES[role],
                    "text": "" if blank else _text(float(value), grid.digits or 0),
                    "left": start + column,
                    "right": start + column + 1,
                    "top": row,
                    "bottom": row + 1,
                    "x": start + column + 0.5,
                    "y": row + 0.5,
                }
            )
        start += grid.values.shape[1] + GAP
    return pd.DataFrame(rows)


def _text(value: float, digits: int) -> str:
    """Return a number with a real minus sign, and none before zero."""
    return f"{value:z.{digits}f}".replace("-", "\u2212")


def numbers(grids: Sequence[Grid]) -> pd.DataFrame:
    """Return the cells' numbers without their places on the screen."""
    return cell_frame(grids)[["grid", "row", "column", "value", "role"]]


def _titles(grids: Sequence[Grid], above: float) -> pd.DataFrame:
    starts = np.cumsum([0.0, *(grid.values.shape[1] + GAP for grid in grids[:-1])])
    return pd.DataFrame(
        {"x": starts, "y": -above, "text": [grid.title for grid in grids]}
    )


def _by_role(colours: Mapping[int, str]) -> alt.Color:
    return alt.Color(
        "role:N",
        legend=None,
        scale=alt.Scale(
            domain=list(ROLES.values()), range=[colours[role] for role in ROLES]
        ),
    )
