"""Statistics of 3x3 patterns, for people who look at kernels.

Belongs here: which patterns a network's own kernels prefer, and what a dictionary of
K of them would keep. Does not belong here: masks (``pruning/methods/pattern.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning import patterns as scp
from workbench.pruning.pruned import PrunedNetwork


@dataclass(frozen=True, eq=False)
class PatternStatistics:
    """The natural 4-entry patterns of a set of 3x3 kernels.

    Parameters
    ----------
    layers : tuple of str
        Layer ids, in order.
    best : tuple of numpy.ndarray
        For each layer int64 (O, I): the kernel's natural pattern 0..55, or -1 for a
        kernel of zeros.
    patterns : numpy.ndarray
        bool (56, 3, 3), the most frequent pattern first.
    ids : numpy.ndarray
        int64 (56,), the id of each row of ``patterns``.
    counts : numpy.ndarray
        int64 (56,), how many kernels have each as their natural pattern.
    coverage : numpy.ndarray
        float64 (56,): with the K = i + 1 most frequent patterns, the share of non-zero
        kernels whose natural pattern is among them.
    retained : numpy.ndarray
        float64 (56,): the share of the weights' energy (sum of squares) that stays
        when each kernel takes the best of these K patterns.
    """

    layers: tuple[str, ...]
    best: tuple[np.ndarray, ...]
    patterns: np.ndarray
    ids: np.ndarray
    counts: np.ndarray
    coverage: np.ndarray
    retained: np.ndarray


def pattern_statistics(
    net: Network | PrunedNetwork, layers: Sequence[str] | None = None
) -> PatternStatistics:
    """Return the pattern dictionary of a network or of some of its layers.

    Parameters
    ----------
    net : Network or PrunedNetwork
        Where the weights come from.
    layers : sequence of str, optional
        Layer ids; all layers with 3x3 kernels if left out.

    Raises
    ------
    WorkbenchError
        A layer without 3x3 kernels, or a network that has none.
    """
    chosen = _chosen(net, layers)
    weights = [net.module.get_parameter(f"{name}.weight").detach() for name in chosen]
    ids = [scp.natural_ids(scp.kernels_of(weight)) for weight in weights]
    counts = torch.stack([scp.frequency(one) for one in ids]).sum(dim=0)
    order = scp.most_frequent(counts, len(scp.natural_patterns()))
    ordered = scp.natural_patterns()[order]
    kept = torch.zeros(len(order), dtype=torch.float64)
    total = 0.0
    for weight in weights:
        energy = scp.retained_energy(scp.kernels_of(weight), ordered)
        kept += energy.cummax(dim=1).values.sum(dim=0)
        total += float(weight.double().square().sum())
    tally = counts[order]
    return PatternStatistics(
        layers=tuple(chosen),
        best=tuple(
            one.reshape(weight.shape[:2]).numpy()
            for one, weight in zip(ids, weights, strict=True)
        ),
        patterns=ordered.reshape(-1, 3, 3).numpy(),
        ids=order.numpy(),
        counts=tally.numpy(),
        coverage=(tally.cumsum(0) / max(1, int(tally.sum()))).double().numpy(),
        # Equal sums over columns may differ in the last bit; more never keeps less.
        retained=(kept / total if total else kept).cummax(0).values.numpy(),
    )


def _chosen(net: Network | PrunedNetwork, layers: Sequence[str] | None) -> list[str]:
    if layers is None:
        found = [layer.id for layer in net.layers if _square(layer.kernel_size)]
        if not found:
            raise WorkbenchError(
                f"no 3x3 kernels in '{net.name}'",
                "a layer with 3x3 kernels",
                "Patterns exist for 3x3 kernels only; look at another network.",
            )
        return found
    for name in layers:
        layer = net.layer(name)
        if not _square(layer.kernel_size):
            size = "x".join(str(side) for side in layer.kernel_size)
            raise WorkbenchError(
                f"{size} kernels in layer '{name}'",
                "3x3 kernels",
                "Choose another layer.",
            )
    return list(layers)


def _square(kernel_size: tuple[int, int]) -> bool:
    return tuple(kernel_size) == (3, 3)
