"""A plan proved: pruned, evaluated, measured, and repaired where the sum was wrong.

Belongs here: the starts and their rounds. Does not belong here: choosing
(``analysis/planner``), one start (``repair``), which round is best (``round``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workbench.analysis.planner.common_threshold import METHOD
from workbench.analysis.planner.planner import Budget
from workbench.analysis.planner.starts import starts
from workbench.analysis.sensitivity.rows import Sweep
from workbench.errors import WorkbenchError
from workbench.workflows.plan.repair import CommonRepair, Repair
from workbench.workflows.plan.round import Proof, Round, best_round, keeps

Check = Callable[[], None]
ROUNDS = 3
"""Repairs at most unless told otherwise."""


def verify_plan(
    sweep: Sweep,
    budget: Budget,
    proof: Proof,
    *,
    rounds: int = ROUNDS,
    check: Check = lambda: None,
    on_round: Callable[[Round], None] = lambda found: None,
) -> tuple[Round, ...]:
    """Return the rounds of planning, proving and repairing; ``best_round`` picks one.

    Parameters
    ----------
    sweep : Sweep
        Of the same network and images.
    budget : Budget
        What to keep to.
    proof : Proof
        How plans are checked.
    rounds : int
        Repairs at most, of each start (``planner_starts``, then global magnitude where
        the sweep has magnitude and the budget a limit). The first ones scale what
        was predicted by what came out; then, or where that changes nothing, the cells
        around the best plan are looked at again with the rest of the plan in place.
    check : callable
        Called often; may raise to stop.
    on_round : callable
        Gets each round as it is known.

    Raises
    ------
    WorkbenchError
        The sweep is of another network or other images, or the budget is out of reach.
    """
    _require_same(sweep, proof)
    found: list[Round] = []
    for repair in _repairs(sweep, budget, proof, check):
        first = len(found)
        for _ in range(rounds + 1):
            made = repair.next_plan()
            if made is None:
                break
            actual = repair.prove(made)
            found.append(Round(len(found), made, actual, keeps(budget, actual)))
            repair.learn(found[-1])
            on_round(found[-1])
        kept = [one for one in found[first:] if one.kept]
        if kept and proof.tune_epochs:
            best = best_round(kept)
            found[best.number] = repair.tuned(best)
    return tuple(found)


def most_rounds(sweep: Sweep, budget: Budget, rounds: int = ROUNDS) -> int:
    """Return how many rounds ``verify_plan`` makes at most."""
    common = _has_common(sweep, budget)
    return (len(starts(sweep, budget)) + common) * (rounds + 1)


def _repairs(
    sweep: Sweep, budget: Budget, proof: Proof, check: Check
) -> Iterator[Repair]:
    """Yield what plans from each start."""
    for cells in starts(sweep, budget):
        yield Repair(cells, budget, proof, check)
    if _has_common(sweep, budget):
        yield CommonRepair(sweep, budget, proof, check)


def _has_common(sweep: Sweep, budget: Budget) -> bool:
    return budget.limit is not None and METHOD in sweep.methods


def _require_same(sweep: Sweep, proof: Proof) -> None:
    network = proof.network
    if sweep.model_digest and sweep.model_digest != network.digest:
        raise WorkbenchError(
            f"a sweep of weights {sweep.model_digest[:12]} of '{sweep.model}'",
            f"weights {network.digest[:12]} of '{network.name}'",
            "Sweep this network, or load the weights that were swept.",
        )
    images = proof.options.images
    data = proof.data if images is None else proof.data.take(images)
    if sweep.data_digest and sweep.data_digest != data.digest:
        raise WorkbenchError(
            f"a sweep on {sweep.base.n} images of '{sweep.data}' ({sweep.split})",
            f"the same images; these are {len(data)} of '{data.name}' ({data.split})",
            "Give the data, split and number of images of the sweep.",
        )
