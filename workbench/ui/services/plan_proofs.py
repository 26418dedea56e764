"""Plans proved in the background: pruned, evaluated, measured and repaired.

Belongs here: the job and its record. Does not belong here: the rounds
(``workflows.plan``), drawing.
"""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.ui.services import data
from workbench.ui.services.break_even import start_job

if TYPE_CHECKING:
    from workbench.analysis.planner.planner import Budget
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.jobs.job import Job
    from workbench.workflows.plan.round import Proof
    from workbench.workflows.sweep.order import SweepOrder

KIND = "plan-proof"
REPAIRS = 2


def proof_of(
    sweep: "Sweep", order: "SweepOrder", *, settle: bool, tune_epochs: int
) -> "Proof":
    """Return what a plan is checked on: the sweep's images, and training images.

    Raises
    ------
    WorkbenchError
        Training images are asked for and there are none on this machine.
    """
    from workbench.workflows.plan.round import Proof

    train = data.load(order.network, "train") if settle or tune_epochs else None
    options = replace(order.options, images=sweep.base.n or order.options.images)
    return Proof(
        order.network, order.data, options, settle=train, tune_epochs=tune_epochs
    )


def inputs_of(sweep: "Sweep", budget: "Budget", proof: "Proof") -> dict[str, Any]:
    """Return what identifies a proof in the store."""
    from workbench.measure.conditions import read_conditions

    return {
        "model": sweep.model,
        "digest": sweep.model_digest,
        "data": sweep.data_digest,
        "cells": sorted(row.key for row in sweep.rows),
        "latency": sweep.latency,
        "budget": asdict(budget),
        "settle": proof.settle is not None,
        "tune_epochs": proof.tune_epochs,
        "machine": read_conditions(proof.options.threads).machine_digest,
    }


def start(sweep: "Sweep", budget: "Budget", proof: "Proof") -> str:
    """Prove a plan in a process of its own; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    import torch

    from workbench.jobs.process import in_process

    inputs = inputs_of(sweep, budget, proof)
    threads = torch.get_num_threads()
    try:
        work = in_process(prove, sweep, budget, proof, threads)
    except WorkbenchError:
        # A network with code of its own cannot be sent to another process.
        return start_job(KIND, inputs, lambda job: prove(job, sweep, budget, proof))
    return start_job(KIND, inputs, work)


def prove(
    job: "Job",
    sweep: "Sweep",
    budget: "Budget",
    proof: "Proof",
    threads: int | None = None,
) -> dict[str, Any]:
    """Do the rounds inside a job; each is a row as soon as it is known."""
    import torch

    from workbench.workflows.plan.round import best_round
    from workbench.workflows.plan.verify import most_rounds, verify_plan

    if threads is not None:
        torch.set_num_threads(threads)
    job.set_total(most_rounds(sweep, budget, REPAIRS))
    found = verify_plan(
        sweep,
        budget,
        proof,
        rounds=REPAIRS,
        check=job.check,
        on_round=lambda one: job.advance(one.to_dict()),
    )
    rounds = [one.to_dict() for one in found]
    return {"rounds": rounds, "chosen": best_round(found).number}
