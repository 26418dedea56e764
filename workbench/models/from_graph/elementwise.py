"""Steps element by element, in torch.

Belongs here: activations, functions of one, two and three numbers.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from workbench.engine.graph.graph import Node
from workbench.models.from_graph.values import Held, Inputs, Step, aligned, along, truth

Curve = Callable[..., Tensor]

ACTIVATIONS: Mapping[str, Curve] = {
    "relu": torch.relu,
    "clip": torch.clamp,
    "hardswish": functional.hardswish,
    "hardsigmoid": functional.hardsigmoid,
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "exp": torch.exp,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "softplus": lambda x: functional.softplus(x, threshold=1e9),
    "mish": functional.mish,
}
"""By kind; the numbers of ``engine.graph.field_kinds.ACTIVATIONS`` come behind x."""

UNARY: Mapping[str, Curve] = {
    **{
        name: getattr(torch, name)
        for name in (
            *("abs", "neg", "exp2", "expm1", "log", "log2", "log10", "log1p"),
            *("sqrt", "rsqrt", "reciprocal", "square", "sin", "cos", "tan", "asin"),
            *("acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "floor"),
            *("ceil", "round", "trunc", "sign"),
        )
    },
    "not": lambda x: truth(x == 0),
    "isnan": lambda x: truth(torch.isnan(x)),
    "isinf": lambda x: truth(torch.isinf(x)),
}

BINARY: Mapping[str, Curve] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "floor_div": lambda a, b: torch.floor(a / b),
    "remainder": torch.remainder,
    "fmod": torch.fmod,
    "atan2": torch.atan2,
    "lt": lambda a, b: truth(a < b),
    "le": lambda a, b: truth(a <= b),
    "gt": lambda a, b: truth(a > b),
    "ge": lambda a, b: truth(a >= b),
    "eq": lambda a, b: truth(a == b),
    "ne": lambda a, b: truth(a != b),
    "and": lambda a, b: truth((a != 0) & (b != 0)),
    "or": lambda a, b: truth((a != 0) | (b != 0)),
    "xor": lambda a, b: truth((a != 0) ^ (b != 0)),
}


def activated(x: Tensor, act: tuple[str, float, float] | None) -> Tensor:
    """Return x behind an activation that its layer does as well."""
    if act is None:
        return x
    kind, first, second = act
    numbers = {"clip": (first, second), "leaky_relu": (first,), "elu": (first,)}
    return ACTIVATIONS[kind](x, *numbers.get(kind, ()))


def activation(node: Node, inputs: Inputs, held: Held) -> Tensor:
    """Return an activation that is a node of its own."""
    names = {"clip": ("lo", "hi"), "leaky_relu": ("alpha",), "elu": ("alpha",)}
    numbers = [node.attrs[name] for name in names.get(node.op, ())]
    return ACTIVATIONS[node.op](inputs[0], *numbers)


def _of(table: Mapping[str, Curve]) -> Step:
    def step(node: Node, inputs: Inputs, held: Held) -> Tensor:
        return table[node.attrs["kind"]](*aligned(inputs, held))

    return step


def _pair(function: Curve) -> Step:
    def step(node: Node, inputs: Inputs, held: Held) -> Tensor:
        return activated(function(*inputs), node.attrs.get("act"))

    return step


def _affine(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x = inputs[0]
    return x * along(held["scale"], x) + along(held["shift"], x)


def _prelu(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x = inputs[0]
    return torch.where(x > 0, x, x * held["slope"])


def _where(node: Node, inputs: Inputs, held: Held) -> Tensor:
    condition, yes, no = aligned(inputs, held)
    return torch.where(condition != 0, yes, no)


def _clamp(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, low, high = aligned(inputs, held)
    return torch.minimum(torch.maximum(x, low), high)


def _same(node: Node, inputs: Inputs, held: Held) -> Tensor:
    return inputs[0]


ELEMENTWISE: Mapping[str, Step] = {
    **dict.fromkeys(ACTIVATIONS, activation),
    "add": _pair(torch.add),
    "mul": _pair(torch.mul),
    "batchnorm": _affine,
    "identity": _same,
    "unary": _of(UNARY),
    "binary": _of(BINARY),
    "prelu": _prelu,
    "where": _where,
    "clamp": _clamp,
}
