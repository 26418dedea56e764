"""Operations on arrays of any rank, in NumPy: what they mean, and how they run.

Belongs here: the table of operations. Does not belong here: shapes and attributes that
are in range already (engine), and where arrays are in the arena (`steps.array`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.arrays import elementwise, moves, products, rows, windows

Array = NDArray[np.float32]
Compute = Callable[[Sequence[Array], Mapping[str, Any], Mapping[str, Array]], Array]

COMPUTE: Mapping[str, Compute] = {
    "reshape": moves.reshape,
    "permute": moves.permute,
    "expand": moves.expand,
    "cut": moves.cut,
    "gather": moves.gather,
    "join": moves.join,
    "pad": moves.pad,
    "unary": elementwise.unary,
    "prelu": elementwise.prelu,
    "binary": elementwise.binary,
    "where": elementwise.where,
    "clamp": elementwise.clamp,
    "reduce": rows.reduce,
    "softmax": rows.softmax,
    "cumsum": rows.cumsum,
    "layernorm": rows.layernorm,
    "groupnorm": rows.groupnorm,
    "lrn": rows.lrn,
    "matmul": products.matmul,
    "tokens_linear": products.tokens_linear,
    "axis_map": products.axis_map,
    "conv_transpose2d": products.conv_transpose2d,
    "conv3d": products.conv3d,
    "window_pool": windows.window_pool,
}
"""From inputs, attributes and parameters to the result."""
