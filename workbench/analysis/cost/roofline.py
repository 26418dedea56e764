"""Where each layer stands under the roofline of this machine.

Belongs here: joining paper costs with what a program executes and takes, and the two
roofs. Does not belong here: counting costs (``complexity``), measuring the machine
(``measure/machine``) and drawing.

Work is executed MACs, traffic the layer's sparse (or dense, where nothing is zero)
weights and its activations, moved once. The attainable rate is
min(peak, MACs per byte x bandwidth).

Source: Williams, Waterman and Patterson 2009, "Roofline: an insightful visual
performance model", section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from workbench.analysis.cost.complexity import LayerCost, NetworkCost
from workbench.engine.report import Profile, layer_of


@dataclass(frozen=True)
class Machine:
    """The two roofs of one machine.

    Parameters
    ----------
    peak_gmacs : float
        Billions of multiply-adds a second, all threads.
    bandwidth_gbs : float
        Billions of bytes a second from main memory.
    """

    peak_gmacs: float
    bandwidth_gbs: float

    @property
    def ridge(self) -> float:
        """MACs a byte at which both roofs meet."""
        return self.peak_gmacs / self.bandwidth_gbs

    def attainable(self, intensity: float) -> float:
        """Return the highest rate in GMAC/s at so many MACs a byte.

        Examples
        --------
        >>> roofs = Machine(peak_gmacs=40, bandwidth_gbs=10)
        >>> roofs.ridge, roofs.attainable(2), roofs.attainable(8)
        (4.0, 20, 40)
        """
        return min(self.peak_gmacs, intensity * self.bandwidth_gbs)


@dataclass(frozen=True)
class RoofRow:
    """One layer's cost, on paper and in fact.

    Parameters
    ----------
    cost : LayerCost
        On paper.
    kernel : str
        Symbol of the kernel that ran.
    executed_macs : int
        What it multiplied.
    ms : float
        Median time inside whole runs.
    moved_bytes : int
        Weights as stored by non-zeros, and activations, each once.
    intensity : float
        Executed MACs a byte.
    rate_gmacs, attainable_gmacs : float
        Billions of executed MACs a second, and the roof above.
    bound : "compute" or "memory"
        Which roof that is. Small layers stay in the caches, so that a layer under the
        memory roof may pass it.
    compressed_bytes : int or None
        Weights in a ``.wbz`` file, where they were compressed.
    """

    cost: LayerCost
    kernel: str
    executed_macs: int
    ms: float
    moved_bytes: int
    intensity: float
    rate_gmacs: float
    attainable_gmacs: float
    bound: Literal["compute", "memory"]
    compressed_bytes: int | None = None

    @property
    def of_roof(self) -> float:
        """Rate over the attainable rate."""
        return self.rate_gmacs / self.attainable_gmacs if self.executed_macs else 0.0


def roofline(
    costs: NetworkCost,
    profile: Profile,
    machine: Machine,
    *,
    compressed: Mapping[str, int] = MappingProxyType({}),
) -> tuple[RoofRow, ...]:
    """Return each layer's place under the roofline.

    Parameters
    ----------
    costs : NetworkCost
        Of the network the program was compiled from.
    profile : Profile
        ``program.profile(x)``: what ran, and for how long. Layers that the program
        does not have (channels or blocks cut away) are left out.
    machine : Machine
        The roofs.
    compressed : mapping of str to int, optional
        Bytes of compressed weights by layer id.
    """
    rows = []
    for cost in costs.layers:
        places = [
            index
            for index, step in enumerate(profile.steps)
            if layer_of(step.layer) == cost.id and step.dense_macs
        ]
        if places:
            rows.append(_row(cost, places, profile, machine, compressed.get(cost.id)))
    return tuple(rows)


def _row(
    cost: LayerCost,
    places: Sequence[int],
    profile: Profile,
    machine: Machine,
    compressed: int | None,
) -> RoofRow:
    steps = [profile.steps[index] for index in places]
    ms = float(sum(profile.ms[index] for index in places))
    executed = sum(step.executed_macs for step in steps)
    moved = min(cost.sparse_bytes, cost.dense_bytes) + cost.activation_bytes
    intensity = executed / moved
    return RoofRow(
        cost=cost,
        kernel=" + ".join(dict.fromkeys(step.kernel for step in steps)),
        executed_macs=executed,
        ms=ms,
        moved_bytes=moved,
        intensity=intensity,
        rate_gmacs=executed / max(ms, 1e-9) / 1e6,
        attainable_gmacs=machine.attainable(intensity),
        bound="compute" if intensity >= machine.ridge else "memory",
        compressed_bytes=compressed,
    )
