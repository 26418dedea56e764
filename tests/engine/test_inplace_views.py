"""In-place operations on parts and views of a tensor: torch's numbers, or a refusal."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.capture.compile import compile
from workbench.capture.from_torch.aliases import AliasError
from workbench.capture.from_torch.torch_export import capture
from workbench.errors import WorkbenchError

TOLERANCE = 2e-5
"""Of the largest result: sums of 27 terms in another order."""


def chunk_relu(y: Tensor) -> Tensor:
    y.chunk(2, 1)[0].relu_()
    return y


def split_mul(y: Tensor) -> Tensor:
    y.split(4, 1)[1].mul_(3)
    return y


def split_sizes_add(y: Tensor) -> Tensor:
    y.split([2, 6], 1)[1].add_(1)
    return y


def slice_relu(y: Tensor) -> Tensor:
    y[:, 2:5].relu_()
    return y


def narrow_sigmoid(y: Tensor) -> Tensor:
    y.narrow(1, 2, 3).sigmoid_()
    return y


def detach_clamp(y: Tensor) -> Tensor:
    y.detach().clamp_(0.1, 0.5)
    return y


def dropout_relu(y: Tensor) -> Tensor:
    F.dropout(y, training=False).relu_()
    return y


def assign_all(y: Tensor) -> Tensor:
    y[:] = y * 2
    return y


def assign_part(y: Tensor) -> Tensor:
    y[:, :4] = torch.sigmoid(y[:, 4:])
    return y


def swap_halves(y: Tensor) -> Tensor:
    kept = y[:, :4].clone()
    y[:, :4] = y[:, 4:]
    y[:, 4:] = kept
    return y


def base_after_view(y: Tensor) -> Tensor:
    part = y[:, :4]
    y.add_(1)
    return torch.cat([part, y], 1)


def base_after_chunk(y: Tensor) -> Tensor:
    p, q = y.chunk(2, 1)
    y.mul_(2)
    return torch.cat([q, p], 1)


def flat_read_after(y: Tensor) -> Tensor:
    flat = y.flatten(1)
    y.relu_()
    return flat


def part_of_part(y: Tensor) -> Tensor:
    p, q = y.chunk(2, 1)
    p.chunk(2, 1)[1].mul_(3)
    q.relu_()
    return y


def in_a_shuffle(y: Tensor) -> Tensor:
    view = y.view(1, 2, 4, 6, 5).transpose(1, 2)
    y.relu_()
    return view.reshape(1, 8, 6, 5)


def whole_tensor(y: Tensor) -> Tensor:
    same = y
    y.relu_()
    return same + 1


def view_relu(y: Tensor) -> Tensor:
    y.view(1, -1).relu_()
    return y


def flatten_clamp(y: Tensor) -> Tensor:
    y.flatten(1).clamp_(min=0.1)
    return y


def rows_relu(y: Tensor) -> Tensor:
    y[:, :, 2:4].relu_()
    return y


def unbind_relu(y: Tensor) -> Tensor:
    y.unbind(1)[0].relu_()
    return y


def transpose_relu(y: Tensor) -> Tensor:
    y.transpose(2, 3).relu_()
    return y


def permute_relu(y: Tensor) -> Tensor:
    y.permute(0, 2, 3, 1).relu_()
    return y


def select_relu(y: Tensor) -> Tensor:
    y[:, 2].relu_()
    return y


def assign_number(y: Tensor) -> Tensor:
    y[:, :4] = 0
    return y


def data_relu(y: Tensor) -> Tensor:
    y.data.relu_()
    return y


RIGHT = [
    chunk_relu,
    split_mul,
    split_sizes_add,
    slice_relu,
    narrow_sigmoid,
    detach_clamp,
    dropout_relu,
    assign_all,
    assign_part,
    swap_halves,
    base_after_view,
    base_after_chunk,
    flat_read_after,
    part_of_part,
    in_a_shuffle,
    whole_tensor,
    view_relu,
    flatten_clamp,
    rows_relu,
    unbind_relu,
    transpose_relu,
    permute_relu,
    select_relu,
    assign_number,
]
REFUSED = {
    data_relu: "cannot be exported",
}


class Writing(nn.Module):
    def __init__(self, write: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.write = write

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.write(self.conv(x)))


def image() -> Tensor:
    return torch.randn(1, 3, 6, 5, generator=torch.manual_seed(1))


@pytest.mark.parametrize("write", RIGHT, ids=lambda f: f.__name__)
def test_torchs_numbers(write: Callable[[Tensor], Tensor]) -> None:
    module, x = Writing(write).eval(), image()
    with torch.no_grad():
        expected = module(x).numpy()
    result = compile(module, example=x, tune="model")(x)
    np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("write", "message"), REFUSED.items())
def test_refused_by_name(write: Callable[[Tensor], Tensor], message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        capture(Writing(write), image())


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.calls


def test_a_network_that_counts_its_calls_is_refused_and_left_alone() -> None:
    module = Counting()
    with pytest.raises(AliasError, match="changes 'calls' of its own"):
        capture(module, image())
    assert module.calls.item() == 0


class OwnInput(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        part = x[:, :2]
        x.relu_()
        return part * 2


def test_a_network_may_write_into_its_input() -> None:
    x = image()
    expected = 2 * x[:, :2].relu()
    result = compile(OwnInput(), example=x, tune="model")(x)
    np.testing.assert_array_equal(result, expected.numpy())
