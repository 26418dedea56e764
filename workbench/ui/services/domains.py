"""A layer's weights as other algorithms see them: Winograd domain, palette.

Belongs here: the arrays, computed once a choice. Does not belong here: the transforms
(``engine.winograd``), k-means (``compression``), drawing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

if TYPE_CHECKING:
    from workbench.analysis.algorithms.winograd import FillIn
    from workbench.compression.palette import Palette

F32 = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, eq=False)
class WinogradView:
    """Weights ``G g G^T``, which of them a non-zero tap reaches, and the fill-in."""

    weights: F32
    reached: np.ndarray[Any, np.dtype[np.bool_]]
    fill: "FillIn"


@dataclass(frozen=True, eq=False)
class PaletteView:
    """Weights made of shared values, their palette, and what rounding them costs."""

    weights: F32
    palette: "Palette"
    error: float


@st.cache_data(max_entries=16, show_spinner=False)
def _winograd(key: tuple[object, ...], m: int, _weights: F32) -> WinogradView:
    from workbench.analysis.algorithms.winograd import fill_in
    from workbench.engine.winograd.cook_toom import cook_toom

    transform = cook_toom(m, 3)
    g = np.array([[float(x) for x in row] for row in transform.g])
    reach = np.abs(np.sign(g)) @ (_weights != 0) @ np.abs(np.sign(g)).T > 0
    return WinogradView(
        np.asarray(g @ _weights.astype(np.float64) @ g.T, dtype=np.float32),
        reach,
        fill_in(_weights, transform),
    )


def winograd_view(key: tuple[object, ...], weights: F32, m: int) -> WinogradView:
    """Return a layer's 3 x 3 kernels in the domain of F(m x m, 3 x 3).

    Parameters
    ----------
    key : tuple
        What the weights depend on: digest and layer.
    weights : numpy.ndarray of float32, shape (O, I, 3, 3)
        After pruning.
    m : int
        Outputs of a tile along each axis.
    """
    return _winograd(key, m, weights)


@st.cache_data(max_entries=16, show_spinner=False)
def _palette(key: tuple[object, ...], bits: int, _weights: F32) -> PaletteView:
    from workbench.compression.kmeans import share

    palette = share(_weights, bits)
    made = palette.weight()
    wide = _weights.astype(np.float64)
    error = float(((wide - made) ** 2).sum() / max((wide**2).sum(), 1e-30))
    return PaletteView(made, palette, error)


def palette_view(key: tuple[object, ...], weights: F32, bits: int) -> PaletteView:
    """Return a layer with ``2 ** bits`` shared values; see ``winograd_view``."""
    return _palette(key, bits, weights)


@st.cache_data(max_entries=16, show_spinner=False)
def _cut(key: tuple[object, ...], share: float, _weights: F32) -> F32:
    flat = np.abs(_weights).reshape(-1)
    gone = round(share * flat.size)
    if not gone:
        return _weights
    limit = np.partition(flat, gone - 1)[gone - 1]
    return np.where(np.abs(_weights) <= limit, np.float32(0), _weights)


def without_smallest(key: tuple[object, ...], weights: F32, share: float) -> F32:
    """Return the weights with a share of the smallest magnitudes set to zero."""
    return _cut(key, share, weights)
