"""What went into a result, as a run records it: digests, machine, versions, seed.

Belongs here: naming inputs. Does not belong here: results, and the store itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import workbench
from workbench.data.dataset import Dataset
from workbench.measure.conditions import read_conditions
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork


def network_inputs(
    network: Network | PrunedNetwork,
    *,
    data: Dataset | None = None,
    threads: int = 1,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the inputs of a run: equal ones asked the same question.

    Parameters
    ----------
    network : Network or PrunedNetwork
        Named by the digest of its weights; a recipe is recorded as its text.
    data : Dataset, optional
        Named by the digest of its images.
    threads : int
        Of the engines.
    more : mapping, optional
        Further inputs, JSON values.
    """
    recipe = network.recipe if isinstance(network, PrunedNetwork) else None
    conditions = read_conditions(threads)
    return {
        "model": network.name,
        "digest": network.digest,
        "recipe": None if recipe is None else recipe.dump(),
        "seed": 0 if recipe is None else recipe.seed,
        "dataset": None if data is None else data.name,
        "split": None if data is None else data.split,
        "dataset_digest": None if data is None else data.digest,
        "threads": threads,
        "cpu": conditions.cpu,
        "machine": conditions.machine_digest,
        "versions": {
            "workbench": workbench.__version__,
            "python": conditions.python,
            **dict(conditions.versions),
        },
        **(more or {}),
    }


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: no NaN, no infinity, no tuples.

    Examples
    --------
    >>> plain({"loss": float("nan"), "interval": (0.1, 0.2)})
    {'loss': None, 'interval': [0.1, 0.2]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return plain(value.tolist()) if hasattr(value, "tolist") else str(value)
