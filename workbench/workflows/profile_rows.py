"""What our engine runs for each layer, how long it takes and what it did not choose.

Belongs here: turning ``Program.steps`` and ``Program.profile`` into JSON rows. Does
not belong here: compiling and timing.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.engine.noise import noise_image

if TYPE_CHECKING:
    from workbench.engine.program import Program

MOVES = ("load", "copy", "store")
ROUNDS = 30


def profile_rows(program: "Program", *, weights: str) -> list[dict[str, Any]]:
    """Return one row a step of a program, timed inside whole runs.

    Parameters
    ----------
    program : Program
        Open.
    weights : str
        "dense" or "pruned", for the chart.
    """
    image = noise_image(program.input_shape)
    found = program.profile(image, rounds=ROUNDS)
    return [
        {
            "layer": step.layer,
            "op": step.op,
            "weights": weights,
            "ms": float(found.ms[at]),
            "p10_ms": float(found.p10_ms[at]),
            "p90_ms": float(found.p90_ms[at]),
            "n": found.rounds,
            "kernel": step.kernel,
            "why": step.why,
            "dense_macs": step.dense_macs,
            "theoretical_macs": step.theoretical_macs,
            "executed_macs": step.executed_macs,
            "measured": step.measured,
            "rejected": [
                {"candidate": one.candidate, "reason": one.reason, "ms": one.ms}
                for one in step.rejected
            ],
        }
        for at, step in enumerate(found.steps)
    ]


def executed_macs(rows: list[dict[str, Any]], weights: str) -> int:
    """Return the multiply-adds that a program's kernels really do for one image."""
    return sum(row["executed_macs"] for row in rows if row["weights"] == weights)


def with_weights(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows that compute: moves between layouts are left out."""
    return [row for row in rows if row["op"] not in MOVES]
