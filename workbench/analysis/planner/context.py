"""How much each layer's choice matters while the other layers are pruned as planned.

A sweep prunes one layer and leaves the rest dense; in a plan all are pruned at once,
and their degradations do not simply add up. Around a plan, each subject is moved alone
to its other cells while the rest of the plan stays: differences that hold near the
plan.

Belongs here: these differences as a sweep. Does not belong here: choosing from them
(``planner``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from workbench.analysis.planner.planner import PruningPlan, recipe_of
from workbench.analysis.sensitivity.change import compare
from workbench.analysis.sensitivity.grid import SweepOptions
from workbench.analysis.sensitivity.rows import Sweep, SweepRow
from workbench.analysis.sensitivity.suffix import Check, Runner, make_runner
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe

IMAGES = 500
"""Images of a look around a plan: divergences of the same images need few."""


def around(
    network: Network,
    data: Dataset,
    sweep: Sweep,
    made: PruningPlan,
    *,
    options: SweepOptions,
    check: Check = lambda: None,
) -> Sweep:
    """Return the sweep with the divergence of each cell as it is around a plan.

    Parameters
    ----------
    network : Network
        The dense network.
    data : Dataset
        As in the sweep; ``options.images`` applies, and ``IMAGES`` of these at most.
    sweep : Sweep
        The cells of which the plan was made.
    made : PruningPlan
        The plan.
    options : SweepOptions
        Images, batch and memory.
    check : callable
        Called before each batch; may raise to stop.

    Returns
    -------
    Sweep
        Cells next to the plan's, and the plan's own. The divergence of each is what the
        subject costs in the plan: that of the plan with this cell, minus that of the
        plan with the subject dense. Everything else is as it was.
    """
    most = min(IMAGES, options.images or IMAGES, len(data))
    measure = _Measure(network, data.take(most), made, options, check)
    rows: list[SweepRow] = []
    for cells in _neighbours(sweep, made):
        others = [row for row in made.rows if not set(row.layers) & _layers(cells)]
        dense = measure(recipe_of(sweep.model, others))
        if dense is None:
            continue
        for row in cells:
            found = measure(recipe_of(sweep.model, [*others, row]))
            if found is not None:
                rows.append(replace(row, output_kl=max(found - dense, 0.0)))
    return replace(sweep, rows=tuple(rows))


class _Measure:
    """Divergence of recipes near a plan, only what differs being run again."""

    def __init__(
        self,
        network: Network,
        data: Dataset,
        made: PruningPlan,
        options: SweepOptions,
        check: Check,
    ) -> None:
        self._network, self._classes = network, len(data.classes)
        self._calibration = options.calibration
        self._check = check
        self._centre = prune(network, made.recipe, options.calibration)
        self._dense = list(Runner(network.module, data, options.batch)({}, check))
        self._runner = make_runner(
            self._centre.module,
            data,
            batch=options.batch,
            cache_bytes=options.cache_bytes,
        )

    def __call__(self, recipe: Recipe) -> float | None:
        """Return the divergence of a recipe, None where it has none."""
        try:
            pruned = prune(self._network, recipe, self._calibration)
        except WorkbenchError:
            return None
        runs = self._runner(_differing(self._centre, pruned), self._check)
        labels, classes = self._runner.labels, self._classes
        return compare(self._dense, runs, labels, classes)[1].kl


def _differing(one: PrunedNetwork, other: PrunedNetwork) -> dict[str, torch.Tensor]:
    """Return the parameters of the other network that are not those of the one."""
    mine = dict(one.module.named_parameters())
    return {
        name: value.detach()
        for name, value in other.module.named_parameters()
        if not torch.equal(value, mine[name])
    }


def _neighbours(sweep: Sweep, made: PruningPlan) -> Iterator[Sequence[SweepRow]]:
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
