"""Criteria that score whole filters: fpgm, bn_scale.

A filter's score is shared out among its weights in proportion to |w|. The sum over the
filter is then its score, as the paper has it, and a method of finer granularity takes
the smallest weights of the least filters first.
"""

from __future__ import annotations

import torch

from workbench.pruning.method import Context, MethodError


def shared_out(scores: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return filters' scores as scores of their weights, float64.

    Parameters
    ----------
    scores : torch.Tensor
        (O,), at least 0.
    weight : torch.Tensor
        (O, ...); a filter of zeros shares its score out evenly.

    Examples
    --------
    >>> shared_out(torch.tensor([8.0, 3.0]), torch.tensor([[1.0, -3.0], [0, 0]]))
    tensor([[2.0000, 6.0000],
            [1.5000, 1.5000]], dtype=torch.float64)
    """
    size = weight.double().abs().flatten(1)
    total = size.sum(dim=1, keepdim=True)
    share = torch.where(total > 0, size / total.clamp_min(1e-300), 1 / size.shape[1])
    return (share * scores.double()[:, None]).reshape(weight.shape)


def fpgm(layer_id: str, weight: torch.Tensor, context: Context) -> torch.Tensor:
    """Return the sum of a filter's Euclidean distances to all filters of its layer.

    The filters of least sum are the ones nearest to the layer's geometric median: the
    others can stand in for them, whatever their norm.

    Source: He et al. 2019, "Filter Pruning via Geometric Median", eq. 5 and 8.
    """
    rows = weight.double().flatten(1)
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    return shared_out(distances.sum(dim=1), weight)


def bn_scale(layer_id: str, weight: torch.Tensor, context: Context) -> torch.Tensor:
    """Return |gamma| of the batch norm that follows the layer, filter by filter.

    Source: Liu et al. 2017, "Learning Efficient Convolutional Networks through Network
    Slimming", section 3.

    Raises
    ------
    MethodError
        No batch norm reads this layer.
    """
    scales = context.scales()
    if layer_id not in scales:
        raise MethodError(
            f"criterion 'bn_scale' for '{layer_id}', which no batch norm follows",
            "a batch norm that reads the layer's output",
            "Use criterion 'l1' or 'fpgm' for this layer.",
        )
    return shared_out(scales[layer_id].abs(), weight)
