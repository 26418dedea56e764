"""Accuracy by hand, its interval, and what may be evaluated."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.pruning_networks import network
from workbench.analysis.accuracy import Accuracy, Tally, evaluate, wilson
from workbench.data.dataset import Dataset, make_dataset
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.pruning import Recipe, prune


def dataset(labels: list[int], classes: int = 10, side: int = 8) -> Dataset:
    rng = np.random.default_rng(0)
    return make_dataset(
        "made",
        "test",
        images=rng.integers(0, 256, (len(labels), 3, side, side), dtype=np.uint8),
        labels=np.array(labels, dtype=np.int64),
        classes=tuple(str(c) for c in range(classes)),
        norm=((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    )


class Fixed:
    """Gives each image the next row of scores, as a program would: numpy in and out."""

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = rows
        self.at = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.float32
        rows = self.rows[self.at : self.at + len(images)]
        self.at += len(images)
        return np.array(rows, dtype=np.float32)


def test_by_hand() -> None:
    # Seven classes; the right one is ranked 1, 2, 5, 6 of 7.
    rows = [[float(c) for c in range(7)]] * 4
    found = evaluate(Fixed(rows), dataset([6, 5, 2, 1], classes=7), batch_size=3)
    total = sum(math.exp(c) for c in range(7))
    losses = [math.log(total) - c for c in (6, 5, 2, 1)]
    assert (found.top1, found.top5, found.n) == (0.25, 0.75, 4)
    assert found.loss == pytest.approx(sum(losses) / 4, rel=1e-6)
    assert found.interval == wilson(1, 4)


def test_ties_go_to_the_lower_class_and_nan_scores_nothing() -> None:
    rows = [[1.0, 1.0], [1.0, 1.0], [float("nan"), 0.0]]
    found = evaluate(Fixed(rows), dataset([0, 1, 0], classes=2))
    assert found.top1 == pytest.approx(1 / 3)
    assert found.top5 == pytest.approx(2 / 3)
    assert math.isnan(found.loss)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Published values for Wilson's interval (e.g. Agresti & Coull's example 0/20).
        (0, 20, 0.0, 0.1611),
        (20, 20, 0.8389, 1.0),
        (9000, 10000, 0.8940, 0.9057),
    ],
)
def test_wilson(hits: int, n: int, low: float, high: float) -> None:
    found = wilson(hits, n)
    assert found == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_network_pruned_network_module_and_callable_agree() -> None:
    net = network("residual")
    data = dataset([i % 10 for i in range(50)])
    pruned = prune(net, Recipe.uniform("magnitude", 0.0))
    whole = evaluate(net, data)

    def program(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net.module(torch.from_numpy(images)).numpy()

    for other in (pruned, net.module, program):
        assert evaluate(other, data) == whole
    # Another batch size sums the loss in another order.
    parts = evaluate(net, data, batch_size=7)
    assert (parts.top1, parts.top5) == (whole.top1, whole.top5)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)


def test_a_module_in_training_mode_is_left_so() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(10)
    )
    data = dataset([0, 1, 2])
    module(data.tensor())
    before = {k: v.clone() for k, v in module.state_dict().items()}
    found = evaluate(module, data)
    assert module.training
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
    evaluated = evaluate(from_module(module, input_shape=(3, 8, 8)), data)
    assert found == evaluated


def test_progress_counts_images() -> None:
    seen: list[tuple[int, int]] = []
    evaluate(
        network("residual"),
        dataset([0] * 5),
        batch_size=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_refusals() -> None:
    data = dataset([0, 11], classes=12)
    with pytest.raises(WorkbenchError) as caught:
        evaluate(network("residual"), data)
    assert str(caught.value) == (
        "outputs of shape (2, 10) for 2 images; expected (2, 12), a score a class. "
        "Choose the dataset that the network was trained on."
    )
    with pytest.raises(WorkbenchError, match="a str; expected a Network"):
        evaluate("resnet20", data)
    with pytest.raises(WorkbenchError, match="no images; expected one image at least"):
        evaluate(network("residual"), dataset([]))


def test_accuracy_is_a_value() -> None:
    one = Accuracy(0.5, 0.9, 1.0, 10, (0.2, 0.8))
    assert one == Accuracy(0.5, 0.9, 1.0, 10, (0.2, 0.8))


@pytest.mark.parametrize("n", [1, 7, 50, 60, 1000])
def test_wilson_holds_its_own_share_at_the_ends(n: int) -> None:
    assert wilson(n, n)[1] == 1.0
    assert wilson(0, n)[0] == 0.0


def test_the_size_of_the_batches_does_not_show() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = 10 * torch.randn(500, 10, generator=generator)
    labels = torch.randint(0, 10, (500,), generator=generator)
    found = []
    for size in (1, 32, 256, 500):
        tally = Tally(10)
        for start in range(0, 500, size):
            tally.add(scores[start : start + size], labels[start : start + size])
        found.append(tally.accuracy())
    assert found[0].loss > 1
    assert found == [found[0]] * 4


def test_a_loss_that_is_no_number_stays_none() -> None:
    tally = Tally(3)
    tally.add(
        torch.tensor([[1.0, math.nan, 0.0], [1.0, 0.0, 0.0]]), torch.tensor([0, 0])
    )
    tally.add(torch.tensor([[math.inf, 0.0, 0.0]]), torch.tensor([0]))
    assert math.isnan(tally.accuracy().loss)
