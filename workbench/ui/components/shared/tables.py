"""What all tables share.

Belongs here: how tall a table is, how shares look in it. Does not belong here: columns.
"""

from collections.abc import Sequence
from typing import Literal

import pandas as pd

ROW_PX = 33
PERCENT = "%.1f\u00a0%%"
"""Format of a column that ``in_percent`` has scaled."""
LAYER_MS = "Median of the layer's time inside whole runs of the network."
"""Tooltip of a column of layers' times."""


def table_height(rows: int, most: int) -> int | Literal["content"]:
    """Return "content" for a short table, else a height that scrolls.

    Parameters
    ----------
    rows : int
        Rows of the table, the header not counted.
    most : int
        Rows shown at once.

    Examples
    --------
    >>> table_height(5, 8), table_height(50, 8)
    ('content', 297)
    """
    return "content" if rows <= most else ROW_PX * (most + 1)


def in_percent(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the table with shares 0..1 as percent, for columns of ``PERCENT``.

    Streamlit's own format "percent" drops digits: 34%, 98.5% and 69.44% in a column.

    Examples
    --------
    >>> in_percent(pd.DataFrame({"top1": [0.985, None]}), ["top1"])["top1"].tolist()
    [98.5, nan]
    """
    shares = {name: 100 * table[name].astype(float) for name in names if name in table}
    return table.assign(**shares)
