"""Loss of quality without labels: how far outputs moved from the dense network's."""

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.support.onnx_files import numbers
from workbench.errors import WorkbenchError
from workbench.models.outputs import scores_of

X = numbers(3, 3, 8, 8)


class Maps(nn.Module):
    """Two maps, the second twice the first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        made = self.conv(x)
        return {"map": made, "double": 2 * made}


@pytest.fixture
def network() -> wb.Network:
    module = Maps()
    with torch.no_grad():
        # Filters (3, 0, 0) and (0, 4, 0): outputs of size 3 x and 4 y.
        module.conv.weight.copy_(
            torch.tensor([[3.0, 0, 0], [0, 4, 0]])[..., None, None]
        )
    return wb.from_module(module, input_shape=(3, 8, 8), name="maps")


def test_what_is_gone_over_what_was_there(network: wb.Network) -> None:
    keep = torch.ones(2, 3, 1, 1, dtype=torch.bool)
    keep[1] = False
    pruned = wb.prune(network, masks={"conv": keep})
    x = np.ones((5, 3, 8, 8), np.float32)
    change = wb.output_change(pruned, x, batch_size=2)
    # Of (3, 4) the 4 is gone: 4 of 5.
    assert change.relative_l2 == pytest.approx(0.8)
    assert dict(change.outputs) == pytest.approx({"map": 0.8, "double": 0.8})
    assert change.n == 5
    assert wb.output_change(network, x, dense=network).relative_l2 == 0.0


def test_nothing_to_compare_with_is_refused(network: wb.Network) -> None:
    with pytest.raises(WorkbenchError, match="dense="):
        wb.output_change(network, X)
    pruned = wb.prune(network, wb.Recipe.uniform("magnitude", 0.5, match="conv"))
    with pytest.raises(WorkbenchError, match="no images"):
        wb.output_change(pruned, X[:0])
    other = wb.from_module(nn.Conv2d(3, 4, 1), input_shape=(3, 8, 8))
    with pytest.raises(WorkbenchError, match="that it was made of"):
        wb.output_change(pruned, X, dense=other)


def test_accuracy_of_maps_says_what_to_measure_instead(network: wb.Network) -> None:
    data = wb.load_dataset("mnist5k").take(4)
    module = nn.Conv2d(1, 10, 3)
    with pytest.raises(WorkbenchError, match=r"no class scores.*output_change"):
        wb.evaluate(wb.from_module(module, input_shape=(1, 28, 28)), data)


def test_scores_of_one_pixel_are_scores() -> None:
    assert scores_of(torch.zeros(2, 10, 1, 1)).shape == (2, 10)
    assert scores_of({"a": torch.zeros(2, 10, 1, 1)}).shape == (2, 10)
    assert scores_of(torch.zeros(2, 1, 4, 4)).shape == (2, 1, 4, 4)
