"""Batch norms are re-estimated only where that helps on images held back."""

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.data.dataset import Dataset
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork
from workbench.training.batchnorm import reestimate_bn, reestimate_if_better


@pytest.fixture(scope="module")
def train() -> Dataset:
    return wb.load_dataset("mnist5k", split="train")


@pytest.fixture(scope="module")
def dense() -> Network:
    return wb.load_model("minivgg-mnist5k")


@pytest.fixture(scope="module")
def pruned(dense: Network) -> PrunedNetwork:
    return wb.prune(dense, wb.Recipe.uniform("magnitude", 0.8))


def test_it_is_the_network_of_reestimate_bn(
    pruned: PrunedNetwork, train: Dataset
) -> None:
    found = reestimate_if_better(pruned, train, images=200, held=100, seed=3)
    assert (found.kept, found.why, found.images) == (True, "", 200)
    wanted = reestimate_bn(pruned, train, images=200, seed=3)
    assert found.network.digest == wanted.digest
    before = pruned.module.state_dict()["features.1.running_mean"]
    after = found.network.module.state_dict()["features.1.running_mean"]
    assert not torch.equal(before, after)


def test_wrong_statistics_are_not_kept(dense: Network, train: Dataset) -> None:
    # Half of the images are noise: the statistics are of no digits.
    noise = np.random.default_rng(0).integers(0, 256, train.images.shape)
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(train))[:200]
    images = train.images.copy()
    images[order] = noise[order].astype(np.uint8)
    spoilt = Dataset(**{**vars(train), "images": images})
    found = reestimate_if_better(dense, spoilt, images=200, held=100)
    assert not found.kept
    assert found.network is dense
    assert found.why.startswith("re-estimated batch norms do not help: ")
    assert found.why.endswith(" of 100 training images that were held back")


def test_a_network_without_batch_norms_stays(train: Dataset) -> None:
    lenet = wb.load_model("lenet5-mnist5k")
    found = reestimate_if_better(lenet, train)
    assert (found.kept, found.why) == (False, "the network has no batch norms")
    assert found.network is lenet


@pytest.mark.parametrize(("total", "images"), [(90, 60), (30, 20), (2, 0), (1, 0)])
def test_of_few_images_a_third_is_held(
    pruned: PrunedNetwork, train: Dataset, total: int, images: int
) -> None:
    found = reestimate_if_better(pruned, train.take(total))
    assert found.images == images
    assert bool(found.why) == (not found.kept)
