"""One kernel in exact numbers: what a click in the mosaic shows.

Belongs here: the small table. Does not belong here: the mosaic.
"""

import numpy as np
import pandas as pd
import streamlit as st

from workbench.ui import theme
from workbench.ui.components.mosaic import KernelView, Pick
from workbench.ui.components.mosaic.pack import MAX_WEIGHTS
from workbench.ui.format import percent


def kernel_detail(view: KernelView, pick: Pick | None) -> None:
    """Draw the picked kernel's weights, its norm, and what the mask leaves.

    Parameters
    ----------
    view : KernelView
        The layer on the screen.
    pick : Pick or None
        The kernel that was clicked; None shows the heaviest one.
    """
    chosen = pick is not None and _inside(view, pick)
    if not chosen:
        pick = _heaviest(view)
    if pick is None:
        st.caption("Click a kernel in the mosaic to see its exact weights here.")
        return
    weights = np.atleast_2d(view.weights[pick.o, pick.i])
    mask = None if view.mask is None else np.atleast_2d(view.mask[pick.o, pick.i])
    title = "Kernel" if chosen else "Heaviest kernel"
    st.markdown(f"**{title}: filter {pick.o}, channel {pick.i}**")
    table = pd.DataFrame(weights)
    table.columns = [f"col {n}" for n in range(weights.shape[1])]
    table.index = pd.Index([f"row {n}" for n in range(weights.shape[0])])
    st.table(table.style.apply(_shade, mask=mask, axis=None).format(_signed))
    norm = float(np.sqrt((weights.astype(np.float64) ** 2).sum()))
    text = f"Norm {norm:.4g}."
    if mask is not None:
        left = float(((weights * mask).astype(np.float64) ** 2).sum())
        kept = left / max(norm * norm, 1e-30)
        text += (
            f" The mask keeps {int(mask.sum())} of {mask.size} weights and "
            f"{percent(kept)} of the energy; pruned weights are shaded."
        )
    st.caption(text)


def _heaviest(view: KernelView) -> Pick | None:
    """Return the kernel of the largest norm; None of a layer too large to ask."""
    if view.weights.size > MAX_WEIGHTS:
        return None
    flat = view.weights.reshape(*view.weights.shape[:2], -1)
    norms = np.einsum("oik,oik->oi", flat, flat)
    o, i = np.unravel_index(int(norms.argmax()), norms.shape)
    return Pick(int(o), int(i))


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "\u2212")


def _inside(view: KernelView, pick: Pick) -> bool:
    filters, channels = view.weights.shape[:2]
    return bool(pick.o < filters and pick.i < channels)


def _shade(table: pd.DataFrame, mask: np.ndarray | None) -> pd.DataFrame:
    """Return one CSS rule a cell: struck through where the mask is zero."""
    css = np.full(table.shape, "", dtype=object)
    if mask is not None:
        grey = theme.palette().removed
        css[~mask] = f"text-decoration: line-through; background-color: {grey}"
    return pd.DataFrame(css, index=table.index, columns=table.columns)
