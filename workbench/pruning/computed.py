"""Layers that compute with another weight than the one that they hold.

Belongs here: finding those in which a zero of ``.weight`` is no zero of what the layer
computes with (weight standardisation: ``(w - mean) / std`` in each pass). Does not
belong here: weights that torch itself recomputes (``models.reparametrised``).

A layer of torch's own classes takes its weight as it is. The others are tried: half of
their weights are set to zero, and the weight that reaches ``conv2d`` or ``linear`` is
looked at. Where none does, half of the columns are set to zero, and what the layer
reads there must not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from workbench.capture.from_torch.ends import call, images_of
from workbench.models.network import Network
from workbench.pruning.coupling.running import ERRORS, over_the_same_numbers

_SIDE = 64
_SAID = "computes another weight from it in each pass"
_TAKERS = frozenset({"conv2d", "linear", "_conv_forward", "conv_transpose2d"})
_OWN_FORWARDS = (nn.Conv2d.forward, nn.Linear.forward)


@lru_cache(maxsize=2)
def computed_weights(network: Network) -> Mapping[str, str]:
    """Return, by layer id, why zeros of its weight do not stay zeros; mostly nothing.

    Examples
    --------
    >>> from workbench.models.inspect import from_module
    >>> class Centred(nn.Conv2d):
    ...     def forward(self, x):
    ...         return self._conv_forward(x, self.weight - self.weight.mean(), None)
    >>> net = from_module(Centred(3, 4, 3), input_shape=(3, 8, 8))
    >>> dict(computed_weights(net))
    {'': 'Centred computes another weight from it in each pass'}
    """
    layers = [layer.id for layer in network.layers]
    strange = [
        name for name in layers if not _is_plain(network.module.get_submodule(name))
    ]
    if not strange:
        return MappingProxyType({})
    shapes = network.input_shapes
    small = {
        name: (first, *(min(side, _SIDE) for side in sides))
        for name, (first, *sides) in shapes.items()
    }
    for tried in (small, shapes) if small != shapes else (shapes,):
        try:
            return MappingProxyType(_tried(network.module, strange, tried))
        except ERRORS as error:
            said = str(error) or type(error).__name__
    return MappingProxyType(
        {name: f"nobody could see how it is used ({said})" for name in strange}
    )


def _is_plain(part: nn.Module) -> bool:
    """Return whether it is torch's own code that uses the weight."""
    if part._forward_pre_hooks or "forward" in vars(part):
        return False
    own = getattr(type(part), "_conv_forward", nn.Conv2d._conv_forward)
    return type(part).forward in _OWN_FORWARDS and own is nn.Conv2d._conv_forward


def _tried(
    module: nn.Module, names: list[str], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, str]:
    draw = torch.Generator().manual_seed(0)
    own = over_the_same_numbers(module)
    trials = {name: _Trial(own.get_submodule(name), draw) for name in names}
    watch = _Watch(list(trials.values()))
    with watch, torch.inference_mode():
        call(own, images_of(shapes, 1, draw))
    return {
        name: f"{type(trial.part).__name__} {_SAID}"
        for name, trial in trials.items()
        if not trial.keeps_zeros()
    }


class _Trial:
    """A layer, half of whose weights are zero, and what was seen of it."""

    def __init__(self, part: nn.Module, draw: torch.Generator) -> None:
        self.part, self._draw = part, draw
        shape = part.get_parameter("weight").shape
        self.gone = torch.rand(shape, generator=draw) < 0.5
        self.runs = 0
        self.seen: list[bool] = []
        self._call: Callable[[Tensor], Any] | None = None
        self._x = torch.empty(0)
        self.fill(self.gone)
        # The layer is told apart from others that run in it or beside it.
        run = part.forward

        def forward(x: Tensor, *rest: Any, **more: Any) -> Any:
            self._x, self._call = x, lambda one: run(one, *rest, **more)
            self.runs += 1
            try:
                return run(x, *rest, **more)
            finally:
                self.runs -= 1

        part.forward = forward

    def fill(self, gone: Tensor) -> None:
        """Give the layer a random weight with zeros."""
        weight = torch.randn(gone.shape, generator=self._draw).masked_fill(gone, 0.0)
        self.part.weight = nn.Parameter(weight, requires_grad=False)

    def note(self, weight: Tensor) -> None:
        """Look at a weight that the layer computes with."""
        self.seen.append(not bool(weight[self.gone].ne(0).any()))

    def keeps_zeros(self) -> bool:
        """Return whether zeros of the weight are zeros of what is computed."""
        if self.seen:
            return all(self.seen)
        columns = self.gone.shape[1]
        if self._call is None or columns < 2 or self._x.shape[1] != columns:
            return False
        half = torch.zeros_like(self.gone)
        half[:, : columns // 2] = True
        self.fill(half)
        other = self._x.clone()
        other[:, : columns // 2] += 1
        with torch.inference_mode():
            one, two = self._call(self._x), self._call(other)
        return bool(torch.equal(one, two))


class _Watch(TorchFunctionMode):
    """Shows each trial the weights that convolutions take while its layer runs."""

    def __init__(self, trials: list[_Trial]) -> None:
        super().__init__()
        self._trials = trials

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the function, and look at its weight before."""
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _TAKERS:
            weight = kwargs.get("weight", args[1] if len(args) > 1 else None)
            shape = weight.shape if isinstance(weight, Tensor) else None
            for trial in self._trials:
                if trial.runs and trial.gone.shape == shape:
                    trial.note(weight)
        return func(*args, **kwargs)
