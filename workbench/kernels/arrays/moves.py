"""Operations that move numbers and compute none.

Belongs here: reshapes, permutations, cuts, joins, padding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.arrays.operands import in_order

Array = NDArray[np.float32]
Attrs = Mapping[str, Any]
Params = Mapping[str, Array]

MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def reshape(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return the same numbers in another shape."""
    return inputs[0].reshape(attrs["shape"])


def permute(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return axes in another order."""
    return inputs[0].transpose(attrs["axes"])


def expand(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return axes of size one repeated."""
    return np.broadcast_to(inputs[0], attrs["shape"])


def cut(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return a range of each axis; a stop of -1 is before the first element."""
    cuts = zip(attrs["starts"], attrs["stops"], attrs["steps"], strict=True)
    return inputs[0][tuple(slice(a, None if b < 0 else b, step) for a, b, step in cuts)]


def gather(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return the entries of an axis at some places."""
    return inputs[0].take(params["places"].astype(np.int64), attrs["axis"])


def join(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return arrays one after the other along an axis."""
    return np.concatenate(in_order(inputs, params), attrs["axis"])


def pad(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return an array with a frame: a number, or its own pixels."""
    frame = list(zip(attrs["before"], attrs["after"], strict=True))
    if attrs["mode"] == "constant":
        return np.pad(inputs[0], frame, constant_values=attrs["value"])
    return np.pad(inputs[0], frame, mode=MODES[attrs["mode"]])  # type: ignore[call-overload, no-any-return]
