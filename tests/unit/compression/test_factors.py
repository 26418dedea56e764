"""HetConv, separable, low-rank and Kronecker layers against their definitions."""

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.support.small_networks import small_network
from workbench.analysis.algorithms.im2col import Window
from workbench.analysis.algorithms.single_layer import single_layer
from workbench.compression.factorise import factorise
from workbench.compression.hetconv import HetConv2d, hetconv_share, to_hetconv
from workbench.compression.kronecker import Kronecker, nearest_products, product_sum
from workbench.compression.lowrank import low_rank_conv, low_rank_linear, spatial_conv
from workbench.compression.plain import plain
from workbench.compression.separable import to_separable
from workbench.data.dataset import make_dataset
from workbench.errors import WorkbenchError
from workbench.training.loop.fit import fit
from workbench.training.loop.options import FitOptions

CLOSE = 1e-4


def image(channels=8, side=9, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, side, side, generator=random)


def conv(inputs=8, outputs=12, **options):
    torch.manual_seed(3)
    return nn.Conv2d(inputs, outputs, 3, **{"padding": 1, **options})


@pytest.mark.parametrize("options", [{}, {"groups": 2}, {"stride": 2, "dilation": 2}])
def test_hetconv_is_the_masked_convolution(options):
    dense = conv(**options)
    layer = HetConv2d(dense, 4)
    inputs = 8 // dense.groups
    keep = torch.zeros_like(dense.weight)
    for f in range(12):
        for c in range(inputs):
            if (f % (12 // dense.groups) - c) % 4 == 0:
                keep[f, c] = 1
            keep[f, c, 1, 1] = 1
    dense.weight.data *= keep
    assert torch.equal(layer.weight(), dense.weight)
    torch.testing.assert_close(layer(image()), dense(image()))
    assert torch.equal(layer.plain().weight, dense.weight)
    assert layer.plain().groups == dense.groups


def test_hetconv_has_only_the_kept_parameters_and_they_learn():
    layer = HetConv2d(conv(bias=False), 4)
    # 12 filters: 2 of 8 kernels whole (18 weights), 6 single weights.
    assert sum(p.numel() for p in layer.parameters()) == 12 * (18 + 6)
    layer(image()).square().sum().backward()
    assert all(
        p.grad is not None and p.grad.abs().min() > 0 for p in layer.parameters()
    )
    before = layer.weight().detach()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 1
    assert torch.equal((layer.weight() - before).ne(0), before.ne(0))


def test_conversion_equals_pruning_by_hetconv():
    net = small_network()
    converted = plain(to_hetconv(net.module, 4))
    pruned = wb.prune(
        net, wb.Recipe(layers=(wb.Recipe.uniform("hetconv", 0.66, match="3").layers))
    )
    want = pruned.module.state_dict()["3.weight"]
    assert torch.equal(converted.state_dict()["3.weight"], want)
    assert torch.equal(converted[0].weight, net.module[0].weight)


@pytest.mark.parametrize("p", [1, 2, 4, 8, 16, 32, 64])
def test_executed_macs_are_the_papers(p):
    # Singh 2019, equation 5: a 3x3 layer runs 1/P + (1 - 1/P) / 9 of its MACs.
    dense = nn.Conv2d(64, 64, 3, padding=1, bias=False)
    weight = HetConv2d(dense, p).weight().detach().numpy()
    around = Window(padding=(1, 1))
    (layer,) = single_layer(weight, (7, 7), around, candidates=("sparse",))
    assert layer.executed_macs == round(64 * 64 * 9 * 7 * 7 * hetconv_share(p))


def test_engine_runs_hetconv_and_kronecker_as_they_are():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        HetConv2d(conv(), 4),
        Kronecker(conv(12, 8), (2, 3), terms=2),
        nn.Flatten(),
        Kronecker(nn.Linear(8 * 64, 10), (2, 16), terms=3),
    ).eval()
    x = image(3, 8)[:1]
    program = wb.compile(module, example=x, tune="model")
    with torch.inference_mode():
        want = module(x)
    np.testing.assert_allclose(program(x.numpy()), want.numpy(), atol=CLOSE)
    torch.testing.assert_close(plain(module)(x), want, atol=CLOSE, rtol=0)


def test_hetconv_refuses_what_it_cannot_do():
    with pytest.raises(WorkbenchError, match="P = 9 for 8 kernels"):
        HetConv2d(conv(), 9)
    with pytest.raises(WorkbenchError, match="1x1 kernels"):
        HetConv2d(nn.Conv2d(8, 8, 1), 2)
    with pytest.raises(WorkbenchError, match="no convolution that P = 64 fits"):
        to_hetconv(small_network().module, 64)


def test_separable_networks_have_the_papers_macs():
    # 64 -> 64 channels: depthwise 9 + pointwise 64 a channel against 576.
    net = nn.Sequential(conv(3, 64), conv(64, 64, bias=False))
    pair = to_separable(net)[1]
    assert sum(p.numel() for p in pair.parameters()) == 64 * (9 + 64)
    four = to_separable(net, 4)[1]
    assert sum(p.numel() for p in four.parameters()) == 64 * (16 * 9 + 64)
    assert pair(image(64)).shape == net[1](image(64)).shape


def test_full_rank_changes_nothing():
    layer, dense = nn.Linear(6, 4), conv(4, 5, stride=2)
    x = torch.randn(3, 6)
    torch.testing.assert_close(
        low_rank_linear(layer, 4)(x), layer(x), atol=1e-5, rtol=0
    )
    for build, rank in ((low_rank_conv, 5), (spatial_conv, 12)):
        got = build(dense, rank)(image(4))
        torch.testing.assert_close(got, dense(image(4)), atol=CLOSE, rtol=0)


def test_low_rank_error_is_the_dropped_singular_values():
    dense = conv(4, 5)
    values = torch.linalg.svdvals(dense.weight.detach().flatten(1))
    pair = low_rank_conv(dense, 2)
    whole = pair[1].weight.flatten(1) @ pair[0].weight.flatten(1)
    lost = (whole - dense.weight.flatten(1)).norm()
    assert float(lost.detach()) == pytest.approx(float(values[2:].norm()), rel=1e-4)


def test_kronecker_recovers_a_product_and_sums_to_everything():
    a, b = torch.randn(2, 3), torch.randn(4, 5)
    left, right = nearest_products(torch.kron(a, b), (2, 3), 1)
    torch.testing.assert_close(product_sum(left, right), torch.kron(a, b))
    weight = torch.randn(6, 4, 3, 3)
    torch.testing.assert_close(
        product_sum(*nearest_products(weight, (2, 2), 4)), weight, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("terms", [1, 3])
def test_kronecker_layers_apply_their_weight(terms):
    layer, dense = nn.Linear(12, 8), conv(stride=2)
    short = Kronecker(layer, (2, 4), terms=terms)
    x = torch.randn(5, 12)
    want = x @ short.weight().T + layer.bias
    torch.testing.assert_close(short(x), want, atol=1e-5, rtol=0)
    wide = Kronecker(dense, (3, 4), terms=terms)
    want = nn.functional.conv2d(image(), wide.weight(), dense.bias, 2, 1)
    torch.testing.assert_close(wide(image()), want, atol=CLOSE, rtol=0)
    wide(image()).sum().backward()
    assert wide.a.grad is not None


@pytest.mark.parametrize("form", ["low-rank", "spatial", "kronecker"])
def test_factorised_network_counts_what_the_engine_runs(form):
    net = small_network()
    done = factorise(net, form, share=0.5, match="3")
    (row,) = done.rows
    assert row.id == "3"
    assert row.params == 8 * 8 * 9
    assert row.factor_params <= row.params / 2
    assert 0 < row.error < 1
    x = image(3, 8)
    torch.testing.assert_close(
        done.module(x), done.network.module(x), atol=CLOSE, rtol=0
    )
    program = wb.compile(done.network, tune="model")
    parts = [step for step in program.steps if step.layer.startswith("3.")]
    assert sum(step.theoretical_macs for step in parts) == row.factor_macs
    costs = [one for one in wb.layer_costs(done.network).layers if one.id[:2] == "3."]
    assert sum(cost.macs for cost in costs) == row.factor_macs


def test_more_terms_lose_less():
    net = small_network()
    for form in ("low-rank", "kronecker"):
        small, large = (
            factorise(net, form, share=share, match="3").rows[0].error
            for share in (0.3, 0.9)
        )
        assert large < small


@pytest.mark.parametrize(
    ("form", "share", "match", "found"),
    [
        ("tucker", 0.5, "*", "form 'tucker'"),
        ("low-rank", 0.0, "*", "share of 0"),
        ("low-rank", 0.5, "nothing", "no layer of 'small'"),
    ],
)
def test_impossible_factors_are_explained(form, share, match, found):
    with pytest.raises(WorkbenchError, match=found):
        factorise(small_network(), form, share=share, match=match)
    with pytest.raises(WorkbenchError, match="rank 9"):
        low_rank_linear(nn.Linear(3, 5), 9)


def test_hetconv_trains_from_scratch_and_its_zeros_stay():
    torch.manual_seed(5)
    plain_net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )
    # Bright and dark images: two classes that a trained network tells apart.
    labels = np.arange(128) % 2
    noise = np.random.default_rng(0).integers(0, 80, (128, 3, 8, 8))
    images = (noise + 150 * labels[:, None, None, None]).astype(np.uint8)
    data = make_dataset(
        "light",
        "train",
        images=images,
        labels=labels,
        classes=("dark", "bright"),
        norm=((0.5,) * 3, (0.25,) * 3),
    )
    options = FitOptions(epochs=4, batch_size=32, peak_lr=0.1, weight_decay=0.01)
    trained = fit(to_hetconv(plain_net, 4), data, options=options).module
    assert wb.evaluate(trained, data).top1 == 1.0
    weight = plain(trained)[2].weight
    assert int(weight.count_nonzero()) == 8 * (2 * 9 + 6)
    assert not torch.equal(weight, HetConv2d(plain_net[2], 4).plain().weight)
