"""Blocks, n:m, kernels, stripes, HetConv: each method's defining property."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.pruning_networks import TOPOLOGIES, chain, network
from workbench.models.network import Layer
from workbench.pruning import METHODS, Recipe, Rule, prune
from workbench.pruning.method import MethodError
from workbench.pruning.methods.block import block_mask
from workbench.pruning.methods.hetconv import hetconv_mask
from workbench.pruning.methods.nm import nm_mask


def refusal(kind: str, rule: Rule) -> str:
    with pytest.raises(MethodError) as caught:
        prune(network(kind), Recipe(layers=(rule,)))
    return str(caught.value)


def test_block_by_hand() -> None:
    # Four outputs, two inputs, n = 2: block means (2, 5), (3, 1) of rows 01 and 23.
    scores = torch.tensor([[1.0, 9.0], [3.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    mask = block_mask(scores, 0.5, n=2, groups=1)
    assert mask.int().tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(2, 9),
    n=st.sampled_from([2, 4, 8]),
    groups=st.integers(1, 3),
    sparsity=st.floats(0, 0.99),
)
def test_blocks_are_whole_and_counted(
    rows: int, n: int, groups: int, sparsity: float
) -> None:
    torch.manual_seed(rows)
    scores = torch.rand(rows * groups, 3, 2, 2)
    mask = block_mask(scores, sparsity, n=n, groups=groups)
    blocks = gone = 0
    for group in mask.reshape(groups, rows, -1):
        for part in group.split(n):
            assert torch.equal(part.all(dim=0), part.any(dim=0))
            blocks += part.shape[1]
            gone += int((~part.any(dim=0)).sum())
    assert gone == round(sparsity * blocks)


def test_block_scores_are_means_so_that_the_short_last_block_is_not_favoured() -> None:
    scores = torch.tensor([[1.0], [1.0], [1.5]])
    assert block_mask(scores, 0.5, n=2, groups=1).int().tolist() == [[0], [0], [1]]


@settings(max_examples=40, deadline=None)
@given(
    inputs=st.integers(1, 21),
    pair=st.sampled_from([(1, 2), (2, 4), (1, 4), (3, 4), (5, 16)]),
)
def test_nm_holds_in_every_group(inputs: int, pair: tuple[int, int]) -> None:
    n, m = pair
    torch.manual_seed(inputs)
    mask = nm_mask(torch.rand(3, inputs, 2, 2), n, m)
    for part in mask.split(m, dim=1):
        kept = part.sum(dim=1)
        assert int(kept.min()) == int(kept.max()) == min(n, part.shape[1])


def test_nm_keeps_the_largest() -> None:
    scores = torch.tensor([[0.1, 0.4, 0.2, 0.3]])[:, :, None, None]
    assert nm_mask(scores, 2, 4).flatten().int().tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.6, 0.8])
def test_kernel_is_balanced_and_whole(sparsity: float) -> None:
    net = chain(3, 10, 12)
    pruned = prune(net, Recipe.uniform("kernel", sparsity, match="1"))
    mask = pruned.masks.get("1", torch.ones(12, 10, 3, 3, dtype=torch.bool))
    whole = mask.flatten(2)
    assert torch.equal(whole.all(dim=2), whole.any(dim=2))
    assert set(whole.any(dim=2).sum(dim=1).tolist()) == {10 - round(sparsity * 10)}
    assert pruned.report.kernels_removed == 12 * round(sparsity * 10)


def test_kernel_ranks_by_norm() -> None:
    net = chain(2, 2, 2)
    weight = torch.tensor([[1.0, 2.0], [4.0, 3.0]])[:, :, None, None].expand(2, 2, 3, 3)
    net.module.get_parameter("1.weight").data.copy_(weight)
    pruned = prune(net, Recipe.uniform("kernel", 0.5, match="1"))
    assert pruned.masks["1"][:, :, 0, 0].int().tolist() == [[0, 1], [1, 0]]
    loose = Recipe.uniform("kernel", 0.5, match="1", balanced=False)
    assert prune(net, loose).masks["1"][:, :, 0, 0].int().tolist() == [[0, 0], [1, 1]]


def test_stripes_are_constant_along_input_channels() -> None:
    net = chain(3, 6, 8)
    pruned = prune(net, Recipe.uniform("stripe", 0.7, match="1"))
    mask = pruned.masks["1"]
    assert torch.equal(mask.all(dim=1), mask.any(dim=1))
    assert int((~mask[:, 0]).sum()) == round(0.7 * 8 * 9)
    sums = net.module.get_parameter("1.weight").detach().abs().sum(dim=1)
    assert float(sums[mask[:, 0]].min()) >= float(sums[~mask[:, 0]].max())


@pytest.mark.parametrize("p", [1, 2, 4, 8])
def test_hetconv_shifts_whole_kernels_by_filter(p: int) -> None:
    mask = hetconv_mask((8, 16, 3, 3), p)
    for f in range(8):
        for c in range(16):
            expected = 9 if c % p == f % p else 1
            assert int(mask[f, c].sum()) == expected
            assert bool(mask[f, c, 1, 1])
    # The paper's cost: 1/P + (1 - 1/P) / 9 of dense.
    assert float(mask.float().mean()) == pytest.approx(1 / p + (1 - 1 / p) / 9)


def test_hetconv_counts_within_groups() -> None:
    mask = hetconv_mask((4, 2, 3, 3), 2, groups=2)
    assert mask.sum(dim=(2, 3)).tolist() == [[9, 1], [1, 9], [9, 1], [1, 9]]


def test_refusals_by_name_with_remedy() -> None:
    assert refusal("residual", Rule.of("layer2.0.skip.0", "pattern")) == (
        "rule 'layer2.0.skip.0': 1x1 kernels in layer 'layer2.0.skip.0'; expected 3x3 "
        "kernels, of which a pattern keeps 4 of 9. Use 'magnitude', 'block' or "
        "'kernel' for this layer."
    )
    assert refusal("depthwise", Rule.of("dw1.0", "kernel", sparsity=0.5)) == (
        "rule 'dw1.0': depthwise layer 'dw1.0', with one kernel a filter; expected "
        "several kernels a filter. Use 'filter' to remove its channels or 'magnitude' "
        "for its weights."
    )
    assert refusal("residual", Rule.of("fc", "stripe", sparsity=0.5)) == (
        "rule 'fc': linear layer 'fc', where a stripe is a whole filter; expected "
        "kernels larger than 1x1. Use 'filter' or 'magnitude' for this layer."
    )
    assert refusal("residual", Rule.of("stem.0", "hetconv", p=4)) == (
        "rule 'stem.0': p = 4 for layer 'stem.0' with 3 kernels a filter; expected p "
        "of 3 or less, so that every filter keeps a whole kernel. Lower p for this "
        "layer."
    )
    assert refusal("depthwise", Rule.of("dw1.0", "nm")) == (
        "rule 'dw1.0': depthwise layer 'dw1.0' with 1 input channels a filter; "
        "expected more than the 2 that are kept. Use 'magnitude' for this layer."
    )
    assert refusal("depthwise", Rule.of("dw1.0", "block", sparsity=0.5)) == (
        "rule 'dw1.0': depthwise layer 'dw1.0' with 1 output channels a group; "
        "expected 4 that read the same inputs. Use 'magnitude' here, or a smaller n."
    )
    assert refusal("residual", Rule.of("stem.0", "kernel", sparsity=0.9)) == (
        "rule 'stem.0': connectivity sparsity 0.9 of 'stem.0', which empties its "
        "filters of 3 kernels; expected at least one kernel left a filter. Write at "
        "most 0.666, or balanced: false."
    )
    assert refusal("residual", Rule.of("fc", "filter", sparsity=0.5)) == (
        "rule 'fc': channels of 'fc' that cannot be removed: these channels are the "
        "network's output; expected channels between two layers, through batch norm, "
        "sums and activations. Use a method that keeps shapes (magnitude, kernel, "
        "pattern)."
    )
    assert refusal("residual", Rule.of("stem.0", "channel", sparsity=0.5)) == (
        "rule 'stem.0': the input channels of 'stem.0', which nothing else shares; "
        "expected channels between two layers of the network. The network's own "
        "inputs and classes stay; prune another layer."
    )
    assert refusal("residual", Rule.of("stem.0", "filter", sparsity=0.95)) == (
        "rule 'stem.0': sparsity 0.95 of 8 channels of 'stem.0'; expected at least "
        "one channel left. Write at most 0.875."
    )


@pytest.mark.parametrize("kind", TOPOLOGIES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_on_every_topology(kind: str, method: str) -> None:
    net = network(kind)
    before = net.digest
    recipe = Recipe.uniform(method, 0.0 if method == "none" else 0.75)
    pruned, again = prune(net, recipe), prune(net, recipe)
    for name, mask in pruned.parameter_masks.items():
        assert torch.equal(mask, again.parameter_masks[name])
        values = pruned.module.get_parameter(name)
        assert torch.count_nonzero(values[~mask]) == 0
        assert torch.equal(values[mask], net.module.get_parameter(name)[mask])
    assert pruned.digest == again.digest
    # The dense network's own digest is cached, so that it is computed anew here.
    assert type(net).digest.func(net) == before
    for row in pruned.report.layers:
        whole = method == "layer" and row.note.startswith("removed with its block ")
        assert (row.zeros == row.weights) == whole
        if row.zeros == 0 and row.method != "none":
            assert row.note.startswith(("left dense: ", "kept: "))


def test_at_sparsity_comes_close() -> None:
    net = chain(3, 64, 64)
    for method, row in METHODS.items():
        if method in ("none", "filter", "channel", "slimming", "layer"):
            continue
        params = row.at_sparsity(0.75)
        rule = Rule.of("1", method, **params)
        report = prune(net, Recipe(layers=(rule,))).report
        assert report.layer("1").sparsity == pytest.approx(0.75, abs=0.15), method


def test_refusals_of_linear_layers_name_their_kind() -> None:
    layer = Layer(
        "fc", "linear", (10, 64), (1, 1), (0, 0), (1, 1), 1, True, (64,), (10,)
    )
    refused = {
        name
        for name, row in METHODS.items()
        if row.refuses(
            layer, row.params(**row.at_sparsity(0 if name == "none" else 0.8))
        )
    }
    assert refused == {"kernel", "pattern", "pconv", "stripe", "hetconv", "slimming"}
