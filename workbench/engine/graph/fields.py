"""What each operation of a graph takes: the door that every graph passes.

Belongs here: how many inputs, which attributes in which range, which parameters, and
the largest tensor. Importers, rewrites and the reader of `.wbp` files all pass by
`ops.infer_shape`, which asks here first, so no size reaches a kernel unchecked. Does
not belong here: the shape an operation makes (`ops`).

Sizes are multiplied as Python integers, which do not wrap.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.kernels.values.types import ACTIVATIONS as KINDS

Shape = tuple[int, ...]

MOST_ELEMENTS = 2**31 - 1
"""Of one tensor, with the zeros that a window reads around it: 8 GiB of float32."""

MOST_STEP = 2**20
"""Pixels of a stride, a dilation, a pad, a kernel's side or a scale."""

MOST_NODES = 100_000
"""Of one graph: the largest networks in use have some thousand."""

MOST_INPUTS = 1024
"""Tensors that one concat reads."""

ACTIVATIONS: Mapping[str, tuple[str, ...]] = {
    kind: numbers for kind, numbers in KINDS.items() if kind != "none"
}
"""Operations that the layer before may do, and the numbers that each takes."""

NEXT_STEP = "Check the layer's shapes and attributes."


@dataclass(frozen=True)
class Field:
    """One attribute: what it may be, in words and as a test.

    Parameters
    ----------
    words : str
    holds : callable
    required : bool
    """

    words: str
    holds: Callable[[Any], bool]
    required: bool = False


@dataclass(frozen=True)
class Fields:
    """What one operation takes.

    Parameters
    ----------
    inputs : tuple of int
        Least and most tensors read.
    ranks : tuple of int
        Axes that the first input may have, batch left out.
    attrs : mapping of str to Field
    params : mapping of str to int
        Axes of each parameter; names that end in ``?`` may be left out.
    """

    inputs: tuple[int, int] = (1, 1)
    ranks: tuple[int, ...] = (1, 2, 3)
    attrs: Mapping[str, Field] = field(default_factory=dict)
    params: Mapping[str, int] = field(default_factory=dict)


def is_whole(value: Any, least: int = 1, most: int = MOST_ELEMENTS) -> bool:
    """Say whether a value is an integer, and no boolean, within bounds."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and least <= value <= most


def _whole(least: int, most: int, *, required: bool = False) -> Field:
    words = f"an integer from {least} to {most}"
    return Field(words, lambda v: is_whole(v, least, most), required)


def _wholes(count: int, least: int, most: int, *, required: bool = False) -> Field:
    def holds(value: Any) -> bool:
        listed = isinstance(value, (tuple, list)) and len(value) == count
        return listed and all(is_whole(v, least, most) for v in value)

    return Field(f"{count} integers from {least} to {most}", holds, required)


def _is_number(value: Any) -> bool:
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return real and not isnan(value)


def _is_activation(value: Any) -> bool:
    listed = isinstance(value, (tuple, list)) and len(value) == 3
    return listed and value[0] in ACTIVATIONS and all(map(_is_number, value[1:]))


def _one_of(*choices: int, required: bool = False) -> Field:
    words = " or ".join(str(c) for c in choices)
    return Field(words, lambda v: is_whole(v, 1, MOST_STEP) and v in choices, required)


FLAG = Field("true or false", lambda v: isinstance(v, bool))
NUMBER = Field("a number", _is_number, required=True)
ACT = Field("an activation (kind, number, number)", _is_activation)
STEPS = _wholes(2, 1, MOST_STEP)
PADS = _wholes(4, 0, MOST_STEP)
RANK = _one_of(1, 3)

_CONV = {
    "stride": STEPS,
    "dilation": STEPS,
    "padding": PADS,
    "groups": _whole(1, MOST_ELEMENTS),
    "act": ACT,
}
_POOL = {
    "kernel": _wholes(2, 1, MOST_STEP, required=True),
    "stride": STEPS,
    "padding": PADS,
    "ceil_mode": FLAG,
}
_TILE = {"m": _one_of(2, 4, 6, required=True), "input_relu": FLAG}
_PALETTE = {"codebook": 1, "scale": 1, "bias": 1, "keep?": 1}
_CUT = _whole(0, MOST_ELEMENTS, required=True)

FIELDS: Mapping[str, Fields] = {
    "input": Fields((0, 0)),
    "conv2d": Fields((1, 2), (3,), _CONV, {"weight": 4, "bias": 1}),
    "palette_conv2d": Fields((1, 2), (3,), _CONV, {"indices": 4, **_PALETTE}),
    "winograd_conv2d": Fields(
        (1, 2),
        (3,),
        {"padding": PADS, "act": ACT, **_TILE},
        {"weight": 4, "bias": 1},
    ),
    "linear": Fields(attrs={"rank": RANK, "act": ACT}, params={"weight": 2, "bias": 1}),
    "palette_linear": Fields(
        attrs={"rank": RANK, "act": ACT}, params={"indices": 2, **_PALETTE}
    ),
    "batchnorm": Fields(params={"scale": 1, "shift": 1}),
    **{
        kind: Fields(attrs=dict.fromkeys(numbers, NUMBER))
        for kind, numbers in ACTIVATIONS.items()
    },
    "add": Fields((2, 2), attrs={"act": ACT}),
    "mul": Fields((2, 2), attrs={"act": ACT}),
    "concat": Fields((1, MOST_INPUTS)),
    "slice": Fields(attrs={"start": _CUT, "stop": _CUT}),
    "max_pool": Fields(ranks=(3,), attrs=_POOL),
    "avg_pool": Fields(ranks=(3,), attrs={**_POOL, "count_include_pad": FLAG}),
    "adaptive_avg_pool": Fields(
        ranks=(3,), attrs={"size": _wholes(2, 1, MOST_STEP, required=True)}
    ),
    "global_avg_pool": Fields(attrs={"rank": RANK}),
    "flatten": Fields(attrs={"rank": RANK}),
    "channel_shuffle": Fields(
        ranks=(3,), attrs={"groups": _whole(1, MOST_ELEMENTS, required=True)}
    ),
    "upsample_nearest": Fields(
        ranks=(3,), attrs={"scale": _wholes(2, 1, MOST_STEP, required=True)}
    ),
    "identity": Fields(),
}


def act_of(op: str, attrs: Mapping[str, Any]) -> tuple[str, float, float]:
    """Return the ``act`` of a layer that does what an activation's node does.

    Examples
    --------
    >>> act_of("clip", {"lo": 0.0, "hi": 6.0}), act_of("elu", {"alpha": 1.0})
    (('clip', 0.0, 6.0), ('elu', 1.0, 0.0))
    """
    first, second, *_ = (*(attrs[name] for name in ACTIVATIONS[op]), 0.0, 0.0)
    return op, first, second


def check_fields(
    op: str,
    inputs: Sequence[Shape],
    attrs: Mapping[str, Any],
    params: Mapping[str, NDArray[Any]],
) -> None:
    """Check what a node is given against what its operation takes.

    Parameters
    ----------
    op : str
        A key of `FIELDS`.
    inputs : sequence of tuple
        Input shapes without the batch axis.
    attrs, params : mapping
        As in `workbench.engine.graph.graph.Node`.

    Raises
    ------
    WorkbenchError
        A missing, unknown or senseless attribute or parameter, or a size beyond
        `MOST_ELEMENTS`.

    Examples
    --------
    >>> check_fields("relu", [(3, 4, 4)], {}, {})
    >>> check_fields("flatten", [(3, 4, 4)], {"rank": 300_000_000}, {})
    Traceback (most recent call last):
    workbench.errors.WorkbenchError: rank 300000000 of an operation 'flatten'; expected\
 1 or 3. Check the layer's shapes and attributes.
    """
    fields = FIELDS[op]
    least, most = fields.inputs
    if not least <= len(inputs) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise _problem(f"{len(inputs)} inputs of an operation {op!r}", wanted)
    for shape in inputs[:1]:
        if len(shape) not in fields.ranks:
            raise _problem(
                f"an operation {op!r} over a tensor of shape {tuple(shape)}",
                "(C, H, W)" if fields.ranks == (3,) else "one to three axes",
            )
    _check_attrs(op, attrs, fields.attrs)
    _check_params(op, params, fields.params)
    if "padding" in attrs:
        _check_padded(op, inputs[0], attrs)


def check_shape(shape: Sequence[Any], what: str) -> None:
    """Check that a tensor's shape is one to three sizes of a bounded product.

    Raises
    ------
    WorkbenchError
        No sizes, sizes below one, no integers, or more than `MOST_ELEMENTS` elements.
    """
    listed = isinstance(shape, (tuple, list)) and 1 <= len(shape) <= 3
    if not listed or not all(is_whole(size) for size in shape):
        raise _problem(
            f"{what} of shape {_short(shape)}",
            f"one to three sizes from 1 to {MOST_ELEMENTS}",
        )
    if prod(shape) > MOST_ELEMENTS:
        raise _problem(
            f"{what} of shape {tuple(shape)}: {prod(shape)} elements",
            f"at most {MOST_ELEMENTS}",
        )


def _check_attrs(op: str, attrs: Mapping[str, Any], known: Mapping[str, Field]) -> None:
    for name, value in attrs.items():
        if op == "input" and name == "shape":
            check_shape(value, "an input")
        elif name not in known:
            raise _problem(
                f"an attribute {_short(name)} of an operation {op!r}",
                "one of " + (", ".join(known) or "none"),
            )
        elif not known[name].holds(value):
            raise _problem(
                f"{name} {_short(value)} of an operation {op!r}", known[name].words
            )
    for name, wanted in known.items():
        if wanted.required and name not in attrs:
            raise _problem(f"an operation {op!r} without {name}", wanted.words)


def _check_params(
    op: str, params: Mapping[str, NDArray[Any]], known: Mapping[str, int]
) -> None:
    ranks = {name.removesuffix("?"): rank for name, rank in known.items()}
    missing = [name for name in known if not name.endswith("?") and name not in params]
    if missing or not set(params) <= set(ranks):
        raise _problem(
            f"an operation {op!r} with the parameters {', '.join(params) or 'none'}",
            ", ".join(ranks) or "none",
        )
    for name, array in params.items():
        if np.ndim(array) != ranks[name] or 0 in np.shape(array):
            raise _problem(
                f"{name} {np.shape(array)} of an operation {op!r}",
                f"{ranks[name]} axes, none of them empty",
            )


def _check_padded(op: str, shape: Shape, attrs: Mapping[str, Any]) -> None:
    top, left, bottom, right = attrs["padding"]
    padded = (shape[0], shape[1] + top + bottom, shape[2] + left + right)
    if prod(padded) > MOST_ELEMENTS:
        raise _problem(
            f"padding {tuple(attrs['padding'])} around {tuple(shape)}: "
            f"{prod(padded)} elements",
            f"at most {MOST_ELEMENTS}",
        )
    kernel = attrs.get("kernel")
    if kernel is not None and (
        max(top, bottom) >= kernel[0] or max(left, right) >= kernel[1]
    ):
        raise _problem(
            f"padding {tuple(attrs['padding'])} of an operation {op!r} with a window "
            f"of {tuple(kernel)}",
            "less padding than the window is wide",
        )


def _problem(found: str, expected: str) -> WorkbenchError:
    return WorkbenchError(found, expected, NEXT_STEP)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
