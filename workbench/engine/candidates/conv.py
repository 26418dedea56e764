"""What the convolution candidates share: forms, vector tables, operands.

Belongs here: geometry common to sparse, dense and depthwise convolution. Does
not belong here: any choice of a kernel.
"""

from typing import Any

from workbench.engine.candidates.base import (
    Binding,
    Form,
    activation_of,
    window_of,
)
from workbench.engine.graph.graph import Node
from workbench.engine.graph.weights import count_nonzero, find_nonzeros, held_shape
from workbench.engine.layout.layout import Layout, Pad
from workbench.engine.layout.offsets import I64, Window, compress_rows, tap_offsets
from workbench.engine.layout.vectors import Walk, make_vectors
from workbench.kernels import LANES, Frame, Placement
from workbench.kernels.values.frames import SIZES as FRAMED_SIZES

SPLIT_STRIDE = 2
"""The stride that phase-split copies exist for; others read lane by lane."""

FRAMED_DENSITY = 0.5
"""Depthwise filters with fewer weights than this may run faster on sparse kernels."""

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


def is_framed(node: Node, shape: tuple[int, ...]) -> bool:
    """Say whether a convolution adds its padding itself and needs none in memory.

    The depthwise kernel does, for the usual windows, unless it reads split phases.
    Filters that are mostly zeros keep the choice of kernels that skip them.
    """
    if node.op != "conv2d" or not is_depthwise(node):
        return False
    if count_nonzero(node) < FRAMED_DENSITY * node.params["weight"].size:
        return False
    window = window_of(node, shape)
    size, stride = window.kernel[0], window.stride[0]
    last = (window.out[0] - 1) * stride - window.top + size
    return (
        window.kernel == (size, size)
        and size in FRAMED_SIZES
        and window.stride == (stride, stride)
        and stride in (1, SPLIT_STRIDE)
        and window.dilation == (1, 1)
        and 0 <= window.top <= size // 2
        and 0 <= window.left <= size // 2
        and last <= window.size[0] + size // 2
    )


def pad_of(node: Node, shape: tuple[int, ...], split: int) -> Pad:
    """Return the zeros that a node needs around its first input in memory."""
    if node.op not in ("conv2d", "palette_conv2d"):
        return Pad()
    if split == 1 and is_framed(node, shape):
        return Pad()
    return window_of(node, shape).pad(split)


def place_conv(
    node: Node, binding: Binding, *, paced: bool = False
) -> tuple[Placement, I64]:
    """Return where a convolution reads and writes, and the offsets of its taps.

    The offsets, in floats, have the shape (C, KH, KW): every tap of every input
    channel.

    Parameters
    ----------
    node : Node
        A ``conv2d``; a second input is the residual, stored like the output.
    binding : Binding
        Where its tensors are.
    paced : bool
        Whether the kernel reads every second pixel of an image itself.
    """
    source, target = binding.inputs[0], binding.output
    channels = held_shape(node)[1] * node.attrs.get("groups", 1)
    shape = (channels, source.layout.height, source.layout.width)
    window = window_of(node, shape)
    split = source.layout.split
    step = (window.stride[0] // split, window.stride[1] // split)
    skips = paced and step[1] == SPLIT_STRIDE and source.layout.kind != "strips"
    pace = SPLIT_STRIDE if skips else 1
    framed = split == 1 and is_framed(node, shape)
    taps = window.taps(1) // split
    walk = Walk(
        node.shape[1],
        node.shape[2],
        step,
        pace=pace,
        whole_rows=framed,
        columns=(int(taps.min()), int(taps.max())),
    )
    residual = binding.inputs[1].start if len(binding.inputs) > 1 else None
    place = Placement(
        make_vectors(source.layout, target.layout, walk),
        source.start,
        target.start,
        target.layout.channel_stride,
        activation_of(node),
        residual,
        arena_floats=binding.arena_floats,
        frame=_frame(window, source.layout) if framed else None,
    )
    return place, tap_offsets(window, source.layout, channels)


def _frame(window: Window, source: Layout) -> Frame:
    return Frame(
        height=window.size[0],
        width=window.size[1],
        top=window.top,
        left=window.left,
        kernel=window.kernel[0],
        stride=window.stride[0],
        columns=-(-window.out[1] // LANES),
        pitch=source.row_stride,
    )


def sparse_arguments(node: Node, place: Placement, offsets: I64) -> dict[str, Any]:
    """Return what every kernel of (value, offset) pairs is given for a node."""
    groups = node.attrs.get("groups", 1)
    rows = compress_rows(find_nonzeros(node), node.shape[0], offsets, groups)
    return {
        "indptr": rows.indptr,
        "offsets": rows.offsets,
        "values": rows.values,
        "bias": node.params["bias"],
        "place": place,
    }


def is_depthwise(node: Node) -> bool:
    """Say whether every group has one input and one output channel."""
    shape = held_shape(node)
    groups: int = node.attrs.get("groups", 1)
    return groups > 1 and shape[1] == 1 and shape[0] == groups
