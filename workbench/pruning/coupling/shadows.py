"""Labels beside torch's tensors: one array of them a piece of memory.

Belongs here: finding and writing the labels of a tensor. Views need nothing more: they
look at the same memory, and so do operations in place. Does not belong here: what the
labels are (``watch``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.labels import Array, compact


@dataclass(frozen=True)
class Origin:
    """Which elements of which parameter a tensor shows.

    Parameters
    ----------
    name : str
        The parameter.
    shape : tuple of int
        The parameter's.
    elements : Array
        Index into the flat parameter, of the tensor's shape.
    """

    name: str
    shape: tuple[int, ...]
    elements: Array


class Shadows:
    """Labels of every tensor of a running network.

    Parameters
    ----------
    book : Book
        Gives labels to parameters' elements once they are asked for.
    module : nn.Module
        Its parameters and buffers.
    """

    def __init__(self, book: Book, module: nn.Module) -> None:
        self._book = book
        self._found: dict[int, Tensor] = {}
        self._alive: list[Tensor] = []
        self._held: dict[int, list[tuple[str, Tensor]]] = {}
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            if value.numel() and value.is_floating_point():
                self._held.setdefault(_key(value), []).append((name, value.detach()))

    def read(self, value: Tensor) -> Array:
        """Return a tensor's labels, compact."""
        full = self.shown(value)
        if full is None:
            return np.zeros((1,) * value.ndim, np.int64)
        return compact(full.numpy())

    def holds(self, value: Tensor) -> bool:
        """Return whether a tensor may have labels already."""
        return _key(value) in self._found

    def shown(self, value: Tensor) -> Tensor | None:
        """Return a tensor's labels, int64 and as large as it is; None if all free."""
        key = _key(value)
        if key not in self._found and key in self._held:
            self._label_parameters(key)
        shadow = self._found.get(key)
        if shadow is None or not value.numel():
            return None
        return shadow.as_strided(value.shape, value.stride(), value.storage_offset())

    def write(self, value: Tensor, labels: Array) -> None:
        """Give a tensor labels, which are broadcast."""
        if not value.numel():
            return
        key = _key(value)
        if key not in self._found:
            if not labels.any():
                return
            self._found[key] = torch.zeros(_room(value), dtype=torch.int64)
            self._alive.append(value)
        view = self.shown(value)
        assert view is not None
        if labels.ndim > value.ndim:
            labels = labels.reshape(labels.shape[labels.ndim - value.ndim :])
        np.copyto(view.numpy(), labels)

    def origin(self, value: Tensor) -> Origin | None:
        """Return the parameter that a tensor is a view of, or None."""
        for name, parameter in self._held.get(_key(value), ()):
            index = np.full(_room(value), -1)
            where = torch.from_numpy(index).as_strided(
                parameter.shape, parameter.stride(), parameter.storage_offset()
            )
            where.copy_(torch.arange(parameter.numel()).reshape(parameter.shape))
            mine = torch.from_numpy(index).as_strided(
                value.shape, value.stride(), value.storage_offset()
            )
            if bool((mine >= 0).all()):
                return Origin(name, tuple(parameter.shape), mine.numpy())
        return None

    def _label_parameters(self, key: int) -> None:
        for name, parameter in self._held[key]:
            labels = self._book.element(name, tuple(parameter.shape))
            shadow = self._found.setdefault(
                key, torch.zeros(_room(parameter), dtype=torch.int64)
            )
            shadow.as_strided(
                parameter.shape, parameter.stride(), parameter.storage_offset()
            ).copy_(torch.from_numpy(labels))


def _key(value: Tensor) -> int:
    return int(value.untyped_storage().data_ptr())


def _room(value: Tensor) -> int:
    """Return how many elements the memory of a tensor has."""
    return value.untyped_storage().nbytes() // value.element_size()
