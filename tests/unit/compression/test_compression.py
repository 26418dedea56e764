"""Palettes: k-means, codes, gradients that sum, and the compressed network."""

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.support.small_networks import small_network, small_pruned
from workbench.compression.bits import bits_by_layer
from workbench.compression.kmeans import STARTS, nearest, share, starting_centroids
from workbench.compression.lookup import Lookup, attach, detach
from workbench.compression.palette import Palette
from workbench.compression.stages import layer_sizes, stages
from workbench.compression.tensors import Coding
from workbench.data.dataset import make_dataset
from workbench.errors import WorkbenchError
from workbench.training.loop.options import FitOptions


def weights(count=400, sparsity=0.5, seed=0):
    random = np.random.default_rng(seed)
    values = random.standard_normal(count).astype(np.float32)
    values[random.random(count) < sparsity] = 0
    return values.reshape(20, -1)


def test_clusters_of_the_papers_figure():
    # Figure 3 of the paper: these 16 weights in 4 clusters have the centroids
    # -1.00, 0.00, 1.50, 2.00 (rounded there); means of the groups by hand.
    weight = np.array(
        [
            [2.09, -0.98, 1.48, 0.09],
            [0.05, -0.14, -1.08, 2.12],
            [-0.91, 1.92, 0.01, -1.03],
            [1.87, 0.001, 1.53, 1.49],
        ],
        np.float32,
    )
    palette = share(weight, 2)
    rows = ["".join(str(code) for code in row) for row in palette.codes]
    assert rows == ["3021", "1103", "0310", "3122"]
    assert palette.codebook == pytest.approx([-1.0, 0.0022, 1.5, 2.0], abs=1e-6)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("bits", [1, 3, 5, 8])
def test_zeros_stay_and_codes_fit(start, bits):
    weight = weights()
    palette = share(weight, bits, start=start)
    assert len(palette.codebook) <= 1 << bits
    assert palette.codebook[0] == 0
    assert np.array_equal(palette.codes == 0, weight == 0)
    assert palette.kept == np.count_nonzero(weight)
    live = weight[weight != 0]
    assert np.array_equal(
        palette.codes[weight != 0], nearest(live, palette.codebook[1:]) + 1
    )


def test_more_bits_lose_less():
    weight = weights(2000, 0.0)
    errors = [np.square(share(weight, b).weight() - weight).mean() for b in (2, 4, 6)]
    assert errors[0] > 8 * errors[1] > 64 * errors[2]


def test_few_values_are_kept_exactly():
    weight = np.array([[0, 0.1, -7], [0.1, 1e-8, 0]], np.float32)
    assert np.array_equal(share(weight, 2).weight(), weight)


def test_starts_differ_as_the_paper_says():
    # Linear starts spread over the range, density starts over the crowd.
    values = np.concatenate([np.linspace(0, 1, 90), np.linspace(1, 10, 10)])
    linear = starting_centroids(values.astype(np.float32), 10, "linear")
    density = starting_centroids(values.astype(np.float32), 10, "density")
    assert (linear > 1).sum() == 9
    assert (density > 1).sum() == 1


def test_a_layer_without_weights_left():
    palette = share(np.zeros((3, 4), np.float32), 4)
    assert palette.codebook.tolist() == [0.0]
    assert palette.kept == 0


@pytest.mark.parametrize(
    ("weight", "bits", "found"),
    [
        (weights(), 0, "0 bits"),
        (weights(), 9, "9 bits"),
        (np.array([np.nan], np.float32), 3, "NaN"),
    ],
)
def test_impossible_palettes_are_explained(weight, bits, found):
    with pytest.raises(WorkbenchError, match=found):
        share(weight, bits)


def test_palette_refuses_what_it_cannot_be():
    codes = np.array([3], np.uint8)
    with pytest.raises(WorkbenchError, match="code 3 for a codebook of 2"):
        Palette(np.array([0, 1], np.float32), codes, True)
    with pytest.raises(WorkbenchError, match="value of removed weights"):
        Palette(np.array([1, 2], np.float32), np.array([0], np.uint8), True)


def test_gradients_of_a_shared_value_are_summed():
    # Equation 3 by hand: weights 0 and 2 share value a, weight 3 has b, weight 1 is
    # removed; gradients 1, 10, 100, 1000 give a: 101 and b: 1000.
    palette = Palette(
        np.array([0, 5, 7], np.float32), np.array([[1, 0], [1, 2]], np.uint8), True
    )
    live = torch.tensor([5.0, 7.0], requires_grad=True)
    weight = Lookup(palette)(live)
    assert weight.tolist() == [[5.0, 0.0], [5.0, 7.0]]
    weight.backward(torch.tensor([[1.0, 10.0], [100.0, 1000.0]]))
    assert live.grad is not None
    assert live.grad.tolist() == [101.0, 1000.0]


def test_gradient_equals_torchs_indexing():
    palette = share(weights(), 4)
    seed = torch.randn(20, 20, generator=torch.Generator().manual_seed(0))
    ours = torch.tensor(palette.live, requires_grad=True)
    (Lookup(palette)(ours) * seed).sum().backward()
    plain = torch.tensor(palette.codebook, requires_grad=True)
    (plain[torch.from_numpy(palette.codes.astype(np.int64))] * seed).sum().backward()
    torch.testing.assert_close(ours.grad, plain.grad[1:])


def test_bits_by_layer():
    layers = small_network().layers
    assert bits_by_layer("8:conv,5:fc", layers) == {"0": 8, "3": 8, "7": 5}
    assert bits_by_layer("3:conv,6:3", layers) == {"0": 3, "3": 6}
    assert bits_by_layer(4, layers) == {"0": 4, "3": 4, "7": 4}
    for text in ("9", "x:conv", "", "5:nothing"):
        with pytest.raises(WorkbenchError, match="bits"):
            bits_by_layer(text, layers)


def test_compressed_network_shares_values_and_keeps_zeros():
    pruned = small_pruned()
    small = wb.compress(pruned, "4:conv,3:fc")
    for name, count in {"0": 16, "3": 16, "7": 8}.items():
        weight = small.module.get_parameter(f"{name}.weight")
        assert weight.unique().numel() <= count
        assert (weight[~pruned.masks[name]] == 0).all() if name in pruned.masks else 1
    before = pruned.module.state_dict()["0.weight"]
    assert torch.equal(before, small.source.module.state_dict()["0.weight"])
    assert small.digest != pruned.digest


def digits(split="train"):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (96, 3, 8, 8), dtype=np.uint8)
    labels = np.arange(96) % 10
    classes = tuple("0123456789")
    norm = ((0.5,) * 3, (0.25,) * 3)
    return make_dataset(
        "noise", split, images=images, labels=labels, classes=classes, norm=norm
    )


def test_training_moves_values_not_codes():
    small = wb.compress(small_pruned(), "4:conv,3:fc")
    options = FitOptions(epochs=2, batch_size=32, peak_lr=1e-3, weight_decay=0.1)
    tuned = wb.tune_palette(small, digits(), options=options)
    for name, palette in small.palettes.items():
        after = tuned.palettes[name]
        assert np.array_equal(after.codes, palette.codes)
        assert after.codebook.shape == palette.codebook.shape
        assert not np.array_equal(after.codebook, palette.codebook)
        assert after.codebook[0] == palette.codebook[0] or not palette.pruned
        found = tuned.module.get_parameter(f"{name}.weight").detach().numpy()
        assert np.array_equal(found, after.weight())
    again = wb.tune_palette(small, digits(), options=options)
    assert again.digest == tuned.digest


def test_the_test_split_trains_and_chooses_no_palette():
    small = wb.compress(small_pruned(), "4")
    with pytest.raises(WorkbenchError, match="the test split of 'noise'"):
        wb.tune_palette(small, digits("test"))
    with pytest.raises(WorkbenchError, match="the test split of 'noise'"):
        wb.tune_palette(small, digits(), val=digits("test"))


def test_attach_and_detach_change_nothing():
    small = wb.compress(small_pruned(), "4")
    module = attach(small)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(module(x), small.module(x))
    names = {name for name, _ in module.named_parameters()}
    assert "0.parametrizations.weight.original" in names
    assert detach(module, small).digest == small.digest


def test_values_that_are_not_the_palettes_are_refused():
    small = wb.compress(small_pruned(), "4")
    with pytest.raises(WorkbenchError, match="not its palette's"):
        small.with_values(small_pruned().module, small.palettes)


def test_stages_shrink_and_count_whole_files():
    small = wb.compress(small_pruned(), "4:conv,3:fc")
    rows = {row.name: row for row in stages(small)}
    sizes = [row.bytes for row in rows.values()]
    state = small.module.state_dict()
    assert rows["dense"].bytes == sum(
        t.numel() * t.element_size() for t in state.values()
    )
    assert sizes[0] > sizes[1] > sizes[2]
    # The header spends a few bytes on naming the coder of each stream.
    assert rows["smallest of both"].bytes < min(sizes) + 32
    assert rows["pruned"].ratio == rows["dense"].bytes / rows["pruned"].bytes


def test_layer_sizes_by_hand():
    # Half of 400 weights at 4 bits fixed: 15 values of 4 bytes; codes of 4 bits and
    # gaps of 3 bits for each kept weight (no gap of 8 in this pattern).
    flat = np.tile(np.array([0, 1], np.float32), 200) * np.arange(1, 401)
    module = nn.Sequential(nn.Flatten(), nn.Linear(20, 20, bias=False))
    with torch.no_grad():
        module[1].weight.copy_(torch.from_numpy(flat.astype(np.float32)).view(20, 20))
    net = wb.from_module(module, input_shape=(1, 4, 5))
    small = wb.compress(net, 4)
    (row,) = layer_sizes(small, coding=Coding("fixed", gap_bits=3))
    assert (row.weights, row.kept, row.bits) == (400, 200, 4)
    assert (row.table_bytes, row.code_bytes, row.gap_bytes) == (60, 100, 75)
    assert row.ratio == 1600 / 235


def test_engine_runs_the_compressed_network():
    small = wb.compress(small_pruned(), "4:conv,3:fc")
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    with torch.inference_mode():
        want = small.module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(wb.compile(small, tune="model")(x), want, atol=1e-4)
