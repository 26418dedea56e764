"""Operations that nobody translates: they are run by torch, as steps of the program.

Belongs here: a node for one call, with a function that computes it. Does not belong
here: deciding which calls these are (`torch_export`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils._pytree import tree_map

from workbench.capture.arguments import Refused
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.reshapes import as_shape

Array = NDArray[np.float32]


def foreign(
    b: GraphBuilder, target: Any, args: Any, kwargs: Mapping[str, Any], made: Any
) -> Any:
    """Return what one call makes, computed by torch itself while the program runs.

    Parameters
    ----------
    b : GraphBuilder
    target : OpOverload
    args, kwargs : values
        Of the call, with `Value` for computed tensors.
    made : value
        Torch's result without numbers: its shapes and types.

    Raises
    ------
    Refused
        The shape of the result depends on the image.
    """
    if isinstance(made, list | tuple):
        return [
            None if one is None else _one(b, target, args, kwargs, one, (i,))
            for i, one in enumerate(made)
        ]
    return _one(b, target, args, kwargs, made, ())


def _one(
    b: GraphBuilder,
    target: Any,
    args: Any,
    kwargs: Mapping[str, Any],
    made: Any,
    place: tuple[int, ...],
) -> Value:
    name = str(target)
    sized = isinstance(made, torch.SymInt | torch.SymFloat | torch.SymBool)
    if not sized and not isinstance(made, torch.Tensor):
        raise Refused(f"{name}, whose result is a {type(made).__name__}", b.where)
    if sized or made.is_complex() or not all(isinstance(n, int) for n in made.shape):
        complex_numbers = not sized and made.is_complex()
        kind = "complex" if complex_numbers else "of a size that depends on the image"
        raise Refused(
            f"{name}, whose result is {kind}",
            b.where,
            advice="Cut the network before it: compile a module that returns what goes "
            "into it, and run the rest in torch.",
        )
    full = tuple(int(n) for n in made.shape)
    if 0 in full:
        raise Refused(f"{name}, whose result is empty", b.where)
    inputs: dict[str, Value] = {}

    def note(item: Any) -> Any:
        if isinstance(item, Value):
            inputs.setdefault(f"{item.id} {item.full} {item.kind}", item)
        return item

    tree_map(note, (args, dict(kwargs)))
    order = list(inputs.values())

    def run(arrays: Sequence[Array]) -> Array:
        given = {
            (v.id, v.full, v.kind): _tensor(v, a)
            for v, a in zip(order, arrays, strict=True)
        }

        def fill(item: Any) -> Any:
            if isinstance(item, Value):
                return given[item.id, item.full, item.kind]
            return item

        filled, named = tree_map(fill, (args, dict(kwargs)))
        with torch.no_grad():
            result = target(*filled, **named)
        for i in place:
            result = result[i]
        found: Array = result.to(torch.float32).numpy().reshape(full)
        return found

    value = b.add("foreign", order, attrs={"name": name, "shape": full}, foreign=run)
    batched = any(v.batch == 0 for v in order) and full[:1] == (1,)
    value = Value(value.id, full, None, str(made.dtype).removeprefix("torch."))
    return as_shape(b, value, full, 0) if batched else value


def _tensor(value: Value, array: Array) -> torch.Tensor:
    """Return a tensor of torch's own shape and type; nothing of ours is handed out."""
    made = torch.from_numpy(array.copy()).reshape(value.full)
    return made.to(getattr(torch, value.kind))
