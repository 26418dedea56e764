"""Operations along axes: sums, norms, softmax.

Belongs here: what looks at all numbers of some axes. Sums are taken in double
precision where the specification adds many numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Attrs = Mapping[str, Any]
Params = Mapping[str, Array]
Axes = tuple[int, ...]


def _logsumexp(x: Array, axis: Axes, keepdims: bool) -> Any:
    top = x.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.exp(x - top).sum(axis, keepdims=True)) + top
    return (
        total
        if keepdims
        else total.reshape([n for i, n in enumerate(total.shape) if i not in axis])
    )


REDUCE: Mapping[str, Callable[[Array, Axes, bool], Any]] = {
    "sum": lambda x, a, k: x.sum(a, keepdims=k),
    "mean": lambda x, a, k: x.mean(a, keepdims=k),
    "max": lambda x, a, k: x.max(a, keepdims=k),
    "min": lambda x, a, k: x.min(a, keepdims=k),
    "prod": lambda x, a, k: x.prod(a, keepdims=k),
    "l1": lambda x, a, k: np.abs(x).sum(a, keepdims=k),
    "l2": lambda x, a, k: np.sqrt(np.square(x).sum(a, keepdims=k)),
    "sumsq": lambda x, a, k: np.square(x).sum(a, keepdims=k),
    "logsumexp": _logsumexp,
    "any": lambda x, a, k: (x != 0).any(a, keepdims=k),
    "all": lambda x, a, k: (x != 0).all(a, keepdims=k),
    "argmax": lambda x, a, k: x.argmax(a[0], keepdims=k),
    "argmin": lambda x, a, k: x.argmin(a[0], keepdims=k),
}


def reduce(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return one number for all of some axes."""
    x, axes, keep = inputs[0], tuple(attrs["axes"]), bool(attrs.get("keepdims", False))
    kind = attrs["kind"]
    if kind in ("var", "std"):
        free = attrs.get("correction", 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            wide = x.astype(np.float64)
            around = wide - wide.mean(axes, keepdims=True)
            count = x.size // max(1, np.ones(x.shape).sum(axes).size)
            made = np.square(around).sum(axes, keepdims=keep) / max(count - free, 0)
        return np.asarray(np.sqrt(made) if kind == "std" else made, np.float32)
    return np.asarray(REDUCE[kind](x, axes, keep), np.float32)


def softmax(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return exponentials over their sum along an axis, or the logarithm of that."""
    x, axis = inputs[0], attrs["axis"]
    shifted = x - x.max(axis, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis, keepdims=True)
    made: Array = shifted - np.log(total) if attrs.get("log", False) else powers / total
    return made


def cumsum(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return running sums along an axis."""
    return inputs[0].cumsum(attrs["axis"], dtype=np.float32)


def layernorm(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return numbers with mean 0 and variance 1 over axes, scaled and shifted.

    Without ``centre`` the mean is left in: the root-mean-square norm.
    """
    x, axes = inputs[0], tuple(attrs["axes"])
    if attrs.get("centre", True):
        x = x - x.mean(axes, keepdims=True)
    spread = np.square(x).mean(axes, keepdims=True) + np.float32(attrs["eps"])
    return _affine(x / np.sqrt(spread), params)


def groupnorm(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return groups of channels with mean 0 and variance 1, scaled and shifted."""
    x, groups = inputs[0], attrs.get("groups", 1)
    parts = x.reshape(groups, -1)
    parts = parts - parts.mean(1, keepdims=True)
    spread = np.square(parts).mean(1, keepdims=True) + np.float32(attrs["eps"])
    made = (parts / np.sqrt(spread)).reshape(x.shape)
    wide = (-1,) + (1,) * (x.ndim - 1)
    return _affine(made, {name: array.reshape(wide) for name, array in params.items()})


def _affine(x: Array, params: Params) -> Array:
    made = x * params["scale"] if "scale" in params else x
    return made + params["shift"] if "shift" in params else made


def lrn(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return channels over a power of the squares of their neighbours."""
    x, size = inputs[0], attrs["size"]
    # Of an even window one more neighbour lies before the channel, or behind it.
    below = (size - 1) // 2 if attrs.get("late", False) else size // 2
    square = np.square(x)
    padded = np.zeros((len(x) + size - 1, *x.shape[1:]), np.float32)
    padded[below : below + len(x)] = square
    total = sum(padded[i : i + len(x)] for i in range(size))
    made: Array = x / (attrs["k"] + attrs["alpha"] / size * total) ** attrs["beta"]
    return made
