"""Activations that were written out of simpler operations, found by what they compute.

Belongs here: recognising that a few nodes between one tensor and another are together a
known curve, in whatever order their author wrote sums, products and bounds. Does not
belong here: merging an activation into the layer before it (`passes`).

Nodes that work element by element from one tensor are a function of one number. It is
evaluated at some points and compared with every curve: no list of spellings is needed.
A new curve is one line in `kernels.values.types.ACTIVATIONS`, a new operation that may
stand within a form is one line in `ELEMENTWISE`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.field_kinds import ACTIVATIONS
from workbench.engine.graph.fields import act_of
from workbench.engine.graph.graph import Node
from workbench.kernels.arrays import COMPUTE
from workbench.kernels.reference.activation import activated
from workbench.kernels.values.types import Activation

Points = NDArray[np.float64]
Apply = Callable[[Node, list[Points]], Points]

MOST_NODES = 16
"""Of one form: a GELU by tanh has about ten."""

POINTS: Points = np.concatenate(
    [np.linspace(-12, 12, 97), [-100.0, -30.0, -1e-3, 1e-3, 30.0, 100.0]]
)
AT = {-1.0: 44, 1.0: 52, -100.0: 97, 100.0: 102}
"""Where some of the points stand."""

RELATIVE, ABSOLUTE = 2e-6, 1e-6
"""Between constants of float32 and exact ones; a batch norm that was never trained
scales by 0.999995 and stays itself."""


def _affine(node: Node, inputs: list[Points]) -> Points:
    scale, shift = (float(node.params[name][0]) for name in ("scale", "shift"))
    return inputs[0] * scale + shift


def _activation(node: Node, inputs: list[Points]) -> Points:
    return activated(inputs[0], Activation.of(*act_of(node.op, node.attrs)))


def _array(node: Node, inputs: list[Points]) -> Points:
    constants = {k: np.float64(v.reshape(-1)[0]) for k, v in node.params.items()}
    # Declared for float32, and right for any type.
    compute: Callable[..., Any] = COMPUTE[node.op]
    return np.asarray(compute(inputs, node.attrs, constants), np.float64)


ARRAYS = ("unary", "binary", "clamp", "where", "prelu")
"""Array operations of each number, with constants of one value."""

ELEMENTWISE: Mapping[str, Apply] = {
    "add": lambda node, inputs: inputs[0] + inputs[1],
    "mul": lambda node, inputs: inputs[0] * inputs[1],
    "batchnorm": _affine,
    **dict.fromkeys(ACTIVATIONS, _activation),
    **dict.fromkeys(ARRAYS, _array),
}
"""What may stand within a form."""

LAST = ("add", "mul", "batchnorm", "clip", *ARRAYS)
"""What may stand at its end."""

PARAMETERS: Mapping[str, Callable[[Points], tuple[float, ...]]] = {
    "clip": lambda y: (_bound(y, -100.0), _bound(y, 100.0)),
    "leaky_relu": lambda y: (-float(y[AT[-1.0]]),),
    "elu": lambda y: (float(y[AT[-1.0]]) / float(np.expm1(-1)),),
}
"""The numbers that an activation must have to give these values, if it is one."""


def _bound(y: Points, at: float) -> float:
    found = float(y[AT[at]])
    return at * np.inf if found == at else found


def fuse_forms(
    nodes: list[Node], outputs: tuple[str, ...]
) -> tuple[list[Node], tuple[str, ...]]:
    """Replace what is an activation by one node; nodes that nobody reads stay."""
    known: dict[str, Node] = {}
    places = {node.id: place for place, node in enumerate(nodes)}
    for node in nodes:
        if node.op in LAST:
            node = _recognised(node, known, places)
        known[node.id] = node
    return list(known.values()), outputs


def _recognised(
    last: Node, known: Mapping[str, Node], places: Mapping[str, int]
) -> Node:
    """Return the activation that a node is the end of, or the node."""
    found = last
    for source, form in _forms(last, known, places):
        kind, attrs = _curve_of(_values(source, form))
        if kind:
            found = last.but(op=kind, inputs=(source,), attrs=attrs, params={})
    return found


def _forms(
    last: Node, known: Mapping[str, Node], places: Mapping[str, int]
) -> Iterator[tuple[str, list[Node]]]:
    """Yield single tensors that a node is computed from, with the nodes between.

    The latest tensor that is still needed is replaced by what it is made of; each time
    one alone is left it is a source. Larger forms come later.
    """
    if not _is_elementwise(last, last.shape):
        return
    form, needed = [last], set(last.inputs)
    while len(form) <= MOST_NODES:
        latest = known[max(needed, key=places.__getitem__)]
        if len(needed) == 1 and len(form) > 1 and latest.shape == last.shape:
            yield latest.id, form[::-1]
        if not _is_elementwise(latest, last.shape):
            return
        form.append(latest)
        needed = needed - {latest.id} | set(latest.inputs)


def _is_elementwise(node: Node, shape: tuple[int, ...]) -> bool:
    same = node.shape == shape and "act" not in node.attrs
    equal = all((p == p.flat[0]).all() for p in node.params.values())
    return node.op in ELEMENTWISE and same and equal


def _values(source: str, form: list[Node]) -> Points:
    values = {source: POINTS}
    with np.errstate(all="ignore"):
        for node in form:
            inputs = [values[name] for name in node.inputs]
            values[node.id] = ELEMENTWISE[node.op](node, inputs)
    return values[form[-1].id]


def _curve_of(values: Points) -> tuple[str, dict[str, Any]]:
    """Return the kind and the numbers of the activation with these values."""
    if np.array_equal(values, POINTS):
        return "identity", {}
    for kind, names in ACTIVATIONS.items():
        numbers = PARAMETERS[kind](values) if names else ()
        if np.isnan(numbers).any() or (kind == "clip" and numbers[0] > numbers[1]):
            continue
        if kind != "clip" and np.isinf(numbers).any():
            continue
        if np.allclose(values, _wanted(kind, numbers), RELATIVE, ABSOLUTE):
            return kind, dict(zip(names, numbers, strict=True))
    return "", {}


@lru_cache(maxsize=64)
def _wanted(kind: str, numbers: tuple[float, ...]) -> Points:
    with np.errstate(all="ignore"):
        return activated(POINTS, Activation.of(kind, *numbers))
