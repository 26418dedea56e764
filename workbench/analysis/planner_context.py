"""How much each layer's choice matters while the other layers are pruned as planned.

A sweep prunes one layer and leaves the rest dense; in a plan all are pruned at once,
and their losses do not simply add up. Around a plan, each subject is moved alone to
its other cells while the rest of the plan stays: differences that hold near the plan.

Belongs here: these differences as a sweep. Does not belong here: choosing from them
(``planner``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from workbench.analysis.accuracy import Accuracy, Tally
from workbench.analysis.planner import Plan, recipe_of
from workbench.analysis.sensitivity_grid import SweepOptions
from workbench.analysis.sensitivity_rows import Sweep, SweepRow
from workbench.analysis.sensitivity_suffix import Check, make_runner
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe import Recipe


def around(
    network: Network,
    data: Dataset,
    sweep: Sweep,
    made: Plan,
    *,
    options: SweepOptions,
    check: Check = lambda: None,
) -> Sweep:
    """Return the sweep with the loss of each cell as it is around a plan.

    Parameters
    ----------
    network : Network
        The dense network.
    data : Dataset
        As in the sweep; ``options.images`` applies.
    sweep : Sweep
        The cells of which the plan was made.
    made : Plan
        The plan.
    options : SweepOptions
        Images, batch and memory.
    check : callable
        Called before each batch; may raise to stop.

    Returns
    -------
    Sweep
        Cells next to the plan's, and the plan's own. Each one's top-1 and loss are the
        dense network's, worsened by what the subject costs in the plan: the plan with
        this cell, minus the plan with the subject dense. Everything else is as it was.
    """
    images = data if options.images is None else data.take(options.images)
    measure = _Measure(network, images, made, options, check)
    rows: list[SweepRow] = []
    for cells in _neighbours(sweep, made):
        others = [row for row in made.rows if not set(row.layers) & _layers(cells)]
        dense = measure(recipe_of(sweep.model, others))
        if dense is None:
            continue
        for row in cells:
            found = measure(recipe_of(sweep.model, [*others, row]))
            if found is not None:
                rows.append(_moved(sweep, row, found, dense))
    return replace(sweep, rows=tuple(rows))


class _Measure:
    """Accuracy of recipes near a plan, only what differs being run again."""

    def __init__(
        self,
        network: Network,
        data: Dataset,
        made: Plan,
        options: SweepOptions,
        check: Check,
    ) -> None:
        self._network, self._classes = network, len(data.classes)
        self._calibration = options.calibration
        self._check = check
        self._centre = prune(network, made.recipe, options.calibration)
        self._runner = make_runner(
            self._centre.module,
            data,
            batch=options.batch,
            cache_bytes=options.cache_bytes,
        )

    def __call__(self, recipe: Recipe) -> Accuracy | None:
        """Return the accuracy of a recipe, None where it cannot be applied."""
        try:
            pruned = prune(self._network, recipe, self._calibration)
        except WorkbenchError:
            return None
        tally = Tally(self._classes)
        for scores in self._runner(_differing(self._centre, pruned), self._check):
            start = tally.images
            tally.add(scores, self._runner.labels[start : start + len(scores)])
        return tally.accuracy()


def _differing(one: PrunedNetwork, other: PrunedNetwork) -> dict[str, torch.Tensor]:
    """Return the parameters of the other network that are not those of the one."""
    mine = dict(one.module.named_parameters())
    return {
        name: value.detach()
        for name, value in other.module.named_parameters()
        if not torch.equal(value, mine[name])
    }


def _neighbours(sweep: Sweep, made: Plan) -> Iterator[Sequence[SweepRow]]:
    """Yield the cells of each subject that are worth another look.

    These are the chosen cell and the next lower and higher ones of each method that
    prunes the same layers, by saving of MACs; for a subject the plan leaves dense, the
    mildest cell of each method.
    """
    chosen = {row.subject: row for row in made.rows}
    taken = {layer for row in made.rows for layer in row.layers}
    for subject in sweep.subjects:
        centre = chosen.get(subject)
        cells: dict[str, SweepRow] = {}
        for method in sweep.methods:
            curve = [
                row
                for row in sweep.curve(subject, method)
                if not row.removed_nothing and row.loss is not None
            ]
            if centre is None:
                cells.update((r.key, r) for r in curve[:1] if not taken & {*r.layers})
                continue
            curve = [row for row in curve if row.layers == centre.layers]
            lower = [row for row in curve if row.macs >= centre.macs][-2:]
            higher = [row for row in curve if row.macs < centre.macs][:1]
            cells.update((row.key, row) for row in (*lower, *higher))
        if cells:
            yield tuple(cells.values())


def _layers(cells: Sequence[SweepRow]) -> set[str]:
    return {layer for row in cells for layer in row.layers}


def _moved(sweep: Sweep, row: SweepRow, found: Accuracy, dense: Accuracy) -> SweepRow:
    return replace(
        row,
        top1=sweep.base.top1 - (dense.top1 - found.top1),
        loss=sweep.base.loss + (found.loss - dense.loss),
    )
