"""Special layers as ordinary ones: what pruning, export and the layer table know.

Belongs here: the replacement. Does not belong here: the layers themselves.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import nn

Rewrite = Callable[[str, nn.Module], nn.Module | None]


@runtime_checkable
class Plainable(Protocol):
    """A layer that ordinary layers can stand for."""

    def plain(self) -> nn.Module:
        """Return ordinary layers with the same outputs."""
        ...


def plain(module: nn.Module) -> nn.Module:
    """Return a copy in which HetConv and Kronecker layers are Conv2d and Linear.

    What their weights lack are exact zeros there, which the engine skips.
    """
    return rewritten(
        module, lambda _, child: child.plain() if isinstance(child, Plainable) else None
    )


def pair(value: tuple[int, ...]) -> tuple[int, int]:
    """Return (height, width), typed as such."""
    return value[0], value[1]


def padding_of(conv: nn.Conv2d) -> tuple[int, int]:
    """Return the padding of each side in pixels, for "same" and "valid" too."""
    if not isinstance(conv.padding, str):
        return pair(conv.padding)
    if conv.padding == "valid":
        return 0, 0
    height, width = (
        step * (size - 1) // 2
        for step, size in zip(conv.dilation, conv.kernel_size, strict=True)
    )
    return height, width


def rewritten(module: nn.Module, rewrite: Rewrite) -> nn.Module:
    """Return a copy with some layers replaced.

    Parameters
    ----------
    module : nn.Module
        Not changed.
    rewrite : callable (id, layer) -> layer or None
        Asked of every module from the outside in; what it replaces is not entered.
    """
    return _rewritten("", copy.deepcopy(module), rewrite)


def _rewritten(name: str, module: nn.Module, rewrite: Rewrite) -> nn.Module:
    other = rewrite(name, module)
    if other is not None:
        return other.train(module.training)
    for child_name, child in list(module.named_children()):
        full = f"{name}.{child_name}" if name else child_name
        setattr(module, child_name, _rewritten(full, child, rewrite))
    return module
