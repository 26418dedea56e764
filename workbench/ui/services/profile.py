"""What our engine runs for each layer, how long it takes and what it did not choose.

Belongs here: turning ``Program.steps`` and ``Program.profile`` into JSON rows. Does
not belong here: compiling and timing.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench as wb

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

MOVES = ("load", "copy", "store")
ROUNDS = 30


def profile_rows(
    network: "Network | PrunedNetwork", *, weights: str, threads: int
) -> list[dict[str, Any]]:
    """Return one row a step of the compiled network, timed inside whole runs.

    Parameters
    ----------
    network : Network or PrunedNetwork
        What to compile.
    weights : str
        "dense" or "pruned", for the chart.
    threads : int
        Threads of the program.
    """
    program = wb.compile(network, threads=threads)
    noise = np.random.default_rng(0)
    image = noise.standard_normal((1, *program.input_shape), dtype=np.float32)
    found = program.profile(image, rounds=ROUNDS)
    program.close()
    return [
        {
            "layer": step.layer,
            "op": step.op,
            "weights": weights,
            "ms": float(ms),
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
        for step, ms in zip(found.steps, found.ms, strict=True)
    ]


def executed_macs(rows: list[dict[str, Any]], weights: str) -> int:
    """Return the multiply-adds that a program's kernels really do for one image."""
    return sum(row["executed_macs"] for row in rows if row["weights"] == weights)


def with_weights(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows that compute: moves between layouts are left out."""
    return [row for row in rows if row["op"] not in MOVES]
