"""Element methods: exact counts, deterministic ties, floors, thresholds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.support.pruning_networks import chain, network
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import Recipe, Rule, prune
from workbench.pruning.method import MethodError
from workbench.pruning.select import generator, smallest, smallest_per_row


def one_layer(weight: torch.Tensor, groups: int = 1) -> Network:
    """Return a network whose only layer "0" has this OIHW weight."""
    conv = nn.Conv2d(
        weight.shape[1] * groups, weight.shape[0], weight.shape[2:], groups=groups
    )
    conv.weight.data.copy_(weight)
    inputs = weight.shape[1] * groups
    return from_module(nn.Sequential(conv), input_shape=(inputs, 6, 6), name="one")


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    share=st.floats(0, 1),
)
def test_smallest_takes_exactly_the_count_and_the_lower_index_of_ties(
    scores: list[int], share: float
) -> None:
    count = round(share * len(scores))
    chosen = smallest(torch.tensor(scores, dtype=torch.float32), count).numpy()
    by_score_then_index = sorted(range(len(scores)), key=lambda i: (scores[i], i))
    np.testing.assert_array_equal(
        np.flatnonzero(chosen), sorted(by_score_then_index[:count])
    )


def test_smallest_per_row_breaks_ties_by_index() -> None:
    rows = torch.tensor([[2.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    assert smallest_per_row(rows, 2).int().tolist() == [[0, 1, 1], [1, 1, 0]]


def test_random_numbers_depend_on_seed_and_layer_alone() -> None:
    first = generator(5, "criterion", "conv1").random(2)
    np.testing.assert_array_equal(first, generator(5, "criterion", "conv1").random(2))
    assert generator(5, "criterion", "conv2").random() != first[0]
    assert generator(6, "criterion", "conv1").random() != first[0]


def test_magnitude_by_hand() -> None:
    weight = torch.tensor([[[[-3.0, 0.5], [1.0, -0.25]]]])
    pruned = prune(one_layer(weight), Recipe.uniform("magnitude", 0.5, match="0"))
    assert pruned.masks["0"].int().tolist() == [[[[1, 0], [1, 0]]]]
    assert pruned.module.get_parameter("0.weight").tolist() == [[[[-3, 0], [1, 0]]]]


@settings(max_examples=25, deadline=None)
@given(sparsity=st.floats(0, 0.999), method=st.sampled_from(["magnitude", "random"]))
def test_exact_counts_per_layer(sparsity: float, method: str) -> None:
    rules = tuple(Rule.of(name, method, sparsity=sparsity) for name in ("0", "1", "4"))
    report = prune(chain(3, 5, 7), Recipe(layers=rules)).report
    for row in report.layers:
        assert row.zeros == round(sparsity * row.weights)


@settings(max_examples=25, deadline=None)
@given(sparsity=st.floats(0, 0.97))
def test_exact_counts_globally(sparsity: float) -> None:
    net = chain(3, 5, 7, 6)
    rule = Rule.of("*", "magnitude", sparsity=sparsity, scope="global")
    report = prune(net, Recipe(layers=(rule,))).report
    assert report.zeros == round(sparsity * (7 * 5 * 9 + 6 * 7 * 9))


def test_global_scope_counts_over_all_layers_of_the_rule() -> None:
    net = network("residual")
    report = prune(net, Recipe.uniform("magnitude", 0.9, scope="global")).report
    reached = [row for row in report.layers if row.method == "magnitude"]
    weights = sum(row.weights for row in reached)
    assert report.zeros == round(0.9 * weights)
    assert len({round(row.sparsity, 3) for row in reached}) > 3
    # 8 x 8 x 9 = 576 weights; a hundredth, rounded up, is 6.
    assert reached[0].note == "global threshold; floor 0.01 = 6 weights"


def test_global_threshold_never_empties_a_layer() -> None:
    net = chain(3, 8, 8)
    net.module.get_parameter("1.weight").data.mul_(1e-6)
    small = from_module(net.module, input_shape=(3, 8, 8), name="scaled")
    recipe = Recipe(
        layers=(Rule.of("[01]", "magnitude", sparsity=0.5, scope="global", floor=0.05),)
    )
    # A wildcard leaves "0" dense, so that layer 1 alone would be cut in half.
    assert prune(small, recipe).report.layer("0").zeros == 0

    third = chain(3, 8, 8, 8)
    third.module.get_parameter("1.weight").data.mul_(1e-6)
    third = from_module(third.module, input_shape=(3, 8, 8), name="scaled")
    rule = Rule.of("*", "magnitude", sparsity=0.5, scope="global", floor=0.05)
    report = prune(third, Recipe(layers=(rule,))).report
    # 576 weights each: 576 of 1152 go, all from layer 1 but the floor of 29.
    assert report.layer("1").weights - report.layer("1").zeros == 29
    note = "global threshold; floor 0.05 = 29 weights"
    assert report.layer("1").note == note + ", reached"
    assert report.layer("2").note == note
    assert report.layer("2").zeros == 576 - (576 - 29)


def test_global_sparsity_against_its_floor_is_refused() -> None:
    net = network("residual")
    with pytest.raises(MethodError) as caught:
        prune(net, Recipe.uniform("magnitude", 0.9, scope="global", floor=0.2))
    assert caught.value.found == (
        "rule '*': global sparsity 0.9 with a floor of 0.2 a layer"
    )
    assert caught.value.expected.startswith("at most 0.79")


def test_sensitivity_threshold_is_s_sigma() -> None:
    # Mean 0, population deviation sqrt((1 + 4 + 1 + 4) / 4) = 1.5811.
    weight = torch.tensor([[[[1.0, -2.0], [-1.0, 2.0]]]])
    rule = Rule.of("0", "sensitivity", s=1.2)
    pruned = prune(one_layer(weight), Recipe(layers=(rule,)))
    assert pruned.masks["0"].int().tolist() == [[[[0, 1], [0, 1]]]]
    assert pruned.report.layer("0").note == "threshold 1.897 = 1.2 sigma"


def test_sensitivity_refuses_to_empty_a_layer() -> None:
    weight = torch.tensor([[[[1.0, -2.0], [-1.0, 2.0]]]])
    rule = Rule.of("0", "sensitivity", s=1.3)
    with pytest.raises(MethodError) as caught:
        prune(one_layer(weight), Recipe(layers=(rule,)))
    assert str(caught.value) == (
        "rule '0': s = 1.3 for '0', above its largest weight; expected s below 1.26. "
        "Lower s for this layer."
    )


def test_random_depends_on_the_seed() -> None:
    net = network("residual")
    rule = Rule.of("*", "random", sparsity=0.5)
    masks = [
        prune(net, Recipe(seed=seed, layers=(rule,))).masks["layer1.0.one.0"]
        for seed in (0, 0, 1)
    ]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_random_is_pinned_across_machines() -> None:
    net = one_layer(torch.ones(2, 2, 2, 2))
    pruned = prune(net, Recipe.uniform("random", 0.5, match="0"))
    bits = "".join(str(int(bit)) for bit in pruned.masks["0"].reshape(-1))
    assert bits == "0011011101000110"


@pytest.mark.parametrize("kind", ["normal", "three values", "infinite", "sorted"])
@pytest.mark.parametrize("share", [0.0001, 0.3, 0.8, 0.9999])
def test_smallest_of_many_scores_is_what_sorting_chooses(
    kind: str, share: float
) -> None:
    # More scores than are partitioned whole: the threshold comes from a sample.
    size = 150_001
    scores = np.abs(np.random.default_rng(3).standard_normal(size, dtype=np.float32))
    if kind == "three values":
        scores = np.floor(scores)
    elif kind == "infinite":
        scores[::2] = np.inf
    elif kind == "sorted":
        scores.sort()
    count = round(share * size)
    chosen = smallest(torch.from_numpy(scores), count).numpy()
    expected = np.argsort(scores, kind="stable")[:count]
    np.testing.assert_array_equal(np.flatnonzero(chosen), np.sort(expected))


def test_smallest_does_not_rely_on_its_sample() -> None:
    # Every eleventh score is in the sample of 180,224 scores: 1 there, 0 elsewhere. The
    # third smallest is 0, below all that the sample holds.
    scores = torch.zeros(11 * (1 << 14))
    scores[::11] = 1
    chosen = smallest(scores, 3)
    assert torch.nonzero(chosen).flatten().tolist() == [1, 2, 3]
