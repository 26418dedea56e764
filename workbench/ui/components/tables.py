"""What all tables share.

Belongs here: how tall a table is. Does not belong here: columns.
"""

from typing import Literal

ROW_PX = 33


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
