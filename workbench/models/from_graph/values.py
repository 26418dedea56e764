"""Helpers of the steps: shapes of tensors with a batch in front.

Belongs here: what several steps need. The graph's tensors have no batch; torch's have
it as their first axis, so that every axis of the graph is one further back.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from workbench.engine.graph.graph import Node

Inputs = Sequence[Tensor]
Held = Mapping[str, Tensor]
"""A step's constants by the names of the node's parameters."""
Step = Callable[[Node, Inputs, Held], Tensor]
Attrs = Mapping[str, Any]


def in_order(inputs: Inputs, held: Held) -> list[tuple[Tensor, bool]]:
    """Return all operands in their order, and whether each has the batch in front."""
    given = {int(n[1:]): t for n, t in held.items() if n[0] == "c" and n[1:].isdigit()}
    left = iter(inputs)
    total = len(given) + len(inputs)
    return [
        (given[place], False) if place in given else (next(left), True)
        for place in range(total)
    ]


def aligned(inputs: Inputs, held: Held, least: int = 0) -> list[Tensor]:
    """Return all operands with as many axes behind the batch, to broadcast.

    Examples
    --------
    >>> [one.shape for one in aligned([torch.zeros(2, 5)], {"c1": torch.zeros(3, 5)})]
    [torch.Size([2, 1, 5]), torch.Size([3, 5])]
    """
    operands = in_order(inputs, held)
    rank = max(least, *(one.ndim - batch for one, batch in operands))
    found = []
    for one, batch in operands:
        missing = rank - one.ndim + batch
        if batch and missing:
            one = one.reshape(one.shape[0], *(1,) * missing, *one.shape[1:])
        found.append(one)
    return found


def along(held: Tensor, x: Tensor) -> Tensor:
    """Return numbers of channels so that they broadcast over a tensor (N, C, ...)."""
    return held.reshape(-1, *(1,) * (x.ndim - 2))


def axis_of(attrs: Attrs) -> int:
    """Return an axis, counted with the batch."""
    return int(attrs["axis"]) + 1


def axes_of(attrs: Attrs) -> list[int]:
    """Return axes, counted with the batch."""
    return [int(axis) + 1 for axis in attrs["axes"]]


def truth(made: Tensor) -> Tensor:
    """Return what a comparison says as zeros and ones."""
    return made.to(torch.float32)
