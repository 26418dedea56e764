"""The engine's operations: of which kind each is.

Belongs here: one line an operation in ``RULES``, and how a kind reads a node. Does not
belong here: what kinds do with labels (``rules``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.engine.graph.graph import Node
from workbench.engine.graph.ops import ACTIVATIONS
from workbench.kernels.arrays import COMPUTE
from workbench.pruning.coupling import rules
from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.labels import Array, compact

LAYERS = ("conv2d", "linear", "tokens_linear")


@dataclass
class Step:
    """A node, the labels and whole shapes of what it reads (a batch of one first)."""

    node: Node
    read: Sequence[Array]
    shapes: Sequence[tuple[int, ...]]
    book: Book

    @property
    def name(self) -> str:
        """Return the layer that the node is a call of."""
        return self.node.id.partition("@")[0]

    @property
    def why(self) -> str:
        """Return how the node mixes channels, in words."""
        return f"{self.node.op} in {self.name!r} mixes them"

    def full(self, index: int) -> Array:
        """Return an input's labels in its whole shape."""
        return np.broadcast_to(self.read[index], self.shapes[index])

    def operands(self) -> tuple[list[Array], list[tuple[int, ...]]]:
        """Return labels and shapes of inputs and constants ``c0``, ``c1``, ..."""
        read = list(zip(self.read, self.shapes, strict=True))
        for name in sorted(self.node.params):
            array = self.node.params[name]
            labels = self.parameter(name)
            read.insert(int(name[1:]), (labels, array.shape))
        return [one for one, _ in read], [shape for _, shape in read]

    def parameter(self, name: str) -> Array:
        """Return the labels of a parameter's elements."""
        shape = self.node.params[name].shape
        return self.book.element(f"{self.name}.{name}", shape)


Rule = Callable[[Step], Array]


def unknown(step: Step) -> Array:
    """Block what an operation reads of which nothing is known."""
    said = f"the channels pass through {step.node.attrs.get('name', step.node.op)}"
    for labels in step.read:
        step.book.labels.block(labels, f"{said} ({step.name!r})")
    return np.zeros((1,) * (len(step.node.shape) + 1), np.int64)


def _same(step: Step) -> Array:
    return step.read[0]


def _free(step: Step) -> Array:
    return np.zeros((1,) * (len(step.node.shape) + 1), np.int64)


def _joined(step: Step) -> Array:
    arrays, shapes = step.operands()
    return rules.join(step.book, arrays, shapes)


def _layer(axis: int) -> Rule:
    def rule(step: Step) -> Array:
        labels, last = step.read[0], axis % step.read[0].ndim
        others = [one for one in range(labels.ndim) if one != last]
        why = f"{step.name!r} reads them"
        read = rules.spread(step.book, labels, others, why).reshape(-1)
        sizes = step.node.shape[last - 1], step.shapes[0][last]
        groups = step.node.attrs.get("groups", 1)
        name = f"{step.name}.weight"
        if groups > 1:
            made = rules.grouped(step.book, name, read, sizes, groups)
        else:
            made = rules.dense(step.book, name, read, sizes, (0, 1))
        if "bias" in step.node.params:
            step.book.labels.tie(made, step.parameter("bias"))
        shape = [1] * (len(step.node.shape) + 1)
        shape[last] = -1
        return made.reshape(shape)

    return rule


def _transposed(step: Step) -> Array:
    if step.node.attrs.get("groups", 1) > 1:
        return unknown(step)
    others = [one for one in range(step.read[0].ndim) if one != 1]
    read = rules.spread(step.book, step.read[0], others, step.why).reshape(-1)
    sizes, name = (step.node.shape[0], step.shapes[0][1]), f"{step.name}.weight"
    made = rules.dense(step.book, name, read, sizes, (1, 0))
    step.book.labels.tie(made, step.parameter("bias"))
    return made.reshape(1, -1, *[1] * (len(step.node.shape) - 1))


def _by_channel(step: Step) -> Array:
    """Numbers of its own for each channel."""
    return _affine(step, step.read[0], 1)


def _affine(step: Step, labels: Array, axis: int) -> Array:
    arrays, shapes = [labels], [step.shapes[0]]
    for name, array in step.node.params.items():
        if array.ndim == 1 and axis == 1:
            shape = (1, array.size, *[1] * (labels.ndim - 2))
        else:
            shape = (1,) * (labels.ndim - array.ndim) + array.shape
        arrays.append(compact(step.parameter(name).reshape(shape)))
        shapes.append(shape)
    return rules.join(step.book, arrays, shapes)


def _window(step: Step) -> Array:
    labels = step.read[0]
    return rules.spread(step.book, labels, range(2, labels.ndim), step.why)


def _moved(step: Step) -> Array:
    """Elements that go elsewhere: the operation itself moves their labels."""
    whole = [step.full(index)[0] for index in range(len(step.read))]
    arrays: Any = [one.astype(np.float64) for one in whole]
    params: Any = {
        name: array if name == "places" else np.zeros(array.shape)
        for name, array in step.node.params.items()
    }
    made = COMPUTE[step.node.op](arrays, {**step.node.attrs, "value": 0.0}, params)
    return compact(np.asarray(made).astype(np.int64)[None])


def _concat(step: Step) -> Array:
    whole = [step.full(index) for index in range(len(step.read))]
    return compact(np.concatenate(whole, axis=1))


def _slice(step: Step) -> Array:
    start, stop = step.node.attrs["start"], step.node.attrs["stop"]
    return compact(step.full(0)[:, start:stop])


def _flat(step: Step) -> Array:
    return compact(step.full(0).reshape(1, *step.node.shape))


def _shuffled(step: Step) -> Array:
    groups, whole = step.node.attrs["groups"], step.full(0)
    step.book.parts(step.read[0], 1, groups)
    parts = whole.reshape(1, groups, -1, *whole.shape[2:])
    return compact(parts.swapaxes(1, 2).reshape(whole.shape))


def _reduced(step: Step) -> Array:
    axes = tuple(axis + 1 for axis in step.node.attrs["axes"])
    labels = rules.mix(step.book, step.read[0], axes, step.why)
    kept = labels.ndim == len(step.node.shape) + 1
    return labels if kept else labels.squeeze(axes)


def _along(step: Step) -> Array:
    axis = step.node.attrs["axis"] + 1
    return rules.mix(step.book, step.read[0], (axis,), step.why)


def _layer_norm(step: Step) -> Array:
    axes = [axis + 1 for axis in step.node.attrs["axes"]]
    why = f"layernorm in {step.name!r} measures them together"
    labels = rules.mix(step.book, step.read[0], axes, why)
    for name in step.node.params:
        step.book.labels.tie(labels, step.parameter(name), why)
    return labels


def _group_norm(step: Step) -> Array:
    groups, channels = step.node.attrs["groups"], step.shapes[0][1]
    why = f"groupnorm in {step.name!r} measures them together"
    labels = rules.norm_groups(step.book, step.read[0], groups, channels, why)
    return _affine(step, labels, 1)


def _product(step: Step) -> Array:
    if not step.node.params:
        return rules.matmul(step.book, *step.read)
    weight = step.node.params.get("c1")
    if weight is None or weight.ndim != 2:
        return unknown(step)
    others = range(step.read[0].ndim - 1)
    read = rules.spread(step.book, step.read[0], others, step.why).reshape(-1)
    sizes = weight.shape[1], weight.shape[0]
    made = rules.dense(step.book, f"{step.name}.c1", read, sizes, (1, 0))
    return made.reshape(*[1] * (step.read[0].ndim - 1), -1)


RULES: dict[str, Rule] = {
    "input": _free,
    "identity": _same,
    **dict.fromkeys(ACTIVATIONS, _same),
    "unary": _same,
    "add": _joined,
    "mul": _joined,
    "binary": _joined,
    "where": _joined,
    "clamp": _joined,
    "prelu": _by_channel,
    "batchnorm": _by_channel,
    "conv2d": _layer(1),
    "linear": _layer(-1),
    "tokens_linear": _layer(-1),
    "conv_transpose2d": _transposed,
    "matmul": _product,
    "concat": _concat,
    "slice": _slice,
    "flatten": _flat,
    "channel_shuffle": _shuffled,
    "max_pool": _window,
    "avg_pool": _window,
    "adaptive_avg_pool": _window,
    "global_avg_pool": _window,
    "window_pool": _window,
    "upsample_nearest": _window,
    "reshape": _flat,
    **dict.fromkeys(("permute", "expand", "cut", "gather", "join", "pad"), _moved),
    "reduce": _reduced,
    "softmax": _along,
    "cumsum": _along,
    "axis_map": _along,
    "layernorm": _layer_norm,
    "groupnorm": _group_norm,
}
