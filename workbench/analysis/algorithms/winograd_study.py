"""Winograd on the layers of a network, and in one, two and three dimensions.

Belongs here: the proof that matrices compute correlation, errors by dimensions, and
rows for the layers of a loaded network. Does not belong here: op counts, ranking of
points and fill-in of one weight (``winograd``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.algorithms.winograd import FillIn, error_by_tile, fill_in
from workbench.engine.winograd.cook_toom import Matrix, Transform, cook_toom
from workbench.engine.winograd.error import WinogradError
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

F32 = NDArray[np.float32]
_CHANNELS, _TILES = 16, 8


def computes_correlation(transform: Transform) -> bool:
    """Return whether AT[(G g) * (BT d)] is the correlation for every d and g.

    Both sides are linear in d and in g, so it is enough, and a proof, that the factor
    of g[j] d[l] in output i is 1 where l = i + j and 0 elsewhere, in exact numbers.

    Examples
    --------
    >>> computes_correlation(cook_toom(4, 3))
    True
    """
    at, g, bt = transform.at, transform.g, transform.bt
    size = transform.alpha
    return all(
        sum((at[i][k] * g[k][j] * bt[k][n] for k in range(size)), Fraction(0))
        == (n == i + j)
        for i in range(transform.m)
        for j in range(transform.r)
        for n in range(size)
    )


def error_in(transform: Transform, dims: int, *, seed: int = 0) -> WinogradError:
    """Return the float32 error of F(m, r) nested over one, two or three axes.

    Normal weights and rectified normal inputs of 16 channels, 8 tiles, against
    float64.

    Parameters
    ----------
    transform : Transform
    dims : int
        1, 2 or 3.
    seed : int
        Of weights and inputs.
    """
    if dims not in (1, 2, 3):
        raise WorkbenchError(
            f"{dims} dimensions", "1, 2 or 3", "Networks have no more."
        )
    random = np.random.default_rng(seed)
    shape = (transform.r,) * dims
    scale = np.sqrt(2 / (_CHANNELS * transform.r**dims))
    taps = (random.standard_normal((_CHANNELS, *shape)) * scale).astype(np.float32)
    side = (transform.alpha,) * dims
    image = random.standard_normal((_TILES, _CHANNELS, *side)).astype(np.float32)
    image = np.maximum(image, 0)
    at, exact_g, bt = transform.arrays()
    at, bt = at.astype(np.float32), bt.astype(np.float32)
    # Weights are transformed in float64 and rounded once, as in layers of few weights.
    inside = _along(taps.astype(np.float64), exact_g, dims)
    product = (inside.astype(np.float32) * _along(image, bt, dims)).sum(axis=1)
    got = _along(product, at, dims).astype(np.float64)
    exact = np.zeros(got.shape)
    for place in np.ndindex(*shape):
        cut = tuple(slice(p, p + transform.m) for p in place)
        piece = image[(slice(None), slice(None), *cut)].astype(np.float64)
        tap = taps[(slice(None), *place)].astype(np.float64)
        exact += np.tensordot(piece, tap, axes=([1], [0]))
    error = got - exact
    rms = float(np.sqrt(np.mean(error**2) / np.mean(exact**2)))
    return WinogradError(float(np.abs(error).max() / np.abs(exact).max()), rms)


def _along(
    values: NDArray[np.floating], matrix: NDArray[np.floating], dims: int
) -> NDArray[np.floating]:
    """Return the matrix applied along each of the last ``dims`` axes."""
    for axis in range(values.ndim - dims, values.ndim):
        moved = np.tensordot(values, matrix, axes=([axis], [1]))
        values = np.moveaxis(moved, -1, axis)
    return values


@dataclass(frozen=True, eq=False)
class LayerStudy:
    """Winograd on the weights of one layer.

    Parameters
    ----------
    id : str
        Layer id.
    size : int
        Kernel side r.
    errors : tuple of (int, WinogradError)
        Tile size m and the error with the layer's own weights.
    fills : tuple of FillIn
        One a tile size: what happens to the layer's zeros.
    """

    id: str
    size: int
    errors: tuple[tuple[int, WinogradError], ...]
    fills: tuple[FillIn, ...]


def study(
    net: Network | PrunedNetwork,
    sizes: Iterable[int] = range(2, 9),
    *,
    layers: Sequence[str] | None = None,
    filters: int = 16,
) -> tuple[LayerStudy, ...]:
    """Return errors and fill-in of a network's own weights.

    Parameters
    ----------
    net : Network or PrunedNetwork
    sizes : iterable of int
        Tile sizes m.
    layers : sequence of str, optional
        Layer ids; by default all with square kernels above 1 x 1 and stride 1.
    filters : int
        Filters a layer that errors are measured on, those with the largest weights.

    Raises
    ------
    WorkbenchError
        No such layer, or one that Winograd cannot run.
    """
    tiles = tuple(sizes)
    known = {layer.id: layer for layer in net.layers}
    chosen = list(layers) if layers is not None else [n for n in known if _fits(net, n)]
    for name in chosen:
        net.layer(name)
        if not _fits(net, name):
            raise WorkbenchError(
                f"layer '{name}', which Winograd cannot run",
                "square kernels above 1x1, stride 1, no dilation",
                "Choose another layer.",
            )
    if not chosen:
        raise WorkbenchError(
            f"no layer of '{net.name}' that Winograd can run",
            "square kernels above 1x1, stride 1, no dilation",
            "Choose another network.",
        )
    return tuple(_study(net, name, tiles, filters) for name in chosen)


def _study(
    net: Network | PrunedNetwork, name: str, tiles: tuple[int, ...], filters: int
) -> LayerStudy:
    weight = net.module.get_parameter(f"{name}.weight").detach().numpy()
    side = weight.shape[2]
    largest = np.argsort(np.abs(weight).max(axis=(1, 2, 3)))[::-1][:filters]
    errors = error_by_tile(np.ascontiguousarray(weight[largest]), tiles)
    return LayerStudy(
        name,
        side,
        tuple((row.m, row.error) for row in errors),
        tuple(fill_in(weight, cook_toom(m, side)) for m in tiles),
    )


def _fits(net: Network | PrunedNetwork, name: str) -> bool:
    layer = net.layer(name)
    height, width = layer.kernel_size
    return (
        layer.kind == "conv"
        and height == width > 1
        and layer.stride == (1, 1)
        and layer.dilation == (1, 1)
    )


def as_text(matrix: Matrix) -> list[list[str]]:
    """Return the entries of a rational matrix as people write them."""
    return [[str(entry) for entry in row] for row in matrix]
