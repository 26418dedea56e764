"""The figures at the top of the Model page.

Belongs here: four tiles. Does not belong here: the numbers.
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui.components.shared.tiles import tile
from workbench.ui.format import count, interval, percent, short, size
from workbench.ui.glossary import tip
from workbench.workflows.headlines import BN, RAW, label_of

if TYPE_CHECKING:
    from workbench.analysis.accuracy import Accuracy
    from workbench.analysis.cost.complexity import NetworkCost
    from workbench.data.dataset import Dataset
    from workbench.ui.services.settled import Settled


def headline(
    cost: "NetworkCost",
    found: "tuple[Accuracy, Dataset] | None",
    used: "Settled | None" = None,
) -> None:
    """Draw accuracy, weights, work and size of a network.

    Parameters
    ----------
    cost : NetworkCost
        Sums over its layers.
    found : (Accuracy, Dataset) or None
        None when there are no images to measure on.
    used : Settled or None
        What became of a pruned network; None for a dense one.
    """
    left, *others = st.columns(4)
    with left:
        if found is None:
            tile("Top-1 accuracy", "no data", help=tip("top-1"))
        else:
            accuracy, data = found
            what = BN if used is not None and used.kept else RAW
            label = "Top-1 accuracy" if used is None else label_of(what)
            tile(
                label,
                percent(accuracy.top1),
                below=f"{interval(*accuracy.interval)}, n = {count(accuracy.n)}",
                help=f"{tip('top-1')}\n\nMeasured on {data.name}, {data.split} images, "
                f"n = {count(accuracy.n)}.\n\nInterval: {tip('interval')}",
            )
    figures = (
        ("Weights", short(cost.weights), f"in {len(cost.layers)} layers", "parameters"),
        (
            "Dense MACs",
            short(cost.dense_macs),
            f"{short(cost.macs)} on non-zero weights",
            "dense MACs",
        ),
        (
            "Size dense",
            size(cost.dense_bytes),
            f"sparsity {percent(cost.sparsity)}",
            "size dense",
        ),
    )
    for column, (label, value, below, word) in zip(others, figures, strict=True):
        with column:
            tile(label, value, below=below, help=f"{tip(word)}\n\nCounted: no spread.")
