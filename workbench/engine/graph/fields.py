"""What each operation of a graph takes: the door that every graph passes.

Belongs here: how many inputs, which attributes in which range, which parameters, and
the largest tensor. Importers, rewrites and the reader of `.wbp` files all pass by
`ops.infer_shape`, which asks here first, so no size reaches a kernel unchecked. Does
not belong here: the shape an operation makes (`ops`).

Sizes are multiplied as Python integers, which do not wrap.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.array_fields import ARRAY_FIELDS, SOME
from workbench.engine.graph.field_kinds import (
    ACT,
    ACTIVATIONS,
    FLAG,
    MOST_AXES,
    MOST_ELEMENTS,
    MOST_STEP,
    NUMBER,
    Field,
    Fields,
    is_whole,
    one_of,
    whole,
    wholes,
)
from workbench.errors import WorkbenchError

Shape = tuple[int, ...]

MOST_NODES = 100_000
"""Of one graph: the largest networks in use have some thousand."""

MOST_INPUTS = 1024
"""Tensors that one concat reads."""

NEXT_STEP = "Check the layer's shapes and attributes."

STEPS = wholes(2, 1, MOST_STEP)
PADS = wholes(4, 0, MOST_STEP)
RANK = one_of(1, 3)

_CONV = {
    "stride": STEPS,
    "dilation": STEPS,
    "padding": PADS,
    "groups": whole(1, MOST_ELEMENTS),
    "act": ACT,
}
_POOL = {
    "kernel": wholes(2, 1, MOST_STEP, required=True),
    "stride": STEPS,
    "padding": PADS,
    "ceil_mode": FLAG,
}
_TILE = {"m": one_of(2, 4, 6, required=True), "input_relu": FLAG}
_PALETTE = {"codebook": 1, "scale": 1, "bias": 1, "keep?": 1}
_CUT = whole(0, MOST_ELEMENTS, required=True)

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
    "linear": Fields(
        ranks=SOME, attrs={"rank": RANK, "act": ACT}, params={"weight": 2, "bias": 1}
    ),
    "palette_linear": Fields(
        ranks=SOME, attrs={"rank": RANK, "act": ACT}, params={"indices": 2, **_PALETTE}
    ),
    "batchnorm": Fields(ranks=(1, 2, 3), params={"scale": 1, "shift": 1}),
    **{
        kind: Fields(attrs=dict.fromkeys(numbers, NUMBER))
        for kind, numbers in ACTIVATIONS.items()
    },
    "add": Fields((2, 2), attrs={"act": ACT}),
    "mul": Fields((2, 2), attrs={"act": ACT}),
    "concat": Fields((1, MOST_INPUTS), SOME),
    "slice": Fields(ranks=SOME, attrs={"start": _CUT, "stop": _CUT}),
    "max_pool": Fields(ranks=(3,), attrs=_POOL),
    "avg_pool": Fields(ranks=(3,), attrs={**_POOL, "count_include_pad": FLAG}),
    "adaptive_avg_pool": Fields(
        ranks=(3,), attrs={"size": wholes(2, 1, MOST_STEP, required=True)}
    ),
    "global_avg_pool": Fields(ranks=(1, 2, 3), attrs={"rank": RANK}),
    "flatten": Fields(attrs={"rank": RANK}),
    "channel_shuffle": Fields(
        ranks=(3,), attrs={"groups": whole(1, MOST_ELEMENTS, required=True)}
    ),
    "upsample_nearest": Fields(
        ranks=(3,), attrs={"scale": wholes(2, 1, MOST_STEP, required=True)}
    ),
    "identity": Fields(),
    **ARRAY_FIELDS,
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
                _ranks(fields.ranks),
            )
    _check_attrs(op, attrs, fields.attrs)
    _check_params(op, params, _known(fields, params))
    if "padding" in attrs and op not in ARRAY_FIELDS:
        _check_padded(op, inputs[0], attrs)


def check_shape(shape: Sequence[Any], what: str) -> None:
    """Check that a tensor's shape is at most eight sizes of a bounded product.

    Raises
    ------
    WorkbenchError
        More sizes, sizes below one, no integers, or more than `MOST_ELEMENTS` elements.
    """
    listed = isinstance(shape, (tuple, list)) and len(shape) <= MOST_AXES
    if not listed or not all(is_whole(size) for size in shape):
        raise _problem(
            f"{what} of shape {_short(shape)}",
            f"at most {MOST_AXES} sizes from 1 to {MOST_ELEMENTS}",
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
            if not value:
                raise _problem("an input of shape ()", "at least one axis")
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
        wanted = ranks[name]
        fits = np.ndim(array) == wanted or (wanted < 0 and np.ndim(array) <= MOST_AXES)
        if not fits or 0 in np.shape(array):
            raise _problem(
                f"{name} {np.shape(array)} of an operation {op!r}",
                f"{wanted if wanted >= 0 else 'any'} axes, none of them empty",
            )


def _known(fields: Fields, params: Mapping[str, Any]) -> Mapping[str, int]:
    """Return the parameters that an operation may have, constant operands included."""
    if not fields.operands:
        return fields.params
    most = max(fields.inputs)
    given = [name for name in params if is_operand(name, most)]
    return {**fields.params, **{f"{name}?": -1 for name in given}}


def is_operand(name: str, most: int = MOST_INPUTS) -> bool:
    """Say whether a parameter's name is that of a constant operand: c0, c1, ..."""
    digits = name[1:]
    plain = name[:1] == "c" and digits.isascii() and digits.isdigit()
    return plain and str(int(digits)) == digits and int(digits) < most


def _ranks(ranks: tuple[int, ...]) -> str:
    return "(C, H, W)" if ranks == (3,) else f"{ranks[0]} to {ranks[-1]} axes"


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
