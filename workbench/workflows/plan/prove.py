"""A plan put to the proof, recorded: pruned, evaluated, measured and repaired.

Belongs here: the order, the job and its record. Does not belong here: the rounds
(``verify``, ``round``), drawing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, cast

import torch

from workbench.analysis.planner.planner import Budget
from workbench.analysis.sensitivity.rows import Sweep
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.jobs.process import in_process
from workbench.measure.conditions import read_conditions
from workbench.workflows import orders
from workbench.workflows.plan.round import Proof, best_round
from workbench.workflows.plan.verify import most_rounds, verify_plan

KIND = "plan-proof"
REPAIRS = 2
_ROUND_S = 20.0


@dataclass(frozen=True, eq=False)
class ProofOrder:
    """Which plan, and what it is checked on."""

    kind: ClassVar[str] = KIND

    sweep: Sweep
    budget: Budget
    proof: Proof

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies a proof in the store."""
        proof, sweep = self.proof, self.sweep
        return {
            "model": sweep.model,
            "digest": sweep.model_digest,
            "data": sweep.data_digest,
            "cells": sorted(row.key for row in sweep.rows),
            "latency": sweep.latency,
            "budget": asdict(self.budget),
            "settle": proof.settle is not None,
            "tune_epochs": proof.tune_epochs,
            "machine": read_conditions(proof.options.threads).machine_digest,
        }

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        return _ROUND_S * most_rounds(self.sweep, self.budget, REPAIRS)


def run_proof(job: Job, order: ProofOrder) -> dict[str, Any]:
    """Prove a plan inside a job, in a process of its own; return the rounds.

    A network with code of its own cannot be sent there: it is proved in this thread.
    """
    asked = (order.sweep, order.budget, order.proof)
    try:
        work = cast(
            "Callable[[Job], dict[str, Any]]",
            in_process(prove, *asked, torch.get_num_threads()),
        )
    except WorkbenchError:
        results = prove(job, *asked)
    else:
        results = work(job)
    orders.keep(order, results)
    return results


def prove(
    job: Job,
    sweep: Sweep,
    budget: Budget,
    proof: Proof,
    threads: int | None = None,
) -> dict[str, Any]:
    """Do the rounds inside a job; each is a row as soon as it is known."""
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
