"""What pruning removed, counted from the masks.

Belongs here: the counts and notes per layer and in total. A curve drawn from them can
never claim to have pruned what was not. Does not belong here: cost in MACs or bytes
(``analysis/complexity``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from workbench.errors import WorkbenchError
from workbench.models.network import Layer


@dataclass(frozen=True)
class LayerReport:
    """One layer after pruning.

    Parameters
    ----------
    id, method : str
        Layer id, and the method of the rule that decided ("none" if dense).
    weights, zeros : int
        All weights, and those the mask removes.
    kernels, kernels_removed : int
        k x k kernels (single weights of a linear layer), and those wholly removed.
    filters, filters_removed : int
        Output channels, and those wholly removed.
    note : str
        Why the layer was left dense, or what it is coupled to; "" if nothing.
    """

    id: str
    method: str
    weights: int
    zeros: int
    kernels: int
    kernels_removed: int
    filters: int
    filters_removed: int
    note: str = ""

    @property
    def sparsity(self) -> float:
        """Zeros over weights, 0..1."""
        return self.zeros / self.weights


@dataclass(frozen=True)
class PruneReport:
    """All layers of a network after pruning, in execution order."""

    layers: tuple[LayerReport, ...]

    def layer(self, layer_id: str) -> LayerReport:
        """Return one layer's report.

        Raises
        ------
        WorkbenchError
            There is no such layer.
        """
        for row in self.layers:
            if row.id == layer_id:
                return row
        raise WorkbenchError(
            f"no layer '{layer_id}' in the report",
            "one of " + ", ".join(row.id for row in self.layers[:4]) + ", ...",
            "Take the id from the layer table.",
        )

    @property
    def weights(self) -> int:
        """All weights of all layers."""
        return sum(row.weights for row in self.layers)

    @property
    def zeros(self) -> int:
        """Weights removed."""
        return sum(row.zeros for row in self.layers)

    @property
    def kernels_removed(self) -> int:
        """Kernels wholly removed."""
        return sum(row.kernels_removed for row in self.layers)

    @property
    def filters_removed(self) -> int:
        """Filters wholly removed."""
        return sum(row.filters_removed for row in self.layers)

    @property
    def sparsity(self) -> float:
        """Zeros over weights of all layers, 0..1."""
        return self.zeros / self.weights

    @property
    def notes(self) -> tuple[str, ...]:
        """The layers' notes, each led by its layer id."""
        return tuple(f"{row.id}: {row.note}" for row in self.layers if row.note)

    @property
    def note(self) -> str:
        """All notes in one text; "" if there is none."""
        return "; ".join(self.notes)


def make_report(
    layers: Sequence[Layer],
    masks: Mapping[str, torch.Tensor],
    *,
    methods: Mapping[str, str],
    notes: Mapping[str, str],
) -> PruneReport:
    """Return the report of a set of masks.

    Parameters
    ----------
    layers : sequence of Layer
        All layers of the network.
    masks : mapping of str to torch.Tensor
        Layer id to bool mask, True = keep; layers without one are dense.
    methods, notes : mapping of str to str
        By layer id.
    """
    rows = []
    for layer in layers:
        method, note = methods.get(layer.id, "none"), notes.get(layer.id, "")
        rows.append(_row(layer, masks.get(layer.id), method, note))
    return PruneReport(tuple(rows))


def _row(
    layer: Layer, mask: torch.Tensor | None, method: str, note: str
) -> LayerReport:
    filters = layer.weight_shape[0]
    kernels = filters * layer.weight_shape[1]
    if mask is None:
        return LayerReport(
            layer.id, method, layer.params, 0, kernels, 0, filters, 0, note
        )
    # Not mask.sum(): it makes eight bytes of every weight first.
    alive = mask.flatten(2).any(dim=2) if mask.ndim > 2 else mask
    return LayerReport(
        id=layer.id,
        method=method,
        weights=layer.params,
        zeros=layer.params - int(torch.count_nonzero(mask)),
        kernels=kernels,
        kernels_removed=kernels - int(torch.count_nonzero(alive)),
        filters=filters,
        filters_removed=filters - int(alive.any(dim=1).sum()),
        note=note,
    )
