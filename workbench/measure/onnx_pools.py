"""Adaptive average pools as ONNX operations that every runtime has.

Belongs here: what torch's exporter is told about one operation. Its own way takes the
pool apart into gathers of single pixels, and counts on the memory order of the weights.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch


def adaptive_table() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return the translation table that `torch.onnx.export` takes."""
    return {torch.ops.aten.adaptive_avg_pool2d.default: _adaptive}


def averaging(size: int, windows: int) -> np.ndarray:
    """Return the matrix (windows, size) of an adaptive average along one axis.

    Examples
    --------
    >>> averaging(3, 2).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    matrix = np.zeros((windows, size), np.float32)
    for index in range(windows):
        start, stop = index * size // windows, -(-(index + 1) * size // windows)
        matrix[index, start:stop] = 1 / (stop - start)
    return matrix


def _adaptive(x: Any, output_size: Sequence[int]) -> Any:
    from onnxscript import opset18 as op

    height, width = (int(side) for side in x.shape[2:])
    rows, columns = (int(side) for side in output_size)
    if (rows, columns) == (1, 1):
        return op.GlobalAveragePool(x)
    if height % rows == 0 and width % columns == 0:
        kernel = [height // rows, width // columns]
        return op.AveragePool(x, kernel_shape=kernel, strides=kernel)
    # The mean of a window is a mean of means along each axis.
    if columns != width:
        x = op.MatMul(x, _constant(op, averaging(width, columns).T))
    if rows != height:
        x = op.MatMul(_constant(op, averaging(height, rows)), x)
    return x


def _constant(op: Any, matrix: np.ndarray) -> Any:
    from onnx import numpy_helper

    value = numpy_helper.from_array(np.ascontiguousarray(matrix))
    return op.Constant(value=value)
