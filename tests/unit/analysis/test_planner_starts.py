"""The choices of cells that a proved plan starts from."""

from tests.support.sweep_rows import row, sweep
from workbench.analysis.planner.planner import Budget
from workbench.analysis.planner.starts import starts

# Two layers; a cell of sparsity s saves 400 s of 1000 MACs.
CELLS = sweep(
    *(row(name, level) for name in "ab" for level in (0.3, 0.5, 0.7, 0.9)),
    *(row(name, 0.5, method="filter", macs=700) for name in "ab"),
)


def test_all_cells_come_first_then_each_method_alone_and_even() -> None:
    found = starts(CELLS, Budget("macs", limit=500))
    assert found[0] is CELLS
    shown = [({*one.methods}, {row.sparsity for row in one.rows}) for one in found[1:]]
    # Save 500: magnitude at 0.5 and 0.7 saves 2 x 280 = 560 at most, at 0.3 and 0.5
    # only 2 x 200 = 400. Filters save 2 x 300 = 600 and know one sparsity only.
    assert shown == [
        ({"magnitude"}, {0.3, 0.5, 0.7, 0.9}),
        ({"magnitude"}, {0.5, 0.7}),
        ({"filter"}, {0.5}),
    ]


def test_what_does_not_reach_the_limit_is_no_start() -> None:
    # Save 650: filters reach 600, magnitude 2 x 360 = 720 with 0.9.
    found = starts(CELLS, Budget("macs", limit=350))
    assert [one.methods for one in found[1:]] == [("magnitude",), ("magnitude",)]
    assert {row.sparsity for row in found[2].rows} == {0.7, 0.9}


def test_a_drop_has_no_limit_to_reach() -> None:
    assert starts(CELLS, Budget("macs", max_drop=0.01)) == (CELLS,)


def test_one_method_is_not_tried_twice() -> None:
    plain = sweep(*(row(name, level) for name in "ab" for level in (0.3, 0.5)))
    assert starts(plain, Budget("macs", limit=800)) == (plain,)
