"""Other numbers in an ONNX file: the file that came in, with pruned weights.

Belongs here: changing a copy of the model. Does not belong here: finding where numbers
lie (`places`) and what they should be.

Names, opset, metadata and the types of the weights stay. A tensor that several nodes
read is changed where it is only if all of them want the same; else each gets one of
its own.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from workbench.capture.from_onnx.constants import DOMAINS, OnnxError
from workbench.capture.from_onnx.onnx_file import OnnxFile
from workbench.capture.from_onnx.places import held, places
from workbench.capture.traced_axes import traced_axes
from workbench.engine.graph.graph import Node

Array = NDArray[Any]

LISTED_BEFORE = 4
"""Version of the format from which on weights need not be inputs."""

PASSING = ("Cast", "Identity")
"""Operations behind a constant that leave its numbers as they are."""

GROUPS = ("group", "num_groups")
"""Attributes that say into how many groups channels are parted."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """What a node of the graph computes with from now on.

    Parameters
    ----------
    arrays : mapping of str to numpy.ndarray
        By the names of its parameters; fewer entries along an axis where channels were
        cut out. Of batch norms weight, bias, running_mean and running_var.
    groups : int, optional
        Of its channels, where it has groups.
    """

    arrays: Mapping[str, Array] = field(default_factory=dict)
    groups: int | None = None


def with_numbers(file: OnnxFile, numbers: Mapping[str, Numbers]) -> onnx.ModelProto:
    """Return the file's model with other numbers; the file's own is not changed.

    Parameters
    ----------
    file : OnnxFile
    numbers : mapping of str to Numbers
        By the ids of the file's graph; nodes that are absent stay.

    Raises
    ------
    OnnxError
        Numbers that the file has no place for.
    """
    model = onnx.ModelProto()
    model.CopyFrom(file.model)
    wanted: dict[tuple[int, int], Array] = {}
    cut = False
    for node in file.graph:
        if node.id in numbers:
            new = numbers[node.id]
            cut |= _is_cut(file, node, new)
            wanted.update(_wanted(file, node, new))
            _write_groups(model, file, node, new)
    writer = _Writer(model)
    writer.write(wanted)
    if cut:
        _forget_sizes(model, file)
    writer.drop_unread()
    return model


def _original(file: OnnxFile, node: Node) -> Mapping[str, Array]:
    """Return a node's numbers as the file has them."""
    found = {name: held(file, place) for name, place in places(file, node).items()}
    return {**node.params, **{k: v for k, v in found.items() if v is not None}}


def _is_cut(file: OnnxFile, node: Node, new: Numbers) -> bool:
    old = {**_original(file, node), **node.params}
    return any(
        name in old and array.shape != old[name].shape
        for name, array in new.arrays.items()
    )


def _wanted(
    file: OnnxFile, node: Node, new: Numbers
) -> Iterator[tuple[tuple[int, int], Array]]:
    """Yield what the inputs of the file's nodes must hold, where that is new."""
    known = places(file, node)
    for name, array in new.arrays.items():
        place = known.get(name)
        before = None if place is None else held(file, place)
        if place is None or before is None:
            if _is_still(node.params.get(name), array):
                continue
            raise _no_place(node, name)
        old_shape = node.params.get(name, before).shape
        made = place.written(before, old_shape, np.asarray(array))
        if made is None:
            raise _no_place(node, name)
        if made.shape != before.shape or not np.array_equal(made, before):
            yield (place.node, place.input), made


def _is_still(old: Array | None, new: Array) -> bool:
    """Say whether numbers of no place, such as the ones of a sum, are what they were.

    Fewer of one and the same number are.
    """
    if old is None or old.shape == new.shape:
        return old is not None and np.array_equal(old, new)
    return bool(old.size and np.all(old == old.flat[0]) and np.all(new == old.flat[0]))


def _no_place(node: Node, name: str) -> OnnxError:
    return OnnxError(
        f"new numbers {name!r} of {node.id!r}, for which the ONNX file has no place",
        "weights that one of its nodes holds",
        "Export the network as .safetensors or .wbp.",
    )


def _write_groups(
    model: onnx.ModelProto, file: OnnxFile, node: Node, new: Numbers
) -> None:
    if new.groups is None or new.groups == node.attrs.get("groups", 1):
        return
    for attribute in model.graph.node[file.origins[node.id]].attribute:
        if attribute.name in GROUPS:
            attribute.i = new.groups
            return
    raise _no_place(node, "groups")


class _Writer:
    """Puts arrays into a model's constants."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model, self._graph = model, model.graph
        self._readers: dict[str, set[tuple[int, int]]] = defaultdict(set)
        self._inner = {one.name for one in model.graph.output}
        for number, node in enumerate(model.graph.node):
            for place, name in enumerate(node.input):
                self._readers[name].add((number, place))
            for attribute in node.attribute:
                for inner in (attribute.g, *attribute.graphs):
                    self._inner.update(n for one in inner.node for n in one.input)
        self._names = set(self._readers) | {
            name for node in model.graph.node for name in node.output
        }

    def write(self, wanted: Mapping[tuple[int, int], Array]) -> None:
        """Write what inputs of nodes must hold."""
        by_name: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for where in wanted:
            by_name[self._graph.node[where[0]].input[where[1]]].append(where)
        for name, places_ in by_name.items():
            first = wanted[places_[0]]
            alone = self._readers[name] == set(places_) and name not in self._inner
            same = all(
                wanted[one].shape == first.shape and np.array_equal(wanted[one], first)
                for one in places_
            )
            if alone and same and self._replaced(name, first):
                continue
            for where in places_:
                self._redirect(where, name, wanted[where])

    def _replaced(self, name: str, array: Array) -> bool:
        """Write an array in the place of a constant, if it is one by itself."""
        for tensor in self._graph.initializer:
            if tensor.name == name:
                tensor.CopyFrom(numpy_helper.from_array(array, name))
                self._resize(name, array.shape)
                return True
        for number, sparse in enumerate(self._graph.sparse_initializer):
            if sparse.values.name == name:
                del self._graph.sparse_initializer[number]
                self._graph.initializer.append(numpy_helper.from_array(array, name))
                self._resize(name, array.shape)
                return True
        for number, node in enumerate(self._graph.node):
            if list(node.output) != [name]:
                continue
            if node.op_type in PASSING:
                return self._passed_on(number, node.input[0], array)
            if node.op_type == "Constant":
                made = helper.make_attribute(
                    "value", numpy_helper.from_array(array, name)
                )
                del node.attribute[:]
                node.attribute.append(made)
                return True
        return False

    def _passed_on(self, reader: int, name: str, array: Array) -> bool:
        """Write an array where a node reads it that changes its type at most."""
        if self._readers[name] != {(reader, 0)} or name in self._inner:
            return False
        for tensor in self._graph.initializer:
            if tensor.name == name:
                kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
                # Numbers that the type cannot hold get a wider constant.
                if not np.array_equal(array.astype(kind).astype(array.dtype), array):
                    return False
                return self._replaced(name, array.astype(kind))
        return self._replaced(name, array)

    def _resize(self, name: str, shape: tuple[int, ...]) -> None:
        """Correct the sizes of a weight that the file lists as an input too."""
        for one in self._graph.input:
            if one.name == name:
                kind = one.type.tensor_type
                made = helper.make_tensor_value_info(name, kind.elem_type, shape)
                one.CopyFrom(made)

    def _redirect(self, where: tuple[int, int], name: str, array: Array) -> None:
        """Let one input read a constant of its own."""
        fresh, count = f"{name}_pruned", 1
        while fresh in self._names:
            count += 1
            fresh = f"{name}_pruned{count}"
        self._names.add(fresh)
        self._graph.node[where[0]].input[where[1]] = fresh
        _add_constant(self._model, fresh, array)

    def drop_unread(self) -> None:
        """Remove constants, and what only made them, that nobody reads any more."""
        while True:
            read = {name for node in self._graph.node for name in node.input}
            read |= self._inner
            idle = [
                number
                for number, node in enumerate(self._graph.node)
                if self._was_read(node) and read.isdisjoint(node.output)
            ]
            if not idle:
                break
            for number in reversed(idle):
                del self._graph.node[number]
        graph = self._graph
        named = [
            (graph.initializer, [one.name for one in graph.initializer]),
            (
                graph.sparse_initializer,
                [one.values.name for one in graph.sparse_initializer],
            ),
        ]
        gone = {n for _, names in named for n in names if n in self._readers} - read
        # Old files list weights as inputs, too.
        named.append((graph.input, [one.name for one in graph.input]))
        for listed, names in named:
            for number in reversed(range(len(names))):
                if names[number] in gone:
                    del listed[number]

    def _was_read(self, node: onnx.NodeProto) -> bool:
        return any(name in self._readers for name in node.output)


def _add_constant(model: onnx.ModelProto, name: str, array: Array) -> None:
    """Add an initialiser; old versions of the format list it as an input too."""
    tensor = numpy_helper.from_array(array, name)
    model.graph.initializer.append(tensor)
    if model.ir_version < LISTED_BEFORE:
        info = helper.make_tensor_value_info(name, tensor.data_type, array.shape)
        model.graph.input.append(info)


def _forget_sizes(model: onnx.ModelProto, file: OnnxFile) -> None:
    """Take sizes that are no longer true out of a model whose channels were cut."""
    del model.graph.value_info[:]
    for node in model.graph.node:
        if node.op_type != "Reshape" or node.domain not in DOMAINS:
            continue
        before, after = (file.shapes.get(n) for n in (node.input[0], node.output[0]))
        sizes = file.constants.get(node.input[1])
        if before and after and sizes is not None and sizes.size == len(after):
            _free(model, node, before, after)


def _free(
    model: onnx.ModelProto,
    node: onnx.NodeProto,
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> None:
    """Let a reshape take sizes from its input where they depend on it."""
    axes = traced_axes(before, after)
    copied = [
        (axis.start, axis.stop, axis.divisor) == (i, i + 1, 1)
        for i, axis in enumerate(axes)
    ]
    moved = [i for i, axis in enumerate(axes) if not (axis.fixed or copied[i])]
    if len(moved) > 1:
        # Pixels stay: only channels, the axis behind the batch, were cut out.
        moved = [i for i in moved if axes[i].start <= 1 < axes[i].stop]
    sizes = [
        0 if copied[i] else -1 if i in moved[:1] else after[i] for i in range(len(axes))
    ]
    name = f"{node.output[0]}_sizes"
    _add_constant(model, name, np.array(sizes, np.int64))
    node.input[1] = name
    # A zero is an axis that is copied, as tensors have no axis of no elements.
    for number, attribute in enumerate(node.attribute):
        if attribute.name == "allowzero":
            del node.attribute[number]
            break
