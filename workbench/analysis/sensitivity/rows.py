"""What a sensitivity sweep finds: a row a cell, and all rows of a sweep.

Belongs here: the values. Does not belong here: which cells there are
(``sensitivity_grid``), finding the numbers (``sensitivity``), files
(``sensitivity_csv``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class SweepRow:
    """One cell: one subject pruned by one method to one sparsity, all else dense.

    Parameters
    ----------
    subject : str
        Layer id, or root layer of the coupling group.
    layers : tuple of str
        The layers whose weights the method chose from: one, or a group's producers.
    method : str
        Method with its parameters, for example "block:n=8".
    granularity : str
        element, block, n:m, kernel, stripe, pattern, filter or channel.
    sparsity : float
        What was asked for, 0..1.
    reached : float
        Zeros over weights of ``layers``, 0..1.
    top1, top5, loss : float
        As ``Accuracy``; the loss is None where it is not a finite number.
    n : int
        Images.
    low, high : float
        Wilson's 95 % interval of ``top1``.
    output_l2 : float or None
        Norm of the change of all scores over the norm of the dense scores.
    output_kl : float or None
        Mean Kullback-Leibler divergence of the softmax from the dense network's, nats.
    weights : int
        Weights of ``layers``.
    weights_removed, kernels_removed, filters_removed : int
        Over the whole network: weights that were not zero before, kernels and filters
        of which nothing is left.
    dense_macs, macs : int
        Of the network for one image: dense, and of its non-zero weights.
    bytes : int
        Of the network, stored sparsely (``LayerCost.sparse_bytes``).
    executed_macs : int or None
        What the engine's kernels multiply; None when nothing was compiled.
    layer_ms, network_ms : float or None
        Time of ``layers`` and of the network: sums of the engine's times of each step
        alone, measured or by its cost model (see ``Sweep.latency``).
    note : str
        Remarks of the method.
    """

    subject: str
    layers: tuple[str, ...]
    method: str
    granularity: str
    sparsity: float
    reached: float
    top1: float
    top5: float
    loss: float | None
    n: int
    low: float
    high: float
    output_l2: float | None
    output_kl: float | None
    weights: int
    weights_removed: int
    kernels_removed: int
    filters_removed: int
    dense_macs: int
    macs: int
    bytes: int
    executed_macs: int | None = None
    layer_ms: float | None = None
    network_ms: float | None = None
    note: str = ""

    @property
    def key(self) -> str:
        """What was asked, as one text; equal cells have equal keys."""
        return cell_key(self.subject, self.method, self.sparsity)

    @property
    def removed_nothing(self) -> bool:
        """True when no weight changed: the row says nothing about robustness."""
        return self.weights_removed == 0

    @property
    def counted(self) -> bool:
        """False where a file of another tool did not say what was removed."""
        return self.weights > 0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self) | {"layers": list(self.layers)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SweepRow:
        """Return the row that ``to_dict`` wrote; keys it does not know are left out."""
        known = {field.name for field in fields(cls)} & set(values)
        return cls(
            **{name: values[name] for name in known if name != "layers"},
            layers=tuple(values["layers"]),
        )


@dataclass(frozen=True)
class Skipped:
    """A cell without numbers: the method cannot do it, or the curve had stopped.

    Parameters
    ----------
    subject, method : str
        As in ``SweepRow``.
    sparsity : float
        As asked.
    reason : str
        Why.
    """

    subject: str
    method: str
    sparsity: float
    reason: str

    @property
    def key(self) -> str:
        """As ``SweepRow.key``."""
        return cell_key(self.subject, self.method, self.sparsity)


@dataclass(frozen=True)
class Base:
    """The dense network under the same conditions as the rows.

    Parameters
    ----------
    top1, top5, loss, n, low, high
        As in ``SweepRow``.
    macs, bytes : int
        Dense MACs of one image and bytes of the weights, as ``SweepRow.bytes``.
    executed_macs, network_ms
        As in ``SweepRow``.
    measured_ms : float or None
        Median time of the whole dense program, in one piece.
    """

    top1: float
    top5: float
    loss: float
    n: int
    low: float
    high: float
    macs: int
    bytes: int
    executed_macs: int | None = None
    network_ms: float | None = None
    measured_ms: float | None = None


@dataclass(frozen=True)
class Sweep:
    """All rows of a sweep, and the dense network they are compared with.

    Parameters
    ----------
    model, model_digest, data, data_digest, split : str
        What was swept, on what.
    latency : str
        "none", "model" (the engine's cost model) or "measure" (this machine).
    base : Base
        The dense network.
    rows : tuple of SweepRow
        In the order of the grid.
    skipped : tuple of Skipped
        Cells without numbers.
    """

    model: str
    model_digest: str
    data: str
    data_digest: str
    split: str
    latency: str
    base: Base
    rows: tuple[SweepRow, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects in the order in which they run."""
        return tuple(dict.fromkeys(row.subject for row in self.rows))

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods in the order in which they were asked for."""
        return tuple(dict.fromkeys(row.method for row in self.rows))

    def curve(self, subject: str, method: str) -> tuple[SweepRow, ...]:
        """Return the rows of one subject and method by rising sparsity."""
        found = [r for r in self.rows if (r.subject, r.method) == (subject, method)]
        return tuple(sorted(found, key=lambda row: row.sparsity))

    @property
    def has_loss(self) -> bool:
        """Whether any row knows its loss; files of other tools may lack it."""
        return any(row.loss is not None for row in self.rows)

    def drop(self, row: SweepRow) -> float:
        """Return how much top-1 fell under the dense network's, 0..1."""
        return self.base.top1 - row.top1

    def robust(self, method: str, *, max_drop: float) -> dict[str, float]:
        """Return the highest sparsity of each subject within a drop of top-1.

        Cells that removed nothing do not count, so that a layer nothing was taken from
        is never called robust. Subjects are ordered from the most robust; those that
        stand no cell have sparsity 0.
        """
        found: dict[str, float] = {}
        for subject in self.subjects:
            held = [
                row.reached
                for row in self.curve(subject, method)
                if not row.removed_nothing and self.drop(row) <= max_drop
            ]
            if held or any(not r.removed_nothing for r in self.curve(subject, method)):
                found[subject] = max(held, default=0.0)
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def cell_key(subject: str, method: str, sparsity: float) -> str:
    """Return what a cell asks as one text.

    Examples
    --------
    >>> cell_key("conv1", "magnitude", 0.8)
    'conv1 magnitude 0.8'
    """
    return f"{subject} {method} {sparsity:g}"


def require_rows(sweep: Sweep) -> None:
    """Raise a WorkbenchError when a sweep has no row."""
    if not sweep.rows:
        reason = sweep.skipped[0].reason if sweep.skipped else "the grid is empty"
        raise WorkbenchError(
            f"a sweep without rows ({reason})",
            "one cell at least",
            "Ask for other methods or sparsities.",
        )
