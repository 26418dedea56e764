"""Plans: exact against brute force, within budgets, and honest about what is not."""

from itertools import product

import numpy as np
import pytest

import workbench as wb
from tests.support.sweep_rows import row, sweep
from workbench.analysis.planner.knapsack import Item, solve
from workbench.analysis.planner.planner import Budget, make_plan, usable
from workbench.analysis.sensitivity.rows import Base, Sweep
from workbench.errors import WorkbenchError


def brute(items: list[Item], least: float) -> float | None:
    """Return the least cost over every subset that is allowed."""
    best: float | None = None
    for chosen in product((0, 1), repeat=len(items)):
        picked = [item for item, taken in zip(items, chosen, strict=True) if taken]
        used = [name for item in picked for name in item.uses]
        if len(used) != len(set(used)) or sum(i.saving for i in picked) < least - 1e-9:
            continue
        cost = sum(item.cost for item in picked)
        best = cost if best is None else min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_the_solver_is_as_good_as_trying_everything(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = "abcd"
    items = [
        Item(
            tuple(rng.choice(list(names), size=rng.integers(1, 3), replace=False)),
            float(rng.integers(0, 20)),
            float(rng.integers(1, 20)),
        )
        for _ in range(10)
    ]
    for least in (5.0, 25.0, 45.0, 200.0):
        found, best = solve(items, least_saving=least), brute(items, least)
        assert (found is None) == (best is None)
        if found is not None and best is not None:
            assert sum(items[at].cost for at in found) == pytest.approx(best)
            used = [name for at in found for name in items[at].uses]
            assert len(used) == len(set(used))
            assert sum(items[at].saving for at in found) >= least


def test_a_latency_budget_by_hand() -> None:
    # Dense 10 ms. a saves 2 for a loss of .1 or 4 for .5; b saves 3 for .2.
    # For 6 ms one must save 4: a4 alone costs .5, a2 + b saves 5 and costs .3.
    found = sweep(
        row("a", 0.5, loss=0.4, network_ms=7.0),
        row("a", 0.9, loss=0.8, network_ms=5.0),
        row("b", 0.5, loss=0.5, network_ms=6.0),
    )
    recipe = wb.plan(found, latency_ms=6.0)
    assert [(r.match, r.params.sparsity) for r in recipe.layers] == [
        ("a", 0.5),
        ("b", 0.5),
    ]
    plan = make_plan(found, Budget("ms", limit=6.0))
    assert plan.predicted.ms == pytest.approx(5.0)
    # Degradation is the rise of the loss and half of 1,000 images; two cells, times
    # 1.5: 1.5 (.1005 + .2005) = .4515. Cells of degradation .1005 and .2005 lost .1 and
    # .2 and one of .5005 lost .5, so .4515 stands for .2 + .3 x .251 / .3 = .451; none
    # lost top-1: half an image at most, at the worst cell's degradation.
    assert plan.predicted.degradation == pytest.approx(0.4515)
    assert plan.predicted.drop == pytest.approx(0.0005 * 0.4515 / 0.5005)
    assert plan.recipe == recipe
    assert recipe.model == "net"


def test_the_largest_saving_within_a_drop() -> None:
    # a: 1 point for 4 ms, b: 2 points for 3 ms, c: 3 points for 5 ms. Within 3 points
    # a + b saves 7, c alone 5. Degradation is the fall and half an image, .0105, .0205
    # and .0305; together cells count 1.5 times their sum, a + b .0465 for 4.57 points
    # (.03 x .0465 / .0305). Within 3 points .0305 / 1.5 = .0203 is left: a alone.
    found = sweep(
        row("a", 0.5, top1=0.89, network_ms=5.0, loss=None),
        row("b", 0.5, top1=0.88, network_ms=6.0, loss=None),
        row("c", 0.5, top1=0.87, network_ms=4.0, loss=None),
    )
    recipe = wb.plan(found, max_drop=0.046)
    assert [rule.match for rule in recipe.layers] == ["a", "b"]
    assert make_plan(found, Budget("ms", max_drop=0.046)).predicted.drop == (
        pytest.approx(0.03 * 0.0465 / 0.0305)
    )
    assert [rule.match for rule in wb.plan(found, max_drop=0.03).layers] == ["a"]
    assert wb.plan(found, max_drop=0.0).layers == ()


def test_methods_mix_and_a_group_excludes_its_layers() -> None:
    found = sweep(
        row("a", 0.5, loss=0.31, network_ms=6.0, layers=("a", "b"), method="filter"),
        row("b", 0.5, loss=0.30, network_ms=8.0),
        row("c", 0.6, loss=0.35, network_ms=7.0, method="pattern"),
        row("c", 0.5, loss=0.40, network_ms=8.0, method="block:n=8"),
    )
    recipe = wb.plan(found, latency_ms=5.0)
    assert [(r.match, r.method) for r in recipe.layers] == [
        ("a", "filter"),
        ("c", "pattern"),
    ]
    recipe = wb.plan(sweep(*found.rows[:2], found.rows[3]), latency_ms=6.0)
    assert recipe.layers[-1].params.n == 8


def test_macs_and_bytes_need_no_latency() -> None:
    rows = [row("a", 0.5, network_ms=None), row("b", 0.9, network_ms=None, loss=0.4)]
    plain = Sweep(
        "net", "d", "made", "d", "val", "none",
        Base(0.9, 1.0, 0.3, 1000, 0.88, 0.92, macs=1000, bytes=4000),
        tuple(rows),
    )  # fmt: skip
    assert [r.match for r in wb.plan(plain, macs=800).layers] == ["a"]
    assert [r.match for r in wb.plan(plain, macs=500).layers] == ["a", "b"]
    # 800 bytes need b (900); a lost no image, but may lose half of one: it stays.
    assert [r.match for r in wb.plan(plain, bytes=3200).layers] == ["b"]
    assert [r.match for r in wb.plan(plain, max_drop=0.01).layers] == ["a", "b"]
    with pytest.raises(WorkbenchError, match="without latency"):
        wb.plan(plain, latency_ms=1.0)


def test_what_removed_nothing_or_has_no_loss_is_never_chosen() -> None:
    found = sweep(
        row("a", 0.5, weights_removed=0, network_ms=1.0),
        row("b", 0.5, loss=None, network_ms=1.0),
        row("c", 0.5, network_ms=9.5),
        row("d", 0.5, network_ms=8.0),
    )
    assert [one.subject for one in usable(found, "ms")] == ["d"]


def test_a_higher_sparsity_is_never_cheaper_by_chance() -> None:
    # b = 0.9 measured no loss although b = 0.5 lost 0.5: noise. a costs 0.2.
    found = sweep(
        row("a", 0.5, loss=0.5, network_ms=7.0),
        row("b", 0.5, loss=0.8, network_ms=8.0),
        row("b", 0.9, loss=0.3, network_ms=7.0),
    )
    assert [r.match for r in wb.plan(found, latency_ms=8.0).layers] == ["a"]


def test_budgets_that_cannot_be_met_say_what_can() -> None:
    found = sweep(row("a", 0.5, network_ms=7.0), row("a", 0.9, network_ms=6.0))
    with pytest.raises(WorkbenchError) as caught:
        wb.plan(found, latency_ms=2.0)
    assert "7 ms or more, the least that these cells reach (10 dense)" in str(
        caught.value
    )
    with pytest.raises(WorkbenchError, match="2 budgets"):
        wb.plan(found, latency_ms=2.0, max_drop=0.1)
    with pytest.raises(WorkbenchError, match="0 budgets"):
        wb.plan(found)
    with pytest.raises(WorkbenchError, match="a share"):
        wb.plan(found, max_drop=2)
    assert wb.plan(found, latency_ms=11.0).layers == ()
