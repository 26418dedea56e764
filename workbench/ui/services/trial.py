"""A trial: prune by a recipe, measure accuracy three ways, measure time, record it.

Belongs here: the order of public calls and the JSON they become. Runs in a job's
thread, so nothing here draws. Does not belong here: any computation.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import workbench as wb
from workbench.ui.services.accuracy import accuracy
from workbench.ui.services.settled import Settled, settle
from workbench.workflows.bench import latency_of
from workbench.workflows.profile_rows import executed_macs, profile_rows
from workbench.workflows.programs import compiled, measured

if TYPE_CHECKING:
    from workbench.analysis.accuracy import Accuracy
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


def run_trial(job: "Job", order: TrialOrder) -> dict[str, Any]:
    """Do a trial inside a job; each part is a row as soon as it is known.

    Returns
    -------
    dict
        ``inputs`` and ``results``, as recorded in the store.
    """
    job.set_total(len(STEPS))
    results: dict[str, Any] = {}

    def put(part: str, value: Mapping[str, Any]) -> None:
        results[part] = dict(value)
        job.advance({"part": part, "value": dict(value)})

    network = order.network
    pruned: PrunedNetwork = wb.prune(network, order.recipe)
    put("cost", cost_of(network, pruned))
    _put_accuracies(order, pruned, put)
    job.check()
    with (
        compiled(network, threads=order.threads) as dense_program,
        compiled(pruned, threads=order.threads) as pruned_program,
    ):
        rows = profile_rows(dense_program, weights="dense")
        rows += profile_rows(pruned_program, weights="pruned")
        put("layers", {"rows": rows, "executed_macs": executed_macs(rows, "pruned")})
        found = measured(
            network,
            pruned,
            {"dense": dense_program, "pruned": pruned_program},
            budget_s=order.budget_s,
            on_round=lambda done, total: job.check(),
        )
    put("latency", latency_of(found))
    run = wb.Store().add_run(KIND, inputs=order.inputs, results=results)
    return {"run": run.id, "inputs": order.inputs, "results": results}


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


def _put_accuracies(
    order: TrialOrder,
    pruned: "PrunedNetwork",
    put: Callable[[str, Mapping[str, Any]], None],
) -> None:
    """Measure dense, raw and re-estimated; what a page has shown is not asked again."""
    if order.data is None:
        for part in ("dense", "raw", "bn"):
            put(part, {})
        return
    put("dense", asdict(accuracy(order.network, order.data)))
    put("raw", asdict(accuracy(pruned, order.data)))
    if order.train is None:
        put("bn", {"kept": False, "why": "there are no training images"})
        return
    found = settle(pruned, order.train, order.recipe.seed)
    put("bn", settled_part(found, accuracy(found.network, order.data)))


def settled_part(found: Settled, measured: "Accuracy") -> dict[str, Any]:
    """Return the accuracy with batch norms re-estimated as JSON, or why there is none.

    Parameters
    ----------
    found : Settled
        What became of the pruned network.
    measured : Accuracy
        Of that network.
    """
    said = {"kept": found.kept, "why": found.why}
    return {**asdict(measured), **said} if found.kept else said
