"""The network as a tree of modules: area is work, colour is what pruning removed.

Belongs here: the one picture drawn by Plotly, because its boxes open by a click: a
network of fifty layers reads block by block. Does not belong here: counting MACs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.ui import theme
from workbench.ui.format import percent, short

ROOT = ""
# Seen at once: the network, its stages, their blocks; the rest opens by a click.
LEVELS = 3


def module_tree(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row for the network, each block and each layer.

    Parameters
    ----------
    rows : sequence of mapping
        ``layer``, ``dense_macs`` and ``theoretical_macs`` of each layer.

    Returns
    -------
    pandas.DataFrame
        id, parent (ids), name, dense_macs, left (MACs on non-zeros), layers; a block
        holds the sums of what is in it.

    Examples
    --------
    >>> macs = {"dense_macs": 2, "theoretical_macs": 1}
    >>> tree = module_tree([{"layer": name, **macs} for name in ("b.0", "b.1")])
    >>> tree[["id", "dense_macs"]].values.tolist()
    [['', 4], ['b', 4], ['b.0', 2], ['b.1', 2]]
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        parts = str(row["layer"]).split(".")
        paths = [".".join(parts[:depth]) for depth in range(len(parts) + 1)]
        for depth, path in enumerate(paths):
            node = found.setdefault(
                path,
                {
                    "id": path,
                    "parent": paths[depth - 1] if depth else None,
                    "name": path,
                    "dense_macs": 0,
                    "left": 0,
                    "layers": 0,
                },
            )
            node["dense_macs"] += row["dense_macs"]
            node["left"] += row["theoretical_macs"]
            node["layers"] += 1
    return pd.DataFrame(list(found.values()))


def tree_figure(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    """Return a Plotly treemap of a network's modules.

    Parameters
    ----------
    rows : sequence of mapping
        As ``module_tree`` takes them.
    name : str
        Of the network, written on the outermost box.
    """
    from plotly import graph_objects as go

    colours = theme.palette()
    tree = module_tree(rows)
    gone = 1 - tree["left"] / tree["dense_macs"].clip(lower=1)
    total = max(int(tree["dense_macs"].iloc[0]), 1)
    words = [
        f"{short(macs)} MACs<br>{percent(macs / total)} of the network"
        for macs in tree["dense_macs"]
    ]
    boxes = go.Treemap(
        ids=tree["id"].where(tree["id"] != ROOT, name),
        parents=[
            "" if parent is None else (parent or name) for parent in tree["parent"]
        ],
        labels=tree["name"].where(tree["name"] != ROOT, name),
        values=tree["dense_macs"],
        branchvalues="total",
        maxdepth=LEVELS,
        text=words,
        textinfo="label+text",
        customdata=[f"{percent(share)} of its MACs are by zero" for share in gone],
        hovertemplate="<b>%{label}</b><br>%{text}<br>%{customdata}<extra></extra>",
        marker={
            "colors": 100 * gone,
            "colorscale": [[0, colours.pale], [1, colours.sequential[5]]],
            "cmin": 0,
            "cmax": 100,
            "colorbar": {
                "title": {"text": "by zero (%)", "font": {"color": colours.quiet}},
                "tickfont": {"color": colours.quiet},
                "thickness": 12,
            },
            "line": {"color": colours.paper, "width": 2},
        },
        textfont={"color": colours.text, "size": 13},
        pathbar={"textfont": {"color": colours.text}},
    )
    figure = go.Figure(boxes)
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 28, "b": 4}, paper_bgcolor="rgba(0,0,0,0)"
    )
    return figure
