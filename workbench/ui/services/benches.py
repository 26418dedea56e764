"""Measuring for the page Speed: engines side by side, then every layer.

Belongs here: the job, its record, finding a recorded one. Does not belong here:
timing (``measure``), pictures (``components.bench_results``).
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import workbench as wb
from workbench.ui.services.profile import profile_rows
from workbench.ui.services.programs import DENSE, PRUNED, compiled, measured
from workbench.ui.services.rooflines import roof_rows
from workbench.ui.services.trial import latency_of

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.store.run import Run

KIND = "bench"
STEPS = (
    "compiling and timing each layer, dense",
    "compiling and timing each layer, pruned",
    "measuring all engines in turn",
)


@dataclass(frozen=True, eq=False)
class BenchOrder:
    """What to measure, how thoroughly, and against which engines."""

    network: "Network"
    pruned: "PrunedNetwork | None"
    threads: int
    budget_s: float
    against: tuple[str, ...]

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the measurement in the store."""
        return {
            "model": self.network.name,
            "digest": self.network.digest,
            "recipe": None if self.pruned is None else self.pruned.recipe.dump(),
            "threads": self.threads,
            "against": list(self.against),
        }


def usual_peers() -> tuple[str, ...]:
    """Return the engines that are measured unless somebody chooses others."""
    from workbench.measure.peers import peers

    found = peers()
    return tuple(
        name for name in ("torch", "onnxruntime") if found[name].available() is None
    )


def start(order: BenchOrder) -> str:
    """Start a measurement in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    from workbench.jobs.registry import registry

    job = registry().start(lambda job: run_bench(job, order), spec=order.inputs)
    return job.id


def run_bench(job: "Job", order: BenchOrder) -> dict[str, Any]:
    """Do a measurement inside a job; each part is a row as soon as it is known."""
    from workbench.measure.machine import this_machine

    job.set_total(len(STEPS))
    results: dict[str, Any] = {}

    def put(part: str, value: dict[str, Any], cells: int = 1) -> None:
        results[part] = value
        job.advance({"part": part, "value": value}, cells=cells)

    nets = {DENSE: order.network, PRUNED: order.pruned}
    given = {name: net for name, net in nets.items() if net is not None}
    rows: list[dict[str, Any]] = []
    roof: list[dict[str, Any]] = []
    machine = this_machine(order.threads)
    with ExitStack() as stack:
        programs = {}
        for name, net in given.items():
            job.check()
            program = stack.enter_context(compiled(net, threads=order.threads))
            programs[name] = program
            rows += profile_rows(program, weights=name)
            put("layers", {"rows": list(rows)})
            roof += roof_rows(net, program, machine, weights=name)
        put(
            "roof",
            {
                "rows": roof,
                "peak": machine.peak_gmacs,
                "bandwidth": machine.bandwidth_gbs,
            },
            cells=2 - len(programs),
        )
        found = measured(
            order.network,
            order.pruned,
            programs,
            against=order.against,
            budget_s=order.budget_s,
            on_round=lambda done, total: job.check(),
        )
    put("latency", latency_of(found))
    run = wb.Store().add_run(KIND, inputs=order.inputs, results=results)
    return {"run": run.id}


def recorded(order: BenchOrder) -> "Run | None":
    """Return the newest finished measurement of the same question."""
    from workbench.store.run import run_key

    key = run_key(KIND, order.inputs)
    found = [run for run in wb.Store().runs(key=key, limit=5) if run.status == "done"]
    return found[0] if found else None
