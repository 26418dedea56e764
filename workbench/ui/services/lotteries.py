"""Lottery tickets of the page Train: train, prune, rewind, train again, as a job.

Belongs here: the job and its record. Does not belong here: the rounds
(``training.lottery``), drawing.
"""

from typing import TYPE_CHECKING, Any

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.ui.services.break_even import start_job

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.jobs.job import Job
    from workbench.ui.services.finetunes import FinetuneOrder

KIND = "lottery"
SETTINGS = ("epochs", "lr", "rates", "batch_size", "weight_decay", "seed")


def settings_of(order: "FinetuneOrder") -> dict[str, Any]:
    """Return the settings that every training of the rounds takes."""
    return {name: order.settings[name] for name in SETTINGS if name in order.settings}


def inputs_of(order: "FinetuneOrder") -> dict[str, Any]:
    """Return what identifies the rounds in the store."""
    return {
        "model": order.pruned.base.name,
        "dataset": order.train.name,
        "images": len(order.train),
        "settings": settings_of(order),
        "method": order.method,
        "params": order.params,
    }


def trainings(order: "FinetuneOrder") -> int:
    """Return how many trainings the rounds are, the dense one included."""
    rounds = int(order.params["rounds"])
    return 1 + rounds * (2 if order.params.get("control", True) else 1)


def start(order: "FinetuneOrder") -> str:
    """Start the rounds in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        No validation images, or too many jobs are running.
    """
    val = order.val
    if val is None:
        raise WorkbenchError(
            f"no validation images of {order.train.name}",
            "images that score the rounds",
            "Choose a network whose dataset has a validation split.",
        )
    return start_job(KIND, inputs_of(order), lambda job: run_lottery(job, order, val))


def run_lottery(job: "Job", order: "FinetuneOrder", val: "Dataset") -> dict[str, Any]:
    """Do the rounds inside a job; each round is a row as soon as it is over."""
    from workbench.training.loop.fit import FitHooks
    from workbench.training.lottery import LotteryPlan

    settings = settings_of(order)
    job.set_total(trainings(order))
    tickets = wb.lottery(
        wb.fresh(order.pruned.base, seed=int(settings["seed"])),
        order.train,
        val,
        plan=LotteryPlan(**order.params),
        hooks=FitHooks(after_batch=lambda done, total: job.check()),
        **settings,
    )
    rows: list[dict[str, Any]] = []
    for ticket in tickets:
        control = None if ticket.control is None else ticket.control.top1
        row = {
            "round": ticket.number,
            "left": 1 - ticket.sparsity,
            "ticket": ticket.accuracy.top1,
            "random": control,
            "n": ticket.accuracy.n,
        }
        rows.append(row)
        job.advance(row, cells=1 if control is None else 2)
    return {"rounds": rows}
