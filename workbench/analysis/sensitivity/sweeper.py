"""Which layer can be pruned by which method how far: one answer a cell.

Belongs here: evaluating cells. Does not belong here: which cells there are
(``grid``), partial execution (``suffix``), recording and distributing
(``workflows.sweep``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import torch

from workbench.analysis.accuracy import Accuracy, Tally
from workbench.analysis.cost.complexity import layer_costs
from workbench.analysis.sensitivity.change import Change, compare
from workbench.analysis.sensitivity.grid import Curve, SweepOptions
from workbench.analysis.sensitivity.latency import Timer, Times, timer_of
from workbench.analysis.sensitivity.rows import Base, Skipped, SweepRow, cell_key
from workbench.analysis.sensitivity.suffix import Check, Params, Runner, make_runner
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork

Found = SweepRow | Skipped
# Tuning one cell of a small network where it differs from the dense one, and timing it.
_COMPILE_S = 0.6


@dataclass(frozen=True, eq=False)
class Dense:
    """The dense network, evaluated: what every cell is compared with.

    Parameters
    ----------
    network : Network
    data : Dataset
        The images of the cells.
    runner : Runner
        Runs the network with other weights in one layer.
    scores : sequence of Tensor
        Of the dense network, batch by batch.
    seconds : float
        What they took.
    timer : Timer or None
        Tells times of prunings; None leaves times out.
    """

    network: Network
    data: Dataset
    runner: Runner
    scores: Sequence[torch.Tensor]
    seconds: float
    timer: Timer | None


def evaluate_dense(
    network: Network,
    data: Dataset,
    options: SweepOptions,
    *,
    check: Check = lambda: None,
) -> Sweeper:
    """Evaluate the dense network; return what evaluates cells of it.

    Parameters
    ----------
    network : Network
        Not changed.
    data : Dataset
        The validation split; the test split is refused, since a plan made on it
        would not be tested by it any more.
    options : SweepOptions
        How to evaluate.
    check : callable
        Called before each batch; may raise to stop.

    Raises
    ------
    WorkbenchError
        The test split, no images, or a network the engine cannot compile while
        latency is asked for.
    """
    _require_no_test(data)
    images = data if options.images is None else data.take(options.images)
    runner = make_runner(
        network.module, images, batch=options.batch, cache_bytes=options.cache_bytes
    )
    start = perf_counter()
    scores = [batch.clone() for batch in runner({}, check)]
    seconds = perf_counter() - start
    timer = None
    if options.latency != "none":
        timer = timer_of(network, options.latency, options.threads)
    dense = Dense(network, images, runner, scores, seconds, timer)
    return Sweeper(dense, options, check)


class Sweeper:
    """What evaluates cells of one network on one dataset; from ``evaluate_dense``.

    Cells are fastest in the order of the grid: what runs before the pruned layer is
    kept from one cell to the next.

    Parameters
    ----------
    dense : Dense
        What cells are compared with.
    options : SweepOptions
        How to evaluate.
    check : callable
        Called before each batch; may raise to stop.
    """

    def __init__(self, dense: Dense, options: SweepOptions, check: Check) -> None:
        self.network, self.data, self.options = dense.network, dense.data, options
        self._dense, self._check = dense, check
        self._costs = layer_costs(dense.network)
        self._last: tuple[Params, tuple[Accuracy, Change]] | None = None
        self.base = self._base()

    @property
    def reuses_prefix(self) -> bool:
        """Whether only what follows the pruned layer is run."""
        return self._dense.runner.reuses_prefix

    def cells(
        self, curve: Curve, known: Mapping[str, SweepRow] | None = None
    ) -> Iterator[Found]:
        """Yield the cells of a curve that are not known, by rising sparsity.

        Parameters
        ----------
        curve : Curve
            From ``grid``.
        known : mapping of str to SweepRow
            Rows found before, by key; they count for the early stop.
        """
        known = known or {}
        stopped = ""
        for sparsity in curve.sparsities:
            key = cell_key(curve.subject, curve.method, sparsity)
            if stopped:
                yield Skipped(curve.subject, curve.method, sparsity, stopped)
                continue
            found: Found = known[key] if key in known else self.cell(curve, sparsity)
            if key not in known:
                yield found
            if isinstance(found, SweepRow) and stops(self.base, found, self.options):
                stopped = f"stopped after sparsity {sparsity:g}"

    def cell(self, curve: Curve, sparsity: float) -> Found:
        """Return one cell: a row, or why there is none."""
        self._check()
        try:
            recipe = curve.recipe(sparsity, seed=self.options.seed)
            pruned = prune(self.network, recipe, self.options.calibration)
        except WorkbenchError as refusal:
            return Skipped(curve.subject, curve.method, sparsity, refusal.found)
        accuracy, change = self._evaluate(pruned)
        costs = layer_costs(pruned)
        own = [cost for cost in costs.layers if cost.id in curve.layers]
        weights = sum(cost.weights for cost in own)
        times = self._compiled(pruned)
        return SweepRow(
            subject=curve.subject,
            layers=curve.layers,
            method=curve.method,
            granularity=curve.granularity,
            sparsity=sparsity,
            reached=1 - sum(cost.nonzeros for cost in own) / weights,
            top1=accuracy.top1,
            top5=accuracy.top5,
            loss=accuracy.loss if math.isfinite(accuracy.loss) else None,
            n=accuracy.n,
            low=accuracy.interval[0],
            high=accuracy.interval[1],
            output_l2=change.relative_l2,
            output_kl=change.kl,
            weights=weights,
            weights_removed=self._costs.nonzeros - costs.nonzeros,
            kernels_removed=pruned.report.kernels_removed,
            filters_removed=pruned.report.filters_removed,
            dense_macs=costs.dense_macs,
            macs=costs.macs,
            bytes=costs.sparse_bytes,
            executed_macs=None if times is None else times.executed_macs,
            layer_ms=None if times is None else times.of(curve.layers),
            network_ms=None if times is None else times.network_ms,
            note=pruned.report.note,
        )

    def estimate_s(self, curves: tuple[Curve, ...]) -> float:
        """Return about how long these curves take, from the dense network's time."""
        per_cell = 0.0 if self.options.latency == "none" else _COMPILE_S
        return sum(
            (self._dense.seconds * suffix_share(self.network, curve.subject) + per_cell)
            * len(curve.sparsities)
            for curve in curves
        )

    def _evaluate(self, pruned: PrunedNetwork) -> tuple[Accuracy, Change]:
        """Return accuracy and change, or those of the cell before if it is equal."""
        changed = {
            name: pruned.module.get_parameter(name).detach()
            for name in pruned.parameter_masks
        }
        if self._last is not None and _equal(self._last[0], changed):
            return self._last[1]
        dense, classes = self._dense, len(self.data.classes)
        runs = dense.runner(changed, self._check) if changed else iter(dense.scores)
        found = compare(dense.scores, runs, dense.runner.labels, classes)
        self._last = changed, found
        return found

    def _compiled(self, pruned: PrunedNetwork) -> Times | None:
        if self._dense.timer is None:
            return None
        self._check()
        return self._dense.timer.times(pruned)

    def _base(self) -> Base:
        tally = Tally(len(self.data.classes))
        start = 0
        dense = self._dense
        for scores in dense.scores:
            tally.add(scores, dense.runner.labels[start : start + len(scores)])
            start += len(scores)
        found, timer = tally.accuracy(), dense.timer
        return Base(
            top1=found.top1,
            top5=found.top5,
            loss=found.loss,
            n=found.n,
            low=found.interval[0],
            high=found.interval[1],
            macs=self._costs.dense_macs,
            bytes=self._costs.sparse_bytes,
            executed_macs=None if timer is None else timer.base.executed_macs,
            network_ms=None if timer is None else timer.base.network_ms,
            measured_ms=None if timer is None else timer.measured_ms,
        )


def stops(base: Base, row: SweepRow, options: SweepOptions) -> bool:
    """Return whether a curve ends after this row."""
    if options.stop_drop is None:
        return False
    if options.stop_on == "loss":
        return row.loss is None or row.loss - base.loss > options.stop_drop
    return base.top1 - row.top1 > options.stop_drop


def suffix_share(network: Network, subject: str) -> float:
    """Return the share of the network's MACs from a layer on, 0..1."""
    ids = [layer.id for layer in network.layers]
    macs = [layer.macs for layer in network.layers]
    return sum(macs[ids.index(subject) :]) / max(sum(macs), 1)


def _equal(one: Params, other: Params) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name]) for name in one
    )


def _require_no_test(data: Dataset) -> None:
    if data.split == "test":
        raise WorkbenchError(
            "the test split",
            "the validation split: what a plan is made on cannot test it",
            "Load the data with split='val'.",
        )
