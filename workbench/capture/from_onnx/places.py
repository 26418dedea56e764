"""Where in an ONNX file the numbers of a graph's nodes lie, and in which form.

Belongs here: the way from a node's weights to an input of one of the file's nodes and
back. Does not belong here: changing files (`write_back`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from workbench.capture.from_onnx.onnx_file import OnnxFile
from workbench.engine.graph.graph import Node

Array = NDArray[Any]

STATISTICS = ("weight", "bias", "running_mean", "running_var")
"""Inputs 1 to 4 of a BatchNormalization, as torch calls them."""


@dataclass(frozen=True)
class Place:
    """An input of one of the file's nodes that holds a node's numbers.

    Parameters
    ----------
    node, input : int
        Number of the file's node, and which of its inputs.
    transposed : bool
        Whether the file has rows and columns exchanged.
    factor : float
        The graph's numbers are the file's times this.
    inverse : bool
        The graph's numbers are one over the file's.
    """

    node: int
    input: int
    transposed: bool = False
    factor: float = 1.0
    inverse: bool = False

    def read(self, held: Array) -> Array:
        """Return the file's array as the graph has it, but for axes of one element."""
        wide = held.T if self.transposed else held
        if self.inverse:
            with np.errstate(divide="ignore"):
                wide = 1 / np.asarray(wide, np.float64)
        if self.factor != 1:
            wide = wide * np.float32(self.factor)
        return np.asarray(wide, np.float32)

    def written(self, held: Array, old: tuple[int, ...], new: Array) -> Array | None:
        """Return what the file must hold for the graph to have other numbers.

        Entries that stay what they were stay bit for bit.

        Parameters
        ----------
        held : numpy.ndarray
            What the file holds.
        old : tuple of int
            Shape of the graph's array as it was read.
        new : numpy.ndarray
            The graph's numbers from now on; fewer along some axes, maybe.

        Returns
        -------
        numpy.ndarray or None
            In the file's shape and type; None where the form cannot hold them.
        """
        before = self.read(held)
        if before.size != prod(old):
            # One number for all: it can stand for others of one value only.
            return held if np.all(new == before) else None
        wide = held.T if self.transposed else held
        shape = _shape(wide.shape, old, new.shape)
        if shape is None:
            return None
        with np.errstate(divide="ignore"):
            values = np.asarray(new, np.float64) / self.factor
            values = (1 / values if self.inverse else values).reshape(shape)
        if new.shape == old:
            values = np.where(before == new.reshape(shape), wide, values)
        values = values.T if self.transposed else values
        return np.ascontiguousarray(values.astype(held.dtype))


def _shape(
    held: tuple[int, ...], old: tuple[int, ...], new: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return the file's shape once the graph's is another, or None."""
    if len(held) == len(old) and held == old:
        return new
    sizes = [n for n in old if n != 1]
    if [n for n in held if n != 1] != sizes or len(new) != len(old):
        return None
    left = iter([n for o, n in zip(old, new, strict=True) if o != 1])
    return tuple(next(left) if n != 1 else 1 for n in held)


def places(file: OnnxFile, node: Node) -> Mapping[str, Place]:
    """Return where the numbers of a graph's node lie, by their names.

    Batch norms are held as the file has them: weight, bias, running_mean and
    running_var.  What lies nowhere, or in a form that is not known, is absent.
    """
    if node.id not in file.origins or not node.params:
        return {}
    number, origin = file.origins[node.id], file.origin(node.id)
    finder = _FINDERS.get(origin.op_type, _operands)
    attrs = {one.name: helper.get_attribute_value(one) for one in origin.attribute}
    found = dict(finder(file, node, number, attrs))
    if set(found) == set(STATISTICS):
        return found
    return {
        name: place
        for name, place in found.items()
        if name in node.params and _agrees(file, node.params[name], place)
    }


def held(file: OnnxFile, place: Place) -> Array | None:
    """Return what the file holds at a place, None where it is computed or absent."""
    inputs = file.model.graph.node[place.node].input
    name = inputs[place.input] if place.input < len(inputs) else ""
    return np.asarray(file.constants[name]) if name in file.constants else None


def _agrees(file: OnnxFile, numbers: Array, place: Place) -> bool:
    """Say whether the file's numbers, read so, are the graph's."""
    array = held(file, place)
    if array is None:
        return False
    read = place.read(array)
    if read.size != numbers.size:
        return read.size == 1 and bool(np.all(numbers == read.reshape(())))
    return np.array_equal(read, numbers.reshape(read.shape))


Found = Iterator[tuple[str, Place]]
Finder = Callable[[OnnxFile, Node, int, Mapping[str, Any]], Found]


def _layer(file: OnnxFile, node: Node, number: int, attrs: Mapping[str, Any]) -> Found:
    yield "weight", Place(number, 1)
    yield "bias", Place(number, 2)


def _gemm(file: OnnxFile, node: Node, number: int, attrs: Mapping[str, Any]) -> Found:
    turned = not attrs.get("transB", 0)
    yield "weight", Place(number, 1, turned, float(attrs.get("alpha", 1.0)))
    yield "bias", Place(number, 2, factor=float(attrs.get("beta", 1.0)))


def _matmul(file: OnnxFile, node: Node, number: int, attrs: Mapping[str, Any]) -> Found:
    if "weight" in node.params:
        yield "weight", Place(number, 1, transposed=True)
    else:
        yield from _operands(file, node, number, attrs)


def _batch_norm(
    file: OnnxFile, node: Node, number: int, attrs: Mapping[str, Any]
) -> Found:
    found = [(name, Place(number, 1 + i)) for i, name in enumerate(STATISTICS)]
    if node.op == "batchnorm" and all(
        held(file, place) is not None for _, place in found
    ):
        yield from found


def _norm(file: OnnxFile, node: Node, number: int, attrs: Mapping[str, Any]) -> Found:
    yield "scale", Place(number, 1)
    yield "shift", Place(number, 2)


def _affine(negated: tuple[bool, bool], *, inverse: bool = False) -> Finder:
    """Return the finder of arithmetic with a constant on one side."""

    def find(
        file: OnnxFile, node: Node, number: int, attrs: Mapping[str, Any]
    ) -> Found:
        if node.op != "batchnorm":
            yield from _operands(file, node, number, attrs)
            return
        origin: onnx.NodeProto = file.model.graph.node[number]
        side = next((i for i in (0, 1) if origin.input[i] in file.constants), 1)
        name = "scale" if origin.op_type in ("Mul", "Div") else "shift"
        factor = -1.0 if negated[side] else 1.0
        yield name, Place(number, side, factor=factor, inverse=inverse)

    return find


def _operands(
    file: OnnxFile, node: Node, number: int, attrs: Mapping[str, Any]
) -> Found:
    """Yield constant operands, which stand where the file has them."""
    for name in node.params:
        if name == "slope":
            yield name, Place(number, 1)
        elif name[:1] == "c" and name[1:].isdigit():
            yield name, Place(number, int(name[1:]))


_FINDERS: Mapping[str, Finder] = {
    "Conv": _layer,
    "ConvTranspose": _layer,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _norm,
    "GroupNormalization": _norm,
    "InstanceNormalization": _norm,
    "Add": _affine((False, False)),
    "Sub": _affine((False, True)),
    "Mul": _affine((False, False)),
    "Div": _affine((False, False), inverse=True),
}
