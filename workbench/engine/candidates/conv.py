"""What the convolution candidates share: forms, vector tables, operands.

Belongs here: geometry common to sparse, dense and depthwise convolution. Does
not belong here: any choice of a kernel.
"""

from dataclasses import dataclass
from typing import Any

from workbench.engine.candidates.base import (
    Binding,
    Form,
    activation_of,
    window_of,
)
from workbench.engine.graph import Node
from workbench.engine.pack import I64, compress_rows, tap_offsets
from workbench.engine.vectors import Walk, make_vectors
from workbench.engine.weights import find_nonzeros, held_shape
from workbench.kernels import LANES, Vectors

SPLIT_STRIDE = 2
"""The stride that phase-split copies exist for; others read lane by lane."""

MOST_IDLE = 0.15
"""Lanes that 1x1 layers may leave idle at the ends of image rows."""


def conv_forms(node: Node, shape: tuple[int, ...]) -> tuple[Form, ...]:
    """Return the input forms an offset-list convolution can read, best first."""
    window = window_of(node, shape)
    if window.pointwise:
        rows = (Form("rows"),) if _fills_lanes(shape[2]) else ()
        return (Form("strips"), Form("planes"), *rows)
    if window.stride == (1, 1):
        return (Form("planes"), Form("rows"))
    if window.stride == (SPLIT_STRIDE, SPLIT_STRIDE):
        return (Form("planes", SPLIT_STRIDE), Form("rows", SPLIT_STRIDE))
    return (Form("planes"), Form("rows"))


def _fills_lanes(width: int) -> bool:
    return 1 - width / (-(-width // LANES) * LANES) <= MOST_IDLE


def depthwise_forms(node: Node, shape: tuple[int, ...]) -> tuple[Form, ...]:
    """Return the input forms a depthwise convolution can read, best first.

    With stride 2 it reads every second pixel of the image as it is, too.
    """
    forms = conv_forms(node, shape)
    if forms[0].split == SPLIT_STRIDE:
        return (Form("rows"), Form("planes"), *forms)
    return forms


@dataclass(frozen=True, eq=False)
class ConvPlace:
    """Everything about memory that a convolution kernel is given.

    Parameters
    ----------
    vectors : Vectors
    offsets : numpy.ndarray of int64, shape (C, KH, KW)
        Float offset of every tap of every input channel.
    src, dst, residual : int
        Arena offsets; no residual is None.
    out_cs : int
        Floats between two channels of the output.
    """

    vectors: Vectors
    offsets: I64
    src: int
    dst: int
    out_cs: int
    residual: int | None


def place_conv(node: Node, binding: Binding) -> ConvPlace:
    """Return the vector table, tap offsets and pointers of a convolution.

    Parameters
    ----------
    node : Node
        A ``conv2d``; a second input is the residual, stored like the output.
    binding : Binding
        Where its tensors are.
    """
    source, target = binding.inputs[0], binding.output
    channels = held_shape(node)[1] * node.attrs.get("groups", 1)
    window = window_of(node, (channels, source.layout.height, source.layout.width))
    split = source.layout.split
    step = (window.stride[0] // split, window.stride[1] // split)
    paced = is_depthwise(node) and step[1] == SPLIT_STRIDE
    pace = SPLIT_STRIDE if paced and source.layout.kind != "strips" else 1
    walk = Walk(node.shape[1], node.shape[2], step, pace=pace)
    residual = binding.inputs[1].start if len(binding.inputs) > 1 else None
    return ConvPlace(
        make_vectors(source.layout, target.layout, walk),
        tap_offsets(window, source.layout, channels),
        source.start,
        target.start,
        target.layout.channel_stride,
        residual,
    )


def sparse_arguments(node: Node, binding: Binding, place: ConvPlace) -> dict[str, Any]:
    """Return what every kernel of (value, offset) pairs is given for a node."""
    groups = node.attrs.get("groups", 1)
    rows = compress_rows(find_nonzeros(node), node.shape[0], place.offsets, groups)
    return {
        "indptr": rows.indptr,
        "offsets": rows.offsets,
        "values": rows.values,
        "bias": node.params["bias"],
        "vectors": place.vectors,
        "src": place.src,
        "dst": place.dst,
        "out_cs": place.out_cs,
        "act": activation_of(node),
        "residual": place.residual,
        "arena_floats": binding.arena_floats,
    }


def is_depthwise(node: Node) -> bool:
    """Say whether every group has one input and one output channel."""
    shape = held_shape(node)
    groups: int = node.attrs.get("groups", 1)
    return groups > 1 and shape[1] == 1 and shape[0] == groups
