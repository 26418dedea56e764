"""The file of a shrunk network, and the class that it was made from."""

from pathlib import Path

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.models.loading import load_model


def narrow_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(1)
    )


def test_the_original_class_says_what_the_file_is(tmp_path: Path) -> None:
    net = wb.from_module(narrow_net(), input_shape=(3, 8, 8))
    recipe = wb.Recipe.uniform("filter", 0.5, match="0")
    small = wb.shrink(wb.prune(net, recipe))
    path = tmp_path / "small.pt"
    wb.export(small, path)
    spec = f"{__name__}:narrow_net"
    with pytest.raises(wb.WorkbenchError) as caught:
        load_model(spec, weights=path, input_shape=(3, 8, 8))
    assert "0.weight (4, 3, 3, 3) for (8, 3, 3, 3)" in caught.value.found
    assert "2.weight (4, 4, 3, 3) for (4, 8, 3, 3)" in caught.value.found
    assert "workbench.shrink(workbench.prune(network, recipe))" in (
        caught.value.next_step
    )
    again = wb.shrink(wb.prune(net, recipe))
    again.module.load_state_dict(torch.load(path, weights_only=True))
    assert again.digest == small.digest


def test_a_wider_file_is_not_called_shrunk(tmp_path: Path) -> None:
    path = tmp_path / "wide.pt"
    state = narrow_net().state_dict()
    state["0.weight"] = torch.zeros(9, 3, 3, 3)
    torch.save(state, path)
    with pytest.raises(wb.WorkbenchError, match="Choose the architecture"):
        load_model(f"{__name__}:narrow_net", weights=path, input_shape=(3, 8, 8))
