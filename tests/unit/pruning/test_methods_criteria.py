"""Criteria: each paper's score on a case worked by hand; data asked for by name."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.support.pruning_networks import chain, network
from workbench.data.dataset import Dataset, make_dataset
from workbench.models.inspect import from_module
from workbench.pruning import METHODS, Recipe, Rule, prune
from workbench.pruning.calibration import Calibration
from workbench.pruning.criteria import CRITERIA, score
from workbench.pruning.method import Context, MethodError
from workbench.pruning.neighbours import norms_after

TAKES_CRITERION = sorted(
    name for name, row in METHODS.items() if "criterion" in row.params.model_fields
)


def images(count: int = 40, channels: int = 3, classes: int = 10) -> Dataset:
    rng = np.random.default_rng(5)
    return make_dataset(
        "noise",
        "train",
        images=rng.integers(0, 256, (count, channels, 8, 8), dtype=np.uint8),
        labels=np.arange(count) % classes,
        classes=tuple(str(i) for i in range(classes)),
        norm=((0.5,) * channels, (0.25,) * channels),
    )


def scored(criterion: str, weight: torch.Tensor) -> torch.Tensor:
    return score(criterion, "0", weight=weight, context=Context(0, 0, {}))


def test_lamp_by_hand() -> None:
    # Squares 1, 9, 4; not smaller than each: 14, 9, 13.
    found = scored("lamp", torch.tensor([[1.0, -3.0, 2.0]]))
    assert found.flatten().tolist() == pytest.approx([1 / 14, 1.0, 4 / 13])


def test_lamp_is_free_of_scale_so_that_a_global_threshold_is_fair() -> None:
    net = chain(3, 8, 8, 8)
    net.module.get_parameter("1.weight").data.mul_(1e-6)
    scaled = from_module(net.module, input_shape=(3, 8, 8), name="scaled")
    rule = {"sparsity": 0.5, "scope": "global", "floor": 0.0}
    shares = {}
    for criterion in ("l1", "lamp"):
        recipe = Recipe(
            layers=(Rule.of("*", "magnitude", criterion=criterion, **rule),)
        )
        report = prune(scaled, recipe).report
        shares[criterion] = [report.layer(name).sparsity for name in ("1", "2")]
    assert shares["l1"][0] == pytest.approx(575 / 576)
    assert shares["lamp"] == pytest.approx([0.5, 0.5], abs=0.1)


def test_fpgm_removes_the_filters_nearest_to_the_geometric_median() -> None:
    # Filters on a line at 0, 1, 4, 10, 11: sums of distances 26, 23, 20, 26, 29. The
    # median, 4, goes first, then 1; l1 would take 0 and 1.
    net = chain(1, 5, 2, size=1)
    weight = net.module.get_parameter("0.weight").data
    weight.copy_(torch.tensor([0.0, 1.0, 4.0, 10.0, 11.0])[:, None, None, None])
    sums = scored("fpgm", weight).flatten(1).sum(dim=1)
    assert sums.tolist() == [26.0, 23.0, 20.0, 26.0, 29.0]
    recipe = Recipe.uniform("filter", 0.4, match="0", criterion="fpgm")
    kept = prune(net, recipe).masks["0"].flatten().int().tolist()
    assert kept == [1, 0, 0, 1, 1]
    plain = Recipe.uniform("filter", 0.4, match="0")
    assert prune(net, plain).masks["0"].flatten().int().tolist() == [0, 0, 1, 1, 1]


def test_a_filters_score_is_shared_out_by_weight() -> None:
    # Rows (3, 4) and (0, 0) are 5 apart: each sums to 5; 3 : 4 shares, then even ones.
    found = scored("fpgm", torch.tensor([[3.0, -4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[15 / 7, 20 / 7], [2.5, 2.5]])


def test_bn_scale_ranks_by_gamma_whatever_the_weights() -> None:
    net = network("residual")
    gamma = torch.tensor([0.9, -0.1, 0.5, 0.2, -0.8, 0.3, 0.7, 0.6])
    net.module.get_parameter("layer1.0.one.1.weight").data.copy_(gamma)
    recipe = Recipe.uniform(
        "filter", 0.375, match="layer1.0.one.0", criterion="bn_scale"
    )
    mask = prune(net, recipe).masks["layer1.0.one.0"]
    assert mask.flatten(1).any(dim=1).int().tolist() == [1, 0, 1, 0, 1, 0, 1, 1]


def test_bn_scale_without_a_batch_norm_is_refused_by_name() -> None:
    recipe = Recipe.uniform("filter", 0.5, match="0", criterion="bn_scale")
    with pytest.raises(MethodError) as caught:
        prune(chain(3, 4, 4), recipe)
    assert str(caught.value) == (
        "rule '0': criterion 'bn_scale' for '0', which no batch norm follows; expected "
        "a batch norm that reads the layer's output. Use criterion 'l1' or 'fpgm' for "
        "this layer."
    )


def test_batch_norms_are_found_by_what_they_read() -> None:
    found = norms_after(network("residual"))
    assert found["layer2.0.skip.0"] == "layer2.0.skip.1"
    assert "fc" not in found
    # The batch norm of "concat" reads three layers at once, none of them directly.
    assert norms_after(network("concat")) == {}


def test_taylor_by_hand() -> None:
    # One linear layer: dL/dW = (softmax - onehot) x^T for one image.
    net = from_module(
        nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), input_shape=(3, 8, 8)
    )
    data = images(1)
    weight = net.module.get_parameter("1.weight").detach()
    x = data.tensor().flatten(1)
    with torch.no_grad():
        slope = torch.softmax(net.module(data.tensor()), dim=1)
    slope[0, 0] -= 1
    expected = (slope.T @ x * weight).square()
    found = Calibration(net, data).taylor["1"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-12)


def test_taylor_estimates_the_change_of_the_loss() -> None:
    net, data = network("sigmoid"), images(64)
    found = Calibration(net, data).taylor["fc"]
    row, column = divmod(int(found.argmax()), found.shape[1])
    weight = net.module.get_parameter("fc.weight")
    labels = torch.tensor(data.labels)

    def loss() -> float:
        with torch.no_grad():
            return float(F.cross_entropy(net.module(data.tensor()).double(), labels))

    before, value = loss(), weight.data[row, column].clone()
    for share in (0.01, 0.02):
        weight.data[row, column] = value * (1 - share)
        change = (loss() - before) ** 2
        assert change == pytest.approx(float(found.max()) * share**2, rel=0.1)
    weight.data[row, column] = value


def test_apoz_by_hand() -> None:
    # 1x1 kernels of +1, -1 and 0 with biases 0, 0, 5 on positive pixels: all of the
    # first and third channel's outputs pass a ReLU, none of the second's.
    conv = nn.Conv2d(1, 3, 1)
    conv.weight.data.copy_(torch.tensor([1.0, -1.0, 0.0])[:, None, None, None])
    conv.bias.data.copy_(torch.tensor([0.0, 0.0, 5.0]))
    net = from_module(
        nn.Sequential(conv, nn.ReLU(), nn.Conv2d(3, 2, 1)), input_shape=(1, 8, 8)
    )
    data = images(6, channels=1)
    bright = make_dataset(
        "bright",
        "train",
        images=np.maximum(data.images, 200),
        labels=data.labels,
        classes=data.classes,
        norm=((0.1,), (1.0,)),
    )
    assert Calibration(net, bright).active["0"].tolist() == [1.0, 0.0, 1.0]
    recipe = Recipe.uniform("filter", 1 / 3, match="0", criterion="apoz")
    mask = prune(net, recipe, bright).masks["0"]
    assert mask.flatten().int().tolist() == [1, 0, 1]


def test_apoz_looks_behind_the_batch_norm() -> None:
    net = network("residual")
    net.module.get_parameter("layer1.0.one.1.bias").data.fill_(-50.0)
    assert float(Calibration(net, images(8)).active["layer1.0.one.0"].max()) == 0.0


@pytest.mark.parametrize("criterion", [c.name for c in CRITERIA.values()])
@pytest.mark.parametrize("method", TAKES_CRITERION)
def test_any_criterion_goes_with_any_method(method: str, criterion: str) -> None:
    net, data = network("residual"), images()
    params = METHODS[method].at_sparsity(0.5)
    rule = Rule.of("layer1.*", method, criterion=criterion, **params)
    recipe = Recipe(layers=(rule,))
    first, again = prune(net, recipe, data), prune(net, recipe, data)
    assert first.report.zeros > 0
    assert first.digest == again.digest
    if not CRITERIA[criterion].needs_data:
        assert prune(net, recipe).digest == first.digest
        return
    with pytest.raises(MethodError) as caught:
        prune(net, recipe)
    assert (
        caught.value.found == f"rule 'layer1.*': criterion '{criterion}' without images"
    )
    assert caught.value.next_step.startswith("Give the training split")


def test_calibration_leaves_the_network_as_it_was() -> None:
    net = network("residual")
    before = net.digest
    recipe = Recipe.uniform("filter", 0.5, criterion="taylor")
    prune(net, recipe, images())
    assert type(net).digest.func(net) == before
    assert not any(part._forward_hooks for part in net.module.modules())
