"""A network of torch, run once with labels beside its tensors.

Belongs here: running it and asking ``aten`` for each operation. Does not belong here:
what an operation does (``rules``), and what is made of the labels (``units``).

Layers of the network (convolutions and linear layers of torch's classes) are one step,
whatever they do inside; everything else is seen operation by operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from workbench.capture.from_torch.ends import call, results_of
from workbench.models.network import Network
from workbench.pruning.coupling.aten import Call, labels_of
from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.labels import Array
from workbench.pruning.coupling.rules import dense, grouped, spread
from workbench.pruning.coupling.running import ERRORS, Images, over_the_same_numbers
from workbench.pruning.coupling.shadows import Shadows

OUTPUT = "these channels are the network's output"


def watched(
    network: Network, module: nn.Module, book: Book, images: Images
) -> tuple[torch.Size, ...]:
    """Write into a book what the channels of a module do; return its outputs' shapes.

    Parameters
    ----------
    network : Network
        Says what the layers are.
    module : nn.Module
        The network's, or one with fewer channels. Not changed.
    images : Images
        Inputs by name.

    Raises
    ------
    One of ``running.ERRORS``
        What the module's code raises; ``book.last`` then has the labels that the
        operation read.
    """
    own = over_the_same_numbers(module).eval()
    mode = _Watch(network, own, book)
    with torch.no_grad(), mode.layers(), mode:
        output = call(own, images)
    found = list(results_of(output).tensors.values())
    for one in found:
        book.labels.block(mode.shadows.read(one), OUTPUT)
    return tuple(one.shape for one in found)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation between a network's layers."""

    def __init__(self, network: Network, module: nn.Module, book: Book) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.book = book
        self.shadows = Shadows(book, module)
        self._module = module
        self._ids = {layer.id for layer in network.layers}
        self._inside: list[str] = []
        self._where: list[str] = []

    @contextmanager
    def layers(self) -> Iterator[None]:
        """Know where the module is while it runs."""
        handles = []
        for name, part in self._module.named_modules():
            if name in self._ids:
                part.forward = self._layer(name, part, part.forward)
            elif name:
                handles.append(part.register_forward_pre_hook(self._enter(name, part)))
                handles.append(
                    part.register_forward_hook(self._leave, always_call=True)
                )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, name: str, part: nn.Module) -> Any:
        def hook(_module: nn.Module, _inputs: Any) -> None:
            self._where.append(f"{name!r} ({type(part).__name__})")

        return hook

    def _leave(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        if self._where:
            self._where.pop()

    def _layer(self, name: str, part: nn.Module, run: Any) -> Any:
        def forward(x: Tensor, *rest: Any, **more: Any) -> Any:
            if self._inside:
                return run(x, *rest, **more)
            labels = self.shadows.read(x)
            self.book.last = self.book.labels.sets(labels)
            self._inside.append(name)
            try:
                out = run(x, *rest, **more)
            finally:
                self._inside.pop()
            if isinstance(out, Tensor):
                made = self._through(name, part, labels, x, out)
                self.shadows.write(out, made)
                self.book.see(made)
            return out

        return forward

    def _through(
        self, name: str, part: nn.Module, labels: Array, x: Tensor, out: Tensor
    ) -> Array:
        """Return the labels of a layer's output."""
        weight = f"{name}.weight"
        why = f"{name!r} reads them"
        axis = 1 if isinstance(part, nn.Conv2d) and x.ndim == 4 else 0
        axis = axis if isinstance(part, nn.Conv2d) else x.ndim - 1
        others = [one for one in range(x.ndim) if one != axis]
        read = spread(self.book, labels, others, why).reshape(-1)
        sizes = out.shape[axis], x.shape[axis]
        if isinstance(part, nn.Conv2d) and part.groups > 1:
            made = grouped(self.book, weight, read, sizes, part.groups)
        else:
            made = dense(self.book, weight, read, sizes, (0, 1))
        shape = [1] * out.ndim
        shape[axis] = -1
        return made.reshape(shape)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operation, and give what it makes its labels."""
        kwargs = kwargs or {}
        if self._inside:
            return func(*args, **kwargs)
        where = self._where[-1] if self._where else ""
        step = Call(func, args, kwargs, where, self.shadows, self.book)
        try:
            out = func(*args, **kwargs)
        except ERRORS:
            self.book.last = step.labels_read
            raise
        labels_of(step, out)
        return out
