"""Shapes that people give for the inputs of a network, checked and named.

Belongs here: one shape or several, by order or by name. Does not belong here: running
the network (``inspect``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import nn

from workbench.capture.from_torch.ends import input_names
from workbench.errors import WorkbenchError

Shape = Sequence[int]
Shapes = Shape | Sequence[Shape] | Mapping[str, Shape]


def named_shapes(module: nn.Module, given: Shapes) -> dict[str, tuple[int, ...]]:
    """Return the shape of every input by name, without the batch.

    Parameters
    ----------
    module : nn.Module
        Its forward names inputs that are given by order.
    given : (int, int, int), or a sequence or mapping of shapes
        The first is an image, (C, H, W).

    Raises
    ------
    WorkbenchError
        No image first, or sizes below 1.

    Examples
    --------
    >>> named_shapes(nn.Bilinear(2, 2, 1), [(3, 8, 8), (5,)])
    {'input1': (3, 8, 8), 'input2': (5,)}
    """
    many: Any = given
    if not isinstance(given, Mapping):
        one = all(not isinstance(size, Sequence) for size in given)
        shapes = [cast(Shape, given)] if one else list(cast("Sequence[Shape]", given))
        names = input_names(module, [torch.empty(0)] * len(shapes))
        many = dict(zip(names, shapes, strict=True))
    found = {str(name): tuple(map(int, shape)) for name, shape in many.items()}
    first = next(iter(found.values()), ())
    if len(first) != 3 or any(side < 1 for shape in found.values() for side in shape):
        raise WorkbenchError(
            f"input shape {given if isinstance(given, Mapping) else tuple(given)}",
            "three numbers above 0: channels, height, width",
            "For example (3, 224, 224). Of several inputs an image comes first.",
        )
    return found
