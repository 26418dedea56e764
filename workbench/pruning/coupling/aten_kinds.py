"""Kinds of torch's operations: what each does with the labels of its tensors.

Belongs here: reading an operation's arguments, and the rule for it. Does not belong
here: the table (``aten``), weights (``aten_weights``), the rules (``rules``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.pruning.coupling import rules
from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.labels import Array, compact
from workbench.pruning.coupling.shadows import Shadows


class Call:
    """One operation: its arguments by name, and where it stands."""

    def __init__(
        self,
        func: Any,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        where: str,
        shadows: Shadows,
        book: Book,
    ) -> None:
        self.func, self.where = func, where
        self.shadows, self.book = shadows, book
        self.name: str = func._schema.name.rpartition("::")[2]
        self._args, self._kwargs = args, kwargs

    @cached_property
    def given(self) -> dict[str, Any]:
        """Return the arguments by the names of the operation's signature."""
        names = [one.name for one in self.func._schema.arguments]
        return {**dict(zip(names, self._args, strict=False)), **self._kwargs}

    @cached_property
    def tensors(self) -> list[Tensor]:
        """Return the tensors among the arguments, in order."""
        found: list[Tensor] = []
        for one in self.given.values():
            many = one if isinstance(one, list | tuple) else [one]
            found += [each for each in many if isinstance(each, Tensor)]
        return found

    @cached_property
    def labels_read(self) -> list[int]:
        """Return the roots of all labels that it reads."""
        found: set[int] = set()
        for tensor in self.tensors:
            if self.shadows.holds(tensor):
                found.update(self.book.labels.sets(self.shadows.read(tensor)))
        return sorted(found)

    @property
    def is_view(self) -> bool:
        """Return whether it shows its input in another way."""
        return bool(self.func.is_view)

    def at(self, name: str) -> Array:
        """Return the labels of an argument."""
        return self.shadows.read(self.given[name])

    @property
    def says(self) -> str:
        """Return how it is called in a reason: " by softmax in 'head' (Attention)"."""
        name = self.name.strip("_")
        return f"{name} in {self.where}" if self.where else name

    def give(self, made: Sequence[Tensor], labels: Array) -> None:
        """Give every tensor that it made these labels."""
        for one in made:
            self.shadows.write(one, labels)
        self.book.see(labels)


Kind = Callable[[Call, list[Tensor]], None]


def pointwise(call: Call, made: list[Tensor]) -> None:
    """Element by element."""
    given = [call.shadows.read(one) for one in call.tensors]
    shapes = [tuple(one.shape) for one in call.tensors]
    if not given:
        return
    call.give(made, rules.join(call.book, given, shapes))


def moved(call: Call, made: list[Tensor]) -> None:
    """Elements that go elsewhere: the operation itself moves their labels."""
    args = [_as_labels(call, one) for one in call._args]
    kwargs = {name: _as_labels(call, one) for name, one in call._kwargs.items()}
    out = call.func(*args, **kwargs)
    for one, its in zip(made, [out] if isinstance(out, Tensor) else out, strict=True):
        labels = compact(its.to(torch.int64).numpy())
        call.shadows.write(one, labels)
        call.book.see(labels)


def _as_labels(call: Call, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)([_as_labels(call, one) for one in value])
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    shown = call.shadows.shown(value)
    if shown is None:
        return torch.zeros(value.shape, dtype=torch.float64)
    return shown.to(torch.float64)


def seen(call: Call, made: list[Tensor]) -> None:
    """Show the same memory in another way; equal parts that are taken stay equal."""
    for one in made:
        if call.shadows.holds(one):
            call.book.see(call.shadows.read(one))
    source = call.tensors[0]
    if not call.shadows.holds(source) or "dim" not in call.given:
        return
    axis = call.given["dim"]
    if not isinstance(axis, int) or call.name in ("unsqueeze", "squeeze", "select"):
        return
    axis %= max(source.ndim, 1)
    if call.name in ("split", "split_with_sizes", "chunk"):
        if len({one.shape[axis] for one in made}) == 1 < len(made):
            call.book.parts(call.shadows.read(source), axis, len(made))
    elif call.name == "slice" and made:
        total, part = source.shape[axis], made[0].shape[axis]
        start, step = call.given.get("start") or 0, call.given.get("step", 1)
        if step == 1 and part < total and total % part == 0 and start % part == 0:
            call.book.parts(call.shadows.read(source), axis, total // part)


def window(axes: int) -> Kind:
    """Return the kind that looks at windows of the last axes of one tensor."""

    def kind(call: Call, made: list[Tensor]) -> None:
        labels = call.shadows.read(call.tensors[0])
        last = range(labels.ndim - axes, labels.ndim)
        call.give(
            made, rules.spread(call.book, labels, last, f"{call.says} mixes them")
        )

    return kind


def reduced(call: Call, made: list[Tensor]) -> None:
    """One number of many along some axes."""
    source = call.tensors[0]
    if len(call.tensors) > 1:
        pointwise(call, made)
        return
    axes = call.given.get("dim")
    if axes is None or axes == []:
        axes = list(range(source.ndim))
    chosen = [axes] if isinstance(axes, int) else list(axes)
    chosen = [axis % max(source.ndim, 1) for axis in chosen]
    labels = call.shadows.read(source)
    labels = rules.mix(call.book, labels, chosen, f"{call.says} mixes them")
    for one in made:
        found = labels
        if one.ndim < source.ndim:
            found = labels.squeeze(tuple(chosen))
        call.give([one], found)


def mixed_along(call: Call, made: list[Tensor]) -> None:
    """As many numbers, each of all along an axis."""
    labels = call.shadows.read(call.tensors[0])
    axis = call.given["dim"] % max(labels.ndim, 1)
    call.give(made, rules.mix(call.book, labels, (axis,), f"{call.says} mixes them"))


def batch_norm(call: Call, made: list[Tensor]) -> None:
    """Normalise each channel by itself."""
    labels = call.at("input")
    others = [axis for axis in range(labels.ndim) if axis != 1]
    labels = rules.spread(call.book, labels, others, f"{call.says} reads them")
    labels = _with_parameters(
        call, labels, ("weight", "bias", "running_mean", "running_var")
    )
    call.give(made[:1], labels)


def group_norm(call: Call, made: list[Tensor]) -> None:
    """Normalise the channels of a group together."""
    channels, groups = call.given["C"], call.given["group"]
    why = f"{call.says} measures them together"
    labels = rules.norm_groups(call.book, call.at("input"), groups, channels, why)
    call.give(made[:1], _with_parameters(call, labels, ("weight", "bias")))


def _with_parameters(call: Call, labels: Array, names: Sequence[str]) -> Array:
    """Return labels of (N, C, ...) tied to those of parameters of one a channel."""
    given = call.given
    arrays, shapes = [labels], [tuple(call.tensors[0].shape)]
    for name in names:
        if isinstance(given.get(name), Tensor):
            own = call.at(name)
            width = given[name].shape[0]
            arrays.append(own.reshape(1, -1, *[1] * (labels.ndim - 2)))
            shapes.append((1, width, *[1] * (labels.ndim - 2)))
    return rules.join(call.book, arrays, shapes)


def layer_norm(call: Call, made: list[Tensor]) -> None:
    """Normalise all that is along the last axes."""
    labels = call.at("input")
    count = len(call.given["normalized_shape"])
    last = range(labels.ndim - count, labels.ndim)
    why = f"{call.says} measures them together"
    labels = rules.mix(call.book, labels, last, why)
    arrays, shapes = [labels], [tuple(call.given["input"].shape)]
    for name in ("weight", "bias"):
        if isinstance(call.given.get(name), Tensor):
            arrays.append(call.at(name))
            shapes.append(tuple(call.given[name].shape))
    for labels_of_one in arrays[1:]:
        call.book.labels.tie(labels, labels_of_one, why)
    call.give(made[:1], labels)


def padded(call: Call, made: list[Tensor]) -> None:
    """A border around the last axes."""
    source, pads = call.tensors[0], list(call.given["pad"])
    labels = call.shadows.read(source)
    widths = [(0, 0)] * source.ndim
    for number in range(len(pads) // 2):
        axis = source.ndim - 1 - number
        if labels.shape[axis] > 1:
            widths[axis] = (pads[2 * number], pads[2 * number + 1])
    cut = tuple(
        slice(max(0, -low), labels.shape[axis] - max(0, -high))
        for axis, (low, high) in enumerate(widths)
    )
    more = [(max(0, low), max(0, high)) for low, high in widths]
    call.give(made, compact(np.pad(labels[cut], more)))


def glu(call: Call, made: list[Tensor]) -> None:
    """Multiply one half by a function of the other."""
    labels = call.shadows.read(call.tensors[0])
    axis = call.given.get("dim", -1) % labels.ndim
    if labels.shape[axis] > 1:
        one, two = np.split(labels, 2, axis)
        call.book.labels.tie(one, two, call.says)
        labels = np.where(one != 0, one, two)
    call.give(made, compact(labels))


def shuffled(call: Call, made: list[Tensor]) -> None:
    """Channels in groups, one of each in turn."""
    moved(call, made)
    call.book.parts(call.shadows.read(call.tensors[0]), 1, call.given["groups"])


def unfolded(call: Call, made: list[Tensor]) -> None:
    """Windows as columns: (N, C * k * k, L)."""
    source, taps = call.tensors[0], prod(call.given["kernel_size"])
    labels = call.shadows.read(source)
    others = [axis for axis in range(source.ndim) if axis != source.ndim - 3]
    labels = rules.spread(call.book, labels, others, call.says).reshape(-1)
    found = np.broadcast_to(labels, (source.shape[-3],)).repeat(taps)[:, None]
    call.give(made, compact(found.reshape((1,) * (made[0].ndim - 2) + found.shape)))


def folded(call: Call, made: list[Tensor]) -> None:
    """Columns as windows again."""
    source, taps = call.tensors[0], prod(call.given["kernel_size"])
    labels = call.shadows.read(source)
    others = [axis for axis in range(source.ndim) if axis != source.ndim - 2]
    labels = rules.spread(call.book, labels, others, call.says).reshape(-1)
    wide = np.broadcast_to(labels, (source.shape[-2],)).reshape(-1, taps)
    found = rules.mix(call.book, wide, (1,), call.says).reshape(-1, 1, 1)
    call.give(made, compact(found.reshape((1,) * (made[0].ndim - 3) + found.shape)))


def copied(call: Call, made: list[Tensor]) -> None:
    """One tensor's numbers into another."""
    call.shadows.write(call.tensors[0], call.shadows.read(call.tensors[1]))
    call.book.see(call.shadows.read(call.tensors[0]))


def emptied(call: Call, made: list[Tensor]) -> None:
    """Numbers that depend on nothing."""
    for one in made:
        call.shadows.write(one, np.zeros((1,) * one.ndim, np.int64))
