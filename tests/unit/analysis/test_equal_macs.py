"""Strengths found by search: equal theoretical MACs whatever the method."""

import pytest

from tests.support.pruning_networks import chain, network
from workbench.analysis.cost.complexity import layer_costs
from workbench.analysis.cost.equal_macs import at_macs, macs_share
from workbench.errors import WorkbenchError
from workbench.pruning import Recipe, prune


@pytest.mark.parametrize("method", ["magnitude", "kernel", "stripe", "sensitivity"])
@pytest.mark.parametrize("share", [0.4, 0.6])
def test_fine_methods_reach_any_share(method: str, share: float) -> None:
    found = at_macs(network("residual"), method, share)
    assert found.share == pytest.approx(share, abs=0.02)
    costs = layer_costs(found.pruned)
    assert costs.macs / costs.dense_macs == pytest.approx(found.share)
    assert macs_share(found.pruned) == found.share >= found.least


def test_the_search_survives_strengths_that_are_refused() -> None:
    # Kernels above a sparsity of 7/8 empty the filters of 8 inputs: these layers stay
    # dense, and the share rises again.
    net = network("residual")
    rows = [
        macs_share(prune(net, Recipe.uniform("kernel", sparsity)))
        for sparsity in (0.8, 0.97)
    ]
    assert rows[0] < rows[1]
    found = at_macs(net, "kernel", rows[0] + 0.02)
    assert found.share == pytest.approx(rows[0] + 0.02, abs=0.02)


def test_patterns_reach_what_they_can_and_say_how_far_off_it_is() -> None:
    # 16 inputs and 8 filters of 3x3 between a protected stem and classifier.
    net = chain(3, 16, 8)
    found = at_macs(net, "pattern", 0.9)
    dense, inner, head = 16 * 3 * 9 * 64 + 8 * 16 * 9 * 64 + 80, 8 * 16 * 9 * 64, 80
    best = 1 - 5 / 9 * inner / dense
    assert head == 80
    assert found.share == pytest.approx(best)
    assert found.recipe.layers[0].method == "pattern"


def test_listed_values_are_searched() -> None:
    # HetConv costs 1/p + (1 - 1/p)/9: 5 is nearest to 0.3 (0.288), 4 gives 0.333.
    net = chain(3, 60, 60)
    inner = 60 * 60 * 9 * 64
    dense = inner + 60 * 3 * 9 * 64 + 600
    share = (0.3 * inner + dense - inner) / dense
    found = at_macs(net, "hetconv", share, params={"p": (1, 2, 3, 4, 5, 6)})
    assert found.recipe.layers[0].params.p == 5


def test_impossible_shares_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="a share of 30 of the dense MACs"):
        at_macs(chain(3, 4, 4), "magnitude", 30)
    with pytest.raises(
        WorkbenchError, match="'filter', which removes nothing"
    ) as caught:
        at_macs(network("residual"), "filter", 0.5, params={"criterion": "taylor"})
    assert "criterion 'taylor' without images" in caught.value.found
