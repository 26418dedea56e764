"""The shapes that array operations make.

Belongs here: one shape rule for each operation of `array_fields`. Does not belong
here: arithmetic (`workbench.kernels.arrays`).
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.array_fields import POINTERS
from workbench.errors import WorkbenchError

Shape = tuple[int, ...]
Params = Mapping[str, NDArray[Any]]
Attrs = Mapping[str, Any]
Rule = Callable[[Sequence[Shape], Attrs, Params], Shape]

NEXT_STEP = "Check the layer's shapes and attributes."


def _problem(found: str, expected: str) -> WorkbenchError:
    return WorkbenchError(found, expected, NEXT_STEP)


def operands(inputs: Sequence[Shape], params: Params) -> list[Shape]:
    """Return the shapes of all operands in their order, constants included.

    Parameters
    ----------
    inputs : sequence of tuple
        Shapes of the computed ones.
    params : mapping
        ``c1`` is the operand at position 1.

    Examples
    --------
    >>> operands([(3, 4)], {"c0": np.ones(4)})
    [(4,), (3, 4)]
    """
    given = {int(n[1:]): tuple(np.shape(a)) for n, a in params.items() if n[0] == "c"}
    left = iter(inputs)
    total = len(given) + len(inputs)
    if any(place >= total for place in given):
        raise _problem(f"constants at {sorted(given)} of {total} operands", "no gaps")
    return [given[i] if i in given else next(left) for i in range(total)]


def _broadcast(shapes: Sequence[Shape]) -> Shape:
    try:
        return tuple(int(n) for n in np.broadcast_shapes(*shapes))
    except ValueError:
        raise _problem(f"operands {list(shapes)}", "sizes that fit") from None


def _operands_of(count: int) -> Rule:
    """Return the rule of an elementwise operation of some operands."""

    def rule(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
        shapes = operands(inputs, params)
        if len(shapes) != count or not inputs:
            raise _problem(
                f"{len(shapes)} operands, {len(inputs)} of them computed",
                f"{count}, at least one of them computed",
            )
        return _broadcast(shapes)

    return rule


def _same(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    _axis_of(inputs[0], attrs)
    return inputs[0]


def _axis_of(shape: Shape, attrs: Attrs) -> None:
    for axis in (*attrs.get("axes", ()), *([attrs["axis"]] if "axis" in attrs else [])):
        if axis >= len(shape):
            raise _problem(f"axis {axis} of {shape}", f"0 to {len(shape) - 1}")
    axes = attrs.get("axes", ())
    if len(set(axes)) != len(axes):
        raise _problem(f"axes {tuple(axes)}", "each of them once")


def _reshape(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    shape = tuple(attrs["shape"])
    if prod(shape) != prod(inputs[0]):
        raise _problem(f"reshape of {inputs[0]} to {shape}", "as many elements")
    return shape


def _permute(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    axes = tuple(attrs["axes"])
    if sorted(axes) != list(range(len(inputs[0]))):
        raise _problem(f"axes {axes} of {inputs[0]}", "each axis once")
    return tuple(inputs[0][a] for a in axes)


def _expand(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    shape = tuple(attrs["shape"])
    if _broadcast([inputs[0], shape]) != shape:
        raise _problem(f"expand of {inputs[0]} to {shape}", "sizes of one to repeat")
    return shape


def _prelu(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    if _broadcast([inputs[0], params["slope"].shape]) != inputs[0]:
        raise _problem(
            f"slopes {params['slope'].shape} of {inputs[0]}", "one a channel"
        )
    return inputs[0]


def _reduce(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    _axis_of(inputs[0], attrs)
    axes = attrs["axes"]
    if attrs["kind"] in POINTERS and len(axes) != 1:
        raise _problem(f"{attrs['kind']} over axes {tuple(axes)}", "one axis")
    keep = attrs.get("keepdims", False)
    return tuple(
        1 if i in axes else n for i, n in enumerate(inputs[0]) if keep or i not in axes
    )


def _matmul(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    shapes = operands(inputs, params)
    if len(shapes) != 2 or not inputs or min(map(len, shapes)) < 2:
        raise _problem(f"a product of {shapes}", "two operands of two axes or more")
    left, right = shapes
    if left[-1] != right[-2]:
        raise _problem(f"a product of {left} and {right}", "equal inner sizes")
    return (*_broadcast([left[:-2], right[:-2]]), left[-2], right[-1])


def _tokens(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    weight = params["weight"]
    if weight.shape[1] != inputs[0][-1] or params["bias"].shape != (weight.shape[0],):
        raise _problem(
            f"a weight {weight.shape} and a bias {params['bias'].shape} over the last "
            f"axis of {inputs[0]}",
            f"(O, {inputs[0][-1]}) and (O,)",
        )
    return (*inputs[0][:-1], int(weight.shape[0]))


def _norm(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    _axis_of(inputs[0], attrs)
    for name, array in params.items():
        if _broadcast([inputs[0], array.shape]) != inputs[0]:
            raise _problem(f"{name} {array.shape} of {inputs[0]}", "sizes that fit")
    return inputs[0]


def _groupnorm(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    channels = inputs[0][0]
    sizes = {array.shape for array in params.values()}
    if channels % attrs.get("groups", 1) or sizes - {(channels,)}:
        raise _problem(
            f"{channels} channels in {attrs.get('groups', 1)} groups, scales {sizes}",
            "a divisor, and one scale a channel",
        )
    return inputs[0]


def _cut(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    starts, stops, steps = attrs["starts"], attrs["stops"], attrs["steps"]
    if not len(starts) == len(stops) == len(steps) == len(inputs[0]):
        raise _problem(f"cuts {starts} of {inputs[0]}", "one an axis")
    sizes = []
    for size, start, stop, step in zip(inputs[0], starts, stops, steps, strict=True):
        count = len(range(start, stop, step)) if step else 0
        if not count or start >= size or stop > size:
            raise _problem(f"a cut {start}:{stop}:{step} of {size}", "a part of it")
        sizes.append(count)
    return tuple(sizes)


def _gather(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    _axis_of(inputs[0], attrs)
    axis: int = attrs["axis"]
    shape = inputs[0]
    return (*shape[:axis], *params["places"].shape, *shape[axis + 1 :])


def _join(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    axis: int = attrs["axis"]
    shapes = operands(inputs, params)
    rest = {(*s[:axis], *s[axis + 1 :]) for s in shapes}
    if len(rest) != 1 or not inputs or any(len(s) <= axis for s in shapes):
        raise _problem(f"parts {shapes} along axis {axis}", "equal other sizes")
    total = sum(shape[axis] for shape in shapes)
    return (*shapes[0][:axis], total, *shapes[0][axis + 1 :])


def _pad(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    before, after = attrs["before"], attrs["after"]
    if not len(before) == len(after) == len(inputs[0]):
        raise _problem(f"padding {before} of {inputs[0]}", "one number an axis")
    most = {"reflect": -1, "circular": 0}.get(attrs["mode"])
    for size, *pads in zip(inputs[0], before, after, strict=True):
        if most is not None and max(pads) > size + most:
            raise _problem(
                f"{attrs['mode']} padding of {max(pads)} around {size}",
                f"at most {size + most}",
            )
    return tuple(n + b + a for n, b, a in zip(inputs[0], before, after, strict=True))


def _axis_map(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    _axis_of(inputs[0], attrs)
    axis: int = attrs["axis"]
    rows, columns = params["matrix"].shape
    if columns != inputs[0][axis]:
        raise _problem(f"a matrix ({rows}, {columns}) along axis {axis}", "its size")
    return (*inputs[0][:axis], int(rows), *inputs[0][axis + 1 :])


def _conv_transpose(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    shape, weight, groups = inputs[0], params["weight"], attrs.get("groups", 1)
    filters = weight.shape[1] * groups
    fits = weight.shape[0] == shape[0] and shape[0] % groups == 0
    if not fits or params["bias"].shape != (filters,):
        raise _problem(
            f"a weight {weight.shape} in {groups} groups over {shape}, bias "
            f"{params['bias'].shape}",
            "a weight (C, O / groups, KH, KW) and one bias each",
        )
    top, left, bottom, right = attrs.get("padding", (0, 0, 0, 0))
    sizes = []
    for i, pads in enumerate(((top, bottom), (left, right))):
        reach = (weight.shape[2 + i] - 1) * attrs.get("dilation", (1, 1))[i] + 1
        extra = attrs.get("output_padding", (0, 0))[i]
        full = (shape[1 + i] - 1) * attrs.get("stride", (1, 1))[i] + reach + extra
        sizes.append(full - sum(pads))
    return (filters, *sizes)


def _conv3d(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    shape, weight, groups = inputs[0], params["weight"], attrs.get("groups", 1)
    fits = weight.shape[1] * groups == shape[0] and weight.shape[0] % groups == 0
    if not fits or params["bias"].shape != (weight.shape[0],):
        raise _problem(
            f"a weight {weight.shape} in {groups} groups over {shape}",
            "a weight (O, C / groups, KD, KH, KW)",
        )
    dilation, sizes = attrs["dilation"], []
    if len(attrs["padding"]) != 6 or {len(dilation), len(attrs["stride"])} != {3}:
        raise _problem(f"padding {attrs['padding']}", "three and three numbers")
    for i in range(3):
        reach = (weight.shape[2 + i] - 1) * dilation[i] + 1
        room = shape[1 + i] + attrs["padding"][i] + attrs["padding"][3 + i] - reach
        if room < 0:
            raise _problem(f"a window of {reach} over {shape}", "a smaller window")
        sizes.append(room // attrs["stride"][i] + 1)
    return (int(weight.shape[0]), *sizes)


def _window_pool(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    spatial = len(inputs[0]) - 1
    for name, per_axis in (
        ("kernel", 1),
        ("stride", 1),
        ("dilation", 1),
        ("padding", 2),
    ):
        if len(attrs[name]) != per_axis * spatial:
            raise _problem(f"{name} {attrs[name]}", f"{per_axis * spatial} numbers")
    size = tuple(attrs["size"])
    if len(size) != spatial:
        raise _problem(f"a result of {size}", f"{spatial} sizes")
    for i, count in enumerate(size):
        # A last window may begin inside of the image and reach over the padding.
        last = (count - 1) * attrs["stride"][i] - attrs["padding"][i]
        if last >= inputs[0][1 + i] + attrs["padding"][spatial + i]:
            raise _problem(f"{count} windows over {inputs[0]}", "windows that meet it")
    return (inputs[0][0], *size)


def _foreign(inputs: Sequence[Shape], attrs: Attrs, params: Params) -> Shape:
    return tuple(attrs["shape"])


ARRAY_RULES: Mapping[str, Rule] = {
    "reshape": _reshape,
    "permute": _permute,
    "expand": _expand,
    "unary": _same,
    "prelu": _prelu,
    "binary": _operands_of(2),
    "where": _operands_of(3),
    "clamp": _operands_of(3),
    "reduce": _reduce,
    "softmax": _same,
    "cumsum": _same,
    "matmul": _matmul,
    "tokens_linear": _tokens,
    "layernorm": _norm,
    "groupnorm": _groupnorm,
    "lrn": _same,
    "cut": _cut,
    "gather": _gather,
    "join": _join,
    "pad": _pad,
    "axis_map": _axis_map,
    "conv_transpose2d": _conv_transpose,
    "conv3d": _conv3d,
    "window_pool": _window_pool,
    "foreign": _foreign,
}

ARRAYS = tuple(ARRAY_RULES)
