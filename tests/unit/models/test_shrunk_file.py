"""The file of a shrunk network, loaded into the class that it was made from."""

from pathlib import Path

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.models.loading import load_model
from workbench.pruning import Recipe


class Block(nn.Module):
    """Return a residual block with a depthwise convolution and group norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(width, 12, 1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.depth = nn.Conv2d(12, 12, 3, padding=1, groups=12)
        self.back = nn.Conv2d(12, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = torch.relu(self.norm(self.wide(x)))
        return x + self.back(torch.relu(self.depth(inner)))


def own_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        Block(8),
        Block(8),
        nn.Conv2d(8, 4, 3),
        nn.PReLU(4),
        nn.Flatten(1),
        nn.Linear(64, 5),
    ).eval()


def shrunk(tmp_path: Path, suffix: str = ".pt") -> tuple[wb.Network, Path]:
    net = wb.from_module(own_net(), input_shape=(3, 8, 8))
    small = wb.shrink(wb.prune(net, Recipe.uniform("filter", 0.5, match="*")))
    path = tmp_path / f"small{suffix}"
    wb.export(small, path)
    return small, path


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_the_original_class_takes_the_file(tmp_path: Path, suffix: str) -> None:
    small, path = shrunk(tmp_path, suffix)
    x = torch.randn(2, 3, 8, 8)
    spec = f"{__name__}:own_net"
    for again in (
        load_model(spec, weights=path, input_shape=(3, 8, 8)),
        wb.from_module(own_net(), input_shape=(3, 8, 8), weights=path),
    ):
        assert again.digest == small.digest
        assert torch.equal(again.module(x), small.module(x))
        assert again.layer("2.depth").groups == 6
        assert again.notes == (
            "the weights are of a shrunk network: 11 parts are narrower",
        )
        recipe = Recipe.uniform("magnitude", 0.5)
        assert wb.prune(again, recipe).report.zeros > 0


def test_a_block_that_went_is_left_out(tmp_path: Path) -> None:
    module = own_net()
    with torch.no_grad():
        for parameter in module[3].parameters():
            parameter.zero_()
    net = wb.from_module(module, input_shape=(3, 8, 8))
    small = wb.shrink(wb.prune(net, Recipe.uniform("magnitude", 0.0)))
    assert isinstance(small.module[3], nn.Identity)
    path = tmp_path / "small.safetensors"
    wb.export(small, path)
    again = wb.from_module(own_net(), input_shape=(3, 8, 8), weights=path)
    assert again.digest == small.digest
    assert again.notes[0].endswith("narrower, without 3")


def test_a_sample_takes_the_file_of_its_shrunk_form(tmp_path: Path) -> None:
    net = load_model("resnet20-cifar10")
    small = wb.shrink(wb.prune(net, Recipe.uniform("filter", 0.5)))
    path = tmp_path / "small.safetensors"
    wb.export(small, path)
    again = load_model("resnet20-cifar10", weights=path)
    assert again.digest == small.digest
    assert again.classes == net.classes


def test_files_that_are_not_of_the_network_stay_refused(tmp_path: Path) -> None:
    spec = f"{__name__}:own_net"
    fewer_classes, wider = own_net().state_dict(), own_net().state_dict()
    fewer_classes["7.weight"] = torch.zeros(3, 64)
    fewer_classes["7.bias"] = torch.zeros(3)
    wider["0.weight"] = torch.zeros(9, 3, 3, 3)
    for number, (state, words) in enumerate(
        (
            (fewer_classes, r"7.weight \(3, 64\) for \(5, 64\)"),
            (wider, "Choose the architecture"),
        )
    ):
        path = tmp_path / f"{number}.pt"
        torch.save(state, path)
        with pytest.raises(wb.WorkbenchError, match=words):
            load_model(spec, weights=path, input_shape=(3, 8, 8))
    headless = {k: v for k, v in own_net().state_dict().items() if k[0] != "7"}
    torch.save(headless, tmp_path / "headless.pt")
    with pytest.raises(wb.WorkbenchError, match="missing"):
        load_model(spec, weights=tmp_path / "headless.pt", input_shape=(3, 8, 8))
