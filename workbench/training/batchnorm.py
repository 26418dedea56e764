"""Re-estimating batch-norm statistics: the cheap first aid after pruning.

Belongs here: new running means and variances for a network whose weights changed, and
whether they help. Does not belong here: training.

Pruning shifts what a layer puts out, while its batch norm still subtracts the dense
network's mean. A few thousand images through the network, without labels or
gradients, bring mean and variance in line with the pruned weights.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import nn

from workbench.analysis.accuracy import Accuracy, evaluate
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

Net = TypeVar("Net", Network, PrunedNetwork)

BATCH = 200


def reestimate_bn(net: Net, data: Dataset, *, images: int = 2000, seed: int = 0) -> Net:
    """Return the network with batch-norm statistics of ``data``; ``net`` stays.

    Parameters
    ----------
    net : Network or PrunedNetwork
        Masks, weights, scales and offsets are kept; only running means and variances
        change. A network without batch norm gives an equal copy.
    data : Dataset
        Training images; labels are not used.
    images : int
        How many, drawn without replacement.
    seed : int
        Of the draw.

    Returns
    -------
    Network or PrunedNetwork
        Of the same type, a new object. Running statistics are the plain average over
        equal batches (momentum None), so that the order does not matter.

    Raises
    ------
    WorkbenchError
        Fewer than two images.
    """
    require_network(net)
    if not isinstance(net, Network | PrunedNetwork):
        raise WorkbenchError(
            f"a {type(net).__name__}",
            "a Network or PrunedNetwork",
            "Re-estimate before workbench.compress.",
        )
    count = min(images, len(data))
    if count < 2:
        raise WorkbenchError(
            f"{count} images for batch-norm statistics",
            "two or more, 2000 as a rule",
            "Give the training split.",
        )
    module = copy.deepcopy(net.module).eval()
    norms = _norms(module)
    if norms:
        _estimate(module, norms, data, _draw(len(data), count, seed))
    if isinstance(net, Network):
        return replace(net, module=module)
    return net.with_module(module)


@dataclass(frozen=True, eq=False)
class Chosen(Generic[Net]):
    """The better of a network as it was and with batch norms re-estimated.

    Parameters
    ----------
    network : Network or PrunedNetwork
        The better one.
    kept : bool
        Whether it is the re-estimated one.
    why : str
        Why it is not; "" where it is.
    images : int
        Asked for the statistics.
    """

    network: Net
    kept: bool
    why: str
    images: int


def reestimate_if_better(
    net: Net, data: Dataset, *, images: int = 400, held: int = 200, seed: int = 0
) -> Chosen[Net]:
    """Return the network with re-estimated batch norms if that helps, else as it is.

    Parameters
    ----------
    net : Network or PrunedNetwork
        Stays as it is.
    data : Dataset
        Training images: ``images`` give the statistics, as in ``reestimate_bn``, and
        ``held`` others decide, by top-1, at a draw by the loss. Of fewer images than
        both together a third is held.
    images, held : int
        How many.
    seed : int
        Of the draw.
    """
    if not _norms(net.module):
        return Chosen(net, False, "the network has no batch norms", 0)
    if len(data) < images + held:
        images = len(data) - len(data) // 3
    chosen = _order(len(data), seed)[images : images + held]
    if images < 2 or not len(chosen):
        return Chosen(net, False, "there are too few training images", 0)
    judge = replace(
        data,
        images=data.images[chosen],
        labels=data.labels[chosen],
        digest=f"{data.digest}#held{images}+{len(chosen)}@{seed}",
    )
    other = reestimate_bn(net, data, images=images, seed=seed)
    before, after = evaluate(net, judge), evaluate(other, judge)
    if _rank(after) > _rank(before):
        return Chosen(other, True, "", images)
    why = (
        f"re-estimated batch norms do not help: {after.top1:.1%} against "
        f"{before.top1:.1%} of {after.n} training images that were held back"
    )
    return Chosen(net, False, why, images)


def _rank(found: Accuracy) -> tuple[float, float]:
    return found.top1, -found.loss


def _norms(module: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """Return the batch norms that keep running statistics."""
    return [
        part
        for part in module.modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm)
        and part.track_running_stats
    ]


def _order(total: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).permutation(total)


def _draw(total: int, count: int, seed: int) -> np.ndarray:
    """Return the chosen images' indices, cut to whole batches where there are any."""
    chosen = _order(total, seed)[:count]
    whole = count - count % BATCH
    return chosen[: whole or count]


def _estimate(
    module: nn.Module,
    norms: list[nn.modules.batchnorm._BatchNorm],
    data: Dataset,
    indices: np.ndarray,
) -> None:
    """Run the images through the module while its batch norms keep averages."""
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        for start in range(0, len(indices), BATCH):
            module(data.tensor(indices[start : start + BATCH]))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
