"""What a sweep from elsewhere does not say, counted and timed on the network itself.

Files of other tools name a layer, a sparsity and an accuracy. What a cell removes,
multiplies, stores and costs in time does not depend on images: the cell is pruned
again and looked at, not evaluated.

Belongs here: filling in numbers. Does not belong here: reading files
(``sensitivity_csv``), accuracies (``sensitivity``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from workbench.analysis.cost.complexity import NetworkCost, layer_costs
from workbench.analysis.sensitivity.grid import Curve, SweepOptions, grid
from workbench.analysis.sensitivity.latency import Times, timer_of
from workbench.analysis.sensitivity.rows import Skipped, Sweep, SweepRow, require_rows
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork


def filled(
    sweep: Sweep,
    network: Network,
    options: SweepOptions,
    *,
    check: Callable[[], None] = lambda: None,
) -> Sweep:
    """Return the sweep with counts and times of its cells; accuracies stay.

    Parameters
    ----------
    sweep : Sweep
        From ``read_csv``. Rows that state their weights keep all their counts.
    network : Network
        The network that was swept.
    options : SweepOptions
        Seed and calibration images; ``latency`` and ``threads`` say whether and how
        rows without a time get one.
    check : callable
        Called before each cell; may raise to stop.

    Raises
    ------
    WorkbenchError
        Names that are no layers of this network, or no cell that can be pruned. A cell
        that cannot be while others can is skipped with its reason.
    """
    _require_layers(sweep, network)
    levels = sorted({row.sparsity for row in sweep.rows})
    curves = {
        (curve.subject, curve.method): curve
        for curve in grid(network, sweep.methods, levels)
    }
    dense = layer_costs(network)
    timed = options.latency != "none" and sweep.base.network_ms is None
    timer = timer_of(network, options.latency, options.threads) if timed else None
    rows, skipped = [], list(sweep.skipped)
    for row in sweep.rows:
        check()
        if row.counted and timer is None:
            rows.append(row)
            continue
        try:
            curve = _curve(row, curves)
            recipe = curve.recipe(row.sparsity, seed=options.seed)
            pruned = prune(network, recipe, options.calibration)
        except WorkbenchError as refusal:
            cell = row.subject, row.method, row.sparsity
            skipped.append(Skipped(*cell, refusal.found))
            continue
        filled_in = row if row.counted else _counted(row, curve, pruned, dense)
        if timer is not None:
            filled_in = _timed(filled_in, timer.times(pruned))
        rows.append(filled_in)
    base = replace(sweep.base, macs=dense.dense_macs, bytes=dense.sparse_bytes)
    if timer is not None:
        base = replace(
            base,
            executed_macs=timer.base.executed_macs,
            network_ms=timer.base.network_ms,
            measured_ms=timer.measured_ms,
        )
    found = replace(
        sweep,
        model=sweep.model or network.name,
        latency=options.latency if timed else sweep.latency,
        base=base,
        rows=tuple(rows),
        skipped=tuple(skipped),
    )
    require_rows(found)
    return found


def _curve(row: SweepRow, curves: Mapping[tuple[str, str], Curve]) -> Curve:
    """Return the curve of a row; channels are swept by the first layer of a group."""
    for curve in curves.values():
        if curve.method == row.method and row.subject in curve.layers:
            return curve
    raise WorkbenchError(
        f"layer {row.subject!r}, which has no channels that {row.method!r} could take",
        "a layer that reads or makes channels of another",
        "Leave its lines out.",
    )


def _counted(
    row: SweepRow, curve: Curve, pruned: PrunedNetwork, dense: NetworkCost
) -> SweepRow:
    costs = layer_costs(pruned)
    own = [cost for cost in costs.layers if cost.id in curve.layers]
    weights = sum(cost.weights for cost in own)
    return replace(
        row,
        layers=curve.layers,
        granularity=curve.granularity,
        reached=1 - sum(cost.nonzeros for cost in own) / weights,
        weights=weights,
        weights_removed=dense.nonzeros - costs.nonzeros,
        kernels_removed=pruned.report.kernels_removed,
        filters_removed=pruned.report.filters_removed,
        dense_macs=costs.dense_macs,
        macs=costs.macs,
        bytes=costs.sparse_bytes,
    )


def _timed(row: SweepRow, times: Times) -> SweepRow:
    return replace(
        row,
        executed_macs=times.executed_macs,
        layer_ms=times.of(row.layers),
        network_ms=times.network_ms,
    )


def _require_layers(sweep: Sweep, network: Network) -> None:
    known = [layer.id for layer in network.layers]
    strange = [name for name in sweep.subjects if name not in known]
    if strange:
        raise WorkbenchError(
            f"{len(strange)} names that are no layers of '{network.name}': "
            + ", ".join(strange[:5]),
            "layer ids such as " + ", ".join(known[:3]),
            "Rename or remove their lines, or name the network that was swept.",
        )
