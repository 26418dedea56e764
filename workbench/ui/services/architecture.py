"""A network's operations and what reads what, as a picture of nodes and arrows.

Belongs here: the graph in Graphviz's language. Does not belong here: capturing
(``capture``), drawing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui import theme
from workbench.ui.format import percent, shape

if TYPE_CHECKING:
    from workbench.models.network import Network


@dataclass(frozen=True)
class Box:
    """One operation: its id, what it does, its output's shape, what it reads."""

    id: str
    op: str
    shape: tuple[int, ...]
    inputs: tuple[str, ...]


@st.cache_data(max_entries=16, show_spinner="Following the network…")
def _boxes(digest: str, _network: "Network") -> tuple[Box, ...]:
    from workbench.capture.from_torch.torch_export import capture

    graph = capture(_network)
    return tuple(Box(node.id, node.op, node.shape, node.inputs) for node in graph)


def boxes(network: "Network") -> tuple[Box, ...]:
    """Return the network's operations in the order in which they run.

    Raises
    ------
    WorkbenchError
        An operation that the engine does not cover.
    """
    return _boxes(network.digest, network)


def dot(network: "Network", shares: Mapping[str, float], selected: str) -> str:
    """Return the graph for Graphviz: layers shaded by share, one of them framed.

    Parameters
    ----------
    network : Network
        To be drawn.
    shares : mapping
        Layer id to share of the work, 0..1; the shade of its box.
    selected : str
        Layer whose box is framed.
    """
    colours = theme.palette()
    most = max(shares.values(), default=1.0) or 1.0
    lines = [
        'digraph { rankdir=LR; bgcolor="transparent"; nodesep=0.2; ranksep=0.25;',
        f'node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11, '
        f'color="{colours.removed}", fontcolor="{colours.text}", '
        f'fillcolor="{colours.pale}"];',
        f'edge [color="{colours.torch}", arrowsize=0.6];',
    ]
    for box in boxes(network):
        lines.append(_node(box, shares.get(box.id), most, chosen=box.id == selected))
        lines += [f'"{source}" -> "{box.id}";' for source in box.inputs]
    return "\n".join([*lines, "}"])


def _node(box: Box, share: float | None, most: float, *, chosen: bool) -> str:
    colours = theme.palette()
    label = f"{box.id}\\n{box.op}, {shape(box.shape)}"
    extra = ""
    if share is not None:
        level = min(5, round(5 * share / most))
        label += f"\\n{percent(share)} of the MACs"
        extra = f', fillcolor="{colours.sequential[level]}"'
    if chosen:
        extra += f', color="{colours.pruned}", penwidth=3'
    return f'"{box.id}" [label="{label}"{extra}];'
