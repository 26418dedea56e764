"""What sums and products become in the engine's graph.

Belongs here: two computed tensors, or one and a constant, which becomes a scale and a
shift of each channel.
"""

from typing import Any

import torch

from workbench.capture.arguments import refuse
from workbench.capture.broadcast import per_channel
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.layers import array


def _affine(b: GraphBuilder, call: Call, x: Value, scale: Any, shift: Any) -> Value:
    numbers = {"scale": scale, "shift": shift}
    params = {
        name: per_channel(b, call.name, x.shape, array(torch.as_tensor(value)))
        for name, value in numbers.items()
    }
    return b.add("batchnorm", [x], params=params)


def _operands(b: GraphBuilder, call: Call) -> tuple[Any, Any]:
    """Return both sides; at least one is computed."""
    left, right = call["self"], call["other"]
    if isinstance(left, Value) or isinstance(right, Value):
        for side in (left, right):
            if not isinstance(side, Value | torch.Tensor | int | float):
                raise refuse(b, f"{call.name} with {type(side).__name__}")
        return left, right
    raise refuse(b, f"{call.name} of {type(left).__name__} and {type(right).__name__}")


def add(b: GraphBuilder, call: Call) -> Value:
    """Translate ``self + alpha * other``."""
    left, right = _operands(b, call)
    alpha = call.get("alpha", 1)
    if not isinstance(left, Value):
        return _affine(b, call, right, alpha, left)
    if not isinstance(right, Value):
        return _affine(b, call, left, 1.0, alpha * torch.as_tensor(right))
    if alpha != 1:
        raise refuse(b, f"{call.name} of two computed tensors with alpha={alpha}")
    return b.add("add", [left, right])


def sub(b: GraphBuilder, call: Call) -> Value:
    """Translate ``self - alpha * other``."""
    left, right = _operands(b, call)
    alpha = call.get("alpha", 1)
    if isinstance(left, Value) and isinstance(right, Value):
        raise refuse(b, "subtraction of two tensors")
    if isinstance(left, Value):
        return _affine(b, call, left, 1.0, -alpha * torch.as_tensor(right))
    return _affine(b, call, right, -alpha, left)


def rsub(b: GraphBuilder, call: Call) -> Value:
    """Translate ``other - alpha * self``."""
    given = {"self": call["other"], "other": call["self"], "alpha": call["alpha"]}
    return sub(b, Call(call.name, given))


def mul(b: GraphBuilder, call: Call) -> Value:
    """Translate a product of each element, or of each channel and one number."""
    left, right = _operands(b, call)
    if not isinstance(left, Value):
        left, right = right, left
    if not isinstance(right, Value):
        return _affine(b, call, left, right, 0.0)
    if len(left.shape) == 3 and left.shape[1:] == (1, 1) and right.shape != left.shape:
        left, right = right, left
    return b.add("mul", [left, right])


def div(b: GraphBuilder, call: Call) -> Value:
    """Translate a division by a constant."""
    left, right = _operands(b, call)
    if isinstance(right, Value):
        raise refuse(b, "division by a tensor")
    return _affine(b, call, left, 1.0 / torch.as_tensor(right), 0.0)
