"""Training from scratch: fresh initial weights, and plain or masked first training.

Belongs here: ``fresh`` and ``train``. Does not belong here: fine-tuning
(``finetune.py``); masks while training come from a pruned network.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.finetune_options import FinetuneOptions
from workbench.training.loop.fit import FitHooks
from workbench.training.loop.options import EpochLog
from workbench.training.run import run_training


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network and how it went.

    Parameters
    ----------
    network : Network
        With trained weights.
    history : tuple of EpochLog
        One an epoch.
    """

    network: Network
    history: tuple[EpochLog, ...]


def fresh(network: Network, *, seed: int = 0) -> Network:
    """Return the network with initial weights drawn anew.

    Convolutions get He's normal weights, other modules what their own
    ``reset_parameters`` gives, batch norms scale 1 and offset 0.

    Parameters
    ----------
    network : Network
        Not changed.
    seed : int
        The same seed gives the same weights.

    Raises
    ------
    WorkbenchError
        A module has parameters and no way to draw them.

    Source
    ------
    He et al., "Delving Deep into Rectifiers", 2015, section 2.2 (fan out).
    """
    require_network(network)
    module = copy.deepcopy(network.module)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for name, part in module.named_modules():
            _reset(name, part)
    return replace(network, module=module.eval())


def _reset(name: str, part: nn.Module) -> None:
    own = list(part.parameters(recurse=False))
    again = getattr(part, "reset_parameters", None)
    if callable(again):
        again()
    elif own:
        raise WorkbenchError(
            f"module '{name}' ({type(part).__name__}) with parameters of its own",
            "a reset_parameters() method that draws them",
            "Add one, or build the network anew and train it from there.",
        )
    if isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")


def train(
    network: Network,
    data: Dataset,
    *,
    val: Dataset | None = None,
    checkpoint: str | Path | None = None,
    hooks: FitHooks | None = None,
    **settings: Any,
) -> Network:
    """Return the network trained on the data, starting from the weights it has.

    ``fresh(network)`` gives a start from scratch. A network that shall be sparse from
    the start (HetConv, a lottery ticket) is pruned first and given to ``finetune``.

    Parameters
    ----------
    network : Network
        Not changed.
    data : Dataset
        Training images.
    val, checkpoint, hooks
        As in ``finetune``.
    **settings
        ``epochs``, ``lr``, ``rates``, ``augment`` and the other fields of
        ``FinetuneOptions`` that do not prune.

    Raises
    ------
    WorkbenchError
        As ``finetune``.
    """
    found = train_logged(
        network, data, val=val, checkpoint=checkpoint, hooks=hooks, **settings
    )
    return found.network


def train_logged(
    network: Network,
    data: Dataset,
    *,
    val: Dataset | None = None,
    checkpoint: str | Path | None = None,
    hooks: FitHooks | None = None,
    **settings: Any,
) -> Trained:
    """Return what ``train`` returns, together with the history of its epochs."""
    require_network(network)
    options = FinetuneOptions.of(Recipe(), settings).fit_options(data.name)
    result = run_training(
        network.module, data, options, val=val, checkpoint=checkpoint, hooks=hooks
    )
    return Trained(replace(network, module=result.module), result.history)
