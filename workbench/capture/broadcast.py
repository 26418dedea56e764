"""Constants beside a tensor of the network: one number, or one per channel.

Belongs here: the rule by which a constant meets a tensor, the same for torch and ONNX:
axes are matched from the last one. Knows neither of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder

AXES = ("batch", "channel", "row", "column")


def per_channel(
    b: GraphBuilder, name: str, shape: Sequence[int], constant: NDArray[Any]
) -> NDArray[Any]:
    """Return a constant as C numbers, or refuse it.

    Parameters
    ----------
    b : GraphBuilder
        Says which layer is being read.
    name : str
        Of the operation.
    shape : sequence of int
        The tensor's, without the batch: (C, H, W) or (F,).
    constant : numpy.ndarray
        Matched with (N, C, H, W) from the last axis, as numpy does.

    Raises
    ------
    UncoveredOp
        A constant that differs along another axis than the channels', or that would
        make the result larger than the tensor.
    """
    whole = (1, *shape)
    tensor = ", ".join(str(n) for n in ("N", *shape))
    text = f"{name} of ({tensor}) and a constant of shape {constant.shape}"
    if constant.ndim > len(whole):
        raise refuse(b, f"{text}: more axes than the tensor")
    aligned = constant.reshape((1,) * (len(whole) - constant.ndim) + constant.shape)
    for axis, (mine, its) in enumerate(zip(aligned.shape, whole, strict=True)):
        if mine not in (1, its):
            raise refuse(b, f"{text}: {mine} against {its} along the {_name(axis)}")
        if axis == 1 or mine == 1:
            continue
        first = aligned.take([0], axis)
        if not np.array_equal(first.repeat(mine, axis), aligned, equal_nan=True):
            raise refuse(b, f"{text}: it differs along the {_name(axis)}")
        aligned = first
    return np.broadcast_to(aligned.reshape(-1), (shape[0],))


def _name(axis: int) -> str:
    return f"{AXES[axis]} axis" if axis < len(AXES) else f"axis {axis}"
