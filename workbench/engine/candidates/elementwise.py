"""Elementwise and moving operations: add, mul, activations, copies."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Shapes,
    activation_of,
)
from workbench.engine.graph.fields import act_of
from workbench.engine.graph.graph import Node
from workbench.engine.graph.ops import ACTIVATIONS
from workbench.engine.layout.vectors import Walk, make_vectors
from workbench.kernels import (
    Activation,
    Placement,
    Step,
    activation,
    add,
    convert,
    depthwise,
    mul,
)

MODEL_FLOATS_PER_MS = 4e6
"""Elements that a pass over memory handles in a millisecond."""


class _Copying(Candidate):
    """What all of them share: any layout in, any layout out."""

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return elements over the usual rate."""
        return prod(node.shape) / MODEL_FLOATS_PER_MS


class Binary(_Copying):
    """Sum or product of two tensors, or of a tensor and one value a channel."""

    name = "elementwise"
    ops = ("add", "mul")

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the node."""
        left, right = (operand.geometry for operand in binding.inputs)
        combine = add if node.op == "add" else mul
        out = binding.output.geometry
        return (combine(a=left, b=right, out=out, act=activation_of(node)),)


class Unary(_Copying):
    """An activation that could not be fused."""

    name = "activation"
    ops = tuple(ACTIVATIONS)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the node."""
        act = Activation.of(*act_of(node.op, node.attrs))
        source, target = binding.inputs[0].geometry, binding.output.geometry
        return (activation(geometry_in=source, geometry_out=target, act=act),)


class Flatten(_Copying):
    """Pixels of every channel as contiguous features."""

    name = "flatten"
    ops = ("flatten", "reshape")

    def targets(self, node: Node, form: Form) -> tuple[str, ...]:
        """Return contiguous features."""
        return ("tight",)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return a copy into a tight (C, H, W) tensor, read as features."""
        source = binding.inputs[0].geometry
        target = replace(
            binding.output.geometry,
            channels=source.channels,
            height=source.height,
            width=source.width,
            channel_stride=source.height * source.width,
            row_stride=source.width,
        )
        return (convert(geometry_in=source, geometry_out=target),)


class ChannelShuffle(_Copying):
    """Channel i of group g goes to i * groups + g: one strided copy a group."""

    name = "shuffle"
    ops = ("channel_shuffle",)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return one copy a group."""
        groups: int = node.attrs["groups"]
        each = node.shape[0] // groups
        source, target = binding.inputs[0].geometry, binding.output.geometry
        return tuple(
            convert(
                geometry_in=replace(
                    source,
                    channels=each,
                    base=source.base + group * each * source.channel_stride,
                ),
                geometry_out=replace(
                    target,
                    channels=each,
                    channel_stride=target.channel_stride * groups,
                    base=target.base + group * target.channel_stride,
                ),
            )
            for group in range(groups)
        )


class Upsample(_Copying):
    """Nearest neighbour: a 1x1 depthwise copy whose vectors repeat pixels."""

    name = "upsample"
    ops = ("upsample_nearest",)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the node."""
        source, target = binding.inputs[0], binding.output
        channels, height, width = node.shape
        scale_y, scale_x = node.attrs["scale"]
        walk = Walk(height, width, repeat=(scale_y, scale_x))
        step = depthwise(
            weights=np.ones((channels, 1), np.float32),
            offsets=np.zeros(1, np.int32),
            in_cs=source.layout.channel_stride,
            bias=np.zeros(channels, np.float32),
            place=Placement(
                make_vectors(source.layout, target.layout, walk),
                source.start,
                target.start,
                target.layout.channel_stride,
                arena_floats=binding.arena_floats,
            ),
        )
        return (step,)
