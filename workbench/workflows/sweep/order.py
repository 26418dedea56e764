"""What a sensitivity sweep is asked, and what identifies its cells.

Belongs here: the value. Does not belong here: doing it (``run``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

import workbench
from workbench.analysis.sensitivity.grid import (
    SPARSITIES,
    Curve,
    SweepOptions,
    grid,
    needs_images,
)
from workbench.analysis.sensitivity.sweeper import suffix_share
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.measure.conditions import read_conditions
from workbench.models.network import Network

KIND = "sensitivity"
# Multiply-adds a second of one core in PyTorch's dense convolutions, a low guess.
_MACS_PER_S = 2e10
_COMPILE_S = 0.6
_FIXED_S = 4.0


@dataclass(frozen=True, eq=False)
class SweepOrder:
    """What a sweep is asked.

    Parameters
    ----------
    network : Network
        The dense network.
    data : Dataset
        The validation split.
    methods : tuple of str
        Methods, with parameters as "block:n=8".
    sparsities : tuple of float
        Levels, 0 < sparsity < 1.
    options : SweepOptions
        How cells are evaluated.

    Raises
    ------
    WorkbenchError
        An empty or impossible grid, or a criterion that looks at images without
        ``options.calibration``.
    """

    kind: ClassVar[str] = KIND

    network: Network
    data: Dataset
    methods: tuple[str, ...] = ("magnitude",)
    sparsities: tuple[float, ...] = SPARSITIES
    options: SweepOptions = field(default_factory=SweepOptions)

    def __post_init__(self) -> None:
        images = self.options.calibration
        if images is not None and images.split == "test":
            raise WorkbenchError(
                "the test split as calibration images",
                "training images: what is chosen on test images cannot be tested",
                "Load the data with split='train'.",
            )
        if images is None and needs_images(self.methods):
            raise WorkbenchError(
                f"methods {', '.join(self.methods)} without calibration images",
                "training images for the criteria that look at some",
                "Pass SweepOptions(calibration=...) with the train split.",
            )

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The curves, in the order in which they are evaluated."""
        return grid(
            self.network,
            self.methods,
            self.sparsities,
            layers=self.options.layers,
        )

    @property
    def inputs(self) -> dict[str, Any]:
        """What a cell's numbers depend on; sweeps with equal inputs share cells."""
        options = self.options
        conditions = read_conditions(options.threads)
        seen = options.calibration if needs_images(self.methods) else None
        return {
            **({} if seen is None else {"calibration": seen.digest}),
            "model": self.network.name,
            "digest": self.network.digest,
            "dataset": self.data.name,
            "split": self.data.split,
            "dataset_digest": self.data.digest,
            "images": options.images,
            "batch": options.batch,
            "latency": options.latency,
            "threads": options.threads,
            "seed": options.seed,
            "machine": conditions.machine_digest,
            "versions": {
                "workbench": workbench.__version__,
                "torch": str(torch.__version__),
            },
        }

    @property
    def estimate_s(self) -> float:
        """About how long the sweep takes on a quiet core, before it starts."""
        images = min(self.options.images or len(self.data), len(self.data))
        macs = sum(layer.macs for layer in self.network.layers)
        compiled = 0.0 if self.options.latency == "none" else _COMPILE_S
        cells = sum(
            (images * macs / _MACS_PER_S * suffix_share(self.network, curve.subject))
            * len(curve.sparsities)
            + compiled * len(curve.sparsities)
            for curve in self.curves
        )
        return _FIXED_S + images * macs / _MACS_PER_S + cells
