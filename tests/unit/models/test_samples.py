"""The committed weights are those of their cards and reach the accuracy on them."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from sample_models.card import retrain_command
from sample_models.recipes import STAGES
from sample_models.train import main
from workbench.analysis.accuracy import evaluate, wilson
from workbench.data import DataError, Dataset, dataset_for, load_dataset
from workbench.models import Network, load_model
from workbench.models.samples import SAMPLES, sample
from workbench.training.loop.options import FitOptions

_TRAINED = [name for name, row in SAMPLES.items() if row.trained]
_ON_DIGITS = [name for name in _TRAINED if SAMPLES[name].dataset == "mnist5k"]
_ON_CIFAR = [name for name in _TRAINED if SAMPLES[name].dataset == "cifar10"]
# What every sample reaches on test at least.
_FLOORS = {
    "minivgg-mnist5k": 0.97,
    "lenet5-mnist5k": 0.97,
    "resnet20-cifar10": 0.86,
    "vgg16-cifar10": 0.88,
}
_LARGEST_FILE_BYTES = 20_000_000
_SUBSET = 1000


def _score(network: Network, data: Dataset) -> float:
    return evaluate(network, data).top1


@pytest.mark.parametrize("name", _TRAINED)
def test_weights_are_those_of_the_card(name: str) -> None:
    card, path = sample(name).card(), sample(name).weights
    assert path is not None
    content = path.read_bytes()
    weights: dict[str, Any] = card["weights"]
    assert weights["file"] == path.name
    assert weights["sha256"] == hashlib.sha256(content).hexdigest()
    assert weights["bytes"] == len(content) < _LARGEST_FILE_BYTES
    assert weights["digest"] == load_model(name).digest


@pytest.mark.parametrize("name", _TRAINED)
def test_cards_are_complete(name: str) -> None:
    card = sample(name).card()
    accuracy = card["accuracy"]
    assert accuracy["split"] == "test"
    assert accuracy["top1"] >= _FLOORS[name]
    low, high = wilson(round(accuracy["top1"] * accuracy["n"]), accuracy["n"])
    assert accuracy["interval"] == [round(low, 4), round(high, 4)]
    # An option that came after the training has its default on the card.
    stages = tuple(FitOptions(**stage) for stage in card["training"]["stages"])
    assert stages == STAGES[name]
    assert card["training"]["epochs"] == sum(stage.epochs for stage in stages)
    assert card["training"]["minutes"] > 0
    assert card["retrain"] == retrain_command(sample(name))
    assert card["dataset"]["name"] == SAMPLES[name].dataset


@pytest.mark.parametrize("name", _ON_DIGITS)
def test_digit_samples_reach_the_accuracy_of_their_card(name: str) -> None:
    card = sample(name).card()
    data = load_dataset("mnist5k", split="test")
    assert data.digest == card["dataset"]["splits"]["test"]["digest"]
    # One image of a thousand may fall the other way on another processor.
    reached = _score(load_model(name), data)
    assert reached == pytest.approx(card["accuracy"]["top1"], abs=0.0011)


@pytest.mark.parametrize("name", _ON_CIFAR)
def test_cifar_samples_on_a_subset(name: str) -> None:
    network = load_model(name)
    try:
        data = dataset_for(network, split="test")
    except DataError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    card = sample(name).card()
    # Decoders of JPEG images differ in the last bit between libraries, so the digest
    # is that of this machine only; the accuracy is the test.
    assert len(data) == card["accuracy"]["n"]
    expected = card["accuracy"]["top1"]
    three_errors = 3 * (expected * (1 - expected) / _SUBSET) ** 0.5
    assert _score(network, data.take(_SUBSET)) == pytest.approx(
        expected, abs=three_errors
    )


def test_seeded_samples_have_a_card_without_accuracy() -> None:
    card = sample("resnet50-224").card()
    assert card["dataset"] is None
    assert "accuracy" not in card
    assert sample("resnet50-224").weights is None


def test_the_command_trains_and_writes_weights_and_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    code = main(
        ["lenet5-mnist5k", "--epochs", "1", "--threads", "1", "--out", str(tmp_path)]
    )
    torch.set_num_threads(threads)
    assert code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "lenet5-mnist5k.card.json",
        "lenet5-mnist5k.safetensors",
    ]
    assert "stage 1 epoch 1/1" in capsys.readouterr().out
    network = load_model(
        "lenet5-mnist5k", weights=tmp_path / "lenet5-mnist5k.safetensors"
    )
    assert _score(network, load_dataset("mnist5k", split="test")) > 0.6


def test_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resnet20-cifar10", "--data", str(tmp_path)]) == 2
    assert "no dataset 'cifar10'" in capsys.readouterr().err
