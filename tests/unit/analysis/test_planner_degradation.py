"""Degradation of cells and what whole plans teach: curves worked in comments."""

from dataclasses import replace
from typing import Any

import pytest

from workbench.analysis.planner.corrections import corrected, learnt, next_degradation
from workbench.analysis.planner.degradation import (
    TOGETHER,
    Outlook,
    degradations,
    outlook,
    unit_of,
)
from workbench.analysis.planner.planner import Budget, Prediction, make_plan
from workbench.analysis.sensitivity.rows import Base, Sweep, SweepRow

BASE = Base(0.9, 1.0, 0.3, 500, 0.88, 0.92, macs=1000, bytes=4000)
CELL = SweepRow(
    "a", ("a",), "magnitude", "element", 0.5, 0.5, 0.9, 1.0, 0.3, 500, 0.88, 0.92,
    output_l2=0.1, output_kl=0.01, weights=100, weights_removed=50, kernels_removed=0,
    filters_removed=0, dense_macs=1000, macs=900, bytes=3900,
)  # fmt: skip


def cell(subject: str, sparsity: float, **changes: Any) -> SweepRow:
    where = {"subject": subject, "layers": (subject,), "sparsity": sparsity}
    return replace(CELL, **{**where, **changes})


def sweep(*rows: SweepRow) -> Sweep:
    return Sweep("net", "d", "made", "d", "val", "none", BASE, rows)


def test_a_cell_that_lost_no_image_is_not_free() -> None:
    # a and b lose nothing by top-1 and a even gains; only the scores tell that b is at
    # its cliff. One of them is enough for 900 MACs.
    found = sweep(
        cell("a", 0.5, top1=0.902, output_kl=0.02),
        cell("b", 0.5, top1=0.904, output_kl=0.4),
        cell("c", 0.5, top1=0.7, output_kl=0.5, macs=999),
    )
    assert unit_of(found) == "divergence"
    made = make_plan(found, Budget("macs", limit=900.0))
    assert [row.subject for row in made.rows] == ["a"]
    # Within 2 points neither b (degradation .4 of the .5 that cost 20) nor both.
    made = make_plan(found, Budget("macs", max_drop=0.02))
    assert [row.subject for row in made.rows] == ["a"]
    # Without divergences, and with nothing known but top-1, half an image each.
    bare = [replace(row, output_kl=None) for row in found.rows]
    assert degradations(sweep(*bare))["a magnitude 0.5"] == pytest.approx(0.5 / 500)
    blind = sweep(*(replace(row, loss=None) for row in bare))
    assert unit_of(blind) == "top1"
    assert degradations(blind)["c magnitude 0.5"] == pytest.approx(0.2 + 0.5 / 500)


def test_degradation_never_falls_along_a_curve() -> None:
    found = degradations(
        sweep(
            cell("a", 0.9, output_kl=0.2),
            cell("a", 0.5, output_kl=0.3),
            cell("a", 0.3, output_kl=0.1),
        )
    )
    assert list(found.values()) == [0.1, 0.3, 0.3]


def test_top1_is_read_off_the_cells_by_isotonic_regression() -> None:
    # Falls by rising degradation: 0, .04, .02, .1. The middle two change places: .03
    # each, at the mean of their degradations. The first lost no image and is no point
    # of the curve.
    seen = outlook(
        sweep(
            cell("a", 0.5, output_kl=0.1, loss=0.3),
            cell("b", 0.5, output_kl=0.2, top1=0.86, loss=0.4),
            cell("c", 0.5, output_kl=0.4, top1=0.88, loss=0.5),
            cell("d", 0.5, output_kl=1.0, top1=0.8, loss=1.0),
        )
    )
    assert seen.degradation == pytest.approx((0.0, 0.3, 1.0))
    assert seen.drop == pytest.approx((0.0, 0.03, 0.1))
    assert seen.loss == pytest.approx((0.0, 0.15, 0.7))
    assert seen.drop_at(0.1) == pytest.approx(0.01)
    assert seen.degradation_within(0.01) == pytest.approx(0.1)
    assert seen.degradation_within(0.065) == pytest.approx(0.65)
    assert seen.drop_at(2.0) == pytest.approx(0.2)
    assert seen.degradation_within(0.0) == 0.0


def test_sums_are_multiplied_by_what_cells_do_together() -> None:
    found = sweep(
        cell("a", 0.5, output_kl=0.1, top1=0.89),
        cell("b", 0.5, output_kl=0.2, top1=0.88),
        cell("c", 0.5, output_kl=0.9, top1=0.8),
    )
    both = make_plan(found, Budget("macs", limit=800.0)).predicted
    assert both.degradation == pytest.approx(0.3 * TOGETHER)
    # .45 lies between .2 (2 points) and .9 (10 points): 2 + 8 x .25 / .7.
    assert both.drop == pytest.approx(0.02 + 0.08 * 0.25 / 0.7)
    known = make_plan(found, Budget("macs", limit=800.0), together=3.0).predicted
    assert known.degradation == pytest.approx(0.9)
    assert known.drop == pytest.approx(0.1)
    alone = make_plan(found, Budget("macs", limit=900.0)).predicted
    assert (alone.degradation, alone.drop) == pytest.approx((0.1, 0.01))


def test_what_whole_plans_gave_moves_the_outlook() -> None:
    # Cells: 10 points at degradation 1, straight. Plans: 1 point at .2, 6 at .4 (cells
    # said 2 and 4): through both, then on as steep as the cells, 6 + 6 at degradation
    # 1.
    seen = Outlook("divergence", (0.0, 1.0), (0.0, 0.1), (0.0, 1.0))
    known = learnt(seen, [(0.4, 0.06, 0.5), (0.2, 0.01, 0.1)])
    assert known.degradation == pytest.approx((0.0, 0.2, 0.4, 1.0))
    assert known.drop == pytest.approx((0.0, 0.01, 0.06, 0.12))
    assert known.loss == pytest.approx((0.0, 0.1, 0.5, 1.1))
    assert known.degradation_within(0.02) == pytest.approx(0.24)


def test_the_next_guess_lies_between_what_was_kept_and_what_was_not() -> None:
    seen = Outlook("divergence", (0.0, 1.0), (0.0, 0.1))
    # Too much once: as far down as the fall says, an eighth at most.
    assert next_degradation(seen, 0.01, [(0.4, 0.04)]) == pytest.approx(0.1)
    assert next_degradation(seen, 0.01, [(0.8, 0.5)]) == pytest.approx(0.1)
    # Kept only: what the outlook says, from 1.25 to 2.5 times the last.
    assert next_degradation(seen, 0.02, [(0.1, 0.0)]) == pytest.approx(0.2)
    assert next_degradation(seen, 0.02, [(0.19, 0.0)]) == pytest.approx(0.19 * 1.25)
    assert next_degradation(seen, 0.05, [(0.1, 0.0)]) == pytest.approx(0.25)
    # Between, but a tenth of the gap away from both.
    assert next_degradation(seen, 0.02, [(0.1, 0.02), (0.3, 0.5)]) == pytest.approx(
        0.12
    )
    # A lower degradation that lost more than a higher one: the lower one bounds.
    assert next_degradation(seen, 0.02, [(0.1, 0.04), (0.3, 0.01)]) == pytest.approx(
        0.05
    )


def test_a_limit_is_moved_by_how_far_the_sum_was_off() -> None:
    shown = Prediction(0.0, None, ms=6.0, macs=800.0, bytes=1.0)
    found = replace(shown, ms=6.5)
    assert corrected(Budget("ms", limit=6.2), shown, found).limit == pytest.approx(5.7)
    far = replace(shown, ms=60.0)
    assert corrected(Budget("ms", limit=6.2), shown, far).limit == pytest.approx(3.1)
    drop = Budget("ms", max_drop=0.01)
    assert corrected(drop, shown, found) is drop
