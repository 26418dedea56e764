"""Faster forms of an exported graph's operations that give the very same bits.

PyTorch's convolutions on the CPU copy contiguous images into blocks of channels and
back again, which costs as much as the arithmetic where there are few channels; images
whose channels lie together need no copy. Which form is faster depends on the shape, and
whether it adds in the same order too: both are tried on the images that will be used,
and only a form with equal bits may be chosen. Elementwise operations overwrite an
operand that nobody reads again, instead of asking for memory.

Belongs here: forms of single operations, and the choice. Does not belong here: which
operations are run (``sensitivity_suffix``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from types import MappingProxyType
from typing import Any

import torch
from torch import fx

_ATEN = torch.ops.aten
_CONV = _ATEN.conv2d.default
_NORM = _ATEN._native_batch_norm_legit_no_training.default
_ADD, _RELU = _ATEN.add.Tensor, _ATEN.relu.default
_OVERWRITING: Mapping[Any, Any] = MappingProxyType(
    {_ADD: _ATEN.add_.Tensor, _RELU: _ATEN.relu_.default}
)
# Operations on single values and channels: the order in memory changes no bit.
_ANY_ORDER = frozenset({_NORM, _ADD, _RELU})
_TOGETHER = torch.channels_last
_TRIALS = 3
# Gains below this are within what a busy machine does to a single operation.
_WORTH = 0.9


class Forms:
    """Return something that computes nodes, some convolutions with channels together.

    Parameters
    ----------
    together : frozenset of fx.Node
        Convolutions that read and write images whose channels lie together.
    """

    def __init__(self, together: frozenset[fx.Node] = frozenset()) -> None:
        self.together = together

    def __call__(
        self, node: fx.Node, args: Any, kwargs: Any, *, spare: bool = False
    ) -> Any:
        """Return the value of a node.

        Parameters
        ----------
        node : fx.Node
            A call of a function.
        args, kwargs
            Of the call, with values in place of nodes.
        spare : bool
            Whether the first argument may be overwritten.
        """
        if node in self.together:
            return node.target(*_ordered(args, _TOGETHER), **kwargs)  # type: ignore[operator]
        if node.target not in _ANY_ORDER:
            args = _ordered(args, torch.contiguous_format)
        target = _OVERWRITING.get(node.target, node.target)
        if not (spare and _same_kind(args)):
            target = node.target
        return target(*args, **kwargs)


class Trial(Forms):
    """Return forms that try both orders of every convolution they meet.

    ``faster`` holds the convolutions that gain, copying their result back included;
    ``other`` those whose bits differ.
    """

    def __init__(self) -> None:
        super().__init__()
        self.faster: set[fx.Node] = set()
        self.other: set[fx.Node] = set()

    @property
    def found(self) -> Forms:
        """The forms to use."""
        return Forms(frozenset(self.faster - self.other))

    def __call__(
        self, node: fx.Node, args: Any, kwargs: Any, *, spare: bool = False
    ) -> Any:
        """Return the value of a node as the module computes it; see ``Forms``."""
        value = super().__call__(node, args, kwargs)
        if node.target is _CONV:
            near = _ordered(args, _TOGETHER)
            if not torch.equal(value, _CONV(*near, **kwargs)):
                self.other.add(node)
            elif _gains(args, near, kwargs):
                self.faster.add(node)
        return value


def may_overwrite(source: fx.Node) -> bool:
    """Return whether a node's value is memory of its own, shared with no other."""
    if source.target in (_CONV, _ADD, _RELU):
        return True
    made = source.args[0] if source.args else None
    return isinstance(made, fx.Node) and made.target is _NORM and len(made.users) == 1


def _gains(args: Any, near: Any, kwargs: Any) -> bool:
    """Return whether channels together are faster, a copy back included."""
    apart = _best(lambda: _CONV(*args, **kwargs))
    close = _best(lambda: _CONV(*near, **kwargs).contiguous())
    return close < _WORTH * apart


def _best(call: Callable[[], object]) -> float:
    """Return the shortest of some trials, seconds."""
    times = []
    for _ in range(_TRIALS):
        begun = perf_counter()
        call()
        times.append(perf_counter() - begun)
    return min(times)


def _ordered(args: Any, order: torch.memory_format) -> Any:
    """Return the arguments with images and kernels in this order in memory."""
    return tuple(
        value.contiguous(memory_format=order)
        if isinstance(value, torch.Tensor) and value.ndim == 4
        else value
        for value in args
    )


def _same_kind(args: Any) -> bool:
    """Return whether the first of these tensors can hold the result."""
    first = args[0]
    return all(
        one.shape == first.shape and one.dtype == first.dtype
        for one in args
        if isinstance(one, torch.Tensor)
    )
