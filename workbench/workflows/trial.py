"""A trial: prune by a recipe, measure accuracy three ways, measure time, record it.

Belongs here: the order of public calls and the JSON they become. Does not belong here:
any computation, drawing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import workbench as wb
from workbench.workflows import orders
from workbench.workflows.accuracies import Asking, raw_and_settled
from workbench.workflows.bench import latency_of
from workbench.workflows.profile_rows import executed_macs, profile_rows
from workbench.workflows.programs import DENSE, PRUNED, compiled

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.pruning.recipe.recipe import Recipe

KIND = "trial"
STEPS = (
    "pruning",
    "accuracy of the dense network",
    "accuracy after pruning, raw",
    "accuracy with batch norms re-estimated",
    "compiling for this machine",
    "measuring time",
)
# Multiply-adds a second of one core in PyTorch's dense convolutions, a low guess.
_MACS_PER_S = 8e9
_FIXED_S = 8.0
# Choosing kernels of both programs; measured, all in all: ResNet-50 (54 layers, 4.1 G)
# 77 s, MobileNetV1 (28 layers, 0.57 G) 30 s.
_LAYER_S, _SMALL, _TUNED_MACS_PER_S = 0.7, 8, 1.4e8


@dataclass(frozen=True, eq=False)
class TrialOrder:
    """What a trial is to do.

    Parameters
    ----------
    network : Network
        The dense network.
    recipe : Recipe
        How to prune it.
    data : Dataset or None
        Images to measure accuracy on; None leaves accuracy out.
    train : Dataset or None
        Images for re-estimating batch norms.
    threads : int
        For every engine.
    budget_s : float
        Seconds spent on timing rounds.
    """

    kind: ClassVar[str] = KIND

    network: "Network"
    recipe: "Recipe"
    data: "Dataset | None"
    train: "Dataset | None"
    threads: int = 1
    budget_s: float = 3.0

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the trial in the store."""
        return {
            "model": self.network.name,
            "digest": self.network.digest,
            "recipe": self.recipe.dump(),
            "dataset": None if self.data is None else self.data.name,
            "split": None if self.data is None else self.data.split,
            "dataset_digest": None if self.data is None else self.data.digest,
            "seed": self.recipe.seed,
            "threads": self.threads,
        }

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        images = 0 if self.data is None else len(self.data)
        macs = sum(layer.macs for layer in self.network.layers)
        layers = max(len(self.network.layers) - _SMALL, 0)
        seconds = _FIXED_S + layers * _LAYER_S + macs / _TUNED_MACS_PER_S
        return seconds + macs * (3 * images + 2000 * bool(images)) / _MACS_PER_S


def run_trial(
    job: "Job", order: TrialOrder, asking: Asking | None = None
) -> dict[str, Any]:
    """Do a trial inside a job; each part is a row as soon as it is known.

    Returns
    -------
    dict
        ``inputs`` and ``results``, as recorded in the store.
    """
    asking = asking or Asking()
    job.set_total(len(STEPS))
    results: dict[str, Any] = {}

    def put(part: str, value: Mapping[str, Any]) -> None:
        results[part] = dict(value)
        job.advance({"part": part, "value": dict(value)})

    network = order.network
    pruned: PrunedNetwork = wb.prune(network, order.recipe)
    put("cost", cost_of(network, pruned))
    if order.data is None:
        for part in ("dense", "raw", "bn"):
            put(part, {})
    else:
        put("dense", asdict(asking.evaluate(network, order.data)))
        for part, value in raw_and_settled(pruned, order.data, order.train, asking):
            put(part, value)
    job.check()
    with (
        compiled(network, threads=order.threads) as dense_program,
        compiled(pruned, threads=order.threads) as pruned_program,
    ):
        rows = profile_rows(dense_program, weights=DENSE)
        rows += profile_rows(pruned_program, weights=PRUNED)
        put("layers", {"rows": rows, "executed_macs": executed_macs(rows, PRUNED)})
        found = wb.bench(
            network,
            pruned,
            programs=(dense_program, pruned_program),
            threads=order.threads,
            budget_s=order.budget_s,
            on_round=lambda done, total: job.check(),
        )
    put("latency", latency_of(found))
    run = orders.keep(order, results)
    return {"run": run, "inputs": order.inputs, "results": results}


def cost_of(network: "Network", pruned: "PrunedNetwork") -> dict[str, Any]:
    """Return weights, MACs and bytes before and after, and what was removed."""
    before, after = wb.layer_costs(network), wb.layer_costs(pruned)
    return {
        "weights": after.weights,
        "nonzeros": after.nonzeros,
        "sparsity": after.sparsity,
        "dense_macs": before.dense_macs,
        "theoretical_macs": after.macs,
        "dense_bytes": before.dense_bytes,
        "sparse_bytes": after.sparse_bytes,
        "kernels_removed": pruned.report.kernels_removed,
        "filters_removed": pruned.report.filters_removed,
    }
