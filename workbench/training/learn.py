"""Running a method that chooses while training: ``learn``, of the public API.

Belongs here: from a network and a row of the table to a pruned network. Does not belong
here: the table (``driven.py``), the lottery's rounds (``lottery.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.pruning.method import MethodParams
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.errors import build
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.finetune import Tuned, tune
from workbench.training.finetune_options import FinetuneOptions
from workbench.training.learned.pruned import with_masks
from workbench.training.learned.table import DRIVEN, DrivenMethod
from workbench.training.loop.fit import FitHooks
from workbench.training.run import run_training


@dataclass(frozen=True, eq=False)
class Driven:
    """A method of the table with its parameters; ``Driven.of("flops", target=0.5)``."""

    method: DrivenMethod
    params: MethodParams

    @classmethod
    def of(cls, name: str, **params: Any) -> Driven:
        """Return the method of that name with these parameters.

        Raises
        ------
        WorkbenchError
            Unknown method or parameter, or an impossible value.
        """
        if name not in DRIVEN:
            near = get_close_matches(name, DRIVEN, n=1)
            raise WorkbenchError(
                f"method '{name}' to train with",
                "one of " + ", ".join(DRIVEN),
                f"Did you mean '{near[0]}'?"
                if near
                else "One-shot methods: prune, then finetune.",
            )
        row = DRIVEN[name]
        return cls(row, build(row.params, params, f"method '{name}'"))


def learn(
    network: Network,
    data: Dataset,
    *,
    how: Driven,
    val: Dataset | None = None,
    checkpoint: str | Path | None = None,
    hooks: FitHooks | None = None,
    **settings: Any,
) -> PrunedNetwork:
    """Return the network pruned by a method that chooses while training.

    One run in two phases: the method learns what matters, cuts, and the rest of the
    epochs trains with the masks frozen.

    Parameters
    ----------
    network : Network
        Where to start; not changed.
    data : Dataset
        Training images.
    how : Driven
        Method and parameters.
    val, checkpoint, hooks
        As in ``finetune``.
    **settings
        ``epochs``, ``lr`` and the other fields of ``FinetuneOptions``.

    Raises
    ------
    WorkbenchError
        As ``finetune``; also for a method that the network does not suit.
    """
    return learn_logged(
        network,
        data,
        how=how,
        val=val,
        checkpoint=checkpoint,
        hooks=hooks,
        **settings,
    ).network


def learn_logged(
    network: Network,
    data: Dataset,
    *,
    how: Driven,
    val: Dataset | None = None,
    checkpoint: str | Path | None = None,
    hooks: FitHooks | None = None,
    **settings: Any,
) -> Tuned:
    """Return what ``learn`` returns, together with the history of its epochs."""
    require_network(network)
    if how.method.pruned is not None:
        return tune(
            how.method.pruned(network, how.params),
            data,
            val=val,
            checkpoint=checkpoint,
            hooks=hooks,
            **settings,
        )
    if how.method.technique is None:
        raise WorkbenchError(
            f"method '{how.method.name}', which is several runs",
            "a method of a single run",
            f"Run: {how.method.run}",
        )
    technique = how.method.technique(network, how.params)
    result = run_training(
        network.module,
        data,
        FinetuneOptions.of(Recipe(), settings).fit_options(data.name),
        val=val,
        checkpoint=checkpoint,
        hooks=hooks,
        techniques=(technique,),
    )
    pruned = with_masks(
        network, result.module, found=technique.found, recipe=technique.recipe
    )
    return Tuned(pruned, result.history)
