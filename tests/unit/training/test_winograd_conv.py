"""Winograd-domain layers: the same function at first, then trained and pruned there."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.support.training_cases import digest, one_thread, stripes, wide_network
from workbench.engine.winograd.cook_toom import cook_toom
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.masks import revived
from workbench.training.learn import Driven, learn_logged
from workbench.training.learned.winograd_conv import WinogradConv2d, in_winograd_domain

__all__ = ["one_thread"]

SHORT: dict[str, Any] = {"epochs": 8, "lr": 0.05, "batch_size": 16}
# Three layers of F(4, 3) in float32.
TOLERANCE = 2e-4


def in_domain(base: Network, *, relu: bool) -> wb.PrunedNetwork:
    """Return the network pruned to half in the domain, not trained."""
    how = Driven.of("winograd", sparsity=0.5, relu=relu)
    assert how.method.pruned is not None
    return how.method.pruned(base, how.params)


@pytest.mark.parametrize("m", [2, 4])
def test_at_first_it_is_the_same_function(m: int) -> None:
    base = wide_network()
    network = in_winograd_domain(base, m=m)
    images = stripes().tensor()
    with torch.inference_mode():
        error = (network.module(images) - base.module(images)).abs().max()
    assert float(error) < TOLERANCE
    # The first convolution stays; 8 x 8 outputs are 16 tiles of 2 or 4 of 4.
    kinds = {name: type(part) for name, part in network.module.named_modules()}
    assert (kinds["0"], kinds["3"], kinds["6"]) == (
        nn.Conv2d,
        WinogradConv2d,
        WinogradConv2d,
    )
    tiles = (8 // m) ** 2
    assert network.layer("3").macs == 24 * 12 * (m + 2) ** 2 * tiles
    assert digest(base.module) == digest(wide_network().module)


def test_the_gradient_is_that_of_the_convolution() -> None:
    # Spatial weights g enter as G g G^T: by the chain rule dL/dg = G^T (dL/dW) G.
    base = wide_network()
    network = in_winograd_domain(base, m=2)
    images, labels = stripes().tensor(), torch.from_numpy(stripes().labels.copy())
    slopes = {}
    for key, module in (("spatial", base.module), ("domain", network.module)):
        loss = nn.functional.cross_entropy(module(images), labels)
        slopes[key] = torch.autograd.grad(loss, module.get_parameter("3.weight"))[0]
    g = torch.from_numpy(cook_toom(2, 3).arrays()[1]).float()
    back = g.T @ slopes["domain"] @ g
    assert torch.allclose(back, slopes["spatial"], atol=1e-5)


@pytest.mark.parametrize("relu", [False, True])
def test_it_trains_and_stays_pruned_in_the_domain(relu: bool) -> None:
    how = Driven.of("winograd", sparsity=0.6, relu=relu)
    result = learn_logged(wide_network(), stripes(), how=how, **SHORT)
    tuned = result.network
    assert revived(tuned.module, tuned.parameter_masks) == {}
    weight = tuned.module.get_parameter("3.weight")
    assert tuple(weight.shape) == (24, 12, 4, 4)
    assert int((weight == 0).sum()) == round(0.6 * 24 * 12 * 16)
    assert result.history[-1].loss < 0.5 * result.history[0].loss
    assert wb.evaluate(tuned, stripes(64, 5, "val")).top1 >= 0.85


def test_theoretical_macs_are_products_in_the_domain() -> None:
    how = Driven.of("winograd", sparsity=0.75)
    tuned = learn_logged(
        wide_network(), stripes(), how=how, **{**SHORT, "epochs": 1}
    ).network
    row = next(row for row in wb.layer_costs(tuned).layers if row.id == "6")
    # 40 x 24 kernels of 16 coordinates, a quarter left, 16 tiles.
    assert row.macs == 40 * 24 * 16 // 4 * 16
    assert row.dense_macs == 40 * 24 * 16 * 16


def test_the_engine_runs_it_and_multiplies_what_is_left() -> None:
    how = Driven.of("winograd", sparsity=0.75)
    tuned = learn_logged(
        wide_network(), stripes(), how=how, **{**SHORT, "epochs": 1}
    ).network
    program = wb.compile(tuned, threads=1)
    image = stripes().tensor(0)
    with torch.inference_mode():
        wanted = tuned.module(image).numpy()
    assert np.abs(program(image.numpy()) - wanted).max() < TOLERANCE


def test_the_engine_runs_relus_in_the_domain() -> None:
    base = wide_network()
    pruned, outside = (in_domain(base, relu=relu) for relu in (True, False))
    program = wb.compile(pruned, threads=1)
    image = stripes().tensor(slice(0, 1))
    with torch.inference_mode():
        wanted = pruned.module(image).numpy()
        plain = outside.module(image).numpy()
    assert np.abs(program(image.numpy()) - wanted).max() < TOLERANCE
    # Not the function of the same layers with their ReLUs outside.
    assert np.abs(wanted - plain).max() > 0.01


def test_a_relu_in_the_domain_is_another_function_and_moves_there() -> None:
    base = wide_network()
    network = in_winograd_domain(base, m=2, relu=True)
    for name in ("2", "5"):
        assert isinstance(network.module.get_submodule(name), nn.Identity)
    assert isinstance(network.module.get_submodule("8"), nn.ReLU)
    moved = [network.module.get_submodule(name).relu for name in ("3", "6")]
    assert moved == [True, True]
    images = stripes().tensor()
    with torch.inference_mode():
        error = (network.module(images) - base.module(images)).abs().max()
    assert float(error) > 0.01


def test_bfloat16_training_keeps_the_transforms_in_float32() -> None:
    layer = in_winograd_domain(wide_network(), m=4).module.get_submodule("3")
    image = torch.randn(1, 12, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        plain = layer(image)
        with torch.autocast("cpu", torch.bfloat16):
            cast = layer(image)
    assert cast.dtype == torch.float32
    assert torch.equal(plain, cast)


def test_what_cannot_be_converted_is_refused() -> None:
    linear = wb.from_module(
        nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1)), input_shape=(1, 8, 8)
    )
    with pytest.raises(WorkbenchError, match=r"no layer of 'model' for '\*'"):
        in_winograd_domain(linear)
    shared = wb.load_model("resnet20-cifar10")
    with pytest.raises(WorkbenchError, match="no ReLU of 'resnet20-cifar10'"):
        in_winograd_domain(shared, relu=True)
