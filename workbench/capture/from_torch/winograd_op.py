"""Convolution whose weights live in the Winograd domain, as one torch operation.

Belongs here: the operation `workbench::winograd_conv2d`, which trains in torch and
which capture turns into one layer of the engine. Does not belong here: the module that
holds the weights (`workbench.training`) or the exact matrices (`engine.winograd`).
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch.nn import functional

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.layers import array
from workbench.engine.winograd.cook_toom import cook_toom, transform_weights
from workbench.errors import WorkbenchError

SCHEMA = (
    "(Tensor x, Tensor weight, Tensor? bias, int m, int padding, bool relu) -> Tensor"
)
SIZES = (2, 4)
"""Outputs of a tile along one axis; larger tiles lose too many digits to train."""


def winograd_conv2d(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    *,
    m: int = 2,
    padding: int = 1,
    relu: bool = False,
) -> torch.Tensor:
    """Return ``AT (sum_c weight * f(BT d BT^T)) A + bias`` over all tiles d.

    Parameters
    ----------
    x : torch.Tensor, shape (N, C, H, W)
    weight : torch.Tensor, shape (O, C, m + 2, m + 2)
        In the Winograd domain; a zero there removes a multiplication.
    bias : torch.Tensor, optional, shape (O,)
    m : int
        Outputs of a tile along one axis, 2 or 4: F(2, 3) or F(4, 3).
    padding : int
        Zeros around the image.
    relu : bool
        Whether f is a ReLU. Without it this is a 3x3 convolution of stride 1; with it,
        it is another function than ReLU and convolution, and must be trained as such.

    Returns
    -------
    torch.Tensor, shape (N, O, H + 2 * padding - 2, W + 2 * padding - 2)

    Raises
    ------
    WorkbenchError
        Another tile size, or a weight of another shape.

    Source
    ------
    Liu, Pool, Han and Dally, "Efficient Sparse-Winograd Convolutional Neural Networks"
    (ICLR 2018), section 3: weights and ReLU in the Winograd domain.

    Examples
    --------
    >>> image, kernel = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)
    >>> winograd_conv2d(image, to_winograd(kernel, 2), m=2)[0, 0, 0].tolist()
    [4.0, 6.0, 6.0, 4.0]
    """
    if m not in SIZES or tuple(weight.shape[1:]) != (x.shape[1], m + 2, m + 2):
        raise WorkbenchError(
            f"a weight {tuple(weight.shape)} for F({m}, 3) over {x.shape[1]} channels",
            f"(O, {x.shape[1]}, m + 2, m + 2) with m of {' or '.join(map(str, SIZES))}",
            "Make it with to_winograd from a 3x3 weight.",
        )
    result: torch.Tensor = torch.ops.workbench.winograd_conv2d(
        x, weight, bias, m, padding, relu
    )
    return result


def to_winograd(weight: torch.Tensor, m: int) -> torch.Tensor:
    """Return ``G g G^T`` of every kernel, shape (O, C, m + 2, m + 2).

    Parameters
    ----------
    weight : torch.Tensor of float32, shape (O, C, 3, 3)
    m : int
        Outputs of a tile along one axis.
    """
    kernels = np.ascontiguousarray(weight.detach().cpu().numpy(), np.float32)
    coords = transform_weights(kernels, cook_toom(m, 3))
    square = coords.reshape(m + 2, m + 2, *kernels.shape[:2]).transpose(2, 3, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(square))


def translate(b: GraphBuilder, call: Call) -> Value:
    """Add the layer that one call of the operation stands for."""
    x, weight = call.value(b, "x"), call.constant(b, "weight")
    bias, pad = call.constant(b, "bias"), int(call["padding"])
    assert weight is not None
    shift = torch.zeros(len(weight)) if bias is None else bias
    return b.add(
        "winograd_conv2d",
        [x],
        attrs={
            "m": int(call["m"]),
            "padding": (pad,) * 4,
            "input_relu": bool(call["relu"]),
        },
        params={"weight": array(weight), "bias": array(shift)},
    )


def _compute(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    m: int,
    padding: int,
    relu: bool,
) -> torch.Tensor:
    alpha, channels, outputs = m + 2, x.shape[1], weight.shape[0]
    height, width = (size + 2 * padding - 2 for size in x.shape[2:])
    rows, columns = -(-height // m), -(-width // m)
    below, right = rows * m - height, columns * m - width
    padded = functional.pad(x, (padding, padding + right, padding, padding + below))
    at, bt = _matrices(m)
    lines = [padded[:, :, y : y + m * (rows - 1) + 1 : m] for y in range(alpha)]
    tiles = torch.stack(
        [
            _combine(
                row,
                [part[..., i : i + m * (columns - 1) + 1 : m] for i in range(alpha)],
            )
            for part in (_combine(row, lines) for row in bt)
            for row in bt
        ]
    )
    if relu:
        tiles = torch.relu(tiles)
    kernels = weight.permute(2, 3, 0, 1).reshape(alpha * alpha, outputs, channels)
    flat = tiles.transpose(1, 2).reshape(alpha * alpha, channels, -1)
    sums = torch.bmm(kernels, flat).reshape(alpha, alpha, outputs, -1, rows, columns)
    halves = [_combine(row, list(sums.unbind(0))) for row in at]
    pixels = [_combine(row, list(half.unbind(0))) for half in halves for row in at]
    # (m, m, O, N, rows, columns) -> (N, O, rows, m, columns, m)
    square = torch.stack(pixels).reshape(m, m, outputs, -1, rows, columns)
    image = square.permute(3, 2, 4, 0, 5, 1).reshape(-1, outputs, rows * m, columns * m)
    image = image[:, :, :height, :width]
    return image if bias is None else image + bias.reshape(-1, 1, 1)


def _combine(row: Sequence[float], parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the sum of ``row[i] * parts[i]``; nothing is multiplied by zero."""
    used = [(c, part) for c, part in zip(row, parts, strict=True) if c]
    total = used[0][1] if used[0][0] == 1 else used[0][0] * used[0][1]
    for factor, part in used[1:]:
        total = torch.add(total, part, alpha=factor)
    return total


@cache
def _matrices(m: int) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """Return AT and BT as plain numbers: a constant tensor would not be exported."""
    transform = cook_toom(m, 3)
    return tuple(
        tuple(tuple(float(x) for x in row) for row in matrix)
        for matrix in (transform.at, transform.bt)
    )


# Made of torch operations: it trains, and exporters that do not know it take it apart.
torch.library.define("workbench::winograd_conv2d", SCHEMA)
torch.library.impl("workbench::winograd_conv2d", "CompositeImplicitAutograd", _compute)
