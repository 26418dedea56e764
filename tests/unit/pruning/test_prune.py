"""prune(): assignment, protection, coupling, reports; the original stays untouched."""

import copy

import pytest
import torch

from tests.support.pruning_networks import chain, network
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.pruning import Recipe, Rule, prune
from workbench.pruning.method import MethodError
from workbench.pruning.recipe.assign import assign
from workbench.pruning.recipe.errors import RecipeError


def test_the_original_is_untouched() -> None:
    net = network("residual")
    before = copy.deepcopy(net.module.state_dict())
    pruned = prune(net, Recipe.uniform("filter", 0.5))
    for name, tensor in net.module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert pruned.module is not net.module
    assert set(pruned.module.state_dict()) == set(before)
    assert pruned.base is net
    assert pruned.digest != net.digest
    assert (pruned.name, pruned.input_shape) == (net.name, net.input_shape)
    assert pruned.layer("fc") is net.layer("fc")


def test_wildcards_leave_first_convolution_and_classifier_dense() -> None:
    report = prune(network("residual"), Recipe.uniform("magnitude", 0.8)).report
    assert report.layer("stem.0").zeros == 0
    assert report.layer("stem.0").method == "none"
    assert report.layer("stem.0").note == (
        "left dense: the first convolution; name it to prune it"
    )
    assert report.layer("fc").note == "left dense: the classifier; name it to prune it"
    assert report.note.startswith("stem.0: left dense: the first convolution")
    inner = [row for row in report.layers if row.id not in ("stem.0", "fc")]
    assert [row.sparsity for row in inner] == pytest.approx(
        [0.8] * len(inner), abs=4e-3
    )


def test_named_layers_are_pruned_even_if_special() -> None:
    rules = (
        Rule.of("fc", "magnitude", sparsity=0.5),
        Rule.of("*", "magnitude", sparsity=0.8),
    )
    report = prune(network("residual"), Recipe(layers=rules)).report
    assert report.layer("fc").zeros == 160
    assert report.layer("stem.0").zeros == 0


def test_the_last_match_wins() -> None:
    rules = (
        Rule.of("*", "magnitude", sparsity=0.8),
        Rule.of("layer1.*", "none"),
        Rule.of("layer1.1.*", "kernel", sparsity=0.5),
    )
    found = {
        row.layer.id: (row.index, row.method)
        for row in assign(Recipe(layers=rules), network("residual"))
    }
    assert found["layer1.0.one.0"] == (1, "none")
    assert found["layer1.1.one.0"] == (2, "kernel")
    assert found["layer3.0.one.0"] == (0, "magnitude")
    assert found["stem.0"] == (0, "none")


def test_unmatched_pattern_is_refused_with_its_line() -> None:
    recipe = Recipe.loads(
        "version: 1\nlayers:\n"
        "  - {match: '*', method: magnitude, sparsity: 0.8}\n"
        "  - {match: layer1.0.on, method: none}\n",
        source="mine.yaml",
    )
    with pytest.raises(RecipeError) as caught:
        prune(network("residual"), recipe)
    assert str(caught.value) == (
        "mine.yaml line 4: match 'layer1.0.on', which no layer of 'residual' has as "
        "its id; expected a layer id or a pattern, for example layer1.0.one.0, "
        "layer3.0.one.0, layer2.0.one.0. List the layers with: python -m workbench "
        "inspect residual"
    )


def test_refusal_carries_the_line_of_the_recipe() -> None:
    text = "layers:\n  - {match: fc, method: pattern}\n"
    with pytest.raises(MethodError, match=r"^mine\.yaml line 2: linear layer 'fc'"):
        prune(network("residual"), Recipe.loads(text, source="mine.yaml"))


def test_wildcards_skip_what_a_method_cannot_do_and_say_so() -> None:
    report = prune(network("residual"), Recipe.uniform("pattern", 5 / 9)).report
    row = report.layer("layer2.0.skip.0")
    assert (row.method, row.zeros) == ("pattern", 0)
    assert row.note.startswith("left dense: 1x1 kernels in layer 'layer2.0.skip.0'")
    assert report.layer("layer2.0.one.0").sparsity == pytest.approx(5 / 9)


def test_report_counts_by_hand() -> None:
    net = chain(1, 2, 2)
    weight = net.module.get_parameter("1.weight").data
    weight.fill_(1.0)
    weight[0] = 0.1
    weight[1, 0] = 0.2
    # 27 of 36 go: the first filter and the first kernel of the second.
    report = prune(net, Recipe.uniform("magnitude", 0.75, match="1")).report
    row = report.layer("1")
    assert (row.weights, row.zeros, row.sparsity) == (36, 27, 0.75)
    assert (row.kernels, row.kernels_removed) == (4, 3)
    assert (row.filters, row.filters_removed) == (2, 1)
    assert (report.weights, report.zeros) == (18 + 36 + 20, 27)
    assert (report.kernels_removed, report.filters_removed) == (3, 1)
    assert report.sparsity == 27 / 74
    with pytest.raises(WorkbenchError, match="no layer 'x' in the report"):
        report.layer("x")


def test_filter_by_hand_takes_the_smallest_l1_norms() -> None:
    net = chain(1, 3, 2)
    weight = net.module.get_parameter("0.weight").data
    weight.copy_(torch.tensor([1.0, -3.0, 2.0])[:, None, None, None].expand(3, 1, 3, 3))
    pruned = prune(net, Recipe.uniform("filter", 1 / 3, match="0"))
    assert pruned.masks["0"].flatten(1).all(dim=1).tolist() == [False, True, True]
    assert pruned.masks["1"].flatten(2).all(dim=2).tolist() == [[False, True, True]] * 2
    assert pruned.channel_masks["0.bias"].tolist() == [False, True, True]
    assert pruned.report.layer("1").note == "input channels removed with 0"


def test_channel_takes_the_least_used_inputs() -> None:
    net = chain(1, 3, 2)
    weight = net.module.get_parameter("1.weight").data
    weight.copy_(torch.tensor([2.0, -3.0, 1.0])[None, :, None, None].expand(2, 3, 3, 3))
    pruned = prune(net, Recipe.uniform("channel", 1 / 3, match="1"))
    assert pruned.masks["0"].flatten(1).all(dim=1).tolist() == [True, True, False]


def test_a_global_threshold_compares_filters_over_their_layers_mean() -> None:
    net = chain(1, 1, 3, 4)
    for name, norms in (("1", [4.0, 5.0, 6.0]), ("2", [1.0, 2.0, 30.0, 7.0])):
        weight = net.module.get_parameter(f"{name}.weight").data
        weight.copy_(torch.tensor(norms)[:, None, None, None].expand_as(weight))
    pruned = prune(net, Recipe.uniform("filter", 0.5, scope="global"))
    kept = [pruned.masks[name].flatten(1).any(dim=1).tolist() for name in ("1", "2")]
    # Over their means (5 and 10): 0.8 1 1.2 | 0.1 0.2 3 0.7. Of seven, four go: 0.1
    # 0.2 0.7 0.8. The bare norms are 36 45 54 | 27 54 810 189: 27 36 45 54 would go.
    assert kept == [[False, True, True], [False, False, True, False]]


def test_a_global_threshold_leaves_every_layer_its_floor() -> None:
    net = chain(1, 2, 4, 8, 2)
    weight = net.module.get_parameter("1.weight").data
    # Nearly all of layer 1 is one filter: the others score 4e-6 over the mean.
    norms = torch.tensor([1e-6, 1, 1e-6, 1e-6])
    weight.copy_(norms[:, None, None, None].expand_as(weight))
    report = prune(net, Recipe.uniform("filter", 0.7, scope="global")).report
    removed = [report.layer(name).filters_removed for name in ("1", "2", "3")]
    # 0.7 of 14 units are 10 (9.8); layer 1 keeps one of four.
    assert sum(removed) == 10
    assert removed[0] == 3
    wide = Recipe.uniform("filter", 0.5, scope="global", floor=0.5)
    report = prune(net, wide).report
    removed = [report.layer(name).filters_removed for name in ("1", "2", "3")]
    assert removed == [2, 4, 1]


def test_round_to_keeps_multiples() -> None:
    net = chain(3, 20, 4)
    for sparsity, kept in ((0.0, 20), (0.3, 16), (0.5, 8), (0.9, 8)):
        recipe = Recipe.uniform("filter", sparsity, match="0", round_to=8)
        report = prune(net, recipe).report
        assert 20 - report.layer("0").filters_removed == kept


def test_wildcard_filter_rule_keeps_groups_coupled_to_a_protected_layer() -> None:
    report = prune(network("residual"), Recipe.uniform("filter", 0.5)).report
    kept = report.layer("layer1.0.two.0")
    assert kept.filters_removed == 0
    assert kept.note.split(";")[0] == (
        "left dense: channels shared with 'stem.0', which the recipe keeps"
    )
    assert report.layer("layer1.0.one.0").filters_removed == 4
    assert report.layer("layer2.0.skip.0").filters_removed == 8


def test_a_later_rule_decides_for_the_whole_group() -> None:
    rules = (
        Rule.of("*", "filter", sparsity=0.5),
        Rule.of("layer2.1.two.0", "filter", sparsity=0.25),
    )
    report = prune(network("residual"), Recipe(layers=rules)).report
    for name in ("layer2.0.two.0", "layer2.0.skip.0", "layer2.1.two.0"):
        assert report.layer(name).filters_removed == 4
    assert report.layer("layer2.0.skip.0").note.startswith(
        "left to a later rule of a coupled layer; channels shared with "
    )


def test_a_named_layer_coupled_to_a_kept_one_is_refused() -> None:
    rules = (
        Rule.of("layer1.0.two.0", "filter", sparsity=0.5),
        Rule.of("stem.0", "none"),
    )
    with pytest.raises(MethodError) as caught:
        prune(network("residual"), Recipe(layers=rules))
    assert str(caught.value) == (
        "rule 'layer1.0.two.0': channels shared with 'stem.0', which the recipe keeps; "
        "expected one decision for all coupled layers. Add a rule that names 'stem.0', "
        "or choose 'kernel' here."
    )


def test_masks_of_two_rules_combine() -> None:
    rules = (
        Rule.of("0", "filter", sparsity=0.5),
        Rule.of("1", "magnitude", sparsity=0.5),
    )
    pruned = prune(chain(3, 8, 8), Recipe(layers=rules))
    columns = pruned.masks["1"].flatten(2).any(dim=2).any(dim=0)
    assert int((~columns).sum()) == 4
    assert pruned.report.layer("1").sparsity > 0.5
    assert pruned.report.layer("1").note == "input channels removed with 0"


def test_diverged_weights_are_refused() -> None:
    net = chain(3, 4, 4)
    net.module.get_parameter("1.weight").data[0, 0, 0, 0] = float("nan")
    bad = from_module(net.module, input_shape=(3, 8, 8), name="bad")
    with pytest.raises(MethodError, match="weights of '1' that are NaN or infinite"):
        prune(bad, Recipe.uniform("magnitude", 0.5))


def test_with_module_refuses_revived_weights() -> None:
    pruned = prune(network("residual"), Recipe.uniform("filter", 0.5))
    module = copy.deepcopy(pruned.module)
    assert pruned.with_module(module).masks is pruned.masks
    name = next(iter(pruned.channel_masks))
    with torch.no_grad():
        module.get_parameter(name).add_(1.0)
    with pytest.raises(WorkbenchError, match=f"removed weights of '{name}'"):
        pruned.with_module(module)
