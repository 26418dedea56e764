"""What is asked of a layer under one method, and what identifies the answer.

Belongs here: the value. Does not belong here: doing it (``measure``, ``run``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.analysis.sensitivity.grid import Latency, parse_method
from workbench.measure.conditions import read_conditions
from workbench.models.network import Network
from workbench.pruning.recipe.rule import method_named

KIND = "break-even"
METHODS = ("magnitude", "block", "kernel", "pattern", "stripe", "filter")
SPARSITIES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
ROUNDS, BUDGET_S = 40, 4.0
_COMPILE_S = 0.6


@dataclass(frozen=True, eq=False)
class BreakEvenOrder:
    """One layer under one method.

    Parameters
    ----------
    network : Network
        Gives the layer's weights and the shape of its input.
    layer : str
        Layer id.
    method : str
        As "block:n=8"; "filter" really removes filters.
    sparsities : tuple of float
        Levels, 0 < sparsity < 1.
    threads : int
        Of the programs.
    latency : "measure" or "model"
        This machine, or the engine's cost model.

    Raises
    ------
    WorkbenchError
        No such layer or method.
    """

    kind: ClassVar[str] = KIND

    network: Network
    layer: str
    method: str
    sparsities: tuple[float, ...] = SPARSITIES
    threads: int = 1
    latency: Latency = "measure"

    def __post_init__(self) -> None:
        self.network.layer(self.layer)
        method_named(parse_method(self.method)[0])

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the curve in the store."""
        return {
            "model": self.network.name,
            "digest": self.network.digest,
            "layer": self.layer,
            "method": self.method,
            "levels": list(self.sparsities),
            "threads": self.threads,
            "latency": self.latency,
            "machine": read_conditions(self.threads).machine_digest,
        }

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        timing = BUDGET_S if self.latency == "measure" else 0.0
        return _COMPILE_S * (1 + len(self.sparsities)) + timing
