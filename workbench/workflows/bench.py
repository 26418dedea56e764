"""Engines side by side, then every layer: what `workbench bench` and the page measure.

Belongs here: the order, the one form of its record, the job. Does not belong here:
timing (``measure``), pictures.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import workbench as wb
from workbench.measure.bars import OURS_DENSE, OURS_PRUNED, TORCH_DENSE
from workbench.workflows import orders
from workbench.workflows.profile_rows import profile_rows
from workbench.workflows.programs import DENSE, PRUNED, compiled
from workbench.workflows.roof_rows import roof_rows

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.measure.measurement import Measurement
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

KIND = "bench"
STEPS = (
    "compiling and timing each layer, dense",
    "compiling and timing each layer, pruned",
    "measuring all engines in turn",
)
_COMPILE_S = 8.0


def bench_inputs(
    model: str, digest: str, recipe: str | None, *, threads: int, against: Sequence[str]
) -> dict[str, Any]:
    """Return what identifies a measurement in the store, whoever asks for it.

    Parameters
    ----------
    model, digest : str
        Of the dense network, or of the only one.
    recipe : str or None
        Text of the recipe that the second network was pruned by.
    threads : int
        Of every engine.
    against : sequence of str
        Other engines.
    """
    from workbench.measure.conditions import read_conditions

    return {
        "model": model,
        "digest": digest,
        "recipe": recipe,
        "threads": threads,
        "against": list(against),
        "machine": read_conditions(threads).machine_digest,
    }


def usual_peers() -> tuple[str, ...]:
    """Return the engines that are measured unless somebody chooses others."""
    from workbench.measure.peers import peers

    found = peers()
    return tuple(
        name for name in ("torch", "onnxruntime") if found[name].available() is None
    )


@dataclass(frozen=True, eq=False)
class BenchOrder:
    """What to measure, how thoroughly, and against which engines."""

    kind: ClassVar[str] = KIND

    network: "Network"
    pruned: "PrunedNetwork | None"
    threads: int
    budget_s: float
    against: tuple[str, ...]

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the measurement in the store."""
        return bench_inputs(
            self.network.name,
            self.network.digest,
            None if self.pruned is None else self.pruned.recipe.dump(),
            threads=self.threads,
            against=self.against,
        )

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly: compiling, then rounds."""
        return _COMPILE_S + self.budget_s


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
        programs = []
        for name, net in given.items():
            job.check()
            program = stack.enter_context(compiled(net, threads=order.threads))
            programs.append(program)
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
        found = wb.bench(
            order.network,
            order.pruned,
            programs=programs,
            threads=order.threads,
            against=order.against,
            budget_s=order.budget_s,
            on_round=lambda done, total: job.check(),
        )
    put("latency", latency_of(found))
    return {"run": orders.keep(order, results)}


def latency_of(measurement: "Measurement") -> dict[str, Any]:
    """Return a measurement as JSON, with the comparisons that people ask for."""
    names = [row.name for row in measurement.timed]
    pairs = [
        (OURS_PRUNED, OURS_DENSE),
        (OURS_PRUNED, TORCH_DENSE),
        (OURS_DENSE, TORCH_DENSE),
    ]
    found = [
        measurement.compare(one, other)
        for one, other in pairs
        if one in names and other in names
    ]
    return {
        **measurement.to_dict(),
        "line": measurement.conditions.line,
        "comparisons": [
            {
                "name": one.name,
                "baseline": one.baseline,
                "sentence": one.sentence,
                "verdict": one.ratio.verdict,
                "ratio": one.ratio.value,
            }
            for one in found
            if one is not None
        ],
    }
