"""Batch-norm re-estimation: exact statistics, masks kept, inputs untouched."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.pruning_networks import network
from workbench.data.dataset import Dataset, make_dataset
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import PrunedNetwork, Recipe, prune
from workbench.training.batchnorm import reestimate_bn

# Means over batches of float32 sums differ from one float64 sum by rounding.
TOLERANCE = 1e-4


def images(n: int) -> Dataset:
    rng = np.random.default_rng(1)
    return make_dataset(
        "made",
        "train",
        images=rng.integers(0, 256, (n, 3, 8, 8), dtype=np.uint8),
        labels=np.arange(n, dtype=np.int64) % 10,
        classes=tuple("0123456789"),
        norm=((0.5, 0.4, 0.3), (0.25, 0.2, 0.3)),
    )


def test_statistics_are_those_of_the_images() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    net = from_module(module, input_shape=(3, 8, 8))
    data = images(400)
    found = reestimate_bn(net, data, images=400)
    with torch.no_grad():
        values = module[0](data.tensor())
    # Plain averages over two batches of 200: the mean of all, and of two variances.
    order = np.random.Generator(np.random.PCG64(0)).permutation(400)
    parts = [values[order[:200]], values[order[200:]]]
    variance = sum(part.var(dim=(0, 2, 3)) for part in parts) / 2
    norm = found.module.get_submodule("1")
    mean = values.mean((0, 2, 3))
    assert float((norm.running_mean - mean).abs().max()) < TOLERANCE
    assert float((norm.running_var - variance).abs().max()) < TOLERANCE
    assert (norm.momentum, norm.training) == (0.1, False)


def test_network_stays_and_gets_a_new_digest() -> None:
    net = network("residual")
    before = copy.deepcopy(net.module.state_dict())
    found = reestimate_bn(net, images(64))
    assert isinstance(found, Network)
    assert found.digest != net.digest
    assert not any(part.training for part in found.module.modules())
    for name, tensor in net.module.state_dict().items():
        assert torch.equal(tensor, before[name])
    for name, parameter in found.module.named_parameters():
        assert torch.equal(parameter, before[name])


def test_masks_are_kept() -> None:
    pruned = prune(network("residual"), Recipe.uniform("filter", 0.5))
    found = reestimate_bn(pruned, images(64))
    assert isinstance(found, PrunedNetwork)
    assert found.masks is pruned.masks
    assert found.report is pruned.report
    for name, mask in found.parameter_masks.items():
        assert torch.count_nonzero(found.module.get_parameter(name)[~mask]) == 0


def test_it_restores_scaled_activations() -> None:
    """Weights shrunk tenfold before a batch norm are repaired wholly."""
    net = network("residual")
    data = images(200)
    whole = reestimate_bn(net, data)
    module = copy.deepcopy(net.module)
    module.get_parameter("layer1.0.one.0.weight").data.mul_(0.1)
    module.get_submodule("layer1.0.one.1").eps = 1e-7
    shrunk = from_module(module, input_shape=(3, 8, 8))
    with torch.no_grad():
        wanted = whole.module(data.tensor())
        broken = shrunk.module(data.tensor())
        repaired = reestimate_bn(shrunk, data).module(data.tensor())
    assert float((repaired - wanted).abs().max()) < 1e-2
    assert float((broken - wanted).abs().max()) > 0.1


def test_seed_and_number_of_images() -> None:
    net, data = network("residual"), images(500)
    one = reestimate_bn(net, data, images=200, seed=1)
    assert one.digest == reestimate_bn(net, data, images=200, seed=1).digest
    assert one.digest != reestimate_bn(net, data, images=200, seed=2).digest


def test_a_network_without_batch_norm_is_copied() -> None:
    net = network("sigmoid")
    found = reestimate_bn(net, images(10))
    assert found is not net
    assert found.module is not net.module
    assert found.digest == net.digest


def test_too_few_images_are_refused() -> None:
    with pytest.raises(WorkbenchError) as caught:
        reestimate_bn(network("residual"), images(1))
    assert str(caught.value) == (
        "1 images for batch-norm statistics; expected two or more, 2000 as a rule. "
        "Give the training split."
    )
