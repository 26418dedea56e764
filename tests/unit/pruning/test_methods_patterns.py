"""PCONV: patterns, dictionaries, connectivity, and their statistics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.support.pruning_networks import chain, network
from workbench.analysis.patterns import pattern_statistics
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.pruning import Recipe, Rule, prune
from workbench.pruning import patterns as scp
from workbench.pruning.recipe.errors import RecipeError


def test_the_catalogue() -> None:
    natural = scp.natural_patterns()
    assert natural.shape == (56, 9)
    assert natural[:, scp.CENTRE].all()
    assert natural.sum(dim=1).eq(4).all()
    assert len({tuple(row) for row in natural.int().tolist()}) == 56


def test_elog_patterns_are_the_papers_four() -> None:
    rows = scp.elog_patterns().int().reshape(4, 3, 3).tolist()
    assert rows == [
        [[0, 1, 0], [1, 1, 0], [0, 1, 0]],
        [[0, 1, 0], [1, 1, 1], [0, 0, 0]],
        [[0, 1, 0], [0, 1, 1], [0, 1, 0]],
        [[0, 0, 0], [1, 1, 1], [0, 1, 0]],
    ]


def test_random_patterns_do_not_favour_the_centre() -> None:
    rows = scp.random_patterns(126, seed=0)
    assert len({tuple(row) for row in rows.int().tolist()}) == 126
    # Each of nine places is in C(8, 3) = 56 of the 126 patterns.
    assert rows.sum(dim=0).tolist() == [56] * 9
    assert not torch.equal(scp.random_patterns(8, 0), scp.random_patterns(8, 1))


def test_natural_pattern_by_hand() -> None:
    # Centre 0.1 stays although it is small; largest others: -9, 8, 7 at 0, 2, 6.
    kernel = torch.tensor([[-9.0, 1.0, 8.0, 2.0, 0.1, 3.0, 7.0, -4.0, 5.0]])
    [number] = scp.natural_ids(kernel).tolist()
    kept = torch.nonzero(scp.natural_patterns()[number]).flatten().tolist()
    assert kept == [0, 2, 4, 6]


def test_natural_pattern_of_ties_takes_the_first_places() -> None:
    [number, none] = scp.natural_ids(torch.stack([torch.ones(9), torch.zeros(9)]))
    assert scp.natural_patterns()[number].int().tolist() == [1, 1, 1, 0, 1, 0, 0, 0, 0]
    assert int(none) == -1


def test_assignment_keeps_most_energy() -> None:
    torch.manual_seed(0)
    kernels = torch.randn(50, 9)
    dictionary = scp.natural_patterns()[::7]
    chosen = scp.assign(kernels, dictionary)
    for kernel, number in zip(kernels, chosen.tolist(), strict=True):
        errors = [float(kernel[~row].square().sum()) for row in dictionary]
        assert errors[number] == min(errors)


@settings(max_examples=25, deadline=None)
@given(
    k=st.sampled_from([4, 6, 8, 12]),
    connectivity=st.floats(0, 0.9),
    method=st.sampled_from(["pattern", "pconv"]),
)
def test_every_kernel_that_stays_has_four_entries_with_the_centre(
    k: int, connectivity: float, method: str
) -> None:
    rule = Rule.of("1", method, patterns=k, connectivity=connectivity)
    pruned = prune(chain(3, 10, 6), Recipe(layers=(rule,)))
    kernels = pruned.masks["1"].reshape(-1, 9)
    alive = kernels.any(dim=1)
    assert kernels[alive].sum(dim=1).eq(4).all()
    assert kernels[alive][:, scp.CENTRE].all()
    assert len({tuple(row) for row in kernels[alive].int().tolist()}) <= k
    per_filter = alive.reshape(6, 10).sum(dim=1)
    assert set(per_filter.tolist()) == {10 - round(connectivity * 10)}


def test_pconv_cuts_the_kernels_whose_pattern_retains_least() -> None:
    net = chain(2, 2, 2)
    weight = net.module.get_parameter("1.weight").data
    weight.zero_()
    # Filter 0: kernel 0 keeps 4 * 1; kernel 1 has the larger norm (9 * 0.49 = 4.41),
    # but its pattern keeps 4 * 0.49 = 1.96 only.
    weight[0, 0].view(-1)[[0, 1, 2, 4]] = 1.0
    weight[0, 1] = 0.7
    weight[1, 0], weight[1, 1] = 2.0, 3.0
    rule = Rule.of("1", "pconv", connectivity=0.5)
    mask = prune(net, Recipe(layers=(rule,))).masks["1"]
    alive = mask.flatten(2).any(dim=2).int().tolist()
    assert alive == [[1, 0], [0, 1]]


def test_dictionary_scope() -> None:
    """Layer 1 prefers rows, layer 2 columns; one pattern serves one of them."""
    net = chain(2, 4, 4, 5)
    for name, places in (("1", [1, 3, 4, 5]), ("2", [1, 3, 4, 7])):
        weight = net.module.get_parameter(f"{name}.weight").data
        weight.normal_(0, 0.01)
        weight.view(-1, 9)[:, places] = 1.0
    both = Rule.of("*", "pattern", patterns=1)
    each = Rule.of("*", "pattern", patterns=1, scope="layer")
    shared = prune(net, Recipe(layers=(both,))).masks
    apart = prune(net, Recipe(layers=(each,))).masks
    # Layer 2 has 20 kernels against 16: its pattern wins the network's vote.
    assert torch.nonzero(shared["1"][0, 0].flatten()).flatten().tolist() == [1, 3, 4, 7]
    assert torch.nonzero(apart["1"][0, 0].flatten()).flatten().tolist() == [1, 3, 4, 5]
    assert torch.equal(shared["2"], apart["2"])


def test_random_dictionary_retains_less_than_the_networks_own() -> None:
    net = network("residual")
    for layer in net.layers:
        if layer.kernel_size == (3, 3):
            # Trained kernels weigh their centre most; these are random.
            net.module.get_parameter(f"{layer.id}.weight").data[:, :, 1, 1] *= 2

    def energy(**params: object) -> float:
        pruned = prune(net, Recipe(layers=(Rule.of("layer*", "pattern", **params),)))
        return sum(
            float(pruned.module.get_parameter(f"{name}.weight").detach().square().sum())
            for name in pruned.masks
        )

    assert energy(patterns=8) > energy(patterns=8, set="random")
    assert energy(patterns=12) > energy(patterns=6) > energy(patterns=4)


def test_elog_has_exactly_four() -> None:
    assert Rule.of("1", "pattern", set="elog").params.count == 4
    with pytest.raises(RecipeError) as caught:
        Rule.of("1", "pattern", set="elog", patterns=8)
    assert caught.value.expected == "4 patterns with the set 'elog'"


def test_the_gaussian_set_sums_to_the_gaussian() -> None:
    rows = scp.gaussian_patterns()
    assert rows.sum(dim=1).tolist() == [4, 4, 4, 4]
    assert rows.int().sum(dim=0).tolist() == [1, 2, 1, 2, 4, 2, 1, 2, 1]
    rule = Rule.of("1", "pattern", set="gaussian")
    kernels = prune(chain(3, 10, 6), Recipe(layers=(rule,))).masks["1"].reshape(-1, 9)
    found = {tuple(row) for row in kernels.int().tolist()}
    assert found <= {tuple(row) for row in rows.int().tolist()}


def test_the_papers_letters_are_read() -> None:
    assert Rule.of("1", "pattern", K=6) == Rule.of("1", "pattern", patterns=6)
    assert Rule.of("1", "hetconv", P=4) == Rule.of("1", "hetconv", p=4)


def statistics_of(weight: torch.Tensor) -> object:
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3)
    conv.weight.data.copy_(weight)
    net = from_module(nn.Sequential(conv), input_shape=(weight.shape[1], 5, 5))
    return pattern_statistics(net)


def test_statistics_by_hand() -> None:
    # Three kernels of one shape (energy 4 each), one of another (energy 16), one zero.
    weight = torch.zeros(5, 1, 9)
    weight[:3, 0, [0, 1, 2, 4]] = 1.0
    weight[3, 0, [4, 6, 7, 8]] = 2.0
    found = statistics_of(weight.reshape(5, 1, 3, 3))
    assert found.counts[:3].tolist() == [3, 1, 0]
    assert found.ids[:2].tolist() == [0, 55]
    assert found.best[0].tolist() == [[0], [0], [0], [55], [-1]]
    np.testing.assert_allclose(found.coverage[:2], [0.75, 1.0])
    # With one pattern the fourth kernel keeps its centre, 4 of 16: (12 + 4) / 28.
    np.testing.assert_allclose(found.retained[:2], [16 / 28, 1.0])


def test_statistics_grow_with_k_and_match_pruning() -> None:
    net = network("residual")
    found = pattern_statistics(net, ["layer1.0.one.0", "layer1.0.two.0"])
    assert (np.diff(found.retained) >= 0).all()
    assert (np.diff(found.coverage) >= 0).all()
    assert found.coverage[-1] == 1.0
    rule = Rule.of("layer1.0.*", "pattern", patterns=6)
    pruned = prune(net, Recipe(layers=(rule,)))
    kept = total = 0.0
    for name in found.layers:
        kept += float(pruned.module.get_parameter(f"{name}.weight").data.square().sum())
        total += float(net.module.get_parameter(f"{name}.weight").data.square().sum())
    assert found.retained[5] == pytest.approx(kept / total, rel=1e-6)


def test_statistics_refuse_other_kernels() -> None:
    net = network("residual")
    with pytest.raises(WorkbenchError, match="1x1 kernels in layer"):
        pattern_statistics(net, ["layer2.0.skip.0"])
    with pytest.raises(WorkbenchError, match="no 3x3 kernels in 'chain'"):
        pattern_statistics(chain(3, 4, size=1))
